"""A problem that comes back although its issue cannot be opened again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kit import Bench, importing
from loop_kit import (
    COMPLAINTS,
    Failing,
    calls,
    complain,
    file_issue,
    fix,
    rows,
    the_group,
)
from sandbox_kit import (
    EACH_WAY,
    THRESHOLD,
    Stepped,
    Writer,
    assert_told_once,
    issues,
    linked,
    messages,
    stepped,
    urls,
)
from sandbox_kit import complain as write_complaint
from test_jira_loop import filed, rest, settings
from test_promises import set_mode

from connector.errors import NotFound, VendorUnavailable
from connector.history import import_history
from connector.models import IssueCategory, OutboxState
from connector.sandbox.jira_tracker import DONE, TO_DO, Transition
from connector.store import outbox

SENT = "send_message"

# -- against the sandbox


def returned(scene: Stepped) -> tuple[dict[str, Any], Writer]:
    """Let a problem come back whose issue cannot be opened again."""
    scene.world.jira.workflow = (Transition("31", "Done", DONE, (TO_DO.id,)),)
    issue = filed(scene)
    scene.world.issue(issue["key"], "done", resolution="Fixed")
    rest(scene)
    assert len(messages(scene.world)) == THRESHOLD
    return issue, write_complaint(scene.world, THRESHOLD + 2)


@EACH_WAY
def test_workflow_without_a_way_back_gets_a_comment_and_a_linked_issue(
    database_url: str, flavour: str
) -> None:
    with stepped(database_url, settings(flavour)) as scene:
        old, late = returned(scene)
        rest(scene)
        before, after = issues(scene.world)
        assert (before["category"], after["category"]) == ("done", "new")
        assert "It came back" in before["comments"][-1]["text"]
        assert old["key"] in after["description"]
        assert linked(after) == urls(scene.world, [late])
        tracker = scene.world.jira
        (link,) = tracker.issues[after["id"]].issue_links
        assert link["type"] == {"name": "Relates"}
        assert link["outwardIssue"] == {"key": old["key"]}
        scene.assert_nothing_parked()

        scene.world.issue(after["key"], "done", resolution="Fixed")
        rest(scene)
        assert_told_once(scene.world, [*scene.writers, late])
        again = write_complaint(scene.world, THRESHOLD + 3)
        rest(scene)
        third = issues(scene.world)[2]
        assert len(issues(scene.world)) == 3
        assert after["key"] in third["description"]
        assert linked(third) == urls(scene.world, [again])
        scene.assert_nothing_parked()


@pytest.mark.parametrize("kind", ["after", "before"])
def test_linked_issue_with_a_lost_answer_is_there_once_after_a_restart(
    database_url: str, kind: str
) -> None:
    lagging = settings().model_copy(update={"jira_index_lag": 120})
    with stepped(database_url, lagging) as scene:
        returned(scene)
        scene.world.fail(kind, vendor="jira", method="POST", path="/issue$", times=1)
        mark = len(scene.world.log())
        for _ in range(50):
            scene.step()
            if any(act["act"] == "fault" for act in scene.world.log(mark)):
                break
        scene.restart()
        for _ in range(4):
            scene.settle(minutes=6)
        assert len(issues(scene.world)) == 2
        _, after = issues(scene.world)
        assert after["category"] == "new"
        scene.world.issue(after["key"], "done", resolution="Fixed")
        rest(scene)
        assert len(messages(scene.world)) == THRESHOLD + 1
        scene.assert_nothing_parked()


# -- in memory


@pytest.fixture
def come_back(bench: Bench) -> str:
    """Fix an issue that cannot be opened again, and let a customer complain."""
    bench.tracker.can_reopen = False
    issue = file_issue(bench)
    fix(bench, issue)
    bench.clock.pass_(days=2)
    complain(bench, 1, start=5)
    return issue


def later(bench: Bench) -> None:
    for _ in range(3):
        bench.settle()
        bench.clock.pass_(minutes=11)
    bench.settle()


def created(bench: Bench) -> list[str]:
    return calls(bench, "create_issue")


def test_group_follows_the_new_issue_and_the_old_one_is_history(
    bench: Bench, come_back: str
) -> None:
    later(bench)
    old, new = created(bench)
    group = the_group(bench)
    assert (old, group["issue_id"], group["state"]) == (come_back, new, "filed")
    assert calls(bench, "link_issues") == [new]
    assert calls(bench, "comment_issue") == [old]
    key = bench.tracker.issues[old].ref.key
    assert key in group["reason"]
    draft = bench.tracker.drafts[new]
    assert draft.summary.endswith("(returned)")
    assert [block.text for block in draft.description if block.href] == [
        key,
        "support 5",
    ]
    links = [t for name, t, _ in bench.tracker.calls if name == "link_ticket"]
    assert links.count(new) == 1
    assert group["customers"] == draft.properties["complaint-connector"]["customers"]

    bench.issue_changed(old)
    bench.settle()
    fix(bench, new)
    assert calls(bench, "send_message")[5:] == ["5"]
    assert the_group(bench)["state"] == "fixed"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_new_issue_with_a_lost_answer_is_there_once(
    bench: Bench, come_back: str, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, bench.tracker, "create_issue", lost, 1, after)
    later(bench)
    assert len(created(bench)) == 2
    assert the_group(bench)["issue_id"] == created(bench)[1]


def test_second_complaint_in_an_episode_files_no_second_issue(
    bench: Bench, come_back: str
) -> None:
    complain(bench, 3, start=6)
    later(bench)
    complain(bench, 1, start=9)
    later(bench)
    assert len(created(bench)) == 2


def test_issue_that_a_person_opens_meanwhile_stays_the_one(
    bench: Bench, come_back: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, bench.tracker, "create_issue", lost, 1, after=False)
    bench.settle()
    bench.tracker.move_issue(come_back, IssueCategory.IN_PROGRESS)
    bench.issue_changed(come_back)
    later(bench)
    assert created(bench) == [come_back]
    assert the_group(bench)["issue_id"] == come_back
    (taken,) = [row for row in rows(bench) if row["state"] == "discarded"]
    assert (taken["operation"], "opened again" in taken["error"]) == (
        "create_issue",
        True,
    )


def test_new_issue_waits_for_an_approval_where_issues_are_suggested(
    bench: Bench, come_back: str
) -> None:
    set_mode(bench, issues="suggest")
    later(bench)
    assert created(bench) == [come_back]
    (parked,) = rows(bench, OutboxState.PARKED)
    with bench.store.write() as connection:
        outbox.retry(connection, [parked["id"]], bench.clock())
    later(bench)
    assert the_group(bench)["issue_id"] == created(bench)[1]


def test_tracker_that_links_nothing_gets_a_comment_only(
    bench: Bench, come_back: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.answers.IssueLinker", type("Other", (), {}))
    later(bench)
    assert created(bench) == [come_back]
    assert calls(bench, "comment_issue") == [come_back]
    assert rows(bench, OutboxState.PARKED) == []


def test_link_to_an_issue_that_is_gone_needs_nobody(
    bench: Bench, come_back: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = NotFound("no such issue", status=404)
    Failing(monkeypatch, bench.tracker, "link_issues", gone, 1, after=False)
    later(bench)
    assert len(created(bench)) == 2
    assert rows(bench, OutboxState.PARKED) == []


def test_return_that_turned_out_to_be_none_files_nothing(
    bench: Bench, come_back: str
) -> None:
    bench.runtime.worker.run_once()
    del bench.support.tickets["5"]
    bench.changed("support", "5")
    bench.runtime.worker.run_once()
    later(bench)
    assert created(bench) == [come_back]


# -- late returns


def fixed(bench: Bench, days: float) -> str:
    """Fix an issue, tell its customers, and let so many days pass."""
    issue = file_issue(bench)
    fix(bench, issue)
    bench.clock.pass_(days=days)
    bench.settle()
    assert len(calls(bench, "send_message")) == 5
    return issue


def test_one_complaint_in_the_watch_reopens_the_issue_with_its_words(
    bench: Bench,
) -> None:
    issue = fixed(bench, days=6)
    bench.write("1", "Koden virker fortsatt ikke, E-4012!", "customer1@mail.example")
    bench.settle()
    assert calls(bench, "reopen_issue") == [issue]
    (body,) = [b for name, _, b in bench.tracker.calls if name == "comment_issue"]
    assert "support 1" in [block.text for block in body]
    assert len(calls(bench, "send_message")) == 5


def test_after_the_watch_it_takes_several_customers_to_reopen_an_issue(
    bench: Bench,
) -> None:
    issue = fixed(bench, days=20)
    complain(bench, 2, start=5)
    for number in range(3):
        bench.write(f"again{number}", COMPLAINTS[0], "customer5@mail.example")
    bench.settle()
    assert calls(bench, "reopen_issue") == []
    assert the_group(bench)["state"] == "fixed"

    complain(bench, 1, start=7)
    bench.settle()
    assert calls(bench, "reopen_issue") == [issue]
    (body,) = [b for name, _, b in bench.tracker.calls if name == "comment_issue"]
    assert {"support 5", "support 6", "support 7"} <= {block.text for block in body}
    assert len(calls(bench, "send_message")) == 5

    bench.issue_changed(issue)
    bench.settle()
    fix(bench, issue)
    # Who was told of the first fix and did not complain again hears nothing more.
    told = [bench.support.tickets[one].customer.email for one in calls(bench, SENT)[5:]]
    assert sorted(told) == [f"customer{number}@mail.example" for number in (5, 6, 7)]


def test_returns_that_are_far_apart_reopen_nothing(bench: Bench) -> None:
    fixed(bench, days=15)
    for number in range(5, 8):
        complain(bench, 1, start=number)
        bench.settle()
        bench.clock.pass_(days=4)
        bench.settle()
    assert calls(bench, "reopen_issue") == []


def test_long_after_a_fix_three_customers_make_a_new_issue_linked_to_the_old(
    bench: Bench,
) -> None:
    old = fixed(bench, days=45)
    complain(bench, 2, start=5)
    bench.settle()
    bench.clock.pass_(days=1)
    bench.settle()
    assert created(bench) == [old]
    complain(bench, 1, start=7)
    later(bench)
    first, new = created(bench)
    assert first == old and calls(bench, "reopen_issue") == []
    assert calls(bench, "link_issues") == [new]
    draft = bench.tracker.drafts[new]
    key = bench.tracker.issues[old].ref.key
    assert key in draft.description[0].text
    assert calls(bench, "comment_issue") == []
    assert len(calls(bench, "send_message")) == 5

    fix(bench, new)
    assert sorted(calls(bench, "send_message")[5:]) == ["5", "6", "7"]


def test_who_came_too_late_to_reopen_it_counts_for_the_new_issue(
    bench: Bench,
) -> None:
    old = fixed(bench, days=28)
    complain(bench, 2, start=5)
    bench.settle()
    bench.clock.pass_(days=4)
    bench.settle()
    complain(bench, 1, start=7)
    later(bench)
    assert len(created(bench)) == 2
    assert calls(bench, "reopen_issue") == []
    assert calls(bench, "link_issues") == [created(bench)[1]]
    assert old == created(bench)[0]


def test_what_was_imported_is_no_return_of_a_problem_that_was_fixed(
    bench: Bench,
) -> None:
    old = fixed(bench, days=45)
    complain(bench, 1, start=5)
    bench.settle()
    for number in range(3):
        more = {"email": f"new{number}@mail.example", "subject": "Discount code"}
        bench.shop.write(str(number), COMPLAINTS[number], now=bench.clock(), **more)
    bench.clock.pass_(minutes=1)
    means = importing(bench, adapter=bench.shop)
    import_history(means, bench.clock() - timedelta(days=1), None)
    complain(bench, 1, start=6)
    later(bench)
    assert created(bench) == [old]
    complain(bench, 1, start=7)
    later(bench)
    assert len(created(bench)) == 2


def date_ahead(bench: Bench, hours: int) -> None:
    """Let the helpdesk's clock have run so far ahead when its customers wrote."""
    ahead = timedelta(hours=hours)
    for number, ticket in bench.support.tickets.items():
        comments = tuple(
            replace(one, created_at=one.created_at + ahead) for one in ticket.comments
        )
        bench.support.tickets[number] = replace(ticket, comments=comments)


@pytest.mark.parametrize("hours", [1, 48], ids=["has come", "is still to come"])
def test_complaint_that_is_dated_ahead_is_no_return(bench: Bench, hours: int) -> None:
    complain(bench, 5)
    date_ahead(bench, hours)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    fix(bench, the_group(bench)["issue_id"])
    bench.clock.pass_(hours=2)
    bench.changed("support", "0")
    bench.settle()
    assert the_group(bench)["state"] == "fixed"
    assert len(calls(bench, SENT)) == 5
    notes = [said for name, _, said in bench.support.calls if name == "add_note"]
    assert not any("written after that" in str(said) for said in notes)


def test_what_follows_a_complaint_that_is_dated_ahead_is_one(bench: Bench) -> None:
    complain(bench, 5)
    date_ahead(bench, 48)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    issue = the_group(bench)["issue_id"]
    fix(bench, issue)
    bench.clock.pass_(hours=2)
    bench.support.write(
        "1",
        "Koden virker fortsatt ikke, E-4012!",
        email="customer1@mail.example",
        now=bench.clock() + timedelta(hours=48),
    )
    bench.changed("support", "1")
    bench.settle()
    assert calls(bench, "reopen_issue") == [issue]
