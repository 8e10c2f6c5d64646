"""An issue stays true while more complain, people work on it, and Jira is down.

What is asserted is what the sandbox witnessed.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sandbox_kit import EACH_WAY, THRESHOLD, Stepped, complain, issues, stepped

from connector.sandbox import SandboxSettings

FIELDS = {
    "customers": "customfield_10050",
    "tickets": "customfield_10051",
    "first_seen": "customfield_10053",
    "last_seen": "customfield_10054",
}
EVERY = {"counts_every": "10m"}
PERSON = "Kari was here: [~kari] *not* ours"


def settings(flavour: Any, **more: Any) -> SandboxSettings:
    return SandboxSettings(jira_flavour=flavour, jira_projects=("SHOP",), **more)


def filed(scene: Stepped) -> dict[str, Any]:
    """Let customers complain until there is an issue."""
    for number in range(THRESHOLD):
        complain(scene.world, number)
    scene.settle()
    scene.settle(minutes=1)
    (issue,) = issues(scene.world)
    return issue


def rewrite(scene: Stepped, number: str) -> None:
    """Let a person write another title, and something below ours."""
    tracker = scene.world.jira
    issue = tracker.issues[number]
    text: Any = copy.deepcopy(issue.description)
    if tracker.cloud:
        words = [{"type": "text", "text": PERSON, "marks": [{"type": "strong"}]}]
        text["content"].append({"type": "paragraph", "content": words})
    else:
        text = f"{text}\r\n\r\n{PERSON}"
    tracker.edit(issue, {"summary": "Harvest codes", "description": text}, "agent")


def lines(issue: dict[str, Any]) -> list[str]:
    """Return what the issue says in numbers at the top of its description."""
    said = [
        one.lstrip("*- ")
        for one in issue["description"].splitlines()
        if one not in ("", "{panel}")
    ]
    assert said[0] == "▼ Complaint Connector ▼"
    return said[1 : said.index("▲ Complaint Connector ▲")]


def wait_until(true: Callable[[], object], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(true())


def times_of_edits(scene: Stepped, name: str) -> list[datetime]:
    return [
        datetime.fromisoformat(act["at"])
        for act in scene.world.log()
        if act["act"] == "issue_update"
        and act["actor"] == "api"
        and name in act["detail"]["fields"]
    ]


def join(scene: Stepped) -> None:
    """Let sixty more customers complain in the course of a day."""
    for number in range(THRESHOLD, THRESHOLD + 60):
        complain(scene.world, number)
        if number % 10 == 4:
            scene.step()
            scene.clock.pass_(minutes=2)
        if number % 20 == 4:
            scene.settle(minutes=500)
    scene.settle()


@EACH_WAY
def test_numbers_follow_sixty_more_customers_and_words_of_people_stay(
    database_url: str, flavour: str
) -> None:
    with stepped(database_url, settings(flavour), problems=EVERY) as scene:
        number = filed(scene)["id"]
        rewrite(scene, number)
        before = copy.deepcopy(scene.world.jira.issues[number].description)
        join(scene)
        (issue,) = issues(scene.world)
        assert issue["summary"] == "Harvest codes"
        assert lines(issue)[1:3] == ["Customers: 65", "Tickets: 65"]
        after = scene.world.jira.issues[number].description
        if flavour == "cloud":
            assert after["content"][2:] == before["content"][2:]
        else:
            end = "▲ Complaint Connector ▲"
            assert after.partition(end)[2] == before.partition(end)[2]
        edits = times_of_edits(scene, "description")
        pairs = pairwise(edits)
        assert len(edits) > 2
        said = [one["text"].partition(" have")[0] for one in issue["comments"]]
        assert said == ["20 customers", "50 customers"]
        assert all(later - one >= timedelta(minutes=10) for one, later in pairs)
        scene.assert_nothing_parked()


@EACH_WAY
def test_fields_follow_and_the_description_is_left_to_people(
    database_url: str, flavour: str
) -> None:
    problems = {**EVERY, "fields": FIELDS}
    with stepped(database_url, settings(flavour), problems=problems) as scene:
        issue = filed(scene)
        assert issue["fields"][FIELDS["customers"]] == THRESHOLD
        assert "Complaint Connector" not in issue["description"]
        rewrite(scene, issue["id"])
        join(scene)
        (issue,) = issues(scene.world)
        assert issue["fields"][FIELDS["customers"]] == 65
        assert issue["fields"][FIELDS["tickets"]] == 65
        first, last = (issue["fields"][FIELDS[name]] for name in list(FIELDS)[2:])
        assert (first, last[:10]) == ("2026-03-02", "2026-03-03")
        assert issue["summary"] == "Harvest codes"
        assert times_of_edits(scene, "description") == []


@EACH_WAY
def test_issue_that_waited_for_jira_says_how_things_are_when_it_comes(
    database_url: str, flavour: str
) -> None:
    with stepped(database_url, settings(flavour), problems=EVERY) as scene:
        scene.world.fail("503", vendor="jira")
        for number in range(THRESHOLD):
            complain(scene.world, number)
        for minute in range(60):
            if minute == 20:
                complain(scene.world, THRESHOLD)
            if minute == 30:
                scene.restart()
            if minute == 45:
                complain(scene.world, THRESHOLD + 1)
            scene.step()
            scene.clock.pass_(minutes=1)
        assert issues(scene.world) == []
        scene.world.faults.clear()
        scene.settle(minutes=5)
        (issue,) = issues(scene.world)
        assert lines(issue)[1:3] == ["Customers: 7", "Tickets: 7"]
        assert "7 customers had written about it (tickets: 7)" in issue["description"]
        assert times_of_edits(scene, "description") == []
        assert issue["comments"] == []
        scene.assert_nothing_parked()


@EACH_WAY
@pytest.mark.parametrize("fault", ["after", "reset_after", "stall"])
def test_issue_whose_creation_timed_out_is_adopted_and_brought_up_to_date(
    database_url: str, flavour: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = settings(flavour, jira_index_lag=120)
    patient = {**EVERY, "search_lag": "5m"}
    with stepped(database_url, slow, problems=patient) as scene:
        where = {"vendor": "jira", "method": "POST", "path": "/issue$"}
        client = scene.runtime.adapters["tracker"]._client
        monkeypatch.setattr(client, "_timeout", (1.0, 0.2))
        scene.world.fail(fault, **where, times=1, seconds=1.0)
        for number in range(THRESHOLD):
            complain(scene.world, number)
        for _ in range(6):
            scene.step()
            scene.clock.pass_(seconds=5)
        # Whatever the connector heard of it: it was created.
        assert wait_until(lambda: issues(scene.world), 10)
        complain(scene.world, THRESHOLD)
        scene.settle(minutes=15)
        (issue,) = issues(scene.world)
        assert lines(issue)[1:3] == ["Customers: 6", "Tickets: 6"]
        scene.assert_nothing_parked()
