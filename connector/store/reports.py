"""What reports are made of, and which were made. Nobody's name or words are read.

A complaint counts when its ticket was opened: later words on it move nothing from one
period to another. One that was merged into another ticket lives on as that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from connector.models import TicketStatus
from connector.store.dialects import insert
from connector.store.schema import AnyRow, groups, members, tickets
from connector.store.schema import reports as table

_TYPE = func.coalesce(tickets.c.verdict[("types", 0)].as_string(), "other")


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
            _TYPE.label("kind"),
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
