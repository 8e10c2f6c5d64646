"""What a fix did: how many complained of a problem before it was fixed, and after.

Complaints that came back are those of the problem itself and of what followed it, and
those that were imported are among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connector import filing, issue_text
from connector.config import Config
from connector.models import GroupState, Meaning
from connector.reports.words import say
from connector.store import groups, reports
from connector.store.schema import AnyRow

#: How many days before and after a fix are compared.
SPANS = (30, 90, 180)

#: Of a fix before this nothing more becomes known.
LONGEST = timedelta(days=max(SPANS))


class Span(NamedTuple):
    """Complaints in so many days before a fix and after. None: it is too early."""

    days: int
    before: int
    after: int | None


class Effect(NamedTuple):
    """What became of a problem after its last fix."""

    group_id: int
    title: str
    issue: str
    url: str
    fixed_at: datetime
    customers: int
    spans: tuple[Span, ...]

    def learnt(self, since: datetime, until: datetime) -> Span | None:
        """Return the longest comparison that became possible in this time."""
        found = [
            span
            for span in self.spans
            if since < self.fixed_at + timedelta(days=span.days) <= until
        ]
        return found[-1] if found else None


def effects(
    connection: Connection,
    config: Config,
    now: datetime,
    since: datetime | None = None,
) -> list[Effect]:
    """Return what each fix after ``since`` did that stands, the latest first."""
    return [
        _effect(connection, config, group, now)
        for group in reports.fixed(connection, until=now, since=since)
    ]


def of(
    connection: Connection, config: Config, group_id: int, now: datetime
) -> Effect | None:
    """Return what the fix of a problem did; None if none stands."""
    group = groups.get(connection, group_id)
    is_over = group.state in (GroupState.FIXED, GroupState.CLOSED)
    if not is_over or group.issue_meaning != Meaning.FIXED or group.done_at is None:
        return None
    return _effect(connection, config, group, now)


def _effect(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> Effect:
    times = reports.complained_at(connection, _lineage(connection, group))
    return Effect(
        group_id=group.id,
        title=filing.title(connection, config, group),
        issue=group.issue_key or "",
        url=group.issue_url or "",
        fixed_at=group.done_at,
        customers=group.customers,
        spans=tuple(_span(times, group.done_at, days, now) for days in SPANS),
    )


def _span(
    times: Sequence[datetime], fixed_at: datetime, days: int, now: datetime
) -> Span:
    length = timedelta(days=days)
    before = sum(fixed_at - length < at <= fixed_at for at in times)
    if now < fixed_at + length:
        return Span(days, before, None)
    return Span(days, before, sum(fixed_at < at <= fixed_at + length for at in times))


def _lineage(connection: Connection, group: AnyRow) -> list[int]:
    """Return a problem with those it is the return of, and those that followed it."""
    found = [group.id]
    while group.successor_id is not None:
        group = groups.heir(connection, groups.get(connection, group.successor_id))
        if group.id in found:
            break
        found.append(group.id)
    return [*found, *groups.predecessors(connection, found[0])]


def you_said_we_did(config: Config, one: Effect) -> str:
    """Say in a sentence what customers said and what was done about it."""
    language = config.problems.language
    day = one.fixed_at.astimezone(ZoneInfo(config.reports.timezone))
    return say(
        language,
        "you_said",
        title=one.title,
        customers=issue_text.customers(language, one.customers),
        issue=one.issue,
        day=f"{day:%Y-%m-%d}",
    )


def compared(config: Config, span: Span) -> str:
    """Say how many complained before and after."""
    return say(
        config.problems.language,
        "compared",
        days=span.days,
        before=span.before,
        after=span.after,
    )
