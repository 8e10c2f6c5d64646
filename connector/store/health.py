"""Which sources are not to be called, as all processes see it. No row: all is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from connector.models import DeliveryState, OutboxState
from connector.store.dialects import insert
from connector.store.process_tables import health as table
from connector.store.schema import AnyRow, deliveries, outbox


def of_source(connection: Connection, source: str) -> Sequence[AnyRow]:
    return connection.execute(select(table).where(table.c.source == source)).all()


def listing(connection: Connection) -> Sequence[AnyRow]:
    query = select(table).order_by(table.c.source, table.c.since)
    return connection.execute(query).all()


def shut(
    connection: Connection, source: str, side: str, values: Mapping[str, Any]
) -> None:
    """Write down that this side is not to be called, and why.

    Since when, and how often it was tried again, stays as it was if it is known.
    """
    row = {"source": source, "side": side, **values}
    kept = ("source", "side", "since", "probes")
    connection.execute(
        insert(connection.dialect.name, table).on_conflict_do_update(
            index_elements=["source", "side"],
            set_={name: value for name, value in row.items() if name not in kept},
        ),
        row,
    )


def advise(connection: Connection, source: str, side: str, remedy: str) -> None:
    connection.execute(
        update(table)
        .where(table.c.source == source, table.c.side == side)
        .values(remedy=remedy)
    )


def probe(
    connection: Connection,
    source: str,
    side: str,
    expected: datetime,
    probe_at: datetime,
) -> bool:
    """Claim the one try that was due at ``expected``; False if another was quicker."""
    result = connection.execute(
        update(table)
        .where(
            table.c.source == source,
            table.c.side == side,
            table.c.probe_at == expected,
        )
        .values(probe_at=probe_at, probes=table.c.probes + 1)
    )
    return bool(result.rowcount)


def probe_soon(
    connection: Connection, source: str, side: str, probe_at: datetime
) -> None:
    """Let a side be tried at ``probe_at``, if that was to be later."""
    connection.execute(
        update(table)
        .where(
            table.c.source == source,
            table.c.side == side,
            table.c.probe_at > probe_at,
        )
        .values(probe_at=probe_at)
    )


def hasten(connection: Connection, source: str, now: datetime) -> None:
    """Let all waiting work of a source be done now: it may have been put off long."""
    for work, pending in (
        (deliveries, DeliveryState.PENDING),
        (outbox, OutboxState.PENDING),
    ):
        connection.execute(
            update(work)
            .where(
                work.c.source == source, work.c.state == pending, work.c.due_at > now
            )
            .values(due_at=now)
        )


def well(connection: Connection, source: str, sides: Sequence[str]) -> int:
    """Forget what kept these sides shut; return how many there were."""
    result = connection.execute(
        delete(table).where(table.c.source == source, table.c.side.in_(sides))
    )
    return int(result.rowcount)
