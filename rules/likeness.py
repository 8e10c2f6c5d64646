"""How alike a ticket and a group are: evidence of several kinds, weighed.

Pure arithmetic over what is handed in; which groups are looked at and what is
remembered of them is the matter of ``rules.duplicates``, what a ticket is about of
``rules.features``.

Within one language all words count; between languages only what means the same in both
(concepts, types, names, codes).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp, log, sqrt
from typing import Protocol

from rules.features import Features, name_word

Vector = dict[Hashable, float]

# How much each kind of evidence weighs. Measured with bench/grouping.py on several
# streams at once; small changes move little.
WORDS = 0.77
GRAMS = 0.4
HEAD = 0.6  # a subject, or how somebody begins
HEAD_WORDS, HEAD_MEANINGS = 8, 4
SUBJECT = 1.4  # subjects alone, where they say what it is about
PORTABLE = 0.7
NAME = 2.3
CONCEPT = 1.0
TYPE = 0.5
COHESION = 0.3  # 0: average link, 0.5: likeness to the centre whatever the spread
SOME, ENOUGH = 2.0, 2.5  # less evidence than this proves little, however alike
CONFLICT = 0.8  # for speaking of another name
SAME_FAULT = 0.6  # the same error code about the same thing, or the same tag
TAG_TELLS = 4.5  # a tag with less information than this says too little for that
TELLING = 2.0  # a name with less information than this tells nobody apart
EARLY_WORDS, FADING = 12, 5  # later words weigh less and less: logs, environments
HEAT, MOST_HEAT = 0.18, 0.4  # a group that is busy now draws more,
CALM, STIRRED = 0.7, 1.5  # and yet more what begins with the words of a surge
STIRRING = 5  # a word of at least every fifth member
COOLING = timedelta(hours=8)
SURGE = 1.0  # a word that suddenly many write weighs so much more
NAMES_SHARE = 1.0  # names and codes weigh at most so much of what all else does,
NAMES_ENOUGH = 5.0  # where there is so much else; a short text may be all name
MEMBERS_WEIGHED = 40
SPELT = ("name:", "tag:")  # entities that are words too

# Written alike, so their words are compared directly.
_FAMILIES = dict.fromkeys(("nb", "nn", "no", "sv", "da"), "scandinavian")


class Seen(Protocol):
    """What is known of terms from all tickets so far."""

    def information(self, term: Hashable) -> float:
        """Say how much a term tells; a rare one tells more."""

    def is_name(self, word: str, marked: bool) -> bool:
        """Say whether a word is mostly written as a name, here and elsewhere."""

    def subjects_tell(self) -> float:
        """Say how far subjects here say what a ticket is about, from 0 to 1."""

    def surge(self, term: Hashable) -> float:
        """Say how surely a term is in a surge, from 0 to 1."""


@dataclass(slots=True)
class Centre:
    """The sum of members' unit vectors; old members fade once there are many."""

    count: float = 0.0
    sums: Vector = field(default_factory=dict)
    square: float = 0.0  # of the sums, kept: adding it up each time is the longest part
    cohesion: float = 0.0  # average cosine of two members

    def add(self, vector: Vector) -> None:
        if self.count >= MEMBERS_WEIGHED:
            self.count /= 2
            self.sums = {key: v / 2 for key, v in self.sums.items() if v > 0.02}
            self.square = square(self.sums)
        self.count += 1
        sums = self.sums
        for key, value in vector.items():
            old = sums.get(key, 0.0)
            sums[key] = old + value
            self.square += value * (old + old + value)
        self.cohesion = self.square / self.count**2

    def likeness(self, vector: Vector) -> float:
        """Average cosine to the members, lifted for a group that is itself diverse."""
        sums = self.sums
        dot = sum([value * sums[key] for key, value in vector.items() if key in sums])
        return dot / self.count / self.cohesion**COHESION if dot else 0.0


@dataclass(frozen=True, slots=True)
class View:
    """A ticket as weighted evidence, given what has been seen so far."""

    family: str
    words: Vector
    grams: Vector
    heads: Vector
    portable: Vector
    amount: float  # lengths of ``words`` and ``portable`` before they became units:
    strength: float  # how much evidence there is at all
    subject: float  # how far ``heads`` decides alone, 0 to 1, being a subject,
    headline: float  # and its length before it became a unit
    telling: dict[str, float]  # names and codes that tell problems apart
    tags: dict[str, float]  # those of them that are written as tags
    surging: dict[str, float]  # how it begins: what suddenly many write, how surely


@dataclass(slots=True)
class Cluster:
    """What is remembered of a group's members."""

    last: datetime
    words: dict[str, Centre] = field(default_factory=dict)  # by language family
    grams: dict[str, Centre] = field(default_factory=dict)
    heads: dict[str, Centre] = field(default_factory=dict)
    portable: Centre = field(default_factory=Centre)
    names: Centre = field(default_factory=Centre)
    held: tuple[str, ...] = ()  # what most members speak of by name
    members: int = 0
    terms: dict[Hashable, int] = field(default_factory=dict)  # in how many members
    recent: deque[datetime] = field(default_factory=lambda: deque(maxlen=12))

    @property
    def family(self) -> str:
        """The languages that most members are written in."""
        return max(self.words, key=lambda name: self.words[name].count)

    def lately(self, span: timedelta) -> int:
        """How many came within ``span`` of the last, as far as is remembered."""
        return sum(self.last - at <= span for at in self.recent)

    def add(self, view: View, at: datetime) -> None:
        """Take in a member; its ``terms`` are counted by who keeps the index."""
        self.last = max(self.last, at)
        self.recent.append(at)
        self.words.setdefault(view.family, Centre()).add(view.words)
        self.grams.setdefault(view.family, Centre()).add(view.grams)
        self.heads.setdefault(view.family, Centre()).add(view.heads)
        self.portable.add(view.portable)
        self.names.add(dict.fromkeys(view.telling, 1.0))
        most = self.names.count / 2
        self.held = tuple(str(n) for n, c in self.names.sums.items() if c > most)
        self.members += 1


# --- seeing a ticket ----------------------------------------------------------------


def look(features: Features, seen: Seen) -> View:
    """Weigh the evidence of a ticket by what has been seen so far.

    Where subjects say what tickets are about, names count in them only: the text below
    is full of names that have nothing to do with it, of systems and of other pages.
    """
    named_here = marked(features)
    subject = seen.subjects_tell() if features.subject_words else 0.0
    names_from = features.subject_words if subject else len(features.words)
    title: Vector = {}
    words: Vector = {}
    portable: Vector = {}
    telling: dict[str, float] = {}
    named: list[str] = []
    surging = {term: sure for term in said(features) if (sure := seen.surge(term))}
    for position, word in enumerate(features.words):
        late = max(0, position - EARLY_WORDS)
        weight = seen.information(word) / (1 + late / FADING)
        weight *= 1 + SURGE * surging.get(word, 0.0)
        if position < features.subject_words:
            title[word] = weight
        if seen.is_name(word, word in named_here):
            if weight > TELLING and position < names_from:
                telling[word] = weight
            portable[word] = NAME * weight
            named.append(word)
            weight *= NAME
        words[word] = weight
    names_from = features.subject_entities if subject else len(features.entities)
    for position, entity in enumerate(features.entities):
        if not entity.startswith(SPELT):
            weight = seen.information(entity)
            if weight > TELLING and position < names_from:
                telling[entity] = weight
            words[entity] = portable[entity] = NAME * weight
            named.append(entity)
    for term in _meanings(features):
        kind = TYPE if term.startswith("t:") else CONCEPT
        weight = seen.information(term)
        words[term] = kind * weight
        portable[term] = weight
    _limit_names(words, named)
    heads: Vector = title if subject else {t: words[t] for t in _head(features)}
    grams: Vector = {gram: seen.information(gram) for gram in features.grams}
    return View(
        family=_FAMILIES.get(features.lang, features.lang),
        words=_unit(words),
        grams=_unit(grams),
        heads=_unit(heads),
        portable=_unit(portable),
        amount=sqrt(square(words)),
        strength=sqrt(square(portable)),
        subject=subject,
        headline=sqrt(square(heads)),
        telling=telling,
        tags={tag: telling[tag] for tag in _tags(features) if tag in telling},
        surging={term: surging[term] for term in _head(features) if term in surging},
    )


def marked(features: Features) -> dict[str, str]:
    """Return what is written as a name: as a word, and as it is spelt."""
    names = (e.removeprefix("name:") for e in features.entities if e[:5] == "name:")
    return {name_word(name): name for name in names}


def terms(features: Features) -> Iterable[Hashable]:
    """Return all by which a ticket can be found."""
    yield from said(features)
    yield from features.grams


def said(features: Features) -> Iterable[str]:
    """Return what a ticket says: words, codes and sites, meanings."""
    yield from features.words
    yield from (e for e in features.entities if not e.startswith(SPELT))
    yield from _meanings(features)


def _tags(features: Features) -> Iterable[str]:
    """Return what somebody wrote as a tag, as it stands in ``words``."""
    tags = (e.removeprefix("tag:") for e in features.entities if e[:4] == "tag:")
    return map(name_word, tags)


def _meanings(features: Features) -> Iterable[str]:
    yield from (f"c:{concept}" for concept in features.concepts)
    yield from (f"t:{kind}" for kind in features.types)


def _head(features: Features) -> Iterable[str]:
    """The first words and meanings: a subject, or how somebody begins."""
    yield from features.words[:HEAD_WORDS]
    yield from (f"c:{concept}" for concept in features.concepts[:HEAD_MEANINGS])


def _limit_names(words: Vector, named: Iterable[str]) -> None:
    """Keep one odd name from outweighing all that a long text says besides."""
    squares = {name: words[name] ** 2 for name in named}
    names = sum(squares.values())
    others = square(words) - names
    most = max(NAMES_SHARE * others, NAMES_ENOUGH**2)
    if others > NAMES_ENOUGH**2 and names > most:
        for name in squares:
            words[name] *= sqrt(most / names)


# --- weighing it against a group ----------------------------------------------------


def score(cluster: Cluster, view: View, at: datetime) -> float:
    """Say how surely a ticket is about the same problem, roughly from 0 to 1."""
    alike = _likeness(cluster, view)
    if _have_same_fault(cluster, view) or _have_same_tag(cluster, view):
        alike = max(alike, SAME_FAULT)
    if are_apart(cluster.held, view.telling):
        alike -= CONFLICT
    if at - cluster.last > 6 * COOLING:  # as good as cold; most groups are
        return alike
    heat = sum([exp(-(abs(at - then) / COOLING)) for then in cluster.recent])
    drawn = min(MOST_HEAT, HEAT * log(1 + heat))
    return alike + drawn * (CALM + STIRRED * _shared_surge(cluster, view))


def explain(
    cluster: Cluster, view: View, spelling: Mapping[str, str]
) -> tuple[str, ...]:
    """Say in words what a ticket and a group share; names as they are spelt."""
    shared = [str(t) for t in view.portable if t in cluster.portable.sums]
    codes = [t[5:] for t in shared if t.startswith("code:")]
    reasons = [f"same code {code}" for code in codes]
    told = {f"code:{code}" for code in codes} | {code.casefold() for code in codes}
    names = [t for t in shared if t in view.telling and t not in told]
    if names:
        spelt = [spelling.get(n, n.removeprefix("site:")) for n in names]
        reasons.append("same name: " + ", ".join(spelt[:3]))
    for prefix, words in (("t:", "same kind"), ("c:", "same object")):
        found = largest(t[2:] for t in shared if t.startswith(prefix))
        if found:
            said = ", ".join(found[:3]).replace("_", " ")
            reasons.append(f"{words}: {said}")
    own = cluster.words.get(view.family)
    if own:
        reasons.append(f"similar wording {own.likeness(view.words):.2f}")
    return tuple(reasons)


def largest(concepts: Iterable[str]) -> list[str]:
    """Leave out what is part of another: "discount" beside "discount code"."""
    known = list(concepts)
    return [
        one
        for one in known
        if not any(set(one.split()) < set(other.split()) for other in known)
    ]


def are_apart(one: Collection[str], other: Collection[str]) -> bool:
    """Say whether both speak of something by name, and not of the same."""
    return bool(one and other) and not any(name in other for name in one)


def cosine(one: Vector, other: Vector) -> float:
    dot = sum([value * other[key] for key, value in one.items() if key in other])
    return dot / sqrt(square(one) * square(other)) if dot else 0.0


def square(vector: Vector) -> float:
    return sum([value * value for value in vector.values()])


def _likeness(cluster: Cluster, view: View) -> float:
    same = 0.0
    own = cluster.words.get(view.family)
    if own:
        same = WORDS * own.likeness(view.words)
        same += GRAMS * cluster.grams[view.family].likeness(view.grams)
        head = cluster.heads[view.family].likeness(view.heads)
        same = (same + HEAD * head) / (1 + HEAD)
        same *= view.amount / (view.amount + SOME)
        if view.subject:
            titled = SUBJECT * head * view.headline / (view.headline + SOME)
            same += view.subject * (titled - same)
        if own.count * 2 >= cluster.portable.count:
            return same
    across = PORTABLE * cluster.portable.likeness(view.portable)
    return max(same, across * view.strength / (view.strength + ENOUGH))


def _have_same_fault(cluster: Cluster, view: View) -> bool:
    """Say whether both name the same error code, about a thing both speak of.

    In whichever words and language: two faults seldom print the same code, and the
    shared thing keeps apart those that do.
    """
    return any(
        _is_error_code(name) and name in view.telling for name in cluster.held
    ) and any(
        isinstance(term, str)
        and term.startswith("c:")
        and term in cluster.portable.sums
        for term in view.portable
    )


def _have_same_tag(cluster: Cluster, view: View) -> bool:
    """Say whether most of a group wrote the same unusual tag as this ticket.

    With a tag people say themselves what they write about.
    """
    return any(
        tag in cluster.held for tag, tells in view.tags.items() if tells > TAG_TELLS
    )


def _shared_surge(cluster: Cluster, view: View) -> float:
    """Say how surely a ticket begins with a surging word that the group speaks of."""
    shared = (
        sure
        for term, sure in view.surging.items()
        if STIRRING * cluster.terms.get(term, 0) > cluster.members
    )
    return max(shared, default=0.0)


def _is_error_code(name: str) -> bool:
    # Campaigns and products are named by codes too, but with fewer digits.
    return name.startswith("code:") and sum(map(str.isdigit, name)) >= 3


def _unit(vector: Vector) -> Vector:
    length = sqrt(square(vector))
    if not length:
        return {}
    return {key: value / length for key, value in vector.items() if value > 0}
