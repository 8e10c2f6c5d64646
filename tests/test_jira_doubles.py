"""More than one issue with the mark of one problem: one counts, the rest is linked."""

from __future__ import annotations

from typing import Any

import pytest
from kit import Bench
from loop_kit import Failing, calls, rows, the_group
from loop_kit import complain as write_complaints
from sandbox_kit import THRESHOLD, complain, issues, stepped
from test_jira_loop import FLAVOURS, settings
from test_promises import set_mode

from connector.errors import NotFound, VendorRefused, VendorUnavailable
from connector.models import OutboxState

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# -- in memory


@pytest.fixture
def doubled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Lose the answer to a create, and show what it made too late."""
    monkeypatch.setattr(bench.tracker, "find_issue", lambda *_: None)
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, bench.tracker, "create_issue", lost, 1, after=True)
    write_complaints(bench, 5)
    return bench


def later(bench: Bench, times: int = 6) -> None:
    for _ in range(times):
        bench.settle()
        bench.clock.pass_(minutes=11)
    bench.settle()


def until_created_twice(bench: Bench) -> None:
    for _ in range(20):
        bench.settle()
        if len(calls(bench, "create_issue")) == 2:
            break
        bench.clock.pass_(minutes=1)
    bench.settle()


def said(bench: Bench) -> list[str]:
    """Return what comments on issues say."""
    return [
        " ".join([block.text for block in body])
        for name, _, body in bench.tracker.calls
        if name == "comment_issue"
    ]


def test_issue_that_shows_up_late_is_linked_to_the_one_that_counts(
    doubled: Bench,
) -> None:
    later(doubled)
    first, second = calls(doubled, "create_issue")
    assert the_group(doubled)["issue_id"] == second
    links = [call for call in doubled.tracker.calls if call[0] == "link_duplicate"]
    assert links == [("link_duplicate", first, second)]
    assert calls(doubled, "comment_issue") == [second]
    (words,) = said(doubled)
    assert doubled.tracker.issues[first].ref.key in words
    later(doubled)
    assert len(said(doubled)) == len(calls(doubled, "link_duplicate")) == 1
    assert rows(doubled, OutboxState.PARKED) == []


def test_others_are_neither_edited_nor_closed(doubled: Bench) -> None:
    later(doubled)
    first, _ = calls(doubled, "create_issue")
    done = {name for name, target, _ in doubled.tracker.calls if target == first}
    assert done == {"create_issue", "link_duplicate"}


def test_nothing_waits_for_the_search_for_doubles(doubled: Bench) -> None:
    until_created_twice(doubled)
    assert len(calls(doubled, "link_ticket")) == 5
    assert calls(doubled, "link_duplicate") == []


@pytest.mark.parametrize("links", [NotFound("no type of link"), None])
def test_site_without_such_links_is_told_in_words_alone(
    doubled: Bench, monkeypatch: pytest.MonkeyPatch, links: NotFound | None
) -> None:
    if links:
        Failing(monkeypatch, doubled.tracker, "link_duplicate", links, 9, after=False)
    later(doubled)
    assert len(calls(doubled, "link_duplicate")) == (links is None)
    assert len(said(doubled)) == 1
    assert rows(doubled, OutboxState.PARKED) == []


def test_lost_answer_to_a_link_is_no_second_comment(
    doubled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, doubled.tracker, "link_duplicate", lost, 1, after=True)
    later(doubled)
    assert len(said(doubled)) == 1


def test_link_that_is_refused_waits_for_a_person(
    doubled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = VendorRefused("no right to link", status=400)
    Failing(monkeypatch, doubled.tracker, "link_duplicate", refused, 9, after=False)
    later(doubled)
    (parked,) = rows(doubled, OutboxState.PARKED)
    assert parked["operation"] == "link_issues"


def test_nothing_is_linked_any_more_once_we_only_observe(doubled: Bench) -> None:
    until_created_twice(doubled)
    set_mode(doubled, issues="observe")
    later(doubled)
    assert calls(doubled, "link_duplicate") == said(doubled) == []


def test_create_that_was_answered_is_not_searched_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        bench.tracker, "find_issues", lambda *given: (asked.append(given), ())[1]
    )
    monkeypatch.setattr(bench.tracker, "find_issue", lambda *_: None)
    write_complaints(bench, 5)
    later(bench)
    assert calls(bench, "create_issue")
    assert asked == []


# -- against the sandbox


@pytest.mark.parametrize("types", ["usual", "none"])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_second_issue_of_a_create_that_was_lost_is_a_linked_duplicate(
    database_url: str, flavour: str, types: str
) -> None:
    slow = settings(flavour).model_copy(update={"jira_index_lag": 900})
    with stepped(database_url, slow, problems={"search_lag": "10m"}) as scene:
        tracker = scene.world.jira
        if types == "none":
            tracker.link_types = {"10003": "Relates"}
        scene.world.fail("after", vendor="jira", method="POST", path="/issue$", times=1)
        for number in range(THRESHOLD):
            complain(scene.world, number)
        scene.settle()  # what is signed has to arrive before the clock moves
        for _ in range(8):
            scene.settle(minutes=6)
        stray, ours = issues(scene.world)
        expected = [{"type": {"name": "Duplicate"}, "outwardIssue": {"key": "SHOP-2"}}]
        assert tracker.issues[stray["id"]].issue_links == (
            expected if types == "usual" else []
        )
        assert (stray["comments"], stray["category"]) == ([], "new")
        (comment,) = ours["comments"]
        assert stray["key"] in comment["text"]
        scene.assert_nothing_parked()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_oldest_of_several_is_adopted_and_its_clone_linked(
    database_url: str, flavour: str
) -> None:
    with stepped(database_url, settings(flavour)) as scene:
        tracker = scene.world.jira
        scene.world.fail("after", vendor="jira", method="POST", path="/issue$", times=1)
        for number in range(THRESHOLD):
            complain(scene.world, number)
        for _ in range(200):
            scene.step()
            if tracker.issues:
                break
            scene.clock.pass_(seconds=1)
        (made,) = tracker.issues.values()
        given = {"issuetype": "10001", "summary": "CLONE", "labels": made.labels}
        clone = tracker.create(tracker.projects["SHOP"], given, "agent")
        for _ in range(4):
            scene.settle(minutes=6)
        assert len(issues(scene.world)) == 2
        assert len(made.remote_links) == THRESHOLD
        assert not clone.remote_links
        (link,) = clone.issue_links
        assert link["outwardIssue"] == {"key": made.key}
        scene.assert_nothing_parked()
