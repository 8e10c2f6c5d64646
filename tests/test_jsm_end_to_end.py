"""A service desk in the whole loop, beside the tracker on one and the same site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import sandbox_kit
from sandbox_kit import (
    ECHOES,
    EVENTS,
    THRESHOLD,
    TYPE_TAG,
    Stepped,
    Writer,
    complain,
    judgements,
    linked,
    our_tags,
    ours,
    proposals,
    states,
    stepped,
    writes,
)

from connector import health
from connector.models import DeliveryState, OutboxState
from connector.sandbox import SandboxSettings, jsm_desk
from connector.store import deliveries, outbox

SITE_EVENTS = [*EVENTS["jira"], *ECHOES["jira"], "comment_updated"]


@contextmanager
def care(
    database_url: str,
    flavour: Any,
    projects: tuple[str, ...] = ("SUP",),
    **changes: Any,
) -> Iterator[Stepped]:
    """Run a connector whose helpdesk and tracker are one site."""
    settings = SandboxSettings(jira_flavour=flavour, jsm_projects=projects)
    original = sandbox_kit.configuration

    def with_desk(*given: Any) -> dict[str, Any]:
        raw = original(*given)
        desk = {"kind": "jira_service_management", "projects": list(projects)}
        raw["sources"]["care"] = {**raw["sources"]["tracker"], **desk}
        return raw

    with (
        patch.object(sandbox_kit, "configuration", with_desk),
        stepped(database_url, settings, **changes) as scene,
    ):
        secret = settings.jira_webhook_secret
        query = "" if flavour == "cloud" else f"?token={secret}"
        port = scene.runtime.config.server.port
        url = f"http://127.0.0.1:{port}/webhooks/care{query}"
        scene.world.subscribe("jira", url, secret, SITE_EVENTS)
        yield scene


@pytest.fixture
def one_database(tmp_path: Path) -> str:
    """What is promised below does not depend on the database."""
    return f"sqlite:///{tmp_path}/connector.db"


def requests_of(scene: Stepped) -> list[dict[str, Any]]:
    return list(scene.world.state()["jsm"]["tickets"])


def filed(scene: Stepped) -> list[dict[str, Any]]:
    found = scene.world.state()["jira"]["issues"]
    return [issue for issue in found if issue["project"] == "SHOP"]


def complaints(scene: Stepped, count: int = THRESHOLD) -> list[Writer]:
    writers = [complain(scene.world, number, "jsm") for number in range(count)]
    scene.settle(minutes=1)
    scene.settle(minutes=30)
    return writers


@pytest.mark.parametrize("flavour", ["cloud", "data_center"])
def test_requests_become_an_issue_and_every_customer_is_told_once(
    database_url: str, flavour: str
) -> None:
    with care(database_url, flavour) as scene:
        calm = scene.world.write(
            "jsm",
            email="calm@mail.example",
            subject="Thanks",
            text="Thank you, everything arrived yesterday!",
        )
        complaints(scene)
        for ticket in requests_of(scene):
            is_complaint = ticket["id"] != calm
            assert (TYPE_TAG in ticket["tags"]) is is_complaint, ticket["subject"]
            assert len(judgements(ticket)) == is_complaint
            assert states(ticket) == ["Known problem"] * is_complaint
            assert ours(ticket, "messages") == []
        (issue,) = filed(scene)
        urls = {one["url"] for one in requests_of(scene) if one["id"] != calm}
        assert set(linked(issue)) == urls

        scene.world.issue(issue["key"], "done", resolution="Done")
        scene.settle(minutes=1)
        scene.settle(minutes=30)
        told = [len(ours(one, "messages")) for one in requests_of(scene)]
        assert sorted(told) == [0] + [1] * THRESHOLD
        assert len(filed(scene)) == 1
        scene.assert_nothing_parked()


def test_rating_without_a_date_brings_the_problem_back_once(
    one_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(jsm_desk.FIELDS, jsm_desk.SATISFACTION_DATE)
    with care(one_database, "cloud") as scene:
        number = complaints(scene)[0].ticket

        def change(tag: str) -> None:
            scene.clock.pass_(days=1)
            scene.world.agent("jsm", number, "add_tag", tag=tag)
            scene.settle(minutes=1)

        def fix_it() -> None:
            (issue,) = filed(scene)
            scene.world.issue(issue["key"], "done", resolution="Done")
            scene.settle(minutes=1)
            scene.settle(minutes=30)

        fix_it()
        change("one")
        words = (
            "The code is still rejected at checkout. Terrible, I want my money back!"
        )
        scene.world.rate("jsm", number, "1", words)
        change("two")
        (issue,) = filed(scene)
        assert issue["category"] != "done"
        fix_it()
        change("three")
        change("four")
        (issue,) = filed(scene)
        assert issue["category"] == "done"
        scene.assert_nothing_parked()


def test_project_that_is_closed_to_us_does_not_stop_the_others(
    one_database: str,
) -> None:
    with care(one_database, "cloud", ("CARE", "SUP")) as scene:
        scene.world.jsm.closed = {"SUP"}
        shut_out = complain(scene.world, 1, "jsm").ticket
        scene.world.agent("jsm", shut_out, "move", into="SUP")
        scene.settle(minutes=1)
        with scene.runtime.store.read() as connection:
            assert health.troubles(connection) == {}
            parked = deliveries.listing(connection, DeliveryState.PARKED, 50)
        assert parked
        assert all("may not work in project SUP" in one["reason"] for one in parked)
        heard = complain(scene.world, 2, "jsm").ticket
        scene.settle(minutes=1)
        tags = {one["id"]: our_tags(one) for one in requests_of(scene)}
        assert TYPE_TAG in tags[heard]
        assert tags[shut_out] == []


def test_issue_that_we_file_in_the_service_project_is_no_complaint(
    one_database: str,
) -> None:
    with care(one_database, "cloud", problems={"project": "SUP"}) as scene:
        complaints(scene)
        state = scene.world.state()["jira"]["issues"]
        (issue,) = [
            one for one in state if one["properties"].get("complaint-connector")
        ]
        assert issue["project"] == "SUP"
        assert TYPE_TAG not in issue["labels"]
        assert issue["comments"] == []  # no note of what it is about either
        assert len(linked(issue)) == THRESHOLD
        scene.assert_nothing_parked()


def test_our_own_writes_coming_back_change_nothing(one_database: str) -> None:
    with care(one_database, "cloud") as scene:
        complaints(scene, 1)
        before = len(scene.world.log())
        (ticket,) = requests_of(scene)
        scene.world.jsm.tracker.edit(
            scene.world.jira.get(ticket["id"]), {"priority": "2"}, "agent"
        )
        scene.settle(minutes=5)
        assert writes(scene.world, before) == []


def test_label_that_an_agent_takes_off_stays_off(one_database: str) -> None:
    with care(one_database, "cloud") as scene:
        (writer,) = complaints(scene, 1)
        scene.world.agent("jsm", writer.ticket, "remove_tag", tag=TYPE_TAG)
        scene.settle(minutes=5)
        complain_again = "The code HARVEST30 still does not work, error E-7041!"
        scene.world.write(
            "jsm",
            email=writer.email,
            subject="",
            text=complain_again,
            ticket=writer.ticket,
        )
        scene.settle(minutes=5)
        assert TYPE_TAG not in scene.world.ticket("jsm", writer.ticket)["tags"]


def test_suggested_reply_is_a_note_for_the_agent(one_database: str) -> None:
    with care(one_database, "cloud", autonomy={"messages": "suggest"}) as scene:
        complaints(scene)
        (issue,) = filed(scene)
        scene.world.issue(issue["key"], "done", resolution="Done")
        scene.settle(minutes=1)
        scene.settle(minutes=30)
        for ticket in requests_of(scene):
            assert ours(ticket, "messages") == []
            assert len(proposals(ticket)) == 1


@pytest.mark.parametrize("kind", ["after", "reset_after"])
def test_note_whose_answer_is_lost_is_written_once(
    one_database: str, kind: str
) -> None:
    with care(one_database, "cloud") as scene:
        path = "servicedeskapi/request/.*/comment"
        scene.world.fail(kind, vendor="jira", method="POST", path=path, times=1)
        complaints(scene, 1)
        (ticket,) = requests_of(scene)
        assert len(ours(ticket, "notes")) == 1
        scene.assert_nothing_parked()


def test_note_that_became_public_is_taken_back_and_waits_for_a_person(
    one_database: str,
) -> None:
    with care(one_database, "cloud") as scene:
        scene.world.jsm.keeps_internal = False
        complaints(scene, 1)
        (ticket,) = requests_of(scene)
        assert (ticket["notes"], ticket["messages"]) == ([], [])
        with scene.runtime.store.read() as connection:
            (row,) = outbox.listing(connection, OutboxState.PARKED, 10)
        assert row["operation"] == "add_note"
        assert "showed our internal note to the customer" in row["error"]


def test_vip_is_known_by_the_organisation_of_the_request(one_database: str) -> None:
    vip = {"organizations": ["fjordbank"]}
    with care(one_database, "cloud", vip=vip) as scene:
        scene.world.write(
            "jsm",
            email="anne@berg.example",
            subject="Question",
            text="When do you open on Friday?",
            organization="Fjordbank",
        )
        scene.settle(minutes=5)
        (ticket,) = requests_of(scene)
        assert our_tags(ticket) == ["cc-vip"]
