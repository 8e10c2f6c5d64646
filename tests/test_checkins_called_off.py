"""What keeps a check-in from being sent, or puts it off, until the last moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
from click.testing import CliRunner
from kit import START, Bench
from loop_kit import COMPLAINTS, complain, fix, the_group

from connector import checkins
from connector.cli import cli
from connector.models import (
    TicketStatus,
)
from connector.store import outbox


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench(checkins=ON)


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
