"""The outbox's rows: outward calls as they are asked for, taken back and looked up.

How their sender takes and ends them is in ``connector.store.sending``.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    String,
    cast,
    func,
    or_,
    select,
    update,
)

from connector.models import Operation, OutboxState
from connector.store.dialects import insert_missing
from connector.store.schema import AnyRow
from connector.store.schema import outbox as table

WAKE = "outbox"

#: Lower goes first: the customer before the product team before housekeeping.
PRIORITY = {
    Operation.SEND_MESSAGE: 10,
    Operation.UNPLAN_MESSAGE: 10,
    Operation.NOTIFY: 15,
    Operation.CREATE_ISSUE: 20,
    Operation.REOPEN_ISSUE: 20,
    Operation.RAISE_PRIORITY: 50,
    Operation.CHANGE_TAGS: 30,
    Operation.CHANGE_FIELDS: 35,
    Operation.HASTEN: 35,
    Operation.ROUTE: 35,
    Operation.ADD_NOTE: 40,
    Operation.COMMENT_ISSUE: 50,
    Operation.UPDATE_ISSUE: 60,
    Operation.LINK_TICKET: 70,
    Operation.LINK_ISSUES: 70,
    Operation.ADD_WATCHER: 70,
    Operation.CREATE_PROBLEM: 80,
    Operation.SHOW_ISSUE: 80,
    Operation.ADD_INCIDENT: 80,
}

#: How the reason begins for which a row waits that may be part of a loop.
HELD = "stopped"

WAITING = (OutboxState.PENDING, OutboxState.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An outward call to be made. ``dedup_key`` makes it happen at most once, ever.

    ``ordering_key``: effects that share it are carried out in the order they were
    enqueued; only a message to a customer goes past all but messages. ``rule``,
    ``rule_version`` and ``reason`` say why. ``due_at``: not before then; None: at once.
    """

    source: str
    operation: Operation
    target: str
    dedup_key: str
    ordering_key: str
    payload: dict[str, Any] = field(default_factory=dict)
    state: OutboxState = OutboxState.PENDING
    ticket_id: int | None = None
    group_id: int | None = None
    delivery_id: int | None = None
    rule: str = ""
    rule_version: str = ""
    reason: str = ""
    note: str = ""  # why it is parked or only observed
    due_at: datetime | None = None


def new_mark() -> str:
    """Make the short reference by which a write of ours is found again.

    Random and stored before the first try, so that another installation, or this one
    with a fresh database, never takes our writes for its own.
    """
    return f"cc-{secrets.token_hex(6)}"


def enqueue(connection: Connection, effects: Iterable[Effect], now: datetime) -> None:
    """Add effects that were never enqueued before."""
    rows = [
        {
            "source": effect.source,
            "operation": effect.operation,
            "target": effect.target,
            "dedup_key": effect.dedup_key,
            "ordering_key": effect.ordering_key,
            "priority": PRIORITY[effect.operation],
            "mark": new_mark(),
            "payload": effect.payload,
            "state": effect.state,
            "error": effect.note,
            "due_at": effect.due_at or now,
            "ticket_id": effect.ticket_id,
            "group_id": effect.group_id,
            "delivery_id": effect.delivery_id,
            "rule": effect.rule,
            "rule_version": effect.rule_version,
            "reason": effect.reason,
            "created_at": now,
        }
        for effect in effects
    ]
    insert_missing(connection, table, ["dedup_key"], rows)


def sent_marks(connection: Connection, ticket_id: int) -> list[str]:
    """Return the marks of messages to a ticket's customer that nobody else sends."""
    query = select(table.c.mark, table.c.payload).where(
        table.c.ticket_id == ticket_id, table.c.operation == Operation.SEND_MESSAGE
    )
    rows = connection.execute(query)
    return [row.mark for row in rows if not row.payload.get("draft")]


def retry(connection: Connection, ids: Iterable[int], now: datetime) -> int:
    """Let parked rows be sent; return how many there were."""
    result = connection.execute(
        update(table)
        .where(table.c.id.in_(list(ids)), table.c.state == OutboxState.PARKED)
        .values(state=OutboxState.PENDING, due_at=now, attempts=0, error="")
    )
    return int(result.rowcount)


def discard(
    connection: Connection, ids: Iterable[int], reason: str, now: datetime
) -> int:
    """Take back rows that were not sent yet; return how many there were."""
    result = connection.execute(
        update(table)
        .where(
            table.c.id.in_(list(ids)),
            table.c.state.in_([OutboxState.PARKED, OutboxState.PENDING]),
        )
        .values(state=OutboxState.DISCARDED, error=reason, done_at=now)
    )
    return int(result.rowcount)


def untried(
    connection: Connection,
    group_id: int,
    operation: Operation,
    ticket_ids: Collection[int] | None = None,
) -> Sequence[int]:
    """Return rows of this kind that cannot have reached the vendor yet.

    Nor are they claimed before this transaction has ended.
    """
    query = select(table.c.id).where(
        table.c.group_id == group_id,
        table.c.operation == operation,
        table.c.state.in_([OutboxState.PENDING, OutboxState.PARKED]),
        table.c.uncertain_since.is_(None),
    )
    if ticket_ids is not None:
        query = query.where(table.c.ticket_id.in_(list(ticket_ids)))
    return connection.scalars(query.with_for_update()).all()


def is_under_way(connection: Connection, group_id: int, operation: Operation) -> bool:
    """Tell whether the vendor may have done, or be doing, such a thing by now."""
    query = select(table.c.id).where(
        table.c.group_id == group_id,
        table.c.operation == operation,
        or_(
            table.c.state == OutboxState.SENDING,
            table.c.state.in_([OutboxState.PENDING, OutboxState.PARKED])
            & table.c.uncertain_since.is_not(None),
        ),
    )
    return connection.scalar(query.limit(1)) is not None


def lost(connection: Connection, row: AnyRow) -> Sequence[AnyRow]:
    """Return what was taken back of the same after the vendor may have done it."""
    query = select(table).where(
        table.c.group_id == row.group_id,
        table.c.operation == row.operation,
        table.c.state == OutboxState.DISCARDED,
        table.c.uncertain_since.is_not(None),
        table.c.dedup_key.startswith(f"{row.dedup_key}#", autoescape=True),
    )
    return connection.execute(query.order_by(table.c.id)).all()


def unask(
    connection: Connection, ids: Collection[int], reason: str, now: datetime
) -> None:
    """Take back rows that were not sent, as if they had never been asked for.

    Their keys are freed, so that the same can be asked for again.
    """
    discard(connection, ids, reason, now)
    _free(connection, table.c.id.in_(list(ids)))


def free(connection: Connection, dedup_key: str) -> None:
    """Let what somebody took back be asked for again."""
    _free(connection, table.c.dedup_key == dedup_key)


def _free(connection: Connection, which: ColumnElement[bool]) -> None:
    connection.execute(
        update(table)
        .where(which, table.c.state == OutboxState.DISCARDED)
        .values(dedup_key=table.c.dedup_key + "#" + cast(table.c.id, String))
    )


def ask_anew(
    connection: Connection, group_id: int, operations: Collection[Operation]
) -> None:
    """Free the keys of what was done for a problem, so that it can be done again."""
    connection.execute(
        update(table)
        .where(
            table.c.group_id == group_id,
            table.c.operation.in_(list(operations)),
            table.c.state.not_in([*WAITING, OutboxState.PARKED]),
        )
        .values(dedup_key=table.c.dedup_key + "#" + cast(table.c.id, String))
    )


def written(
    connection: Connection,
    ticket_id: int,
    operations: Collection[Operation],
    since: datetime,
) -> int:
    """Count what was written to a ticket after ``since``, by any process."""
    query = select(table.c.result).where(
        table.c.ticket_id == ticket_id,
        table.c.state == OutboxState.DONE,
        table.c.operation.in_(list(operations)),
        table.c.done_at > since,
    )
    # Tags that were as they should be were not written.
    nothing: dict[str, list[str]] = {"added": [], "removed": []}
    return sum(result != nothing for result in connection.scalars(query))


def is_held(connection: Connection, ticket_id: int) -> bool:
    """Tell whether a write to a ticket waits because it may be part of a loop."""
    query = select(table.c.id).where(
        table.c.ticket_id == ticket_id,
        table.c.state == OutboxState.PARKED,
        table.c.error.startswith(f"{HELD}: "),
    )
    return connection.scalar(query.limit(1)) is not None


def by_key(connection: Connection, dedup_key: str) -> AnyRow | None:
    query = select(table).where(table.c.dedup_key == dedup_key)
    return connection.execute(query).one_or_none()


def state_of(connection: Connection, dedup_key: str) -> str | None:
    query = select(table.c.state).where(table.c.dedup_key == dedup_key)
    return connection.scalar(query)


def result_of(connection: Connection, dedup_key: str) -> dict[str, Any] | None:
    """Return what was kept of the answer to a row that was carried out."""
    query = select(table.c.result).where(
        table.c.dedup_key == dedup_key, table.c.state == OutboxState.DONE
    )
    return connection.scalar(query)


def revive(connection: Connection, dedup_key: str, now: datetime) -> None:
    """Let a row be sent that was only observed."""
    connection.execute(
        update(table)
        .where(table.c.dedup_key == dedup_key, table.c.state == OutboxState.OBSERVED)
        .values(state=OutboxState.PENDING, due_at=now, attempts=0, error="")
    )


def latest(
    connection: Connection, group_id: int, operation: Operation
) -> AnyRow | None:
    """Return the newest row of this kind that was, or will be, carried out."""
    query = select(table).where(
        table.c.group_id == group_id,
        table.c.operation == operation,
        table.c.state.not_in([OutboxState.DISCARDED, OutboxState.OBSERVED]),
    )
    newest = query.order_by(table.c.id.desc()).limit(1)
    return connection.execute(newest).one_or_none()


def newest(
    connection: Connection, operation: Operation, count: int, since: datetime
) -> Sequence[datetime]:
    """Return when the newest rows of a kind were asked for, newest first.

    Not those that were only observed, or taken back.
    """
    query = (
        select(table.c.created_at)
        .where(
            table.c.operation == operation,
            table.c.created_at > since,
            table.c.state.not_in([OutboxState.OBSERVED, OutboxState.DISCARDED]),
        )
        .order_by(table.c.created_at.desc())
        .limit(count)
    )
    return connection.scalars(query).all()


def done(
    connection: Connection, group_id: int, operation: Operation
) -> Sequence[AnyRow]:
    """Return the rows of this kind that were carried out, with their results."""
    query = select(table).where(
        table.c.group_id == group_id,
        table.c.operation == operation,
        table.c.state == OutboxState.DONE,
    )
    return connection.execute(query.order_by(table.c.id)).all()


def beginning(
    connection: Connection, group_id: int, operation: Operation, prefix: str
) -> Sequence[AnyRow]:
    """Return rows of a group, by how their keys begin, but those taken back."""
    query = select(table).where(
        table.c.group_id == group_id,
        table.c.operation == operation,
        table.c.dedup_key.startswith(prefix, autoescape=True),
        table.c.state != OutboxState.DISCARDED,
    )
    return connection.execute(query.order_by(table.c.id)).all()


def payloads(
    connection: Connection, group_id: int, operations: Collection[Operation], limit: int
) -> Sequence[dict[str, Any]]:
    """Return what the newest rows of these kinds were to write, in whatever state."""
    query = select(table.c.payload).where(
        table.c.group_id == group_id, table.c.operation.in_(list(operations))
    )
    return connection.scalars(query.order_by(table.c.id.desc()).limit(limit)).all()


def supersede(
    connection: Connection, group_id: int, operation: Operation, now: datetime
) -> None:
    """Take back what was not tried yet because something newer takes its place.

    The key is freed, so that the same state can be written should it come again.
    """
    connection.execute(
        update(table)
        .where(
            table.c.group_id == group_id,
            table.c.operation == operation,
            table.c.state == OutboxState.PENDING,
            table.c.attempts == 0,
        )
        .values(
            state=OutboxState.DISCARDED,
            error="something newer took its place",
            done_at=now,
            dedup_key=table.c.dedup_key + "#" + cast(table.c.id, String),
        )
    )


def counts(
    connection: Connection, states: Collection[str] | None = None
) -> dict[str, int]:
    """Count rows by state; of ``states`` alone it costs nothing how many are done."""
    query = select(table.c.state, func.count()).group_by(table.c.state)
    if states is not None:
        query = query.where(table.c.state.in_(list(states)))
    return {state: int(count) for state, count in connection.execute(query)}


def listing(
    connection: Connection, state: str | None, limit: int
) -> Sequence[RowMapping]:
    """Return the newest rows, without what they say to whom."""
    query = select(
        table.c.id,
        table.c.source,
        table.c.operation,
        table.c.target,
        table.c.state,
        table.c.attempts,
        table.c.error,
        table.c.created_at,
        table.c.due_at,
        table.c.done_at,
        table.c.rule,
        table.c.reason,
        table.c.dedup_key,
    ).order_by(table.c.id.desc())
    if state:
        query = query.where(table.c.state == state)
    return connection.execute(query.limit(limit)).mappings().all()


def get(connection: Connection, row_id: int) -> RowMapping | None:
    query = select(table).where(table.c.id == row_id)
    return connection.execute(query).mappings().one_or_none()
