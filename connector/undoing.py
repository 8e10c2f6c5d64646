"""Taking back what a rule did since some time, as far as it is still ours.

Its tags are taken off, and stay away until the rule is another one; what waits is not
sent. What was said, raised or told cannot be taken back, and is only named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

from connector.models import Operation, OutboxState
from connector.store import Store, dialects, outbox, ruled, tickets
from connector.store.schema import AnyRow

#: So many tags are taken back at a time, so that nobody has to wait for all of them.
SLICE = 200

WAITING = (OutboxState.PENDING, OutboxState.PARKED)
OUT = (OutboxState.SENDING, OutboxState.DONE)


class Deeds(NamedTuple):
    """What a rule did: its ``tags``, what is ``waiting``, and what is ``out``."""

    tags: Sequence[AnyRow]
    waiting: Sequence[AnyRow]
    out: Sequence[AnyRow]


def look(connection: Connection, rule: str, since: datetime) -> Deeds:
    """Say what there is to be taken back."""
    return Deeds(
        ruled.tags(connection, rule, since),
        ruled.rows(connection, rule, since, WAITING),
        ruled.rows(connection, rule, since, OUT),
    )


def undo(store: Store, rule: str, since: datetime, who: str, now: datetime) -> Deeds:
    """Take it back, and return what was found. Safe to repeat."""
    why = f"{who} took back what rule {rule} did since {since:%Y-%m-%d %H:%M} UTC"
    with store.write() as connection:
        found = look(connection, rule, since)
        outbox.discard(connection, [row.id for row in found.waiting], why, now)
    while True:
        with store.write(wake=outbox.WAKE) as connection:
            # Whoever decides about these tickets meanwhile decides before or after.
            dialects.serialise(connection, dialects.GROUPING_LOCK)
            lines = ruled.tags(connection, rule, since, SLICE)
            _take_off(connection, rule, lines, who, why, now)
        if len(lines) < SLICE:
            return found


def _take_off(
    connection: Connection,
    rule: str,
    lines: Iterable[AnyRow],
    who: str,
    why: str,
    now: datetime,
) -> None:
    for ticket_id, grouped in groupby(lines, key=lambda line: line.ticket_id):
        of_ticket = list(grouped)
        for line in of_ticket:
            ruled.undo_tag(connection, ticket_id, line.tag, now)
        # A reading from before this must not put them back.
        tickets.touch(connection, ticket_id)
        first = of_ticket[0]
        effect = outbox.Effect(
            source=first.source,
            operation=Operation.CHANGE_TAGS,
            target=first.external_id,
            dedup_key=f"undo:{ticket_id}:{first.tag}:{now.isoformat()}",
            ordering_key=f"ticket:{ticket_id}",
            payload={
                "add": [],
                "remove": [line.tag for line in of_ticket],
                "undo": who,
            },
            ticket_id=ticket_id,
            rule=rule,
            rule_version=first.rule_version,
            reason=why,
        )
        outbox.enqueue(connection, [effect], now)
