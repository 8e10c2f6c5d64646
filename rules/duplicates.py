"""Which tickets are about one problem: an online fold over an ordered log.

Pure and deterministic: the same additions in the same order give the same answers, so
after a restart the stored memberships are replayed. States of groups belong to others,
when a group is worth an issue to ``rules.thresholds``, and what a ticket is about to
``rules.features``.

A ticket is compared with whole groups, never with single tickets: a chain of
neighbours would make one group of everything. Within one language all words count;
between languages only what means the same in both (concepts, types, names, codes).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp, log, sqrt
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from rules.features import Features, name_word
from rules.surges import Surges

Vector = dict[Hashable, float]

# How much each kind of evidence weighs. Measured with bench/grouping.py on several
# streams at once; small changes move little.
WORDS = 0.7
GRAMS = 0.4
HEAD = 0.6  # a subject, or how somebody begins
HEAD_WORDS, HEAD_MEANINGS = 8, 4
PORTABLE = 0.7
NAME = 2.5
CONCEPT = 1.0
TYPE = 0.5
COHESION = 0.3  # 0: average link, 0.5: likeness to the centre whatever the spread
SOME, ENOUGH = 2.0, 2.5  # less evidence than this proves little, however alike
CONFLICT = 0.5  # for speaking of another name
SAME_FAULT = 0.6  # the same error code about the same thing
TELLING = 2.0  # a name with less information than this tells nobody apart
EARLY_WORDS, FADING = 12, 5  # later words weigh less and less: logs, environments
HEAT, MOST_HEAT = 0.2, 0.4  # a group that is busy now draws more,
CALM, STIRRED = 0.7, 1.5  # and yet more what begins with the words of a surge
STIRRING = 3  # a word of at least every third member
COOLING = timedelta(hours=8)
TWIN = 0.36
SURGE = 1.0  # a word that suddenly many write weighs so much more
MOST_TIMES = 4.0  # the usual; more of it makes two groups no more alike
NAMES_SHARE = 1.0  # names and codes weigh at most so much of what all else does,
NAMES_ENOUGH = 5.0  # where there is so much else; a short text may be all name
COMMON, UNUSUAL = 0.5, 1.7  # what so many members speak of, so many times the usual
UNSEEN_GROUPS = 30  # as if so many had been seen, while few have
QUERY_TERMS = 16  # rarest words, and rarest pieces, that candidates are found by
MEMBERS_WEIGHED = 40


class GroupingSettings(BaseModel):
    """How alike a ticket and a group have to be, and how much is remembered.

    Higher ``strictness`` means more and smaller groups. ``groups`` are the most
    recently active ones that are compared with; ``candidates`` of them are looked at
    closely, found through the ``postings`` newest groups of each rare word.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strictness: float = Field(default=0.5, gt=0, lt=1)
    groups: int = Field(default=10_000, ge=1)
    candidates: int = Field(default=16, ge=1)
    postings: int = Field(default=32, ge=1)


class Proposal(NamedTuple):
    """The group a ticket belongs to, or None for a new problem; and why."""

    group: str | None
    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class _Centre:
    """The sum of members' unit vectors; old members fade once there are many."""

    count: float = 0.0
    sums: Vector = field(default_factory=dict)
    cohesion: float = 0.0  # average cosine of two members

    def add(self, vector: Vector) -> None:
        if self.count >= MEMBERS_WEIGHED:
            self.count /= 2
            self.sums = {key: v / 2 for key, v in self.sums.items() if v > 0.02}
        self.count += 1
        for key, value in vector.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
        self.cohesion = _square(self.sums) / self.count**2

    def likeness(self, vector: Vector) -> float:
        """Average cosine to the members, lifted for a group that is itself diverse."""
        sums = self.sums
        dot = sum([value * sums[key] for key, value in vector.items() if key in sums])
        return dot / self.count / self.cohesion**COHESION if dot else 0.0


@dataclass(slots=True)
class _Group:
    last: datetime
    words: dict[str, _Centre] = field(default_factory=dict)  # by language family
    grams: dict[str, _Centre] = field(default_factory=dict)
    heads: dict[str, _Centre] = field(default_factory=dict)
    portable: _Centre = field(default_factory=_Centre)
    names: _Centre = field(default_factory=_Centre)
    held: tuple[str, ...] = ()  # what most members speak of by name
    members: int = 0
    terms: dict[Hashable, int] = field(default_factory=dict)  # in how many members
    recent: deque[datetime] = field(default_factory=lambda: deque(maxlen=12))


@dataclass(frozen=True, slots=True)
class _View:
    """A ticket as weighted evidence, given what has been seen so far."""

    family: str
    words: Vector
    grams: Vector
    heads: Vector
    portable: Vector
    amount: float  # lengths of ``words`` and ``portable`` before they became units:
    strength: float  # how much evidence there is at all
    telling: dict[str, float]  # names and codes that tell problems apart
    surging: dict[str, float]  # how it begins: what suddenly many write, how surely


class Grouper:
    """Proposes a group for each ticket and learns from where tickets were put."""

    def __init__(self, settings: GroupingSettings | None = None) -> None:
        self._settings = settings or GroupingSettings()
        self._groups: dict[str, _Group] = {}  # least recently active first
        self._spread: dict[Hashable, int] = {}  # in how many groups a term occurs
        self._postings: dict[Hashable, dict[str, None]] = {}  # newest group last
        self._surges = Surges()
        self._seen: dict[str, int] = {}
        self._named: dict[str, int] = {}
        self._spelling: dict[str, str] = {}
        self._last: tuple[Features, _View] | None = None  # a proposal is often taken

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._groups)

    def propose(self, features: Features, at: datetime) -> Proposal:
        """Look up where a ticket belongs; changes nothing."""
        view = self._view(features)
        self._last = (features, view)
        best: str | None = None
        score = 0.0
        for group in self._candidates(view):
            candidate = self._score(self._groups[group], view, at)
            if candidate > score:
                best, score = group, candidate
        if best is None or score < self._settings.strictness:
            return Proposal(None, score, ("nothing alike",))
        return Proposal(best, score, self._reasons(self._groups[best], view, features))

    def add(self, group: str, member: str, features: Features, at: datetime) -> None:
        """Record that a ticket belongs to ``group``, now or while replaying."""
        view = self._view(features)
        self._last = None
        known = self._groups.pop(group, None) or _Group(at)
        self._groups[group] = known  # at the end: most recently active
        known.last = max(known.last, at)
        known.recent.append(at)
        known.words.setdefault(view.family, _Centre()).add(view.words)
        known.grams.setdefault(view.family, _Centre()).add(view.grams)
        known.heads.setdefault(view.family, _Centre()).add(view.heads)
        known.portable.add(view.portable)
        known.names.add(dict.fromkeys(view.telling, 1.0))
        most = known.names.count / 2
        known.held = tuple(str(n) for n, c in known.names.sums.items() if c > most)
        self._learn_names(features)
        self._surges.add(_said(features), at)
        known.members += 1
        self._post(group, known, features)
        while len(self._groups) > self._settings.groups:
            self._drop(next(iter(self._groups)))

    def twin(self, group: str, among: Iterable[str]) -> str | None:
        """Look up which of ``among`` is about the same problem as ``group``.

        Meant for groups that are busy at the same time: people describe one incident
        in ways too different to be put together ticket by ticket, and two incidents
        that coincide seldom share this much. Words that are written all the time say
        little here.
        """
        own = self._groups[group]
        family = max(own.words, key=lambda name: own.words[name].count)
        mine = self._by_unusual(own.words[family].sums)
        best, most = None, TWIN
        for name in among:
            other = self._groups.get(name)
            if other is None or name == group or family not in other.words:
                continue
            theirs = self._by_unusual(other.words[family].sums)
            alike = _cosine(mine, theirs)
            if alike >= most and not _are_apart(own.held, other.held):
                best, most = name, alike
        return best

    def is_unusual(self, group: str) -> bool:
        """Say whether members share something that is spoken of more than usual.

        What people always write about, and words many tickets share by chance, gather
        customers too; that is no incident. Without a past anything may be one.
        """
        known = self._groups[group]
        if not self._surges.knows_what_is_usual():
            return True
        return any(
            count >= COMMON * known.members
            and self._surges.times_usual(term) >= UNUSUAL
            for term, count in known.terms.items()
            if isinstance(term, str)
        )

    def forget(self, before: datetime) -> None:
        """Drop the groups that had no ticket since ``before``."""
        self._last = None
        while self._groups:
            oldest = next(iter(self._groups))
            if self._groups[oldest].last >= before:
                break
            self._drop(oldest)

    def _by_unusual(self, sums: Vector) -> Vector:
        """Weigh the words of a group by how much more than usual they are written."""
        times = self._surges.times_usual
        return {key: v * min(MOST_TIMES, times(key)) for key, v in sums.items()}

    # --- seeing a ticket --------------------------------------------------------

    def _view(self, features: Features) -> _View:
        if self._last and self._last[0] is features:
            return self._last[1]
        marked = _marked(features)
        words: Vector = {}
        portable: Vector = {}
        telling: dict[str, float] = {}
        named: list[str] = []
        surging = self._surging(features)
        for position, word in enumerate(features.words):
            late = max(0, position - EARLY_WORDS)
            weight = self._information(word) / (1 + late / FADING)
            weight *= 1 + SURGE * surging.get(word, 0.0)
            if self._is_name(word, word in marked):
                if weight > TELLING:
                    telling[word] = weight
                portable[word] = NAME * weight
                named.append(word)
                weight *= NAME
            words[word] = weight
        for entity in features.entities:
            if not entity.startswith("name:"):
                weight = self._information(entity)
                if weight > TELLING:
                    telling[entity] = weight
                words[entity] = portable[entity] = NAME * weight
                named.append(entity)
        for term in _meanings(features):
            kind = TYPE if term.startswith("t:") else CONCEPT
            weight = self._information(term)
            words[term] = kind * weight
            portable[term] = weight
        _limit_names(words, named)
        grams: Vector = {gram: self._information(gram) for gram in features.grams}
        return _View(
            family=_FAMILIES.get(features.lang, features.lang),
            words=_unit(words),
            grams=_unit(grams),
            heads=_unit({t: words[t] for t in _head(features)}),
            portable=_unit(portable),
            amount=sqrt(_square(words)),
            strength=sqrt(_square(portable)),
            telling=telling,
            surging={
                term: surging[term] for term in _head(features) if term in surging
            },
        )

    def _surging(self, features: Features) -> dict[str, float]:
        sure = {term: self._surges.surge(term) for term in _said(features)}
        return {term: value for term, value in sure.items() if value}

    def _information(self, term: Hashable) -> float:
        """Inverse document frequency over groups, so that a burst stays visible."""
        groups = len(self._groups) + UNSEEN_GROUPS
        return log(groups / (self._spread.get(term, 0) + 1))

    def _is_name(self, word: str, marked: bool) -> bool:
        """Say whether this word is mostly written as a name, here and elsewhere."""
        seen = self._seen.get(word, 0) + marked
        return seen >= 1 and 2 * (self._named.get(word, 0) + marked) >= max(2, seen)

    # --- finding and weighing groups --------------------------------------------

    def _candidates(self, view: _View) -> list[str]:
        votes: dict[str, float] = {}
        for vector in (view.words, view.grams):
            rarest = sorted(vector.items(), key=_by_weight)[:QUERY_TERMS]
            for term, weight in rarest:
                for group in self._postings.get(term, ()):
                    votes[group] = votes.get(group, 0.0) + weight
        ranked = sorted(votes.items(), key=_by_weight)
        return [group for group, _ in ranked[: self._settings.candidates]]

    def _score(self, group: _Group, view: _View, at: datetime) -> float:
        score = self._likeness(group, view)
        if _have_same_fault(group, view):
            score = max(score, SAME_FAULT)
        if _are_apart(group.held, view.telling):
            score -= CONFLICT
        if at - group.last > 6 * COOLING:  # as good as cold; most groups are
            return score
        heat = sum([exp(-(abs(at - then) / COOLING)) for then in group.recent])
        drawn = min(MOST_HEAT, HEAT * log(1 + heat))
        return score + drawn * (CALM + STIRRED * _shared_surge(group, view))

    def _likeness(self, group: _Group, view: _View) -> float:
        same = 0.0
        own = group.words.get(view.family)
        if own:
            same = WORDS * own.likeness(view.words)
            same += GRAMS * group.grams[view.family].likeness(view.grams)
            head = group.heads[view.family].likeness(view.heads)
            same = (same + HEAD * head) / (1 + HEAD)
            same *= view.amount / (view.amount + SOME)
            if own.count * 2 >= group.portable.count:
                return same
        across = PORTABLE * group.portable.likeness(view.portable)
        return max(same, across * view.strength / (view.strength + ENOUGH))

    def _reasons(
        self, group: _Group, view: _View, features: Features
    ) -> tuple[str, ...]:
        shared = [str(t) for t in view.portable if t in group.portable.sums]
        reasons = [f"same code {t[5:]}" for t in shared if t.startswith("code:")]
        names = [t for t in shared if t in view.telling and not t.startswith("code:")]
        if names:
            spelt = [self._spelling.get(n, n.removeprefix("site:")) for n in names]
            reasons.append("same name: " + ", ".join(spelt[:3]))
        for prefix, words in (("t:", "same kind"), ("c:", "same object")):
            found = [t[2:] for t in shared if t.startswith(prefix)]
            if found:
                reasons.append(f"{words}: " + ", ".join(found[:3]))
        own = group.words.get(view.family)
        if own:
            reasons.append(f"similar wording {own.likeness(view.words):.2f}")
        return tuple(reasons)

    # --- remembering ------------------------------------------------------------

    def _learn_names(self, features: Features) -> None:
        marked = _marked(features)
        for word in features.words:
            self._seen[word] = self._seen.get(word, 0) + 1
            if word in marked:
                self._named[word] = self._named.get(word, 0) + 1
                self._spelling.setdefault(word, marked[word])

    def _post(self, group: str, known: _Group, features: Features) -> None:
        for term in _terms(features):
            known.terms[term] = known.terms.get(term, 0) + 1
            if known.terms[term] == 1:
                self._spread[term] = self._spread.get(term, 0) + 1
            posting = self._postings.setdefault(term, {})
            posting.pop(group, None)
            posting[group] = None
            if len(posting) > self._settings.postings:
                del posting[next(iter(posting))]

    def _drop(self, group: str) -> None:
        for term in self._groups.pop(group).terms:
            posting = self._postings[term]
            posting.pop(group, None)
            self._spread[term] -= 1
            if not self._spread[term]:
                self._surges.drop(term)
                for table in (self._spread, self._postings):
                    del table[term]
                for names in (self._seen, self._named, self._spelling):
                    names.pop(term, None)  # type: ignore[call-overload]


def _have_same_fault(group: _Group, view: _View) -> bool:
    """Say whether both name the same error code, about a thing both speak of.

    In whichever words and language: two faults seldom print the same code, and the
    shared thing keeps apart those that do.
    """
    return any(
        _is_error_code(name) and name in view.telling for name in group.held
    ) and any(
        isinstance(term, str) and term.startswith("c:") and term in group.portable.sums
        for term in view.portable
    )


def _shared_surge(group: _Group, view: _View) -> float:
    """Say how surely a ticket begins with a surging word that the group speaks of."""
    shared = (
        sure
        for term, sure in view.surging.items()
        if STIRRING * group.terms.get(term, 0) > group.members
    )
    return max(shared, default=0.0)


def _is_error_code(name: str) -> bool:
    # Campaigns and products are named by codes too, but with fewer digits.
    return name.startswith("code:") and sum(map(str.isdigit, name)) >= 3


def _are_apart(one: Collection[str], other: Collection[str]) -> bool:
    """Say whether both speak of something by name, and not of the same."""
    return bool(one and other) and not any(name in other for name in one)


def _cosine(one: Vector, other: Vector) -> float:
    dot = sum([value * other[key] for key, value in one.items() if key in other])
    return dot / sqrt(_square(one) * _square(other)) if dot else 0.0


def _square(vector: Vector) -> float:
    return sum([value * value for value in vector.values()])


# Written alike, so their words are compared directly.
_FAMILIES = dict.fromkeys(("nb", "nn", "no", "sv", "da"), "scandinavian")


def _marked(features: Features) -> dict[str, str]:
    names = (e.removeprefix("name:") for e in features.entities if e[:5] == "name:")
    return {name_word(name): name for name in names}


def _meanings(features: Features) -> Iterable[str]:
    yield from (f"c:{concept}" for concept in features.concepts)
    yield from (f"t:{kind}" for kind in features.types)


def _terms(features: Features) -> Iterable[Hashable]:
    yield from _said(features)
    yield from features.grams


def _said(features: Features) -> Iterable[str]:
    yield from features.words
    yield from (e for e in features.entities if not e.startswith("name:"))
    yield from _meanings(features)


def _limit_names(words: Vector, named: Iterable[str]) -> None:
    """Keep one odd name from outweighing all that a long text says besides."""
    squares = {name: words[name] ** 2 for name in named}
    names = sum(squares.values())
    others = _square(words) - names
    most = max(NAMES_SHARE * others, NAMES_ENOUGH**2)
    if others > NAMES_ENOUGH**2 and names > most:
        for name in squares:
            words[name] *= sqrt(most / names)


def _head(features: Features) -> Iterable[str]:
    """The first words and meanings: a subject, or how somebody begins."""
    yield from features.words[:HEAD_WORDS]
    yield from (f"c:{concept}" for concept in features.concepts[:HEAD_MEANINGS])


def _by_weight(item: tuple[Hashable, float]) -> tuple[float, str]:
    return -item[1], str(item[0])


def _unit(vector: Vector) -> Vector:
    length = sqrt(_square(vector))
    if not length:
        return {}
    return {key: value / length for key, value in vector.items() if value > 0}
