"""Tickets that came whole in a delivery, read as if their source had been asked.

A carried ticket is a reading as old as its sender says. What we wrote since then is
added from the ledger, or it would look as if a person had removed it. How a body is
read is the adapter's part; where the newest one is kept, the store's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from adapters.base import Carrier
from connector.models import Carried, Delivery, Ticket, TicketRef
from connector.store import carried as kept
from connector.store import tickets
from connector.store.tickets import TagState


class Parcel(NamedTuple):
    """The ticket as it stands, and the delivery that held it."""

    ticket: Ticket
    at: datetime
    delivery: Delivery


def newest(
    connection: Connection,
    adapter: Carrier,
    ref: TicketRef,
    arrived: Iterable[Delivery],
) -> Parcel | None:
    """Return the newest of what arrived and what is kept; None: it must be fetched."""
    known = kept.find(connection, ref)
    deliveries = [*arrived, *([known] if known else [])]
    held = [
        (carried.ticket.updated_at, delivery.id, carried, delivery)
        for delivery in deliveries
        if (carried := adapter.carried(delivery)) is not None
        and carried.ticket.ref == ref
    ]
    if not held:
        return None
    at, _, carried, delivery = max(held, key=lambda one: one[:2])
    return Parcel(_with_our_tags(connection, carried), at, delivery)


def _with_our_tags(connection: Connection, carried: Carried) -> Ticket:
    """Add the tags that we wrote after the ticket stood like that."""
    ticket = carried.ticket
    known = tickets.find(connection, ticket.ref)
    if known is None:
        return ticket
    ours = {
        tag
        for tag, line in tickets.ledger(connection, known.id).items()
        if line.state in (TagState.WRITTEN, TagState.UNWANTED)
        and (line.at >= ticket.updated_at or not carried.knows_tags)
    }
    return replace(ticket, tags=ticket.tags | ours)


def keep(connection: Connection, parcel: Parcel) -> None:
    """Remember the delivery for when its ticket has to be read again."""
    kept.keep(connection, parcel.ticket.ref, parcel.at, parcel.delivery)
