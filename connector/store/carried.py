"""Tickets whose source cannot be asked again: the newest delivery that held each one.

Beside the inbox, because its rows may be cleared away once they are handled. What a
body means is the adapter's part.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, or_, select

from connector.models import Delivery, TicketRef
from connector.store.dialects import insert
from connector.store.schema import carried as table


def keep(
    connection: Connection, ref: TicketRef, at: datetime, delivery: Delivery
) -> None:
    """Keep ``delivery`` for its ticket, unless a newer one is kept already."""
    values = {
        "source": ref.source,
        "external_id": ref.external_id,
        "at": at,
        "delivery_id": delivery.id,
        "received_at": delivery.received_at,
        "headers": dict(delivery.headers),
        "body": delivery.body,
    }
    connection.execute(_keep(connection.dialect.name), values)


@cache
def _keep(dialect: str) -> Any:
    statement = insert(dialect, table)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["source", "external_id"],
        set_={
            column.name: new[column.name]
            for column in table.c
            if not column.primary_key
        },
        where=or_(
            table.c.at < new.at,
            (table.c.at == new.at) & (table.c.delivery_id <= new.delivery_id),
        ),
    )


def find(connection: Connection, ref: TicketRef) -> Delivery | None:
    """Return the newest delivery that held this ticket."""
    query = select(table).where(
        table.c.source == ref.source, table.c.external_id == ref.external_id
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Delivery(
        id=row.delivery_id,
        source=row.source,
        received_at=row.received_at,
        headers=row.headers,
        body=row.body,
    )
