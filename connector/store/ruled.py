"""What was done to tickets because of rules, as far as rows of the outbox tell."""

from __future__ import annotations

from sqlalchemy import Connection, select

from connector.models import HIGH, Operation, OutboxState
from connector.store.schema import outbox as table


def raised(connection: Connection, ticket_id: int) -> str:
    """Return the priority that we last gave to a ticket; empty: we never did."""
    query = (
        select(table.c.payload, table.c.result)
        .where(
            table.c.ticket_id == ticket_id,
            table.c.operation == Operation.HASTEN,
            table.c.state == OutboxState.DONE,
        )
        .order_by(table.c.id.desc())
    )
    for row in connection.execute(query):
        if (row.result or {}).get("raised"):
            return str(row.payload.get("priority", HIGH))
    return ""
