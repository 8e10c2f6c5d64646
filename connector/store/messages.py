"""The ledger of messages about fixes: who was entered, and who was told.

A line is written when a message is asked for; the row of the outbox that sends it says
what became of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    String,
    and_,
    cast,
    delete,
    literal,
    or_,
    select,
    update,
)

from connector.models import Operation, OutboxState
from connector.store import outbox as effects
from connector.store.dialects import insert
from connector.store.problem_tables import groups
from connector.store.schema import AnyRow, messages, outbox, tickets

#: A message in one of these states told nobody.
_TAKEN_BACK = (OutboxState.DISCARDED, OutboxState.OBSERVED)
#: Nothing of it can have reached the vendor, unless an answer was lost.
_WAITING = (OutboxState.PENDING, OutboxState.PARKED)
#: By the ticket and not by its customer, who may have become another one since.
_SENDS = and_(
    outbox.c.ticket_id == messages.c.ticket_id,
    outbox.c.operation == Operation.SEND_MESSAGE,
    outbox.c.dedup_key.like(
        literal("fixed:")
        + cast(messages.c.group_id, String)
        + ":"
        + cast(messages.c.episode, String)
        + ":%"
    ),
)

_WRITTEN_ON = tickets.c.id == messages.c.ticket_id


def plan(connection: Connection, values: dict[str, Any]) -> bool:
    """Enter a customer into the ledger of a fix; False if already in it."""
    statement = (
        insert(connection.dialect.name, messages)
        .values(**values)
        .on_conflict_do_nothing()
        .returning(messages.c.id)
    )
    return connection.execute(statement).scalar_one_or_none() is not None


def told(connection: Connection, group_id: int) -> Sequence[AnyRow]:
    """Return who was told about fixes of this group, oldest first.

    So were those who were told about one that became part of it. A message that was
    taken back, or only observed, told nobody. ``target`` is the ticket it went to,
    another one after a merge; ``merged_into`` that into which it was merged since.
    """
    absorbed = select(groups.c.id).where(groups.c.merged_into == group_id)
    query = (
        select(messages, outbox.c.source, outbox.c.target, tickets.c.merged_into)
        .select_from(messages.join(outbox, _SENDS).join(tickets, _WRITTEN_ON))
        .where(
            or_(messages.c.group_id == group_id, messages.c.group_id.in_(absorbed)),
            outbox.c.state.not_in(_TAKEN_BACK),
        )
        .order_by(messages.c.at)
    )
    return connection.execute(query).all()


def is_told(
    connection: Connection, group_id: int, episode: int, customer_id: int
) -> bool:
    """Tell whether a customer was, or is about to be, told of this fix."""
    query = (
        select(messages.c.id)
        .select_from(messages.join(outbox, _SENDS))
        .where(
            messages.c.group_id == group_id,
            messages.c.episode == episode,
            messages.c.customer_id == customer_id,
            outbox.c.state.not_in(_TAKEN_BACK),
        )
    )
    return connection.scalar(query.limit(1)) is not None


def untell(connection: Connection, group_id: int, ticket_ids: Collection[int]) -> None:
    """Take out of the ledger what these tickets were not sent after all."""
    connection.execute(
        delete(messages).where(
            messages.c.group_id == group_id, messages.c.ticket_id.in_(list(ticket_ids))
        )
    )


def join(connection: Connection, other: int, first: int, now: datetime) -> None:
    """Enter what was for one customer as for another, who turned out to be the same.

    Of two messages about one fix that are still waiting, or of which one is, the one
    that is further is kept.
    """
    theirs = select(messages).where(messages.c.customer_id == other)
    for line in connection.execute(theirs).all():
        same = select(messages).where(
            messages.c.customer_id == first,
            messages.c.group_id == line.group_id,
            messages.c.episode == line.episode,
        )
        twin = connection.execute(same).one_or_none()
        if twin is not None:
            extra = min(line, twin, key=lambda one: _progress(connection, one))
            waiting = [row.id for row in _sending(connection, extra)]
            effects.discard(connection, waiting, "its customer is told elsewhere", now)
            connection.execute(delete(messages).where(messages.c.id == extra.id))
        # Changes nothing if it was the one too many.
        connection.execute(
            update(messages).where(messages.c.id == line.id).values(customer_id=first)
        )


def _progress(connection: Connection, line: AnyRow) -> int:
    """Say how far a message is: 0 taken back, 1 waiting, 2 perhaps or surely sent."""
    sending = _sending(connection, line)
    rows = [row for row in sending if row.state not in _TAKEN_BACK]
    if not rows:
        return 0
    waits = all(row.state in _WAITING and row.uncertain_since is None for row in rows)
    return 1 if waits else 2


def _sending(connection: Connection, line: AnyRow) -> Sequence[AnyRow]:
    query = select(outbox.c.id, outbox.c.state, outbox.c.uncertain_since)
    query = query.select_from(messages.join(outbox, _SENDS))
    query = query.where(messages.c.id == line.id)
    # Nor are they claimed before this transaction has ended.
    return connection.execute(query.with_for_update(of=outbox)).all()
