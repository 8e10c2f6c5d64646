"""Tickets as they are held, to be judged again; read a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from connector.models import TicketStatus
from connector.store.problem_tables import groups, members
from connector.store.rule_tables import labels
from connector.store.schema import AnyRow, customers, decisions, tickets

#: When it was complained; of what was no complaint, when it was written.
_AT = func.coalesce(members.c.placed_at, members.c.at, tickets.c.created_at)

#: By what its customer was a VIP when it was last decided.
_VIP = (
    select(decisions.c.trace["vip"].as_string())
    .where(decisions.c.ticket_id == tickets.c.id)
    .order_by(decisions.c.id.desc())
    .limit(1)
    .scalar_subquery()
)


def order(
    connection: Connection, since: datetime, until: datetime
) -> list[tuple[datetime, int]]:
    """Return when which tickets came between two times, in that order.

    Without those that nobody works on, and those that live on as others.
    """
    query = (
        select(_AT.label("at"), tickets.c.id)
        .select_from(tickets.outerjoin(members, members.c.ticket_id == tickets.c.id))
        .where(
            _AT > since,
            _AT <= until,
            tickets.c.merged_into.is_(None),
            tickets.c.status.not_in([TicketStatus.SPAM, TicketStatus.DELETED]),
        )
        .order_by("at", tickets.c.id)
    )
    return [(row.at, row.id) for row in connection.execute(query)]


def read(connection: Connection, ids: Sequence[int]) -> dict[int, AnyRow]:
    """Return tickets with whose they are, and the problem they are of."""
    shown = (
        tickets.c.id,
        tickets.c.source,
        tickets.c.external_id,
        tickets.c.number,
        tickets.c.subject,
        tickets.c.text,
        tickets.c.status,
        tickets.c.url,
        tickets.c.language,
        tickets.c.channel,
        tickets.c.rating,
        tickets.c.tags,
        tickets.c.verdict,
        tickets.c.created_at,
        tickets.c.updated_at,
        tickets.c.customer_id,
        customers.c.key,
        customers.c.organization,
        members.c.group_id,
        _VIP.label("vip"),
    )
    query = (
        select(*shown)
        .select_from(
            tickets.join(customers, customers.c.id == tickets.c.customer_id).outerjoin(
                members, members.c.ticket_id == tickets.c.id
            )
        )
        .where(tickets.c.id.in_(list(ids)))
    )
    return {row.id: row for row in connection.execute(query)}


def said(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return what people said about tags, by ticket and tag."""
    query = select(labels.c.ticket_id, labels.c.tag, labels.c.label)
    found: dict[int, dict[str, str]] = {}
    for row in connection.execute(query.where(labels.c.ticket_id.in_(list(ids)))):
        found.setdefault(row.ticket_id, {})[row.tag] = row.label
    return found


def filed(connection: Connection, ids: Sequence[int]) -> dict[int, AnyRow]:
    """Return when these problems were filed as what, those that were."""
    query = select(groups.c.id, groups.c.filed_at, groups.c.issue_key)
    query = query.where(groups.c.id.in_(list(ids)), groups.c.filed_at.is_not(None))
    return {row.id: row for row in connection.execute(query)}
