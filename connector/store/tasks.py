"""Tasks: what only a person can do, and who did it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, select, update

from connector.store.dialects import insert_missing
from connector.store.schema import tasks, tickets


class TaskKind(StrEnum):
    BAD_RATING = "bad_rating"  #: a ticket was rated bad, and nobody knows why
    SILENT = "silent"  #: complained, and never said whether the solution was one
    DETRACTOR = "detractor"  #: would not recommend us, and has no ticket to say why


class TaskState(StrEnum):
    OPEN = "open"  #: waits for a person
    DONE = "done"  #: a person said so
    SETTLED = "settled"  #: something else came first, and there is nothing left to do


def ask(
    connection: Connection,
    key: str,
    kind: TaskKind,
    reason: str,
    now: datetime,
    *,
    customer_id: int,
    ticket_id: int,
) -> None:
    """Add a task, unless it was there; one that was settled is open again.

    ``reason`` is in our words, never in a customer's.
    """
    values = {
        "key": key,
        "kind": kind,
        "customer_id": customer_id,
        "ticket_id": ticket_id,
        "reason": reason,
        "state": TaskState.OPEN,
        "made_at": now,
    }
    insert_missing(connection, tasks, ["key"], [values])
    connection.execute(
        update(tasks)
        .where(tasks.c.key == key, tasks.c.state == TaskState.SETTLED)
        .values(state=TaskState.OPEN, reason=reason, made_at=now, done_at=None)
    )


def settle(connection: Connection, key: str, now: datetime) -> None:
    """End a task that nobody has to do any more."""
    connection.execute(
        update(tasks)
        .where(tasks.c.key == key, tasks.c.state == TaskState.OPEN)
        .values(state=TaskState.SETTLED, done_at=now)
    )


def done(connection: Connection, task_id: int, who: str, now: datetime) -> bool:
    """Write down that a person did it; tell if it was open."""
    result = connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.state == TaskState.OPEN)
        .values(state=TaskState.DONE, done_by=who, done_at=now)
    )
    return bool(result.rowcount)


def listing(
    connection: Connection, state: str | None, limit: int
) -> Sequence[RowMapping]:
    """Return tasks with the tickets they are about, the newest first."""
    query = (
        select(
            tasks.c.id,
            tasks.c.kind,
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.number.label("ticket"),
            tickets.c.url,
            tasks.c.reason,
            tasks.c.state,
            tasks.c.made_at,
            tasks.c.done_at,
            tasks.c.done_by,
        )
        .select_from(tasks.outerjoin(tickets, tickets.c.id == tasks.c.ticket_id))
        .order_by(tasks.c.id.desc())
        .limit(limit)
    )
    if state:
        query = query.where(tasks.c.state == state)
    return connection.execute(query).mappings().all()
