"""A merge that is taken back: what became part of another problem is itself again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from correcting_kit import (
    crash,
    file_after,
    file_unanswered,
    group,
    happened,
    two_filed,
    where,
)
from kit import Bench
from loop_kit import calls, complain, fix

from connector import merging, steering
from connector.correcting import Done, Refused, move
from connector.grouping import Grouping
from connector.models import IssueCategory, Meaning, TicketRef
from connector.store import groups

CRASHERS = [f"c{number}" for number in range(5)]


def merge(bench: Bench, stays: int, goes: int) -> Done:
    with bench.store.write() as connection:
        now = bench.clock()
        return merging.merge(connection, bench.config, stays, goes, "anna", now)


def undo(bench: Bench, whole: int, part: int) -> Done:
    with bench.store.write() as connection:
        now = bench.clock()
        return merging.undo(connection, bench.config, whole, part, "bo", now)


def moved_to(bench: Bench, group_id: int, *tickets: str) -> None:
    with bench.store.write() as connection:
        for ticket in tickets:
            ref, now = TicketRef("support", ticket), bench.clock()
            move(connection, bench.config, ref, group_id, "anna", now)


def memory_of(bench: Bench, process: Grouping) -> bytes:
    with bench.store.write() as connection:
        process.sync(connection, bench.clock())
    return process._grouper.dump()


def customers_on(bench: Bench, issue: str) -> int:
    """Return how many customers an issue says there are."""
    return next(
        what.properties["complaint-connector"]["customers"]
        for name, target, what in reversed(bench.tracker.calls)
        if (name, target) == ("update_issue", issue)
    )


def test_problem_is_itself_again_with_its_issue_and_who_followed(bench: Bench) -> None:
    first, second = two_filed(bench)
    merge(bench, 1, 2)
    crash(bench, 1, start=5)
    bench.settle()
    done = undo(bench, 1, 2)
    assert (done.group_id, done.undo) == (2, "groups merge 1 2")
    assert "problem 2 is itself again, with 6 tickets of problem 1" in done.did
    assert ("bo", "split off") in happened(bench, 2)
    file_after(bench)
    assert where(bench, 1, 2) == {1: list("01234"), 2: [*CRASHERS, "c5"]}
    assert (group(bench, 2)["state"], group(bench, 2)["merged_into"]) == ("filed", None)
    assert group(bench, 2)["checked_at"] is not None
    assert [customers_on(bench, issue) for issue in (first, second)] == [5, 6]
    assert calls(bench, "link_ticket").count(second) == 6
    crash(bench, 1, start=6)
    complain(bench, 1, start=5)
    file_after(bench)
    assert where(bench, 1, 2) == {1: list("012345"), 2: [*CRASHERS, "c5", "c6"]}
    assert calls(bench, "create_issue") == [first, second]
    fix(bench, second)
    assert sorted(calls(bench, "send_message")) == [*CRASHERS, "c5", "c6"]


def test_issue_is_not_told_of_a_merge_that_was_taken_back_in_time(
    bench: Bench,
) -> None:
    _, second = two_filed(bench)
    before = calls(bench, "comment_issue").count(second)
    merge(bench, 1, 2)
    assert not any(
        "was told of the merge" in said for said in undo(bench, 1, 2).follows
    )
    bench.settle()
    assert calls(bench, "link_duplicate") == []
    assert calls(bench, "comment_issue").count(second) == before
    merge(bench, 1, 2)
    bench.settle()
    assert calls(bench, "link_duplicate") == [second]
    assert calls(bench, "comment_issue").count(second) == before + 1
    assert any("was told of the merge" in said for said in undo(bench, 1, 2).follows)


def test_fix_is_not_told_again_once_a_merge_is_taken_back(bench: Bench) -> None:
    _, second = two_filed(bench)
    fix(bench, second)
    merge(bench, 1, 2)
    bench.settle()
    undo(bench, 1, 2)
    file_after(bench)
    assert group(bench, 2)["state"] == "fixed"
    assert sorted(calls(bench, "send_message")) == CRASHERS
    bench.clock.pass_(days=60)
    for _ in range(2):
        bench.settle()
    assert group(bench, 2)["state"] == "closed"
    assert sorted(calls(bench, "send_message")) == CRASHERS


def test_complaint_from_after_a_fix_reopens_it_once_a_merge_is_taken_back(
    bench: Bench,
) -> None:
    _, second = two_filed(bench)
    fix(bench, second)
    merge(bench, 1, 2)
    bench.clock.pass_(days=1)
    crash(bench, 1, start=5)
    bench.settle()
    assert calls(bench, "reopen_issue") == []
    undo(bench, 1, 2)
    file_after(bench)
    assert calls(bench, "reopen_issue") == [second]
    assert group(bench, 2)["state"] == "filed"
    assert sorted(calls(bench, "send_message")) == CRASHERS


def test_messages_that_a_merge_took_back_are_asked_for_again(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(messages={"approve_above": 3})
    _, second = two_filed(bench)
    fix(bench, second)
    merge(bench, 1, 2)
    assert bench.waiting() == calls(bench, "send_message") == []
    undo(bench, 1, 2)
    bench.settle()
    assert len(bench.waiting()) == 1
    bench.approve()
    assert sorted(calls(bench, "send_message")) == CRASHERS


@pytest.mark.parametrize("days", [None, 3])
def test_mute_of_a_person_outlives_a_merge_that_is_taken_back(
    bench: Bench, days: int | None
) -> None:
    two_filed(bench)
    until = bench.clock() + timedelta(days=days) if days else None
    with bench.store.write() as connection:
        steering.mute(connection, 2, until, "anna", bench.clock())
    merge(bench, 1, 2)
    assert "problem 2 is muted again" in undo(bench, 1, 2).follows
    bench.settle()
    assert (group(bench, 2)["state"], group(bench, 2)["muted_until"]) == (
        "muted",
        until,
    )
    bench.clock.pass_(days=4)
    bench.settle()
    assert group(bench, 2)["state"] == ("filed" if days else "muted")


def test_lost_issue_of_what_became_part_of_another_is_not_looked_for(
    bench: Bench,
) -> None:
    _, second = two_filed(bench)
    merge(bench, 1, 2)
    hidden = bench.tracker.issues.pop(second)
    bench.issue_changed(second)
    bench.settle()
    later = bench.clock.pass_(days=1)
    with bench.store.read() as connection:
        assert [row.id for row in groups.issues_to_read(connection, later, later)] == [
            1
        ]
    undo(bench, 1, 2)
    for _ in range(3):
        bench.settle()
        bench.clock.pass_(minutes=16)
    assert group(bench, 2)["state"] == "muted"
    bench.tracker.issues[second] = hidden
    merge(bench, 1, 2)
    undo(bench, 1, 2)
    bench.settle()
    assert group(bench, 2)["state"] == "filed"


@pytest.mark.parametrize("done", [True, False])
def test_what_its_issue_became_meanwhile_is_followed(bench: Bench, done: bool) -> None:
    _, second = two_filed(bench)
    if not done:
        fix(bench, second)
    merge(bench, 1, 2)
    category = IssueCategory.DONE if done else IssueCategory.IN_PROGRESS
    bench.tracker.move_issue(second, category, "Fixed" if done else "")
    undo(bench, 1, 2)
    file_after(bench)
    assert group(bench, 2)["state"] == ("fixed" if done else "filed")


def test_duplicate_is_not_merged_again_once_a_person_took_that_back(
    bench: Bench,
) -> None:
    first, second = two_filed(bench)
    original = bench.tracker.issues[first].ref
    bench.tracker.move_issue(
        second,
        IssueCategory.DONE,
        "Duplicate",
        meaning=Meaning.DUPLICATE,
        duplicates=(original,),
    )
    bench.issue_changed(second)
    bench.settle()
    assert group(bench, 2)["merged_into"] == 1
    undo(bench, 1, 2)
    bench.issue_changed(second)
    file_after(bench)
    assert (group(bench, 2)["merged_into"], group(bench, 2)["state"]) == (
        None,
        "wont_do",
    )
    assert "which a person keeps apart" in group(bench, 2)["reason"]


def test_return_of_what_was_closed_goes_where_its_problem_goes(bench: Bench) -> None:
    complain(bench, 5)
    file_after(bench)
    fix(bench, str(group(bench, 1)["issue_id"]))
    bench.clock.pass_(days=31)
    bench.settle()
    assert group(bench, 1)["state"] == "closed"
    complain(bench, 1, start=5)
    bench.settle()
    assert where(bench, 2) == {2: ["5"]}
    crash(bench, 1)
    bench.settle()
    merge(bench, 3, 2)
    with bench.store.read() as connection:
        assert groups.predecessors(connection, 3) == [1]
        before = groups.predecessor(connection, 3)
    assert before is not None and before.id == 1
    complain(bench, 1, start=6)
    bench.settle()
    assert where(bench, 3) == {3: ["5", "c0", "6"]}
    undo(bench, 3, 2)
    complain(bench, 1, start=7)
    bench.settle()
    assert where(bench, 2, 3) == {2: ["5", "6", "7"], 3: ["c0"]}
    with bench.store.read() as connection:
        assert groups.predecessors(connection, 2) == [1]
        assert groups.predecessors(connection, 3) == []


def test_what_had_become_part_of_it_before_comes_along(bench: Bench) -> None:
    complain(bench, 2)
    crash(bench, 2)
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    merge(bench, 2, 3)
    merge(bench, 1, 2)
    undo(bench, 1, 2)
    assert where(bench, 1, 2) == {1: ["0", "1"], 2: ["c0", "c1", "p"]}
    bench.write("q", "My parcel never arrived! Terrible service.", "q@mail.example")
    bench.settle()
    assert where(bench, 2) == {2: ["c0", "c1", "p", "q"]}
    undo(bench, 2, 3)
    assert where(bench, 2, 3) == {2: ["c0", "c1"], 3: ["p", "q"]}


def test_what_was_merged_with_the_other_stays_there(bench: Bench) -> None:
    complain(bench, 2)
    crash(bench, 2)
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    merge(bench, 1, 3)
    merge(bench, 1, 2)
    undo(bench, 1, 2)
    assert where(bench, 1, 2) == {1: ["0", "1", "p"], 2: ["c0", "c1"]}
    assert group(bench, 3)["merged_into"] == 1


def test_every_process_remembers_the_same_after_it(bench: Bench) -> None:
    complain(bench, 2)
    crash(bench, 2)
    bench.settle()
    merge(bench, 1, 2)
    crash(bench, 1, start=2)
    bench.settle()
    undo(bench, 1, 2)
    crash(bench, 1, start=3)
    complain(bench, 1, start=2)
    bench.settle()
    assert where(bench, 1, 2) == {1: ["0", "1", "2"], 2: ["c0", "c1", "c2", "c3"]}
    running = memory_of(bench, bench.runtime.pipeline.grouping)
    assert memory_of(bench, Grouping()) == running
    bench.runtime.pipeline.grouping.reset()
    crash(bench, 1, start=4)
    bench.settle()
    assert where(bench, 2)[2][-1] == "c4"


def test_ticket_that_a_person_put_elsewhere_stays_there(bench: Bench) -> None:
    complain(bench, 2)
    crash(bench, 3)
    bench.settle()
    merge(bench, 1, 2)
    with pytest.raises(Refused, match="is in problem 1 already"):
        moved_to(bench, 1, "c0")
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    moved_to(bench, 3, "c0")
    undo(bench, 1, 2)
    assert where(bench, 2, 3) == {2: ["c1", "c2"], 3: ["c0", "p"]}


def test_merge_of_which_nothing_would_be_left_is_not_taken_back(bench: Bench) -> None:
    complain(bench, 2)
    crash(bench, 2)
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    merge(bench, 1, 2)
    moved_to(bench, 3, "0", "1")
    with pytest.raises(Refused, match="nothing would be left of it"):
        undo(bench, 1, 2)
    moved_to(bench, 3, "c0", "c1")
    with pytest.raises(Refused, match="has nothing of problem 2 any more"):
        undo(bench, 1, 2)
    assert group(bench, 2)["merged_into"] == 1


def test_creation_under_way_is_its_own_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 5)
    file_after(bench)
    crash(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    real = bench.tracker.create_issue

    def slow(draft: Any) -> Any:
        ref = real(draft)
        merge(bench, 1, 2)
        undo(bench, 1, 2)
        assert group(bench, 2)["state"] == "filed"
        return ref

    monkeypatch.setattr(bench.tracker, "create_issue", slow)
    if bench.store.is_sqlite:
        bench.store.engine.dispose()
    file_after(bench)
    first, second = calls(bench, "create_issue")
    assert [group(bench, number)["issue_id"] for number in (1, 2)] == [first, second]
    assert calls(bench, "link_ticket").count(second) == 5
    assert calls(bench, "link_duplicate") == []


def test_creation_that_a_merge_withdrew_is_asked_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 5)
    file_after(bench)
    crash(bench, 5)
    file_unanswered(bench, monkeypatch, after=False)
    merge(bench, 1, 2)
    for _ in range(3):
        file_after(bench)
    assert len(calls(bench, "create_issue")) == 1
    undo(bench, 1, 2)
    assert group(bench, 2)["state"] == "ready"
    file_after(bench)
    assert len(calls(bench, "create_issue")) == 2
    assert group(bench, 2)["state"] == "filed"
