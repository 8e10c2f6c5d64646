"""Asking whether a solution helped: whom, when, and once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from checkin_kit import (
    DUE,
    KARI,
    ON,
    SQLITE,
    answer,
    asked,
    change,
    ends,
    review,
    solve,
    wait_until,
)
from kit import START, Bench
from loop_kit import COMPLAINTS, rows

from connector import checkins
from connector.models import (
    Operation,
    OutboxState,
    TicketRef,
    TicketStatus,
)
from connector.store import outbox, tickets
from connector.workdays import days_after


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench(checkins=ON)


# -- working days --


@pytest.mark.parametrize(
    ("moment", "days", "country", "expected"),
    [
        ("2026-03-02T08:00", 3, "", "2026-03-05T09:00"),
        ("2026-03-06T08:00", 1, "", "2026-03-09T09:00"),  # over a weekend
        ("2026-03-07T08:00", 1, "", "2026-03-09T09:00"),  # from a Saturday
        ("2026-03-05T23:30", 1, "", "2026-03-09T09:00"),  # Friday in Oslo by then
        ("2026-04-01T08:00", 1, "NO", "2026-04-07T08:00"),  # Easter, and summer time
        ("2026-04-01T08:00", 1, "FI", "2026-04-02T08:00"),  # where Thursday is none
        ("2026-12-23T08:00", 1, "FI", "2026-12-28T09:00"),
        ("2026-05-13T08:00", 1, "NO", "2026-05-15T08:00"),  # Ascension Day
    ],
)
def test_working_days_know_weekends_and_public_holidays(
    moment: str, days: int, country: str, expected: str
) -> None:
    start = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    due = days_after(start, days, time(10), ZoneInfo("Europe/Oslo"), country)
    assert due == datetime.fromisoformat(expected).replace(tzinfo=UTC)


# -- who is asked --


def test_customer_of_a_solved_complaint_is_asked_once_on_the_third_working_day(
    bench: Bench,
) -> None:
    solve(bench)
    wait_until(bench, DUE - timedelta(minutes=1))
    assert asked(bench) == []
    wait_until(bench, DUE)
    assert asked(bench) == [("1", False)]
    text = bench.support.tickets["1"].comments[-1].body
    assert "Did that solve it" in text
    assert "Discount code" in text
    bench.changed("support", "1")
    wait_until(bench, DUE + timedelta(days=20))
    assert asked(bench) == [("1", False)]
    assert ends(bench) == [("asked", "")]


@SQLITE
@pytest.mark.parametrize("reviews", [0, 1])
def test_nobody_is_asked_any_more_once_it_is_switched_off(
    bench: Bench, make_bench: Callable[..., Bench], reviews: int
) -> None:
    solve(bench)
    off = make_bench()
    off.clock.now = DUE
    off.support.tickets.update(bench.support.tickets)
    for _ in range(reviews):
        review(off)
    off.settle()  # the sender looks by itself, too
    review(off)
    assert asked(off) == []
    assert ends(off) == [("cancelled", checkins.SWITCHED_OFF)]


@pytest.mark.parametrize(("days", "expected"), [(5, ["asked"]), (6, ["cancelled"])])
def test_question_that_nobody_was_there_to_send_is_not_asked_long_after(
    bench: Bench, days: int, expected: list[str]
) -> None:
    solve(bench)
    bench.clock.now = DUE + timedelta(days=days)
    bench.settle()  # the sender is there first
    review(bench)
    assert len(asked(bench)) == expected.count("asked")
    assert [state for state, _ in ends(bench)] == expected


def test_nobody_is_asked_unless_that_is_switched_on(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    solve(bench)
    wait_until(bench, DUE + timedelta(days=1))
    assert asked(bench) == []
    assert ends(bench) == []


def test_who_did_not_complain_is_not_asked(bench: Bench) -> None:
    bench.write("1", "Thank you, it works very well!", KARI)
    bench.settle()
    change(bench, "1", status=TicketStatus.RESOLVED)
    assert ends(bench) == []


@SQLITE
def test_address_that_nobody_reads_is_not_asked(bench: Bench) -> None:
    solve(bench, email="no-reply@form.example")
    assert ends(bench) == []


def test_complaint_solved_long_after_its_last_words_is_left_alone(
    bench: Bench,
) -> None:
    bench.write("1", COMPLAINTS[0], KARI)
    bench.settle()
    bench.clock.pass_(days=31)
    solve(bench)
    assert ends(bench) == []


def test_complaint_that_nobody_answered_is_not_called_solved(bench: Bench) -> None:
    bench.write("1", COMPLAINTS[0], KARI)
    bench.settle()
    change(bench, "1", status=TicketStatus.RESOLVED)
    assert ends(bench) == []


@SQLITE
def test_receipt_that_we_wrote_is_no_solution(bench: Bench) -> None:
    bench.write("1", COMPLAINTS[0], KARI)
    bench.settle()
    with bench.store.write() as connection:
        ticket = tickets.find(connection, TicketRef("support", "1"))
        assert ticket is not None
        receipt = outbox.Effect(
            source="support",
            operation=Operation.SEND_MESSAGE,
            target="1",
            dedup_key="receipt",
            ordering_key="receipt",
            payload={"text": "It is here.", "draft": False, "language": "en"},
            ticket_id=ticket.id,
        )
        outbox.enqueue(connection, [receipt], bench.clock())
        (mark,) = outbox.sent_marks(connection, ticket.id)
    answer(bench, body=f"It is here. {mark}")
    own = [one for one in bench.support.tickets["1"].comments if mark in one.body]
    change(bench, "1", comments=(bench.support.tickets["1"].comments[0], *own))
    change(bench, "1", status=TicketStatus.RESOLVED)
    assert ends(bench) == []


def test_customer_who_said_thanks_is_not_asked_when_it_is_closed_again(
    bench: Bench,
) -> None:
    solve(bench)
    bench.clock.pass_(hours=5)
    bench.write("1", "Thanks, now it works!", KARI)
    change(bench, "1", status=TicketStatus.OPEN)
    change(bench, "1", status=TicketStatus.RESOLVED)
    wait_until(bench, DUE + timedelta(days=5))
    assert asked(bench) == []


@pytest.mark.parametrize(
    ("mode", "expected"), [("act", [("1", False)]), ("suggest", [("1", True)])]
)
def test_what_is_suggested_becomes_a_draft_when_its_time_comes(
    make_bench: Callable[..., Bench], mode: str, expected: list[tuple[str, bool]]
) -> None:
    bench = make_bench(checkins=ON, autonomy={"messages": mode})
    solve(bench)
    assert asked(bench) == []
    wait_until(bench, DUE)
    assert asked(bench) == expected


def test_observed_check_in_is_shown_and_not_sent(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(checkins=ON, autonomy={"messages": "observe"})
    solve(bench)
    wait_until(bench, DUE + timedelta(days=1))
    assert asked(bench) == []
    (row,) = [r for r in rows(bench, OutboxState.OBSERVED) if r["rule"] == "checkins"]
    assert row["due_at"] == DUE


def test_start_is_a_monday() -> None:
    assert (START.weekday(), START.hour) == (0, 9)
