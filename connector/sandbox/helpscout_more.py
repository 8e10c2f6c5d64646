"""The rest of Help Scout's interface: threads, people, webhooks."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, request
from flask.typing import ResponseReturnValue

from connector.sandbox import helpscout_shapes as shapes
from connector.sandbox.deliveries import Webhook
from connector.sandbox.helpscout_answers import (
    body_of_request,
    created,
    customer_named,
    done,
    find,
    find_thread,
    invalid,
    page_number,
    refusal,
)
from connector.sandbox.helpscout_desk import (
    STATUSES,
    THREADS_ALLOWED,
    VENDOR,
    Conversation,
    Organization,
    Thread,
)
from connector.sandbox.stage import API, Json
from connector.sandbox.world import World


def add_routes(app: Flask, world: World) -> None:
    _thread_routes(app, world)
    _people_routes(app, world)
    _webhook_routes(app, world)


def _status_of(body: Json) -> str | None:
    status = body.get("status")
    if status is not None and status not in STATUSES:
        raise invalid("status", "Expected one of these", "EnumValue")
    return status


def _room(conversation: Conversation) -> None:
    if len(conversation.threads) >= THREADS_ALLOWED:
        raise refusal(412, "Conversation has reached the limit of threads")


def _plan(world: World, thread: Thread, body: Json) -> tuple[datetime, bool]:
    """Read when to send a draft; both words are required."""
    for key in ("scheduledFor", "unscheduleOnCustomerReply"):
        if key not in body:
            raise invalid(key, "may not be empty")
    try:
        when = datetime.fromisoformat(str(body["scheduledFor"]))
    except ValueError:
        raise invalid("scheduledFor", "is not a time", "DateTime") from None
    if when <= world.stage.clock() or when.year > 2100:
        raise invalid("scheduledFor", "must be in the future", "Future")
    if thread.state != "draft":
        raise refusal(409, "Only drafts can be scheduled")
    return when, bool(body["unscheduleOnCustomerReply"])


def _thread_routes(app: Flask, world: World) -> None:
    desk = world.helpscout
    below = "/v2/conversations/<int:number>"

    @app.post(f"{below}/notes")
    def note(number: int) -> ResponseReturnValue:
        body = body_of_request()
        if not body.get("text"):
            raise invalid("text", "may not be empty")
        with world.lock:
            found, status = find(world, number), _status_of(body)
            _room(found)
            return created(desk.add_note(found, str(body["text"]), status, API).id)

    @app.post(f"{below}/reply")
    def reply(number: int) -> ResponseReturnValue:
        body = body_of_request()
        for key in ("text", "customer"):
            if not body.get(key):
                raise invalid(key, "may not be empty")
        with world.lock:
            found, status = find(world, number), _status_of(body)
            customer_named(world, body["customer"])
            _room(found)
            thread = desk.add_reply(
                found,
                str(body["text"]),
                status,
                API,
                draft=bool(body.get("draft")),
                quiet=bool(body.get("imported")),
            )
            return created(thread.id)

    @app.route(f"{below}/threads/<int:thread>/schedule", methods=["PUT", "DELETE"])
    def schedule(number: int, thread: int) -> ResponseReturnValue:
        with world.lock:
            conversation = find(world, number)
            found = find_thread(conversation, thread)
            if request.method == "PUT":
                plan = _plan(world, found, body_of_request())
                desk.schedule(conversation, found, *plan)
            else:
                found.scheduled = None
            act = "schedule" if found.scheduled else "unschedule"
            world.stage.witness(VENDOR, act, number, API, id=thread)
        return done()

    @app.patch(f"{below}/threads/<int:thread>")
    def patch_thread(number: int, thread: int) -> ResponseReturnValue:
        body = body_of_request()
        with world.lock:
            conversation = find(world, number)
            found = find_thread(conversation, thread)
            if (body.get("path"), body.get("value")) == ("/state", "published"):
                desk.publish(conversation, found, API)
            elif body.get("path") == "/text":
                found.body = str(body.get("value"))
                world.stage.witness(VENDOR, "edit", number, API, id=thread)
            else:
                raise invalid("path", "operation not supported", "InvalidOperation")
        return done()


def _people_routes(app: Flask, world: World) -> None:
    desk = world.helpscout

    @app.get("/v2/customers/<int:number>")
    def customer(number: int) -> ResponseReturnValue:
        with world.lock:
            if number not in desk.customers:
                raise refusal(404, "Not Found")
            return shapes.customer_shape(desk, desk.customers[number])

    @app.get("/v2/customers/<int:number>/emails")
    def emails(number: int) -> ResponseReturnValue:
        with world.lock:
            if number not in desk.customers:
                raise refusal(404, "Not Found")
            shape = shapes.customer_shape(desk, desk.customers[number])
        listed = shape["_embedded"]["emails"]
        return shapes.page_shape("emails", listed, page_number(), 50)

    @app.get("/v3/customers")
    def customers() -> ResponseReturnValue:
        wanted = request.args.get("email", "").casefold()
        with world.lock:
            found = [
                shapes.customer_shape(desk, one)
                for one in desk.customers.values()
                if wanted in ("", one.email)
            ]
        return {"_embedded": {"customers": found}, "_links": {}}

    @app.get("/v2/organizations/<int:number>")
    def organization(number: int) -> ResponseReturnValue:
        with world.lock:
            found: Organization | None = desk.organizations.get(number)
            if found is None:
                raise refusal(404, "Not Found")
            return shapes.organization_shape(found)


def _webhook_routes(app: Flask, world: World) -> None:
    desk = world.helpscout

    def shape(webhook: Webhook) -> Json:
        return {
            "id": int(webhook.id),
            "url": webhook.url,
            "state": webhook.state,
            "events": webhook.events,
            "notification": False,
            "payloadVersion": "V2",
            **webhook.extra,
        }

    def read() -> tuple[str, str, list[str], Json]:
        body = body_of_request()
        for key in ("url", "events", "secret"):
            if not body.get(key):
                raise invalid(key, "may not be empty")
        if len(body["secret"]) > 40:
            raise invalid("secret", "at most 40 characters", "Size")
        extra: Json = {key: body[key] for key in ("label", "mailboxIds") if key in body}
        return body["url"], body["secret"], list(body["events"]), extra

    @app.get("/v2/webhooks")
    def webhooks() -> ResponseReturnValue:
        with world.lock:
            items = [shape(one) for one in desk.webhooks.values()]
        return shapes.page_shape("webhooks", items, page_number(), 50)

    @app.post("/v2/webhooks")
    def add() -> ResponseReturnValue:
        url, secret, events, extra = read()
        added = world.subscribe(VENDOR, url, secret, events, API, extra)
        return created(int(added.id))

    @app.route("/v2/webhooks/<number>", methods=["GET", "PUT", "DELETE"])
    def webhook(number: str) -> ResponseReturnValue:
        with world.lock:
            found = desk.webhooks.get(number)
            if found is None:
                raise refusal(404, "Not Found")
            if request.method == "GET":
                return shape(found)
            if request.method == "DELETE":
                del desk.webhooks[number]
            else:
                found.url, found.secret, found.events, found.extra = read()
                if desk.put_enables:
                    found.state, found.discards = "enabled", 0
            world.stage.witness(VENDOR, "webhook_changed", number, API)
        return done()
