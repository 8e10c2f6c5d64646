"""What reports are made of, and which were made. Nobody's name or words are read.

A complaint counts when its ticket was opened: later words on it move nothing from one
period to another. One that was merged into another ticket lives on as that one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, select

from connector.models import GroupState, Meaning, OutboxState, TicketStatus
from connector.store.broadcasts import BroadcastState
from connector.store.clocks import ClockState
from connector.store.dialects import insert
from connector.store.problem_tables import groups, members
from connector.store.schema import (
    AnyRow,
    Moment,
    broadcasts,
    clocks,
    outbox,
    tasks,
    ticket_tags,
    tickets,
)
from connector.store.schema import reports as table
from connector.store.tasks import TaskState
from connector.store.tickets import TYPE, TagState

_NAMED = (
    tickets.c.source,
    tickets.c.external_id,
    tickets.c.number,
    tickets.c.url,
)

#: Clocks of which nobody can say whether they were kept.
UNCOUNTED = (ClockState.DROPPED, ClockState.PASSED_ON)

#: Tickets that nobody is to look at any more.
OVER = (
    TicketStatus.RESOLVED,
    TicketStatus.CLOSED,
    TicketStatus.SPAM,
    TicketStatus.DELETED,
)


def begin(connection: Connection, kind: str, period: str, now: datetime) -> bool:
    """Note that a report is made; False if it was before, by whatever process."""
    statement = (
        insert(connection.dialect.name, table)
        .values(kind=kind, period=period, made_at=now)
        .on_conflict_do_nothing()
        .returning(table.c.period)
    )
    return connection.execute(statement).scalar_one_or_none() is not None


def _received(since: datetime, until: datetime) -> ColumnElement[bool]:
    return (
        (tickets.c.created_at >= since)
        & (tickets.c.created_at < until)
        & tickets.c.merged_into.is_(None)
        & (tickets.c.status != TicketStatus.SPAM)
    )


def complaints(
    connection: Connection, since: datetime, until: datetime
) -> Sequence[AnyRow]:
    """Return complaints received in a time, imported or not, with their problems."""
    query = (
        select(
            tickets.c.id,
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.status,
            tickets.c.created_at,
            tickets.c.first_answer_at,
            tickets.c.solved_at,
            tickets.c.closed_at,
            tickets.c.channel,
            tickets.c.details,
            TYPE.label("kind"),
            members.c.group_id,
            members.c.at.label("complained_at"),
            groups.c.state,
            groups.c.issue_meaning,
            groups.c.issue_key,
            groups.c.done_at,
        )
        .select_from(
            tickets.outerjoin(members, members.c.ticket_id == tickets.c.id).outerjoin(
                groups, groups.c.id == members.c.group_id
            )
        )
        .where(tickets.c.complaint, _received(since, until))
    )
    return connection.execute(query).all()


def open_at(connection: Connection, at: datetime) -> int:
    """Count the complaints that were open at that time, as far as is known now.

    One that was solved then and opened again since counts as open.
    """
    query = select(func.count()).where(
        tickets.c.complaint,
        tickets.c.created_at < at,
        tickets.c.merged_into.is_(None),
        tickets.c.status.not_in([TicketStatus.SPAM, TicketStatus.DELETED]),
        tickets.c.solved_at.is_(None) | (tickets.c.solved_at >= at),
    )
    return int(connection.scalar(query) or 0)


def clocks_of(
    connection: Connection, since: datetime, until: datetime
) -> dict[int, list[AnyRow]]:
    """Return the clocks of the complaints received in a time, by ticket."""
    query = (
        select(
            clocks.c.ticket_id,
            clocks.c.kind,
            clocks.c.state,
            clocks.c.due_at,
            clocks.c.ended_at,
        )
        .join(tickets, tickets.c.id == clocks.c.ticket_id)
        .where(
            tickets.c.complaint,
            _received(since, until),
            clocks.c.state.not_in(UNCOUNTED),
        )
        .order_by(clocks.c.wrote_at, clocks.c.id)
    )
    found: dict[int, list[AnyRow]] = {}
    for row in connection.execute(query):
        found.setdefault(row.ticket_id, []).append(row)
    return found


def kept(connection: Connection, since: datetime, until: datetime) -> Sequence[AnyRow]:
    """Count by kind the promises that were due in a time, and those that were kept."""
    met = func.count().filter(clocks.c.state == ClockState.MET).label("met")
    query = (
        select(clocks.c.kind, met, func.count().label("due"))
        .where(
            clocks.c.due_at >= since,
            clocks.c.due_at < until,
            clocks.c.state.not_in(UNCOUNTED),
        )
        .group_by(clocks.c.kind)
        .order_by(clocks.c.kind)
    )
    return connection.execute(query).all()


def by_type(connection: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """Count the complaints received in a time by their first type."""
    query = (
        select(TYPE.label("kind"), func.count())
        .where(tickets.c.complaint, _received(since, until))
        .group_by(TYPE)
    )
    return {kind: int(count) for kind, count in connection.execute(query)}


def praise(
    connection: Connection, since: datetime, until: datetime
) -> Sequence[AnyRow]:
    """Return the tickets of a time that praise and complain of nothing."""
    query = (
        select(*_NAMED)
        .where(
            ~tickets.c.complaint,
            tickets.c.praise,
            _received(since, until),
        )
        .order_by(tickets.c.created_at, tickets.c.id)
    )
    return connection.execute(query).all()


def filed(connection: Connection, since: datetime, until: datetime) -> Sequence[AnyRow]:
    """Return the problems that got an issue in a time, the largest first."""
    query = select(groups).where(
        groups.c.filed_at >= since,
        groups.c.filed_at < until,
        groups.c.merged_into.is_(None),
    )
    return connection.execute(
        query.order_by(groups.c.customers.desc(), groups.c.id)
    ).all()


def emerging(
    connection: Connection, since: datetime, until: datetime
) -> Sequence[AnyRow]:
    """Return problems of several customers that began in a time and have no issue."""
    query = select(groups).where(
        groups.c.first_at >= since,
        groups.c.first_at < until,
        groups.c.customers > 1,
        groups.c.state.in_([GroupState.EMERGING, GroupState.READY]),
    )
    return connection.execute(
        query.order_by(groups.c.customers.desc(), groups.c.id)
    ).all()


def fixed(
    connection: Connection, until: datetime, since: datetime | None = None
) -> Sequence[AnyRow]:
    """Return the problems whose fix stands, by when that was, the latest first."""
    query = select(groups).where(
        groups.c.state.in_([GroupState.FIXED, GroupState.CLOSED]),
        groups.c.issue_meaning == Meaning.FIXED,
        groups.c.done_at < until,
    )
    if since is not None:
        query = query.where(groups.c.done_at >= since)
    return connection.execute(
        query.order_by(groups.c.done_at.desc(), groups.c.id.desc())
    ).all()


def complained_at(connection: Connection, group_ids: Collection[int]) -> list[datetime]:
    """Return when complaints of these problems came, imported or not."""
    query = select(members.c.at).where(members.c.group_id.in_(list(group_ids)))
    return list(connection.scalars(query))


def answered(
    connection: Connection, since: datetime, until: datetime
) -> Sequence[AnyRow]:
    """Return when complaints of a time were answered, and how that was rated."""
    query = select(
        tickets.c.customer_id,
        tickets.c.created_at,
        tickets.c.first_answer_at,
        tickets.c.rating,
    ).where(tickets.c.complaint, _received(since, until))
    return connection.execute(query).all()


def complaints_by_customer(
    connection: Connection, since: datetime, until: datetime
) -> dict[int, list[datetime]]:
    """Return when each customer opened a ticket to complain, oldest first."""
    query = (
        select(tickets.c.customer_id, tickets.c.created_at)
        .where(tickets.c.complaint, _received(since, until))
        .order_by(tickets.c.created_at)
    )
    found: dict[int, list[datetime]] = {}
    for row in connection.execute(query):
        found.setdefault(row.customer_id, []).append(row.created_at)
    return found


def open_tasks(connection: Connection) -> dict[str, int]:
    """Count what waits for a person, by kind."""
    query = select(tasks.c.kind, func.count()).where(tasks.c.state == TaskState.OPEN)
    found = connection.execute(query.group_by(tasks.c.kind).order_by(tasks.c.kind))
    return {kind: int(count) for kind, count in found}


def unapproved(connection: Connection) -> int:
    """Count the messages to many that wait for a person."""
    waiting = broadcasts.c.state == BroadcastState.WAITING
    return int(connection.scalar(select(func.count()).where(waiting)) or 0)


def parked(connection: Connection) -> int:
    """Count the writes that wait for a person."""
    query = select(func.count()).where(outbox.c.state == OutboxState.PARKED)
    return int(connection.scalar(query) or 0)


def unsure(connection: Connection) -> tuple[int, datetime | None]:
    """Count the tickets that may be complaints and nobody has answered, since when."""
    row = connection.execute(
        select(func.count(), func.min(tickets.c.created_at, type_=Moment())).where(
            tickets.c.verdict["band"].as_string() == "medium",
            tickets.c.status.not_in(OVER),
            tickets.c.merged_into.is_(None),
            tickets.c.archived_until.is_(None),
            tickets.c.answered_at.is_(None),
        )
    ).one()
    return int(row[0]), row[1]


def taken_off(
    connection: Connection, since: datetime, until: datetime
) -> dict[str, tuple[int, int]]:
    """Count by rule how many of the tags written in a time people took off."""
    taken = func.count().filter(ticket_tags.c.state == TagState.VETOED)
    query = (
        select(ticket_tags.c.rule, taken, func.count())
        .where(
            ticket_tags.c.state.in_([TagState.WRITTEN, TagState.VETOED]),
            ticket_tags.c.at >= since,
            ticket_tags.c.at < until,
        )
        .group_by(ticket_tags.c.rule)
    )
    return {rule: (int(n), int(of)) for rule, n, of in connection.execute(query)}


def is_wanted(connection: Connection, kind: str, period: str, until: datetime) -> bool:
    """Tell whether a report was not made yet, and there is anything from its time."""
    made = exists().where(table.c.kind == kind, table.c.period == period)
    known = exists().where(tickets.c.created_at < until)
    return bool(connection.scalar(select(~made & known)))


def waiting(connection: Connection, beginning: str) -> list[int]:
    """Return notices, by how their keys begin, that cannot have been sent yet."""
    query = select(outbox.c.id).where(
        outbox.c.dedup_key.startswith(beginning, autoescape=True),
        outbox.c.state.in_([OutboxState.PENDING, OutboxState.PARKED]),
        outbox.c.uncertain_since.is_(None),
    )
    return list(connection.scalars(query))
