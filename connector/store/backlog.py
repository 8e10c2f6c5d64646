"""What is not done yet, counted: deliveries, writes, and what people have to settle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from connector.models import DeliveryState, OutboxState
from connector.store.broadcasts import BroadcastState
from connector.store.process_tables import budgets
from connector.store.schema import AnyRow, broadcasts, deliveries, outbox, tasks
from connector.store.tasks import TaskState

INBOX = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.PARKED)
OUTBOX = (OutboxState.PENDING, OutboxState.SENDING, OutboxState.PARKED)


def inbox(connection: Connection) -> Sequence[AnyRow]:
    """Count deliveries by ``source`` and ``state``, with when the ``oldest`` came."""
    query = (
        select(
            deliveries.c.source,
            deliveries.c.state,
            func.count().label("rows"),
            func.min(deliveries.c.received_at).label("oldest"),
        )
        .where(deliveries.c.state.in_(INBOX))
        .group_by(deliveries.c.source, deliveries.c.state)
    )
    return connection.execute(query).all()


def outbox_rows(connection: Connection, now: datetime) -> Sequence[AnyRow]:
    """Count writes by ``source``, ``operation`` and ``state``.

    With since when one is ``due``, and how many were ``tried`` before: a failed one is
    due later with each try, and so never long overdue.
    """
    query = (
        select(
            outbox.c.source,
            outbox.c.operation,
            outbox.c.state,
            func.count().label("rows"),
            func.min(case((outbox.c.due_at <= now, outbox.c.due_at))).label("due"),
            func.count().filter(outbox.c.attempts > 0).label("tried"),
        )
        .where(outbox.c.state.in_(OUTBOX))
        .group_by(outbox.c.source, outbox.c.operation, outbox.c.state)
    )
    return connection.execute(query).all()


def for_people(connection: Connection) -> dict[str, int]:
    """Count what nobody but a person can settle."""
    asked = select(func.count()).where(broadcasts.c.state == BroadcastState.WAITING)
    open_tasks = select(func.count()).where(tasks.c.state == TaskState.OPEN)
    return {
        "broadcasts": int(connection.scalar(asked) or 0),
        "tasks": int(connection.scalar(open_tasks) or 0),
    }


def budgets_of(connection: Connection, bucket: str) -> Sequence[AnyRow]:
    """Return what was taken of one kind of budget, for each account."""
    return connection.execute(select(budgets).where(budgets.c.bucket == bucket)).all()
