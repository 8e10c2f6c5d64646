"""Apply what was learned from a company's own tickets: words with weights, added up.

Pure, and without any library: how weights are found is in ``connector.learning``. A
model is a linear one over words, pairs of words, parts of words, and what the packs
found. What a word weighs depends on that word alone, so that evidence stays words.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from heapq import nlargest
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from rules.sums import LARGEST, ONE, Apart, beside
from rules.verdict import ENOUGH, STEEPNESS, TYPES, heard

FORMAT = 2
COMPLAINT = "complaint"
VAGUE = "insufficient_information"
GRAMS = range(3, 6)  # characters
LONGEST_WORD = 40
TOLD = 3  # words named
_REMEMBERED = 20_000  # words that were looked up

#: What packs say of a text as a whole, kept within bounds that few texts exceed.
EVIDENCE = (COMPLAINT, "emotion", "praise", "urgent", "relaxed", *TYPES)
SHOUTED = "shouted"
_LEAST, _MOST = -2.0, 3.0
_FINE = 1 << 12  # parts of one that its size is counted in

#: What a type weighs that is certain: more than the packs say of most.
_CERTAIN = 3.0
_AFTER = 0.9
#: What surely is no complaint has no type either; this is a score of 0.05.
_POSSIBLE = ENOUGH + math.log(0.05 / 0.95) / STEEPNESS

#: Signs that say something are words; and dots, if there are several.
_WORD = re.compile(r"\w+(?:'\w+)?|[☺☹!?]|\.{2,}")
_DIGIT = re.compile(r"\d")

Weights = tuple[float, ...]
Pair = tuple[str, str]


class Share(NamedTuple):
    """What words add to the sums over a text."""

    row: int  #: weights of all outcomes, and the length squared, side by side
    spoke: float  #: weight of the first outcome, which words are told of


class Evidence(Protocol):
    """What packs gathered about a text, as far as it is read and changed here."""

    weights: dict[str, float]
    reasons: list[tuple[float, str, str, float]]
    bare: bool
    topical: bool

    def add(self, effect: str, weight: float) -> None: ...

    def explain(self, name: str, words: str, moved: Mapping[str, float]) -> None: ...


class BadModel(ValueError):
    """A model that cannot be used; the message says why."""


def words_of(folded: str) -> list[str]:
    """Return the words of a text in the order they stand."""
    return _WORD.findall(folded)


def is_telling(word: str) -> bool:
    """Tell whether a word may be learned from: no number is, nor what holds one."""
    return len(word) <= LONGEST_WORD and not _DIGIT.search(word)


def grams_of(word: str) -> list[str]:
    """Return the parts of a word, each once; ``<`` begins it and ``>`` ends it."""
    marked = f"<{word}>"
    parts = (
        marked[start : start + size]
        for size in GRAMS
        for start in range(len(marked) - size + 1)
    )
    return list(dict.fromkeys(parts))


def evidence_of(weights: Mapping[str, float], shouted: float) -> dict[str, float]:
    """Return what packs say of a text as a whole, as models see it."""
    found = {name: weights.get(name, 0.0) for name in EVIDENCE} | {SHOUTED: shouted}
    return {name: min(_MOST, max(_LEAST, value)) for name, value in found.items()}


@dataclass(frozen=True)
class Model:
    """Weights for each of ``outcomes``: that it is a complaint, and types of one.

    Of words and grams, the first number is how much they count in the length of a text,
    and the others are weights, one an outcome. Safe to share between threads.
    """

    version: str
    packs: str  #: version of the packs whose evidence it was fitted to
    outcomes: tuple[str, ...]
    bias: Weights
    words: Mapping[str, Weights]
    grams: Mapping[str, Weights]
    groups: Mapping[str, Weights]
    evidence: Mapping[str, Weights]
    last: tuple[str, ...]  #: types that hardly any labelled complaint has

    def weigh(self, tally: Evidence, folded: str, shouted: float) -> None:
        """Add to the evidence of a text what was learned about its words."""
        reading = Reading(self, tally, folded, shouted)
        loud = heard(shouted)
        if self._judges:
            wanted = ENOUGH + reading.totals[0] / STEEPNESS - loud
            tally.add(COMPLAINT, wanted - tally.weights[COMPLAINT])
            for weight, words in reading.deciding():
                tally.explain("learned", words, {COMPLAINT: weight / STEEPNESS})
        if self._types and tally.weights[COMPLAINT] + loud >= _POSSIBLE:
            self._weigh_types(tally, reading)

    def _weigh_types(self, tally: Evidence, reading: Reading) -> None:
        """Say which types it is. Types that were too rare to learn stay as they are,
        but for those that people hardly ever gave, which come after the others."""
        totals = {name: reading.totals[place] for place, name in self._types}
        most = max(totals.values())
        odds = {name: math.exp(total - most) for name, total in totals.items()}
        whole = sum(odds.values())
        for name, one in odds.items():
            tally.add(name, _CERTAIN * one / whole - tally.weights[name])
        first = _CERTAIN * max(odds.values()) / whole
        for name in self.last:
            tally.add(name, min(0.0, _AFTER * first - tally.weights[name]))
        tally.bare = totals.get(VAGUE) == most
        tally.topical = True

    @cached_property
    def _judges(self) -> bool:
        return self.outcomes[:1] == (COMPLAINT,)

    @cached_property
    def _types(self) -> list[tuple[int, str]]:
        places = enumerate(self.outcomes)
        return [(place, name) for place, name in places if name != COMPLAINT]

    @cached_property
    def shares(self) -> Mapping[str, Share]:
        """What each word adds, with its parts."""
        return _Shares(self)

    @cached_property
    def pairs(self) -> dict[Pair, Share]:
        """What one word after another adds."""
        split = ((words.split(" "), row) for words, row in self.words.items())
        return {
            (both[0], both[1]): self._share([row])
            for both, row in split
            if len(both) == 2
        }

    @cached_property
    def of_packs(self) -> tuple[dict[str, int], dict[str, int]]:
        """What groups and evidence add."""
        groups = {name: beside(row) for name, row in self.groups.items()}
        return groups, {name: beside(row) for name, row in self.evidence.items()}

    @cached_property
    def apart(self) -> tuple[Apart, Apart]:
        """How sums are taken apart: those of words, with their length, and others."""
        count = len(self.outcomes)
        return Apart(count + 1), Apart(count)

    def look_up(self, word: str) -> Share:
        """Work out what a word adds."""
        if not is_telling(word):
            return self._share([])
        own = [self.words[one] for one in (word,) if one in self.words]
        parts = [self.grams[part] for part in grams_of(word) if part in self.grams]
        return self._share([*own, *parts])

    def _share(self, rows: Sequence[Weights]) -> Share:
        _, *weights = map(sum, zip(*rows, strict=True)) if rows else [0.0, 0.0]
        length = sum(row[0] ** 2 for row in rows)
        return Share(beside([*weights, length]) if rows else 0, weights[0])

    def to_json(self) -> str:
        """Write the model down; ``read`` reads it."""
        return json.dumps(self._plain())

    def _plain(self) -> dict[str, Any]:
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        return plain | {"format": FORMAT}

    def fingerprint(self) -> str:
        """Return the version that a model with these weights has."""
        plain = json.dumps(self._plain() | {"version": ""}, sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()[:12]


class Reading:
    """The sums over one text. It is in the way of every ticket, so loops are few."""

    def __init__(
        self, model: Model, tally: Evidence, folded: str, shouted: float
    ) -> None:
        words, pairs = words_of(folded), model.pairs
        self._words = list(dict.fromkeys(words))
        found = [pair for pair in pairwise(words) if pair in pairs]
        self._pairs = list(dict.fromkeys(found))
        rows = list(map(model.shares.__getitem__, self._words))
        rows += [pairs[pair] for pair in self._pairs]
        together: Sequence[int] = ()
        self._spoke: Sequence[float] = ()
        if rows:
            together, self._spoke = zip(*rows, strict=True)
        groups, evidence = model.of_packs
        said = [reason for reason in tally.reasons if reason[1] in groups]
        self._groups = {name: words for _, name, words, _ in said}
        of_packs = sum([groups[name] for name in self._groups]) * _FINE
        for name, value in (*tally.weights.items(), (SHOUTED, shouted)):
            if value and name in evidence:
                of_packs += evidence[name] * int(min(_MOST, max(_LEAST, value)) * _FINE)
        apart, others_apart = model.apart
        *sums, length = apart(sum(together))
        # As long as any other text, whatever its length.
        self._share = 1 / math.sqrt(length / ONE) if length > 0 else 0.0
        by_words, by_packs = self._share / ONE, 1 / (ONE * _FINE)
        self.totals = [
            bias + one * by_words + other * by_packs
            for bias, one, other in zip(
                model.bias, sums, others_apart(of_packs), strict=True
            )
        ]
        self._model = model

    def deciding(self) -> list[tuple[float, str]]:
        """Return the words that spoke most for the first outcome or against it."""
        share, groups = self._share, self._model.groups
        moved = [weight * share for weight in self._spoke]
        moved += [groups[name][0] for name in self._groups]
        sizes = list(map(abs, moved))
        # Two that weigh the same are told once.
        told = dict.fromkeys(sizes.index(size) for size in nlargest(TOLD, sizes))
        return [(moved[at], self._named(at)) for at in told if moved[at]]

    def _named(self, at: int) -> str:
        """Return the words, the pair or the words of a group at a place."""
        if at < len(self._words):
            return self._words[at]
        named = [*map(" ".join, self._pairs), *self._groups.values()]
        return named[at - len(self._words)]


class _Shares(dict[str, Share]):
    """Languages repeat themselves: most words of a ticket were looked up before."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model

    def __missing__(self, word: str) -> Share:
        share = self._model.look_up(word)
        if len(self) >= _REMEMBERED:
            self.clear()
        if len(word) <= LONGEST_WORD:
            self[word] = share
        return share


def read(text: str) -> Model:
    """Read a model that ``Model.to_json`` wrote; raise ``BadModel`` if it is none."""
    try:
        plain = json.loads(text)
        if plain["format"] != FORMAT:
            raise BadModel(f"its format is {plain['format']!r}, expected {FORMAT}")
        model = Model(
            version=plain["version"],
            packs=plain["packs"],
            outcomes=tuple(plain["outcomes"]),
            bias=tuple(plain["bias"]),
            words=_weights(plain["words"]),
            grams=_weights(plain["grams"]),
            groups=_weights(plain["groups"]),
            evidence=_weights(plain["evidence"]),
            last=tuple(plain["last"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        if isinstance(err, BadModel):
            raise
        raise BadModel("it is not what learn writes") from err
    if model.fingerprint() != model.version:
        raise BadModel("it was changed after it was written: its version does not fit")
    return model


def _weights(plain: Mapping[str, Sequence[float]]) -> dict[str, Weights]:
    found = {name: tuple(row) for name, row in plain.items()}
    if not all(abs(one) <= LARGEST for row in found.values() for one in row):
        raise BadModel("it weighs a word more than learn would")
    return found
