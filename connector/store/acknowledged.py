"""Which complaints were acknowledged: rows of the outbox whose key is
``acknowledged:<ticket's id>``.

Such a row is done, and its ``done_at`` the time of the receipt, once the customer has
it; one with a true ``draft`` in its payload was only left for an agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from connector.models import Operation, OutboxState
from connector.store.problem_tables import members
from connector.store.schema import AnyRow, outbox, tickets

PREFIX = "acknowledged:"


def key(ticket_id: int) -> str:
    return f"{PREFIX}{ticket_id}"


def receipts(
    connection: Connection, since: datetime, until: datetime
) -> dict[int, datetime]:
    """Return when the tickets opened in a time were acknowledged, by ticket."""
    query = (
        select(outbox.c.ticket_id, outbox.c.done_at, outbox.c.payload)
        .join(tickets, tickets.c.id == outbox.c.ticket_id)
        .where(
            tickets.c.created_at >= since,
            tickets.c.created_at < until,
            outbox.c.dedup_key.startswith(PREFIX),
            outbox.c.state == OutboxState.DONE,
        )
    )
    return {
        row.ticket_id: row.done_at
        for row in connection.execute(query)
        if not row.payload.get("draft")
    }


def of_customer(connection: Connection, customer_id: int) -> Sequence[AnyRow]:
    """Return a customer's tickets that were acknowledged, or are about to be."""
    query = (
        select(
            tickets.c.id,
            tickets.c.source,
            tickets.c.status,
            tickets.c.merged_into,
            members.c.group_id,
            outbox.c.created_at.label("at"),
        )
        .select_from(
            outbox.join(tickets, tickets.c.id == outbox.c.ticket_id).outerjoin(
                members, members.c.ticket_id == tickets.c.id
            )
        )
        .where(
            tickets.c.customer_id == customer_id,
            outbox.c.operation == Operation.SEND_MESSAGE,
            outbox.c.dedup_key.startswith(PREFIX),
            outbox.c.state.not_in([OutboxState.DISCARDED, OutboxState.OBSERVED]),
        )
    )
    return connection.execute(query).all()
