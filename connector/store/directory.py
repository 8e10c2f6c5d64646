"""What directories said of customers when they were last asked.

When they are asked, and what is made of it, is told in ``connector.directories``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, or_, select, tuple_, update

from connector.models import TicketStatus
from connector.store.dialects import insert
from connector.store.schema import AnyRow, customer_keys, customers, tickets
from connector.store.schema import directory_entries as table

#: Tickets that are not decided anew.
OVER = (TicketStatus.CLOSED, TicketStatus.SPAM, TicketStatus.DELETED)


class Asked(NamedTuple):
    """Who was asked about whom."""

    directory: str
    key: str


def find(connection: Connection, asked: Iterable[Asked]) -> dict[Asked, AnyRow]:
    """Return what was said before, old or not."""
    query = select(table).where(tuple_(table.c.directory, table.c.key).in_(list(asked)))
    return {Asked(row.directory, row.key): row for row in connection.execute(query)}


def put(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what was said; who waits for an answer goes on waiting since then."""
    for row in rows:
        connection.execute(_put(connection.dialect.name), dict(row))


@cache
def _put(dialect: str) -> Any:
    statement = insert(dialect, table)
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.c
        if not column.primary_key
    }
    return statement.on_conflict_do_update(
        index_elements=["directory", "key"],
        set_=changed,
        where=table.c.waiting_since.is_(None),
    )


def waiting(connection: Connection, now: datetime, limit: int) -> Sequence[AnyRow]:
    """Return of whom a directory is to be asked again, who waits longest first."""
    query = (
        select(table)
        .where(table.c.waiting_since.is_not(None), table.c.fresh_until <= now)
        .order_by(table.c.waiting_since, table.c.directory, table.c.key)
    )
    return connection.execute(query.limit(limit)).all()


def settle(connection: Connection, asked: Asked, changes: Mapping[str, Any]) -> bool:
    """Write an answer that was waited for; False if it is not any more."""
    result = connection.execute(
        update(table).where(*_is(asked), table.c.waiting_since.is_not(None)), changes
    )
    return bool(result.rowcount)


def drop(connection: Connection, asked: Asked) -> bool:
    """Wait no longer; False if nobody did."""
    return bool(connection.execute(delete(table).where(*_is(asked))).rowcount)


def postpone(connection: Connection, asked: Asked, until: datetime) -> None:
    connection.execute(update(table).where(*_is(asked)).values(fresh_until=until))


def drop_old(connection: Connection, before: datetime) -> None:
    """Let go of what was of use until then."""
    connection.execute(delete(table).where(table.c.fresh_until < before))


def decided_since(
    connection: Connection, keys: Collection[str], since: datetime
) -> Sequence[AnyRow]:
    """Return the tickets of whoever goes by these keys that were decided since then."""
    further = select(customer_keys.c.customer_id).where(
        customer_keys.c.key.in_(list(keys))
    )
    theirs = or_(customers.c.key.in_(list(keys)), customers.c.id.in_(further))
    query = (
        select(tickets.c.source, tickets.c.external_id)
        .select_from(tickets.join(customers, customers.c.id == tickets.c.customer_id))
        .where(theirs, tickets.c.decided_at >= since, tickets.c.status.not_in(OVER))
        .order_by(tickets.c.id)
    )
    return connection.execute(query).all()


def _is(asked: Asked) -> tuple[Any, ...]:
    return (and_(table.c.directory == asked.directory, table.c.key == asked.key),)
