"""Quiet customers: who is listed for people once a week, and written to by nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit import START, Bench
from loop_kit import COMPLAINTS

from connector import quiet
from connector.models import Author, TicketStatus
from connector.store import tasks

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

KARI, OLGA = "kari@mail.example", "olga@mail.example"
#: START is a Monday; 14 days after it a silence is one, and a week later it is listed.
LISTED = START + timedelta(days=21)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


def change(bench: Bench, ticket: str, **values: Any) -> None:
    known = bench.support.tickets[ticket]
    bench.support.tickets[ticket] = replace(known, updated_at=bench.clock(), **values)
    bench.changed("support", ticket)
    bench.settle()


def answer(bench: Bench, ticket: str) -> None:
    known = bench.support.tickets[ticket].comments
    words = replace(
        known[0],
        external_id=f"a{len(known)}",
        author=Author.AGENT,
        body="Try NEW10.",
        created_at=bench.clock.pass_(minutes=5),
    )
    change(bench, ticket, comments=(*known, words))


def solve(
    bench: Bench, ticket: str = "1", email: str = KARI, words: str = COMPLAINTS[0]
) -> None:
    bench.write(ticket, words, email)
    bench.settle()
    answer(bench, ticket)
    change(bench, ticket, status=TicketStatus.RESOLVED)


def survey(bench: Bench, ticket: str, email: str, percent: int, text: str = "") -> None:
    bench.support.write(ticket, text, email=email, now=bench.clock())
    known = bench.support.tickets[ticket]
    bench.support.tickets[ticket] = replace(
        known,
        channel="nps",
        fields={"rating_percent": str(percent)},
        comments=known.comments if text else (),
    )
    bench.changed("support", ticket)
    bench.settle()


def queue(bench: Bench, at: datetime) -> list[tuple[str, str]]:
    """Make the list of that time; return kind and ticket of all tasks there are."""
    with bench.store.write() as connection:
        quiet.queue_due(connection, bench.config, at)
        rows = tasks.listing(connection, None, 100)
    return [(row["kind"], row["ticket"]) for row in reversed(rows)]


def test_silence_after_a_solution_is_listed_once_and_writes_to_nobody(
    bench: Bench,
) -> None:
    solve(bench)
    assert queue(bench, LISTED - timedelta(days=1)) == []
    assert queue(bench, LISTED) == [("silent", "1")]
    assert queue(bench, LISTED + timedelta(days=3)) == [("silent", "1")]
    assert queue(bench, LISTED + timedelta(days=7)) == [("silent", "1")]
    bench.settle()
    assert not [call for call in bench.support.calls if call[0] == "send_message"]
    with bench.store.read() as connection:
        (row,) = tasks.listing(connection, None, 9)
    assert row["reason"] == "silent since it was solved on 2026-03-02"


def thank(bench: Bench) -> None:
    bench.clock.pass_(hours=1)
    bench.write("1", "Thank you, now it works!", KARI)
    change(bench, "1", status=TicketStatus.RESOLVED)


def rate(bench: Bench) -> None:
    change(bench, "1", fields={"satisfaction": "good"})


def come_back(bench: Bench) -> None:
    bench.clock.pass_(days=3)
    bench.write("2", "Which size should I take?", KARI)
    bench.settle()


def reopen(bench: Bench) -> None:
    change(bench, "1", status=TicketStatus.OPEN)


@pytest.mark.parametrize("act", [thank, rate, come_back, reopen])
def test_who_said_something_is_not_quiet(
    bench: Bench, act: Callable[[Bench], None]
) -> None:
    solve(bench)
    act(bench)
    assert queue(bench, LISTED) == []


def test_question_and_import_are_no_quiet_complaints(bench: Bench) -> None:
    solve(bench, words="Which size should I take?")
    solve(bench, "2", OLGA)
    with bench.store.write() as connection:
        connection.exec_driver_sql("UPDATE tickets SET archived_until = wrote_at")
    assert queue(bench, LISTED) == []


def test_detractor_is_listed_unless_there_is_a_ticket(bench: Bench) -> None:
    bench.write("1", COMPLAINTS[0], OLGA)
    bench.clock.pass_(days=8)
    survey(bench, "n1", KARI, 60)
    survey(bench, "n2", OLGA, 10)
    survey(bench, "n3", "liisa@mail.example", 70)
    survey(bench, "n4", "ola@mail.example", 10, COMPLAINTS[1])
    assert queue(bench, START + timedelta(days=14)) == [("detractor", "n1")]


def test_strongest_feelings_come_first_and_the_list_is_short(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(quiet={"most": 2})
    solve(bench, "1", "a@mail.example", "The code does not work.")
    solve(bench, "2", "b@mail.example", "The code does not work, I am FURIOUS!!!")
    solve(bench, "3", "c@mail.example", "The code does not work, very disappointing!")
    assert queue(bench, LISTED) == [("silent", "2"), ("silent", "3")]
    assert queue(bench, LISTED + timedelta(hours=1))[2:] == []


def test_bad_ratings_are_of_the_list_but_no_second_task(bench: Bench) -> None:
    solve(bench)
    change(bench, "1", fields={"satisfaction": "bad"})
    assert queue(bench, LISTED) == [("bad_rating", "1")]
    with bench.store.read() as connection:
        week = START, START + timedelta(days=7)
        found = quiet.customers(connection, bench.config, *week)
    assert [(one.kind, one.number) for one in found] == [("bad_rating", "1")]


@pytest.mark.parametrize(("weeks", "listed"), [(3, 1), (10, 0)])
def test_scheduler_that_was_off_lists_what_is_not_too_old(
    bench: Bench, weeks: int, listed: int
) -> None:
    queue(bench, START)
    solve(bench)
    assert len(queue(bench, LISTED + timedelta(weeks=weeks))) == listed


def test_first_list_is_of_one_week(bench: Bench) -> None:
    solve(bench)
    assert queue(bench, LISTED + timedelta(weeks=1)) == []


def test_last_week_of_a_year_has_a_name_that_sorts(bench: Bench) -> None:
    queue(bench, datetime(2026, 12, 30, tzinfo=UTC))
    queue(bench, datetime(2027, 1, 6, tzinfo=UTC))
    with bench.store.read() as connection:
        weeks = connection.exec_driver_sql("SELECT period FROM reports").scalars().all()
    assert weeks == ["2026-W52", "2026-W53"]


def test_scheduler_makes_the_list(bench: Bench) -> None:
    solve(bench)
    bench.clock.now = LISTED
    job = bench.runtime.scheduler._ticker.get_job("quiet")
    job.func(*job.args)
    assert queue(bench, LISTED) == [("silent", "1")]
