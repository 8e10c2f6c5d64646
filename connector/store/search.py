"""Finding tickets, and what was written to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from connector.store.schema import AnyRow, customers, outbox, tickets


class Asked(NamedTuple):
    """What is looked for; what is empty does not matter."""

    words: str = ""
    source: str = ""
    language: str = ""
    kind: str = ""
    complaints: bool = True


def find(connection: Connection, asked: Asked, limit: int) -> Sequence[AnyRow]:
    """Return tickets, the newest first."""
    query = (
        select(
            tickets.c.id,
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.number,
            tickets.c.subject,
            tickets.c.status,
            tickets.c.language,
            tickets.c.complaint,
            tickets.c.verdict,
            tickets.c.created_at,
            customers.c.key.label("customer"),
        )
        .join(customers, customers.c.id == tickets.c.customer_id)
        .order_by(tickets.c.id.desc())
    )
    if asked.complaints:
        query = query.where(tickets.c.complaint)
    if asked.source:
        query = query.where(tickets.c.source == asked.source)
    if asked.language:
        query = query.where(tickets.c.language == asked.language)
    if asked.kind:
        query = query.where(tickets.c.verdict[("types", 0)].as_string() == asked.kind)
    if asked.words:
        query = query.where(
            or_(
                tickets.c.number == asked.words.lstrip("#"),
                customers.c.key == asked.words.casefold(),
                tickets.c.subject.contains(asked.words, autoescape=True),
                tickets.c.text.contains(asked.words, autoescape=True),
            )
        )
    return connection.execute(query.limit(limit)).all()


def written(connection: Connection, ticket_id: int) -> Sequence[AnyRow]:
    """Return what was written to a ticket or waits to be, the newest first."""
    query = (
        select(
            outbox.c.id,
            outbox.c.operation,
            outbox.c.source,
            outbox.c.target,
            outbox.c.state,
            outbox.c.rule,
            outbox.c.error,
            outbox.c.created_at,
            outbox.c.done_at,
        )
        .where(outbox.c.ticket_id == ticket_id)
        .order_by(outbox.c.id.desc())
    )
    return connection.execute(query).all()
