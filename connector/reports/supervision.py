"""The return to a supervisor: complaints of a year, or of half of one, in numbers.

Which numbers stands in the pack. It is not legal advice: a house holds it against what
its supervisor asks for. Nobody's name or words are in it, and made twice from the same
data it is the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connector.config import Config
from connector.config_reports import UNKNOWN, Decisions
from connector.packs import Pack, Part, Return
from connector.reports import periods
from connector.reports.periods import Period
from connector.reports.register import is_met
from connector.reports.tables import table
from connector.store import reports
from connector.store.schema import AnyRow
from connector.workdays import ALWAYS, WEEKDAYS
from rules.verdict import TYPES

NOT_YET = "not yet"


class Number(NamedTuple):
    """How many there are of something; the fields are the columns, in their order."""

    what: Part
    of: str
    number: int


def period(wanted: Return, name: str | None, now: datetime, zone: ZoneInfo) -> Period:
    """Return the period of that name, or the one that was over last.

    Raises ``ValueError``.
    """
    if wanted.every == "year":
        return periods.year(name, zone) if name else periods.last_year(now, zone)
    return periods.half_year(name, zone) if name else periods.last_half_year(now, zone)


def numbers(
    connection: Connection, config: Config, wanted: Return, of: Period
) -> list[Number]:
    """Return what a pack wants to be told of a period, in the order it names."""
    counting = _Counting(connection, config, wanted, of)
    return [
        Number(part, name, count)
        for part in wanted.needs
        for name, count in counting.count(part)
    ]


class _Counting:
    """One return while it is made. All but what is open was received in its period."""

    def __init__(
        self, connection: Connection, config: Config, wanted: Return, of: Period
    ) -> None:
        self._connection = connection
        self._config = config
        self._bands = wanted.bands
        self._of = of
        self._rows = reports.complaints(connection, of.since, of.until)

    def count(self, part: Part) -> list[tuple[str, int]]:
        match part:
            case Part.RECEIVED:
                return [("all", len(self._rows))]
            case Part.TYPES:
                return _counted((row.kind for row in self._rows), TYPES)
            case Part.ORIGINS:
                origins = (row.details.get("origin", UNKNOWN) for row in self._rows)
                return _counted(origins, [UNKNOWN])
            case Part.DECISIONS:
                return _counted(self._decisions(), [*Decisions.model_fields, UNKNOWN])
            case Part.OPEN:
                return [
                    ("at the start", reports.open_at(self._connection, self._of.since)),
                    ("at the end", reports.open_at(self._connection, self._of.until)),
                ]
            case Part.ANSWERED:
                bands = [*map(_within, self._bands), self._later(), NOT_YET]
                return _counted(map(self._band, self._rows), bands)
            case Part.KEPT:
                return _counted(self._kept(), ["yes", "no", UNKNOWN])

    def _decisions(self) -> Iterator[str]:
        decisions = self._config.reports.decisions
        for row in self._rows:
            yield decisions.meaning(row.details.get("upheld", ""))

    def _band(self, row: AnyRow) -> str:
        """Say within how many working days of its source a complaint was solved."""
        if row.solved_at is None or row.solved_at >= self._of.until:
            return NOT_YET
        calendar = self._config.calendar(row.source)
        days = WEEKDAYS if calendar is ALWAYS else calendar
        for band in self._bands:
            if row.solved_at <= days.end_of_day(row.created_at, band):
                return _within(band)
        return self._later()

    def _later(self) -> str:
        return f"after {self._bands[-1]} working days"

    def _kept(self) -> Iterator[str]:
        since, until = self._of.since, self._of.until
        clocks = reports.clocks_of(self._connection, since, until)
        for row in self._rows:
            yield is_met(clocks.get(row.id, ()), until) or UNKNOWN


def _counted(found: Iterable[str], expected: Sequence[str]) -> list[tuple[str, int]]:
    """Count each, the expected ones first and even if there are none of them."""
    counts = Counter(found)
    others = sorted(set(counts) - set(expected))
    return [(one, counts[one]) for one in (*expected, *others)]


def _within(days: int) -> str:
    return f"within {days} working days"


def as_json(name: str, pack: Pack, of: Period, found: Sequence[Number]) -> str:
    parts: dict[str, dict[str, int]] = {}
    for one in found:
        parts.setdefault(one.what, {})[one.of] = one.number
    said = {"pack": name, "advice": pack.advice, "period": of.name, **parts}
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


def as_csv(found: Sequence[Number]) -> str:
    return table(Number._fields, found)
