"""What differs between two ways of judging the same tickets. Values, and adding up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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


@dataclass(slots=True)
class Change:
    """A tag on both sides. ``mode`` is how far the rule goes that asks for it."""

    tag: str
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
    tags: list[Change] = field(default_factory=list)
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


class Tags:
    """Adds up which tags there are on either side."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self._changes: dict[tuple[str, Mode], Change] = {}

    def add(
        self,
        name: str,
        labels: Mapping[str, str],
        before: Mapping[str, Mode],
        after: Mapping[str, Mode],
    ) -> bool:
        """Count one ticket; tell whether its tags differ."""
        differs = False
        for tag, mode in sorted({*before.items(), *after.items()}):
            change = self._changes.setdefault((tag, mode), Change(tag, mode))
            was, is_ = before.get(tag) is mode, after.get(tag) is mode
            if was:
                change.before.add(labels.get(tag))
            if is_:
                change.after.add(labels.get(tag))
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
            key=lambda one: (not (one.added or one.removed), one.tag, one.mode),
        )


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
