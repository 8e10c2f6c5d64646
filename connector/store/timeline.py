"""What happened to a problem, in the order it happened, and who did it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select

from connector.models import TicketStatus
from connector.store.problem_tables import group_events, groups
from connector.store.schema import AnyRow, customers, tickets

#: How the beginning and the end of a mute are called that a person wants.
MUTED, UNMUTED = "muted", "unmuted"

#: How it is called that one begins by itself: its issue is not there, or not to be.
NO_ISSUE = ("unlinked", "issue gone", "not filed")

#: What else ends one.
_ENDED = ("asked for", "linked", "seen again", "declined")

#: How it is called that a ticket counts no more.
LEFT = "left"


def note(
    connection: Connection,
    group_id: int,
    kind: str,
    words: str,
    now: datetime,
    who: str = "",
    ticket_id: int | None = None,
) -> None:
    """Write down what happened; ``who`` is a person, or empty for the connector.

    ``words`` are ours: never a customer's.
    """
    values = {"group_id": group_id, "at": now, "who": who, "kind": kind, "words": words}
    connection.execute(group_events.insert(), {**values, "ticket_id": ticket_id})


def of(connection: Connection, group_id: int) -> Sequence[AnyRow]:
    """Return what happened to a problem, oldest first."""
    query = select(group_events).where(group_events.c.group_id == group_id)
    return connection.execute(query.order_by(group_events.c.id)).all()


def last_mute(
    connection: Connection, group_id: int
) -> tuple[datetime, AnyRow | None] | None:
    """Return when a problem was last muted, and what ended that, if anything did."""
    begins, ends = (MUTED, *NO_ISSUE), (UNMUTED, *_ENDED)
    query = select(group_events).where(
        group_events.c.group_id == group_id, group_events.c.kind.in_(begins + ends)
    )
    began = end = None
    for event in connection.execute(query.order_by(group_events.c.id.desc())):
        if event.kind in begins:
            began = event.at
        elif began is not None:
            break
        else:
            end = event
    return None if began is None else (began, end)


def turned_spam(connection: Connection, group_id: int) -> Sequence[AnyRow]:
    """Return customers whose tickets left a problem, or part of one, as spam."""
    parts = select(groups.c.id).where(groups.c.merged_into == group_id)
    query = (
        select(tickets.c.customer_id, customers.c.key.label("customer_key"))
        .distinct()
        .select_from(
            group_events.join(tickets, tickets.c.id == group_events.c.ticket_id).join(
                customers, customers.c.id == tickets.c.customer_id
            )
        )
        .where(
            or_(
                group_events.c.group_id == group_id, group_events.c.group_id.in_(parts)
            ),
            group_events.c.kind == LEFT,
            tickets.c.status == TicketStatus.SPAM,
        )
        .order_by(tickets.c.customer_id)
    )
    return connection.execute(query).all()
