"""What differs between two ways of judging the same tickets. Values, and adding up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from connector.models import Mode
from connector.replay import Alarm, Problem
from connector.store.labels import Label
from connector.store.schema import AnyRow


@dataclass(slots=True)
class Count:
    """On how many tickets something was, and how many of these people were for."""

    tickets: int = 0
    right: int = 0
    wrong: int = 0

    def add(self, label: str | None) -> None:
        self.tickets += 1
        self.right += label is not None and label != Label.REMOVED
        self.wrong += label == Label.REMOVED

    @property
    def precision(self) -> float | None:
        """The share of those people said anything about that were right."""
        said = self.right + self.wrong
        return self.right / said if said else None


class Asked(NamedTuple):
    """What is asked for a ticket; a tag is the same whoever asks for it."""

    name: str
    rule: str = ""


@dataclass(slots=True)
class Change:
    """What is asked for on both sides; ``mode`` is how far the rule goes that does."""

    what: Asked
    mode: Mode
    before: Count = field(default_factory=Count)
    after: Count = field(default_factory=Count)
    added: int = 0
    removed: int = 0
    more: list[str] = field(default_factory=list)  # tickets that would get it
    less: list[str] = field(default_factory=list)

    @property
    def drops(self) -> bool:
        """Whether it would be right less often than it is."""
        before, after = self.before.precision, self.after.precision
        return before is not None and after is not None and after < before


@dataclass(slots=True)
class Outcome:
    """What one side comes to, as far as problems go."""

    filed: list[Problem]
    alarms: list[Alarm]

    @property
    def issues(self) -> int:
        return len(self.filed) + len(self.alarms)

    @property
    def messages(self) -> int:
        """How many are told once everything that was filed is fixed."""
        return sum(len(problem.customers) for problem in self.filed)


@dataclass(slots=True)
class Report:
    """All that is said about a comparison."""

    since: datetime
    until: datetime
    tickets: int = 0
    without_words: int = 0
    complaints: Sequence[int] = (0, 0)
    changed: int = 0
    changes: list[Change] = field(default_factory=list)
    before: Outcome = field(default_factory=lambda: Outcome([], []))
    after: Outcome = field(default_factory=lambda: Outcome([], []))
    live: Mapping[int, AnyRow] = field(default_factory=dict)  # filed, in the database
    unknown: dict[str, list[str]] = field(default_factory=dict)  # fields by rule

    @property
    def differs(self) -> bool:
        return bool(self.changed) or _told(self.before) != _told(self.after)


def _told(outcome: Outcome) -> tuple[Any, ...]:
    filed = [(one.filed_at, one.title, sorted(one.customers)) for one in outcome.filed]
    return filed, outcome.alarms


class Tally:
    """Adds up what is asked for on either side."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self._changes: dict[tuple[Asked, Mode], Change] = {}

    def add(
        self,
        name: str,
        labels: Mapping[str, str],
        before: Mapping[Asked, Mode],
        after: Mapping[Asked, Mode],
    ) -> bool:
        """Count one ticket; tell whether anything about it differs."""
        differs = False
        for what, mode in sorted({*before.items(), *after.items()}):
            change = self._changes.setdefault((what, mode), Change(what, mode))
            was, is_ = before.get(what) is mode, after.get(what) is mode
            label = None if what.rule else labels.get(what.name)
            if was:
                change.before.add(label)
            if is_:
                change.after.add(label)
            if was is is_:
                continue
            differs = True
            change.added += is_
            change.removed += was
            shown = change.more if is_ else change.less
            if len(shown) < self._examples:
                shown.append(name)
        return differs

    def sorted(self) -> list[Change]:
        """Return what changes first, then by name."""
        return sorted(
            self._changes.values(),
            key=lambda one: (not (one.added or one.removed), one.what, one.mode),
        )


def changing(report: Report) -> list[Change]:
    """Return what some tickets would get or lose."""
    return [one for one in report.changes if one.added or one.removed]


def pairs(report: Report) -> list[tuple[Problem | None, Problem | None]]:
    """Put together what both sides filed about the same, in order of time."""
    left = list(report.after.filed)
    found: list[tuple[Problem | None, Problem | None]] = []
    for before in report.before.filed:
        after = next((one for one in left if _is_same(before, one)), None)
        if after is not None:
            left.remove(after)
        found.append((before, after))
    found += [(None, after) for after in left]
    return sorted(found, key=_first_filed)


def _is_same(one: Problem, other: Problem) -> bool:
    if not set(one.shown).isdisjoint(other.shown):
        return True
    return one.in_database is not None and one.in_database == other.in_database


def _first_filed(pair: tuple[Problem | None, Problem | None]) -> tuple[datetime, int]:
    return min((one.filed_at, one.number) for one in pair if one and one.filed_at)
