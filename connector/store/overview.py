"""What the pages count: complaints by day and type, and what is usual."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, and_, cast, func, select

from connector.models import GroupState, TicketStatus
from connector.store.clocks import ClockState
from connector.store.problem_tables import group_events, groups, members
from connector.store.reports import OVER, UNCOUNTED
from connector.store.schema import AnyRow, clocks, microseconds, tickets
from connector.store.tickets import TYPE

#: Tickets that wait for an answer and whose verdicts are looked into.
LOOKED = 2_000

_DAY = timedelta(days=1) // timedelta(microseconds=1)


def by_day(
    connection: Connection, since: datetime, days: int
) -> dict[tuple[int, str], int]:
    """Count complaints by their type, and by the day from ``since`` on."""
    begin = microseconds(since)
    opened = cast(tickets.c.created_at, BigInteger)
    day = ((opened - begin) // _DAY).label("day")
    query = (
        select(day, TYPE.label("kind"), func.count().label("times"))
        .where(
            tickets.c.complaint,
            tickets.c.created_at >= since,
            tickets.c.created_at < since + timedelta(days=days),
            tickets.c.merged_into.is_(None),
            tickets.c.status != TicketStatus.SPAM,
        )
        .group_by(day, TYPE)
    )
    return {(int(row.day), row.kind): row.times for row in connection.execute(query)}


def praised(connection: Connection, since: datetime, until: datetime) -> int:
    """Count tickets opened in a time that praise something, as ``by_day`` does."""
    query = select(func.count()).where(
        tickets.c.created_at >= since,
        tickets.c.created_at < until,
        tickets.c.merged_into.is_(None),
        tickets.c.status != TicketStatus.SPAM,
        tickets.c.praise,
    )
    return int(connection.scalar(query) or 0)


def clocks_ended(
    connection: Connection, since: datetime, until: datetime
) -> dict[str, int]:
    """Count the clocks that ended in a time by how, as far as they count."""
    query = (
        select(clocks.c.state, func.count())
        .where(
            clocks.c.ended_at >= since,
            clocks.c.ended_at < until,
            clocks.c.state.not_in(UNCOUNTED),
        )
        .group_by(clocks.c.state)
    )
    return {state: int(count) for state, count in connection.execute(query)}


def overdue(connection: Connection, since: datetime, until: datetime) -> int:
    """Count the clocks that were due in a time and still run."""
    query = select(func.count()).where(
        clocks.c.ended_at.is_(None),  # the index begins with it
        clocks.c.state == ClockState.RUNNING,
        clocks.c.due_at >= since,
        clocks.c.due_at < until,
    )
    return int(connection.scalar(query) or 0)


def unsure(connection: Connection, since: datetime, limit: int) -> Sequence[AnyRow]:
    """Return tickets that may be complaints and nobody has answered, oldest first.

    Looked for among the newest that wait: looking into verdicts takes long.
    """
    waiting = (
        select(
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.number,
            tickets.c.created_at,
            tickets.c.verdict,
        )
        .where(
            tickets.c.created_at >= since,
            tickets.c.status.not_in(OVER),
            tickets.c.merged_into.is_(None),
            tickets.c.answered_at.is_(None),
            tickets.c.archived_until.is_(None),
        )
        .order_by(tickets.c.created_at.desc())
        .limit(LOOKED)
        .subquery()
    )
    query = (
        select(waiting.c.source, waiting.c.external_id, waiting.c.number)
        .where(waiting.c.verdict["band"].as_string() == "medium")
        .order_by(waiting.c.created_at)
        .limit(limit)
    )
    return connection.execute(query).all()


def problems(
    connection: Connection,
    states: Sequence[GroupState],
    words: str,
    before: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """Return problems, the latest seen first, from a place in that order on.

    ``words`` are looked for in the title and the issue's key.
    """
    query = select(groups).order_by(groups.c.last_at.desc(), groups.c.id.desc())
    query = query.where(groups.c.state.in_(list(states)))
    if words:
        like = f"%{_escaped(words)}%"
        query = query.where(
            groups.c.title.ilike(like, escape="\\")
            | groups.c.issue_key.ilike(like, escape="\\")
        )
    if before is not None:
        at, number = before
        query = query.where(
            (groups.c.last_at < at) | and_(groups.c.last_at == at, groups.c.id < number)
        )
    return connection.execute(query.limit(limit)).all()


def trend(
    connection: Connection, group_ids: Sequence[int], since: datetime, days: int
) -> dict[int, list[int]]:
    """Count the complaints of problems by day, from ``since`` on."""
    begin = microseconds(since)
    day = ((cast(members.c.at, BigInteger) - begin) // _DAY).label("day")
    query = (
        select(members.c.group_id, day, func.count().label("times"))
        .where(
            members.c.group_id.in_(list(group_ids)),
            members.c.at >= since,
            members.c.at < since + timedelta(days=days),
        )
        .group_by(members.c.group_id, day)
    )
    found = {one: [0] * days for one in group_ids}
    for row in connection.execute(query):
        found[row.group_id][int(row.day)] = row.times
    return found


def first_complaint(connection: Connection, group_id: int) -> datetime | None:
    query = select(func.min(members.c.at)).where(members.c.group_id == group_id)
    found: datetime | None = connection.scalar(query)
    return found


def milestones(connection: Connection, group_id: int) -> Sequence[AnyRow]:
    """Return when a problem was filed, fixed, opened again, oldest first."""
    query = (
        select(group_events.c.at, group_events.c.kind)
        .where(group_events.c.group_id == group_id)
        .order_by(group_events.c.id)
    )
    return connection.execute(query).all()


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
