"""Messages to many wait for a person, and some customers are left out of any."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from kit import Bench
from loop_kit import COMPLAINTS, Failing, calls, complain, file_issue, fix, the_group
from test_promises import set_mode

from connector import broadcasts as lists
from connector import steering
from connector.cli import cli
from connector.correcting import Refused
from connector.errors import VendorUnavailable
from connector.models import IssueCategory, TicketStatus
from connector.recipients import (
    OPTED_OUT,
    ROBOT,
    SEEN_TO_FAIL,
    SPAM,
    affected,
    is_nobodys,
)
from connector.scheduler import queue_due
from connector.store import broadcasts, customers, timeline

#: The databases make no difference to these.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

KARI = "kari@mail.example"


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench(messages={"approve_above": 3})


def reopen(bench: Bench, issue: str) -> None:
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)
    bench.issue_changed(issue)
    bench.settle()


def approve(bench: Bench, number: int) -> str:
    """Approve as Anna; return what was said to that, before anything follows."""
    with bench.store.write() as connection:
        done = lists.approve(connection, bench.config, number, "anna", bench.clock())
    return "; ".join([done.did, *done.follows])


def state(bench: Bench, number: int = 1) -> str:
    with bench.store.read() as connection:
        row = broadcasts.get(connection, number)
    assert row is not None
    return str(row.state)


def happened(bench: Bench) -> list[tuple[str, str]]:
    with bench.store.read() as connection:
        found = timeline.of(connection, the_group(bench)["id"])
    return [(row.kind, row.who) for row in found]


def left_out(bench: Bench) -> dict[str, str]:
    group = the_group(bench)
    with bench.store.read() as connection:
        out = broadcasts.left_out_of(connection, group["id"], group["episode"])
    return {row.customer_key: row.reason for row in out}


def opt_out(bench: Bench, key: str) -> None:
    with bench.store.write() as connection:
        row = customers.by_key(connection, key)
        assert row is not None
        customers.opt_out(connection, row.id, "anna", bench.clock())


def told(bench: Bench) -> list[str]:
    return sorted(calls(bench, "send_message"))


# -- approval


@on_sqlite
def test_approving_twice_sends_once_and_says_who_it_was(bench: Bench) -> None:
    fix(bench, file_issue(bench))
    assert told(bench) == []
    assert "5 customers" in approve(bench, 1)
    assert "already, by anna" in approve(bench, 1)
    bench.settle()
    assert "already, by anna" in approve(bench, 1)
    bench.settle()
    assert told(bench) == ["0", "1", "2", "3", "4"]
    assert [one for one in happened(bench) if one[0].startswith("appr")] == [
        ("approval", ""),
        ("approved", "anna"),
    ]
    assert state(bench) == "sent"


@on_sqlite
def test_request_is_withdrawn_when_the_issue_is_opened_again(bench: Bench) -> None:
    issue = file_issue(bench)
    fix(bench, issue)
    reopen(bench, issue)
    assert state(bench) == "withdrawn"
    with pytest.raises(Refused, match="withdrawn"):
        approve(bench, 1)
    fix(bench, issue)
    assert bench.waiting() == [2]
    bench.approve()
    assert told(bench) == ["0", "1", "2", "3", "4"]


@on_sqlite
def test_fix_that_was_taken_back_unseen_is_not_told_after_an_approval(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    fix(bench, issue)
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)  # and no webhook
    approve(bench, 1)
    bench.settle()
    assert (told(bench), state(bench)) == ([], "withdrawn")
    assert the_group(bench)["state"] == "filed"


@on_sqlite
def test_newcomers_are_on_the_list_that_is_approved(bench: Bench) -> None:
    issue = file_issue(bench)
    before = bench.clock()
    fix(bench, issue)
    bench.support.write("late", COMPLAINTS[0], email=KARI, now=before)
    bench.changed("support", "late")
    bench.clock.pass_(minutes=1)
    bench.settle()
    with bench.store.read() as connection:
        shown = lists.shown(connection, bench.config, 1)
    assert shown is not None
    assert (len(shown.recipients), shown.came_since) == (6, 1)
    assert "1 of them came after" in approve(bench, 1)
    bench.settle()
    assert told(bench) == ["0", "1", "2", "3", "4", "late"]


@on_sqlite
def test_few_who_come_after_an_approval_need_no_other(bench: Bench) -> None:
    issue = file_issue(bench)
    before = bench.clock()
    fix(bench, issue)
    bench.approve()
    for number in range(20, 23):
        email = f"late{number}@mail.example"
        bench.support.write(str(number), COMPLAINTS[0], email=email, now=before)
        bench.changed("support", str(number))
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    assert told(bench) == ["0", "1", "2", "20", "21", "22", "3", "4"]


@on_sqlite
def test_cancelled_once_nobody_is_told_of_that_fix(bench: Bench) -> None:
    fix(bench, file_issue(bench))
    with bench.store.write() as connection:
        lists.cancel(connection, 1, "anna", bench.clock())
    with pytest.raises(Refused, match="cancelled"):
        approve(bench, 1)
    bench.clock.pass_(days=1)
    bench.settle()
    assert told(bench) == []
    assert ("cancelled", "anna") in happened(bench)


@on_sqlite
def test_message_that_goes_out_can_be_stopped_on_the_way(bench: Bench) -> None:
    fix(bench, file_issue(bench))
    approve(bench, 1)
    bench.runtime.worker.run_once()
    assert state(bench) == "approved"
    queue_due(bench.store, bench.config, bench.clock())
    bench.runtime.worker.run_once()
    assert (state(bench), told(bench)) == ("sent", [])
    with bench.store.write() as connection:
        done = lists.cancel(connection, 1, "olga", bench.clock())
    assert done.follows[0] == "5 messages that were not sent yet are taken back"
    late = bench.clock() - timedelta(hours=1)
    bench.support.write("late", COMPLAINTS[0], email=KARI, now=late)
    bench.changed("support", "late")
    bench.settle()
    bench.clock.pass_(minutes=30)
    bench.settle()
    assert (state(bench), told(bench)) == ("cancelled", [])


def go_off_for(bench: Bench, **pause: float) -> str:
    """Stop the connector when five customers are about to be told of a fix."""
    issue = file_issue(bench)
    fix(bench, issue)
    approve(bench, 1)
    queue_due(bench.store, bench.config, bench.clock())
    bench.runtime.worker.run_once()
    assert (state(bench), told(bench)) == ("sent", [])
    bench.clock.pass_(**pause)
    return issue


def send(bench: Bench) -> None:
    """Start again: the senders are the first to do something."""
    while sum(sender.run_once() for sender in bench.runtime.senders):
        pass
    assert told(bench) == []


@on_sqlite
@pytest.mark.parametrize("days", [3, 40])  # within the watch, and after it
def test_fix_that_was_taken_back_during_a_pause_is_told_nobody(
    bench: Bench, days: int
) -> None:
    issue = go_off_for(bench, days=days)
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)  # and nobody listens
    send(bench)
    for _ in range(3):
        bench.settle()
        bench.clock.pass_(minutes=10)
    assert told(bench) == []
    assert the_group(bench)["state"] == "filed"


@on_sqlite
@pytest.mark.parametrize("is_back", [True, False])
def test_message_whose_answer_was_lost_is_not_sent_again_unless_it_is_still_fixed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_back: bool
) -> None:
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, bench.support, "send_message", lost, 5, after=False)
    issue = go_off_for(bench, minutes=1)
    send(bench)
    bench.clock.pass_(days=3)
    if is_back:
        bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)  # nobody listens
    send(bench)
    for _ in range(3):
        bench.settle()
        bench.clock.pass_(minutes=10)
    assert told(bench) == ([] if is_back else ["0", "1", "2", "3", "4"])


@on_sqlite
@pytest.mark.parametrize("days", [3, 40])
def test_fix_that_still_holds_after_a_pause_is_told_once(
    bench: Bench, days: int
) -> None:
    go_off_for(bench, days=days)
    if days == 40:
        bench.runtime.worker.run_once()
        queue_due(bench.store, bench.config, bench.clock())
        assert the_group(bench)["state"] == "closed"
    send(bench)
    for _ in range(3):
        bench.settle()
        bench.clock.pass_(minutes=10)
    assert told(bench) == ["0", "1", "2", "3", "4"]


@on_sqlite
def test_cancelling_an_earlier_fix_stops_nothing_of_the_present_one(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    fix(bench, issue)
    bench.approve()
    bench.clock.pass_(hours=1)
    complain(bench, 5)  # again
    bench.settle()
    fix(bench, issue)
    approve(bench, 2)
    queue_due(bench.store, bench.config, bench.clock())
    bench.runtime.worker.run_once()
    assert (state(bench, 2), len(told(bench))) == ("sent", 5)
    with bench.store.write() as connection:
        lists.cancel(connection, 1, "olga", bench.clock())
    bench.settle()
    assert (state(bench, 2), len(told(bench))) == ("sent", 10)


@on_sqlite
def test_problem_that_came_back_after_its_watch_is_not_called_fixed(
    bench: Bench,
) -> None:
    fix(bench, file_issue(bench))
    bench.clock.pass_(days=31)
    bench.settle()
    assert the_group(bench)["state"] == "closed"
    bench.clock.pass_(days=1)
    complain(bench, 5, start=10)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    with pytest.raises(Refused, match="it came back"):
        approve(bench, 1)


@on_sqlite
def test_command_line_shows_the_list_and_takes_the_decision(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("connector.cli.groups"), "_now", bench.clock)
    bench.write("r", COMPLAINTS[0], "no-reply@shop.example", subject="Code")
    fix(bench, file_issue(bench))
    raw = {
        "database": {"url": bench.config.database.url},
        "sources": {"support": {"kind": "memory"}, "tracker": {"kind": "memory"}},
        "messages": {"signature": "The shop"},
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def say(*words: str) -> Any:
        line = ["broadcasts", *words, "--config", str(file)]
        return CliRunner().invoke(cli, line)

    listed = json.loads(say("list", "--state", "waiting", "--json").output)
    assert (listed["state"], listed["recipients"], listed["left_out"]) == (
        "waiting",
        5,
        1,
    )
    shown = json.loads(say("show", "1", "--json").output)
    assert sorted(one["ticket"] for one in shown["recipients"]) == [*"01234"]
    assert {one["language"] for one in shown["recipients"]} >= {"en", "nb"}
    assert all("The shop" in text for text in shown["texts"].values())
    assert shown["left_out"] == [
        {"customer": "no-reply@shop.example", "because": ROBOT}
    ]
    for_people = say("show", "1").output
    assert "customer0@mail.example" in for_people
    assert "Left out:" in for_people
    assert "5 customers" in say("approve", "1", "--by", "anna").output
    bench.settle()
    shown = json.loads(say("show", "1", "--json").output)
    assert {one["state"] for one in shown["recipients"]} == {"done"}
    assert (shown["decided_by"], len(shown["left_out"])) == ("anna", 1)
    assert "0 messages that were not sent yet" in say("cancel", "1").output
    assert say("cancel", "9").exit_code == say("show", "9").exit_code == 1


@on_sqlite
def test_status_page_says_that_a_person_is_asked(bench: Bench) -> None:
    fix(bench, file_issue(bench))
    client = bench.runtime.create_app().test_client()
    assert "wait to be told that it is fixed" in client.get("/").text
    bench.approve()
    assert "wait to be told" not in client.get("/").text


# -- what was only observed


@on_sqlite
def test_fix_that_was_only_observed_can_be_told_once_the_mode_is_another(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"messages": "observe"})
    fix(bench, file_issue(bench))
    assert (state(bench), told(bench), bench.waiting()) == ("observed", [], [])
    with bench.store.read() as connection:
        (row,) = lists.listed(connection, bench.config, "observed", 9)
    assert row["recipients"] == 5
    with pytest.raises(Refused, match="is observe: nobody would be told"):
        approve(bench, 1)
    set_mode(bench, messages="act")
    # One who comes late does not bring the message to all of them.
    before = bench.clock() - timedelta(hours=2)
    bench.support.write("late", COMPLAINTS[0], email=KARI, now=before)
    bench.changed("support", "late")
    bench.settle()
    bench.clock.pass_(minutes=30)
    bench.settle()
    assert (state(bench), told(bench)) == ("waiting", [])
    assert "6 customers" in approve(bench, 1)
    bench.settle()
    assert told(bench) == ["0", "1", "2", "3", "4", "late"]


@on_sqlite
def test_fix_that_was_only_observed_is_approved_once_and_not_when_reopened(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"messages": "observe"})
    issue = file_issue(bench)
    fix(bench, issue)
    reopen(bench, issue)
    assert state(bench) == "withdrawn"
    fix(bench, issue)
    set_mode(bench, messages="act")
    assert "5 customers" in approve(bench, 2)
    assert "already, by anna" in approve(bench, 2)
    bench.settle()
    assert (state(bench, 2), told(bench)) == ("sent", ["0", "1", "2", "3", "4"])


@on_sqlite
@pytest.mark.parametrize(
    ("mode", "expected"), [("observe", "observed"), ("act", "waiting")]
)
def test_fix_that_was_only_observed_is_told_nobody_because_a_mute_ended(
    make_bench: Callable[..., Bench], mode: str, expected: str
) -> None:
    bench = make_bench(autonomy={"messages": "observe"})
    fix(bench, file_issue(bench))
    with bench.store.write() as connection:
        steering.mute(connection, 1, None, "anna", bench.clock())
    set_mode(bench, messages=mode)
    with bench.store.write() as connection:
        steering.unmute(connection, bench.config, 1, "anna", bench.clock())
    bench.settle()
    bench.clock.pass_(minutes=30)
    bench.settle()
    assert (state(bench), told(bench)) == (expected, [])
    set_mode(bench, messages="act")
    assert "5 customers" in approve(bench, 1)
    bench.settle()
    assert told(bench) == ["0", "1", "2", "3", "4"]


# -- who is left out


@on_sqlite
def test_left_out_are_listed_with_the_reason(bench: Bench) -> None:
    bench.write("k", COMPLAINTS[0], KARI, subject="Code")
    bench.write("r", COMPLAINTS[0], "mailer-daemon@mail.example", subject="Code")
    issue = file_issue(bench)
    opt_out(bench, KARI)
    fix(bench, issue)
    bench.approve()
    assert told(bench) == ["0", "1", "2", "3", "4"]
    assert left_out(bench) == {KARI: OPTED_OUT, "mailer-daemon@mail.example": ROBOT}


@on_sqlite
def test_customer_is_told_on_another_ticket_if_one_turns_out_to_be_spam(
    bench: Bench,
) -> None:
    bench.write("k", COMPLAINTS[0], "customer0@mail.example", subject="Discount code")
    bench.clock.pass_(minutes=1)
    go_off_for(bench, minutes=1)
    for ticket in ("0", "1"):  # the first customer has another one
        known = bench.support.tickets[ticket]
        bench.support.tickets[ticket] = replace(known, status=TicketStatus.SPAM)
        bench.changed("support", ticket)
    bench.runtime.worker.run_once()
    for _ in range(2):
        bench.settle()
        bench.clock.pass_(minutes=10)
    assert told(bench) == ["2", "3", "4", "k"]
    assert left_out(bench) == {"customer1@mail.example": SPAM}


def test_who_wrote_nothing_but_spam_is_listed(bench: Bench) -> None:
    for ticket in ("s", "k"):
        bench.write(ticket, COMPLAINTS[0], KARI, subject="Code")
    bench.write("o", COMPLAINTS[0], "ole@mail.example", subject="Code")
    issue = file_issue(bench)
    for ticket in ("s", "o"):
        known = bench.support.tickets[ticket]
        bench.support.tickets[ticket] = replace(known, status=TicketStatus.SPAM)
        bench.changed("support", ticket)
    fix(bench, issue)
    with bench.store.read() as connection:
        shown = lists.shown(connection, bench.config, 1)
    assert shown is not None
    assert shown.left_out == [("ole@mail.example", SPAM)]
    bench.approve()
    assert told(bench) == ["0", "1", "2", "3", "4", "k"]
    assert left_out(bench) == {"ole@mail.example": SPAM}


@on_sqlite
def test_who_complained_again_after_the_watch_is_listed(bench: Bench) -> None:
    fix(bench, file_issue(bench))
    bench.clock.pass_(days=20)
    bench.write("0", "The discount code fails again, E-4012!", "customer0@mail.example")
    bench.settle()
    bench.approve()
    assert left_out(bench) == {"customer0@mail.example": SEEN_TO_FAIL}


# -- which ticket, which language


@on_sqlite
def test_three_tickets_are_one_message_on_the_newest_open_one_as_last_written(
    bench: Bench,
) -> None:
    for ticket, text in (("a", 0), ("b", 0), ("c", 1)):
        bench.write(ticket, COMPLAINTS[text], KARI)
        bench.clock.pass_(minutes=1)
    bench.settle()
    newest = bench.support.tickets["c"]
    bench.support.tickets["c"] = replace(newest, status=TicketStatus.RESOLVED)
    bench.changed("support", "c")
    fix(bench, file_issue(bench))
    bench.approve()
    assert told(bench) == ["0", "1", "2", "3", "4", "b"]
    assert "du skrev til oss" in bench.support.tickets["b"].comments[-1].body


@on_sqlite
def test_language_is_that_of_the_latest_words_and_not_of_the_latest_complaint(
    bench: Bench,
) -> None:
    for ticket, words in (
        ("a", COMPLAINTS[1]),
        ("b", COMPLAINTS[0]),
        ("a", "Hei igjen, når kan jeg regne med å få svar fra dere om dette?"),
        ("a", "Se vedlegg"),  # alone it would be taken for Finnish
    ):
        bench.write(ticket, words, KARI)
        bench.clock.pass_(minutes=1)
        bench.settle()
    fix(bench, file_issue(bench))
    bench.approve()
    assert "du skrev til oss" in bench.support.tickets["b"].comments[-1].body


@on_sqlite
def test_open_ticket_goes_before_a_solved_one_and_that_before_a_closed_one(
    bench: Bench,
) -> None:
    for ticket in ("a", "b"):
        bench.write(ticket, COMPLAINTS[0], KARI)
        bench.clock.pass_(minutes=1)
    bench.settle()
    opened, solved, closed = (
        TicketStatus.OPEN,
        TicketStatus.RESOLVED,
        TicketStatus.CLOSED,
    )
    for first, second, chosen in (
        (opened, solved, "a"),
        (opened, closed, "a"),
        (solved, closed, "a"),
        (solved, solved, "b"),
        (closed, opened, "b"),
    ):
        for ticket, status in (("a", first), ("b", second)):
            known = bench.support.tickets[ticket]
            bench.support.tickets[ticket] = replace(known, status=status)
            bench.changed("support", ticket)
        bench.settle()
        group = SimpleNamespace(**{**the_group(bench), "done_at": bench.clock()})
        with bench.store.read() as connection:
            (one,) = affected(connection, bench.config, group).recipients
        assert one.ticket.external_id == chosen


@pytest.mark.parametrize(
    "address",
    [
        "no-reply@shop.example",
        "NoReply@shop.example",
        "noreply-42@shop.example",
        "do_not_reply@shop.example",
        "MAILER-DAEMON@mail.example",
        "postmaster@mail.example",
        "bounce+123@mail.example",
        "bounces@mail.example",
    ],
)
def test_nobody_reads_this_address(address: str) -> None:
    assert is_nobodys(address)


@pytest.mark.parametrize(
    "address",
    ["norep@mail.example", "anna.noreply@mail.example", "bouncer@club.example"],
)
def test_somebody_may_read_this_address(address: str) -> None:
    assert not is_nobodys(address)
