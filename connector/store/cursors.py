"""How far a source was read: by the sweep, and by the import of its history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, select, update

from connector.store.dialects import insert
from connector.store.process_tables import cursors as table
from connector.store.schema import AnyRow


class Purpose(StrEnum):
    SWEEP = "sweep"  #: finds what webhooks missed, from the first start on
    BACKFILL = "backfill"  #: imports what was before


def find(connection: Connection, source: str, purpose: Purpose) -> AnyRow | None:
    query = select(table).where(*_is(source, purpose))
    return connection.execute(query).one_or_none()


def listing(connection: Connection, purpose: Purpose) -> Sequence[AnyRow]:
    query = select(table).where(table.c.purpose == purpose)
    return connection.execute(query.order_by(table.c.source)).all()


def failing(connection: Connection, purpose: Purpose) -> Sequence[AnyRow]:
    """Return the walks whose last step failed."""
    query = select(table).where(table.c.purpose == purpose, table.c.error != "")
    return connection.execute(query.order_by(table.c.source)).all()


def begin(
    connection: Connection,
    source: str,
    purpose: Purpose,
    since: datetime,
    now: datetime,
    due_at: datetime,
    until: datetime | None = None,
) -> bool:
    """Enter a walk that has not begun; False if there is one already."""
    statement = (
        insert(connection.dialect.name, table)
        .values(
            source=source,
            purpose=purpose,
            since=since,
            until=until,
            started_at=now,
            due_at=due_at,
            found={},
        )
        .on_conflict_do_nothing()
        .returning(table.c.source)
    )
    return connection.execute(statement).scalar_one_or_none() is not None


def forget(connection: Connection, source: str, purpose: Purpose) -> None:
    connection.execute(delete(table).where(*_is(source, purpose)))


def claim(
    connection: Connection,
    source: str,
    purpose: Purpose,
    now: datetime,
    due_at: datetime,
) -> AnyRow | None:
    """Take the next step of a walk that is due, and let it be due again later.

    None if it is not due: several that ask at the same time are given it once.
    """
    statement = (
        update(table)
        .where(*_is(source, purpose), table.c.due_at <= now)
        .values(due_at=due_at)
        .returning(*table.c)
    )
    return connection.execute(statement).one_or_none()


def change(
    connection: Connection, source: str, purpose: Purpose, **values: Any
) -> None:
    connection.execute(update(table).where(*_is(source, purpose)).values(**values))


def advance(
    connection: Connection,
    source: str,
    purpose: Purpose,
    old: str | None,
    **values: Any,
) -> bool:
    """Move on from the cursor ``old``; False if somebody else has moved meanwhile."""
    stands = table.c.cursor.is_(None) if old is None else table.c.cursor == old
    result = connection.execute(
        update(table).where(*_is(source, purpose), stands).values(**values)
    )
    return bool(result.rowcount)


def _is(source: str, purpose: Purpose) -> tuple[Any, ...]:
    return table.c.source == source, table.c.purpose == purpose
