"""When a ticket was answered, solved and closed, as the register will say it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from kit import START, Bench, settings
from loop_kit import COMPLAINTS

from connector.models import Author, Operation, TicketRef, TicketStatus
from connector.store import outbox, tickets

KARI = "kari@mail.example"


@pytest.fixture
def desk(blank_sqlite: str) -> Iterator[Bench]:
    bench = Bench(settings(blank_sqlite))
    yield bench
    bench.close()


def change(bench: Bench, **values: Any) -> None:
    known = bench.support.tickets["1"]
    bench.support.tickets["1"] = replace(known, updated_at=bench.clock(), **values)
    bench.changed("support", "1")
    bench.settle()


def say(bench: Bench, body: str = "Try NEW10.", **values: Any) -> datetime:
    """Let an agent write to the customer, or whoever else it is told to be."""
    known = bench.support.tickets["1"].comments
    said = {"author": Author.AGENT, "body": body, **values}
    words = replace(
        known[0], external_id=f"c{len(known)}", created_at=bench.clock(), **said
    )
    change(bench, comments=(*known, words))
    return bench.clock()


def kept(bench: Bench) -> Any:
    with bench.store.read() as connection:
        return tickets.find(connection, TicketRef("support", "1"))


def complain(bench: Bench) -> None:
    bench.write("1", COMPLAINTS[0], KARI)
    bench.settle()
    bench.clock.pass_(minutes=10)


def test_first_answer_is_of_a_person_to_the_customer_and_stays(desk: Bench) -> None:
    complain(desk)
    say(desk, public=False)
    say(desk, draft=True)
    say(desk, author=Author.ROBOT)
    say(desk, author=Author.CUSTOMER)
    assert kept(desk).first_answer_at is None
    assert kept(desk).channel == "email"
    desk.clock.pass_(minutes=10)
    first = say(desk)
    desk.clock.pass_(minutes=10)
    say(desk, "And this one.")
    assert kept(desk).first_answer_at == first
    assert kept(desk).answered_at == desk.clock()
    # A first answer that is taken away was one.
    change(desk, comments=desk.support.tickets["1"].comments[:1])
    assert kept(desk).first_answer_at == first


def test_what_we_write_is_nobodys_answer(desk: Bench) -> None:
    complain(desk)
    with desk.store.write() as connection:
        message = outbox.Effect(
            source="support",
            operation=Operation.SEND_MESSAGE,
            target="1",
            dedup_key="fixed",
            ordering_key="fixed",
            payload={"text": "It works again.", "draft": False, "language": "en"},
            ticket_id=kept(desk).id,
        )
        outbox.enqueue(connection, [message], desk.clock())
        (mark,) = outbox.sent_marks(connection, kept(desk).id)
    say(desk, f"It works again.\n\n{mark}")
    assert kept(desk).first_answer_at is None
    desk.clock.pass_(minutes=10)
    answered = say(desk)
    assert kept(desk).first_answer_at == answered


def test_answer_before_the_customers_words_answers_nothing(desk: Bench) -> None:
    desk.write("1", COMPLAINTS[0], KARI)
    first = desk.support.tickets["1"].comments[0]
    welcome = replace(first, external_id="w", author=Author.AGENT, body="Welcome!")
    later = replace(first, created_at=desk.clock.pass_(minutes=1))
    change(desk, comments=(welcome, later))
    assert kept(desk).first_answer_at is None


def test_end_is_dated_once_and_forgotten_when_it_is_opened_again(desk: Bench) -> None:
    complain(desk)
    assert (kept(desk).solved_at, kept(desk).closed_at) == (None, None)
    desk.clock.pass_(hours=1)
    change(desk, status=TicketStatus.RESOLVED)
    solved = desk.clock()
    desk.clock.pass_(days=1)
    change(desk, tags=frozenset({"seen"}))
    assert (kept(desk).solved_at, kept(desk).closed_at) == (solved, None)
    change(desk, status=TicketStatus.CLOSED)
    assert (kept(desk).solved_at, kept(desk).closed_at) == (solved, desk.clock())
    change(desk, status=TicketStatus.OPEN)
    assert (kept(desk).solved_at, kept(desk).closed_at) == (None, None)
    assert solved > START
