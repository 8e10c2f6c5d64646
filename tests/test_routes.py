"""Where issues go by type of complaint, and who is asked to look at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jira_kit import Site, opened
from sandbox_kit import THRESHOLD, complain, stepped

from connector.errors import VendorRefused
from connector.models import Level
from connector.sandbox import SandboxSettings

FLAVOURS = ["cloud", "data_center"]
PEOPLE = {"cloud": "5b10a2844c20165700ede00b", "data_center": "mika"}


@pytest.fixture(params=FLAVOURS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with opened(jira_flavour=request.param) as site:
        yield site


def person(site: Site) -> str:
    return PEOPLE["cloud" if site.tracker.cloud else "data_center"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_issue_goes_where_its_type_belongs_and_nobody_unknown_holds_it_up(
    database_url: str, flavour: Any
) -> None:
    route = {
        "project": "OPS",
        "issue_type": "Task",
        "components": ["Checkout", "10011"],
        "assignee": PEOPLE[flavour],
        "watchers": ["nobody", PEOPLE[flavour]],
        "labels": ["money"],
    }
    problems = {"routes": {"discount_pricing": route}}
    settings = SandboxSettings(jira_flavour=flavour, jira_projects=("SHOP", "OPS"))
    with stepped(database_url, settings, problems=problems) as scene:
        for number in range(THRESHOLD):
            complain(scene.world, number)
        scene.settle()
        scene.settle(minutes=1)
        (issue,) = scene.world.jira.issues.values()
        assert (issue.project, issue.issue_type) == ("OPS", "10002")
        assert issue.components == ["10010", "10011"]
        assert issue.assignee == PEOPLE[flavour]
        assert issue.watchers == [PEOPLE[flavour]]
        assert {"money", "complaint-connector"} <= set(issue.labels)
        assert len(issue.remote_links) == THRESHOLD
        scene.assert_nothing_parked()


def test_what_a_project_does_not_have_is_left_out_of_its_issue(site: Site) -> None:
    number = site.file(components=("Nowhere",), assignee="nobody", labels=("money",))
    issue = site.tracker.issues[number]
    assert (issue.components, issue.assignee) == ([], "")
    assert "money" in issue.labels


def test_watcher_is_added_once_and_must_be_somebody(site: Site) -> None:
    number = site.file()
    for _ in range(2):
        site.adapter.add_watcher(number, person(site))
    assert site.tracker.issues[number].watchers == [person(site)]
    with pytest.raises(VendorRefused):
        site.adapter.add_watcher(number, "nobody")


@pytest.mark.parametrize(
    ("project", "components", "is_known", "said"),
    [
        ("SHOP", ["Checkout"], True, ["has Checkout", "can be given"]),
        ("SHOP", ["10011", "Nowhere"], True, ["Checkout, Warehouse", "can be given"]),
        ("SHOP", [], False, ["the assignee nobody is nobody"]),
        ("NONE", ["Checkout"], False, ["404"]),
    ],
)
def test_doctor_proves_components_and_assignee(
    site: Site, project: str, components: list[str], is_known: bool, said: list[str]
) -> None:
    who = person(site) if is_known else "nobody"
    found = site.adapter.check_people(project, components, who)
    assert len(found) == len(said)
    for finding, words in zip(found, said, strict=True):
        assert words in finding.message
        is_good = words.startswith(("has ", "can "))
        assert finding.level is (Level.OK if is_good else Level.PROBLEM)


def test_doctor_asks_nothing_about_a_route_without_people(site: Site) -> None:
    assert site.adapter.check_people("SHOP", (), "") == []
