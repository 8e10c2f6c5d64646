"""The complaint register: a line for each complaint that was received in a month.

What the columns mean stands in docs/reports.md. Made twice from the same data it is the
same, byte for byte: nothing in it says when it was made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connector.config import Config
from connector.models import GroupState, Meaning, TicketStatus
from connector.reports.periods import Period
from connector.reports.tables import table
from connector.store import acknowledged, reports
from connector.store.clocks import ClockState
from connector.store.schema import AnyRow

#: The kind of promise that packs have for it.
ACKNOWLEDGEMENT = "acknowledgement"


class Outcome(StrEnum):
    OPEN = "open"
    SOLVED = "solved"  #: for this customer, by the helpdesk
    FIXED = "fixed"  #: for everybody: the issue about its problem is done
    WONT_DO = "wont_do"  #: that issue is done, but not as fixed, or a person said so
    DELETED = "deleted"  #: from the helpdesk


class Line(NamedTuple):
    """A complaint; the fields are the columns, in their order. None: not known."""

    id: str
    received: str | None
    acknowledged: str | None
    first_answer: str | None
    answered: str | None
    closed: str | None
    type: str
    origin: str | None
    remedy: str | None
    cost: str | None
    outcome: Outcome
    channel: str | None
    clock_met: Literal["yes", "no"] | None
    group: int | None
    issue: str | None


def lines(connection: Connection, config: Config, month: Period) -> list[Line]:
    """Return the register of a month, in the order in which complaints came."""
    zone = ZoneInfo(config.reports.timezone)
    found = reports.complaints(connection, month.since, month.until)
    # Not by the database: each has an order of letters of its own.
    found = sorted(found, key=lambda row: (row.created_at, row.source, row.external_id))
    clocks = reports.clocks_of(connection, month.since, month.until)
    receipts = acknowledged.receipts(connection, month.since, month.until)
    return [
        _line(row, clocks.get(row.id, ()), receipts.get(row.id), zone, month.until)
        for row in found
    ]


def _line(
    row: AnyRow,
    clocks: Sequence[AnyRow],
    receipt: datetime | None,
    zone: ZoneInfo,
    until: datetime,
) -> Line:
    return Line(
        id=f"{row.source}:{row.external_id}",
        received=_moment(row.created_at, zone),
        acknowledged=_moment(receipt or _acknowledged_at(clocks), zone),
        first_answer=_moment(row.first_answer_at, zone),
        answered=_moment(row.solved_at, zone),
        closed=_moment(row.closed_at, zone),
        type=row.kind,
        origin=row.details.get("origin"),
        remedy=row.details.get("remedy"),
        cost=row.details.get("cost"),
        outcome=_outcome(row),
        channel=row.channel or None,
        clock_met=is_met(clocks, until),
        group=row.group_id,
        issue=row.issue_key,
    )


def _acknowledged_at(clocks: Sequence[AnyRow]) -> datetime | None:
    """Return when a promised acknowledgement was given, in time or late."""
    given = [one.ended_at for one in clocks if one.kind == ACKNOWLEDGEMENT]
    return given[0] if given else None


def is_met(clocks: Sequence[AnyRow], until: datetime) -> Literal["yes", "no"] | None:
    """Say whether every promise was kept, as far as that is known.

    One that still runs counts if it was due within the month, whenever it is asked.
    """
    if any(
        one.state == ClockState.LATE
        or (one.state == ClockState.RUNNING and one.due_at < until)
        for one in clocks
    ):
        return "no"
    runs = any(one.state == ClockState.RUNNING for one in clocks)
    return "yes" if clocks and not runs else None


def _outcome(row: AnyRow) -> Outcome:
    if row.status == TicketStatus.DELETED:
        return Outcome.DELETED
    if (
        row.state in (GroupState.FIXED, GroupState.CLOSED)
        and row.issue_meaning == Meaning.FIXED
        and row.complained_at <= row.done_at
    ):
        return Outcome.FIXED
    if row.status in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
        return Outcome.SOLVED
    return Outcome.WONT_DO if row.state == GroupState.WONT_DO else Outcome.OPEN


def _moment(at: datetime | None, zone: ZoneInfo) -> str | None:
    return None if at is None else at.astimezone(zone).isoformat(timespec="seconds")


def as_json(register: Sequence[Line]) -> str:
    listed = [line._asdict() for line in register]
    return json.dumps(listed, ensure_ascii=False, indent=1) + "\n"


def as_csv(register: Sequence[Line]) -> str:
    return table(Line._fields, register)
