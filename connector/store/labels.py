"""What people said about tags, by what they did with them; one line a ticket and tag.

The last word counts. Lines hold no text, so that they outlive that of their tickets.
Which act means what is told in ``connector.tagging`` and ``connector.precision``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from connector.models import TicketStatus
from connector.store.dialects import insert, insert_missing
from connector.store.rule_tables import labels
from connector.store.schema import AnyRow, Moment, ticket_tags, tickets
from connector.store.tickets import TagState

#: Tickets of which examples are read at a time.
CHUNK = 1000


class Label(StrEnum):
    KEPT = "kept"  #: we wrote it, and an agent who worked on the ticket left it
    CONFIRMED = "confirmed"  #: a person set it, and the rule would have, too
    REMOVED = "removed"  #: a person took it off
    MISSED = "missed"  #: a person set it, and the rule would not have
    FOUND = "found"  #: it was there when the ticket was first read; nobody knows why


#: The rule was right, and it was not.
GOOD = (Label.KEPT, Label.CONFIRMED)
SAID = (*GOOD, Label.REMOVED, Label.MISSED)


class Example(NamedTuple):
    """A ticket's words and what people said about one of its tags."""

    ticket_id: int
    subject: str
    text: str
    language: str
    tag: str
    rule: str
    rule_version: str
    label: Label
    at: datetime
    customer_id: int
    types: tuple[str, ...]  #: what was judged, the main one first


def put(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write labels over others of a ticket and tag; the same again is no news."""
    if rows:
        connection.execute(_put(connection.dialect.name), list(rows))


@cache
def _put(dialect: str) -> Any:
    statement = insert(dialect, labels)
    changed = {
        column.name: statement.excluded[column.name]
        for column in labels.c
        if not column.primary_key
    }
    return statement.on_conflict_do_update(
        index_elements=["ticket_id", "tag"],
        set_=changed,
        where=labels.c.label != statement.excluded.label,
    )


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write labels where nothing was said about a ticket's tag before."""
    insert_missing(connection, labels, ["ticket_id", "tag"], rows)


def left(
    connection: Connection,
    settled: datetime,
    but: Collection[str],
    first: int,
    limit: int,
) -> Sequence[AnyRow]:
    """Return tags that an agent left on a ticket, and of which no label says anything.

    The agent wrote to the customer after the tag was there, and then solved the ticket,
    or nothing was done about the tag since ``settled``. Rules in ``but`` do not judge.
    Begins with a ticket, by id.
    """
    solved = tickets.c.status.in_([TicketStatus.RESOLVED, TicketStatus.CLOSED])
    known = (labels.c.ticket_id == ticket_tags.c.ticket_id) & (
        labels.c.tag == ticket_tags.c.tag
    )
    query = (
        select(
            ticket_tags.c.ticket_id,
            ticket_tags.c.tag,
            ticket_tags.c.state,
            ticket_tags.c.rule,
            ticket_tags.c.rule_version,
        )
        .select_from(
            ticket_tags.join(
                tickets, tickets.c.id == ticket_tags.c.ticket_id
            ).outerjoin(labels, known)
        )
        .where(
            ticket_tags.c.ticket_id >= first,
            ticket_tags.c.rule.not_in(list(but)),
            ticket_tags.c.state.in_([TagState.WRITTEN, TagState.SEEN]),
            tickets.c.answered_at > ticket_tags.c.at,
            solved | (ticket_tags.c.at <= settled),
            labels.c.ticket_id.is_(None),
        )
        .order_by(ticket_tags.c.ticket_id)
        .limit(limit)
    )
    return connection.execute(query).all()


def counts(connection: Connection, since: datetime) -> Sequence[AnyRow]:
    """Count the labels since then by rule, version, tag and language of the ticket."""
    unit = (
        labels.c.rule,
        labels.c.rule_version,
        labels.c.tag,
        tickets.c.language,
        labels.c.label,
    )
    first_at = func.min(labels.c.at, type_=Moment()).label("first_at")
    query = (
        select(*unit, func.count().label("many"), first_at)
        .select_from(labels.join(tickets, tickets.c.id == labels.c.ticket_id))
        .where(labels.c.at > since, labels.c.label.in_(SAID))
        .group_by(*unit)
    )
    return connection.execute(query).all()


def examples(connection: Connection, since: datetime) -> Iterator[Example]:
    """Return what people labelled since then on tickets whose words are still known.

    Of history, also what was found there: people left it to the end.
    """
    left = (labels.c.label == Label.FOUND) & tickets.c.archived_until.is_not(None)
    query = (
        select(
            labels.c.ticket_id,
            tickets.c.subject,
            tickets.c.text,
            tickets.c.language,
            labels.c.tag,
            labels.c.rule,
            labels.c.rule_version,
            labels.c.label,
            labels.c.at,
            tickets.c.customer_id,
            tickets.c.verdict,
        )
        .select_from(labels.join(tickets, tickets.c.id == labels.c.ticket_id))
        .where(
            labels.c.at >= since,
            labels.c.label.in_(SAID) | left,
            tickets.c.text != "",
        )
        .order_by(labels.c.ticket_id, labels.c.tag)
        .execution_options(yield_per=CHUNK)
    )
    for row in connection.execute(query):
        known = {**row._mapping, "label": Label(row.label)}
        types = tuple(known.pop("verdict").get("types", ()))
        yield Example(**known, types=types)


def untagged(connection: Connection, since: datetime) -> Iterator[AnyRow]:
    """Return the words of tickets since then that nobody took for complaints.

    Neither did we, nor did the agent who answered: there is no label on them.
    """
    query = (
        select(tickets.c.id, tickets.c.subject, tickets.c.text, tickets.c.customer_id)
        .outerjoin(labels, labels.c.ticket_id == tickets.c.id)
        .where(
            labels.c.ticket_id.is_(None),
            tickets.c.updated_at >= since,
            tickets.c.answered_at.is_not(None),
            tickets.c.status.in_([TicketStatus.RESOLVED, TicketStatus.CLOSED]),
            tickets.c.complaint.is_(False),
            tickets.c.text != "",
        )
        .order_by(tickets.c.id)
        .execution_options(yield_per=CHUNK)
    )
    yield from connection.execute(query)
