"""The whole loop on vendors in memory, step by step, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from kit import Bench
from loop_kit import COMPLAINTS, calls, complain, file_issue, fix, the_group

from connector.models import IssueCategory, OutboxState, TicketStatus
from connector.store import outbox, timeline


def test_complaint_gets_type_tag_and_one_note(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    ticket = bench.support.tickets["0"]
    assert "cc-discount_pricing" in ticket.tags
    notes = [comment for comment in ticket.comments if not comment.public]
    assert len(notes) == 1
    assert "discount pricing" in notes[0].body


def test_second_delivery_changes_nothing(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    before = list(bench.support.calls)
    for _ in range(3):
        bench.changed("support", "0")
        bench.settle()
    assert bench.support.calls == before


def test_thanks_and_questions_change_nothing(bench: Bench) -> None:
    bench.write("1", "Thank you so much, everything arrived!", "a@mail.example")
    bench.write("2", "What are your opening hours on Friday?", "b@mail.example")
    bench.settle()
    assert bench.support.calls == []


def test_loop_from_five_customers_to_message_and_return(bench: Bench) -> None:
    complain(bench, 4)
    bench.settle()
    assert the_group(bench)["state"] == "emerging"
    complain(bench, 1, start=4)
    bench.settle()
    assert the_group(bench)["state"] == "ready"
    assert calls(bench, "create_issue") == []

    bench.clock.pass_(minutes=11)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1
    group = the_group(bench)
    assert (group["state"], group["customers"]) == ("filed", 5)
    assert len(calls(bench, "link_ticket")) == 5

    bench.tracker.move_issue(group["issue_id"], IssueCategory.DONE, "Fixed")
    bench.issue_changed(group["issue_id"])
    bench.settle()
    assert the_group(bench)["state"] == "fixed"
    assert calls(bench, "send_message") == []

    bench.clock.pass_(minutes=11)
    bench.settle()
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]
    texts = {
        ticket.ref.external_id: comment.body
        for ticket in bench.support.tickets.values()
        for comment in ticket.comments
        if comment.public
    }
    assert texts["0"].startswith("Hello")
    assert "du skrev til oss" in texts["1"]
    assert "otit meihin yhteyttä" in texts["2"]

    bench.clock.pass_(days=2)
    complain(bench, 1, start=5)
    bench.settle()
    assert the_group(bench)["state"] == "filed"
    assert calls(bench, "reopen_issue") == [group["issue_id"]]
    assert len(calls(bench, "send_message")) == 5

    bench.issue_changed(group["issue_id"])
    bench.settle()
    bench.tracker.move_issue(group["issue_id"], IssueCategory.DONE, "Fixed")
    bench.issue_changed(group["issue_id"])
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert calls(bench, "send_message")[5:] == ["5"]
    assert len(calls(bench, "create_issue")) == 1


def test_group_below_threshold_files_no_issue(bench: Bench) -> None:
    complain(bench, 4)
    for number in range(10, 16):
        bench.write(str(number), COMPLAINTS[0], "customer0@mail.example")
    bench.settle()
    bench.clock.pass_(hours=1)
    bench.settle()
    assert the_group(bench)["customers"] == 4
    assert calls(bench, "create_issue") == []


@pytest.mark.parametrize(
    "resolution", ["Won't Do", "Duplicate", "Cannot Reproduce", ""]
)
def test_customers_are_not_told_of_what_is_not_a_fix(
    bench: Bench, resolution: str
) -> None:
    issue = file_issue(bench)
    bench.tracker.move_issue(issue, IssueCategory.DONE, resolution)
    bench.issue_changed(issue)
    bench.settle()
    bench.clock.pass_(days=1)
    bench.settle()
    assert the_group(bench)["state"] == "wont_do"
    assert calls(bench, "send_message") == []


def test_fix_taken_back_within_settle_time_tells_nobody(bench: Bench) -> None:
    issue = file_issue(bench)
    for category, resolution in [
        (IssueCategory.DONE, "Fixed"),
        (IssueCategory.IN_PROGRESS, ""),
    ]:
        bench.tracker.move_issue(issue, category, resolution)
        bench.issue_changed(issue)
        bench.settle()
        bench.clock.pass_(minutes=5)
    bench.clock.pass_(hours=1)
    bench.settle()
    assert the_group(bench)["state"] == "filed"
    assert calls(bench, "send_message") == []


def test_edited_done_issue_tells_nobody_twice(bench: Bench) -> None:
    issue = file_issue(bench)
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    for _ in range(3):
        bench.issue_changed(issue)
        bench.settle()
        bench.clock.pass_(minutes=11)
    bench.settle()
    assert len(calls(bench, "send_message")) == 5


def test_deleted_issue_tells_nobody(bench: Bench) -> None:
    issue = file_issue(bench)
    del bench.tracker.issues[issue]
    bench.issue_changed(issue)
    bench.settle()
    assert the_group(bench)["state"] == "filed"
    bench.clock.pass_(minutes=16)
    bench.settle()
    assert the_group(bench)["state"] == "muted"
    assert calls(bench, "send_message") == []


def test_issue_hidden_for_a_while_is_followed_again(bench: Bench) -> None:
    issue = file_issue(bench)
    hidden = bench.tracker.issues.pop(issue)
    for _ in range(3):
        bench.clock.pass_(minutes=16)
        bench.settle()
    assert the_group(bench)["state"] == "muted"
    bench.tracker.issues[issue] = hidden
    fix(bench, issue)
    assert len(calls(bench, "send_message")) == 5


def test_removed_tag_is_a_veto(bench: Bench) -> None:
    complain(bench, 1)
    bench.settle()
    ticket = bench.support.tickets["0"]
    bench.support.tickets["0"] = replace(
        ticket, tags=ticket.tags - {"cc-discount_pricing"}
    )
    for _ in range(2):
        bench.changed("support", "0")
        bench.settle()
    bench.write("0", "It still does not work, this is awful!", "customer0@mail.example")
    bench.settle()
    assert "cc-discount_pricing" not in bench.support.tickets["0"].tags


def test_tag_of_a_person_is_never_removed(bench: Bench) -> None:
    bench.write("1", "Thank you, all good!", "a@mail.example")
    bench.support.tickets["1"] = replace(
        bench.support.tickets["1"], tags=frozenset({"cc-delivery", "mine"})
    )
    bench.changed("support", "1")
    bench.settle()
    assert bench.support.tickets["1"].tags == {"cc-delivery", "mine"}


def test_deleted_ticket_counts_no_more(bench: Bench) -> None:
    complain(bench, 5)
    bench.settle()
    bench.support.tickets["4"] = replace(
        bench.support.tickets["4"], status=TicketStatus.SPAM
    )
    del bench.support.tickets["3"]
    bench.changed("support", "3")
    bench.changed("support", "4")
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert the_group(bench)["customers"] == 3
    assert calls(bench, "create_issue") == []
    with bench.store.read() as connection:
        (event,) = timeline.of(connection, the_group(bench)["id"])
    assert event.words == "support:4 is spam; it counts no more"


def test_merged_ticket_hands_over_its_place(bench: Bench) -> None:
    complain(bench, 2)
    bench.settle()
    bench.support.merged["0"] = "1"
    bench.changed("support", "0")
    bench.settle()
    assert the_group(bench)["tickets"] == 1


@pytest.mark.parametrize(
    ("area", "call"),
    [("tags", "change_tags"), ("notes", "add_note"), ("issues", "create_issue")],
)
def test_observe_records_and_writes_nothing(
    make_bench: Callable[..., Bench], area: str, call: str
) -> None:
    bench = make_bench(autonomy={area: "observe"})
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert calls(bench, call) == []
    with bench.store.read() as connection:
        observed = outbox.listing(connection, OutboxState.OBSERVED, 50)
    assert any(row["operation"] == call for row in observed)


def test_global_stop_writes_nothing(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(autonomy={"stop": True})
    complain(bench, 5)
    bench.settle()
    assert bench.support.calls == []


def test_suggested_message_is_a_draft(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(autonomy={"messages": "suggest"})
    issue = file_issue(bench)
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    bench.issue_changed(issue)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    for ticket in bench.support.tickets.values():
        assert sum(comment.draft for comment in ticket.comments) == 1


def test_many_recipients_wait_for_an_approval(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(messages={"approve_above": 3})
    issue = file_issue(bench)
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    bench.issue_changed(issue)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert calls(bench, "send_message") == []
    assert len(bench.waiting()) == 1
    bench.approve()
    assert len(calls(bench, "send_message")) == 5


def test_problem_that_did_not_come_back_is_closed(bench: Bench) -> None:
    issue = file_issue(bench)
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    bench.issue_changed(issue)
    bench.settle()
    bench.clock.pass_(days=29)
    bench.settle()
    assert the_group(bench)["state"] == "fixed"
    bench.clock.pass_(days=2)
    bench.settle()
    assert the_group(bench)["state"] == "closed"
