"""How complaints spread over types and problems, without what was imported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from connector.store.problem_tables import groups, members
from connector.store.schema import AnyRow, tickets
from connector.store.tickets import TYPE


def by_type(connection: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """Count complaints after ``since`` by their first type.

    A customer's complaints of one type are one.
    """
    query = (
        select(TYPE.label("kind"), func.count(members.c.customer_id.distinct()))
        .select_from(members.join(tickets, members.c.ticket_id == tickets.c.id))
        .where(members.c.at > since, members.c.at <= until, ~members.c.archived)
        .group_by(TYPE)
    )
    return {kind: int(count) for kind, count in connection.execute(query)}


def largest(
    connection: Connection, kind: str, since: datetime, limit: int
) -> Sequence[AnyRow]:
    """Return the problems with most complaints of this type after ``since``."""
    count = func.count(members.c.customer_id.distinct()).label("recent")
    shown = (
        groups.c.id,
        groups.c.title,
        groups.c.is_named,
        groups.c.state,
        groups.c.issue_key,
        groups.c.issue_url,
    )
    query = (
        select(*shown, count)
        .select_from(
            members.join(tickets, members.c.ticket_id == tickets.c.id).join(
                groups, members.c.group_id == groups.c.id
            )
        )
        .where(members.c.at > since, ~members.c.archived, TYPE == kind)
        .group_by(*shown)
        .order_by(count.desc(), groups.c.id)
        .limit(limit)
    )
    return connection.execute(query).all()
