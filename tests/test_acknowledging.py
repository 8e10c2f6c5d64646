"""Receipts for complaints: at once, once per matter, and never to a machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from kit import Bench
from loop_kit import COMPLAINTS, calls, rows
from test_broadcasts import on_sqlite, opt_out

from connector.acknowledging import span
from connector.models import Author, Comment, OutboxState, TicketStatus
from connector.store import acknowledged, locks, outbox

KARI = "kari@mail.example"

#: About something else than the ones of the kit.
OTHER = "My parcel never arrived, the courier lost it. This is unacceptable!"

AWAY = "Automatic reply: I am on annual leave. The discount code does not work!"

Make = Callable[..., Bench]


@pytest.fixture
def make(make_bench: Make) -> Make:
    return lambda **more: make_bench(
        acknowledge={"enabled": True, **more.pop("acknowledge", {})}, **more
    )


@pytest.fixture
def bench(make: Make) -> Bench:
    return make()


def write(bench: Bench, ticket: str, text: str = COMPLAINTS[0], **more: str) -> None:
    bench.write(ticket, text, more.pop("email", KARI), **more)
    bench.settle()


def told(bench: Bench) -> list[str]:
    return calls(bench, "send_message")


def words(bench: Bench, ticket: str) -> str:
    """Return what the customer was written on a ticket."""
    (sent,) = [one for one in bench.support.tickets[ticket].comments[1:] if one.public]
    return sent.body


def answer(bench: Bench, ticket: str) -> None:
    """Let an agent answer."""
    known = bench.support.tickets[ticket]
    words = Comment(
        external_id="answer",
        author=Author.AGENT,
        author_id="hanna",
        public=True,
        body="We will look into it.",
        is_html=False,
        created_at=bench.clock(),
    )
    comments = (*known.comments, words)
    bench.support.tickets[ticket] = replace(known, comments=comments)


def set_status(bench: Bench, ticket: str, status: TicketStatus) -> None:
    known = bench.support.tickets[ticket]
    bench.support.tickets[ticket] = replace(known, status=status)
    bench.changed("support", ticket)
    bench.settle()


@on_sqlite
def test_complaint_is_acknowledged_at_once_in_its_language(bench: Bench) -> None:
    write(bench, "1", COMPLAINTS[1], subject="Rabattkode")
    assert "takk for meldingen om «Rabattkode»" in words(bench, "1")
    assert "innen 24 timer" in words(bench, "1")
    with bench.store.read() as connection:
        row = outbox.by_key(connection, acknowledged.key(1))
    assert row is not None
    assert (row.state, row.done_at) == ("done", bench.clock())


@on_sqlite
def test_nobody_is_written_to_unless_it_is_switched_on(make_bench: Make) -> None:
    bench = make_bench()
    write(bench, "1")
    assert told(bench) == []


@on_sqlite
def test_matter_is_acknowledged_once(bench: Bench) -> None:
    write(bench, "1")
    bench.clock.pass_(hours=1)
    write(bench, "1", "Your discount code is still rejected with E-4012. Terrible!")
    write(bench, "2")  # the same problem
    write(bench, "3", OTHER)  # while the first is still open
    assert told(bench) == ["1"]
    bench.clock.pass_(days=15)
    write(bench, "4")
    write(bench, "5", OTHER)
    assert told(bench) == ["1", "5"]


@on_sqlite
def test_new_matter_is_acknowledged_once_the_last_is_solved(bench: Bench) -> None:
    write(bench, "1")
    set_status(bench, "1", TicketStatus.RESOLVED)
    write(bench, "2", OTHER)
    assert told(bench) == ["1", "2"]


@on_sqlite
def test_machines_and_questions_get_no_receipt(bench: Bench) -> None:
    write(bench, "1", email="no-reply@shop.example")
    write(bench, "2", subject="Automatic reply: code")
    write(bench, "3", AWAY)
    write(bench, "4", "Hello, which size should I take if I usually wear 42?")
    assert told(bench) == []


@on_sqlite
def test_who_opted_out_gets_no_receipt(bench: Bench) -> None:
    write(bench, "0", "Which size should I take?")
    opt_out(bench, KARI)
    write(bench, "1")
    assert told(bench) == []


@on_sqlite
def test_who_was_answered_needs_no_receipt(bench: Bench) -> None:
    bench.support.write("1", COMPLAINTS[0], email=KARI, now=bench.clock())
    bench.clock.pass_(minutes=1)
    answer(bench, "1")
    bench.changed("support", "1")
    bench.settle()
    assert told(bench) == []


@on_sqlite
def test_receipt_is_not_sent_after_the_time_it_promises(bench: Bench) -> None:
    bench.support.write("1", COMPLAINTS[0], email=KARI, now=bench.clock())
    bench.clock.pass_(hours=25)
    bench.changed("support", "1")
    bench.settle()
    assert told(bench) == []


@on_sqlite
@pytest.mark.parametrize(
    ("hours", "is_answered", "why"),
    [
        (25, False, "the time it promises is over"),
        (1, True, "an agent answered first"),
    ],
)
def test_receipt_that_had_to_wait_is_looked_at_again(
    bench: Bench, hours: int, is_answered: bool, why: str
) -> None:
    with bench.store.write() as connection:
        locks.put_fact(connection, "stop", "anna", bench.clock())
    write(bench, "1")
    bench.clock.pass_(hours=hours)
    if is_answered:
        answer(bench, "1")
        bench.changed("support", "1")
        bench.settle()
    with bench.store.write() as connection:
        locks.drop_fact(connection, "stop")
    bench.settle()
    assert told(bench) == []
    (row,) = rows(bench, OutboxState.DISCARDED)
    assert row["error"] == why


@on_sqlite
def test_receipt_that_waits_is_not_sent_once_that_is_switched_off(
    bench: Bench, make_bench: Make
) -> None:
    with bench.store.write() as connection:
        locks.put_fact(connection, "stop", "anna", bench.clock())
    write(bench, "1")
    off = make_bench()
    off.support.tickets.update(bench.support.tickets)
    with off.store.write() as connection:
        locks.drop_fact(connection, "stop")
    off.settle()
    assert told(off) == []


@on_sqlite
@pytest.mark.parametrize(
    ("mode", "drafts"), [("suggest", [True]), ("observe", []), ("act", [False])]
)
def test_receipt_goes_no_further_than_messages_may(
    make: Make, mode: str, drafts: list[bool]
) -> None:
    bench = make(autonomy={"messages": mode})
    write(bench, "1")
    ours = [
        one.draft
        for one in bench.support.tickets["1"].comments
        if one.public or one.draft
    ]
    assert ours[1:] == drafts


@on_sqlite
def test_promise_is_counted_in_working_time(make: Make) -> None:
    memory: dict[str, Any] = {"kind": "memory"}
    bench = make(
        calendars={"office": {"timezone": "Europe/Oslo", "holidays": "NO"}},
        acknowledge={"expected": "8h"},
        sources={"support": {**memory, "calendar": "office"}, "tracker": memory},
    )
    bench.clock.now = datetime.fromisoformat("2026-04-01T14:00:00+02:00")
    write(bench, "1")  # the Wednesday before Easter
    assert "within 6 days" in words(bench, "1")


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(minutes=1), ("1", "")),
        (timedelta(hours=23, seconds=1), ("24", "")),
        (timedelta(hours=48), ("48", "")),
        (timedelta(hours=49), ("", "3")),
        (timedelta(days=3), ("", "3")),
    ],
)
def test_time_is_never_said_shorter_than_it_is(
    length: timedelta, said: tuple[str, str]
) -> None:
    assert tuple(span(length).values()) == said
