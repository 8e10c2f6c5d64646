"""A problem that a person said nothing is done about counts, and no more."""

from __future__ import annotations

import pytest
from checkin_kit import SQLITE
from correcting_kit import (
    Say,
    an_issue,
    crash,
    file_after,
    group,
    happened,
    read_from,
    two_filed,
)
from kit import Bench
from loop_kit import calls, complain, fix

from connector import declining
from connector.models import Finding, IssueCategory
from connector.store import groups


def found(bench: Bench) -> list[Finding]:
    with bench.store.read() as connection:
        return list(declining.findings(connection, bench.config))


def notes(bench: Bench) -> list[str]:
    """Return what stands on the tickets about their problem, in order, once each."""
    said = [
        line
        for name, _, text in bench.support.calls
        if name == "add_note" and isinstance(text, str)
        for line in text.splitlines()
        if line.startswith(("Nothing is done", "Looked at again", "Known problem"))
    ]
    return list(dict.fromkeys(said))


def settled(bench: Bench) -> None:
    """Let pass what a person may take back without anybody having read it."""
    for _ in range(2):
        bench.clock.pass_(minutes=11)
        bench.settle()


@SQLITE
def test_it_is_not_filed_and_newcomers_count(bench: Bench, say: Say) -> None:
    complain(bench, 2)
    bench.settle()
    said = say("wont-do", 1)
    assert said.exit_code == 0
    assert "groups reconsider 1" in said.output
    complain(bench, 4, start=2)
    file_after(bench)
    one = group(bench, 1)
    assert (one["state"], one["customers"]) == ("wont_do", 6)
    assert calls(bench, "create_issue") == []
    assert happened(bench, 1) == [("anna", "declined")]


@SQLITE
def test_what_was_about_to_be_filed_is_not(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    bench.settle()
    assert group(bench, 1)["state"] == "ready"
    say("wont-do", 1)
    file_after(bench)
    assert calls(bench, "create_issue") == []
    say("reconsider", 1)
    file_after(bench)
    assert len(calls(bench, "create_issue")) == 1
    assert group(bench, 1)["state"] == "filed"


def test_agents_read_it_once_and_when_it_is_taken_back(bench: Bench, say: Say) -> None:
    complain(bench, 2)
    bench.settle()
    say("wont-do", 1)
    bench.settle()
    assert notes(bench) == []
    settled(bench)
    assert notes(bench) == [
        "Nothing is done about this problem: promise customers nothing."
    ]
    assert "cc-problem-1" in bench.support.tickets["0"].tags
    complain(bench, 1, start=2)
    bench.settle()
    bench.clock.pass_(minutes=1)
    say("reconsider", 1)
    settled(bench)
    assert notes(bench)[1:] == [
        "Looked at again: it is open whether something is done about it."
    ]
    on_each = [target for target in calls(bench, "add_note") if target == "0"]
    assert len(on_each) == 3  # what was understood, and these two


@SQLITE
def test_who_complains_after_it_was_taken_back_reads_nothing_of_it(
    bench: Bench, say: Say
) -> None:
    complain(bench, 2)
    bench.settle()
    say("wont-do", 1)
    settled(bench)
    say("reconsider", 1)
    settled(bench)
    bench.support.calls.clear()
    complain(bench, 1, start=2)
    bench.settle()
    assert (calls(bench, "add_note"), notes(bench)) == (["2"], [])


@SQLITE
def test_a_word_taken_back_at_once_is_read_by_nobody(bench: Bench, say: Say) -> None:
    complain(bench, 2)
    bench.settle()
    say("wont-do", 1)
    bench.settle()
    say("reconsider", 1)
    settled(bench)
    assert notes(bench) == []
    assert group(bench, 1)["state"] == "emerging"


@SQLITE
def test_open_issue_is_left_to_its_team_and_a_fix_is_told_nobody(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    said = say("wont-do", 1)
    assert "is left open or done as it is" in said.output
    settled(bench)
    assert bench.tracker.issues[issue].category is not IssueCategory.DONE
    complain(bench, 1, start=5)
    bench.settle()
    assert len(calls(bench, "link_ticket")) == 6
    fix(bench, issue)
    assert group(bench, 1)["state"] == "wont_do"
    assert calls(bench, "send_message") == []
    (finding,) = found(bench)
    assert "is done as fixed, and no customer is told" in finding.message
    # What a person says otherwise counts for the fix that there is.
    say("reconsider", 1)
    for _ in range(3):
        bench.clock.pass_(minutes=16)
        bench.settle()
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4", "5"]


@SQLITE
def test_reopened_or_hidden_issue_changes_nothing(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    say("wont-do", 1)
    fix(bench, issue)
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)
    bench.issue_changed(issue)
    bench.settle()
    assert group(bench, 1)["state"] == "wont_do"
    assert found(bench) == []
    del bench.tracker.issues[issue]
    for _ in range(2):
        bench.clock.pass_(hours=2)
        bench.issue_changed(issue)
        bench.settle()
    assert group(bench, 1)["state"] == "wont_do"


def test_twice_as_many_are_a_finding_until_somebody_says_it_again(
    bench: Bench, say: Say
) -> None:
    complain(bench, 5)
    file_after(bench)
    say("wont-do", 1)
    before = calls(bench, "comment_issue")
    complain(bench, 4, start=5)
    bench.settle()
    assert (found(bench), calls(bench, "comment_issue")) == ([], before)
    complain(bench, 1, start=9)
    bench.settle()
    (finding,) = found(bench)
    assert "said with 5 customers; by now there are 10" in finding.message
    complain(bench, 1, start=10)
    settled(bench)
    assert len(calls(bench, "comment_issue")) == len(before) + 1
    say("wont-do", 1)
    assert found(bench) == []
    refused = say("wont-do", 1)
    assert (refused.exit_code, "said already" in refused.output) == (1, True)


@SQLITE
def test_a_few_more_of_a_small_problem_are_no_finding(bench: Bench, say: Say) -> None:
    complain(bench, 1)
    bench.settle()
    say("wont-do", 1)
    complain(bench, 3, start=1)
    bench.settle()
    assert found(bench) == []


@SQLITE
def test_mute_and_wont_do_are_taken_back_to_each_other(bench: Bench, say: Say) -> None:
    complain(bench, 2)
    bench.settle()
    say("mute", 1, "--until", "2026-03-20")
    said = say("wont-do", 1).output
    undo = "groups mute 1 --until 2026-03-20T00:00:00+00:00"
    assert undo in said
    say(*undo.split()[1:])
    one = group(bench, 1)
    assert (one["state"], one["muted_until"].day) == ("muted", 20)
    say("wont-do", 1)
    said = say("mute", 1).output
    assert "groups wont-do 1" in said
    say("wont-do", 1)
    say("reconsider", 1)
    assert group(bench, 1)["state"] == "emerging"


@SQLITE
def test_what_else_is_said_of_it_is_refused_or_leaves_it_so(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 2)
    bench.settle()
    assert "nobody said" in say("reconsider", 1).output
    say("wont-do", 1)
    assert "reconsider it first" in say("file", 1).output
    read_from(bench, monkeypatch)
    said = say("link", 1, an_issue(bench).external_id)
    assert "still nothing is done" in said.output
    assert group(bench, 1)["state"] == "wont_do"
    say("reconsider", 1)
    bench.settle()
    assert group(bench, 1)["state"] == "filed"


@SQLITE
def test_fixed_problem_is_not_declined(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    fix(bench, str(group(bench, 1)["issue_id"]))
    assert "nothing left to do" in say("wont-do", 1).output


@SQLITE
def test_issue_closed_by_its_team_is_opened_there(bench: Bench, say: Say) -> None:
    complain(bench, 5)
    file_after(bench)
    issue = str(group(bench, 1)["issue_id"])
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Won't Do")
    bench.issue_changed(issue)
    bench.settle()
    assert "again in the tracker" in say("reconsider", 1).output
    # Said by a person too, it holds whatever the team does.
    say("wont-do", 1)
    bench.tracker.move_issue(issue, IssueCategory.TODO)
    bench.issue_changed(issue)
    bench.settle()
    assert group(bench, 1)["state"] == "wont_do"


@SQLITE
def test_merge_that_is_undone_leaves_it_as_it_was(bench: Bench, say: Say) -> None:
    two_filed(bench)
    say("wont-do", 2)
    said = say("merge", 1, 2)
    assert "problem 2 was not to be done, and is not any more" in said.output
    assert group(bench, 1)["state"] == "filed"
    said = say("split", 1, "--part", 2)
    assert "problem 2 is not to be done again" in said.output
    with bench.store.read() as connection:
        assert groups.is_declined(groups.get(connection, 2))
    crash(bench, 1, start=5)
    bench.settle()
    assert group(bench, 2)["state"] == "wont_do"
