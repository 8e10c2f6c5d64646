"""What tickets were judged by, so that months later it can still be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from connector.store.dialects import insert_missing
from connector.store.rule_tables import rulebooks as table
from connector.store.schema import AnyRow


def keep(
    connection: Connection, version: str, body: Mapping[str, Any], now: datetime
) -> None:
    """Keep a rulebook that comes into force; one that was in force before is there."""
    row = {"version": version, "at": now, "body": dict(body)}
    insert_missing(connection, table, ["version"], [row])


def find(connection: Connection, start: str) -> Sequence[AnyRow]:
    """Return the rulebooks whose version begins like that, the newest first."""
    query = select(table).where(table.c.version.startswith(start, autoescape=True))
    return connection.execute(query.order_by(table.c.at.desc(), table.c.version)).all()
