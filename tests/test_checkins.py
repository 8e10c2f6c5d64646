"""Asking whether a solution helped: whom, when, once, and whom not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from kit import START, Bench
from loop_kit import COMPLAINTS, complain, fix, rows, the_group
from sandbox_kit import stepped

from connector import checkins
from connector.cli import cli
from connector.erasing import Erasing, erase
from connector.models import (
    Author,
    Operation,
    OutboxState,
    TicketRef,
    TicketStatus,
)
from connector.store import checkins as plans
from connector.store import locks, outbox, tickets
from connector.workdays import days_after

KARI = "kari@mail.example"
ON = {"enabled": True}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
#: START is a Monday at nine; three working days later it is Thursday.
DUE = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench(checkins=ON)


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


# -- what comes first --


def write_again(bench: Bench) -> None:
    bench.write("1", "And what about my money?", KARI)
    bench.settle()


def reopen(bench: Bench) -> None:
    change(bench, "1", status=TicketStatus.OPEN)


def rate(bench: Bench) -> None:
    change(bench, "1", fields={"satisfaction": "bad"})


def complain_anew(bench: Bench) -> None:
    bench.write("2", COMPLAINTS[1], KARI)
    bench.settle()


def solve_another(bench: Bench) -> None:
    complain_anew(bench)
    solve(bench, "2")


def inquire(bench: Bench) -> None:
    answer(bench, body="Hi again! Does it work now?")


def opt_out(bench: Bench) -> None:
    with bench.store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE customers SET opted_out_at = 1, opted_out = 'the phone'"
        )


def merge(bench: Bench) -> None:
    bench.write("2", "Hello again", KARI)
    bench.support.merged["1"] = "2"
    bench.changed("support", "1")
    bench.settle()


def delete(bench: Bench) -> None:
    change(bench, "1", status=TicketStatus.DELETED)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (write_again, checkins.WROTE),
        (reopen, checkins.REOPENED),
        (rate, checkins.RATED),
        (inquire, checkins.INQUIRED),
        (opt_out, checkins.UNWANTED),
        (complain_anew, checkins.NEWER),
        (solve_another, checkins.TWIN),
        (merge, checkins.MERGED),
        (delete, checkins.REOPENED),
    ],
)
@pytest.mark.parametrize(
    ("database_url", "looked"),
    [("sqlite", "before"), ("postgresql", "only when sending")],
    indirect=["database_url"],
)
def test_check_in_is_taken_back_when_something_else_comes_first(
    bench: Bench, act: Callable[[Bench], None], why: str, looked: str
) -> None:
    solve(bench)
    bench.clock.pass_(hours=5)
    act(bench)
    if looked == "before":
        review(bench)
    bench.clock.now = DUE
    bench.settle()
    review(bench)
    assert ("1", False) not in asked(bench)
    assert ends(bench)[0] == ("cancelled", why)


# -- who is away --


def reply_automatically(bench: Bench, words: str) -> None:
    bench.write("1", words, KARI)
    bench.settle()


@SQLITE
def test_customer_who_is_away_is_asked_the_day_after(bench: Bench) -> None:
    solve(bench)
    reply_automatically(bench, "I am out of the office until 12 March.")
    wait_until(bench, DUE + timedelta(days=7))
    assert asked(bench) == []
    wait_until(bench, datetime(2026, 3, 13, 10, 0, tzinfo=UTC))
    assert asked(bench) == [("1", False)]
    review(bench)
    assert ends(bench) == [
        ("cancelled", f"{checkins.AWAY} 2026-03-12"),
        ("asked", ""),
    ]


@SQLITE
@pytest.mark.parametrize(
    "words",
    [
        "I am out of the office and read my mail now and then.",
        "I am out of the office until Wednesday.",
    ],
)
def test_automatic_reply_is_no_answer(bench: Bench, words: str) -> None:
    solve(bench)
    reply_automatically(bench, words)
    wait_until(bench, DUE)
    assert asked(bench) == [("1", False)]
    review(bench)
    assert ends(bench) == [("asked", "")]


@SQLITE
def test_customer_who_is_away_for_long_is_not_asked(bench: Bench) -> None:
    solve(bench)
    reply_automatically(bench, "Jeg er på ferie til 1. september.")
    wait_until(bench, datetime(2026, 9, 3, 10, 0, tzinfo=UTC))
    assert asked(bench) == []
    assert ends(bench) == [("cancelled", f"{checkins.AWAY} 2026-09-01")]


@SQLITE
def test_absence_known_before_the_solution_counts_too(bench: Bench) -> None:
    bench.write("1", COMPLAINTS[0], KARI)
    reply_automatically(bench, "Olen lomalla 9.3. asti.")
    solve(bench)
    wait_until(bench, DUE)
    assert asked(bench) == []
    wait_until(bench, datetime(2026, 3, 10, 10, 0, tzinfo=UTC))
    assert asked(bench) == [("1", False)]


# -- what else comes first --


@SQLITE
def test_agent_who_asked_with_the_solution_is_not_repeated(bench: Bench) -> None:
    bench.write("1", COMPLAINTS[0], KARI, subject="Discount code")
    bench.settle()
    answer(bench, body="Ny kode: NEW10. Gi beskjed om det virker!")
    change(bench, "1", status=TicketStatus.RESOLVED)
    wait_until(bench, DUE)
    assert asked(bench) == []
    assert ends(bench) == [("cancelled", checkins.INQUIRED)]


def test_merge_that_nobody_told_us_of_is_noticed_when_sending(bench: Bench) -> None:
    solve(bench)
    bench.write("2", "Hello again", KARI)
    bench.settle()
    bench.support.merged["1"] = "2"
    wait_until(bench, DUE)
    review(bench)
    assert asked(bench) == []
    assert ends(bench) == [("cancelled", checkins.MERGED)]


def test_customer_who_was_told_of_a_fix_is_not_asked_too(bench: Bench) -> None:
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    solve(bench, "0")
    fix(bench, str(the_group(bench)["issue_id"]))
    told = len(asked(bench))
    assert told == 5
    wait_until(bench, DUE + timedelta(days=1))
    assert len(asked(bench)) == told
    assert ends(bench, "0") == [("cancelled", checkins.TOLD)]


@SQLITE
def test_ticket_solved_after_its_customer_was_told_is_not_asked_about(
    bench: Bench,
) -> None:
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    fix(bench, str(the_group(bench)["issue_id"]))
    bench.clock.pass_(hours=1)
    solve(bench, "0")
    assert ends(bench, "0") == [("cancelled", checkins.TOLD)]
    wait_until(bench, DUE + timedelta(days=1))
    assert len(asked(bench)) == 5


@SQLITE
def test_older_complaint_that_is_still_open_keeps_nobody_from_being_asked(
    bench: Bench,
) -> None:
    solve(bench, "2", "ola@mail.example")  # asked about before any of these words
    bench.clock.pass_(hours=1)
    bench.write("old", COMPLAINTS[0], KARI)
    bench.clock.pass_(hours=1)
    solve(bench)
    wait_until(bench, DUE)
    assert asked(bench) == [("2", False), ("1", False)]


@SQLITE
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        # Its sender took it after it was looked at, as can be with PostgreSQL.
        ({"state": "sending"}, [("planned", "")]),
        (
            {"state": "discarded", "uncertain_since": START},
            [("cancelled", checkins.NEWER)],
        ),
    ],
)
def test_check_in_is_not_called_off_while_it_is_handed_over(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    solve(bench)
    bench.clock.pass_(hours=1)
    complain_anew(bench)
    with bench.store.write() as connection:
        if changed["state"] == "sending":
            seen = outbox.by_key(connection, "checkin:1")
            monkeypatch.setattr(checkins.outbox, "by_key", lambda *_: seen)
        table = outbox.table
        one = table.c.dedup_key == "checkin:1"
        connection.execute(table.update().where(one).values(**changed))
        checkins.review(connection, bench.config, bench.clock())
    assert ends(bench) == expected


@SQLITE
def test_complaint_on_an_older_ticket_comes_first_too(bench: Bench) -> None:
    bench.write("old", COMPLAINTS[0], KARI)
    bench.clock.pass_(hours=1)
    solve(bench)
    bench.clock.pass_(hours=1)
    bench.write("old", COMPLAINTS[1], KARI)
    bench.settle()
    wait_until(bench, DUE + timedelta(hours=5))
    assert asked(bench) == []
    assert ends(bench) == [("cancelled", checkins.NEWER)]


def test_ticket_solved_again_is_asked_about_after_that(bench: Bench) -> None:
    solve(bench)
    bench.clock.pass_(hours=2)
    reopen(bench)
    bench.clock.pass_(days=1)
    solve(bench)
    wait_until(bench, DUE)
    assert asked(bench) == []
    wait_until(bench, DUE + timedelta(days=1))
    assert asked(bench) == [("1", False)]


def test_other_writes_to_the_ticket_do_not_wait_for_the_check_in(bench: Bench) -> None:
    solve(bench)
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    fix(bench, str(the_group(bench)["issue_id"]))
    assert ("1", False) in asked(bench)


def test_scheduler_looks_at_check_ins(bench: Bench) -> None:
    solve(bench)
    bench.clock.pass_(hours=1)
    complain_anew(bench)
    job = bench.runtime.scheduler._ticker.get_job("checkins")
    job.func(*job.args)
    assert ends(bench)[-1] == ("cancelled", checkins.NEWER)


@SQLITE
def test_list_shows_why_a_check_in_was_taken_back(bench: Bench, tmp_path: Path) -> None:
    solve(bench)
    rate(bench)
    solve(bench, "2", "olga@mail.example")
    file = tmp_path / "config.yaml"
    file.write_text(
        "sources: {support: {kind: memory}}\n"
        f"database: {{url: '{bench.config.database.url}'}}\n"
    )
    words = ["checkins", "list", "--config", str(file)]
    shown = CliRunner().invoke(cli, [*words, "--json"]).output.splitlines()
    newest, first = map(json.loads, shown)
    assert (newest["ticket"], newest["state"]) == ("2", "planned")
    assert (first["ticket"], first["reason"]) == ("1", checkins.RATED)
    only = CliRunner().invoke(cli, [*words, "--state", "cancelled"]).output
    assert checkins.RATED in only
    assert "planned" not in only


# -- where the vendor keeps what is planned --


def planned_at_vendor(scene: Any, number: str) -> list[str]:
    one = scene.world.helpscout.get(int(number))
    return [t.scheduled["scheduledFor"] for t in one.threads if t.scheduled]


def sent(scene: Any, number: str) -> list[str]:
    messages = scene.world.ticket("helpscout", number)["messages"]
    return [
        one["text"] for one in messages if one["actor"] == "api" and not one["draft"]
    ]


def write(scene: Any, ticket: str | None = None, text: str = COMPLAINTS[0]) -> str:
    written = scene.world.write(
        "helpscout", email=KARI, subject="Code", text=text, ticket=ticket
    )
    scene.settle()
    return str(written)


def close(scene: Any, number: str) -> None:
    scene.world.agent("helpscout", number, "reply", text="Try NEW10 instead.")
    scene.world.agent("helpscout", number, "status", status="closed")
    scene.settle()


def look(scene: Any) -> None:
    with scene.runtime.store.write() as connection:
        checkins.review(connection, scene.runtime.config, scene.clock())
    scene.settle()


ACT = {"autonomy": {"messages": "act"}, "checkins": ON}


def test_vendor_shows_agents_what_is_planned_and_sends_it_once(
    database_url: str,
) -> None:
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        close(scene, number)
        assert planned_at_vendor(scene, number) == ["2026-03-05T10:00:00Z"]
        scene.clock.now = DUE - timedelta(hours=1)
        look(scene)
        assert sent(scene, number) == []
        scene.clock.now = DUE + timedelta(hours=1)
        scene.runtime.adapters["support"].fetch_ticket(number)
        look(scene)
        scene.clock.pass_(days=10)
        look(scene)
        (text,) = sent(scene, number)
        assert "Did that solve it" in text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"autonomy": {"messages": "suggest"}}, checkins.SWITCHED_OFF),
        ({"checkins": {"enabled": False}}, checkins.SWITCHED_OFF),
        ({"autonomy": {"stop": True}}, checkins.STOPPED),
        ({}, checkins.STOPPED),
    ],
)
def test_vendor_sends_nothing_any_more_when_nothing_may_be_sent(
    database_url: str, changes: dict[str, Any], why: str
) -> None:
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        close(scene, number)
        assert planned_at_vendor(scene, number) != []
        scene.restart(**changes)
        if not changes:  # `complaint-connector stop`
            with scene.runtime.store.write() as connection:
                locks.put_fact(connection, locks.STOP, "now", scene.clock())
        look(scene)
        assert planned_at_vendor(scene, number) == []
        with scene.runtime.store.read() as connection:
            (row,) = plans.of_ticket(connection, 1)
        assert (row.state, row.reason) == ("cancelled", why)


@pytest.mark.parametrize(
    "what", ["answers", "complains anew", "gets it opened again", "is erased"]
)
def test_vendor_sends_nothing_when_something_else_comes_first(
    database_url: str, what: str
) -> None:
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        close(scene, number)
        scene.clock.pass_(hours=3)
        if what == "answers":
            write(scene, number, "It is as broken as before.")
        elif what == "complains anew":
            write(scene, text=COMPLAINTS[1])
        elif what == "is erased":
            runtime = scene.runtime
            means = Erasing(runtime.store, runtime.adapters, scene.clock)
            assert erase(means, KARI, "anna")[0].is_done
        else:
            scene.world.agent("helpscout", number, "status", status="active")
            scene.settle()
        look(scene)
        assert planned_at_vendor(scene, number) == []
        scene.clock.now = DUE + timedelta(hours=1)
        look(scene)
        assert sent(scene, number) == []


@SQLITE
def test_vendor_gets_a_later_time_when_the_customer_is_away(database_url: str) -> None:
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        close(scene, number)
        write(scene, number, "I am out of the office until 12 March.")
        look(scene)
        assert planned_at_vendor(scene, number) == []
        scene.clock.pass_(hours=1)  # the reply has opened it
        scene.world.agent("helpscout", number, "status", status="closed")
        scene.settle()
        assert planned_at_vendor(scene, number) == ["2026-03-13T10:00:00Z"]


def test_lost_answer_leaves_one_planned_message(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft was written, and the connector died before it had its time."""
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        scene.world.stage.faults.clear() if hasattr(
            scene.world.stage, "faults"
        ) else None
        messages = scene.runtime.adapters["support"]._messages
        real = messages._schedule

        def die(*given: object) -> None:
            monkeypatch.setattr(messages, "_schedule", real)
            raise RuntimeError("killed")

        monkeypatch.setattr(messages, "_schedule", die)
        close(scene, number)
        with scene.runtime.store.write() as connection:
            connection.exec_driver_sql(
                "UPDATE outbox SET state = 'pending' WHERE state = 'parked'"
            )
        scene.settle(minutes=10)
        drafts = [
            one
            for one in scene.world.ticket("helpscout", number)["messages"]
            if one["draft"]
        ]
        assert len(drafts) == 1
        assert planned_at_vendor(scene, number) == ["2026-03-05T10:00:00Z"]


def test_start_is_a_monday() -> None:
    assert (START.weekday(), START.hour) == (0, 9)
