"""Webhooks and triggers made, mended and removed, with the sandbox as the account."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import requests
import responses
from zendesk_kit import Make, adapters_on

from adapters.zendesk import deliveries
from adapters.zendesk.adapter import ZendeskAdapter
from adapters.zendesk.settings import ZendeskConfig
from adapters.zendesk.subscriptions import (
    CONDITIONS,
    EVENTS,
    LABEL,
    MESSAGING_EVENT,
    STRANGE,
    TRIGGER_BODY,
    Subscriptions,
)
from connector.errors import VendorRefused, VendorUnavailable
from connector.models import Delivery, Subscribed, WebhookRequest
from connector.sandbox import Running, SandboxSettings, World, serve
from connector.sandbox.stage import utc_now

ADDRESS = "https://connector.example/webhooks/zd"
ELSEWHERE = "https://other.example/webhooks/zd"


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with serve(World(SandboxSettings()), port=0) as running:
        yield running


@pytest.fixture
def make(sandbox: Running) -> Iterator[Make]:
    with adapters_on(sandbox, webhook_secret="not known yet") as build:
        yield build


def call(sandbox: Running, method: str, path: str, body: object = None) -> Any:
    """Do something in the account as its administrator."""
    settings = sandbox.world.settings
    response = requests.request(
        method,
        f"{sandbox.url}/zendesk/api/v2{path}",
        json=body,
        auth=(f"{settings.zendesk_email}/token", settings.zendesk_api_token),
        timeout=10,
    )
    assert response.ok, response.text
    return response.json() if response.content else None


def webhooks(sandbox: Running) -> list[dict[str, Any]]:
    return list(call(sandbox, "GET", "/webhooks")["webhooks"])


def triggers(sandbox: Running) -> list[dict[str, Any]]:
    return list(call(sandbox, "GET", "/triggers")["triggers"])


def by_hand(sandbox: Running, **more: object) -> str:
    wish = {
        "name": "made by hand",
        "endpoint": ADDRESS,
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
        "subscriptions": ["zen:event-type:ticket.created"],
        **more,
    }
    made = call(sandbox, "POST", "/webhooks", {"webhook": wish})
    return str(made["webhook"]["id"])


def in_short(done: Subscribed) -> tuple[list[str], list[str]]:
    changed = [one.kind for one in done.changed]
    return changed, [one.kind for one in done.kept]


# -- subscribing --


def test_new_account_gets_one_webhook_for_the_events_that_matter(
    sandbox: Running, make: Make
) -> None:
    done = make().subscribe(ADDRESS)
    (webhook,) = webhooks(sandbox)
    assert in_short(done) == (["webhook"], [])
    assert (webhook["name"], webhook["status"]) == (LABEL, "active")
    assert (webhook["endpoint"], webhook["http_method"]) == (ADDRESS, "POST")
    assert set(webhook["subscriptions"]) == EVENTS | {MESSAGING_EVENT}
    assert not any("tags" in each or "field" in each for each in EVENTS)
    assert triggers(sandbox) == []


def test_account_without_messaging_is_not_asked_for_it(
    sandbox: Running, make: Make
) -> None:
    adapter = make(messaging=False)
    adapter.subscribe(ADDRESS)
    assert set(webhooks(sandbox)[0]["subscriptions"]) == EVENTS
    assert [one.missing for one in adapter.subscriptions(ADDRESS)] == [frozenset()]


@pytest.mark.parametrize("kind", ["events", "trigger"])
def test_subscribing_again_changes_nothing(
    sandbox: Running, make: Make, kind: str
) -> None:
    first = make(webhook_kind=kind).subscribe(ADDRESS)
    before = webhooks(sandbox), triggers(sandbox)
    again = make(webhook_kind=kind).subscribe(ADDRESS)
    assert (again.changed, set(again.kept)) == ((), set(first.changed))
    assert (webhooks(sandbox), triggers(sandbox)) == before
    assert again.settings == first.settings


def test_secret_is_the_one_zendesk_chose_and_is_not_shown(
    sandbox: Running, make: Make
) -> None:
    number = by_hand(sandbox)
    call(sandbox, "POST", f"/webhooks/{number}/signing_secret")
    chosen = sandbox.world.zendesk.webhooks[number].secret
    done = make().subscribe(ADDRESS)
    assert done.settings == {"webhook_secret": chosen}
    assert chosen not in repr(done)
    assert "webhook_secret" in ZendeskConfig.model_fields


def test_webhook_that_is_off_or_incomplete_is_mended_and_keeps_its_own(
    sandbox: Running, make: Make
) -> None:
    extra = "zen:event-type:ticket.priority_changed"
    number = by_hand(sandbox, subscriptions=[extra], status="inactive")
    adapter = make()
    (found,) = adapter.subscriptions(ADDRESS)
    assert (found.external_id, found.enabled) == (number, False)
    assert found.missing == EVENTS | {MESSAGING_EVENT}
    done = adapter.subscribe(ADDRESS)
    assert [(one.external_id, one.enabled) for one in done.changed] == [(number, True)]
    (webhook,) = webhooks(sandbox)
    assert set(webhook["subscriptions"]) == EVENTS | {MESSAGING_EVENT, extra}
    (found,) = adapter.subscriptions(ADDRESS)
    assert (found.enabled, found.missing) == (True, frozenset())


def test_webhook_that_sends_otherwise_is_put_right(
    sandbox: Running, make: Make
) -> None:
    by_hand(sandbox, http_method="PUT", request_format="form_encoded")
    make().subscribe(ADDRESS)
    (webhook,) = webhooks(sandbox)
    assert (webhook["http_method"], webhook["request_format"]) == ("POST", "json")


def test_trigger_calls_the_webhook_with_the_number_alone(
    sandbox: Running, make: Make
) -> None:
    done = make(webhook_kind="trigger").subscribe(ADDRESS)
    (webhook,), (trigger,) = webhooks(sandbox), triggers(sandbox)
    assert sorted(in_short(done)[0]) == ["trigger", "webhook"]
    assert webhook["subscriptions"] == ["conditional_ticket_events"]
    action = {
        "field": "notification_webhook",
        "value": [webhook["id"], TRIGGER_BODY],
    }
    assert (trigger["actions"], trigger["conditions"]) == ([action], CONDITIONS)
    assert json.loads(TRIGGER_BODY) == {"ticket_id": "{{ticket.id}}"}


def test_trigger_is_mended_without_losing_what_people_added(
    sandbox: Running, make: Make
) -> None:
    adapter = make(webhook_kind="trigger")
    adapter.subscribe(ADDRESS)
    (trigger,) = triggers(sandbox)
    number, webhook = trigger["id"], trigger["actions"][0]["value"][0]
    garbled = [webhook, '{"ticket_id": "{{ticket.id}}", "t": "{{ticket.title}}"}']
    conditions = {"all": [{"field": "status", "operator": "is", "value": "new"}]}
    tagging = {"field": "current_tags", "value": "seen"}
    changes = {
        "active": False,
        "actions": [tagging, {"field": "notification_webhook", "value": garbled}],
        "conditions": conditions,
    }
    call(sandbox, "PUT", f"/triggers/{number}", {"trigger": changes})
    (found,) = [one for one in adapter.subscriptions(ADDRESS) if one.kind == "trigger"]
    assert (found.enabled, found.missing) == (False, {"ticket_id"})
    assert in_short(adapter.subscribe(ADDRESS)) == (["trigger"], ["webhook"])
    (trigger,) = triggers(sandbox)
    assert trigger["active"] is True
    assert trigger["conditions"] == {**conditions, "any": []}
    mended = {"field": "notification_webhook", "value": [webhook, TRIGGER_BODY]}
    assert trigger["actions"] == [tagging, mended]


def test_webhook_without_its_trigger_is_told_and_gets_one(
    sandbox: Running, make: Make
) -> None:
    by_hand(sandbox, subscriptions=["conditional_ticket_events"])
    adapter = make(webhook_kind="trigger")
    (found,) = adapter.subscriptions(ADDRESS)
    assert found.missing == {"trigger"}
    assert in_short(adapter.subscribe(ADDRESS)) == (["trigger"], ["webhook"])
    assert {one.missing for one in adapter.subscriptions(ADDRESS)} == {frozenset()}


def test_webhook_is_replaced_when_the_settings_name_the_other_kind(
    sandbox: Running, make: Make
) -> None:
    make(webhook_kind="trigger").subscribe(ADDRESS)
    make(webhook_kind="events").subscribe(ADDRESS)
    (webhook,) = webhooks(sandbox)
    assert set(webhook["subscriptions"]) == EVENTS | {MESSAGING_EVENT}
    assert triggers(sandbox) == []


def test_second_webhook_of_ours_goes_and_the_one_we_know_stays(
    sandbox: Running, make: Make
) -> None:
    numbers = [by_hand(sandbox, name=LABEL) for _ in range(3)]
    for number in numbers:
        call(sandbox, "POST", f"/webhooks/{number}/signing_secret")
    known = sandbox.world.zendesk.webhooks[numbers[1]].secret
    done = make(webhook_secret=known).subscribe(ADDRESS)
    assert [one["id"] for one in webhooks(sandbox)] == [numbers[1]]
    assert done.settings == {"webhook_secret": known}


def test_webhook_made_by_hand_beside_ours_is_kept_and_told(
    sandbox: Running, make: Make
) -> None:
    done = make().subscribe(ADDRESS)
    (ours,) = done.changed
    theirs = by_hand(sandbox)
    call(sandbox, "POST", f"/webhooks/{theirs}/signing_secret")
    adapter = make(**done.settings)
    assert adapter.subscribe(ADDRESS).kept == (ours,)
    found = {one.external_id: one for one in adapter.subscriptions(ADDRESS)}
    assert set(found) == {ours.external_id, theirs}
    assert found[ours.external_id] == ours
    assert STRANGE in found[theirs].missing
    assert "delete 'made by hand'" in found[theirs].remedy
    assert theirs in found[theirs].remedy


def test_second_webhook_with_our_name_needs_no_person(
    sandbox: Running, make: Make
) -> None:
    settings = make().subscribe(ADDRESS).settings
    second = by_hand(sandbox, name=LABEL)
    call(sandbox, "POST", f"/webhooks/{second}/signing_secret")
    adapter = make(**settings)
    found = {one.external_id: one for one in adapter.subscriptions(ADDRESS)}
    assert STRANGE in found[second].missing
    assert found[second].remedy == ""  # which leaves it to the one that helps
    adapter.subscribe(ADDRESS)
    assert second not in {one["id"] for one in webhooks(sandbox)}


@pytest.mark.parametrize("kind", ["events", "trigger"])
def test_two_who_subscribe_at_once_end_with_one_webhook(
    sandbox: Running, make: Make, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    together = threading.Barrier(2, timeout=20)
    usual = Subscriptions._write

    def write(self: Subscriptions, method: str, *what: Any) -> dict[str, Any]:
        if method != "POST":
            return usual(self, method, *what)
        together.wait()  # both have seen that there is none
        added = usual(self, method, *what)
        together.wait()  # and both have made one
        return added

    monkeypatch.setattr(Subscriptions, "_write", write)
    both = [make(webhook_kind=kind) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda one: one.subscribe(ADDRESS), both))
    (left,) = webhooks(sandbox)
    assert left["status"] == "active"
    known = sandbox.world.zendesk.webhooks[left["id"]].secret
    assert [one.settings for one in done] == 2 * [{"webhook_secret": known}]
    assert len(triggers(sandbox)) == (kind == "trigger")


def test_who_is_second_by_a_moment_takes_the_first_ones_webhook(
    sandbox: Running, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, first = Subscriptions._add_webhook, make()

    def add(self: Subscriptions) -> dict[str, Any]:
        monkeypatch.setattr(Subscriptions, "_add_webhook", usual)
        first.subscribe(ADDRESS)
        theirs = by_hand(sandbox)  # of another name: not to be taken
        assert theirs
        return usual(self)

    monkeypatch.setattr(Subscriptions, "_add_webhook", add)
    done = make().subscribe(ADDRESS)
    names = [one["name"] for one in webhooks(sandbox)]
    assert names == [LABEL, "made by hand"]
    assert [one.external_id for one in done.kept] == [webhooks(sandbox)[0]["id"]]


def test_both_webhooks_of_a_rotation_are_in_order(sandbox: Running, make: Make) -> None:
    first, second = by_hand(sandbox), by_hand(sandbox)
    call(sandbox, "POST", f"/webhooks/{second}/signing_secret")
    secrets = [sandbox.world.zendesk.webhooks[one].secret for one in (first, second)]
    found = make(webhook_secret=secrets).subscriptions(ADDRESS)
    assert not any("remove" in each for one in found for each in one.missing)


@pytest.mark.parametrize("kind", ["events", "trigger"])
def test_webhook_is_switched_on_only_when_its_secret_is_known(
    sandbox: Running, make: Make, kind: str
) -> None:
    sandbox.world.fail("500", vendor="zendesk", path="/signing_secret", times=1)
    with pytest.raises(VendorUnavailable):
        make(webhook_kind=kind).subscribe(ADDRESS)
    (webhook,) = webhooks(sandbox)
    assert webhook["status"] == "inactive"
    done = make(webhook_kind=kind).subscribe(ADDRESS)
    (again,) = webhooks(sandbox)
    assert (again["id"], again["status"]) == (webhook["id"], "active")
    assert "webhook" in in_short(done)[0]


def test_others_webhooks_and_triggers_are_left_alone(
    sandbox: Running, make: Make
) -> None:
    theirs = by_hand(
        sandbox, endpoint=ELSEWHERE, subscriptions=["conditional_ticket_events"]
    )
    action = {"field": "notification_webhook", "value": [theirs, "{}"]}
    wish = {"title": "theirs", "actions": [action], "conditions": CONDITIONS}
    call(sandbox, "POST", "/triggers", {"trigger": wish})
    before = webhooks(sandbox), triggers(sandbox)
    adapter = make(webhook_kind="trigger")
    assert adapter.subscriptions(ADDRESS) == []
    adapter.subscribe(ADDRESS)
    assert len(adapter.unsubscribe(ADDRESS)) == 2
    assert (webhooks(sandbox), triggers(sandbox)) == before


# -- unsubscribing --


@pytest.mark.parametrize("kind", ["events", "trigger"])
def test_unsubscribing_leaves_nothing_and_can_be_repeated(
    sandbox: Running, make: Make, kind: str
) -> None:
    adapter = make(webhook_kind=kind)
    adapter.subscribe(ADDRESS)
    found = adapter.subscriptions(ADDRESS)
    assert adapter.unsubscribe(ADDRESS) == found
    assert (webhooks(sandbox), triggers(sandbox)) == ([], [])
    assert adapter.unsubscribe(ADDRESS) == []


def test_trigger_is_removed_before_the_webhook_it_calls(
    sandbox: Running, make: Make
) -> None:
    """The sandbox refuses to remove a webhook that a trigger still calls."""
    adapter = make(webhook_kind="trigger")
    adapter.subscribe(ADDRESS)
    adapter.unsubscribe(ADDRESS)
    acts = [act["act"] for act in sandbox.world.log() if "changed" in act["act"]]
    assert acts[-2:] == ["trigger_changed", "webhook_changed"]


def test_trigger_that_does_more_loses_only_our_call(
    sandbox: Running, make: Make
) -> None:
    adapter = make(webhook_kind="trigger")
    adapter.subscribe(ADDRESS)
    (trigger,) = triggers(sandbox)
    tagging = {"field": "current_tags", "value": "seen"}
    both = {"actions": [*trigger["actions"], tagging], "conditions": CONDITIONS}
    call(sandbox, "PUT", f"/triggers/{trigger['id']}", {"trigger": both})
    adapter.unsubscribe(ADDRESS)
    (trigger,) = triggers(sandbox)
    assert (trigger["actions"], trigger["conditions"]) == ([tagging], CONDITIONS)
    assert webhooks(sandbox) == []


# -- what is made works --


class Receiver:
    """A door on loopback that keeps what comes in."""

    def __init__(self) -> None:
        kept: list[WebhookRequest] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                headers = {k.lower(): v for k, v in self.headers.items()}
                kept.append(WebhookRequest(headers, self.rfile.read(length)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.kept = kept
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/webhooks/zd"
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["events", "trigger"])
def test_subscribed_webhook_tells_of_tickets_and_passes_with_its_secret(
    sandbox: Running, make: Make, receiver: Receiver, kind: str
) -> None:
    done = make(webhook_kind=kind).subscribe(receiver.address)
    adapter = make(webhook_kind=kind, **done.settings)
    number = sandbox.world.write(
        "zendesk",
        email="kari@mail.example",
        subject='She said "no"',
        text="Where is it?",
    )
    assert sandbox.world.deliveries.wait_quiet()
    assert receiver.kept
    for request in receiver.kept:
        adapter.verify(request, utc_now())
        delivery = Delivery(
            id=1, source="zd", received_at=utc_now(), headers={}, body=request.body
        )
        assert {event.external_id for event in adapter.parse(delivery)} == {number}


def test_trigger_is_silent_about_our_own_writes(
    sandbox: Running, make: Make, receiver: Receiver
) -> None:
    adapter = make(webhook_kind="trigger")
    number = sandbox.world.write(
        "zendesk", email="kari@mail.example", subject="Late", text="Where is it?"
    )
    adapter.subscribe(receiver.address)
    adapter.change_tags(number, frozenset({"cc-delivery"}), frozenset())
    assert sandbox.world.deliveries.wait_quiet()
    assert receiver.kept == []
    sandbox.world.agent("zendesk", number, "note", text="by a person")
    assert sandbox.world.deliveries.wait_quiet()
    assert len(receiver.kept) == 1
    assert deliveries.SIGNATURE.lower() in receiver.kept[0].headers


# -- odd answers --

BASE = "https://fjord.zendesk.com"
HOOK = {
    "id": "01A",
    "endpoint": ADDRESS,
    "status": "active",
    "subscriptions": sorted(EVENTS),
}


@pytest.fixture
def alone() -> Iterator[ZendeskAdapter]:
    values = {"email": "a@b.example", "api_token": "t", "webhook_secret": "s"}
    made = ZendeskAdapter("zd", ZendeskConfig(base_url=BASE, messaging=False, **values))
    yield made
    made.close()


def test_list_of_webhooks_is_read_to_its_end(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    meta = {"has_more": True, "after_cursor": "next"}
    others = [{**HOOK, "endpoint": ELSEWHERE}]
    web.get(f"{BASE}/api/v2/webhooks", json={"webhooks": others, "meta": meta})
    web.get(
        f"{BASE}/api/v2/webhooks",
        json={"webhooks": [HOOK], "meta": {"has_more": False}},
        match=[
            responses.matchers.query_param_matcher(
                {"page[size]": "100", "page[after]": "next"}
            )
        ],
    )
    assert [one.external_id for one in alone.subscriptions(ADDRESS)] == ["01A"]


@pytest.mark.parametrize("answer", [{}, {"signing_secret": {"secret": ""}}, []])
def test_missing_secret_is_not_taken_for_an_empty_one(
    web: responses.RequestsMock, alone: ZendeskAdapter, answer: object
) -> None:
    web.get(f"{BASE}/api/v2/webhooks", json={"webhooks": [HOOK]})
    web.get(f"{BASE}/api/v2/webhooks/01A/signing_secret", json=answer)
    with pytest.raises(VendorUnavailable, match="a signing secret"):
        alone.subscribe(ADDRESS)


@pytest.mark.parametrize("answer", [[], {}, {"webhooks": "none"}])
def test_list_that_cannot_be_read_is_not_taken_for_an_empty_one(
    web: responses.RequestsMock, alone: ZendeskAdapter, answer: object
) -> None:
    web.get(f"{BASE}/api/v2/webhooks", json=answer)
    with pytest.raises(VendorUnavailable, match="a list of webhooks"):
        alone.subscribe(ADDRESS)


def test_list_without_an_end_is_given_up(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    meta = {"has_more": True, "after_cursor": "again"}
    web.get(f"{BASE}/api/v2/webhooks", json={"webhooks": [], "meta": meta})
    with pytest.raises(VendorUnavailable, match="no end"):
        alone.unsubscribe(ADDRESS)


def test_webhook_made_without_an_id_counts_as_lost(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    """The next attempt finds it by its address instead of making another."""
    web.get(f"{BASE}/api/v2/webhooks", json={"webhooks": []})
    web.post(f"{BASE}/api/v2/webhooks", status=201, json={})
    with pytest.raises(VendorUnavailable, match="a webhook") as caught:
        alone.subscribe(ADDRESS)
    assert caught.value.uncertain


def test_webhook_removed_by_somebody_else_meanwhile_is_no_failure(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    web.get(f"{BASE}/api/v2/webhooks", json={"webhooks": [HOOK]})
    web.delete(f"{BASE}/api/v2/webhooks/01A", status=404, json={"error": "NotFound"})
    assert [one.external_id for one in alone.unsubscribe(ADDRESS)] == ["01A"]


def test_who_may_not_set_up_is_told_in_zendesks_words(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    error = {"title": "Forbidden", "message": "You do not have access to this page"}
    web.get(f"{BASE}/api/v2/webhooks", status=403, json={"error": error})
    with pytest.raises(VendorRefused, match="You do not have access to this page"):
        alone.subscribe(ADDRESS)
