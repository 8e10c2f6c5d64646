"""People put problems right: what each correction does, refuses, and takes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from kit import Bench
from loop_kit import COMPLAINTS, Failing, calls, complain, fix, rows

from adapters.memory import MemoryAdapter
from connector import correcting, merging, steering
from connector.cli import cli
from connector.errors import VendorUnavailable
from connector.models import (
    IssueCategory,
    IssueDraft,
    IssueRef,
    OutboxState,
    TicketRef,
)
from connector.store import bonds, groups, members, outbox, timeline

CRASHES = [
    "The app crashes when I open my profile picture, every single time. Very annoying!",
    "App crashes again when opening the profile picture. This is really bad.",
    "Every time I tap my profile picture the app crashes. Please fix, I am angry.",
    "Your app crashes on the profile picture page, terrible.",
    "The app keeps crashing as soon as I open the profile picture. Awful!",
    "App crash on opening my profile picture, so frustrating.",
]

Say = Callable[..., Result]


@pytest.fixture
def say(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Type a ``groups`` command of Anna's on the bench's own database."""
    # Its group of commands has the module's name, and would be found first.
    monkeypatch.setattr(import_module("connector.cli.groups"), "_now", bench.clock)
    file = tmp_path / "config.yaml"

    def type_(*words: object, **more: Any) -> Result:
        raw = {
            "database": {"url": bench.config.database.url},
            "sources": {
                "support": {"kind": "memory"},
                "shop": {"kind": "memory"},
                "tracker": {"kind": "memory"},
            },
            "problems": {
                "tracker": "tracker",
                "project": "SHOP",
                "fast_customers": 0,
                "settle": "0s",
            },
            **more,
        }
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        by = [] if words[0] in ("show", "list") else ["--by", "anna"]
        line = ["groups", *map(str, words), "--config", str(file), *by]
        return CliRunner().invoke(cli, line)

    return type_


def crash(bench: Bench, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        bench.write(
            f"c{number}",
            CRASHES[number % len(CRASHES)],
            f"crasher{number}@mail.example",
            subject="App crash",
        )


def group(bench: Bench, number: int) -> groups.RowMapping:
    with bench.store.read() as connection:
        row = groups.find(connection, number)
    assert row is not None
    return row


def where(bench: Bench, *numbers: int) -> dict[int, list[str]]:
    """Return the tickets of these problems."""
    with bench.store.read() as connection:
        return {
            number: [row.external_id for row in members.tickets_of(connection, number)]
            for number in numbers
        }


def happened(bench: Bench, number: int) -> list[tuple[str, str]]:
    with bench.store.read() as connection:
        return [(one.who, one.kind) for one in timeline.of(connection, number)]


def file_after(bench: Bench) -> None:
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()


@pytest.fixture
def two(bench: Bench) -> tuple[int, int]:
    """Let there be two problems of two tickets each, below the threshold."""
    complain(bench, 2)
    crash(bench, 2)
    bench.settle()
    assert where(bench, 1, 2) == {1: ["0", "1"], 2: ["c0", "c1"]}
    return 1, 2


# -- merge


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


def listed(bench: Bench) -> list[Any]:
    with bench.store.read() as connection:
        return list(groups.listing(connection, None, 10))


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


def two_filed(bench: Bench) -> tuple[str, str]:
    complain(bench, 5)
    crash(bench, 5)
    file_after(bench)
    return str(group(bench, 1)["issue_id"]), str(group(bench, 2)["issue_id"])


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
    assert len(rows(bench, OutboxState.PARKED)) == 5
    with bench.store.write() as connection:
        merging.merge(connection, bench.config, stays, 3 - stays, "anna", bench.clock())
    approve(bench)
    if stays == 1:  # what is fixed is not the issue that is kept
        assert calls(bench, "send_message") == []
        fix(bench, first)
    bench.clock.pass_(minutes=16)
    bench.settle()
    approve(bench)
    everybody = [*"01234", *(f"c{number}" for number in range(5))]
    assert sorted(calls(bench, "send_message")) == everybody


def approve(bench: Bench) -> None:
    with bench.store.write() as connection:
        ids = [row["id"] for row in rows(bench, OutboxState.PARKED)]
        outbox.retry(connection, ids, bench.clock())
    bench.settle()


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


# -- split and move


def test_split_tickets_make_a_problem_that_newcomers_find(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    say("merge", 1, 2)
    said = say("split", 1, "support:c0", "support:c1")
    assert said.exit_code == 0, said.output
    assert "2 tickets of problem 1 went into a new one, problem 3" in said.output
    assert where(bench, 1, 3) == {1: ["0", "1"], 3: ["c0", "c1"]}
    assert "crash" in group(bench, 3)["title"].lower()
    crash(bench, 2, start=2)
    complain(bench, 1, start=3)
    bench.settle()
    assert where(bench, 1, 3) == {1: ["0", "1", "3"], 3: ["c0", "c1", "c2", "c3"]}
    with bench.store.read() as connection:
        assert bonds.are_apart(connection, 3, 1)
    assert say("merge", 1, 3).exit_code == 0
    with bench.store.read() as connection:
        assert not bonds.are_apart(connection, 1, 3)


def test_corrections_outlive_a_restart(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    say("merge", 1, 2)
    say("split", 1, "support:c0", "support:c1")
    bench.runtime.pipeline.grouping.reset()
    crash(bench, 1, start=2)
    complain(bench, 1, start=3)
    bench.settle()
    assert where(bench, 1, 3) == {1: ["0", "1", "3"], 3: ["c0", "c1", "c2"]}


def test_split_of_a_filed_problem_counts_less_on_its_issue(
    bench: Bench, say: Say
) -> None:
    complain(bench, 6)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    said = say("split", 1, "support:0", "support:3")
    key = bench.tracker.issues[issue].ref.key
    assert f"{key} counts without them from now on" in said.output
    assert f"links to them stay on {key}" in said.output
    file_after(bench)
    change = [what for n, t, what in bench.tracker.calls if n == "update_issue"][-1]
    assert change.properties["complaint-connector"]["customers"] == 4
    assert (group(bench, 2)["state"], group(bench, 2)["customers"]) == ("emerging", 2)
    assert len(calls(bench, "create_issue")) == 1


def test_split_problem_is_filed_at_a_threshold_of_its_own(
    bench: Bench, say: Say
) -> None:
    complain(bench, 10)
    file_after(bench)
    say("split", 1, *(f"support:{number}" for number in range(5)))
    bench.settle()
    first, second = calls(bench, "create_issue")
    assert [group(bench, number)["issue_id"] for number in (1, 2)] == [first, second]


def test_moved_ticket_stays_where_a_person_put_it(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    said = say("move", "support:1", 2)
    assert said.exit_code == 0, said.output
    assert "complaint-connector groups move support:1 1" in said.output
    bench.write("1", COMPLAINTS[1] + " Again!", "customer1@mail.example")
    bench.settle()
    assert where(bench, 1, 2) == {1: ["0"], 2: ["1", "c0", "c1"]}
    lines = shown(say, 2)
    assert [row["placed_by"] for row in lines if "placed_by" in row] == [
        "anna",
        "",
        "",
    ]
    assert any("put here by anna" in row.get("because", "") for row in lines)
    assert [row["who"] for row in lines if row.get("kind") == "came"] == ["anna"]


def shown(say: Say, number: int) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in say("show", number, "--json").output.splitlines()
    ]


def test_customer_told_about_the_wrong_problem_is_not_if_nobody_sent_it_yet(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(messages={"approve_above": 3})
    complain(bench, 6)
    bench.write("twin", COMPLAINTS[0], "customer0@mail.example", subject="Code")
    file_after(bench)
    fix(bench, str(group(bench, 1)["issue_id"]))
    assert len(rows(bench, OutboxState.PARKED)) == 6
    with bench.store.write() as connection:
        now, ref = bench.clock(), TicketRef("support", "5")
        correcting.split(connection, bench.config, 1, [ref], "anna", now)
        twin = TicketRef("support", "twin")
        correcting.move(connection, bench.config, twin, 2, "anna", now)
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    approve(bench)
    # Who has another ticket in the problem is told there.
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]


# -- rename, mute, file, link


def test_title_of_a_person_is_filed_and_never_changed(bench: Bench, say: Say) -> None:
    complain(bench, 4)
    bench.settle()
    assert say("rename", 1, "Codes  fail at the till").exit_code == 0
    complain(bench, 1, start=4)
    file_after(bench)
    (draft,) = bench.tracker.drafts.values()
    assert draft.summary == "Codes fail at the till"
    said = say("rename", 1, "Another")
    assert "is left to people" in said.output
    assert 'groups rename 1 "Codes fail at the till"' in said.output
    bench.settle()
    assert group(bench, 1)["title"] == "Another"


def test_title_given_while_an_approval_is_awaited_is_the_one_that_is_filed(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    file_after(bench)
    with bench.store.write() as connection:
        steering.rename(connection, 1, "Till", "anna", bench.clock())
    approve(bench)
    (draft,) = bench.tracker.drafts.values()
    assert draft.summary == "Till"


def test_muted_problem_counts_and_files_once_when_the_mute_ends(
    bench: Bench, say: Say
) -> None:
    complain(bench, 2)
    bench.settle()
    assert say("mute", 1, "--until", "3d").exit_code == 0
    bench.clock.pass_(days=1)
    complain(bench, 6, start=2)
    file_after(bench)
    assert (group(bench, 1)["state"], group(bench, 1)["customers"]) == ("muted", 8)
    assert calls(bench, "create_issue") == []
    bench.clock.pass_(days=2)
    file_after(bench)
    (draft,) = bench.tracker.drafts.values()
    text = " ".join(block.text for block in draft.description)
    assert "6 customers wrote meanwhile, from 2026-03-02 on" in text
    assert happened(bench, 1)[:2] == [("anna", "muted"), ("", "unmuted")]


def test_muted_problem_below_its_threshold_stays_unfiled_when_the_mute_ends(
    bench: Bench, say: Say
) -> None:
    complain(bench, 3)
    bench.settle()
    say("mute", 1, "--until", "2026-03-04")
    bench.clock.pass_(days=3)
    file_after(bench)
    assert group(bench, 1)["state"] == "emerging"
    assert calls(bench, "create_issue") == []


@pytest.mark.parametrize("more", [2, 7], ids=["no step", "two steps"])
def test_issue_of_a_muted_problem_gets_one_comment_at_the_end(
    bench: Bench, say: Say, more: int
) -> None:
    complain(bench, 5)
    file_after(bench)
    before = calls(bench, "comment_issue")
    say("mute", 1)
    bench.clock.pass_(minutes=1)
    for number in range(5, 5 + more):
        complain(bench, 1, start=number)
        bench.settle()
    assert calls(bench, "comment_issue") == before
    said = say("unmute", 1)
    assert f"{more} customers wrote while it was muted" in said.output
    file_after(bench)
    assert len(calls(bench, "comment_issue")) == len(before) + 1
    assert group(bench, 1)["state"] == "filed"


def test_fix_that_came_during_a_mute_is_told_after_it(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    say("mute", 1)
    fix(bench, str(group(bench, 1)["issue_id"]))
    assert calls(bench, "send_message") == []
    say("unmute", 1)
    for _ in range(3):
        bench.clock.pass_(minutes=16)
        bench.settle()
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]


def test_problem_muted_by_a_person_stays_so_though_its_issue_flickers(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    say("mute", 1)
    issue = str(group(bench, 1)["issue_id"])
    hidden = bench.tracker.issues.pop(issue)
    bench.issue_changed(issue)
    bench.settle()
    bench.tracker.issues[issue] = hidden
    bench.issue_changed(issue)
    bench.settle()
    assert group(bench, 1)["state"] == "muted"


def test_complaint_after_a_fix_reopens_it_once_the_mute_ends(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    fix(bench, issue)
    say("mute", 1)
    bench.clock.pass_(days=1)
    complain(bench, 1, start=5)
    bench.settle()
    assert calls(bench, "reopen_issue") == []
    say("unmute", 1)
    bench.settle()
    assert calls(bench, "reopen_issue") == [issue]


def test_who_was_not_told_of_a_fix_before_a_mute_is_told_once_after_it(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(messages={"approve_above": 3})
    complain(bench, 5)
    file_after(bench)
    fix(bench, str(group(bench, 1)["issue_id"]))
    approved = [row["id"] for row in rows(bench, OutboxState.PARKED)][:2]
    with bench.store.write() as connection:
        outbox.retry(connection, approved, bench.clock())
    bench.settle()
    assert len(calls(bench, "send_message")) == 2
    with bench.store.write() as connection:
        steering.mute(connection, 1, None, "anna", bench.clock())
    approve(bench)
    assert len(calls(bench, "send_message")) == 2
    bench.clock.pass_(days=60)
    with bench.store.write() as connection:
        steering.unmute(connection, bench.config, 1, "anna", bench.clock())
    for _ in range(2):
        bench.settle()
        bench.clock.pass_(minutes=16)
    approve(bench)
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]
    assert group(bench, 1)["state"] == "closed"


def test_mute_of_what_was_muted_for_a_lost_issue_ends(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    hidden = bench.tracker.issues.pop(issue)
    for _ in range(3):
        bench.issue_changed(issue)
        bench.settle()
        bench.clock.pass_(minutes=16)
    assert group(bench, 1)["state"] == "muted"
    assert say("mute", 1, "--until", "2026-03-04").exit_code == 0
    bench.tracker.issues[issue] = hidden
    bench.clock.pass_(days=3)
    bench.settle()
    assert (group(bench, 1)["state"], group(bench, 1)["issue_id"]) == ("filed", issue)


def test_refused_issue_can_be_filed_after_all(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    file_after(bench)
    with bench.store.write() as connection:
        ids = [row["id"] for row in rows(bench, OutboxState.PARKED)]
        outbox.discard(connection, ids, "discarded by a person", bench.clock())
    complain(bench, 1, start=5)
    bench.settle()
    assert group(bench, 1)["state"] == "muted"
    with bench.store.write() as connection:
        steering.unmute(connection, bench.config, 1, "anna", bench.clock())
    file_after(bench)
    approve(bench)
    assert len(calls(bench, "create_issue")) == 1


def test_issue_that_was_not_filed_yet_is_not_wanted_once_nobody_complains(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    file_after(bench)
    for number in range(5):
        del bench.support.tickets[str(number)]
        bench.changed("support", str(number))
    bench.settle()
    approve(bench)
    assert calls(bench, "create_issue") == []
    complain(bench, 5, start=5)
    file_after(bench)
    approve(bench)
    assert len(calls(bench, "create_issue")) == 1


def test_issue_of_a_lost_answer_is_adopted_though_a_person_had_given_it_up(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, bench.tracker, "create_issue", lost, 1, after=True)
    bench.settle()
    with bench.store.write() as connection:
        ids = [row["id"] for row in rows(bench, OutboxState.PENDING)]
        outbox.discard(connection, ids, "discarded by a person", bench.clock())
    complain(bench, 1, start=5)
    bench.settle()
    assert group(bench, 1)["state"] == "muted"
    say("unmute", 1)
    file_after(bench)
    file_after(bench)
    (made,) = calls(bench, "create_issue")
    assert group(bench, 1)["issue_id"] == made


def test_problem_is_filed_when_a_person_says_so(bench: Bench, say: Say) -> None:
    complain(bench, 1)
    bench.settle()
    said = say("file", 1)
    assert (said.exit_code, "within moments" in said.output) == (0, True), said.output
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1
    (draft,) = bench.tracker.drafts.values()
    text = " ".join(block.text for block in draft.description)
    assert "anna asked for it, with 1 customer so far" in text


def test_problem_whose_issue_was_deleted_is_filed_anew_only_by_a_person(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    old = str(group(bench, 1)["issue_id"])
    del bench.tracker.issues[old]
    for _ in range(3):
        bench.issue_changed(old)
        bench.settle()
        bench.clock.pass_(minutes=16)
    assert group(bench, 1)["state"] == "muted"
    assert say("file", 1).exit_code == 0
    file_after(bench)
    new = calls(bench, "create_issue")[1]
    assert (group(bench, 1)["issue_id"], group(bench, 1)["state"]) == (new, "filed")
    assert calls(bench, "link_ticket").count(new) == 5
    fix(bench, new)
    assert len(calls(bench, "send_message")) == 5


def test_creation_with_a_lost_answer_is_not_repeated_for_a_problem_that_is_gone(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 5)
    file_after(bench)
    crash(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, bench.tracker, "create_issue", lost, 1, after=False)
    bench.settle()
    say("merge", 1, 2)
    for _ in range(3):
        file_after(bench)
    assert len(calls(bench, "create_issue")) == 1
    assert calls(bench, "link_duplicate") == []


def an_issue(bench: Bench) -> IssueRef:
    draft = IssueDraft(
        project="SHOP", issue_type="Bug", summary="x", description=(), mark="m"
    )
    ref = bench.tracker.create_issue(draft)
    bench.tracker.calls.clear()
    return ref


def read_from(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("connector.cli.groups")
    monkeypatch.setattr(module, "build_adapters", lambda _: bench.runtime.adapters)
    monkeypatch.setattr(MemoryAdapter, "close", lambda self: None)


def test_linked_issue_is_the_one_and_no_other_is_filed(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from(bench, monkeypatch)
    ref = an_issue(bench)
    complain(bench, 2)
    bench.settle()
    said = say("link", 1, ref.external_id)
    assert said.exit_code == 0, said.output
    complain(bench, 4, start=2)
    file_after(bench)
    assert calls(bench, "create_issue") == []
    assert calls(bench, "link_ticket") == [ref.external_id] * 6
    fix(bench, ref.external_id)
    assert len(calls(bench, "send_message")) == 6


def test_linked_issue_takes_the_place_of_another_and_gives_it_back(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from(bench, monkeypatch)
    complain(bench, 5)
    file_after(bench)
    old = str(group(bench, 1)["issue_id"])
    ref = an_issue(bench)
    said = say("link", 1, ref.external_id)
    old_key = bench.tracker.issues[old].ref.key
    assert f"complaint-connector groups link 1 {old_key}" in said.output
    bench.settle()
    assert calls(bench, "link_ticket") == [ref.external_id] * 5
    fix(bench, old)
    assert calls(bench, "send_message") == []
    bench.tracker.move_issue(old, IssueCategory.IN_PROGRESS)
    assert say("link", 1, old).exit_code == 0
    assert group(bench, 1)["issue_id"] == old


# -- never


def test_problems_kept_apart_may_be_the_same_again(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    assert say("never", 2, 1).exit_code == 0
    assert "never the same as: 2" in say("show", 1).output
    assert "kept apart already" in say("never", 1, 2).output
    assert say("allow", 1, 2).exit_code == 0
    with bench.store.read() as connection:
        assert not bonds.are_apart(connection, 1, 2)
    assert happened(bench, 2) == [("anna", "kept apart"), ("anna", "allowed")]


def test_what_a_merged_problem_is_kept_apart_from_the_other_is_too(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    say("never", 2, 3)
    say("merge", 1, 2)
    with bench.store.read() as connection:
        assert bonds.apart_from(connection, 1) == [3]


# -- what cannot be done


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["merge", 1, 1], "two different problems"),
        (["merge", 1, 404], "no problem 404; groups list shows which there are"),
        (["merge", 1, 3], "problem 3 became part of problem 2; name it"),
        (["split", 404, "support:0"], "no problem 404"),
        (["split", 3, "support:0"], "became part of problem 2"),
        (["split", 1, "support:c0"], "support:c0 is in problem 2, not in 1"),
        (["split", 1, "support:404"], "support:404 is in no problem"),
        (["split", 1, "support:0", "support:1"], "nothing would be left of it"),
        (["split", 1, "--part", 2], "nothing of problem 2"),
        (["split", 2, "support:c0", "--into", 4], "problem 4 is closed"),
        (["move", "support:404", 1], "in no problem"),
        (["move", "support:0", 1], "in problem 1 already"),
        (["move", "support:0", 3], "became part of problem 2"),
        (["move", "support:0", 4], "problem 4 is closed"),
        (["rename", 1, "  "], "1 to 200 characters"),
        (["rename", 404, "x"], "no problem 404"),
        (["mute", 4], "nothing to mute"),
        (["mute", 1, "--until", "2026-03-01"], "is over already"),
        (["unmute", 1], "is not muted"),
        (["file", 4], "problem 4 is closed"),
        (["never", 1, 404], "no problem 404"),
        (["allow", 1, 2], "nobody said"),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    corner: Say, words: list[object], said: str
) -> None:
    result = corner(*words)
    assert (result.exit_code, said in result.output) == (1, True), result.output


@pytest.fixture
def corner(bench: Bench, two: tuple[int, int], say: Say) -> Say:
    """Let there be a problem that became part of another one, and one closed."""
    bench.write("p", "My parcel never arrived, terrible service!", "p@mail.example")
    bench.settle()
    say("merge", 2, 3)
    with bench.store.write() as connection:
        values = {"type": "other", "title": "x", "state": "closed"}
        at = dict.fromkeys(("created_at", "first_at", "last_at"), bench.clock())
        assert groups.create(connection, {**values, **at}) == 4
    return say


@pytest.mark.parametrize(
    "words",
    [
        ["split", 1],
        ["split", 1, "support:1", "--part", 2],
        ["split", 1, "--part", 2, "--into", 3],
        ["move", "nonsense", 1],
        ["mute", 1, "--until", "soon"],
        ["mute", 1, "--until", "99999999d"],
        ["mute", 10**20],
        ["list", "--limit", -1],
    ],
)
def test_wrong_words_are_explained(say: Say, words: list[object]) -> None:
    assert say(*words).exit_code == 2


def test_what_is_filed_is_not_filed_again(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    assert "is filed already, as SHOP-" in say("file", 1).output
    say("mute", 1)
    said = say("file", 1).output
    assert "is filed already" in said
    crash(bench, 1)
    bench.settle()
    say("mute", 2)
    assert "unmute it first" in say("file", 2).output
    assert "problems.tracker is not set" in say("file", 2, problems={}).output


def test_issue_that_cannot_be_linked_is_not(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from(bench, monkeypatch)
    complain(bench, 5)
    crash(bench, 1)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    assert "is the issue of problem 1 already" in say("link", 2, issue).output
    assert "is the issue of this one already" in say("link", 1, issue).output
    assert "could not be read" in say("link", 2, "404").output
    ref = an_issue(bench)
    bench.tracker.move_issue(ref.external_id, IssueCategory.DONE)
    assert "is done; open it again" in say("link", 2, ref.external_id).output
    assert "there is no tracker" in say("link", 2, "1", problems={}).output


def test_correction_is_told_to_programs(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    line = json.loads(say("merge", 1, 2, "--json").output)
    assert (line["group_id"], line["undo"]) == (1, "groups split 1 --part 2")
