"""When something was said that its vendor gives no date for: after we last looked.

The date it gets stands in the trace of the decision on it, and is taken from there at
each later reading, so that it is news once. Everything else is dated by its vendor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connector.models import Comment, Ticket
from connector.store import Store, tickets


def dated(store: Store, ticket: Ticket) -> Ticket:
    """Give what has no date the one it had before, or that of the reading before."""
    if all(comment.is_dated for comment in ticket.comments):
        return ticket
    with store.read() as connection:
        known = tickets.find(connection, ticket.ref)
        trace = tickets.newest_trace(connection, known.id) if known else {}
    seen, looked_at = trace.get("undated", {}), known.decided_at if known else None
    comments = [_dated(comment, seen, looked_at) for comment in ticket.comments]
    comments.sort(key=lambda comment: comment.created_at)
    return replace(ticket, comments=tuple(comments))


def undated(ticket: Ticket) -> dict[str, str]:
    """Return when everything was said that has no date, to be found by ``dated``."""
    return {
        _key(comment): comment.created_at.isoformat()
        for comment in ticket.comments
        if not comment.is_dated
    }


def _dated(
    comment: Comment, seen: Mapping[str, str], looked_at: datetime | None
) -> Comment:
    if comment.is_dated:
        return comment
    if known := seen.get(_key(comment)):
        return replace(comment, created_at=datetime.fromisoformat(known))
    # It was not there then; so whatever happened before is not what it is about.
    earliest = max(comment.created_at, looked_at or comment.created_at)
    return replace(comment, created_at=earliest)


def _key(comment: Comment) -> str:
    """Name a comment; with other words it is another one."""
    digest = hashlib.sha256(comment.body.encode("utf-8", "replace")).hexdigest()
    return f"{comment.external_id}:{digest[:16]}"
