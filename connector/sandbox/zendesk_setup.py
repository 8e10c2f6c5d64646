"""Zendesk's interface for set-up: webhooks and the triggers that call them."""

from __future__ import annotations

import base64
from typing import Any

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from connector.sandbox.deliveries import Webhook
from connector.sandbox.stage import API, Act, Json, Refusal, stamp
from connector.sandbox.world import World
from connector.sandbox.zendesk_desk import BY_TRIGGER, VENDOR
from connector.sandbox.zendesk_more import NOT_FOUND, cursor_page


def add_routes(app: Flask, world: World) -> None:
    _webhook_routes(app, world)
    _trigger_routes(app, world)


def _webhook_routes(app: Flask, world: World) -> None:
    desk = world.zendesk

    def shape(webhook: Webhook) -> Json:
        return {
            "id": webhook.id,
            "status": "active" if webhook.state == "enabled" else "inactive",
            "subscriptions": webhook.events,
            "endpoint": webhook.url,
            **webhook.extra,
        }

    def find(number: str) -> Webhook:
        with world.lock:
            found = desk.webhooks.get(number)
        if found is None:
            raise Refusal(404, {"errors": [{"code": "WebhookNotFound"}]})
        return found

    def given() -> Json:
        body = request.get_json(force=True, silent=True) or {}
        return dict(body.get("webhook") or {})

    @app.get("/api/v2/webhooks")
    def webhooks() -> ResponseReturnValue:
        wanted = request.args.get("filter[name_contains]", "")
        with world.lock:
            all_of_them = [shape(one) for one in desk.webhooks.values()]
        kept = [one for one in all_of_them if wanted in one["name"]]
        return cursor_page("webhooks", kept)

    @app.post("/api/v2/webhooks")
    def add_webhook() -> ResponseReturnValue:
        wanted = given()
        for key in ("name", "endpoint", "http_method", "request_format", "status"):
            if not wanted.get(key):
                raise _invalid_webhook(f"{key} is missing")
        extra = _described(wanted)
        extra["created_at"] = stamp(world.stage.clock())
        secret = world.settings.zendesk_webhook_secret
        events = list(wanted.get("subscriptions") or [BY_TRIGGER])
        _refuse_mixture(events)
        added = world.subscribe(VENDOR, wanted["endpoint"], secret, events, API, extra)
        _set_status(added, wanted["status"])
        return {"webhook": shape(added)}, 201

    @app.route("/api/v2/webhooks/<number>", methods=["GET", "PATCH", "PUT", "DELETE"])
    def webhook(number: str) -> ResponseReturnValue:
        found = find(number)
        if request.method == "GET":
            return {"webhook": shape(found)}
        wanted = given()
        with world.lock:
            if request.method == "DELETE":
                _refuse_if_called(world, number)
                del desk.webhooks[number]
            else:
                events = list(wanted.get("subscriptions", found.events))
                _refuse_mixture([*events, *found.events])
                found.url = wanted.get("endpoint", found.url)
                found.events = events
                found.extra |= _described(wanted)
                _set_status(found, wanted.get("status"))
            world.stage.witness(VENDOR, "webhook_changed", number, API)
        return Response(status=204)

    @app.route("/api/v2/webhooks/<number>/signing_secret", methods=["GET", "POST"])
    def secret(number: str) -> ResponseReturnValue:
        found = find(number)
        if request.method == "POST":
            found.secret = base64.b64encode(world.stage.token().encode()).decode()
        words = {"secret": found.secret, "algorithm": "SHA256"}
        return {"signing_secret": words}, 201 if request.method == "POST" else 200

    @app.get("/api/v2/webhooks/<number>/invocations")
    def invocations(number: str) -> ResponseReturnValue:
        find(number)
        acts = world.stage.acts_after(0)
        tried = [a for a in acts if a.target == number and a.act.startswith("webhook")]
        # Attempts of one delivery are one invocation, told by how the last one ended.
        last = {a.detail["delivery"]: a for a in tried if "delivery" in a.detail}
        return cursor_page("invocations", [_invocation(a) for a in last.values()][::-1])


def _invocation(act: Act) -> Json:
    status = act.detail.get("status")
    is_good = status is not None and 200 <= status < 300
    words = {"webhook_dropped": "circuit broken", "webhook_discarded": "terminated"}
    shape: Json = {
        "id": act.detail["delivery"],
        "status": words.get(act.act, "success" if is_good else "failed"),
        "latest_completed_at": stamp(act.at),
    }
    return shape | ({"status_code": status} if status is not None else {})


def _described(wanted: Json) -> Json:
    keys = ("name", "description", "http_method", "request_format")
    return {key: wanted[key] for key in keys if key in wanted}


def _refuse_mixture(events: list[str]) -> None:
    """A webhook is for events or for triggers, and stays what it is."""
    if BY_TRIGGER in events and set(events) != {BY_TRIGGER}:
        raise _invalid_webhook("subscriptions cannot be mixed")


def _refuse_if_called(world: World, number: str) -> None:
    for trigger in world.zendesk.triggers.values():
        if any(number in action["value"] for action in trigger["actions"]):
            raise _invalid_webhook("a trigger uses this webhook")


def _invalid_webhook(detail: str) -> Refusal:
    error = {"code": "InvalidWebhook", "title": "Invalid", "detail": detail}
    return Refusal(400, {"errors": [error]})


def _set_status(webhook: Webhook, status: str | None) -> None:
    if status is not None:
        webhook.state = "enabled" if status == "active" else "disabled"


def _trigger_routes(app: Flask, world: World) -> None:
    desk = world.zendesk

    def find(number: int) -> Json:
        found = desk.triggers.get(number)
        if found is None:
            raise Refusal(404, NOT_FOUND)
        return found

    @app.get("/api/v2/triggers")
    @app.get("/api/v2/triggers.json")
    def triggers() -> ResponseReturnValue:
        with world.lock:
            return cursor_page("triggers", list(desk.triggers.values()))

    @app.post("/api/v2/triggers")
    @app.post("/api/v2/triggers.json")
    def add_trigger() -> ResponseReturnValue:
        given = _checked_trigger(world, _given_trigger())
        with world.lock:
            number = world.stage.number("zendesk.trigger", 616_001)
            now = stamp(world.stage.clock())
            made = {
                "url": f"{world.stage.base_url}/zendesk/api/v2/triggers/{number}.json",
                "id": number,
                "title": given["title"],
                "raw_title": given["title"],
                "description": given.get("description") or "",
                "active": given.get("active", True),
                "actions": given["actions"],
                "conditions": _conditions(given),
                "position": len(desk.triggers) + 1,
                "default": False,
                "category_id": "613001",
                "created_at": now,
                "updated_at": now,
            }
            desk.triggers[number] = made
            world.stage.witness(VENDOR, "trigger_changed", number, API)
        return {"trigger": made}, 201

    @app.route("/api/v2/triggers/<int:number>", methods=["GET", "PUT", "DELETE"])
    def trigger(number: int) -> ResponseReturnValue:
        with world.lock:
            found = find(number)
            if request.method == "GET":
                return {"trigger": found}
            world.stage.witness(VENDOR, "trigger_changed", number, API)
            if request.method == "DELETE":
                del desk.triggers[number]
                return Response(status=204)
            given = _given_trigger()
            if {"actions", "conditions", "all", "any"} & set(given):
                # Either one of them clears both.
                given = {"actions": [], **given}
                given["conditions"] = _conditions(given)
                _checked_trigger(world, {"title": found["title"], **given})
            found.update({k: v for k, v in given.items() if k in found})
            return {"trigger": found}


def _given_trigger() -> Json:
    body = request.get_json(force=True, silent=True) or {}
    return dict(body.get("trigger") or {})


def _conditions(given: Json) -> Json:
    """Accept both ways to write conditions; they come back in one."""
    nested = given.get("conditions") or {}
    return {key: nested.get(key) or given.get(key) or [] for key in ("all", "any")}


def _checked_trigger(world: World, given: Json) -> Json:
    problems: dict[str, Any] = {}
    if not given.get("title"):
        problems["title"] = [{"description": "Title: cannot be blank"}]
    if not given.get("actions"):
        problems["actions"] = [{"description": "Actions: cannot be blank"}]
    if not any(_conditions(given).values()):
        problems["conditions"] = [{"description": "Conditions: cannot be blank"}]
    for action in given.get("actions") or []:
        is_call = action.get("field") == "notification_webhook"
        if is_call and action["value"][0] not in world.zendesk.webhooks:
            problems["actions"] = [{"description": "Actions: is invalid"}]
    if problems:
        words = "Record validation errors"
        body = {"error": "RecordInvalid", "description": words, "details": problems}
        raise Refusal(422, body)
    return given
