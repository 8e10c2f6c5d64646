"""What was learned from people: which model is used, and the ones before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from connector.store.rule_tables import learned_models as table
from connector.store.schema import AnyRow

#: Models that are kept: the one in use and two to go back to.
KEPT = 3


def add(
    connection: Connection,
    version: str,
    body: str,
    figures: Mapping[str, Any],
    now: datetime,
) -> None:
    """Keep a model and use it from now on, instead of the one before."""
    stop(connection)
    connection.execute(
        insert(table).values(
            version=version, fitted_at=now, used=True, figures=dict(figures), body=body
        )
    )
    newest = select(table.c.id).order_by(table.c.id.desc()).limit(KEPT)
    kept = connection.scalars(newest).all()
    connection.execute(delete(table).where(table.c.id < min(kept)))


def stop(connection: Connection) -> bool:
    """Use no model; tell whether one was used."""
    done = connection.execute(update(table).where(table.c.used).values(used=False))
    return bool(done.rowcount)


def go_back(connection: Connection) -> str | None:
    """Use the model before the one in use, or the newest if none is; return which.

    None: there is none before it.
    """
    current = connection.scalar(select(table.c.id).where(table.c.used))
    query = select(table.c.id, table.c.version).order_by(table.c.id.desc()).limit(1)
    if current is not None:
        query = query.where(table.c.id < current)
    row = connection.execute(query).first()
    if row is None:
        return None
    stop(connection)
    connection.execute(update(table).where(table.c.id == row.id).values(used=True))
    return str(row.version)


def version(connection: Connection) -> str:
    """Return which model is used; empty: none is."""
    query = select(table.c.version).where(table.c.used).order_by(table.c.id.desc())
    return connection.scalar(query.limit(1)) or ""


def body(connection: Connection, version: str) -> str | None:
    """Return a model as it was written down; None: it is no longer kept."""
    query = select(table.c.body).where(table.c.version == version)
    return connection.scalar(query.order_by(table.c.id.desc()).limit(1))


def listing(connection: Connection) -> Sequence[AnyRow]:
    """Return what is known of each model that is kept, the newest first."""
    columns = (table.c.version, table.c.fitted_at, table.c.used, table.c.figures)
    return connection.execute(select(*columns).order_by(table.c.id.desc())).all()
