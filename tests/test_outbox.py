"""Sending: once, in order, with patience, and never blindly again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from kit import START, Bench
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

from adapters import pace
from connector.errors import (
    BudgetSpent,
    CredentialsRejected,
    TicketLocked,
    TicketMerged,
    VendorBusy,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
    VendorUnreachable,
)
from connector.models import Message, Operation, OutboxState
from connector.outbox import Sender
from connector.store import Store, outbox, sending


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (VendorUnavailable("no answer"), False),
        (VendorUnavailable("no answer"), True),
        (VendorUnreachable("down"), False),
        (VendorBusy("slow"), False),
    ],
    ids=["no-answer-before", "no-answer-after", "down", "busy"],
)
@pytest.mark.parametrize("call", ["change_tags", "add_note", "create_issue"])
def test_lost_answer_is_looked_for_and_nothing_is_done_twice(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    error: VendorError,
    after: bool,
) -> None:
    adapter = bench.tracker if call == "create_issue" else bench.support
    failing = Failing(monkeypatch, adapter, call, error, times=1, after=after)
    complain(bench, 5)
    bench.settle()
    for _ in range(5):
        bench.clock.pass_(minutes=11)
        bench.settle()
    assert failing.left == 0
    assert len(calls(bench, "create_issue")) == 1
    assert len(calls(bench, "add_note")) == 2 * 5  # understood, and filed
    assert all(ticket.tags for ticket in bench.support.tickets.values())
    assert {row["state"] for row in rows(bench)} <= {"done", "discarded"}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_message_with_a_lost_answer_reaches_the_customer_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    from connector.models import IssueCategory

    issue = file_issue(bench)
    Failing(
        monkeypatch,
        bench.support,
        "send_message",
        VendorUnavailable("no answer"),
        times=3,
        after=after,
    )
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    bench.issue_changed(issue)
    for _ in range(5):
        bench.settle()
        bench.clock.pass_(minutes=11)
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]


def test_create_waits_for_the_search_before_a_second_try(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = True
    real = bench.tracker.find_issue
    monkeypatch.setattr(
        bench.tracker, "find_issue", lambda *args: None if hidden else real(*args)
    )
    Failing(
        monkeypatch, bench.tracker, "create_issue", VendorUnavailable("lost"), 1, True
    )
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    bench.clock.pass_(minutes=8)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1
    hidden = False
    bench.clock.pass_(minutes=8)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1
    assert the_group(bench)["issue_key"]


def test_dead_senders_row_is_looked_for(bench: Bench) -> None:
    complain(bench, 1)
    bench.runtime.worker.run_once()
    sender = next(s for s in bench.runtime.senders if s.source == "support")
    assert sender._acquire()
    with bench.store.write() as connection:
        claimed = sending.claim(connection, "support", sender.holder, bench.clock(), 9)
    note = next(row for row in claimed if row.operation == "change_tags")
    assert note.attempts == 1
    # It dies here, having written the tags; another process takes over.
    bench.support.change_tags("0", frozenset(note.payload["add"]), frozenset())
    other = Sender(
        bench.store, bench.support, bench.config, "another", bench.clock, bench.clock
    )
    assert other.run_once() == 0
    bench.clock.pass_(seconds=61)
    while other.run_once():
        pass
    assert len(calls(bench, "change_tags")) == 1
    assert len(calls(bench, "add_note")) == 1


def test_refusal_is_parked_with_the_vendors_words_and_can_be_sent_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(
        monkeypatch, bench.support, "add_note", VendorRefused("no, because"), 1, False
    )
    complain(bench, 1)
    bench.settle()
    parked = rows(bench, OutboxState.PARKED)
    assert [row["error"] for row in parked] == ["no, because"]
    with bench.store.write() as connection:
        outbox.retry(connection, [parked[0]["id"]], bench.clock())
    bench.settle()
    assert len(calls(bench, "add_note")) == 1


def test_note_on_a_locked_ticket_is_dropped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(monkeypatch, bench.support, "add_note", TicketLocked("full"), 1, False)
    complain(bench, 1)
    bench.settle()
    assert rows(bench, OutboxState.PARKED) == []
    assert [row["error"] for row in rows(bench, OutboxState.DISCARDED)] == ["full"]


def test_write_follows_a_merged_ticket(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("9", "Thank you!", "customer0@mail.example")
    Failing(
        monkeypatch, bench.support, "add_note", TicketMerged("m", into="9"), 1, False
    )
    complain(bench, 1)
    bench.settle()
    assert calls(bench, "add_note") == ["9"]


def test_rejected_credentials_make_work_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(
        monkeypatch, bench.support, "change_tags", CredentialsRejected("no"), 1, False
    )
    complain(bench, 3)
    bench.settle()
    assert bench.support.calls == []
    assert rows(bench, OutboxState.PARKED) == []
    bench.clock.pass_(minutes=6)
    bench.settle()
    assert len(calls(bench, "change_tags")) == 3


def test_busy_vendor_is_left_alone_as_long_as_it_asks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(
        monkeypatch,
        bench.support,
        "change_tags",
        VendorBusy("slow down", retry_after=120),
        1,
        False,
    )
    complain(bench, 2)
    bench.settle()
    bench.clock.pass_(seconds=119)
    bench.settle()
    assert bench.support.calls == []
    bench.clock.pass_(seconds=3)
    bench.settle()
    assert len(calls(bench, "add_note")) == 2


def test_other_vendors_go_on_while_one_is_down(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(
        monkeypatch, bench.support, "change_tags", VendorUnreachable("x"), 99, False
    )
    complain(bench, 1)
    bench.write("5", COMPLAINTS[0], "other@mail.example", source="shop")
    bench.settle()
    assert "cc-discount_pricing" in bench.shop.tickets["5"].tags


def test_row_that_never_works_is_parked(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(work={"attempts": 4})
    Failing(monkeypatch, bench.support, "add_note", VendorUnreachable("x"), 99, False)
    complain(bench, 1)
    for _ in range(8):
        bench.settle()
        bench.clock.pass_(hours=1)
    assert [row["attempts"] for row in rows(bench, OutboxState.PARKED)] == [4]


def test_effects_of_one_ticket_keep_their_order(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    names = [name for name, _, _ in bench.support.calls]
    assert names == ["change_tags", "add_note"]


@pytest.mark.parametrize(
    ("put_off", "later", "is_taken"),
    [
        (Operation.CHANGE_TAGS, Operation.SEND_MESSAGE, True),
        (Operation.ADD_NOTE, Operation.SEND_MESSAGE, True),
        (Operation.SEND_MESSAGE, Operation.SEND_MESSAGE, False),
        (Operation.SEND_MESSAGE, Operation.ADD_NOTE, False),
        (Operation.CHANGE_TAGS, Operation.ADD_NOTE, False),
    ],
)
def test_only_a_message_goes_past_what_was_put_off(
    store: Store, put_off: Operation, later: Operation, is_taken: bool
) -> None:
    with store.write() as connection:
        outbox.enqueue(connection, [effect("first", put_off)], START)
        (first,) = sending.claim(connection, "support", "me", START, 9)
        hour = START + timedelta(hours=1)
        sending.postpone(connection, first.id, "me", hour, "down", 1, None)
        outbox.enqueue(connection, [effect("second", later)], START)
        taken = sending.claim(connection, "support", "me", START, 9)
    assert [row.dedup_key for row in taken] == ["second"] * is_taken


def effect(key: str, operation: Operation) -> outbox.Effect:
    """Make a write of the one ticket there is."""
    return outbox.Effect(
        source="support",
        operation=operation,
        target="1",
        dedup_key=key,
        ordering_key="ticket:1",
    )


@pytest.mark.parametrize(
    "error",
    [
        VendorConflict("409", retry_after=7200),
        BudgetSpent("used up", retry_after=7200),
    ],
    ids=["fails", "budget"],
)
def test_customers_are_told_while_tags_have_to_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: VendorError
) -> None:
    Failing(monkeypatch, bench.support, "change_tags", error, 99, False)
    fix(bench, file_issue(bench))
    waiting = [row["operation"] for row in rows(bench, OutboxState.PENDING)]
    assert waiting.count("change_tags") == 2 * 5  # its type, and its problem
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]


def test_spent_budget_is_noticed_by_one_call(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = BudgetSpent("later", retry_after=60)
    failing = Failing(monkeypatch, bench.support, "change_tags", error, 99, False)
    complain(bench, 5)
    bench.settle()
    assert failing.left == 98
    bench.clock.pass_(seconds=62)
    bench.settle()
    assert failing.left == 97


def test_two_senders_never_work_at_the_same_source(bench: Bench) -> None:
    complain(bench, 3)
    bench.runtime.worker.run_once()
    first = next(s for s in bench.runtime.senders if s.source == "support")
    second = Sender(
        bench.store, bench.support, bench.config, "second", bench.clock, bench.clock
    )
    assert first.run_once() > 0
    assert second.run_once() == 0
    first.close()
    assert second.run_once() > 0


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("add_note", 1), ("send_message", 5), ("comment_issue", 1)],
)
def test_lost_write_that_shows_up_late_is_not_made_again(
    make_bench: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    expected: int,
) -> None:
    """A vendor can finish after we gave up, and its search can show it later still."""
    bench = make_bench(work={"lost_answer": "5m"})
    bring_to(bench, operation)
    adapter: Any = bench.tracker if operation == "comment_issue" else bench.support
    Failing(monkeypatch, adapter, operation, lost(), 1, after=True)
    name = "find_comment" if operation == "comment_issue" else "find_mark"
    find = getattr(adapter, name)
    looks: list[datetime] = []

    def look(*args: str) -> Any:
        looks.append(bench.clock())
        is_shown = looks[-1] - looks[0] >= timedelta(minutes=3)
        return find(*args) if is_shown else None

    monkeypatch.setattr(adapter, name, look)
    ask_for(bench, operation)
    for _ in range(20):
        bench.settle()
        bench.clock.pass_(minutes=1)
    assert len(looks) > 1
    assert len(calls(bench, operation)) == expected
    assert rows(bench, OutboxState.PENDING) == []


def test_lost_write_that_never_shows_up_is_made_again(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(work={"lost_answer": "5m"})
    Failing(monkeypatch, bench.support, "add_note", lost(), 1, after=False)
    complain(bench, 1)
    bench.settle()
    bench.clock.pass_(minutes=4)
    bench.settle()
    assert calls(bench, "add_note") == []
    bench.clock.pass_(minutes=2)
    bench.settle()
    assert len(calls(bench, "add_note")) == 1


def test_what_is_safe_to_repeat_is_repeated_after_a_first_write(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message planned in two calls must not count as done after the first."""
    err = VendorUnavailable("answered 503")
    err.uncertain, err.repeatable = False, True
    real, tries = bench.support.send_message, []

    def send(external_id: str, message: Message) -> Any:
        tries.append(message.mark)
        turn = pace.current()
        assert turn is not None
        turn.wrote = True
        if len(tries) == 1:
            raise err
        return real(external_id, message)

    issue = file_issue(bench)
    monkeypatch.setattr(bench.support, "send_message", send)
    monkeypatch.setattr(bench.support, "find_mark", fail_to_be_asked)
    fix(bench, issue)
    bench.clock.pass_(minutes=30)
    bench.settle()
    assert len(tries) == len(set(tries)) + 1


def fail_to_be_asked(*args: object) -> None:
    raise AssertionError("nothing is to be looked for")


def lost() -> VendorUnavailable:
    err = VendorUnavailable("no answer")
    err.uncertain = True
    return err


def bring_to(bench: Bench, operation: str) -> None:
    """Bring the bench to where the operation is next."""
    if operation == "add_note":
        return
    issue = file_issue(bench)
    if operation == "comment_issue":
        fix(bench, issue)


def ask_for(bench: Bench, operation: str) -> None:
    if operation == "add_note":
        complain(bench, 1)
    elif operation == "send_message":
        fix(bench, str(the_group(bench)["issue_id"]))
    else:
        bench.clock.pass_(hours=1)
        bench.write("back", COMPLAINTS[0], "back@mail.example")


def test_what_is_being_taken_back_is_not_claimed(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    if bench.store.is_sqlite:
        pytest.skip("a writing transaction is alone")
    file_issue(bench)
    now = bench.clock()
    (parked,) = rows(bench, OutboxState.PARKED)
    with bench.store.write() as connection:
        outbox.retry(connection, [parked["id"]], now)
    with bench.store.write() as person:
        ids = outbox.untried(person, 1, Operation.CREATE_ISSUE)
        with bench.store.write() as sender:
            assert sending.claim(sender, "tracker", "me", now, 9) == []
        outbox.unask(person, ids, "muted", now)
    with bench.store.write() as sender:
        assert sending.claim(sender, "tracker", "me", now, 9) == []
