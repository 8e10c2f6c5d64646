"""Other people's rules that answer our writes with more: stopped, and told once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kit import Bench
from loop_kit import calls, complain, file_issue, rows
from structlog.testing import capture_logs

from connector.metrics import LOOPS
from connector.models import IssueCategory, Operation, OutboxState, TicketRef
from connector.outbox import Sender
from connector.store import outbox, tickets

LIMIT = 4


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A ticket with two writes on it, a tag and a note, of the four it may have."""
    bench = make_bench(work={"writes_per_ticket": LIMIT})
    complain(bench, 1)
    bench.settle()
    assert len(bench.support.calls) == 2
    return bench


def ask(bench: Bench, number: int, ticket: str = "0") -> None:
    """Ask for one more note on a ticket."""
    with bench.store.write() as connection:
        known = tickets.find(connection, TicketRef("support", ticket))
        assert known is not None
        effect = outbox.Effect(
            source="support",
            operation=Operation.ADD_NOTE,
            target=ticket,
            dedup_key=f"more:{ticket}:{number}",
            ordering_key=f"ticket:{known.id}",
            payload={"text": f"Note {number}"},
            ticket_id=known.id,
        )
        outbox.enqueue(connection, [effect], bench.clock())


def ask_for(bench: Bench, *numbers: int) -> None:
    for number in numbers:
        ask(bench, number)
        bench.settle()


def retry(bench: Bench) -> None:
    with bench.store.write() as connection:
        ids = [row["id"] for row in outbox.listing(connection, "parked", 10)]
        outbox.retry(connection, ids, bench.clock())
    bench.settle()


def seen() -> float:
    return float(LOOPS.labels("support")._value.get())


def test_ticket_with_too_many_writes_is_left_alone_and_told_of_once(
    bench: Bench,
) -> None:
    before = seen()
    with capture_logs() as logged:
        ask_for(bench, 1, 2, 3, 4)
    assert len(bench.support.calls) == LIMIT
    parked = rows(bench, OutboxState.PARKED)
    assert len(parked) == 2
    assert {row["error"].split(":")[0] for row in parked} == {"stopped"}
    assert f"{LIMIT} writes of ours to this ticket" in parked[0]["error"]
    warned = [line for line in logged if line["event"] == "outbox.loop"]
    assert [(line["log_level"], line["ticket"]) for line in warned] == [
        ("warning", "0")
    ]
    assert seen() - before == 1


def test_other_tickets_go_on(bench: Bench) -> None:
    ask_for(bench, 1, 2, 3)
    complain(bench, 1, start=1)
    bench.settle()
    assert bench.support.calls[LIMIT:] != []
    assert {target for _, target, _ in bench.support.calls[LIMIT:]} == {"1"}


def test_writes_of_another_process_count(bench: Bench) -> None:
    ask_for(bench, 1, 2)
    for sender in bench.runtime.senders:
        sender.close()
    other = Sender(
        bench.store, bench.support, bench.config, "another", bench.clock, bench.clock
    )
    ask(bench, 3)
    assert other.run_once() == 1
    assert len(bench.support.calls) == LIMIT
    assert len(rows(bench, OutboxState.PARKED)) == 1


def test_writes_with_time_between_them_are_no_loop(bench: Bench) -> None:
    for number in range(6):
        bench.clock.pass_(minutes=6)
        ask_for(bench, number)
    assert len(bench.support.calls) == 2 + 6


def test_ticket_stays_alone_until_a_person_retries(bench: Bench) -> None:
    ask_for(bench, 1, 2, 3)
    bench.clock.pass_(minutes=11)
    ask_for(bench, 4)
    assert len(bench.support.calls) == LIMIT
    retry(bench)
    assert len(bench.support.calls) == LIMIT + 2
    ask_for(bench, 5)
    assert rows(bench, OutboxState.PARKED) == []
    assert len(bench.support.calls) == LIMIT + 3


def test_row_that_a_person_retries_at_once_is_let_through(bench: Bench) -> None:
    ask_for(bench, 1, 2, 3)
    retry(bench)
    assert len(bench.support.calls) == LIMIT + 1
    ask_for(bench, 4)
    assert len(rows(bench, OutboxState.PARKED)) == 1


def test_tags_that_were_right_already_are_no_writes(bench: Bench) -> None:
    with bench.store.write() as connection:
        known = tickets.find(connection, TicketRef("support", "0"))
        assert known is not None
        effects = [
            outbox.Effect(
                source="support",
                operation=Operation.CHANGE_TAGS,
                target="0",
                dedup_key=f"same:{number}",
                ordering_key=f"ticket:{known.id}",
                payload={"add": [], "remove": []},
                ticket_id=known.id,
            )
            for number in range(5)
        ]
        outbox.enqueue(connection, effects, bench.clock())
    bench.settle()
    ask_for(bench, 1, 2)
    assert rows(bench, OutboxState.PARKED) == []
    assert len(bench.support.calls) == LIMIT


def test_message_to_a_customer_counts_and_waits_like_any_other_write(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(work={"writes_per_ticket": 3})
    issue = file_issue(bench)
    bench.clock.pass_(minutes=8)
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    bench.issue_changed(issue)
    bench.settle()
    bench.clock.pass_(minutes=8)
    for number in (1, 2, 3):
        ask(bench, number, ticket="1")
    bench.settle()
    bench.clock.pass_(minutes=8)
    bench.settle()
    assert sorted(calls(bench, "send_message")) == ["0", "2", "3", "4"]
    note, message = rows(bench, OutboxState.PARKED)
    assert (message["operation"], message["target"]) == ("send_message", "1")
    assert (note["operation"], note["target"]) == ("add_note", "1")
    for number in (4, 5):
        ask(bench, number, ticket="2")
    bench.settle()
    parked = [row["target"] for row in rows(bench, OutboxState.PARKED)]
    assert parked == ["2", "1", "1"]
