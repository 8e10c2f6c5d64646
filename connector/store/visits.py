"""Tickets that agents look at in the sidebar of their helpdesk, and who they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from connector.store.account_tables import visits
from connector.store.dialects import insert
from connector.store.schema import AnyRow


def begin(connection: Connection, values: dict[str, Any]) -> bool:
    """Write a visit down; False if another began with the same proof."""
    statement = insert(connection.dialect.name, visits).values(**values)
    statement = statement.on_conflict_do_nothing(index_elements=["source", "proof"])
    done = connection.execute(statement.returning(visits.c.token_hash))
    return done.one_or_none() is not None


def find(
    connection: Connection, token_hash: str, source: str, since: datetime
) -> AnyRow | None:
    query = select(visits).where(
        visits.c.token_hash == token_hash,
        visits.c.source == source,
        visits.c.at > since,
    )
    return connection.execute(query).one_or_none()


def settle(connection: Connection, token_hash: str, ticket: str) -> bool:
    """Say which ticket a visit is about; False if it is about another one."""
    query = update(visits).where(
        visits.c.token_hash == token_hash, visits.c.ticket.in_(["", ticket])
    )
    return connection.execute(query.values(ticket=ticket)).rowcount == 1


def end_stale(connection: Connection, begun: datetime) -> None:
    connection.execute(delete(visits).where(visits.c.at <= begun))
