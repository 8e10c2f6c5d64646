"""On how many tickets rules were true of late, as the decisions say."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from connector.store.schema import decisions

#: Decisions that are looked at, the latest; more would take more than a moment.
LIMIT = 10_000


class Hits(NamedTuple):
    """Tickets by rule; ``since`` is later than asked for if there are too many."""

    tickets: dict[str, int]
    since: datetime


def hits(connection: Connection, since: datetime, limit: int = LIMIT) -> Hits:
    """Count the tickets that rules were true of, and that packs found something in."""
    latest = (
        select(decisions.c.ticket_id, decisions.c.at, decisions.c.trace)
        .order_by(decisions.c.id.desc())
        .limit(limit)
        .subquery()
    )
    query = select(latest).where(latest.c.at > since)
    found: dict[str, set[int]] = defaultdict(set)
    seen = 0
    for row in connection.execute(query.execution_options(yield_per=500)):
        seen += 1
        earliest = row.at
        for said in row.trace.get("rules", ()):
            found[said["rule"]].add(row.ticket_id)
        for said in row.trace.get("tags", ()):
            if said.get("rule", "").startswith("pack."):
                found[said["rule"]].add(row.ticket_id)
    begin = earliest if seen == limit else since
    return Hits({rule: len(tickets) for rule, tickets in found.items()}, begin)
