"""A problem's issue that is not about it is let go, and left as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from checkin_kit import SQLITE
from correcting_kit import (
    Say,
    an_issue,
    file_after,
    file_unanswered,
    group,
    happened,
    issue_of_others,
    read_from,
)
from kit import Bench
from loop_kit import calls, complain, fix, rows

from connector import steering
from connector.models import IssueCategory, OutboxState
from connector.store import former


def settled(bench: Bench) -> None:
    for _ in range(2):
        bench.clock.pass_(minutes=11)
        bench.settle()


def comments(bench: Bench) -> list[str]:
    """Return which issues read that they are let go."""
    return [
        row["target"]
        for row in rows(bench, OutboxState.DONE)
        if row["dedup_key"].startswith("unlinked:")
    ]


def notes(bench: Bench, ticket: str = "0") -> list[str]:
    """Return the first lines of our notes on a ticket about its problem."""
    return [
        line
        for name, target, text in bench.support.calls
        if name == "add_note" and target == ticket and isinstance(text, str)
        for line in text.splitlines()
        if line.startswith(("No issue", "Looked at again", "Known problem"))
    ]


def known_before(bench: Bench, issue: str) -> bool:
    with bench.store.read() as connection:
        return former.find(connection, "tracker", issue) is not None


def test_filed_issue_is_let_go_and_none_is_filed_for_it(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    key = group(bench, 1)["issue_key"]
    said = say("unlink", 1)
    assert said.exit_code == 0, said.output
    assert f"groups link 1 {key}" in said.output
    one = group(bench, 1)
    assert (one["state"], one["issue_id"], one["issue_key"]) == ("muted", None, None)
    assert ("anna", "unlinked") in happened(bench, 1)
    complain(bench, 6, start=5)
    bench.settle()
    assert (comments(bench), len(notes(bench))) == ([], 1)
    settled(bench)
    assert comments(bench) == [issue]
    assert notes(bench)[1:] == [
        "No issue is about this problem any more: promise customers no fix."
    ]
    assert bench.tracker.issues[issue].category is not IssueCategory.DONE
    assert len(calls(bench, "create_issue")) == 1
    assert calls(bench, "link_ticket") == [issue] * 5
    fix(bench, issue)
    assert calls(bench, "send_message") == []
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)
    bench.issue_changed(issue)
    bench.settle()
    assert group(bench, 1)["state"] == "muted"
    assert known_before(bench, issue)


@SQLITE
def test_what_is_let_go_is_filed_as_a_new_issue_when_a_person_says_so(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    say("unlink", 1)
    settled(bench)
    assert say("file", 1).exit_code == 0
    file_after(bench)
    old, new = calls(bench, "create_issue")
    assert (old != new, group(bench, 1)["issue_id"]) == (True, new)
    assert calls(bench, "link_ticket").count(new) == 5
    assert notes(bench)[2].startswith("Known problem")
    fix(bench, new)
    assert len(calls(bench, "send_message")) == 5


@SQLITE
def test_unmuted_problem_is_filed_by_its_threshold(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    say("unlink", 1)
    bench.settle()
    assert say("unmute", 1).exit_code == 0
    file_after(bench)
    assert len(calls(bench, "create_issue")) == 2
    assert group(bench, 1)["state"] == "filed"


def test_taken_back_at_once_nobody_has_read_it(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = issue_of_others(bench, monkeypatch)
    said = say("link", 1, ref.external_id)
    assert "groups unlink 1" in said.output
    bench.settle()
    assert say("unlink", 1).exit_code == 0
    assert not known_before(bench, ref.external_id)
    bench.settle()
    assert say("link", 1, ref.external_id).exit_code == 0
    settled(bench)
    one = group(bench, 1)
    assert (one["state"], one["issue_id"]) == ("filed", ref.external_id)
    assert (comments(bench), len(notes(bench))) == ([], 1)
    fix(bench, ref.external_id)
    assert len(calls(bench, "send_message")) == 2


@SQLITE
def test_issue_is_told_although_another_took_its_place(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from(bench, monkeypatch)
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    say("unlink", 1)
    assert say("link", 1, an_issue(bench).external_id).exit_code == 0
    settled(bench)
    assert comments(bench) == [issue]


@SQLITE
def test_issue_that_is_gone_is_not_written_to(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    del bench.tracker.issues[issue]
    for _ in range(3):
        bench.issue_changed(issue)
        bench.settle()
        bench.clock.pass_(minutes=16)
    assert group(bench, 1)["missing_since"] is not None
    assert say("unlink", 1).exit_code == 0
    assert not any(row["dedup_key"].startswith("unlinked:") for row in rows(bench))


@SQLITE
def test_issue_that_nothing_was_written_to_gets_no_comment(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = issue_of_others(bench, monkeypatch)
    say("link", 1, ref.external_id)
    say("unlink", 1)
    settled(bench)
    assert calls(bench, "link_ticket") == []
    assert comments(bench) == []


@SQLITE
def test_issue_that_we_filed_stays_ours_under_another_key(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from(bench, monkeypatch)
    complain(bench, 5)
    file_after(bench)
    ours = str(group(bench, 1)["issue_id"])
    theirs = an_issue(bench).external_id
    say("link", 1, theirs)
    one = bench.tracker.issues[ours]
    moved = replace(one, ref=one.ref._replace(key="OPS-9"))
    bench.tracker.issues[ours] = moved
    say("link", 1, ours)
    assert group(bench, 1)["issue_key"] == "OPS-9"
    say("unlink", 1)
    assert known_before(bench, ours)  # whoever calls it a duplicate means our problem


@SQLITE
def test_issue_asked_for_and_not_begun_is_not_made(bench: Bench, say: Say) -> None:
    complain(bench, 1)
    bench.settle()
    assert "groups unlink 1" in say("file", 1).output
    said = say("unlink", 1)
    assert "groups file 1" in said.output
    settled(bench)
    assert calls(bench, "create_issue") == []
    assert "has no issue" in say("unlink", 1).output
    assert say("file", 1).exit_code == 0
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1


@SQLITE
def test_issue_that_may_be_made_by_now_is_waited_for(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 5)
    file_unanswered(bench, monkeypatch, after=True)
    refused = say("unlink", 1)
    assert (refused.exit_code, "just being filed" in refused.output) == (1, True)
    for _ in range(2):
        file_after(bench)
    assert say("unlink", 1).exit_code == 0


def test_messages_of_its_fix_that_nobody_sent_are_taken_back(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(messages={"approve_above": 2})
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    fix(bench, issue)
    assert group(bench, 1)["state"] == "fixed"
    with bench.store.write() as connection:
        done = steering.unlink(connection, bench.config, 1, "anna", bench.clock())
    assert (done.undo, "open it first" in done.follows[-1]) == ("", True)
    settled(bench)
    assert calls(bench, "send_message") == []
    with bench.store.read() as connection:
        said = [one.words for one in steering.timeline.of(connection, 1)]
    assert group(bench, 1)["done_at"] is None
    assert any("nobody has to approve" in words for words in said)


@SQLITE
@pytest.mark.parametrize(("word", "state"), [("mute", "muted"), ("wont-do", "wont_do")])
def test_what_a_person_set_aside_stays_so(
    bench: Bench, say: Say, word: str, state: str
) -> None:
    complain(bench, 5)
    file_after(bench)
    say(word, 1)
    assert say("unlink", 1).exit_code == 0
    settled(bench)
    one = group(bench, 1)
    assert (one["state"], one["muted_from"], one["issue_id"]) == (
        state,
        "emerging",
        None,
    )
