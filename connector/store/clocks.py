"""Clocks: what is due on which ticket, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Select, select, update

from connector.store.dialects import insert
from connector.store.schema import AnyRow, clocks, tickets

#: A statement takes only so many values: 32,766 with SQLite.
_AT_ONCE = 1000


class ClockState(StrEnum):
    RUNNING = "running"  #: nothing has met it yet, in time or not
    MET = "met"  #: in time
    LATE = "late"  #: after it was due
    PASSED_ON = "passed_on"  #: not in time, and another promise counts instead
    DROPPED = "dropped"  #: it does not count; the reason says why


def of_ticket(connection: Connection, ticket_id: int) -> Sequence[AnyRow]:
    """Return all clocks of a ticket, the oldest first."""
    query = select(clocks).where(clocks.c.ticket_id == ticket_id)
    return connection.execute(query.order_by(clocks.c.wrote_at, clocks.c.id)).all()


def start(
    connection: Connection,
    ticket_id: int,
    kind: str,
    wrote_at: datetime,
    due_at: datetime,
    next_at: datetime | None,
) -> int | None:
    """Start a clock, or let one run again that was dropped; None if it ran already."""
    statement = insert(connection.dialect.name, clocks).values(
        ticket_id=ticket_id,
        kind=kind,
        wrote_at=wrote_at,
        due_at=due_at,
        state=ClockState.RUNNING,
        next_at=next_at,
    )
    again = {
        "state": ClockState.RUNNING,
        "due_at": due_at,
        "step": 0,
        "next_at": next_at,
        "ended_at": None,
        "reason": "",
    }
    made: int | None = connection.scalar(
        statement.on_conflict_do_update(
            index_elements=["ticket_id", "kind", "wrote_at"],
            set_=again,
            where=clocks.c.state == ClockState.DROPPED,
        ).returning(clocks.c.id)
    )
    return made


def move(
    connection: Connection,
    clock_id: int,
    due_at: datetime,
    step: int,
    next_at: datetime | None,
) -> None:
    """Change when a clock is due, or how far it has come."""
    connection.execute(
        update(clocks)
        .where(clocks.c.id == clock_id, clocks.c.state == ClockState.RUNNING)
        .values(due_at=due_at, step=step, next_at=next_at)
    )


def end(
    connection: Connection,
    ids: Iterable[int],
    state: ClockState,
    at: datetime,
    reason: str = "",
) -> None:
    connection.execute(
        update(clocks)
        .where(clocks.c.id.in_(list(ids)), clocks.c.state == ClockState.RUNNING)
        .values(state=state, ended_at=at, reason=reason, next_at=None)
    )


def drop(connection: Connection, ticket_id: int, reason: str, now: datetime) -> None:
    """End what runs for a ticket that nobody has to answer any more."""
    rows = of_ticket(connection, ticket_id)
    end(connection, [row.id for row in rows], ClockState.DROPPED, now, reason)


def due(connection: Connection, now: datetime) -> Sequence[AnyRow]:
    """Return clocks whose next step has come, with their tickets, the first due first.

    Nobody else has them before this transaction has ended. Those that somebody has now
    come next time: whoever decides about their tickets might wait for ours.
    """
    return connection.execute(
        _with_tickets()
        .where(clocks.c.next_at <= now, clocks.c.state == ClockState.RUNNING)
        .with_for_update(of=clocks, skip_locked=True)
    ).all()


def running(connection: Connection, limit: int) -> Sequence[AnyRow]:
    """Return clocks that run, with their tickets, the first due first."""
    query = _with_tickets().where(clocks.c.state == ClockState.RUNNING)
    return connection.execute(query.limit(limit)).all()


def at_step(
    connection: Connection, ids: Collection[int], step: int
) -> Sequence[AnyRow]:
    """Return which of these run and came no further than this, with their tickets."""
    asked = list(ids)
    found: list[AnyRow] = []
    for start in range(0, len(asked), _AT_ONCE):
        query = _with_tickets().where(
            clocks.c.id.in_(asked[start : start + _AT_ONCE]),
            clocks.c.state == ClockState.RUNNING,
            clocks.c.step == step,
        )
        found += connection.execute(query).all()
    return sorted(found, key=lambda row: (row.due_at, row.id))


def _with_tickets() -> Select[tuple[object, ...]]:
    return (
        select(
            clocks,
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.number,
            tickets.c.url,
            tickets.c.status,
        )
        .select_from(clocks.join(tickets))
        .order_by(clocks.c.due_at, clocks.c.id)
    )
