"""The whole loop between sandbox vendors over HTTP; the sandbox is the only witness."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_kit import (
    EACH_WAY,
    THRESHOLD,
    TYPE_TAG,
    Live,
    Writer,
    assert_tagged_and_noted,
    assert_told_once,
    complain,
    issues,
    linked,
    live,
    messages,
    our_tags,
    ours,
    proposals,
    stepped,
    tickets,
    urls,
    write_calmly,
    writes,
)

from connector.sandbox import SandboxSettings


def file_issue(scene: Live, count: int = THRESHOLD) -> list[Writer]:
    """Let customers complain until there is an issue with all of them on it."""
    world = scene.world
    writers = [complain(world, number) for number in range(count)]
    scene.until(
        "one issue links every ticket",
        lambda: [linked(issue) for issue in issues(world)] == [urls(world, writers)],
    )
    return writers


def resolve(scene: Live, messages_expected: int) -> None:
    key = issues(scene.world)[0]["key"]
    scene.world.issue(key, "done", resolution="Done")
    scene.until(
        "the customers are told",
        lambda: len(messages(scene.world)) >= messages_expected,
    )


@EACH_WAY
def test_loop_from_first_complaint_to_return_of_the_problem(
    database_url: str, flavour: Any
) -> None:
    settings = SandboxSettings(jira_flavour=flavour, jira_index_lag=0.2)
    with live(database_url, settings) as scene:
        world = scene.world
        calm = [write_calmly(world, number) for number in range(4)]
        writers = [complain(world, number) for number in range(THRESHOLD - 1)]
        scene.until(
            "all complaints are tagged",
            lambda: all(
                TYPE_TAG in world.ticket(one.vendor, one.ticket)["tags"]
                for one in writers
            ),
        )
        assert issues(world) == []
        assert_tagged_and_noted(world, writers)

        # Somebody complains at both helpdesks: two tickets, but one customer.
        both = complain(world, 1, "helpscout", email=writers[1].email)
        scene.until("it is tagged", lambda: our_tags(world.ticket(*both[:2])))
        assert issues(world) == []

        fifth = complain(world, THRESHOLD - 1)
        writers += [both, fifth]
        scene.until(
            "the issue links all tickets",
            lambda: [linked(one) for one in issues(world)] == [urls(world, writers)],
        )
        assert_tagged_and_noted(world, writers)
        assert messages(world) == []

        resolve(scene, THRESHOLD)
        assert_told_once(world, writers)

        late = complain(world, 7)
        scene.until(
            "the issue is open again", lambda: issues(world)[0]["category"] != "done"
        )
        assert_told_once(world, writers)
        resolve(scene, THRESHOLD + 1)
        assert_told_once(world, [*writers, late])
        assert len(issues(world)) == 1
        assert_tagged_and_noted(world, [*writers, late])
        assert all(not our_tags(world.ticket(*one[:2])) for one in calm)
        scene.assert_nothing_parked()


def test_suggested_messages_reach_no_customer(database_url: str) -> None:
    with live(database_url, autonomy={"messages": "suggest"}) as scene:
        world = scene.world
        writers = file_issue(scene)
        world.issue(issues(world)[0]["key"], "done")
        scene.until(
            "a draft waits on each ticket",
            lambda: (
                sum(
                    len(ours(ticket, "messages")) + len(proposals(ticket))
                    for _, ticket in tickets(world)
                )
                == len(writers)
            ),
        )
        assert not [act for act in writes(world) if act["detail"].get("mailed")]
        for one in writers:
            ticket = world.ticket(one.vendor, one.ticket)
            drafts = [m for m in ticket["messages"] if m["actor"] == "api"]
            # Zendesk has no drafts: there the proposal is a second internal note.
            assert [m["draft"] for m in drafts] == (
                [True] if one.vendor == "helpscout" else []
            )


def test_nothing_is_written_while_everything_is_observed(database_url: str) -> None:
    observe = dict.fromkeys(("tags", "notes", "issues", "messages"), "observe")
    with live(database_url, autonomy=observe) as scene:
        world = scene.world
        for number in range(THRESHOLD + 1):
            complain(world, number)
        scene.until(
            "all tickets are decided",
            lambda: len(_decided(scene)) == THRESHOLD + 1 and _is_ready(scene),
        )
        assert writes(world) == []


def _decided(scene: Live) -> set[int]:
    from connector.store.schema import decisions

    with scene.runtime.store.read() as connection:
        return {row.ticket_id for row in connection.execute(decisions.select())}


def _is_ready(scene: Live) -> bool:
    """Tell whether an issue would have been filed."""
    from connector.store import outbox

    with scene.runtime.store.read() as connection:
        rows = outbox.listing(connection, "observed", 100)
    return any(row["operation"] == "create_issue" for row in rows)


def test_echoes_of_our_own_writes_change_nothing(database_url: str) -> None:
    with live(database_url) as scene:
        world = scene.world
        writers = file_issue(scene)
        resolve(scene, len(writers))
        mark = len(world.log())
        # Everybody's own tag brings every ticket and the issue back to the connector.
        for one in writers:
            world.agent(one.vendor, one.ticket, "add_tag", tag="seen-by-hanna")
        world.issue(issues(world)[0]["key"], "comment", text="Deployed on Monday.")
        scene.until("all of it was read again", lambda: True)
        assert _answered(scene, mark) >= len(writers)
        assert writes(world, mark) == []


def _answered(scene: Live, after: int) -> int:
    return sum(act["act"] == "webhook" for act in scene.world.log(after))


@pytest.mark.parametrize("vendor", ["helpscout", "zendesk"])
def test_what_a_person_did_to_tags_stands(database_url: str, vendor: str) -> None:
    with stepped(database_url) as scene:
        world = scene.world
        one = complain(world, 0, vendor)
        world.agent(vendor, one.ticket, "add_tag", tag="hers")
        world.agent(vendor, one.ticket, "add_tag", tag="cc-delivery")
        scene.settle()
        assert {TYPE_TAG, "hers"} <= set(world.ticket(vendor, one.ticket)["tags"])

        world.agent(vendor, one.ticket, "remove_tag", tag=TYPE_TAG)
        scene.settle()
        world.write(
            vendor,
            email=one.email,
            subject="",
            text="The discount code HARVEST30 still does not work. Terrible!",
            ticket=one.ticket,
        )
        world.agent(vendor, one.ticket, "note", text="Called the customer.")
        scene.settle(minutes=60)
        tags = set(world.ticket(vendor, one.ticket)["tags"])
        assert TYPE_TAG not in tags
        assert {"hers", "cc-delivery"} <= tags
        assert len(ours(world.ticket(vendor, one.ticket), "notes")) == 1


def test_tag_wanted_again_before_its_removal_stays(database_url: str) -> None:
    with stepped(database_url) as scene:
        world = scene.world
        one = complain(world, 0, "helpscout")
        world.agent("helpscout", one.ticket, "add_tag", tag="vip")
        scene.settle()
        assert "cc-vip" in world.ticket("helpscout", one.ticket)["tags"]
        mark = len(world.log())

        world.fail("503", vendor="helpscout", method="PUT", path="/tags$")
        world.agent("helpscout", one.ticket, "remove_tag", tag="vip")
        for _ in range(3):  # its removal is tried, in vain
            scene.step()
        assert [act for act in world.log(mark) if act["act"] == "fault"]
        world.agent("helpscout", one.ticket, "add_tag", tag="vip")
        scene.step()
        world.faults.clear()
        scene.settle(minutes=5)
        assert "cc-vip" in world.ticket("helpscout", one.ticket)["tags"]
        assert writes(world, mark) == []


def settle_until_filed(scene: Any, count: int = THRESHOLD) -> list[Writer]:
    writers = [complain(scene.world, number) for number in range(count)]
    scene.settle()
    scene.settle(minutes=1)
    assert len(issues(scene.world)) == 1
    return writers


def told(scene: Any) -> list[str]:
    """Resolve the issue, let the fix settle, and say who was told."""
    scene.world.issue(issues(scene.world)[0]["key"], "done")
    scene.settle()
    scene.settle(minutes=1)
    return sorted(email for email, _ in messages(scene.world))


def test_deleted_ticket_counts_no_more_and_is_not_written_to(
    database_url: str,
) -> None:
    with stepped(database_url) as scene:
        writers = settle_until_filed(scene)
        for gone in writers[:2]:
            scene.world.agent(gone.vendor, gone.ticket, "delete")
        scene.settle()
        counted = issues(scene.world)[0]["properties"]["complaint-connector"]
        assert counted["customers"] == THRESHOLD - 2
        assert told(scene) == sorted(one.email for one in writers[2:])
        scene.assert_nothing_parked()


def test_counts_on_the_issue_follow_back_to_where_they_were(database_url: str) -> None:
    with stepped(database_url) as scene:
        settle_until_filed(scene)
        one = complain(scene.world, 6)
        scene.settle()
        assert _customers(scene) == THRESHOLD + 1
        scene.world.agent(one.vendor, one.ticket, "delete")
        scene.settle()
        assert _customers(scene) == THRESHOLD


def _customers(scene: Any) -> int:
    return int(issues(scene.world)[0]["properties"]["complaint-connector"]["customers"])


@pytest.mark.parametrize("vendor", ["helpscout", "zendesk"])
def test_customer_of_a_merged_ticket_is_told_once(
    database_url: str, vendor: str
) -> None:
    with stepped(database_url) as scene:
        world = scene.world
        writers = settle_until_filed(scene)
        again = complain(world, 0, vendor, email=writers[0].email)
        third = complain(world, 1, vendor, email=writers[0].email)
        scene.settle()
        world.agent(vendor, again.ticket, "merge", into=third.ticket)
        scene.settle()
        assert told(scene) == sorted(one.email for one in writers)
        assert len(issues(world)) == 1
        scene.assert_nothing_parked()


def test_ticket_merged_before_it_was_read_is_lost_nowhere(database_url: str) -> None:
    with stepped(database_url) as scene:
        world = scene.world
        one = complain(world, 0, "helpscout")
        other = complain(world, 3, "helpscout", email=one.email)
        world.agent("helpscout", one.ticket, "merge", into=other.ticket)
        scene.settle()
        ticket = world.ticket("helpscout", other.ticket)
        assert TYPE_TAG in ticket["tags"]
        assert len(ours(ticket, "notes")) == 1
        scene.assert_nothing_parked()
