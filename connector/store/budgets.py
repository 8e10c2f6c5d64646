"""What was taken from each vendor's budget, by all processes together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from connector.store.dialects import insert_missing
from connector.store.process_tables import budgets as table
from connector.store.schema import AnyRow


def lock(
    connection: Connection, account: str, buckets: Mapping[str, float]
) -> dict[str, AnyRow]:
    """Return these rows and let nobody else change them until the transaction ends.

    ``buckets`` gives the length of a window to those that are new.
    """
    rows = _locked(connection, account, buckets)
    missing = [name for name in buckets if name not in rows]
    if missing:
        insert_missing(
            connection,
            table,
            ["account", "bucket"],
            [_new(account, name, buckets[name]) for name in missing],
        )
        rows = _locked(connection, account, buckets)
    return rows


def _locked(
    connection: Connection, account: str, names: Iterable[str]
) -> dict[str, AnyRow]:
    # Always in the same order, so that two processes never wait for each other.
    query = (
        select(table)
        .where(table.c.account == account, table.c.bucket.in_(list(names)))
        .order_by(table.c.bucket)
        .with_for_update()
    )
    return {row.bucket: row for row in connection.execute(query)}


def _new(account: str, bucket: str, seconds: float) -> dict[str, Any]:
    return {
        "account": account,
        "bucket": bucket,
        "seconds": seconds,
        "spent": {},
        "remaining_until": 0.0,
        "held_until": 0.0,
    }


def save(
    connection: Connection, account: str, bucket: str, values: Mapping[str, Any]
) -> None:
    connection.execute(
        update(table)
        .where(table.c.account == account, table.c.bucket == bucket)
        .values(**values)
    )
