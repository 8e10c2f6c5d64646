"""Which rows are so old that what they say is not needed any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
)

from connector.models import DeliveryState, GroupState, OutboxState
from connector.store.checkins import CheckinState
from connector.store.erasing import QUOTING
from connector.store.problem_tables import groups, members
from connector.store.schema import checkins, deliveries, outbox, tickets

_HANDLED = (DeliveryState.HANDLED, DeliveryState.IGNORED, DeliveryState.DISCARDED)

_UNSENT = (OutboxState.PENDING, OutboxState.SENDING, OutboxState.PARKED)

#: Problems that may yet be filed, or filed again, with the words of their customers.
_OPEN = (
    GroupState.READY,
    GroupState.FILED,
    GroupState.FIXED,
    GroupState.WONT_DO,
    GroupState.MUTED,
)


def old_deliveries(
    connection: Connection, before: datetime, limit: int
) -> Sequence[int]:
    """Return deliveries that were handled before then, but the first of each source.

    That one says since when the source was listened to.
    """
    firsts = select(func.min(deliveries.c.id)).group_by(deliveries.c.source)
    query = select(deliveries.c.id).where(
        deliveries.c.state.in_(_HANDLED),
        deliveries.c.due_at < before,  # by this they are found; it comes first
        deliveries.c.handled_at < before,
        deliveries.c.id.not_in(firsts),
    )
    return connection.scalars(query.limit(limit)).all()


def drop_deliveries(connection: Connection, ids: Collection[int]) -> None:
    connection.execute(delete(deliveries).where(deliveries.c.id.in_(list(ids))))


def first_deliveries(connection: Connection, before: datetime) -> Sequence[int]:
    """Return the first delivery of each source that still says something, if old."""
    firsts = select(func.min(deliveries.c.id)).group_by(deliveries.c.source)
    query = select(deliveries.c.id).where(
        deliveries.c.id.in_(firsts),
        deliveries.c.state.in_(_HANDLED),
        deliveries.c.handled_at < before,
        deliveries.c.body != b"",
    )
    return connection.scalars(query).all()


def old_tickets(
    connection: Connection, before: datetime, after: int, limit: int
) -> Sequence[int]:
    """Return tickets with words that nobody touched since then, and nothing waits for.

    Those that come ``after`` one: most are long without words, and not looked at again.
    What belongs to an open problem is needed for its issue.
    """
    unsent = exists().where(
        outbox.c.ticket_id == tickets.c.id, outbox.c.state.in_(_UNSENT)
    )
    asked = exists().where(
        checkins.c.ticket_id == tickets.c.id, checkins.c.state == CheckinState.PLANNED
    )
    needed = exists().where(
        members.c.ticket_id == tickets.c.id,
        members.c.group_id == groups.c.id,
        groups.c.state.in_(_OPEN),
    )
    query = select(tickets.c.id).where(
        tickets.c.id > after,
        tickets.c.updated_at < before,
        or_(tickets.c.text != "", tickets.c.subject != ""),
        ~or_(unsent, asked, needed),
    )
    return connection.scalars(query.order_by(tickets.c.id).limit(limit)).all()


def quoting(connection: Connection, before: datetime, limit: int) -> Sequence[int]:
    """Return problems, not open any more, whose writes of then still quote somebody."""
    query: Select[Any] = (
        select(outbox.c.group_id)
        .distinct()
        .join(groups, groups.c.id == outbox.c.group_id)
        .where(
            outbox.c.operation.in_(QUOTING),
            outbox.c.state.not_in(_UNSENT),
            outbox.c.created_at < before,
            groups.c.last_at < before,
            groups.c.state.not_in(_OPEN),
            _quotes(),
        )
    )
    return connection.scalars(query.limit(limit)).all()


def _quotes() -> ColumnElement[bool]:
    """Tell a row with a block that is a quote, or with a line of plain text that is."""
    said = cast(outbox.c.payload, Text)
    marks = ('["quote"', "\\n> ")
    return or_(*(said.contains(mark, autoescape=True) for mark in marks))
