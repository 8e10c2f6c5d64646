"""What an issue says in numbers: fields, a property, or a panel in its description.

Where none of the fields for customers and tickets is named, the numbers are in a panel
that is kept up to date in the description. What else that says is in
``connector.issue_panel``, what is asked of a tracker in ``connector.filing`` and
``connector.upkeep``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import issue_panel
from connector.config import Config
from connector.models import Count, Operation
from connector.store import members, outbox
from connector.store.schema import AnyRow

PROPERTY = "complaint-connector"

#: How many writes back a line of ours may be from. Older ones are taken for a person's.
REMEMBERED = 50


def as_of_now(connection: Connection, config: Config, group: AnyRow) -> dict[str, Any]:
    """Say what of a payload is about numbers."""
    found = _found(connection, group)
    named = config.problems.fields
    fields = {place: found[count] for count, place in named.items()}
    is_shown = Count.CUSTOMERS in named or Count.TICKETS in named
    panel = {
        "counts": issue_panel.lines(connection, config, group, found),
        "address": issue_panel.address(config, group),
    }
    return {
        "properties": {
            PROPERTY: {
                "problem": group.id,
                "type": group.type,
                "customers": group.customers,
                "tickets": group.tickets,
            }
        },
        "fields": {
            place: value for place, value in fields.items() if isinstance(value, int)
        },
        "moments": {
            place: value.isoformat()
            for place, value in fields.items()
            if isinstance(value, datetime)
        },
        **({"counts": []} if is_shown else panel),
    }


def at_filing(row: AnyRow | None) -> int:
    """Return how many customers an issue spoke of when it was created, if we did."""
    if row is None:
        return 0
    return int(row.payload["properties"][PROPERTY]["customers"])


def known_lines(connection: Connection, group_id: int) -> frozenset[str]:
    """Return lines that may stand in the description of the group's issue as ours."""
    written = (Operation.CREATE_ISSUE, Operation.UPDATE_ISSUE)
    found = outbox.payloads(connection, group_id, written, REMEMBERED)
    return frozenset(
        line
        for payload in found
        for line in (*payload["counts"], payload.get("as_of", ""))
        if line
    )


def _found(connection: Connection, group: AnyRow) -> dict[Count, int | datetime]:
    return {
        Count.CUSTOMERS: group.customers,
        Count.TICKETS: group.tickets,
        Count.VIPS: members.vips(connection, group.id),
        Count.FIRST_SEEN: group.first_at,
        Count.LAST_SEEN: group.last_at,
    }
