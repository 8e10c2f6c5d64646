"""What lets a page in a frame ask again: browsers keep no cookies there.

The vendor proves once who opens it; from then on the page shows a random token, good
for some hours and for one ticket. Where the vendor's proof names no ticket, the first
that the page asks for is the one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from connector.models import Opened
from connector.store import visits

#: As long as somebody may have a ticket open.
LASTS = timedelta(hours=10)

_TICKET = re.compile(r"[\w.-]{1,100}", re.ASCII)


class Visit(NamedTuple):
    """An agent at a ticket of a source; empty: not yet at any."""

    token: str
    source: str
    ticket: str
    who: str


def begin(
    connection: Connection, source: str, opened: Opened, now: datetime
) -> Visit | None:
    """Begin a visit; None if its proof was used before."""
    visits.end_stale(connection, now - LASTS)
    visit = Visit(secrets.token_urlsafe(32), source, opened.ticket, opened.who)
    begun = visits.begin(
        connection,
        {
            "token_hash": _hash(visit.token),
            "source": source,
            "ticket": visit.ticket,
            "who": visit.who[:80],
            "proof": opened.proof or None,
            "at": now,
        },
    )
    return visit if begun else None


def of(connection: Connection, source: str, token: str, now: datetime) -> Visit | None:
    """Return the visit that a token is of; None if it ended, or never began."""
    row = visits.find(connection, _hash(token), source, now - LASTS)
    return None if row is None else Visit(token, source, row.ticket, row.who)


def settle(connection: Connection, visit: Visit, ticket: str) -> Visit | None:
    """Say which ticket is open; None if it is another than before."""
    if not _TICKET.fullmatch(ticket):
        return None
    settled = visits.settle(connection, _hash(visit.token), ticket)
    return visit._replace(ticket=ticket) if settled else None


def _hash(token: str) -> str:
    # A random token of 256 bits needs no slow hash.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
