"""The inbox's rows: deliveries from acceptance to their end."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection, RowMapping, and_, func, or_, select, update

from connector.models import Delivery, DeliveryState, EventKind
from connector.store.dialects import for_claiming, insert_plain, notify
from connector.store.schema import deliveries as table
from connector.store.schema import microseconds
from connector.store.signals import CHANNEL

WAKE = "inbox"

#: Header of a delivery that we wrote ourselves, in place of a vendor's.
REFRESH = "refresh"
STEPS = "steps"

#: What is given for a row, with PostgreSQL's types.
_GIVEN = {
    "source": "text",
    "delivery_key": "text",
    "received_at": "bigint",
    "headers": "text[]::json",
    "body": "bytea",
}
#: What follows from it; the rest has defaults.
_DERIVED = {"state": f"'{DeliveryState.PENDING}'", "due_at": "received_at"}
#: SQLite takes 32,766 values in a statement.
_AT_ONCE = 1000


class Arrival(NamedTuple):
    """A delivery to be stored, each value as the driver takes it."""

    source: str
    key: str | None
    received_at: int
    headers: str
    body: bytes


def new(
    source: str,
    key: str | None,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> Arrival:
    """Make a row for ``accept``."""
    written = to_json(headers).decode()
    return Arrival(source, key, microseconds(now), written, body)


def refresh_rows(
    refs: Iterable[tuple[EventKind, str, str]], now: datetime, steps: int = 0
) -> list[Arrival]:
    """Make deliveries of our own that ask to read something again.

    ``steps`` counts how many merges led there.
    """
    return [
        new(
            source,
            None,
            {REFRESH: kind, STEPS: str(steps)},
            json.dumps({"kind": kind, "id": external_id}).encode(),
            now,
        )
        for kind, source, external_id in refs
    ]


def accept(connection: Connection, rows: Sequence[Arrival], wake: bool = False) -> None:
    """Store deliveries; one the vendor already delivered (same key) is left alone.

    ``wake``: tell other processes in the same statement, for use with ``append``.
    """
    for start in range(0, len(rows), _AT_ONCE):
        insert_plain(
            connection,
            table,
            _GIVEN,
            _DERIVED,
            rows[start : start + _AT_ONCE],
            wake=CHANNEL if wake else "",
            may_be_there=any(row.key for row in rows),
        )


def wake_others(connection: Connection) -> None:
    """Tell other processes that there is something to do."""
    notify(connection, CHANNEL)


def claim(
    connection: Connection, holder: str, now: datetime, lease: timedelta, limit: int
) -> list[Delivery]:
    """Take deliveries that are due, or whose holder has let its lease run out.

    ``holder`` claims only after it has ended what it had: what it still holds is left
    over from a failure of the database.
    """
    ready = or_(
        and_(table.c.state == DeliveryState.PENDING, table.c.due_at <= now),
        and_(
            table.c.state == DeliveryState.CLAIMED,
            or_(table.c.lease_until < now, table.c.claimed_by == holder),
        ),
    )
    query = select(table.c.id).where(ready).order_by(table.c.id).limit(limit)
    ids = list(connection.scalars(for_claiming(connection, query)))
    if not ids:
        return []
    rows = connection.execute(
        update(table)
        .where(table.c.id.in_(ids))
        .values(
            state=DeliveryState.CLAIMED,
            claimed_by=holder,
            lease_until=now + lease,
            attempts=table.c.attempts + 1,
        )
        .returning(
            table.c.id,
            table.c.source,
            table.c.received_at,
            table.c.headers,
            table.c.body,
            table.c.attempts,
        )
    ).mappings()
    return sorted((Delivery(**row) for row in rows), key=lambda row: row.id)


def finish(
    connection: Connection,
    ids: Iterable[int],
    holder: str,
    state: DeliveryState,
    reason: str,
    now: datetime,
) -> None:
    """End deliveries that ``holder`` still holds."""
    connection.execute(
        update(table)
        .where(table.c.id.in_(list(ids)), table.c.claimed_by == holder)
        .values(state=state, reason=reason, handled_at=now, claimed_by=None)
    )


def postpone(
    connection: Connection,
    ids: Iterable[int],
    holder: str,
    reason: str,
    due_at: datetime,
    is_attempt: bool,
) -> None:
    """Give deliveries back for a later try; only some count towards the last one."""
    connection.execute(
        update(table)
        .where(table.c.id.in_(list(ids)), table.c.claimed_by == holder)
        .values(
            state=DeliveryState.PENDING,
            reason=reason,
            due_at=due_at,
            claimed_by=None,
            attempts=table.c.attempts - (0 if is_attempt else 1),
        )
    )


def renew(connection: Connection, holder: str, now: datetime, lease: timedelta) -> None:
    """Keep what ``holder`` has claimed, but for what is being ended at this moment."""
    query = select(table.c.id).where(
        table.c.state == DeliveryState.CLAIMED, table.c.claimed_by == holder
    )
    ids = list(connection.scalars(for_claiming(connection, query)))
    if ids:
        connection.execute(
            update(table).where(table.c.id.in_(ids)).values(lease_until=now + lease)
        )


def replay(connection: Connection, ids: Iterable[int], now: datetime) -> int:
    """Let ended or parked deliveries be handled again; return how many there were."""
    result = connection.execute(
        update(table)
        .where(table.c.id.in_(list(ids)), table.c.state != DeliveryState.CLAIMED)
        .values(state=DeliveryState.PENDING, reason="", due_at=now, attempts=0)
    )
    return int(result.rowcount)


def discard(connection: Connection, ids: Iterable[int], now: datetime) -> int:
    """Mark deliveries as not needed; return how many could be marked."""
    result = connection.execute(
        update(table)
        .where(
            table.c.id.in_(list(ids)),
            table.c.state.in_([DeliveryState.PARKED, DeliveryState.PENDING]),
        )
        .values(state=DeliveryState.DISCARDED, handled_at=now)
    )
    return int(result.rowcount)


def empty(connection: Connection, ids: Iterable[int]) -> int:
    """Let deliveries say nothing any more; return how many there were."""
    result = connection.execute(
        update(table).where(table.c.id.in_(list(ids))).values(headers={}, body=b"")
    )
    return int(result.rowcount)


def first_at(connection: Connection, source: str) -> datetime | None:
    """Return when the oldest delivery of a source that is kept was received."""
    query = select(table.c.received_at).where(table.c.source == source)
    return connection.scalar(query.order_by(table.c.id).limit(1))


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
    """Return the newest deliveries, without their bodies."""
    query = select(
        table.c.id,
        table.c.source,
        table.c.received_at,
        table.c.state,
        table.c.reason,
        table.c.attempts,
        func.length(table.c.body).label("bytes"),
    ).order_by(table.c.id.desc())
    if state:
        query = query.where(table.c.state == state)
    return connection.execute(query.limit(limit)).mappings().all()


def find(
    connection: Connection, source: str, word: bytes
) -> tuple[DeliveryState, str] | None:
    """Return state and reason of a recent delivery whose body holds ``word``."""
    query = (
        select(table.c.state, table.c.reason, table.c.body)
        .where(table.c.source == source)
        .order_by(table.c.id.desc())
        .limit(100)
    )
    for state, reason, body in connection.execute(query):
        if word in body:
            return DeliveryState(state), str(reason)
    return None


def get(connection: Connection, delivery_id: int) -> RowMapping | None:
    query = select(table).where(table.c.id == delivery_id)
    return connection.execute(query).mappings().one_or_none()
