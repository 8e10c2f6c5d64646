"""Several problems become one: its tickets, its issue, and what was under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from correcting_kit import (
    Say,
    approve,
    crash,
    file_after,
    group,
    happened,
    listed,
    two_filed,
    where,
)
from kit import Bench
from loop_kit import calls, complain, fix, rows

from connector import merging
from connector.models import IssueCategory, OutboxState


def test_merged_problems_are_one_and_newcomers_of_both_find_it(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    said = say("merge", 1, 2)
    assert said.exit_code == 0, said.output
    assert "problem 2 is part of problem 1 now, with 2 tickets" in said.output
    assert "complaint-connector groups split 1 --part 2" in said.output
    assert (group(bench, 2)["state"], group(bench, 2)["merged_into"]) == ("merged", 1)
    complain(bench, 1, start=3)
    crash(bench, 1, start=2)
    bench.settle()
    assert where(bench, 1, 2) == {1: ["0", "1", "c0", "c1", "3", "c2"], 2: []}
    assert (group(bench, 1)["customers"], group(bench, 2)["customers"]) == (6, 0)
    assert ("anna", "merged") in happened(bench, 1)
    assert ("anna", "merged") in happened(bench, 2)
    assert [row["id"] for row in listed(bench)] == [1]


def test_merge_is_taken_back_by_splitting_off_the_part(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    say("merge", 1, 2)
    crash(bench, 1, start=2)
    bench.settle()
    said = say("split", 1, "--part", 2)
    assert said.exit_code == 0, said.output
    assert "problem 2 is itself again, with 3 tickets of problem 1" in said.output
    assert "complaint-connector groups merge 1 2" in said.output
    assert where(bench, 1, 2) == {1: ["0", "1"], 2: ["c0", "c1", "c2"]}
    crash(bench, 1, start=3)
    complain(bench, 1, start=3)
    bench.settle()
    assert where(bench, 1, 2) == {1: ["0", "1", "3"], 2: ["c0", "c1", "c2", "c3"]}


def test_merge_of_three_is_one_and_of_a_chain_too(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    say("merge", 2, 3)
    say("merge", 1, 2)
    assert [group(bench, number)["merged_into"] for number in (2, 3)] == [1, 1]
    assert [group(bench, number)["merged_with"] for number in (2, 3)] == [1, 2]
    bench.write("q", "My parcel never arrived! Terrible service.", "q@mail.example")
    bench.settle()
    assert where(bench, 1)[1][-1] == "q"


def test_two_small_problems_cross_the_threshold_together(
    bench: Bench, say: Say
) -> None:
    complain(bench, 3)
    crash(bench, 3)
    bench.settle()
    say("merge", 1, 2)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1
    assert sorted(calls(bench, "link_ticket")) == sorted(
        calls(bench, "create_issue") * 6
    )


def test_problem_with_the_issue_stays_whichever_was_named_first(
    bench: Bench, say: Say
) -> None:
    crash(bench, 2)
    complain(bench, 5)
    file_after(bench)
    said = say("merge", 1, 2)
    assert "2 stays: it has got further towards an issue" in said.output
    assert group(bench, 1)["merged_into"] == 2
    bench.settle()
    assert group(bench, 2)["customers"] == 7
    assert len(calls(bench, "create_issue")) == 1


def test_of_two_issues_one_is_kept_and_the_other_learns_of_it_once(
    bench: Bench, say: Say
) -> None:
    first, second = two_filed(bench)
    before = calls(bench, "comment_issue")
    said = say("merge", 1, 2)
    key = bench.tracker.issues[first].ref.key
    assert f"gets a link to {key} and a comment" in said.output
    bench.settle()
    crash(bench, 1, start=5)
    file_after(bench)
    assert calls(bench, "link_duplicate") == [second]
    told = calls(bench, "comment_issue")[len(before) :]
    assert told.count(second) == 1
    assert bench.tracker.issues[second].category is IssueCategory.TODO
    assert group(bench, 1)["customers"] == 11
    assert len(calls(bench, "create_issue")) == 2


def test_issue_that_is_not_kept_any_more_changes_nothing(
    bench: Bench, say: Say
) -> None:
    first, second = two_filed(bench)
    say("merge", 1, 2)
    assert group(bench, 2)["merged_from"] == "filed"
    bench.settle()
    fix(bench, second)
    del bench.tracker.issues[second]
    for _ in range(3):
        bench.issue_changed(second)
        bench.settle()
        bench.clock.pass_(minutes=16)
    assert calls(bench, "send_message") == []
    assert group(bench, 2)["state"] == "merged"
    fix(bench, first)
    assert len(calls(bench, "send_message")) == 10


def test_who_was_told_of_one_fix_is_not_told_again_for_the_other(
    bench: Bench, say: Say
) -> None:
    first, second = two_filed(bench)
    fix(bench, second)
    assert sorted(calls(bench, "send_message")) == ["c0", "c1", "c2", "c3", "c4"]
    say("merge", 1, 2)
    crash(bench, 1, start=5)
    bench.settle()
    fix(bench, first)
    assert sorted(calls(bench, "send_message")[5:]) == ["0", "1", "2", "3", "4", "c5"]


@pytest.mark.parametrize("stays", [1, 2])
def test_messages_that_wait_for_approval_are_sent_once_after_a_merge(
    make_bench: Callable[..., Bench], stays: int
) -> None:
    bench = make_bench(messages={"approve_above": 3})
    first, second = two_filed(bench)
    fix(bench, second)
    assert len(bench.waiting()) == 1
    with bench.store.write() as connection:
        merging.merge(connection, bench.config, stays, 3 - stays, "anna", bench.clock())
    assert len(bench.waiting()) == stays - 1
    if stays == 1:  # what is fixed is not the issue that is kept
        assert calls(bench, "send_message") == []
        fix(bench, first)
    bench.clock.pass_(minutes=16)
    bench.settle()
    bench.approve()
    everybody = [*"01234", *(f"c{number}" for number in range(5))]
    assert sorted(calls(bench, "send_message")) == everybody


def test_complaints_from_after_a_fix_reopen_it_by_a_merge(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    fix(bench, issue)
    bench.clock.pass_(days=1)
    crash(bench, 1)
    bench.settle()
    say("merge", 1, 2)
    bench.settle()
    assert calls(bench, "reopen_issue") == [issue]
    assert group(bench, 1)["state"] == "filed"


def test_creation_under_way_is_waited_for_and_then_linked(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 5)
    file_after(bench)
    crash(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    real = bench.tracker.create_issue

    def slow(draft: Any) -> Any:
        ref = real(draft)
        assert say("merge", 1, 2).exit_code == 0
        return ref

    monkeypatch.setattr(bench.tracker, "create_issue", slow)
    if bench.store.is_sqlite:
        bench.store.engine.dispose()
    bench.settle()
    first, second = calls(bench, "create_issue")
    assert group(bench, 2)["issue_id"] == second
    assert (group(bench, 2)["state"], group(bench, 1)["issue_id"]) == ("merged", first)
    assert calls(bench, "link_duplicate") == [second]


def test_creation_that_nobody_sent_yet_is_taken_back(
    bench: Bench, say: Say, make_bench: Callable[..., Bench]
) -> None:
    suggesting = make_bench(autonomy={"issues": "suggest"})
    complain(suggesting, 5)
    crash(suggesting, 5)
    file_after(suggesting)
    assert len(rows(suggesting, OutboxState.PARKED)) == 2
    assert say("merge", 1, 2, autonomy={"issues": "suggest"}).exit_code == 0
    approve(suggesting)
    file_after(suggesting)
    assert len(calls(suggesting, "create_issue")) == 1
    assert group(suggesting, 1)["customers"] == 10
