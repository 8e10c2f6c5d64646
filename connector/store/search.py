"""Finding tickets, and what was written to one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, or_, select, union

from connector.store.dialects import saying
from connector.store.schema import AnyRow, customer_keys, customers, outbox, tickets

#: Tickets of which the ids are at hand while those that say a word are gone through.
FEW = 1_000

#: Words as the databases have them. On one old script not all of them agree.
_WORD = re.compile("[^\\W_\u1900-\u1cff]+")


class Asked(NamedTuple):
    """What is looked for; what is empty does not matter."""

    words: str = ""
    source: str = ""
    language: str = ""
    status: str = ""
    kind: str = ""
    complaints: bool = True
    since: datetime | None = None
    until: datetime | None = None
    #: The id of the last ticket on the page before.
    before: int | None = None


def find(connection: Connection, asked: Asked, limit: int) -> Sequence[AnyRow]:
    """Return tickets, the newest first.

    Words are a number or an address, exactly, or beginnings of words that are all in
    subject or text.
    """
    if not asked.words and (asked.since or asked.until):
        return connection.execute(_of_time(asked).limit(limit)).all()
    query = _query(asked).limit(limit)
    if not asked.words:
        return connection.execute(_newest(query)).all()
    named = query.where(tickets.c.id.in_(_named(asked.words)))
    found = {row.id: row for row in connection.execute(_newest(named))}
    words = _WORD.findall(unicodedata.normalize("NFC", asked.words).lower())
    if words and not _is_address(asked.words):
        said = saying(connection, query, words, _few(connection, asked))
        found |= {row.id: row for row in connection.execute(said)}
    return [found[one] for one in sorted(found, reverse=True)][:limit]


def _few(connection: Connection, asked: Asked) -> Sequence[int] | None:
    """Return the ids of the tickets that a filter leaves, if they are few."""
    for column, value in _equal(asked):
        if value:
            query = select(tickets.c.id).where(column == value)
            ids = connection.scalars(_newest(query).limit(FEW + 1)).all()
            if len(ids) <= FEW:
                return ids
    return None


def _query(asked: Asked) -> Select[Any]:
    query = select(
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
    ).join(customers, customers.c.id == tickets.c.customer_id)
    return query.where(*_filters(asked))


def _of_time(asked: Asked) -> Select[Any]:
    """Select by when tickets were opened, the last one first.

    Going through all tickets from the newest on would take long for a day of last year.
    """
    query = _query(asked._replace(before=None))
    opened = tickets.c.created_at
    if asked.before is not None:
        last = tickets.alias()
        at = select(last.c.created_at).where(last.c.id == asked.before)
        then = at.scalar_subquery()
        query = query.where(
            opened <= then, or_(opened < then, tickets.c.id < asked.before)
        )
    return query.order_by(opened.desc(), tickets.c.id.desc())


def _filters(asked: Asked) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.complaints:
        found.append(tickets.c.complaint)
    for column, value in ((tickets.c.source, asked.source), *_equal(asked)):
        if value:
            found.append(column == value)
    if asked.since is not None:
        found.append(tickets.c.created_at >= asked.since)
    if asked.until is not None:
        found.append(tickets.c.created_at < asked.until)
    if asked.before is not None:
        found.append(tickets.c.id < asked.before)
    return found


def _equal(asked: Asked) -> list[tuple[ColumnElement[str], str]]:
    """Return the filters that have an index of their own."""
    return [
        (tickets.c.language, asked.language),
        (tickets.c.status, asked.status),
        (tickets.c.kind, asked.kind),
    ]


def _newest(query: Select[Any]) -> Select[Any]:
    return query.order_by(tickets.c.id.desc())


def _named(words: str) -> Any:
    """Select the tickets with this number, or of the customer with this address."""
    key = words.casefold()
    who = union(
        select(customers.c.id).where(customers.c.key == key),
        select(customer_keys.c.customer_id).where(customer_keys.c.key == key),
    )
    return union(
        select(tickets.c.id).where(tickets.c.number == words.lstrip("#")),
        select(tickets.c.id).where(tickets.c.customer_id.in_(who)),
    )


def _is_address(words: str) -> bool:
    return "@" in words and not re.search(r"\s", words)


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
