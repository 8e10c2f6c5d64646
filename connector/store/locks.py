"""Leases by name, so that a piece of work has one process at a time; and facts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from connector.store.dialects import clock, insert
from connector.store.process_tables import facts, locks

STOP = "stop"  #: name of the fact that stops all writing
TICKED = "ticked"  #: name of the fact that says when a scheduler was last at work


def acquire(
    connection: Connection,
    name: str,
    holder: str,
    now: datetime | None,
    lease: timedelta,
) -> bool:
    """Take or prolong the lease ``name``; False if another holder has it.

    Without ``now`` it is the database's clock that counts, which is the same for all
    machines; theirs may differ by more than a lease.
    """
    now = now or clock(connection)
    connection.execute(
        insert(connection.dialect.name, locks).on_conflict_do_nothing(),
        {"name": name, "holder": "", "until": now - lease},
    )
    result = connection.execute(
        update(locks)
        .where(
            locks.c.name == name,
            or_(locks.c.holder == holder, locks.c.until < now),
        )
        .values(holder=holder, until=now + lease)
    )
    return bool(result.rowcount == 1)


def is_held(connection: Connection, name: str) -> bool:
    """Tell whether anybody has the lease ``name``, by the database's clock."""
    query = select(locks.c.name).where(
        locks.c.name == name, locks.c.until >= clock(connection)
    )
    return connection.execute(query).first() is not None


def release(connection: Connection, name: str, holder: str) -> None:
    connection.execute(
        delete(locks).where(locks.c.name == name, locks.c.holder == holder)
    )


def put_fact(connection: Connection, name: str, value: Any, now: datetime) -> None:
    """Remember one small value under a name."""
    connection.execute(
        insert(connection.dialect.name, facts).on_conflict_do_update(
            index_elements=["name"], set_={"value": value, "at": now}
        ),
        {"name": name, "value": value, "at": now},
    )


def is_due(connection: Connection, name: str, now: datetime, every: timedelta) -> bool:
    """Tell whether a fact is older than ``every``; if so, it counts as looked at now.

    Of several processes that ask at the same time, one is told so.
    """
    connection.execute(
        insert(connection.dialect.name, facts).on_conflict_do_nothing(),
        {"name": name, "value": None, "at": now - every},
    )
    result = connection.execute(
        update(facts).where(facts.c.name == name, facts.c.at <= now - every),
        {"at": now},
    )
    return bool(result.rowcount == 1)


def is_stopped(connection: Connection) -> bool:
    """Tell whether a person stopped all writing."""
    query = select(facts.c.name).where(facts.c.name == STOP)
    return connection.scalar(query) is not None


def all_facts(connection: Connection) -> dict[str, Any]:
    query = select(facts.c.name, facts.c.value)
    return {name: value for name, value in connection.execute(query)}


def when(connection: Connection, name: str) -> datetime | None:
    """Return when a fact was put last."""
    found: datetime | None = connection.scalar(
        select(facts.c.at).where(facts.c.name == name)
    )
    return found


def drop_fact(connection: Connection, name: str) -> None:
    connection.execute(delete(facts).where(facts.c.name == name))
