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
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Protocol

from rules.verdict import ENOUGH, STEEPNESS, TYPES, heard

FORMAT = 1
COMPLAINT = "complaint"
VAGUE = "insufficient_information"
GRAMS = range(3, 6)  # characters
LONGEST_WORD = 40
TOLD = 3  # words named

#: What packs say of a text as a whole, kept within bounds that few texts exceed.
EVIDENCE = (COMPLAINT, "emotion", "praise", "urgent", "relaxed", *TYPES)
SHOUTED = "shouted"
_LEAST, _MOST = -2.0, 3.0

#: What a type weighs that is certain: more than the packs say of most.
_CERTAIN = 3.0
_AFTER = 0.9

_WORD = re.compile(r"\w+(?:'\w+)?|[☺☹!?]")
_DIGIT = re.compile(r"\d")

Weights = tuple[float, ...]
Pair = tuple[str, str]


class Evidence(Protocol):
    """What packs gathered about a text, as far as it is read and changed here."""

    weights: dict[str, float]
    reasons: list[tuple[float, str, str, float]]
    bare: bool

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
        if COMPLAINT in self.outcomes:
            place = self.outcomes.index(COMPLAINT)
            wanted = ENOUGH + reading.totals[place] / STEEPNESS - heard(shouted)
            tally.add(COMPLAINT, wanted - tally.weights[COMPLAINT])
            for weight, words in reading.deciding(place):
                tally.explain("learned", words, {COMPLAINT: weight / STEEPNESS})
        if self._types and tally.weights[COMPLAINT] + heard(shouted) >= ENOUGH:
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

    @cached_property
    def _types(self) -> list[tuple[int, str]]:
        places = enumerate(self.outcomes)
        return [(place, name) for place, name in places if name != COMPLAINT]

    @cached_property
    def _nothing(self) -> Weights:
        return (0.0,) * len(self.outcomes)

    @cached_property
    def pairs(self) -> dict[Pair, Weights]:
        """What was learned about one word after another."""
        split = ((words.split(" "), found) for words, found in self.words.items())
        return {(both[0], both[1]): found for both, found in split if len(both) == 2}

    @cached_property
    def share(self) -> Any:
        """What a word adds; languages repeat themselves, so it is remembered.

        Its length squared, its weights, and the same of its parts, in one row that is
        quickly added up.
        """
        return lru_cache(maxsize=20_000)(self._share)

    def _share(self, word: str) -> Weights:
        if not is_telling(word):
            return (0.0, *self._nothing, 0.0, *self._nothing)
        length, *weights = self.words.get(word, (0.0, *self._nothing))
        parts = [self.grams[part] for part in grams_of(word) if part in self.grams]
        added = tuple(map(sum, zip(*parts, strict=True)))[1:] or self._nothing
        parts_length = sum(one[0] ** 2 for one in parts)
        return (length**2, *weights, parts_length, *added)

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
        words = words_of(folded)
        self._words = list(dict.fromkeys(words))
        self._shares: list[Weights] = list(map(model.share, self._words))
        found = model.pairs
        # In order, or the last digit of a sum would be another in another process.
        self._pairs = sorted(found.keys() & set(pairwise(words)))
        self._of_pairs = [found[pair] for pair in self._pairs]
        size = self._size = 1 + len(model.outcomes)
        sums = list(map(sum, zip(*self._shares, strict=True))) or [0.0] * 2 * size
        length = sums[0] + sum(one[0] ** 2 for one in self._of_pairs)
        self._by_words = 1 / math.sqrt(length) if length else 0.0
        self._by_parts = 1 / math.sqrt(sums[size]) if sums[size] else 0.0
        self.totals = [
            bias + words * self._by_words + parts * self._by_parts
            for bias, words, parts in zip(
                model.bias, sums[1:size], sums[size + 1 :], strict=True
            )
        ]
        for pair in self._of_pairs:
            self._add(pair[1:], self._by_words)
        said = {name: words for _, name, words, _ in tally.reasons}
        self._groups = [
            (words, model.groups[name])
            for name, words in said.items()
            if name in model.groups
        ]
        for _, weights in self._groups:
            self._add(weights, 1.0)
        for name, value in (*tally.weights.items(), (SHOUTED, shouted)):
            if value and name in model.evidence:
                self._add(model.evidence[name], min(_MOST, max(_LEAST, value)))

    def _add(self, weights: Weights, share: float) -> None:
        for place, weight in enumerate(weights):
            self.totals[place] += weight * share

    def deciding(self, place: int) -> list[tuple[float, str]]:
        """Return the words that moved an outcome most, with what they weigh."""
        by_words, by_parts = self._by_words, self._by_parts
        one, other = place + 1, place + 1 + self._size
        moved = [row[one] * by_words + row[other] * by_parts for row in self._shares]
        moved += [row[one] * by_words for row in self._of_pairs]
        moved += [row[place] for _, row in self._groups]
        said = [*self._words, *map(" ".join, self._pairs)]
        said += [words for words, _ in self._groups]
        most = sorted(map(abs, moved), reverse=True)[:TOLD][-1:]
        told = [
            (weight, words)
            for weight, words in zip(moved, said, strict=True)
            if weight and abs(weight) >= most[0]
        ]
        return told[:TOLD]


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
    return {name: tuple(one) for name, one in plain.items()}
