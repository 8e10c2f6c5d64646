"""What a later reading of a ticket may say whose customer was erased: only what is new.

The helpdesk may still have all of it. Erasing itself is ``connector.erasing``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from connector.models import Author, Ticket
from connector.store import tickets


def left_of(ticket: Ticket, until: datetime | None) -> Ticket | None:
    """Leave out of a reading what was erased; None: there is nothing else in it.

    ``until`` is up to when that was written, if any was. Whoever writes again after
    that is read again, without what they wrote before.
    """
    if until is None:
        return ticket
    comments = tuple(one for one in ticket.comments if one.created_at >= until)
    if not any(one.author is Author.CUSTOMER for one in comments):
        return None
    return replace(ticket, subject="", comments=comments)


def note(connection: Connection, ticket: Ticket) -> None:
    """Record how an erased ticket stands, and nothing of what it says."""
    tickets.note_status(connection, ticket.ref, ticket.status, ticket.updated_at)
