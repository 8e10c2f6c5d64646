"""Fit a learned model to labelled tickets. The only place that needs scikit-learn.

What may be learned from is decided here: words that several customers used, after what
could tell who they are was taken out. What the figures have to be is in ``learning``.
"""

from __future__ import annotations

import re
import warnings
from array import array
from collections import Counter
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

#: Less is more cautious.
BOLDNESS = 3.0
BOLDNESS_OF_TYPES = 0.2
#: What makes margins odds: with it they were surest and right.
SHARPNESS = 0.8
SHARPNESS_OF_TYPES = 2.2
#: How much what is counted adds to what was fitted, and what a word that none of a
#: label said counts for it.
COUNTED = 0.3
UNHEARD = 0.3
ROUNDS = 300
DIGITS = 4

_MARK = re.compile(r"<[^<>\n]{1,80}>")
_GONE = " 0 "  # no word, so that what stood around a mark is no pair


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
    words = words_of(fold(_MARK.sub(_GONE, mask(found.said))))
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
        np, _ = _numbers()
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
        np, sparse = _numbers()
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
        np, sparse = _numbers()
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
        np, sparse = _numbers()
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
    np, _ = _numbers()
    names = list(parts.names)
    used = np.asarray((whose @ said).tocsc().getnnz(axis=0)) @ parts.matrix()
    likely = sorted(range(len(names)), key=lambda place: (-used[place], names[place]))
    likely = [place for place in likely if used[place] >= CUSTOMERS][: 2 * MOST_GRAMS]
    grams = said @ parts.matrix()[:, likely]
    return _common(whose, grams, [names[place] for place in likely], MOST_GRAMS)


def _counts(rows: Any) -> Any:
    """Return how much a column counts: the rarer, the more."""
    np, _ = _numbers()
    used = rows.tocsc().getnnz(axis=0)
    counts = np.log((1 + rows.shape[0]) / (1 + used)) + 1
    return counts.round(DIGITS - 1).astype(np.float32)


def _scaled(rows: Any, counts: Any, lengths: Any) -> Any:
    """Let each column count as it does, and each row be as long as any other."""
    np, _ = _numbers()
    shares = (1 / np.sqrt(np.maximum(lengths, 1e-9))).astype(np.float32)
    rows.data *= counts[rows.indices]
    rows.data *= np.repeat(shares, np.diff(rows.indptr))
    return rows


def fit(matrix: Any, labels: Sequence[Any], said: int) -> tuple[Any, Any]:
    """Return weights and biases: one row if labels are yes and no, else one a label.

    The first ``said`` columns are what customers said. These are also counted, as naive
    Bayes does: it is wrong about other texts than what looks for the best weights.
    """
    np, _ = _numbers()
    learner = _learner()
    is_either = isinstance(labels[0], bool)
    machine = _either(learner, labels) if is_either else _one_of(learner)
    counting = learner.bayes.ComplementNB(alpha=UNHEARD)
    words = matrix[:, :said]
    # One thread: these sums are small, and come out alike in the same order only.
    with learner.threads.threadpool_limits(1), warnings.catch_warnings():
        # Good enough is good enough: the figures say whether it is.
        warnings.simplefilter("ignore", learner.problems.ConvergenceWarning)
        machine.fit(matrix, labels)
        counting.fit(words, labels)
    weights, bias, counted = machine.coef_, machine.intercept_, _centred(counting)
    if is_either:
        counted = counted[1:] - counted[:1]
        sums, truth = words @ counted[0], np.array(labels)
        # What is half way between both labels speaks for neither.
        bias = bias - COUNTED * (sums[truth].mean() + sums[~truth].mean()) / 2
    elif len(bias) == 1:
        weights = np.vstack([-weights, weights]) / 2
        bias = np.concatenate([-bias, bias]) / 2
    weights[:, :said] += COUNTED * counted
    sharpness = SHARPNESS if is_either else SHARPNESS_OF_TYPES
    return weights * sharpness, bias * sharpness


def _centred(counting: Any) -> Any:
    """Return how much more each column speaks for a label than for all on average."""
    counted = counting.feature_log_prob_
    return counted - counted.mean(axis=0)


def _either(learner: _Learner, labels: Sequence[bool]) -> Any:
    """Complaints are rare or frequent, which is half believed."""
    counts = Counter(labels)
    rarity = {label: (len(labels) / count) ** 0.5 for label, count in counts.items()}
    even = sum(rarity[label] for label in labels) / len(labels)
    return learner.linear.LogisticRegression(
        C=BOLDNESS,
        class_weight={label: one / even for label, one in rarity.items()},
        max_iter=ROUNDS,
    )


def _one_of(learner: _Learner) -> Any:
    """Types count alike, and each is told from all others: few have many tickets, and
    a regression over all of them gives the frequent ones their way."""
    return learner.margins.LinearSVC(
        C=BOLDNESS_OF_TYPES, class_weight="balanced", random_state=0
    )


def folds(labels: Sequence[Any], parts: int) -> list[tuple[Any, Any]]:
    """Divide rows into parts of like labels: what is fitted to, and what is judged."""
    np, _ = _numbers()
    split = _learner().choosing.StratifiedKFold(parts, shuffle=True, random_state=0)
    return list(split.split(np.zeros(len(labels)), labels))


def _numbers() -> tuple[Any, Any]:
    try:
        import numpy
        from scipy import sparse
    except ImportError as err:
        raise LearningUnavailable from err
    return numpy, sparse


class _Learner(NamedTuple):
    linear: Any
    margins: Any
    bayes: Any
    problems: Any
    choosing: Any
    threads: Any


def _learner() -> _Learner:
    try:
        import threadpoolctl
        from sklearn import (
            exceptions,
            linear_model,
            model_selection,
            naive_bayes,
            svm,
        )
    except ImportError as err:
        raise LearningUnavailable from err
    return _Learner(
        linear_model, svm, naive_bayes, exceptions, model_selection, threadpoolctl
    )
