"""What cannot be put right is said, and changes nothing."""

from __future__ import annotations

import json

import pytest
from correcting_kit import (
    Say,
    an_issue,
    crash,
    file_after,
    file_unanswered,
    group,
    read_from,
)
from kit import Bench
from loop_kit import complain

from connector.models import IssueCategory
from connector.store import groups


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
        ["mute", 1, "--until", "9999-12-31T23:59-14:00"],
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


def test_problem_that_nobody_has_is_not_filed(bench: Bench, say: Say) -> None:
    complain(bench, 1)
    bench.settle()
    del bench.support.tickets["0"]
    bench.changed("support", "0")
    bench.settle()
    assert "nobody counts in problem 1" in say("file", 1).output


def test_no_issue_is_linked_while_one_may_have_been_made(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from(bench, monkeypatch)
    complain(bench, 5)
    file_unanswered(bench, monkeypatch, after=True)
    refused = say("link", 1, an_issue(bench).external_id)
    assert (refused.exit_code, "just being filed" in refused.output) == (1, True)


def test_correction_is_told_to_programs(
    bench: Bench, two: tuple[int, int], say: Say
) -> None:
    line = json.loads(say("merge", 1, 2, "--json").output)
    assert (line["group_id"], line["undo"]) == (1, "groups split 1 --part 2")
