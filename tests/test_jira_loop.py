"""Jira in the whole loop: what a tracker does that the connector has to survive."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sandbox_kit import (
    THRESHOLD,
    Stepped,
    assert_told_once,
    complain,
    issues,
    messages,
    stepped,
)

from connector.sandbox import SandboxSettings

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FLAVOURS = ["cloud", "data_center"]


def settings(flavour: Any = "cloud") -> SandboxSettings:
    return SandboxSettings(jira_flavour=flavour, jira_projects=("SHOP", "OPS"))


def rest(scene: Stepped) -> None:
    """Let what happened arrive, then let it settle."""
    scene.settle()
    scene.settle(minutes=1)


def filed(scene: Stepped) -> dict[str, Any]:
    """Let customers complain until there is an issue."""
    scene.writers = [complain(scene.world, number) for number in range(THRESHOLD)]
    rest(scene)
    (issue,) = issues(scene.world)
    return issue


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_moved_issue_is_followed_until_its_customers_are_told(
    database_url: str, flavour: str
) -> None:
    with stepped(database_url, settings(flavour)) as scene:
        issue = filed(scene)
        tracker = scene.world.jira
        tracker.transfer(tracker.issues[issue["id"]], tracker.projects["OPS"], "agent")
        rest(scene)
        scene.world.issue("OPS-1", "done", resolution="Fixed")
        rest(scene)
        assert_told_once(scene.world, scene.writers)
        assert "OPS-1" in {one["key"] for one in issues(scene.world)}
        scene.assert_nothing_parked()


@pytest.mark.parametrize(
    ("meant", "fixed", "told"),
    [
        ({"fixed": ["10001"]}, ["fixed"], THRESHOLD),
        ({"fixed": ["10001"]}, ["Løst"], THRESHOLD),
        ({"wont_do": ["10001"]}, ["fixed"], 0),
        ({"wont_do": ["10001"]}, ["Won't Do"], 0),
        ({}, ["won't do"], THRESHOLD),
        ({}, ["Løst"], 0),
    ],
)
def test_settings_say_what_a_resolution_means(
    database_url: str, meant: dict[str, Any], fixed: list[str], told: int
) -> None:
    problems = {"fixed_resolutions": fixed}
    sources = {"tracker": {"resolutions": meant}}
    with stepped(database_url, settings(), sources=sources, problems=problems) as scene:
        issue = filed(scene)
        scene.world.issue(issue["key"], "done", resolution="Won't Do")
        rest(scene)
        assert len(messages(scene.world)) == told


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_issues_of_others_are_not_even_read(
    database_url: str, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stepped(database_url, settings(flavour)) as scene:
        issue = filed(scene)
        adapter = scene.runtime.adapters["tracker"]
        read: list[str] = []
        fetch = adapter.fetch_issue
        monkeypatch.setattr(
            adapter,
            "fetch_issue",
            lambda number: (read.append(number), fetch(number))[1],
        )
        tracker = scene.world.jira
        theirs = {"issuetype": "10001", "summary": "Theirs"}
        made = tracker.create(tracker.projects["SHOP"], theirs, "agent")
        scene.world.issue(made.id, "done")
        scene.world.issue(issue["id"], "start")
        rest(scene)
        assert set(read) == {issue["id"]}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("was", ["none", "with another secret"])
def test_webhook_that_we_registered_is_believed(
    database_url: str, flavour: str, was: str
) -> None:
    with stepped(database_url, settings(flavour)) as scene:
        (by_hand,) = scene.world.jira.webhooks.values()
        address = by_hand.url.partition("?")[0]
        scene.world.jira.webhooks.clear()
        if was == "with another secret":
            scene.runtime.adapters["tracker"].subscribe(address)
            (before,) = scene.world.jira.webhooks.values()
            before.secret = before.secret and "of an installation before this one"
        scene.runtime.adapters["tracker"].subscribe(address)
        issue = filed(scene)
        scene.world.issue(issue["key"], "done", resolution="Fixed")
        rest(scene)
        assert_told_once(scene.world, scene.writers)
        said = [act for act in scene.world.log() if act["act"] == "webhook"]
        answers = {act["detail"]["status"] for act in said if act["vendor"] == "jira"}
        assert answers == {200}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_project_that_demands_a_field_gets_it(database_url: str, flavour: str) -> None:
    about = {"name": "Channel", "required": True, "schema": {"type": "option"}}
    places = {"SHOP": {"fields": {"customfield_10060": {"id": "7"}}}}
    sources = {"tracker": {"projects": places}}
    with stepped(database_url, settings(flavour), sources=sources) as scene:
        scene.world.jira.extra_fields = {"customfield_10060": about}
        assert filed(scene)["fields"]["customfield_10060"] == {"id": "7"}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_issue_of_many_customers_is_written_to_no_faster_than_it_takes(
    database_url: str, flavour: str
) -> None:
    with stepped(database_url, settings(flavour)) as scene:
        for number in range(24):
            complain(scene.world, number)
        rest(scene)
        (issue,) = issues(scene.world)
        assert len(scene.world.jira.issues[issue["id"]].remote_links) == 24
        written = Counter(
            act["at"]
            for act in scene.world.log()
            if (act["vendor"], act["target"]) == ("jira", issue["id"])
            and act["act"] in ("remote_link", "property", "comment")
        )
        assert sum(written.values()) > 24
        assert max(written.values()) <= 20
        scene.assert_nothing_parked()
