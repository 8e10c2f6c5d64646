"""Ways in which a promise could be broken, each of them tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kit import Bench
from loop_kit import (
    COMPLAINTS,
    Failing,
    calls,
    complain,
    file_issue,
    fix,
    rows,
    the_group,
)

from adapters.memory import MemoryAdapter
from connector import broadcasts as lists
from connector.config import Config
from connector.errors import (
    CredentialsRejected,
    TicketGone,
    VendorBusy,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Customer,
    DeliveryState,
    EventKind,
    IssueCategory,
    OutboxState,
    TicketEvent,
    TicketStatus,
)
from connector.store import deliveries, locks, outbox, sending


def set_mode(bench: Bench, **modes: str) -> None:
    """Change the configuration as a restart would."""
    raw = bench.config.model_dump()
    autonomy = {**raw["autonomy"], **modes}
    changed: Config = bench.config.model_copy(
        update={"autonomy": type(bench.config.autonomy).model_validate(autonomy)}
    )
    bench.config = changed
    bench.runtime.pipeline.config = bench.runtime.worker.config = changed
    for sender in bench.runtime.senders:
        sender.config = sender.effects.config = changed


def enqueue_messages(bench: Bench) -> str:
    """Come to the point where five messages wait to be sent."""
    issue = file_issue(bench)
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    bench.issue_changed(issue)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.issue_changed(issue)
    bench.runtime.worker.run_once()
    assert len(rows(bench, OutboxState.PENDING)) >= 5
    return issue


# -- asked again at the moment of doing it


def test_message_enqueued_before_the_mode_was_observe_stays_unsent(
    bench: Bench,
) -> None:
    enqueue_messages(bench)
    set_mode(bench, messages="observe")
    bench.settle()
    assert calls(bench, "send_message") == []


def test_message_enqueued_before_the_mode_was_suggest_is_a_draft(bench: Bench) -> None:
    enqueue_messages(bench)
    set_mode(bench, messages="suggest")
    bench.settle()
    for ticket in bench.support.tickets.values():
        assert sum(comment.draft for comment in ticket.comments) == 1


def test_stop_counts_from_the_very_next_write(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue_messages(bench)
    real = bench.support.send_message

    def send(*args: Any) -> Any:
        with bench.store.write() as connection:
            locks.put_fact(connection, "stop", True, bench.clock())
        return real(*args)

    monkeypatch.setattr(bench.support, "send_message", send)
    bench.settle()
    assert len(calls(bench, "send_message")) == 1


def test_waiting_messages_are_taken_back_when_the_issue_is_reopened(
    bench: Bench,
) -> None:
    issue = enqueue_messages(bench)
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)
    bench.issue_changed(issue)
    bench.runtime.worker.run_once()
    bench.settle()
    assert calls(bench, "send_message") == []
    fix(bench, issue)
    assert len(calls(bench, "send_message")) == 5


def test_nothing_is_written_to_a_ticket_that_turned_out_to_be_spam(
    bench: Bench,
) -> None:
    complain(bench, 1)
    bench.runtime.worker.run_once()
    bench.support.tickets["0"] = replace(
        bench.support.tickets["0"], status=TicketStatus.SPAM
    )
    bench.changed("support", "0")
    bench.runtime.worker.run_once()
    bench.settle()
    assert bench.support.calls == []


# -- once for each customer and fix


def test_customer_whose_address_is_learned_later_is_told_once(bench: Bench) -> None:
    for number in range(5):
        bench.write(str(number), COMPLAINTS[number], f"c{number}@mail.example")
    unknown = Customer(external_id="77")
    bench.support.tickets["0"] = replace(bench.support.tickets["0"], customer=unknown)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    fix(bench, the_group(bench)["issue_id"])
    known = replace(unknown, email="c0@mail.example")
    bench.support.tickets["0"] = replace(bench.support.tickets["0"], customer=known)
    bench.changed("support", "0")
    bench.settle()
    late = bench.clock.now - timedelta(hours=1)
    bench.support.write("9", COMPLAINTS[0], email="late@mail.example", now=late)
    bench.changed("support", "9")
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4", "9"]


def test_merged_profiles_are_one_customer(bench: Bench) -> None:
    complain(bench, 5)
    bench.settle()
    one = bench.support.tickets["0"].customer
    bench.support.tickets["1"] = replace(bench.support.tickets["1"], customer=one)
    bench.changed("support", "1")
    bench.settle()
    assert the_group(bench)["customers"] == 4


def test_cancelled_message_told_nobody(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(messages={"approve_above": 3})
    issue = file_issue(bench)
    fix(bench, issue)
    (number,) = bench.waiting()
    with bench.store.write() as connection:
        lists.cancel(connection, number, "anna", bench.clock())
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)
    bench.issue_changed(issue)
    bench.settle()
    fix(bench, issue)
    bench.approve()
    assert len(calls(bench, "send_message")) == 5


def test_late_members_do_not_slip_past_the_approval(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(messages={"approve_above": 5})
    issue = file_issue(bench)
    fix(bench, issue)
    assert len(calls(bench, "send_message")) == 5
    late = bench.clock.now - timedelta(hours=2)
    for number in range(20, 23):
        email = f"late{number}@mail.example"
        bench.support.write(str(number), COMPLAINTS[0], email=email, now=late)
        bench.changed("support", str(number))
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    assert len(calls(bench, "send_message")) == 5
    assert len(bench.waiting()) == 1
    bench.approve()
    assert sorted(calls(bench, "send_message")[5:]) == ["20", "21", "22"]


def test_row_discarded_while_it_is_claimed_is_not_sent(bench: Bench) -> None:
    enqueue_messages(bench)
    with bench.store.write() as connection:
        ids = [row["id"] for row in outbox.listing(connection, "pending", 50)]
        assert outbox.discard(connection, ids, "no", bench.clock()) == len(ids)
        assert sending.claim(connection, "support", "s", bench.clock(), 50) == []


def test_sender_thought_dead_cannot_end_what_another_took_over(bench: Bench) -> None:
    complain(bench, 1)
    bench.runtime.worker.run_once()
    now = bench.clock()
    with bench.store.write() as connection:
        row = sending.claim(connection, "support", "old", now, 1)[0]
        sending.take_back(connection, "support", now)
        sending.claim(connection, "support", "new", now, 1)
        assert not sending.finish(connection, row.id, "old", OutboxState.DONE, now)
        assert sending.finish(connection, row.id, "new", OutboxState.DONE, now)


# -- when a customer complained


def test_old_ticket_with_a_new_complaint_after_the_fix_reopens(bench: Bench) -> None:
    bench.write("50", "What are your opening hours?", "old@mail.example")
    bench.settle()
    issue = file_issue(bench)
    fix(bench, issue)
    bench.clock.pass_(days=1)
    bench.write("50", COMPLAINTS[0], "old@mail.example")
    bench.settle()
    assert calls(bench, "reopen_issue") == [issue]
    assert "50" not in calls(bench, "send_message")


def test_told_customer_who_answers_that_it_still_fails_reopens(bench: Bench) -> None:
    issue = file_issue(bench)
    fix(bench, issue)
    bench.clock.pass_(days=1)
    bench.write("0", f"Not fixed! {COMPLAINTS[0]}", "customer0@mail.example")
    bench.settle()
    assert calls(bench, "reopen_issue") == [issue]
    fix(bench, issue)
    assert calls(bench, "send_message")[5:] == ["0"]


def test_thanks_for_the_fix_reopens_nothing(bench: Bench) -> None:
    issue = file_issue(bench)
    fix(bench, issue)
    bench.clock.pass_(days=1)
    bench.write("0", "Thank you, it works now!", "customer0@mail.example")
    bench.settle()
    assert calls(bench, "reopen_issue") == []


def test_complaint_by_a_clock_ahead_of_ours_counts(bench: Bench) -> None:
    complain(bench, 4)
    ahead = bench.clock.now + timedelta(seconds=30)
    bench.support.write("4", COMPLAINTS[4], email="c4@mail.example", now=ahead)
    bench.changed("support", "4")
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1


# -- nothing stops a source, or the inbox


@pytest.mark.parametrize("words", ["half \ud83d", "nul \0 nul"])
def test_words_that_no_database_takes_park_the_row(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    failing = Failing(
        monkeypatch, bench.support, "add_note", VendorRefused(words), 99, False
    )
    complain(bench, 2)
    bench.settle()
    assert len(rows(bench, OutboxState.PARKED)) == 2
    assert failing.left == 97


@pytest.mark.parametrize("words", ["half \ud83d", "nul \0 nul", "x" * 500])
def test_complaint_with_text_that_no_database_takes_is_handled(
    bench: Bench, words: str
) -> None:
    bench.support.write("1", COMPLAINTS[0], email="a@mail.example", subject=words)
    ticket = bench.support.tickets["1"]
    odd = replace(ticket.customer, name=words)
    bench.support.tickets["1"] = replace(ticket, customer=odd, number=words)
    bench.changed("support", "1")
    bench.settle()
    assert "cc-discount_pricing" in bench.support.tickets["1"].tags


def test_result_that_cannot_be_recorded_parks_the_row(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = bench.support.add_note
    written = []

    def add_note(*args: Any) -> Any:
        written.append(real(*args))
        return written[-1]._replace(external_id=object())

    monkeypatch.setattr(bench.support, "add_note", add_note)
    complain(bench, 1)
    for _ in range(3):
        bench.settle()
        bench.clock.pass_(minutes=5)
    assert len(written) == 1
    assert len(rows(bench, OutboxState.PARKED)) == 1


@pytest.mark.parametrize("odd", ["", "x" * 101, "a\0b", "line\nbreak"])
def test_delivery_that_names_no_usable_id_is_parked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    event = TicketEvent(EventKind.TICKET_CHANGED, "shop", odd)
    monkeypatch.setattr(bench.shop, "parse", lambda delivery: (event,))
    bench.changed("shop", "1")
    complain(bench, 1)
    bench.settle()
    with bench.store.read() as connection:
        assert deliveries.counts(connection)[DeliveryState.PARKED] == 1
    assert bench.support.tickets["0"].tags


def test_tickets_merged_in_a_circle_come_to_rest(bench: Bench) -> None:
    bench.support.merged.update({"1": "2", "2": "1"})
    bench.changed("support", "1")
    bench.settle()
    with bench.store.read() as connection:
        assert deliveries.counts(connection)[DeliveryState.PARKED] == 1


def test_delivery_about_two_tickets_waits_for_the_unreadable_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = tuple(
        TicketEvent(EventKind.TICKET_CHANGED, "support", number)
        for number in ("0", "1")
    )
    complain(bench, 2)
    real = MemoryAdapter.fetch_ticket
    down = True

    def fetch(self: MemoryAdapter, external_id: str) -> Any:
        if down and external_id == "1":
            raise VendorUnavailable("not now")
        return real(self, external_id)

    monkeypatch.setattr(MemoryAdapter, "fetch_ticket", fetch)
    monkeypatch.setattr(bench.support, "parse", lambda delivery: events)
    bench.settle()
    assert not bench.support.tickets["1"].tags
    down = False
    bench.clock.pass_(hours=1)
    bench.settle()
    assert bench.support.tickets["1"].tags


def test_refused_credentials_are_tried_once_and_not_for_each_delivery(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fetch(self: MemoryAdapter, external_id: str) -> Any:
        tried.append(external_id)
        raise CredentialsRejected("no")

    complain(bench, 30)
    monkeypatch.setattr(MemoryAdapter, "fetch_ticket", fetch)
    for _ in range(3):
        bench.settle()
        bench.clock.pass_(minutes=1)
    # The readers that were under way at the first refusal may have asked as well.
    assert len(tried) <= bench.config.work.readers


def test_limit_of_one_ticket_does_not_hold_up_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = VendorBusy("this one", retry_after=600)
    busy.whole_source = False
    Failing(monkeypatch, bench.support, "change_tags", busy, 1, False)
    complain(bench, 3)
    bench.settle()
    assert len(calls(bench, "change_tags")) == 2


# -- what a person did stands


def test_tag_removed_after_a_lost_answer_is_a_veto(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(
        monkeypatch, bench.support, "change_tags", VendorUnavailable("lost"), 1, True
    )
    complain(bench, 1)
    bench.runtime.worker.run_once()
    next(s for s in bench.runtime.senders if s.source == "support").run_once()
    bench.changed("support", "0")
    bench.runtime.worker.run_once()
    ticket = bench.support.tickets["0"]
    assert ticket.tags
    bench.support.tickets["0"] = replace(ticket, tags=frozenset())
    bench.changed("support", "0")
    bench.runtime.worker.run_once()
    bench.clock.pass_(hours=1)
    bench.settle()
    assert bench.support.tickets["0"].tags == frozenset()


def test_tag_that_a_person_set_and_removed_is_not_added(bench: Bench) -> None:
    bench.support.write("1", COMPLAINTS[0], email="a@mail.example")
    ticket = bench.support.tickets["1"]
    bench.support.tickets["1"] = replace(
        ticket, tags=frozenset({"cc-discount_pricing"})
    )
    bench.changed("support", "1")
    bench.settle()
    ticket = bench.support.tickets["1"]
    bench.support.tickets["1"] = replace(
        ticket, tags=ticket.tags - {"cc-discount_pricing"}
    )
    bench.changed("support", "1")
    bench.settle()
    assert "cc-discount_pricing" not in bench.support.tickets["1"].tags


def test_discarded_suggestion_to_file_is_a_decision(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    with bench.store.write() as connection:
        ids = [row["id"] for row in outbox.listing(connection, "parked", 9)]
        outbox.discard(connection, ids, "no", bench.clock())
    complain(bench, 1, start=5)
    bench.settle()
    assert the_group(bench)["state"] == "muted"
    assert calls(bench, "create_issue") == []


# -- readings that are out of date


def test_older_reading_of_an_issue_changes_nothing(bench: Bench) -> None:
    from connector import escalation

    issue = file_issue(bench)
    old = bench.tracker.issues[issue]
    before = bench.clock()
    bench.clock.pass_(minutes=1)
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    bench.issue_changed(issue)
    bench.settle()
    with bench.store.write() as connection:
        said = escalation.issue_read(
            connection, bench.config, old, before, bench.clock()
        )
    assert "older" in said
    assert the_group(bench)["state"] == "fixed"


def test_status_that_the_tracker_does_not_classify_changes_nothing(
    bench: Bench,
) -> None:
    issue = file_issue(bench)
    fix(bench, issue)
    bench.tracker.move_issue(issue, IssueCategory.UNKNOWN)
    bench.issue_changed(issue)
    bench.settle()
    assert the_group(bench)["state"] == "fixed"


def test_resolution_set_after_done_counts(bench: Bench) -> None:
    issue = file_issue(bench)
    bench.tracker.move_issue(issue, IssueCategory.DONE)
    bench.issue_changed(issue)
    bench.settle()
    assert the_group(bench)["state"] == "wont_do"
    fix(bench, issue)
    assert len(calls(bench, "send_message")) == 5


# -- privacy


def test_number_of_one_customer_is_not_in_the_issues_summary(bench: Bench) -> None:
    for number in range(5):
        own = f"My order ORD-7712{number}: " if number else "My order ORD-77999: "
        bench.write(str(number), own + COMPLAINTS[number], f"c{number}@mail.example")
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    summary = next(iter(bench.tracker.drafts.values())).summary
    assert "E-4012" in summary
    assert "ORD" not in summary


def test_name_learned_later_is_masked(bench: Bench) -> None:
    complain(bench, 4)
    text = f"Torbjorn here. {COMPLAINTS[0]}"
    bench.support.write("9", text, email="t@mail.example")
    bench.changed("support", "9")
    bench.settle()
    ticket = bench.support.tickets["9"]
    named = replace(ticket.customer, name="Torbjorn Quisling")
    bench.support.tickets["9"] = replace(ticket, customer=named)
    bench.changed("support", "9")
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    draft = next(iter(bench.tracker.drafts.values()))
    assert "Torbjorn" not in " ".join(block.text for block in draft.description)


def test_tag_of_a_ticket_that_was_gone_is_written_once_it_is_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(monkeypatch, bench.support, "change_tags", TicketGone("gone"), 1, False)
    complain(bench, 1)
    bench.settle()
    assert not bench.support.tickets["0"].tags
    bench.changed("support", "0")
    bench.settle()
    assert bench.support.tickets["0"].tags


def test_source_that_does_not_answer_is_not_asked_for_each_ticket(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(external_id: str) -> Any:
        asked.append(external_id)
        raise VendorUnavailable("timed out")

    monkeypatch.setattr(bench.support, "fetch_ticket", fetch)
    complain(bench, 40)
    bench.write("s", COMPLAINTS[0], "s@mail.example", source="shop")
    bench.settle()
    assert len(asked) <= bench.config.work.readers
    assert bench.shop.tickets["s"].tags
