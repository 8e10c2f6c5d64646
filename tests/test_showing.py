"""What agents see of a problem in their tool: a tag, and a note for each state.

The look-alike helpdesks are the witnesses where it is about tags and notes; the rest
is seen in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kit import Bench
from loop_kit import COMPLAINTS, Failing, calls, file_issue, fix, rows, the_group
from loop_kit import complain as write
from sandbox_kit import (
    THRESHOLD,
    Stepped,
    Writer,
    complain,
    our_tags,
    ours,
    states,
    writes,
)
from sqlalchemy import select, update
from test_jsm_end_to_end import care, filed
from test_promises import set_mode

from connector import correcting, escalation
from connector.errors import VendorUnavailable
from connector.models import GroupState, IssueCategory, TicketRef, TicketStatus
from connector.showing import APART, AT_ONCE
from connector.store import groups, members, problem_tables, schema

VENDORS = ("helpscout", "zendesk", "jsm")
TAG = "cc-problem-1"


@pytest.fixture
def scene(database_url: str) -> Iterator[Stepped]:
    with care(database_url, "cloud") as opened:
        yield opened


def rest(scene: Stepped) -> None:
    """Let what happened arrive, a fix settle, and tickets be read again."""
    for _ in range(3):
        scene.settle(minutes=11)


def file_one(scene: Stepped) -> list[Writer]:
    """Let customers of each helpdesk complain until there is an issue."""
    found = [
        complain(scene.world, number, VENDORS[number % len(VENDORS)])
        for number in range(THRESHOLD)
    ]
    scene.settle()
    rest(scene)
    return found


def resolve(scene: Stepped, resolution: str) -> None:
    (issue,) = filed(scene)
    scene.world.issue(issue["key"], "done", resolution=resolution)
    rest(scene)


def seen(scene: Stepped, one: Writer) -> list[str]:
    """Return how each of our notes on a ticket begins to speak of its problem."""
    return states(scene.world.ticket(one.vendor, one.ticket))


def assert_seen(scene: Stepped, writers: list[Writer], *states: str) -> None:
    """Each ticket has the tag, and a note of each of these states, in this order."""
    for one in writers:
        assert TAG in our_tags(scene.world.ticket(one.vendor, one.ticket)), one
        assert seen(scene, one) == list(states), one


# -- between look-alike vendors


def test_filed_problem_is_tagged_and_noted_once_on_each_ticket(scene: Stepped) -> None:
    writers = [complain(scene.world, n, VENDORS[n % 3]) for n in range(THRESHOLD - 1)]
    scene.settle(minutes=11)
    for one in writers:  # too few to call it a problem
        assert TAG not in our_tags(scene.world.ticket(one.vendor, one.ticket))
    writers.append(complain(scene.world, THRESHOLD, "zendesk"))
    rest(scene)
    assert_seen(scene, writers, "Known problem")
    (note,) = ours(scene.world.ticket(*writers[0][:2]), "notes")[1:]
    (issue,) = filed(scene)
    assert f"{THRESHOLD} customers since 2026-03-02" in note
    assert "SHOP-1 (to do)" in note
    assert f"{issue['summary']} {issue['url']}" in note

    mark = len(scene.world.log())
    for one in writers:  # what comes back of it is no news
        scene.world.agent(one.vendor, one.ticket, "add_tag", tag="seen-by-hanna")
    rest(scene)
    assert writes(scene.world, mark) == []
    scene.assert_nothing_parked()


def test_newcomers_read_it_in_their_one_note_and_nobody_else_is_told(
    scene: Stepped,
) -> None:
    writers = file_one(scene)
    before = {one: scene.world.ticket(one.vendor, one.ticket) for one in writers}
    late = [complain(scene.world, n, VENDORS[n % 3]) for n in range(10, 40)]
    rest(scene)
    assert_seen(scene, late, "Known problem")
    for one in late:
        assert len(ours(scene.world.ticket(one.vendor, one.ticket), "notes")) == 1
    for one, ticket in before.items():
        assert scene.world.ticket(one.vendor, one.ticket)["notes"] == ticket["notes"]

    scene.world.issue("SHOP-1", "start")
    rest(scene)
    assert_seen(scene, writers, "Known problem")
    latest = complain(scene.world, 41, "helpscout")
    rest(scene)
    assert_seen(scene, [latest], "Known problem, being fixed")
    scene.assert_nothing_parked()


def test_fix_and_return_are_noted_once_each(scene: Stepped) -> None:
    writers = file_one(scene)
    resolve(scene, "Fixed")
    assert_seen(scene, writers, "Known problem", "Fixed")
    last = ours(scene.world.ticket(*writers[0][:2]), "notes")[-1]
    assert "SHOP-1 was done on 2026-03-02. The customer is told." in last

    scene.clock.pass_(days=1)
    late = complain(scene.world, 7, "zendesk")
    rest(scene)
    assert_seen(scene, writers, "Known problem", "Fixed", "Came back")
    assert_seen(scene, [late], "Came back")
    for number in (8, 9):
        complain(scene.world, number, "helpscout")
    rest(scene)
    assert_seen(
        scene, [*writers[1:], writers[0]], "Known problem", "Fixed", "Came back"
    )
    scene.assert_nothing_parked()


def test_what_stays_as_it_is_promises_nothing_and_is_noted_when_opened_again(
    scene: Stepped,
) -> None:
    writers = file_one(scene)
    resolve(scene, "Won't Do")
    for one in writers:
        last = ours(scene.world.ticket(one.vendor, one.ticket), "notes")[-1]
        assert "SHOP-1 was closed as Won't Do: nothing is promised" in last
    scene.world.issue("SHOP-1", "reopen")
    rest(scene)
    for one in writers:
        assert seen(scene, one)[-1] == "Open again", one
        assert len(seen(scene, one)) == 3


@pytest.mark.parametrize("vendor", VENDORS)
def test_problem_tag_that_a_person_removed_stays_away(
    scene: Stepped, vendor: str
) -> None:
    writers = file_one(scene)
    one = next(one for one in writers if one.vendor == vendor)
    scene.world.agent(vendor, one.ticket, "remove_tag", tag=TAG)
    rest(scene)
    resolve(scene, "Fixed")
    assert TAG not in scene.world.ticket(vendor, one.ticket)["tags"]
    assert seen(scene, one) == ["Known problem", "Fixed"]


@pytest.mark.parametrize("kind", ["before", "after"])
def test_notes_with_lost_answers_and_a_restart_are_there_once(
    scene: Stepped, kind: str
) -> None:
    writers = [
        complain(scene.world, number, VENDORS[number % 3])
        for number in range(THRESHOLD)
    ]
    scene.settle()
    scene.clock.pass_(minutes=11)
    for path in ("/notes$", "/tickets/"):
        scene.world.fail(kind, method="(POST|PUT)", path=path, times=2)
    for _ in range(4):
        scene.step()
    scene.restart()
    rest(scene)
    assert_seen(scene, writers, "Known problem")
    scene.assert_nothing_parked()


# -- in memory


def problem_tags(bench: Bench, ticket: str) -> list[str]:
    return sorted(t for t in bench.support.tickets[ticket].tags if "problem" in t)


def state_notes(bench: Bench, ticket: str) -> list[str]:
    """Return the first words of our notes that tell of a problem with an issue."""
    return [
        line.partition(" ")[0]
        for comment in bench.support.tickets[ticket].comments
        if not comment.public
        for line in comment.body.splitlines()
        if "SHOP-" in line and "http" not in line
    ]


def set_status(bench: Bench, ticket: str, status: TicketStatus) -> None:
    known = bench.support.tickets[ticket]
    bench.support.tickets[ticket] = replace(known, status=status)
    bench.changed("support", ticket)
    bench.settle()


def move(bench: Bench, ticket: str, into: int) -> None:
    """Let a person move a ticket to another problem."""
    with bench.store.write() as connection:
        ref = TicketRef("support", ticket)
        correcting.move(connection, bench.config, ref, into, "hanna", bench.clock())
    bench.settle()


def another(bench: Bench, **values: Any) -> int:
    """Make a problem without tickets."""
    now = bench.clock()
    known = {"type": "delivery", "title": "Delivery: late", "state": "emerging"}
    times = dict.fromkeys(("created_at", "first_at", "last_at"), now)
    with bench.store.write() as connection:
        return groups.create(connection, {**known, **times, **values})


def with_issue(bench: Bench) -> dict[str, Any]:
    """Say of a problem that it was filed as an issue of its own."""
    return {
        "state": GroupState.FILED,
        "tracker": "tracker",
        "issue_id": "999",
        "issue_key": "SHOP-999",
        "issue_url": "https://jira.example/browse/SHOP-999",
        "issue_category": IssueCategory.TODO,
        "checked_at": bench.clock(),
    }


def test_problem_is_tagged_from_when_it_is_ready_until_too_few_are_left(
    bench: Bench,
) -> None:
    write(bench, 5)
    bench.settle()
    assert the_group(bench)["state"] == "ready"
    assert [problem_tags(bench, str(n)) for n in range(5)] == [[TAG]] * 5
    assert state_notes(bench, "0") == []
    set_status(bench, "4", TicketStatus.SPAM)
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert the_group(bench)["state"] == "emerging"
    assert [problem_tags(bench, str(n)) for n in range(4)] == [[]] * 4


def test_moved_ticket_changes_its_number(bench: Bench) -> None:
    file_issue(bench)
    lone = another(bench)
    move(bench, "2", lone)
    assert problem_tags(bench, "2") == []
    assert problem_tags(bench, "1") == [TAG]
    known = another(bench, **with_issue(bench))
    move(bench, "3", known)
    assert problem_tags(bench, "3") == [f"cc-problem-{known}"]
    assert state_notes(bench, "3") == ["Known", "Known"]
    move(bench, "3", 1)
    assert problem_tags(bench, "3") == [TAG]
    assert state_notes(bench, "3") == ["Known", "Known"]
    assert state_notes(bench, "1") == ["Known"]


@pytest.mark.parametrize(("same", "notes"), [(True, 1), (False, 2)])
def test_merged_problem_takes_the_number_of_the_other_and_a_note_if_its_issue_differs(
    bench: Bench, same: bool, notes: int
) -> None:
    file_issue(bench)
    values = with_issue(bench)
    if same:  # the other one takes over the issue
        old = the_group(bench)
        values |= {
            name: old[name] for name in values if name.startswith(("issue", "tracker"))
        }
    with bench.store.write() as connection:
        if same:
            groups.change(connection, 1, tracker=None, issue_id=None, issue_key=None)
    survivor = another(bench, **values)
    with bench.store.write() as connection:
        connection.execute(update(problem_tables.members).values(group_id=survivor))
        groups.change(connection, 1, state=GroupState.MERGED, merged_into=survivor)
        for group_id in (1, survivor):
            members.recount(connection, group_id)
            escalation.plan(connection, bench.config, group_id, bench.clock())
    bench.settle()
    for number in range(5):
        assert problem_tags(bench, str(number)) == [f"cc-problem-{survivor}"]
        assert len(state_notes(bench, str(number))) == notes


def test_ticket_moved_to_a_muted_problem_changes_its_number_at_once(
    bench: Bench,
) -> None:
    file_issue(bench)
    muted = {"state": GroupState.MUTED, "muted_from": GroupState.FILED}
    into = another(bench, **with_issue(bench) | muted)
    move(bench, "2", into)
    assert problem_tags(bench, "2") == [f"cc-problem-{into}"]
    assert state_notes(bench, "2") == ["Known"]


def test_fix_taken_back_within_settle_time_is_no_news(bench: Bench) -> None:
    issue = file_issue(bench)
    for category, resolution in [
        (IssueCategory.DONE, "Won't Do"),
        (IssueCategory.IN_PROGRESS, ""),
        (IssueCategory.DONE, "Fixed"),
        (IssueCategory.IN_PROGRESS, ""),
    ]:
        bench.tracker.move_issue(issue, category, resolution)
        bench.issue_changed(issue)
        bench.settle()
        bench.clock.pass_(minutes=4)
    bench.clock.pass_(hours=1)
    bench.settle()
    assert [state_notes(bench, str(n)) for n in range(5)] == [["Known"]] * 5


@pytest.mark.parametrize("resolution", ["", "Fixed"])
def test_newcomer_reads_of_no_end_that_may_be_taken_back(
    bench: Bench, resolution: str
) -> None:
    issue = file_issue(bench)
    filed_at = bench.clock()
    bench.clock.pass_(minutes=1)
    bench.tracker.move_issue(issue, IssueCategory.DONE, resolution)
    bench.issue_changed(issue)
    bench.settle()
    late = "late@mail.example"
    bench.support.write("9", COMPLAINTS[0], email=late, now=filed_at)
    bench.changed("support", "9")
    bench.settle()
    (note,) = [
        one.body for one in bench.support.tickets["9"].comments if not one.public
    ]
    assert "Known problem: SHOP-1000 (done), 6 customers" in note
    bench.clock.pass_(hours=1)
    bench.settle()
    assert len(state_notes(bench, "9")) == 2


def test_solved_ticket_gets_the_tag_and_the_note_once_it_is_opened(
    bench: Bench,
) -> None:
    write(bench, 5)
    bench.settle()
    set_status(bench, "0", TicketStatus.RESOLVED)
    set_status(bench, "1", TicketStatus.CLOSED)
    issue = file_issue(bench)
    assert problem_tags(bench, "0") == [TAG]
    assert [state_notes(bench, str(n)) for n in (0, 1, 2)] == [[], [], ["Known"]]
    fix(bench, issue)
    assert [state_notes(bench, str(n)) for n in (0, 1)] == [[], []]
    assert state_notes(bench, "2") == ["Known", "Fixed:"]
    set_status(bench, "0", TicketStatus.OPEN)
    assert state_notes(bench, "0") == ["Fixed:"]


def test_closed_tickets_are_not_even_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(bench, 5)
    bench.settle()
    set_status(bench, "1", TicketStatus.CLOSED)
    read: list[str] = []
    fetch = bench.support.fetch_ticket
    monkeypatch.setattr(
        bench.support, "fetch_ticket", lambda ref: (read.append(ref), fetch(ref))[1]
    )
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert set(read) == {"0", "2", "3", "4"}


def test_customer_who_complains_again_after_the_fix_is_noted_where_they_wrote(
    bench: Bench,
) -> None:
    write(bench, 5)
    bench.settle()
    set_status(bench, "0", TicketStatus.RESOLVED)
    fix(bench, file_issue(bench))
    bench.clock.pass_(days=1)
    set_status(bench, "0", TicketStatus.OPEN)
    bench.write("0", "The code still fails at checkout!", "customer0@mail.example")
    bench.settle()
    bench.issue_changed(str(the_group(bench)["issue_id"]))
    bench.settle()
    assert the_group(bench)["state"] == "filed"
    assert state_notes(bench, "0") == ["Fixed:", "Came"]
    assert state_notes(bench, "1") == ["Known", "Fixed:", "Came"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"autonomy": {"messages": "act"}}, "The customer is told."),
        ({"autonomy": {"messages": "suggest"}}, "is there as a draft."),
        ({"messages": {"approve_above": 3}}, "waits for an approval."),
        ({"autonomy": {"messages": "observe"}}, "was done on 2026-03-02."),
    ],
)
def test_note_of_a_fix_says_what_the_customer_was_told(
    make_bench: Callable[..., Bench], changes: dict[str, Any], words: str
) -> None:
    bench = make_bench(**changes)
    fix(bench, file_issue(bench))
    (note,) = [
        comment.body
        for comment in bench.support.tickets["0"].comments
        if comment.body.startswith("Fixed:")
    ]
    assert note.splitlines()[0].endswith(words)


def test_customer_with_two_tickets_is_told_on_one_and_both_say_so(bench: Bench) -> None:
    bench.write(
        "again",
        "The discount code AUTUMN20 does not work. Error E-4012. Terrible!",
        "customer0@mail.example",
    )
    fix(bench, file_issue(bench))
    said = {
        comment.body.splitlines()[0].partition(". ")[2]
        for ticket in ("0", "again")
        for comment in bench.support.tickets[ticket].comments
        if comment.body.startswith("Fixed:")
    }
    assert said == {"The customer is told.", "The customer is told on another ticket."}


def test_complaint_after_the_watch_reads_of_the_fix_before_it(bench: Bench) -> None:
    fix(bench, file_issue(bench))
    bench.clock.pass_(days=20)
    write(bench, 1, start=5)
    bench.settle()
    (note,) = [
        one.body for one in bench.support.tickets["5"].comments if not one.public
    ]
    assert "Fixed: SHOP-1000 was done on 2026-03-02. This was written after" in note
    assert problem_tags(bench, "5") == [TAG]
    assert state_notes(bench, "0") == ["Known", "Fixed:"]


def test_problem_after_one_fixed_long_ago_is_noted_as_come_back(bench: Bench) -> None:
    fix(bench, file_issue(bench))
    bench.clock.pass_(days=45)
    bench.settle()
    write(bench, 3, start=5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    for number in (5, 6, 7):
        assert problem_tags(bench, str(number)) == ["cc-problem-2"]
        assert state_notes(bench, str(number)) == ["Came"]
    assert problem_tags(bench, "0") == [TAG]
    assert state_notes(bench, "0") == ["Known", "Fixed:"]


@pytest.mark.parametrize("area", ["tags", "notes"])
def test_observed_showing_is_recorded_only(
    make_bench: Callable[..., Bench], area: str
) -> None:
    bench = make_bench(autonomy={area: "observe"})
    fix(bench, file_issue(bench))
    operation = {"tags": "change_tags", "notes": "add_note"}[area]
    assert calls(bench, operation) == []
    keys = [row["dedup_key"] for row in rows(bench) if row["operation"] == operation]
    assert all(key.startswith("observed:") for key in keys)
    assert len(keys) == len(set(keys)) > 5


def test_mode_changed_to_act_notes_the_present_state_in_one_note(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"notes": "observe"})
    file_issue(bench)
    set_mode(bench, notes="act")
    bench.changed("support", "0")
    bench.settle()
    assert calls(bench, "add_note") == ["0"]
    assert state_notes(bench, "0") == ["Known"]


def test_note_that_fails_for_a_while_is_there_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(bench, 5)
    bench.settle()
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, bench.support, "add_note", lost, 3, after=True)
    for _ in range(4):
        bench.clock.pass_(minutes=11)
        bench.settle()
    assert [state_notes(bench, str(n)) for n in range(5)] == [["Known"]] * 5


def test_many_tickets_leave_room_for_what_vendors_deliver(bench: Bench) -> None:
    more = 10
    write(bench, AT_ONCE + more)
    bench.settle()
    noted = [n for n in range(AT_ONCE + more) if problem_tags(bench, str(n))]
    assert len(noted) >= AT_ONCE
    bench.clock.pass_(minutes=11)
    bench.settle()
    due = select(schema.deliveries.c.due_at).where(
        schema.deliveries.c.state == "pending"
    )
    with bench.store.read() as connection:
        waits = [at - bench.clock() for at in connection.scalars(due)]
    assert waits == [APART * (n + 1) for n in range(more)]
    assert all(wait < timedelta(minutes=1) for wait in waits)
    bench.clock.pass_(minutes=1)
    bench.settle()
    for number in range(AT_ONCE + more):
        assert problem_tags(bench, str(number)) == [TAG]
        assert state_notes(bench, str(number)) == ["Known"]
