"""What tests of check-ins share: a solved complaint, and what came of asking."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from kit import Bench
from loop_kit import COMPLAINTS

from connector import checkins
from connector.models import Author, TicketStatus
from connector.store import checkins as plans

KARI = "kari@mail.example"
ON = {"enabled": True}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
#: START is a Monday at nine; three working days later it is Thursday.
DUE = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)


def change(bench: Bench, ticket: str, **values: Any) -> None:
    known = bench.support.tickets[ticket]
    bench.support.tickets[ticket] = replace(known, updated_at=bench.clock(), **values)
    bench.changed("support", ticket)
    bench.settle()


def answer(
    bench: Bench, ticket: str = "1", body: str = "Try this code instead: NEW10."
) -> None:
    known = bench.support.tickets[ticket]
    words = replace(
        known.comments[0],
        external_id=f"answer-{len(known.comments)}",
        author=Author.AGENT,
        author_id="agent",
        body=body,
        created_at=bench.clock(),
    )
    change(bench, ticket, comments=(*known.comments, words))


def solve(bench: Bench, ticket: str = "1", email: str = KARI) -> None:
    if ticket not in bench.support.tickets:
        bench.write(ticket, COMPLAINTS[0], email, subject="Discount code")
        bench.settle()
    answer(bench, ticket)
    change(bench, ticket, status=TicketStatus.RESOLVED)


def review(bench: Bench) -> None:
    with bench.store.write() as connection:
        checkins.review(connection, bench.config, bench.clock())
    bench.settle()


def wait_until(bench: Bench, moment: datetime) -> None:
    bench.clock.now = moment
    review(bench)


def asked(bench: Bench) -> list[tuple[str, bool]]:
    """Return to which tickets it was written, and whether as a draft."""
    return [
        (ticket, bench.support.tickets[ticket].comments[-1].draft)
        for name, ticket, _ in bench.support.calls
        if name == "send_message"
    ]


def ends(bench: Bench, ticket: str = "1") -> list[tuple[str, str]]:
    with bench.store.read() as connection:
        known = connection.exec_driver_sql(
            f"SELECT id FROM tickets WHERE external_id = '{ticket}'"
        ).scalar_one()
        return [(row.state, row.reason) for row in plans.of_ticket(connection, known)]
