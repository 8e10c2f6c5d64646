"""A muted problem counts and is silent; when the mute ends, all is told in one go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from correcting_kit import Say, file_after, group, happened
from kit import Bench
from loop_kit import calls, complain, fix, rows

from connector import steering
from connector.models import OutboxState
from connector.store import outbox


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
    assert len(bench.waiting()) == 1
    with bench.store.write() as connection:
        steering.mute(connection, 1, None, "anna", bench.clock())
    assert bench.waiting() == calls(bench, "send_message") == []
    bench.clock.pass_(days=60)
    with bench.store.write() as connection:
        steering.unmute(connection, bench.config, 1, "anna", bench.clock())
    for _ in range(2):
        bench.settle()
        bench.clock.pass_(minutes=16)
    assert group(bench, 1)["state"] == "closed"
    bench.approve()
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]
    bench.settle()
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


def test_each_mute_is_summed_up_by_itself(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    say("mute", 1)
    bench.clock.pass_(minutes=5)
    complain(bench, 3, start=5)
    bench.settle()
    bench.clock.pass_(minutes=5)
    assert "3 customers wrote while it was muted" in say("unmute", 1).output
    bench.clock.pass_(days=1)
    complain(bench, 2, start=8)
    bench.settle()
    bench.clock.pass_(days=1)
    say("unlink", 1)
    bench.clock.pass_(hours=1)
    complain(bench, 1, start=10)
    bench.settle()
    said = "1 customer wrote while it was muted, from 2026-03-04 on"
    assert said in say("unmute", 1).output
    file_after(bench)
    *_, draft = bench.tracker.drafts.values()
    text = " ".join(block.text for block in draft.description)
    assert "1 customer wrote meanwhile, from 2026-03-04 on" in text


def test_longer_mute_counts_from_when_it_was_first_muted(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    say("mute", 1, "--until", "1d")
    bench.clock.pass_(minutes=5)
    complain(bench, 2, start=5)
    bench.settle()
    say("mute", 1)
    bench.clock.pass_(minutes=5)
    complain(bench, 1, start=7)
    bench.settle()
    assert "3 customers wrote while it was muted" in say("unmute", 1).output


def test_problem_that_a_person_refused_is_summed_up_from_then(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"issues": "suggest"})
    complain(bench, 5)
    file_after(bench)
    (asked,) = rows(bench, OutboxState.PARKED)
    with bench.store.write() as connection:
        outbox.discard(connection, [asked["id"]], "no", bench.clock())
    bench.changed("support", "0")
    bench.settle()
    assert happened(bench, 1)[-1] == ("", "not filed")
    bench.clock.pass_(days=1)
    complain(bench, 2, start=5)
    bench.settle()
    with bench.store.write() as connection:
        done = steering.unmute(connection, bench.config, 1, "anna", bench.clock())
    assert done.follows == ("2 customers wrote while it was muted, from 2026-03-02 on",)
