"""Which tickets are about one problem: an online fold over an ordered log.

Pure and deterministic: the same additions in the same order give the same answers, so
after a restart the last dump is loaded and what came later is replayed. States of
groups belong to others, when a group is worth an issue to ``rules.thresholds``, and
what a ticket is about to ``rules.features``.

A ticket is compared with whole groups, never with single tickets: a chain of
neighbours would make one group of everything. Within one language all words count;
between languages only what means the same in both (concepts, types, names, codes).
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from importlib import resources
from math import log
from typing import NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from rules.features import Features
from rules.likeness import (
    Centre,
    Cluster,
    View,
    explain,
    look,
    marked,
    said,
    terms,
)
from rules.likeness import score as score_of
from rules.packing import pack, unpack
from rules.surges import Surges

SUBJECT_WORDS = (3.0, 4.0)  # on average: with fewer they say little, with more all,
UNSEEN_SUBJECTS = 100  # as if so many had said little, while few have been seen
LONGEST_SUBJECT = 10
UNSEEN_GROUPS = 30  # as if so many had been seen, while few have
QUERY_TERMS = 16  # rarest words, and rarest pieces, that candidates are found by
WRITTEN_BY = (
    "concepts.py",
    "duplicates.py",
    "features.py",
    "likeness.py",
    "packing.py",
    "surges.py",
)
REMEMBERED = (Cluster, Centre)
FADING = 200  # a term that only one of so many members has is no longer the group's


K = TypeVar("K", bound=Hashable)


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
class Term:
    """Where a term occurs: in how many groups, and the newest of them, last."""

    groups: int = 0
    newest: dict[str, None] = field(default_factory=dict)


class Grouper:
    """Proposes a group for each ticket and learns from where tickets were put."""

    def __init__(self, settings: GroupingSettings | None = None) -> None:
        self._settings = settings or GroupingSettings()
        self._groups: dict[str, Cluster] = {}  # least recently active first
        self._terms: dict[Hashable, Term] = {}
        self._surges = Surges()
        self._subjects = (0, 0)  # how many, and how many words they have together
        self._seen: dict[str, int] = {}
        self._named: dict[str, int] = {}
        self._spelling: dict[str, str] = {}
        self.newest: datetime | None = None  # when somebody wrote last
        self._last: tuple[Features, View] | None = None  # a proposal is often taken

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._groups)

    def __contains__(self, group: object) -> bool:
        return group in self._groups

    def __getitem__(self, group: str) -> Cluster:
        """Return what is remembered of a group that is held."""
        return self._groups[group]

    @property
    def strictness(self) -> float:
        return self._settings.strictness

    @property
    def surges(self) -> Surges:
        """How often terms are written, lately and usually."""
        return self._surges

    def get(self, group: str) -> Cluster | None:
        """Return what is remembered of a group."""
        return self._groups.get(group)

    def compare(self, group: str, features: Features, at: datetime) -> Proposal:
        """Say how alike a ticket and a group are, however little that may be."""
        known, view = self._groups[group], self._view(features)
        reasons = explain(known, view, self._spelling)
        return Proposal(group, score_of(known, view, at), reasons)

    def propose(self, features: Features, at: datetime) -> Proposal:
        """Look up where a ticket belongs; changes nothing."""
        view = self._view(features)
        self._last = (features, view)
        best: str | None = None
        score = 0.0
        for group in self._candidates(view):
            candidate = score_of(self._groups[group], view, at)
            if candidate > score:
                best, score = group, candidate
        if best is None or score < self._settings.strictness:
            return Proposal(None, score, ("nothing alike",))
        return Proposal(best, score, explain(self._groups[best], view, self._spelling))

    def add(self, group: str, member: str, features: Features, at: datetime) -> None:
        """Record that a ticket belongs to ``group``, now or while replaying."""
        view = self._view(features)
        self._last = None
        self.newest = max(at, self.newest or at)
        self._learn_names(features)
        self._surges.add(said(features), at)
        subjects, long = self._subjects
        long += min(LONGEST_SUBJECT, features.subject_words)
        self._subjects = (subjects + 1, long)
        self._put(group, features, view, at)
        while len(self._groups) > self._settings.groups:
            self._drop(next(iter(self._groups)))

    def rebuild(self, group: str, members: Iterable[tuple[Features, datetime]]) -> None:
        """Let ``group`` consist of exactly these members; of none: it is gone.

        They are put together otherwise, not seen anew: what is usual stays as it is.
        """
        self._last = None
        old = self._groups.pop(group, None)
        for features, at in members:
            self._put(group, features, self._view(features), at)
        # Only now, so that terms which are in both are not forgotten between.
        if old is not None:
            self._release(group, old.terms)

    def dump(self) -> bytes:
        """Give all that is remembered, exactly; ``load`` reads it."""
        known = self._terms.items()
        return pack(
            (
                self._groups,
                {key: term.groups for key, term in known},
                {key: term.newest for key, term in known},
                vars(self._surges),
                self._subjects,
                self._seen,
                self._named,
                self._spelling,
                self.newest,
            ),
            REMEMBERED,
        )

    @classmethod
    def load(cls, dumped: bytes, settings: GroupingSettings | None = None) -> Self:
        """Go on where another left off that had the same ``version``."""
        grouper = cls(settings)
        (
            grouper._groups,
            counts,
            newest,
            surges,
            grouper._subjects,
            grouper._seen,
            grouper._named,
            grouper._spelling,
            grouper.newest,
        ) = unpack(dumped, REMEMBERED)
        grouper._terms = {
            key: Term(count, newest[key]) for key, count in counts.items()
        }
        vars(grouper._surges).update(surges)
        return grouper

    def forget(self, before: datetime) -> None:
        """Drop the groups that had no ticket since ``before``."""
        self._last = None
        while self._groups:
            oldest = next(iter(self._groups))
            if self._groups[oldest].last >= before:
                break
            self._drop(oldest)

    # --- what is known of terms; see ``rules.likeness.Seen`` ---------------------

    def information(self, term: Hashable) -> float:
        """Inverse document frequency, over groups so that a burst stays visible.

        A word that many tickets have had for long tells little, though one group has
        them all: else that group would draw whoever uses the word, and grow by it.
        """
        known = self._terms.get(term)
        groups = len(self._groups) + UNSEEN_GROUPS
        rare = log(groups / (known.groups + 1 if known else 1))
        return min(rare, self._surges.information(term))

    def is_name(self, word: str, marked: bool) -> bool:
        """Say whether this word is mostly written as a name, here and elsewhere."""
        seen = self._seen.get(word, 0) + marked
        return seen >= 1 and 2 * (self._named.get(word, 0) + marked) >= max(2, seen)

    def subjects_tell(self) -> float:
        """Say how far subjects here say what a ticket is about, from 0 to 1.

        "Question about my order" says little, "right click in mail does not work" all;
        which of them people write depends on the house.
        """
        subjects, long = self._subjects
        least, all_of_it = SUBJECT_WORDS
        average = (long + UNSEEN_SUBJECTS * least) / (subjects + UNSEEN_SUBJECTS)
        return min(1.0, max(0.0, (average - least) / (all_of_it - least)))

    def surge(self, term: Hashable) -> float:
        """Say how surely a term is in a surge, from 0 to 1."""
        return self._surges.surge(term)

    def _view(self, features: Features) -> View:
        if self._last and self._last[0] is features:
            return self._last[1]
        return look(features, self)

    # --- finding groups ----------------------------------------------------------

    def _candidates(self, view: View) -> list[str]:
        votes: dict[str, float] = {}
        for vector in (view.words, view.grams):
            for term, weight in _most(vector, QUERY_TERMS):
                known = self._terms.get(term)
                for group in known.newest if known else ():
                    votes[group] = votes.get(group, 0.0) + weight
        return [group for group, _ in _most(votes, self._settings.candidates)]

    # --- remembering ------------------------------------------------------------

    def _learn_names(self, features: Features) -> None:
        named = marked(features)
        for word in features.words:
            self._seen[word] = self._seen.get(word, 0) + 1
            if word in named:
                self._named[word] = self._named.get(word, 0) + 1
                self._spelling.setdefault(word, named[word])

    def _put(self, group: str, features: Features, view: View, at: datetime) -> None:
        known = self._groups.pop(group, None) or Cluster(at)
        self._groups[group] = known  # at the end: most recently active
        known.add(view, at)
        self._post(group, known, features)

    def _post(self, group: str, known: Cluster, features: Features) -> None:
        """Let the group be found by the terms of a new member."""
        counts = known.terms
        for key in terms(features):
            term = self._terms.get(key)
            if term is None:
                term = self._terms[key] = Term()
            count = counts[key] = counts.get(key, 0) + 1
            if count == 1:
                term.groups += 1
            newest = term.newest
            newest.pop(group, None)
            newest[group] = None
            if len(newest) > self._settings.postings:
                del newest[next(iter(newest))]
        if known.members % FADING == 0:
            # Or a problem that never ends would collect every word there is.
            rare = [
                key for key, count in counts.items() if count <= known.members // FADING
            ]
            for key in rare:
                del counts[key]
            self._release(group, rare)

    def _drop(self, group: str) -> None:
        self._release(group, self._groups.pop(group).terms)

    def _release(self, group: str, gone: Iterable[Hashable]) -> None:
        """Let go of terms that a group had, unless it has them anew.

        What nobody has any more is forgotten.
        """
        held = self._groups[group].terms if group in self._groups else {}
        for key in gone:
            term = self._terms[key]
            if key not in held:
                term.newest.pop(group, None)
            term.groups -= 1
            if not term.groups:
                del self._terms[key]
                self._surges.drop(key)
                if isinstance(key, str):
                    for names in (self._seen, self._named, self._spelling):
                        names.pop(key, None)


def version(settings: GroupingSettings) -> str:
    """Say by what a dump was written: only the very same can go on with it."""
    said = sha256(f"{sys.byteorder} {settings.model_dump_json()}".encode())
    for name in WRITTEN_BY:
        said.update(resources.files("rules").joinpath(name).read_bytes())
    return said.hexdigest()[:40]


def _most(weights: Mapping[K, float], count: int) -> list[tuple[K, float]]:
    """Return the heaviest in order; of equal ones those first that sort first."""
    if len(weights) > count:
        least = sorted(weights.values())[-count]
        weights = {key: v for key, v in weights.items() if v >= least}
    return sorted(weights.items(), key=_by_weight)[:count]


def _by_weight(item: tuple[Hashable, float]) -> tuple[float, str]:
    return -item[1], str(item[0])
