"""Personas are of the last ninety days: what is older counts no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kit import START, Bench, settings
from labels_kit import DAY, add_ticket
from sqlalchemy import select

from connector.models import TicketRef
from connector.store import Store
from connector.store import tickets as rows
from connector.store.schema import tickets

FURIOUS = "This is an outrageous scandal! I am furious, you thieves! WORST EVER!!!"
ANGRY = "My parcel never arrived, the delivery is three weeks late. I am very angry!"
CALM = "Sorry to bother you, no hurry, it is no big deal, but the parcel has not come."


@pytest.fixture
def bench(blank_sqlite: str) -> Iterator[Bench]:
    bench = Bench(settings(blank_sqlite))
    yield bench
    bench.close()


def write(bench: Bench, ticket: str, text: str) -> None:
    bench.write(ticket, text, "kari@mail.example")
    bench.settle()


def found(bench: Bench, ticket: str) -> tuple[set[str], dict[str, Any]]:
    """Return a ticket's personas by its tags, and by what was decided."""
    prefix = "cc-persona-"
    tags = bench.support.tickets[ticket].tags
    shown = {tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)}
    with bench.store.read() as connection:
        query = select(tickets.c.id).where(tickets.c.external_id == ticket)
        trace = rows.newest_trace(connection, connection.execute(query).scalar_one())
    return shown, {one["name"]: one["evidence"] for one in trace["personas"]}


def test_evidence_ends_after_ninety_days_with_the_next_decision(bench: Bench) -> None:
    for ticket in "12":
        write(bench, ticket, FURIOUS)
    bench.clock.pass_(days=80)
    write(bench, "3", ANGRY)
    assert found(bench, "3") == (
        {"outspoken", "frequent"},
        {
            "outspoken": "2 strong tickets in 90 days",
            "frequent": "3 complaints in 90 days",
        },
    )
    bench.clock.pass_(days=10, seconds=1)
    bench.changed("support", "3")
    bench.settle()
    assert found(bench, "3") == (set(), {})


def test_calm_words_of_who_was_furious_before_are_quiet_only(bench: Bench) -> None:
    for ticket in "12":
        write(bench, ticket, FURIOUS)
    write(bench, "3", CALM)
    assert found(bench, "3")[0] == {"frequent", "quiet"}


def test_past_of_a_customer_is_counted_without_the_ticket_itself(store: Store) -> None:
    add_ticket(store, "0", complaint=True, verdict={"emotion": 3})
    with store.read() as connection:
        kari = connection.execute(select(tickets.c.customer_id)).scalar_one()
    for number, (emotion, days) in enumerate([(3, -91), (3, -89), (2, -1), (None, 0)]):
        add_ticket(
            store,
            str(number + 1),
            customer_id=kari,
            created_at=START + days * DAY,
            complaint=emotion is not None,
            verdict={} if emotion is None else {"emotion": emotion},
        )
    with store.read() as connection:
        since, but = START - 90 * DAY, TicketRef("support", "0")
        assert rows.history(connection, kari, since, but) == (3, 2, 1)
