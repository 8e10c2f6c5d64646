"""What is learned from of labelled tickets, as rows of numbers.

What may be learned from is decided here: words that several customers used, after what
could tell who they are was taken out. What is learned of them is found in ``fitting``.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from connector.errors import LearningUnavailable
from rules.folding import fold
from rules.judge import Gathered
from rules.learned import Model, Pair, evidence_of, grams_of, is_telling, words_of
from rules.masking import mask

#: Words and parts of words that fewer customers used are somebody's own.
CUSTOMERS = 5

#: The model stays small, and what few customers said goes first.
MOST_WORDS = 40_000
MOST_GRAMS = 40_000

#: How much the packs' evidence counts beside words, so that neither drowns the other.
PACKS_SHARE = 0.18
PARTS_SHARE = 0.4  # of a word

DIGITS = 4

#: What masking writes. Marks that were in the ticket are words, as when it is judged.
_MARK = re.compile(r"<(?:address|card|email|iban|id|name|num|phone|ref|secret)>")
_GONE = " 0 "  # no word, so that what stood around a mark is no pair
_LINK = re.compile(r"<link[^<>\n]{0,300}>")
_ANY_LINK = " https 0 "  # that it is one, as each begins


class Lesson(NamedTuple):
    """A ticket of which somebody said what it is; None and empty: nobody did."""

    subject: str
    text: str
    customer: str
    complaint: bool | None
    kind: str


class Sample(NamedTuple):
    """What is learned from of one ticket."""

    customer: str
    words: tuple[str, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[str, ...]
    evidence: dict[str, float]


def sample(customer: str, found: Gathered) -> Sample:
    """Take from a ticket what may be learned from it."""
    said = _LINK.sub(_ANY_LINK, _MARK.sub(_GONE, mask(found.said)))
    words = words_of(fold(said))
    return Sample(
        customer,
        tuple(dict.fromkeys(filter(is_telling, words))),
        tuple(
            dict.fromkeys(
                (one, other)
                for one, other in pairwise(words)
                if is_telling(one) and is_telling(other)
            )
        ),
        tuple(dict.fromkeys(name for _, name, _, _ in found.tally.reasons)),
        evidence_of(found.tally.weights, found.shouted),
    )


@dataclass(frozen=True)
class Features:
    """Samples as one sparse matrix: words and pairs, grams, groups, evidence."""

    matrix: Any
    words: dict[str, float]  # and how much each counts
    grams: dict[str, float]
    groups: tuple[str, ...]
    evidence: tuple[str, ...]

    @cached_property
    def without_packs(self) -> Any:
        """The same with nothing from the packs."""
        return self.matrix[:, : self.said]

    @property
    def said(self) -> int:
        """How many columns are of what customers said."""
        return len(self.words) + len(self.grams)

    def model(
        self,
        packs: str,
        outcomes: Sequence[str],
        last: Sequence[str],
        weights: Any,
        bias: Any,
    ) -> Model:
        """Turn a weight for each outcome and column into a model."""
        np, _ = numbers()
        columns = iter(np.array(weights).T.tolist())
        words = {
            name: _rounded([count, *(one * count for one in next(columns))])
            for name, count in self.words.items()
        }
        grams = {
            name: _rounded([count, *(one * count for one in next(columns))])
            for name, count in self.grams.items()
        }
        rest = [
            (name, _rounded([one * PACKS_SHARE for one in column]))
            for name, column in zip(
                (*self.groups, *self.evidence), columns, strict=False
            )
        ]
        groups, evidence = rest[: len(self.groups)], rest[len(self.groups) :]
        model = Model(
            version="",
            packs=packs,
            outcomes=tuple(outcomes),
            bias=_rounded(bias),
            words=words,
            grams=grams,
            groups=dict(groups),
            evidence=dict(evidence),
            last=tuple(last),
        )
        return replace(model, version=model.fingerprint())


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in values)


class _Columns:
    """A sparse matrix of yes and no, filled row by row; columns have names."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._columns = array("i")
        self._ends = array("q", [0])

    def add(self, names: Iterable[str]) -> None:
        known = self.names
        self._columns.extend([known.setdefault(one, len(known)) for one in names])
        self._ends.append(len(self._columns))

    def matrix(self) -> Any:
        np, sparse = numbers()
        ones = np.ones(len(self._columns), dtype=np.float32)
        shape = (len(self._ends) - 1, len(self.names))
        columns = np.frombuffer(self._columns, dtype=np.int32) if self._columns else []
        return sparse.csr_matrix((ones, columns, np.array(self._ends)), shape=shape)


class Sheet:
    """What is learned from, row by row; only each word once is kept as a word."""

    def __init__(self) -> None:
        self._customers, self._words, self._groups = (_Columns() for _ in range(3))
        self._pairs = array("q")
        self._pair_ends = array("q", [0])
        self._evidence = array("f")
        self._names: tuple[str, ...] = ()

    def add(self, one: Sample) -> None:
        self._customers.add([one.customer])
        self._words.add(one.words)
        self._groups.add(one.groups)
        known = self._words.names
        self._pairs.extend([known[a] << 32 | known[b] for a, b in one.pairs])
        self._pair_ends.append(len(self._pairs))
        self._names = tuple(one.evidence)
        self._evidence.extend(one.evidence.values())

    def features(self) -> Features:
        """Lay it out as numbers; each row depends on itself and on counts."""
        np, sparse = numbers()
        whose = self._customers.matrix().T.tocsr()
        said = self._words.matrix()
        pairs, pair_names = self._frequent_pairs()
        names, both = _common(
            whose,
            sparse.hstack([said, pairs], format="csr"),
            [*self._words.names, *pair_names],
            MOST_WORDS,
        )
        counts = _counts(both)
        parts = _parts(self._words.names)
        part_names, grams = _common_parts(whose, said, parts)
        part_counts = _counts(grams)
        lengths = parts.matrix()[:, [parts.names[one] for one in part_names]]
        evidence = np.array(self._evidence).reshape(-1, len(self._names))
        # Parts of words are many, and are to count as much as words.
        part_counts = (part_counts * PARTS_SHARE).round(DIGITS).astype(np.float32)
        long = both @ counts**2 + said @ (lengths @ part_counts**2)
        blocks = [
            _scaled(both, counts, long),
            _scaled(grams, part_counts, long),
            self._groups.matrix() * PACKS_SHARE,
            sparse.csr_matrix(evidence * PACKS_SHARE),
        ]
        return Features(
            sparse.hstack(blocks, format="csr", dtype=np.float32),
            dict(zip(names, counts.tolist(), strict=True)),
            dict(zip(part_names, part_counts.tolist(), strict=True)),
            tuple(self._groups.names),
            self._names,
        )

    def _frequent_pairs(self) -> tuple[Any, list[str]]:
        """Return pairs that may have enough customers: most are there only once."""
        np, sparse = numbers()
        keys, columns, counts = np.unique(
            np.array(self._pairs), return_inverse=True, return_counts=True
        )
        kept = counts >= CUSTOMERS
        stays = kept[columns]
        columns = (np.cumsum(kept) - 1)[columns][stays]
        ends = np.concatenate([[0], np.cumsum(stays)])[np.array(self._pair_ends)]
        ones = np.ones(len(columns), dtype=np.float32)
        shape = (len(self._pair_ends) - 1, int(kept.sum()))
        words = list(self._words.names)
        names = [
            f"{words[key >> 32]} {words[key & 0xFFFFFFFF]}"
            for key in keys[kept].tolist()
        ]
        return sparse.csr_matrix((ones, columns, ends), shape=shape), names


def _parts(words: Mapping[str, int]) -> _Columns:
    """Return which parts each word has, a row a word."""
    found = _Columns()
    for word in words:
        found.add(grams_of(word))
    return found


def _common(
    whose: Any, rows: Any, names: Sequence[str], most: int
) -> tuple[list[str], Any]:
    """Keep the columns that enough customers fill, those of most customers first."""
    used = (whose @ rows).tocsc().getnnz(axis=0)
    chosen = [place for place, count in enumerate(used) if count >= CUSTOMERS]
    chosen.sort(key=lambda place: (-used[place], names[place]))
    chosen = chosen[:most]
    return [names[place] for place in chosen], rows[:, chosen]


def _common_parts(whose: Any, said: Any, parts: _Columns) -> tuple[list[str], Any]:
    """Keep the parts of words that enough customers used.

    Only of those whose words were used most it is counted exactly: all together take
    more memory than all the rest.
    """
    np, _ = numbers()
    names = list(parts.names)
    used = np.asarray((whose @ said).tocsc().getnnz(axis=0)) @ parts.matrix()
    likely = sorted(range(len(names)), key=lambda place: (-used[place], names[place]))
    likely = [place for place in likely if used[place] >= CUSTOMERS][: 2 * MOST_GRAMS]
    grams = said @ parts.matrix()[:, likely]
    return _common(whose, grams, [names[place] for place in likely], MOST_GRAMS)


def _counts(rows: Any) -> Any:
    """Return how much a column counts: the rarer, the more."""
    np, _ = numbers()
    used = rows.tocsc().getnnz(axis=0)
    counts = np.log((1 + rows.shape[0]) / (1 + used)) + 1
    return counts.round(DIGITS - 1).astype(np.float32)


def _scaled(rows: Any, counts: Any, lengths: Any) -> Any:
    """Let each column count as it does, and each row be as long as any other."""
    np, _ = numbers()
    shares = (1 / np.sqrt(np.maximum(lengths, 1e-9))).astype(np.float32)
    rows.data *= counts[rows.indices]
    rows.data *= np.repeat(shares, np.diff(rows.indptr))
    return rows


def numbers() -> tuple[Any, Any]:
    try:
        import numpy
        from scipy import sparse
    except ImportError as err:
        raise LearningUnavailable from err
    return numpy, sparse
