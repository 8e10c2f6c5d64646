"""The outbox's rows as their sender sees them: taken, tried, ended or put off.

What is asked for, taken back or looked up is in ``connector.store.outbox``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, or_, select, update

from connector.models import Operation, OutboxState
from connector.store.dialects import for_claiming
from connector.store.outbox import WAITING
from connector.store.schema import AnyRow
from connector.store.schema import outbox as table


def claim(
    connection: Connection,
    source: str,
    holder: str,
    now: datetime,
    limit: int,
    left_out: Sequence[Operation] = (),
) -> list[AnyRow]:
    """Take what is due for ``source``: of each ordering key one row, and a message.

    Rows of operations that are ``left_out`` are not taken, whatever waits behind them.
    Only the holder of the source's sender lease may call this.
    """
    earlier = table.alias("earlier")
    blocked = exists().where(
        earlier.c.ordering_key == table.c.ordering_key,
        earlier.c.id < table.c.id,
        earlier.c.state.in_(WAITING),
        # Tags and notes keep their order among themselves. A customer waits only for
        # what was to be said to them before: a tag can be put off for hours.
        or_(
            table.c.operation != Operation.SEND_MESSAGE,
            earlier.c.operation == Operation.SEND_MESSAGE,
        ),
    )
    query = (
        select(table.c.id)
        .where(
            table.c.state == OutboxState.PENDING,
            table.c.source == source,
            table.c.due_at <= now,
            table.c.operation.not_in(left_out),
            ~blocked,
        )
        # What was put off stands behind what was not, or it could bar the way.
        .order_by(table.c.priority, table.c.due_at, table.c.id)
        .limit(limit)
    )
    # Nobody is waited for who is about to take rows back, or a deadlock might follow.
    ids = list(connection.scalars(for_claiming(connection, query)))
    if not ids:
        return []
    rows = connection.execute(
        update(table)
        # Discarded since it was looked up: a person was quicker.
        .where(table.c.id.in_(ids), table.c.state == OutboxState.PENDING)
        .values(
            state=OutboxState.SENDING,
            claimed_by=holder,
            attempts=table.c.attempts + 1,
        )
        .returning(*table.c)
    ).all()
    return sorted(rows, key=lambda row: (row.priority, row.due_at, row.id))


def give_back(
    connection: Connection, ids: Iterable[int], holder: str, now: datetime
) -> None:
    """Return claimed rows that were not tried."""
    connection.execute(
        update(table)
        .where(table.c.id.in_(list(ids)), _is_held_by(holder))
        .values(
            state=OutboxState.PENDING,
            claimed_by=None,
            attempts=table.c.attempts - 1,
            due_at=now,
        )
    )


def _is_held_by(holder: str) -> ColumnElement[bool]:
    # A sender that was thought dead must not end what another one has taken over.
    return (table.c.state == OutboxState.SENDING) & (table.c.claimed_by == holder)


def take_back(connection: Connection, source: str, now: datetime) -> int:
    """Free rows that a dead sender of ``source`` had claimed.

    It may have made the calls, so each is looked for before it is made again.
    """
    result = connection.execute(
        update(table)
        .where(table.c.state == OutboxState.SENDING, table.c.source == source)
        .values(
            state=OutboxState.PENDING,
            claimed_by=None,
            due_at=now,
            uncertain_since=now,
        )
    )
    return int(result.rowcount)


def doubt(connection: Connection, now: datetime) -> int:
    """Let each row that waits be looked for at its vendor before it is made.

    For a database that was restored: after the copy was made they may have been sent.
    """
    result = connection.execute(
        update(table)
        .where(table.c.state == OutboxState.PENDING, table.c.uncertain_since.is_(None))
        .values(uncertain_since=now)
    )
    return int(result.rowcount)


def finish(
    connection: Connection,
    row_id: int,
    holder: str,
    state: OutboxState,
    now: datetime,
    *,
    result: dict[str, Any] | None = None,
    error: str = "",
) -> bool:
    """End a row that ``holder`` has claimed; False if it has not, any more."""
    done = connection.execute(
        update(table)
        .where(table.c.id == row_id, _is_held_by(holder))
        .values(state=state, result=result, error=error, done_at=now, claimed_by=None)
    )
    return bool(done.rowcount)


def park(
    connection: Connection,
    row_id: int,
    holder: str,
    now: datetime,
    error: str,
    uncertain_since: datetime | None,
) -> None:
    """Set a row aside for a person, who may have it tried again."""
    connection.execute(
        update(table)
        .where(table.c.id == row_id, _is_held_by(holder))
        .values(
            state=OutboxState.PARKED,
            error=error,
            done_at=now,
            claimed_by=None,
            uncertain_since=uncertain_since,
        )
    )


def postpone(
    connection: Connection,
    row_id: int,
    holder: str,
    due_at: datetime,
    error: str,
    attempts: int,
    uncertain_since: datetime | None,
    target: str | None = None,
) -> None:
    """Return a row for a later try, perhaps at another target."""
    values: dict[str, Any] = {
        "state": OutboxState.PENDING,
        "due_at": due_at,
        "error": error,
        "attempts": attempts,
        "uncertain_since": uncertain_since,
        "claimed_by": None,
    }
    if target is not None:
        values["target"] = target
    connection.execute(
        update(table).where(table.c.id == row_id, _is_held_by(holder)).values(**values)
    )


def rewrite(connection: Connection, row: AnyRow, payload: dict[str, Any]) -> None:
    """Let a claimed row write something newer, before it is carried out."""
    connection.execute(
        update(table)
        .where(table.c.id == row.id, _is_held_by(row.claimed_by))
        .values(payload=payload)
    )
