"""Webhooks at Help Scout: made once, mended, cleared away, and looked at."""

from __future__ import annotations

from typing import Any

import pytest
from helpscout_kit import Build, write
from kit import Clock
from signing_kit import is_let_in

from adapters.helpscout import HelpScoutAdapter
from adapters.helpscout.subscriptions import NEEDED_EVENTS
from connector.errors import VendorUnavailable
from connector.models import Level, Subscription, WebhookRequest
from connector.sandbox import SandboxSettings, World
from connector.sandbox.signatures import helpscout_headers

ADDRESS = "https://connector.example/webhooks/desk"


def hooks(world: World) -> list[dict[str, Any]]:
    return [
        {**one.as_json(), **one.extra, "secret": one.secret}
        for one in world.helpscout.webhooks.values()
    ]


def test_a_webhook_is_made_once_with_all_it_needs(
    world: World, make_helpscout: Build
) -> None:
    adapter = make_helpscout(webhook_secret=["new", "old"], mailboxes=[32, 31])
    made = adapter.subscribe(ADDRESS)
    (hook,) = hooks(world)
    assert (hook["url"], hook["secret"]) == (ADDRESS, "new")
    assert set(hook["events"]) == set(NEEDED_EVENTS)
    assert hook["label"] == "Complaint Connector: desk"
    assert hook["mailboxIds"] == [31, 32]
    wanted = Subscription(
        kind="webhook", external_id=hook["id"], address=ADDRESS, enabled=True
    )
    assert (made.changed, made.kept) == ((wanted,), ())
    again = adapter.subscribe(ADDRESS)
    assert (again.changed, again.kept) == ((), (wanted,))
    assert adapter.subscriptions(ADDRESS) == [wanted]
    assert len(hooks(world)) == 1


def test_what_a_webhook_of_ours_brings_is_accepted(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    helpscout.subscribe(ADDRESS)
    (hook,) = hooks(world)
    body = b'{"id":5,"subject":"\\/ \\u00e5"}'
    headers = helpscout_headers(hook["secret"], "convo.created", body)
    lowered = {name.lower(): value for name, value in headers.items()}
    assert is_let_in(helpscout.verify, WebhookRequest(lowered, body), clock())
    assert not is_let_in(
        helpscout.verify, WebhookRequest(lowered, body + b" "), clock()
    )


def test_the_secret_is_written_again_because_it_cannot_be_read(
    world: World, make_helpscout: Build
) -> None:
    make_helpscout(webhook_secret="old").subscribe(ADDRESS)
    changed = make_helpscout(webhook_secret=["new", "old"]).subscribe(ADDRESS).changed
    assert changed == ()
    assert [hook["secret"] for hook in hooks(world)] == ["new"]


@pytest.mark.parametrize("put_enables", [True, False])
def test_a_webhook_that_was_switched_off_is_on_again(
    world: World, helpscout: HelpScoutAdapter, put_enables: bool
) -> None:
    world.helpscout.put_enables = put_enables
    helpscout.subscribe(ADDRESS)
    (webhook,) = world.helpscout.webhooks.values()
    webhook.state = "disabled"
    (seen,) = helpscout.subscriptions(ADDRESS)
    assert not seen.enabled
    (mended,) = helpscout.subscribe(ADDRESS).changed
    assert mended.enabled
    assert [hook["state"] for hook in hooks(world)] == ["enabled"]
    assert (mended.external_id == seen.external_id) is put_enables


def test_events_that_are_missing_are_added_and_those_of_people_kept(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    world.subscribe("helpscout", ADDRESS + "/", "old", ["convo.created", "convo.tags"])
    (seen,) = helpscout.subscriptions(ADDRESS)
    assert seen.missing == set(NEEDED_EVENTS) - {"convo.created"}
    (mended,) = helpscout.subscribe(ADDRESS).changed
    assert mended.missing == frozenset()
    (hook,) = hooks(world)
    assert set(hook["events"]) == {*NEEDED_EVENTS, "convo.tags"}


def test_a_webhook_for_other_inboxes_is_opened_to_ours(
    world: World, make_helpscout: Build
) -> None:
    make_helpscout(mailboxes=[31]).subscribe(ADDRESS)
    (changed,) = make_helpscout(mailboxes=[31, 32]).subscribe(ADDRESS).changed
    assert hooks(world)[0]["mailboxIds"] == [31, 32]
    assert make_helpscout().subscribe(ADDRESS).changed != ()
    assert "mailboxIds" not in hooks(world)[0]
    assert changed.enabled


def test_webhooks_of_others_are_not_touched(
    world: World, make_helpscout: Build
) -> None:
    label = {"label": "Complaint Connector: desk"}
    elsewhere = "https://staging.example/webhooks/desk"
    world.subscribe("helpscout", "https://other.example/x", "theirs", ["convo.tags"])
    world.subscribe("helpscout", elsewhere, "theirs", ["convo.tags"], extra=label)
    before = hooks(world)
    adapter = make_helpscout()
    assert adapter.subscriptions(ADDRESS) == []
    adapter.subscribe(ADDRESS)
    assert hooks(world)[:2] == before
    (removed,) = adapter.unsubscribe(ADDRESS)
    assert removed.address == ADDRESS
    assert hooks(world) == before
    assert adapter.unsubscribe(ADDRESS) == []


def test_one_of_ours_that_was_left_behind_switched_off_is_cleared_away(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    old = "https://old.example/webhooks/desk"
    helpscout.subscribe(old)
    (left,) = world.helpscout.webhooks.values()
    helpscout.subscribe(ADDRESS)
    left.state = "disabled"
    helpscout.subscribe(ADDRESS)
    assert [hook["url"] for hook in hooks(world)] == [ADDRESS]


def test_one_of_ours_that_was_switched_off_moves_to_the_new_address(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    helpscout.subscribe("https://old.example/webhooks/desk")
    (left,) = world.helpscout.webhooks.values()
    left.state = "disabled"
    helpscout.subscribe(ADDRESS)
    assert [hook["url"] for hook in hooks(world)] == [ADDRESS]


def test_an_address_is_shown_without_what_may_be_a_secret(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    url = "https://user:hush@Connector.example/webhooks/desk?token=hush"
    world.subscribe("helpscout", url, "s", ["convo.created"])
    (seen,) = helpscout.subscriptions(ADDRESS)
    assert seen.address == ADDRESS


@pytest.mark.parametrize("kind", ["after", "reset_after"])
def test_a_webhook_whose_answer_was_lost_is_not_made_twice(
    world: World, helpscout: HelpScoutAdapter, kind: str
) -> None:
    world.fail(kind, vendor="helpscout", method="POST", path="webhooks$", times=1)
    with pytest.raises(VendorUnavailable):
        helpscout.subscribe(ADDRESS)
    helpscout.subscribe(ADDRESS)
    assert len(hooks(world)) == 1


def test_a_check_names_what_is_wrong_with_our_webhook_and_what_to_click(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    world.subscribe("helpscout", "https://other.example/x", "s", list(NEEDED_EVENTS))
    none = helpscout.check(clock())[1]
    assert (none.level, "/webhooks/desk" in none.remedy) == (Level.PROBLEM, True)
    helpscout.subscribe(ADDRESS)
    assert [one.level for one in helpscout.check(clock())] == [Level.OK, Level.OK]
    ours = world.helpscout.webhooks["2"]
    ours.events.remove("convo.merged")
    found = helpscout.check(clock())[1]
    assert (found.level, "convo.merged" in found.message) == (Level.WARNING, True)
    ours.state = "disabled"
    found = helpscout.check(clock())[1]
    assert (found.level, "is off" in found.message) == (Level.PROBLEM, True)
    assert "Manage > Apps > Webhooks" in found.remedy


@pytest.mark.parametrize(
    "sandbox", [SandboxSettings(time_scale=1e-6)], indirect=True, ids=["quick"]
)
def test_failing_deliveries_switch_a_webhook_off_and_the_check_sees_it(
    world: World, helpscout: HelpScoutAdapter, clock: Clock
) -> None:
    closed = "http://127.0.0.1:9/webhooks/desk"
    helpscout.subscribe(closed)
    for _ in range(10):
        write(world)
    assert world.deliveries.wait_quiet(20)
    assert helpscout.check(clock())[1].level is Level.PROBLEM
    assert not helpscout.subscriptions(closed)[0].enabled
