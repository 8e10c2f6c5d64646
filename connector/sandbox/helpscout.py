"""Help Scout's interface (Inbox API 2.0): credentials, limits, conversations.

Threads, people and webhooks are in ``helpscout_more``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from connector.sandbox import helpscout_more
from connector.sandbox import helpscout_shapes as shapes
from connector.sandbox.access import Limit, Tokens
from connector.sandbox.helpscout_answers import (
    body_of_request,
    created,
    customer_named,
    done,
    find,
    invalid,
    page_number,
    refusal,
)
from connector.sandbox.helpscout_desk import (
    INTEGRATION_USER,
    MAILBOXES,
    MERGED_ANSWERS_DAYS,
    STATUSES,
    USERS,
    Conversation,
)
from connector.sandbox.helpscout_fields import wrong_with
from connector.sandbox.stage import API, Json, Refusal
from connector.sandbox.world import World

CHAT_EMBEDDED = 2  # threads of a chat that are embedded, however many it has
WRITING = ("POST", "PUT", "PATCH", "DELETE")


def create_app(world: World) -> Flask:
    """Build the look-alike on ``world.helpscout``."""
    app = Flask("connector.sandbox.helpscout", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    tokens = Tokens(world.stage)
    limit = Limit(world.stage, world.settings.helpscout_limit)

    @app.errorhandler(Refusal)
    def refuse(err: Refusal) -> ResponseReturnValue:
        return jsonify(err.body), err.status, err.headers

    @app.before_request
    def enter() -> None:
        if not request.path.startswith(("/v2/", "/v3/")):
            return
        cost = 2 if request.method in WRITING else 1
        wait = limit.spend(cost)
        if wait is not None:
            headers = {"X-RateLimit-Retry-After": str(wait)}
            raise Refusal(429, {"message": "Rate limit exceeded"}, headers)
        world.helpscout.send_scheduled()
        if request.path != "/v2/oauth2/token" and not tokens.valid(
            request.headers.get("Authorization", "")
        ):
            raise Refusal(
                401,
                {"error": "invalid_token", "error_description": "Token not accepted"},
            )

    @app.after_request
    def leave(response: Response) -> Response:
        response.date = world.stage.clock()  # not the real one: it goes into cursors
        response.headers["X-RateLimit-Limit-Minute"] = str(limit.allowed)
        response.headers["X-RateLimit-Remaining-Minute"] = str(limit.left())
        if response.mimetype == "application/json" and response.status_code == 200:
            response.mimetype = "application/hal+json"
        return response

    _token_routes(app, world, tokens)
    _reading_routes(app, world)
    _writing_routes(app, world)
    helpscout_more.add_routes(app, world)
    return app


def _token_routes(app: Flask, world: World, tokens: Tokens) -> None:
    @app.post("/v2/oauth2/token")
    def token() -> ResponseReturnValue:
        given: Json = {**request.args, **request.form}
        given.update(request.get_json(force=True, silent=True) or {})
        settings = world.settings
        if given.get("grant_type") != "client_credentials":
            raise Refusal(400, {"error": "unsupported_grant_type"})
        if (given.get("client_id"), given.get("client_secret")) != (
            settings.helpscout_app_id,
            settings.helpscout_app_secret,
        ):
            raise Refusal(401, {"error": "invalid_client", "error_description": ""})
        value = tokens.issue(settings.token_life)
        return {
            "token_type": "bearer",
            "access_token": value,
            "expires_in": int(settings.token_life),
        }

    @app.get("/v2/users/me")
    def me() -> ResponseReturnValue:
        user = USERS[INTEGRATION_USER]
        return {
            "id": user["id"],
            "firstName": user["first"],
            "lastName": user["last"],
            "email": user["email"],
            "role": "user",
            "type": "user",
        }

    @app.get("/v2/mailboxes")
    def mailboxes() -> ResponseReturnValue:
        items = [{"id": key, "name": name} for key, name in MAILBOXES.items()]
        return shapes.page_shape("mailboxes", items, page_number(), 50)


def _reading_routes(app: Flask, world: World) -> None:
    desk = world.helpscout

    @app.get("/v2/conversations/<int:number>")
    @app.get("/v3/conversations/<int:number>")
    def conversation(number: int) -> ResponseReturnValue:
        with world.lock:
            _redirect_merged(world, number)
            found = find(world, number)
            shape = shapes.conversation_shape(desk, found)
            newest = found.threads[::-1] if request.args.get("embed") else []
            if found.type == "chat":
                newest = newest[:CHAT_EMBEDDED]
            shape["_embedded"] = {
                "threads": [shapes.thread_shape(desk, t) for t in newest]
            }
            return shape

    @app.get("/v2/conversations/<int:number>/threads")
    @app.get("/v3/conversations/<int:number>/threads")
    def threads(number: int) -> ResponseReturnValue:
        with world.lock:
            newest = find(world, number).threads[::-1]
            items = [shapes.thread_shape(desk, thread) for thread in newest]
            return shapes.page_shape("threads", items, page_number())

    @app.get("/v2/conversations")
    def conversations() -> ResponseReturnValue:
        with world.lock:
            wanted = _chosen(world)
            items = [shapes.conversation_shape(desk, one) for one in wanted]
            return shapes.page_shape("conversations", items, page_number())

    @app.get("/v2/mailboxes/<int:number>/fields")
    def definitions(number: int) -> ResponseReturnValue:
        with world.lock:
            items = [dict(one) for one in desk.field_definitions.get(number, ())]
        return shapes.page_shape("fields", items, page_number(), 50)

    @app.get("/v2/ratings/<int:number>")
    def rating(number: int) -> ResponseReturnValue:
        with world.lock:
            if number not in desk.ratings:
                raise refusal(404, "Not Found")
            return desk.ratings[number]


def _redirect_merged(world: World, number: int) -> None:
    """Answer 301 for sixty days after a merge; only reading one does that."""
    found = world.helpscout.conversations.get(number)
    if found is None or found.merged_into is None or found.merged_at is None:
        return
    if world.stage.clock() - found.merged_at > timedelta(days=MERGED_ANSWERS_DAYS):
        return
    where = f"{world.stage.base_url}/helpscout/v2/conversations/{found.merged_into}"
    raise Refusal(301, {"message": "Moved Permanently"}, {"Location": where})


def _chosen(world: World) -> list[Conversation]:
    """Apply the query parameters of the list; without ``status`` only active ones."""
    args = request.args
    status = args.get("status", "active")
    if status not in (*STATUSES, "all", "open"):
        raise invalid("status", "Expected one of these", "EnumValue")
    tests: list[Callable[[Conversation], bool]] = []
    if status not in ("all", "open"):
        tests.append(lambda one: one.status == status)
    if "modifiedSince" in args:
        since = datetime.fromisoformat(args["modifiedSince"])
        tests.append(lambda one: one.updated_at >= since)
    if "mailbox" in args:
        inbox = args.get("mailbox", type=int)
        tests.append(lambda one: one.mailbox_id == inbox)
    if "number" in args:
        number = args.get("number", type=int)
        tests.append(lambda one: one.number == number)
    if "tag" in args:
        wanted = {tag.casefold() for tag in args["tag"].split(",")}
        tests.append(lambda one: bool(wanted & {t.casefold() for t in one.tags}))
    tests.extend(_query_tests(world, args.get("query", "")))
    kept = [
        one
        for one in world.helpscout.conversations.values()
        if world.helpscout.get(one.id) and all(test(one) for test in tests)
    ]
    modified = args.get("sortField") == "modifiedAt"
    kept.sort(
        key=lambda one: one.updated_at if modified else one.created_at,
        reverse=args.get("sortOrder", "desc") == "desc",
    )
    return kept


def _query_tests(world: World, query: str) -> list[Callable[[Conversation], bool]]:
    """Understand ``(field:"value" AND …)``; anything else of the syntax is a 400."""
    tests: list[Callable[[Conversation], bool]] = []
    inner = query.strip().removeprefix("(").removesuffix(")")
    for clause in filter(None, re.split(r"\s+AND\s+", inner)):
        match = re.fullmatch(r'(\w+):"?([^"]*)"?', clause.strip())
        if match is None or match[1] not in _SEARCHED:
            raise invalid("query", "cannot be read", "InvalidQuery")
        read, value = _SEARCHED[match[1]], match[2].casefold()
        tests.append(lambda one, read=read, value=value: value in read(world, one))  # type: ignore[misc]
    return tests


_SEARCHED: dict[str, Callable[[World, Conversation], Any]] = {
    "subject": lambda world, one: one.subject.casefold(),
    "tag": lambda world, one: [tag.casefold() for tag in one.tags],
    "email": lambda world, one: world.helpscout.customers[one.customer_id].email,
    "status": lambda world, one: one.status,
    "id": lambda world, one: [str(one.id)],
    "number": lambda world, one: [str(one.number)],
    "customerIds": lambda world, one: [str(one.customer_id)],
}


def _writing_routes(app: Flask, world: World) -> None:
    desk = world.helpscout

    @app.put("/v2/conversations/<int:number>/tags")
    def tags(number: int) -> ResponseReturnValue:
        wanted = body_of_request().get("tags")
        if not isinstance(wanted, list) or not all(isinstance(t, str) for t in wanted):
            raise invalid("tags", "must be a list of strings", "TypeMismatch")
        with world.lock:
            desk.set_tags(find(world, number), wanted, API)
        return done()

    @app.put("/v2/conversations/<int:number>/fields")
    def fields(number: int) -> ResponseReturnValue:
        given = body_of_request().get("fields")
        if not isinstance(given, list):
            raise invalid("fields", "must be a list", "TypeMismatch")
        with world.lock:
            found = find(world, number)
            known = desk.field_definitions.get(found.mailbox_id, ())
            if wrong := wrong_with(known, given):
                raise invalid("fields", wrong, "InvalidValue")
            # What is not in the list is emptied.
            values = {one["id"]: one["value"] for one in given}
            desk.change(found, "fields", values, API, "convo.custom-fields")
        return done()

    @app.post("/v2/conversations")
    def create() -> ResponseReturnValue:
        body = body_of_request()
        for key in ("subject", "customer", "mailboxId", "type", "status", "threads"):
            if not body.get(key):
                raise invalid(key, "may not be empty")
        if body["mailboxId"] not in MAILBOXES:
            raise invalid("mailboxId", "no such inbox", "NotFound")
        with world.lock:
            return created(_create(world, body).id)

    @app.patch("/v2/conversations/<int:number>")
    def patch(number: int) -> ResponseReturnValue:
        body = body_of_request()
        with world.lock:
            _patch(world, find(world, number), body)
        return done()

    @app.delete("/v2/conversations/<int:number>")
    def delete(number: int) -> ResponseReturnValue:
        with world.lock:
            desk.delete(find(world, number), API)
        return done()


def _create(world: World, body: Json) -> Conversation:
    desk = world.helpscout
    customer = customer_named(world, body["customer"])
    opened = desk.open(
        customer,
        str(body["subject"]),
        actor=API,
        mailbox_id=body["mailboxId"],
        type=body["type"],
        status=body["status"],
        tags=body.get("tags") or (),
    )
    for thread in body["threads"]:
        text, status = str(thread.get("text", "")), body["status"]
        draft = bool(thread.get("draft"))
        if thread.get("type") == "note":
            desk.add_note(opened, text, status, API)
        else:
            desk.add_reply(opened, text, status, API, draft=draft)
    desk.announce(opened, API)
    return opened


#: (op, path) -> attribute, event. One operation a call; a list is refused.
PATCHES = {
    ("replace", "/subject"): ("subject", ""),
    ("replace", "/primaryCustomer.id"): ("customer_id", ""),
    ("move", "/mailboxId"): ("mailbox_id", "convo.moved"),
    ("replace", "/assignTo"): ("assignee", "convo.assigned"),
    ("remove", "/assignTo"): ("assignee", "convo.assigned"),
}


def _patch(world: World, conversation: Conversation, body: Json) -> None:
    op, path, value = body.get("op"), body.get("path"), body.get("value")
    if (op, path) == ("replace", "/status"):
        if value not in STATUSES:
            raise invalid("value", "Expected one of these", "EnumValue")
        world.helpscout.set_status(conversation, value, API)
    elif (op, path) in PATCHES:
        attribute, event = PATCHES[str(op), str(path)]
        world.helpscout.change(conversation, attribute, value, API, event)
    else:
        raise invalid("path", "operation not supported", "InvalidOperation")
