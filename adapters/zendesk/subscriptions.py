"""Webhooks and triggers of ours, made, mended and removed through the interface.

Ours is a webhook that calls our address, and a trigger that calls such a webhook.
Whoever else has something there keeps it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from adapters.zendesk.account import Account
from adapters.zendesk.values import Json, as_object, text
from connector.errors import NotFound, VendorUnavailable
from connector.models import Subscribed, Subscription

LABEL = "Complaint Connector"
TITLE = f"{LABEL}: tell of changed tickets"
WEBHOOK, TRIGGER = "webhook", "trigger"

#: What a webhook subscribes to that triggers call; it cannot be mixed with events.
BY_TRIGGER = "conditional_ticket_events"

#: Tag and field changes are left out on purpose: they would only echo our own writes.
EVENTS = frozenset(
    f"zen:event-type:ticket.{name}"
    for name in (
        "created",
        "comment_added",
        "status_changed",
        "merged",
        "soft_deleted",
        "csat_received",
    )
)
MESSAGING_EVENT = "zen:event-type:messaging_ticket.message_added"

#: Placeholders with free text break the body, so it holds the number alone.
TRIGGER_BODY = '{"ticket_id": "{{ticket.id}}"}'
NOTIFY = "notification_webhook"

#: Created by whomever, or changed by anything but the interface, which is where our own
#: writes come from.
CONDITIONS = {
    "all": [],
    "any": [
        {"field": "update_type", "operator": "is", "value": "Create"},
        {"field": "current_via_id", "operator": "is_not", "value": "5"},
    ],
}

#: What a webhook lacks that was made beside ours.
STRANGE = "a secret we know"

PAGE_SIZE = 100
PAGES = 50


class Subscriptions:
    """The webhooks and triggers that call one address."""

    def __init__(self, account: Account, address: str) -> None:
        self.account = account
        self.address = address
        self.by_trigger = account.config.webhook_kind == "trigger"
        messaging = {MESSAGING_EVENT} if account.config.messaging else set()
        self.events = EVENTS | messaging

    def found(self) -> list[Subscription]:
        """Return what exists, triggers first as they have to go first."""
        webhooks = self._webhooks()
        strange = self._strange(webhooks)
        return [
            replace(
                one,
                missing=one.missing | {STRANGE},
                remedy=_removal(strange[one.external_id]),
            )
            if one.external_id in strange
            else one
            for one in self._described(webhooks, self._triggers(webhooks))
        ]

    def make(self) -> Subscribed:
        """Make what is missing, mend what is off, and fetch the signing secret."""
        existing = self._webhooks()
        webhook = self._chosen(existing) or self._first(self._add_webhook())
        # Before it is switched on: what it signs with an unknown secret is refused.
        secret = self._secret(text(webhook["id"]))
        is_changed = self._mend_webhook(webhook)
        done = [(is_changed, self._as_webhook(webhook, is_called=True))]
        if self.by_trigger:
            done.append(self._make_trigger(text(webhook["id"])))
        # Of the other kind, or made by two at once: signed by another secret.
        others = [one for one in existing if one is not webhook]
        self._remove([one for one in others if one.get("name") == LABEL])
        return Subscribed(
            changed=tuple(one for is_changed, one in done if is_changed),
            kept=tuple(one for is_changed, one in done if not is_changed),
            settings={"webhook_secret": secret},
        )

    def remove(self) -> list[Subscription]:
        """Remove triggers, then webhooks: one that is called cannot be removed."""
        return self._remove(self._webhooks())

    def _remove(self, webhooks: list[dict[str, Any]]) -> list[Subscription]:
        triggers = self._triggers(webhooks)
        for trigger in triggers:
            self._remove_trigger(trigger, _ids(webhooks))
        for webhook in webhooks:
            self._delete(f"/webhooks/{webhook['id']}")
        return self._described(webhooks, triggers)

    def _described(
        self, webhooks: list[dict[str, Any]], triggers: list[dict[str, Any]]
    ) -> list[Subscription]:
        ids = _ids(webhooks)
        called = {each for one in triggers for each in _called(one)}
        return [
            *(self._as_trigger(one, ids) for one in triggers),
            *(self._as_webhook(one, text(one["id"]) in called) for one in webhooks),
        ]

    # -- webhooks --

    def _webhooks(self) -> list[dict[str, Any]]:
        """Return ours, those first that work."""
        ours = [
            one
            for one in self._listed("/webhooks", "webhooks")
            if text(one.get("endpoint")).rstrip("/") == self.address.rstrip("/")
        ]
        return sorted(ours, key=lambda one: one.get("status") != "active")

    def _is_wanted_kind(self, webhook: Json) -> bool:
        return (BY_TRIGGER in _subscribed(webhook)) == self.by_trigger

    def _chosen(self, webhooks: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Choose the one to use: of several that with the secret we have."""
        fitting = [one for one in webhooks if self._is_wanted_kind(one)]
        if len(fitting) > 1:
            known = [one for one in fitting if self._is_signed_for_us(one)]
            fitting = known or fitting
        return fitting[0] if fitting else None

    def _strange(self, webhooks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Return which deliver beside another one, and are refused for their secret."""
        on = [one for one in webhooks if one.get("status") == "active"]
        if len(on) < 2:
            return {}
        strange = [one for one in on if not self._is_signed_for_us(one)]
        strange = strange if len(strange) < len(on) else strange[1:]
        return {text(one["id"]): one for one in strange}

    def _is_signed_for_us(self, webhook: Json) -> bool:
        return self._secret(text(webhook["id"])) in self.account.config.secrets()

    def _add_webhook(self) -> dict[str, Any]:
        """Make one that is not switched on yet."""
        wish = {
            "name": LABEL,
            "endpoint": self.address,
            "http_method": "POST",
            "request_format": "json",
            "status": "inactive",
            "subscriptions": [BY_TRIGGER] if self.by_trigger else sorted(self.events),
        }
        return self._write("POST", "/webhooks", WEBHOOK, wish, (201, 200))

    def _first(self, added: dict[str, Any]) -> dict[str, Any]:
        """Return the webhook to use: ours, unless somebody added one at the same time.

        Both see both then, and agree on the oldest one; its ids sort by time. Each
        removes no other than its own, which is not switched on yet.
        """
        ours = [
            one
            for one in self._webhooks()
            if one.get("name") == LABEL and self._is_wanted_kind(one)
        ]
        first = min([added, *ours], key=lambda one: text(one["id"]))
        if text(first["id"]) == text(added["id"]):
            return added
        self._delete(f"/webhooks/{added['id']}")
        return first

    def _mend_webhook(self, webhook: dict[str, Any]) -> bool:
        """Switch it on and complete it; tell whether that was needed."""
        wish: dict[str, Any] = {}
        if webhook.get("status") != "active":
            wish["status"] = "active"
        if not self.by_trigger and not self.events <= _subscribed(webhook):
            wish["subscriptions"] = sorted(self.events | _subscribed(webhook))
        for key, value in (("http_method", "POST"), ("request_format", "json")):
            if webhook.get(key, value) != value:
                wish[key] = value
        if not wish:
            return False
        where = f"/webhooks/{webhook['id']}"
        self.account.call("PATCH", where, json={"webhook": wish}, expect=(200, 204))
        webhook.update(wish)
        return True

    def _as_webhook(self, webhook: Json, is_called: bool) -> Subscription:
        subscribed = _subscribed(webhook)
        missing = self.events - subscribed
        if BY_TRIGGER in subscribed:
            missing = frozenset() if is_called else frozenset({TRIGGER})
        return Subscription(
            kind=WEBHOOK,
            external_id=text(webhook["id"]),
            address=self.address,
            enabled=webhook.get("status") == "active",
            missing=missing,
        )

    def _secret(self, webhook_id: str) -> str:
        answer = as_object(self.account.read(f"/webhooks/{webhook_id}/signing_secret"))
        secret = as_object(answer.get("signing_secret")).get("secret")
        if not isinstance(secret, str) or not secret:
            raise self.account.nonsense("a signing secret")
        return secret

    # -- triggers --

    def _triggers(self, webhooks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those that call one of ``webhooks``, those first that work."""
        ids = _ids([one for one in webhooks if BY_TRIGGER in _subscribed(one)])
        if not ids:  # a webhook with events is called by nothing else
            return []
        found = [
            one for one in self._listed("/triggers", "triggers") if ids & _called(one)
        ]
        return sorted(found, key=lambda one: not one.get("active"))

    def _make_trigger(self, webhook_id: str) -> tuple[bool, Subscription]:
        """Make or mend it; tell whether that was needed.

        Conditions are left as they are found: which brand, form or group the connector
        is to hear of is for people to say.
        """
        ids = frozenset({webhook_id})
        webhook = {"id": webhook_id, "subscriptions": [BY_TRIGGER]}
        trigger = next(iter(self._triggers([webhook])), None)
        if trigger is None:
            return True, self._as_trigger(self._add_trigger(webhook), ids)
        wish = _mending(trigger, ids)
        if wish:
            where = f"/triggers/{trigger['id']}"
            trigger = self._write("PUT", where, TRIGGER, wish, (200,))
        return bool(wish), self._as_trigger(trigger, ids)

    def _add_trigger(self, webhook: dict[str, Any]) -> dict[str, Any]:
        """Make one; of two made at once the older stays, as with webhooks."""
        wish = {
            "title": TITLE,
            "conditions": CONDITIONS,
            "actions": [_action(text(webhook["id"]))],
        }
        added = self._write("POST", "/triggers", TRIGGER, wish, (201, 200))
        ours = [one for one in self._triggers([webhook]) if one.get("title") == TITLE]
        first = min([added, *ours], key=lambda one: int(one["id"]))
        if text(first["id"]) == text(added["id"]):
            return added
        self._delete(f"/triggers/{added['id']}")
        return first

    def _remove_trigger(self, trigger: Json, ids: frozenset[str]) -> None:
        others = [one for one in _actions(trigger) if _target(one) not in ids]
        where = f"/triggers/{trigger['id']}"
        if not others:
            self._delete(where)
            return
        # It does other things for somebody: only our part goes.
        wish = _kept(trigger) | {"actions": others}
        self._write("PUT", where, TRIGGER, wish, (200,))

    def _as_trigger(self, trigger: Json, ids: frozenset[str]) -> Subscription:
        return Subscription(
            kind=TRIGGER,
            external_id=text(trigger["id"]),
            address=self.address,
            enabled=bool(trigger.get("active", True)),
            missing=frozenset({"ticket_id"}) if _garbled(trigger, ids) else frozenset(),
        )

    # -- calls --

    def _listed(self, path: str, rel: str) -> Iterator[dict[str, Any]]:
        wish: dict[str, Any] = {"page[size]": PAGE_SIZE}
        for _ in range(PAGES):
            page = as_object(self.account.read(path, wish))
            rows = page.get(rel)
            if not isinstance(rows, list):
                raise self.account.nonsense(f"a list of {rel}")
            yield from (row for row in rows if isinstance(row, dict) and "id" in row)
            meta = as_object(page.get("meta"))
            if not meta.get("has_more") or not meta.get("after_cursor"):
                return
            wish["page[after]"] = text(meta["after_cursor"])
        raise VendorUnavailable(f"{self.account.name}: the list of {rel} has no end")

    def _write(
        self, method: str, path: str, rel: str, wish: Json, expect: tuple[int, ...]
    ) -> dict[str, Any]:
        response = self.account.call(method, path, json={rel: wish}, expect=expect)
        written = as_object(self.account.decode(response).get(rel))
        if "id" not in written:
            raise self.account.nonsense(f"a {rel}")
        return written

    def _delete(self, path: str) -> None:
        try:
            self.account.call("DELETE", path, expect=(200, 204))
        except NotFound:
            return  # somebody was faster


def _removal(webhook: Json) -> str:
    """Say how a person removes what brings the same as another one does.

    Nothing of what bears our name: making it anew removes that.
    """
    if webhook.get("name") == LABEL:
        return ""
    return (
        "In Zendesk, Admin Center > Apps and integrations > Webhooks, delete "
        f"{text(webhook.get('name'))!r} ({text(webhook['id'])}), and before it any "
        "trigger that calls it; another webhook delivers to the same address."
    )


def _ids(webhooks: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(text(one["id"]) for one in webhooks)


def _subscribed(webhook: Json) -> frozenset[str]:
    return frozenset(map(text, webhook.get("subscriptions") or ()))


def _actions(trigger: Json) -> list[dict[str, Any]]:
    return [as_object(action) for action in trigger.get("actions") or ()]


def _target(action: Json) -> str:
    """Return the webhook that an action calls, or nothing."""
    value = action.get("value")
    if action.get("field") != NOTIFY or not isinstance(value, list) or not value:
        return ""
    return text(value[0])


def _called(trigger: Json) -> frozenset[str]:
    return frozenset(filter(None, map(_target, _actions(trigger))))


def _action(webhook_id: str) -> dict[str, Any]:
    return {"field": NOTIFY, "value": [webhook_id, TRIGGER_BODY]}


def _is_readable(action: Json) -> bool:
    """Tell whether the body is JSON that names the ticket, and has no other text."""
    value = action.get("value")
    body = text(value[1]) if isinstance(value, list) and len(value) > 1 else ""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return set(re.findall(r"{{\s*(.*?)\s*}}", body)) == {"ticket.id"}


def _garbled(trigger: Json, ids: frozenset[str]) -> list[dict[str, Any]]:
    ours = (action for action in _actions(trigger) if _target(action) in ids)
    return [action for action in ours if not _is_readable(action)]


def _kept(trigger: Json) -> dict[str, Any]:
    """Return what has to be sent again to be kept: actions and conditions clear each
    other, and an update without a title is refused."""
    return {
        "title": trigger.get("title"),
        "actions": _actions(trigger),
        "conditions": as_object(trigger.get("conditions")),
    }


def _mending(trigger: Json, ids: frozenset[str]) -> dict[str, Any]:
    """Return what has to change about a trigger of ours, with all it has to keep."""
    wish: dict[str, Any] = {}
    if not trigger.get("active", True):
        wish["active"] = True
    if garbled := _garbled(trigger, ids):
        wish["actions"] = [
            _action(_target(one)) if one in garbled else one
            for one in _actions(trigger)
        ]
    return _kept(trigger) | wish if wish else {}
