"""What was done to tickets because of rules: tags of the ledger, rows of the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from connector.models import HIGH, Operation, OutboxState
from connector.store.schema import AnyRow, ticket_tags, tickets
from connector.store.schema import outbox as table
from connector.store.tickets import TagState

OURS = (TagState.WANTED, TagState.WRITTEN)


def raised(connection: Connection, ticket_id: int) -> str:
    """Return the priority that we last gave to a ticket; empty: we never did."""
    for row in _done(connection, ticket_id, Operation.HASTEN):
        if (row.result or {}).get("raised"):
            return str(row.payload.get("priority", HIGH))
    return ""


def put_into(connection: Connection, ticket_id: int) -> str:
    """Return the id of where we last put a ticket; empty: we never did."""
    done = _done(connection, ticket_id, Operation.ROUTE)
    places = ((row.result or {}).get("place", "") for row in done)
    return next(filter(None, places), "")


def _done(
    connection: Connection, ticket_id: int, operation: Operation
) -> Sequence[AnyRow]:
    query = select(table.c.payload, table.c.result).where(
        table.c.ticket_id == ticket_id,
        table.c.operation == operation,
        table.c.state == OutboxState.DONE,
    )
    return connection.execute(query.order_by(table.c.id.desc())).all()


def tags(
    connection: Connection, rule: str, since: datetime, limit: int | None = None
) -> Sequence[AnyRow]:
    """Return tags of a rule that are still ours, with their tickets, oldest first."""
    query = (
        select(
            ticket_tags.c.ticket_id,
            ticket_tags.c.tag,
            ticket_tags.c.rule_version,
            tickets.c.source,
            tickets.c.external_id,
        )
        .join(tickets, tickets.c.id == ticket_tags.c.ticket_id)
        .where(
            ticket_tags.c.rule == rule,
            ticket_tags.c.at >= since,
            ticket_tags.c.state.in_(OURS),
        )
        .order_by(ticket_tags.c.ticket_id, ticket_tags.c.tag)
    )
    return connection.execute(query.limit(limit)).all()


def undo_tag(connection: Connection, ticket_id: int, tag: str, now: datetime) -> None:
    connection.execute(
        update(ticket_tags)
        .where(
            ticket_tags.c.ticket_id == ticket_id,
            ticket_tags.c.tag == tag,
            ticket_tags.c.state.in_(OURS),
        )
        .values(state=TagState.UNDONE, at=now)
    )


def rows(
    connection: Connection,
    rule: str,
    since: datetime,
    states: Sequence[OutboxState],
) -> Sequence[AnyRow]:
    """Return what a rule asked for beside tags and is in one of these states."""
    query = select(
        table.c.id,
        table.c.operation,
        table.c.source,
        table.c.target,
        table.c.state,
        table.c.uncertain_since,
    ).where(
        table.c.rule == rule,
        table.c.created_at >= since,
        table.c.operation != Operation.CHANGE_TAGS,
        table.c.state.in_(states),
    )
    return connection.execute(query.order_by(table.c.id)).all()
