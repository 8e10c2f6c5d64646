"""How issues end, Cloud and Data Center, with the look-alike vendors as only witness.

In none of these does a customer read that something is fixed which is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kit import shared
from sandbox_kit import (
    EACH_WAY,
    THRESHOLD,
    Stepped,
    Writer,
    assert_told_once,
    complain,
    issues,
    linked,
    messages,
    stepped,
    urls,
)
from test_jira_loop import filed, rest, settings

from connector.sandbox.jira_tracker import DONE, TO_DO, Issue, Status, Transition
from connector.store import bonds, groups

pytestmark = EACH_WAY


@pytest.fixture
def scene(flavour: str, database_url: str) -> Iterator[Stepped]:
    with stepped(database_url, settings(flavour)) as scene:
        yield scene


def days(scene: Stepped, number: float) -> None:
    scene.clock.pass_(days=number)
    rest(scene)


def reread(scene: Stepped) -> None:
    """Let the time pass after which issues are read again unasked."""
    for _ in range(2):
        scene.settle(minutes=16)


def end(scene: Stepped, key: str, resolution: str) -> None:
    scene.world.issue(key, "done", resolution=resolution)
    rest(scene)


def more(scene: Stepped, start: int, count: int) -> list[Writer]:
    """Let new customers complain of it."""
    writers = [complain(scene.world, start + number) for number in range(count)]
    rest(scene)
    return writers


def their_own(scene: Stepped, summary: str = "Codes fail") -> Issue:
    """Let the product team write an issue of its own."""
    tracker = scene.world.jira
    given = {"issuetype": "10001", "summary": summary}
    return tracker.create(tracker.projects["OPS"], given, "agent")


def duplicate(scene: Stepped, key: str, of: str) -> None:
    scene.world.issue(key, "link", of=of)
    end(scene, key, "Duplicate")


def now_of(scene: Stepped, key: str) -> dict[str, Any]:
    (found,) = [one for one in issues(scene.world) if one["key"] == key]
    return found


def said(scene: Stepped, key: str) -> list[str]:
    return [comment["text"] for comment in now_of(scene, key)["comments"]]


def problems(scene: Stepped) -> list[Any]:
    with scene.runtime.store.read() as connection:
        return list(groups.listing(connection, None, 10))


# -- deliveries as Jira really wrote them

#: What is recorded of what happened, by flavour.
RECORDED = {
    "cloud": {
        "done": "wh-cloud-issue-updated-resolved",
        "reopen": "wh-cloud-issue-updated-reopened",
        "delete": "wh-cloud-issue-deleted",
        # What a move looks like is not recorded: any update has to do.
        "move": "wh-cloud-issue-updated-edited",
    },
    "data_center": {
        "done": "wh-dc-issue-updated-resolved",
        "reopen": "wh-dc-issue-updated-reopened",
        "delete": "wh-cloud-issue-deleted",
        "move": "wh-dc-old-issue-updated-status-and-resolution",
    },
}


class Recorded:
    """A scene in which only recorded bodies say what happened at Jira."""

    def __init__(self, scene: Stepped, flavour: str) -> None:
        self.scene = scene
        self.app = scene.runtime.create_app().test_client()
        self.files = RECORDED[flavour]
        self.issue = filed(scene)
        scene.world.jira.webhooks.clear()

    def deliver(self, what: str) -> None:
        """Send the recorded body of it, about our issue and of this hour."""
        path = shared("vendors", "fixtures", "jira", f"{self.files[what]}.json")
        body = json.loads(path.read_text(encoding="utf-8"))
        number = body["issue"]["id"]
        body["issue"]["id"] = self.issue["id"]
        body["issue"]["self"] = body["issue"]["self"].replace(number, self.issue["id"])
        body["timestamp"] = int(self.scene.clock().timestamp() * 1000)
        raw = json.dumps(body).encode()
        adapter = self.scene.runtime.adapters["tracker"]
        signed = adapter.sign(raw, None, self.scene.clock())
        answer = self.app.post(
            "/webhooks/tracker",
            data=raw,
            headers=dict(signed.headers),
            query_string=dict(signed.query),
        )
        assert answer.status_code == 200
        rest(self.scene)

    def act(self, what: str, resolution: str = "") -> None:
        self.scene.world.issue(self.issue["id"], what, resolution=resolution)
        self.deliver(what)

    def state(self) -> str:
        (group,) = problems(self.scene)
        return str(group["state"])


@pytest.fixture
def recorded(flavour: str, database_url: str) -> Iterator[Recorded]:
    # Nothing is read again unasked: what follows, follows from the delivery.
    never = {"reread": "300d"}
    with stepped(database_url, settings(flavour), problems=never) as scene:
        yield Recorded(scene, flavour)


@pytest.mark.shared
def test_recorded_deliveries_of_a_fix_and_its_reopening(recorded: Recorded) -> None:
    recorded.act("done", "Fixed")
    assert recorded.state() == "fixed"
    assert_told_once(recorded.scene.world, recorded.scene.writers)
    recorded.act("reopen")
    assert recorded.state() == "filed"
    recorded.act("done", "Fixed")
    assert_told_once(recorded.scene.world, recorded.scene.writers)


@pytest.mark.shared
@pytest.mark.parametrize("resolution", ["Won't Do", "Duplicate", "Cannot Reproduce"])
def test_recorded_delivery_of_an_end_that_is_no_fix(
    recorded: Recorded, resolution: str
) -> None:
    # The body says "Done"; how it stands is what counts.
    recorded.act("done", resolution)
    assert recorded.state() == "wont_do"
    recorded.act("reopen")
    assert recorded.state() == "filed"
    assert messages(recorded.scene.world) == []


@pytest.mark.shared
def test_recorded_delivery_of_a_deletion_or_of_any_change(recorded: Recorded) -> None:
    tracker = recorded.scene.world.jira
    issue = tracker.issues[recorded.issue["id"]]
    tracker.transfer(issue, tracker.projects["OPS"], "agent")
    recorded.deliver("move")
    (group,) = problems(recorded.scene)
    assert (group["issue_key"], group["state"]) == ("OPS-1", "filed")
    recorded.act("delete")
    assert recorded.state() == "filed"  # it may be back in a moment
    recorded.scene.clock.pass_(days=301)
    rest(recorded.scene)
    assert recorded.state() == "muted"
    assert messages(recorded.scene.world) == []


# -- fixed, and back


def test_still_broken_on_day_six_reopens_the_issue_and_tells_nobody(
    scene: Stepped,
) -> None:
    issue = filed(scene)
    end(scene, issue["key"], "Fixed")
    assert_told_once(scene.world, scene.writers)
    days(scene, 6)
    first = scene.writers[0]
    scene.world.write(
        first.vendor,
        email=first.email,
        subject="Re: Discount code",
        text="It is still broken! HARVEST30 fails with E-7041 again.",
        ticket=first.ticket,
    )
    new = more(scene, 7, 2)
    rest(scene)
    assert now_of(scene, issue["key"])["category"] != "done"
    (evidence,) = [text for text in said(scene, issue["key"]) if "came back" in text]
    assert "HARVEST30" in evidence
    assert linked(now_of(scene, issue["key"])) == urls(
        scene.world, [*scene.writers, *new]
    )
    assert len(messages(scene.world)) == THRESHOLD
    assert len(issues(scene.world)) == 1

    # The next fix is news to those three alone.
    end(scene, issue["key"], "Fixed")
    told = sorted(email for email, _ in messages(scene.world)[:])
    everybody = [*scene.writers, *new, first]
    assert told == sorted(one.email for one in everybody)
    scene.assert_nothing_parked()


def test_three_new_customers_on_day_45_make_a_new_issue_linked_to_the_old(
    scene: Stepped,
) -> None:
    issue = filed(scene)
    end(scene, issue["key"], "Fixed")
    days(scene, 45)
    new = more(scene, 7, 2)
    assert len(issues(scene.world)) == 1
    new += more(scene, 9, 1)
    rest(scene)
    old, recurrence = issues(scene.world)
    assert (old["category"], recurrence["category"]) == ("done", "new")
    assert issue["key"] in recurrence["description"]
    assert "the return of a problem that was fixed" in recurrence["description"]
    assert linked(recurrence) == urls(scene.world, new)
    (link,) = scene.world.jira.issues[recurrence["id"]].issue_links
    assert link["outwardIssue"] == {"key": issue["key"]}
    assert_told_once(scene.world, scene.writers)

    end(scene, recurrence["key"], "Fixed")
    assert_told_once(scene.world, [*scene.writers, *new])
    scene.assert_nothing_parked()


def test_way_back_that_asks_for_a_field_is_none(scene: Stepped) -> None:
    scene.world.jira.workflow = (
        Transition("31", "Done", DONE, (TO_DO.id,)),
        Transition("51", "Reopen", TO_DO, (DONE.id,), asks="customfield_10099"),
    )
    issue = filed(scene)
    end(scene, issue["key"], "Fixed")
    days(scene, 2)
    new = more(scene, 7, 1)
    rest(scene)
    old, recurrence = issues(scene.world)
    assert (old["category"], recurrence["category"]) == ("done", "new")
    assert "came back" in said(scene, issue["key"])[-1]
    assert linked(recurrence) == urls(scene.world, new)
    assert len(messages(scene.world)) == THRESHOLD
    scene.assert_nothing_parked()


def test_flapping_issue_tells_nobody_until_it_stands(
    database_url: str, flavour: str
) -> None:
    slow = {"fix_settle": "10m"}
    with stepped(database_url, settings(flavour), problems=slow) as scene:
        issue = filed(scene)
        for _ in range(3):
            end(scene, issue["key"], "Fixed")
            scene.settle(minutes=6)
            scene.world.issue(issue["key"], "reopen")
            scene.settle(minutes=6)
        # This time nobody hears of what happened in between.
        end(scene, issue["key"], "Fixed")
        with scene.world.lock:
            scene.world.jira.webhooks.clear()
        scene.clock.pass_(minutes=6)
        scene.world.issue(issue["key"], "reopen")
        scene.world.issue(issue["key"], "done", resolution="Fixed")
        scene.settle(minutes=6)
        assert messages(scene.world) == []
        scene.settle(minutes=11)
        assert_told_once(scene.world, scene.writers)


def test_second_state_of_the_end_tells_nobody_again(scene: Stepped) -> None:
    closed = Status("10002", "Closed", "done")
    close = Transition("61", "Close", closed, (DONE.id,))
    scene.world.jira.workflow = (*scene.world.jira.workflow, close)
    issue = filed(scene)
    end(scene, issue["key"], "Fixed")
    with scene.world.lock:
        known = scene.world.jira.issues[issue["id"]]
        scene.world.jira.move(known, close, "agent", resolution="Fixed")
    reread(scene)
    assert now_of(scene, issue["key"])["category"] == "done"
    assert_told_once(scene.world, scene.writers)


# -- done without a fix


def test_wont_do_is_said_once_when_the_customers_have_doubled(scene: Stepped) -> None:
    issue = filed(scene)
    end(scene, issue["key"], "Won't Do")
    new = more(scene, 7, 4)
    assert said(scene, issue["key"]) == []
    new += more(scene, 11, 3)
    days(scene, 20)
    (comment,) = said(scene, issue["key"])
    assert comment.startswith("1") and "it was 5 when this was closed" in comment
    assert linked(now_of(scene, issue["key"])) == urls(
        scene.world, [*scene.writers, *new]
    )
    assert now_of(scene, issue["key"])["category"] == "done"
    assert len(issues(scene.world)) == 1
    assert messages(scene.world) == []


def test_what_could_not_be_reproduced_is_reopened_by_three_new_customers(
    scene: Stepped,
) -> None:
    issue = filed(scene)
    end(scene, issue["key"], "Cannot Reproduce")
    days(scene, 3)
    more(scene, 7, 2)
    assert now_of(scene, issue["key"])["category"] == "done"
    more(scene, 9, 1)
    assert now_of(scene, issue["key"])["category"] != "done"
    (comment,) = said(scene, issue["key"])
    assert (
        "3 customers complained of it for the first time" in comment
        and "HARVEST30" in comment
    )
    assert messages(scene.world) == []


def test_resolution_that_a_reopening_forgot_is_no_end(scene: Stepped) -> None:
    issue = filed(scene)
    end(scene, issue["key"], "Won't Do")
    scene.world.issue(issue["key"], "reopen", keep_resolution=True)
    reread(scene)
    assert now_of(scene, issue["key"])["resolution"] == "Won't Do"
    assert [one["state"] for one in problems(scene)] == ["filed"]
    assert messages(scene.world) == []


@pytest.mark.parametrize("meant", [False, True])
def test_done_without_a_resolution_is_what_the_settings_say(
    database_url: str, flavour: str, meant: bool
) -> None:
    changes = {"fixed_without_resolution": meant}
    with stepped(database_url, settings(flavour), problems=changes) as scene:
        issue = filed(scene)
        scene.world.issue(issue["key"], "done", resolution="Fixed")
        scene.world.jira.issues[issue["id"]].resolution = None
        rest(scene)
        assert len(messages(scene.world)) == (THRESHOLD if meant else 0)


def test_deleted_issue_files_no_other_and_tells_nobody(scene: Stepped) -> None:
    issue = filed(scene)
    scene.world.issue(issue["key"], "delete")
    rest(scene)
    reread(scene)
    more(scene, 7, 6)
    days(scene, 3)
    assert issues(scene.world) == messages(scene.world) == []
    (group,) = problems(scene)
    assert (group["state"], "groups file" in group["reason"]) == ("muted", True)
    scene.assert_nothing_parked()


def test_moved_issue_that_is_not_fixed_tells_nobody(scene: Stepped) -> None:
    issue = filed(scene)
    tracker = scene.world.jira
    tracker.transfer(tracker.issues[issue["id"]], tracker.projects["OPS"], "agent")
    rest(scene)
    end(scene, "OPS-1", "Won't Do")
    more(scene, 7, 5)
    assert "it was 5" in said(scene, "OPS-1")[-1]
    assert messages(scene.world) == []


# -- duplicates


def test_original_takes_over_counts_links_and_the_message(scene: Stepped) -> None:
    issue = filed(scene)
    original = their_own(scene)
    duplicate(scene, issue["key"], original.key)
    new = more(scene, 7, 2)
    everybody = [*scene.writers, *new]
    assert linked(now_of(scene, original.key)) == urls(scene.world, everybody)
    (counted,) = original.properties.values()
    assert counted["customers"] == len(everybody)
    assert messages(scene.world) == []

    # Its own issue being opened and done again changes nothing.
    scene.world.issue(issue["key"], "reopen")
    rest(scene)
    end(scene, issue["key"], "Fixed")
    assert messages(scene.world) == []

    end(scene, original.key, "Fixed")
    assert_told_once(scene.world, everybody)
    days(scene, 2)
    more(scene, 9, 1)
    assert now_of(scene, original.key)["category"] != "done"
    assert now_of(scene, issue["key"])["category"] == "done"
    assert len(issues(scene.world)) == 2
    scene.assert_nothing_parked()


def test_link_the_other_way_round_leads_to_the_original_too(scene: Stepped) -> None:
    issue = filed(scene)
    original = their_own(scene)
    scene.world.issue(original.key, "link", of=issue["key"])
    end(scene, issue["key"], "Duplicate")
    end(scene, original.key, "Fixed")
    assert_told_once(scene.world, scene.writers)


def test_chain_of_duplicates_is_followed_to_its_end(scene: Stepped) -> None:
    issue = filed(scene)
    second, third = their_own(scene), their_own(scene)
    duplicate(scene, issue["key"], second.key)
    duplicate(scene, second.key, third.key)
    assert messages(scene.world) == []
    end(scene, third.key, "Fixed")
    assert_told_once(scene.world, scene.writers)
    assert linked(now_of(scene, third.key)) == urls(scene.world, scene.writers)


def test_duplicates_of_each_other_end_in_silence(scene: Stepped) -> None:
    issue = filed(scene)
    second = their_own(scene)
    duplicate(scene, issue["key"], second.key)
    duplicate(scene, second.key, issue["key"])
    reread(scene)  # agents are told how it stands
    mark = len(scene.world.log())
    reread(scene)
    assert scene.world.log(mark) == []
    (group,) = problems(scene)
    assert (group["state"], group["issue_key"]) == ("wont_do", second.key)
    assert "duplicate of nothing but" in group["reason"]
    assert messages(scene.world) == []


def test_duplicate_of_nothing_waits_for_its_link(scene: Stepped) -> None:
    issue = filed(scene)
    end(scene, issue["key"], "Duplicate")
    more(scene, 7, 2)
    assert said(scene, issue["key"]) == messages(scene.world) == []
    original = their_own(scene)
    # Nobody delivers that a link was made.
    scene.world.issue(issue["key"], "link", of=original.key)
    reread(scene)
    end(scene, original.key, "Fixed")
    assert len(messages(scene.world)) == THRESHOLD + 2


def test_original_that_cannot_be_seen_is_waited_for(scene: Stepped) -> None:
    issue = filed(scene)
    original = their_own(scene)
    scene.world.issue(issue["key"], "link", of=original.key)
    scene.world.jira.hidden.add(original.id)
    end(scene, issue["key"], "Duplicate")
    reread(scene)
    scene.world.issue(original.key, "done", resolution="Fixed")
    reread(scene)
    assert messages(scene.world) == []
    (group,) = problems(scene)
    assert original.key in group["reason"]
    scene.world.jira.hidden.clear()
    reread(scene)
    # It was fixed after they complained: that is what they were waiting for.
    assert_told_once(scene.world, scene.writers)
    scene.assert_nothing_parked()


def test_original_that_was_fixed_before_they_complained_is_no_fix_of_theirs(
    scene: Stepped,
) -> None:
    original = their_own(scene)
    scene.world.issue(original.key, "done", resolution="Fixed")
    days(scene, 5)
    scene.writers = [complain(scene.world, number) for number in range(THRESHOLD)]
    rest(scene)
    duplicate(scene, issues(scene.world)[-1]["key"], original.key)
    reread(scene)
    assert messages(scene.world) == []
    more(scene, 7, 1)
    assert now_of(scene, original.key)["category"] != "done"
    assert messages(scene.world) == []
    end(scene, original.key, "Fixed")
    assert len(messages(scene.world)) == THRESHOLD + 1


REFUNDS = (
    "My refund for order 4711 has not arrived, three weeks now. I want my money back!",
    "Where is my refund? Waiting three weeks for my money back, this is unacceptable.",
    "Refund not received after three weeks. Give me my money back, I am angry.",
    "Still no refund of my money after three weeks! Terrible, I want it back.",
    "I am still waiting for my refund, three weeks. My money back please, awful!",
)


def second_problem(scene: Stepped) -> tuple[dict[str, Any], list[Writer]]:
    writers = []
    for number, text in enumerate(REFUNDS):
        email = f"refund{number}@mail.example"
        ticket = scene.world.write(
            "zendesk", email=email, subject="Refund", text=text, language="en"
        )
        writers.append(Writer("zendesk", ticket, email, "en"))
    rest(scene)
    return issues(scene.world)[-1], writers


def test_duplicate_of_another_problems_issue_makes_one_problem_of_two(
    scene: Stepped,
) -> None:
    issue = filed(scene)
    other, writers = second_problem(scene)
    assert len(issues(scene.world)) == 2
    duplicate(scene, issue["key"], other["key"])
    everybody = [*scene.writers, *writers]
    more_of_it = more(scene, 7, 1)
    assert linked(now_of(scene, other["key"])) == urls(
        scene.world, [*everybody, *more_of_it]
    )
    assert messages(scene.world) == []
    end(scene, other["key"], "Fixed")
    assert_told_once(scene.world, [*everybody, *more_of_it])
    (group,) = problems(scene)
    assert (group["state"], group["issue_key"]) == ("fixed", other["key"])


def test_two_duplicates_of_one_original_make_one_problem(scene: Stepped) -> None:
    issue = filed(scene)
    other, writers = second_problem(scene)
    original = their_own(scene)
    duplicate(scene, issue["key"], original.key)
    duplicate(scene, other["key"], original.key)
    everybody = [*scene.writers, *writers]
    assert linked(now_of(scene, original.key)) == urls(scene.world, everybody)
    end(scene, original.key, "Fixed")
    assert_told_once(scene.world, everybody)
    scene.assert_nothing_parked()


def test_problems_that_a_person_keeps_apart_stay_two(scene: Stepped) -> None:
    issue = filed(scene)
    other, _ = second_problem(scene)
    one, two = (row["id"] for row in problems(scene))
    with scene.runtime.store.write() as connection:
        bonds.keep_apart(connection, one, two, "Kari", scene.clock())
    duplicate(scene, issue["key"], other["key"])
    reread(scene)
    assert sorted(row["state"] for row in problems(scene)) == ["filed", "wont_do"]
    end(scene, other["key"], "Fixed")
    assert len(messages(scene.world)) == len(REFUNDS)
