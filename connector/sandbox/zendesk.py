"""Zendesk's interface: tickets, tags, comments, people. Credentials and limits too.

Jobs, exports and search are in ``zendesk_more``, webhooks in ``zendesk_setup``,
conversations in ``zendesk_chat``.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from connector.sandbox import zendesk_chat, zendesk_more, zendesk_setup
from connector.sandbox import zendesk_shapes as shapes
from connector.sandbox.access import Limit, Tokens
from connector.sandbox.stage import API, Json, Refusal
from connector.sandbox.world import World
from connector.sandbox.zendesk_desk import (
    GROUPS,
    INTEGRATION_USER,
    STATUSES,
    Ticket,
    stamp_of,
)
from connector.sandbox.zendesk_more import cursor_page

KNOWN_SCOPE = re.compile(r"((tickets|users|organizations|webhooks):)?(read|write)")
KNOWN_KEYS = frozenset(
    "subject comment status priority type tags custom_fields fields requester_id"
    " requester assignee_id group_id organization_id external_id safe_update"
    " updated_stamp metadata via_followup_source_id problem_id due_at description"
    " custom_status_id ticket_form_id brand_id".split()
)
NOT_FOUND: Json = {"error": "RecordNotFound", "description": "Not found"}


def unauthenticated() -> Refusal:
    return Refusal(401, {"error": "Couldn't authenticate you"})


def closed() -> Refusal:
    why = [{"description": "Status: closed prevents ticket update"}]
    return invalid({"status": why})


def invalid(details: Json) -> Refusal:
    words = "Record validation errors"
    body = {"error": "RecordInvalid", "description": words, "details": details}
    return Refusal(422, body)


def body_of_request(key: str) -> Any:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict) or key not in body:
        words = {"title": "Invalid attribute", "message": f"{key} is missing"}
        raise Refusal(400, {"error": words})
    return body[key]


def create_app(world: World) -> Flask:
    """Build the look-alike on ``world.zendesk``."""
    app = Flask("connector.sandbox.zendesk", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    tokens = Tokens(world.stage)
    limit = Limit(world.stage, world.settings.zendesk_limit)

    @app.errorhandler(Refusal)
    def refuse(err: Refusal) -> ResponseReturnValue:
        return jsonify(err.body), err.status, err.headers

    @app.before_request
    def enter() -> None:
        if not request.path.startswith(("/api/v2/", "/api/services/")):
            return
        wait = limit.spend()
        if wait is not None:
            words = "Number of allowed API requests per minute exceeded"
            body = {"error": "APIRateLimitExceeded", "description": words}
            raise Refusal(429, body, {"Retry-After": str(wait)})
        if not request.path.startswith("/api/v2/users/me"):
            _authenticate(world, tokens)

    @app.after_request
    def leave(response: Response) -> Response:
        response.headers["X-Rate-Limit"] = str(limit.allowed)
        response.headers["X-Rate-Limit-Remaining"] = str(limit.left())
        return response

    _identity_routes(app, world, tokens)
    _ticket_routes(app, world)
    _tag_routes(app, world)
    _people_routes(app, world)
    zendesk_more.add_routes(app, world)
    zendesk_setup.add_routes(app, world)
    zendesk_chat.add_routes(app, world)
    return app


def _authenticate(world: World, tokens: Tokens) -> None:
    """Raise unless the caller is known and may do this."""
    scope = _scope(world, tokens)
    if scope is None:
        raise unauthenticated()
    needed = "read" if request.method == "GET" else "write"
    granted = {word.rpartition(":")[2] for word in scope.split()}
    # An unknown scope still gets a token, which then opens nothing.
    if not all(KNOWN_SCOPE.fullmatch(word) for word in scope.split()) or (
        needed not in granted
    ):
        words = {"title": "Forbidden", "message": "You do not have access"}
        raise Refusal(403, {"error": words})


def _scope(world: World, tokens: Tokens) -> str | None:
    header = request.headers.get("Authorization", "")
    if not header.lower().startswith("basic "):
        return tokens.scope(header)
    try:
        given = base64.b64decode(header[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    settings = world.settings
    expected = f"{settings.zendesk_email}/token:{settings.zendesk_api_token}"
    return "read write" if given == expected else None


def _identity_routes(app: Flask, world: World, tokens: Tokens) -> None:
    @app.post("/oauth/tokens")
    def token() -> ResponseReturnValue:
        given = request.get_json(silent=True) or {}
        settings = world.settings
        if given.get("grant_type") != "client_credentials":
            raise Refusal(400, {"error": "unsupported_grant_type"})
        if (given.get("client_id"), given.get("client_secret")) != (
            settings.zendesk_client_id,
            settings.zendesk_client_secret,
        ):
            words = "Client authentication failed"
            body = {"error": "invalid_client", "error_description": words}
            raise Refusal(401, body)
        wanted = given.get("expires_in", 1800)
        if not isinstance(wanted, int) or not 300 <= wanted <= 172_800:
            raise Refusal(400, {"error": "invalid_request"})
        life = min(float(wanted), settings.token_life)
        scope = str(given.get("scope", "read write"))
        return {
            "access_token": tokens.issue(life, scope),
            "token_type": "bearer",
            "scope": scope,
            "expires_in": int(life),
        }, 201

    @app.get("/api/v2/users/me")
    @app.get("/api/v2/users/me.json")
    def me() -> ResponseReturnValue:
        # Nobody is somebody too: status 200, without an id.
        if _scope(world, tokens) is None:
            anonymous = {"id": None, "name": "Anonymous user", "role": "end-user"}
            return {"user": anonymous}
        _authenticate(world, tokens)
        return {"user": shapes.user_shape(world.zendesk.users[INTEGRATION_USER])}


def find(world: World, number: int) -> Ticket:
    found = world.zendesk.get(number)
    if found is None:
        raise Refusal(404, NOT_FOUND)
    return found


def writable(world: World, number: int) -> Ticket:
    """Return a ticket that may be changed now, and count the change."""
    found = find(world, number)
    if found.status == "closed":
        raise closed()
    if world.zendesk.too_often(found):
        words = "Too many updates of one ticket in ten minutes"
        body = {"error": "TooManyRequests", "description": words}
        raise Refusal(429, body, {"Retry-After": "60"})
    return found


def safe(ticket: Ticket, given: Json) -> None:
    """Refuse a safe update whose stamp is not the ticket's; a second is its grain."""
    if str(given.get("safe_update", "")).lower() != "true":
        return
    if given.get("updated_stamp") != stamp_of(ticket):
        words = "Safe Update prevented the update due to outdated ticket data."
        raise Refusal(409, {"error": "UpdateConflict", "description": words})


def checked(given: Any) -> Json:
    """Validate what a ticket is to become."""
    if not isinstance(given, dict):
        raise invalid({"base": [{"description": "ticket must be an object"}]})
    if "status" in given and given["status"] not in STATUSES:
        raise invalid({"status": [{"description": "Status: is not included"}]})
    if given.get("group_id") not in (None, *GROUPS):
        raise invalid({"group": [{"description": "Group: is invalid"}]})
    comment = given.get("comment")
    if comment is not None and not (comment.get("body") or comment.get("html_body")):
        raise invalid({"comment": [{"description": "Comment: cannot be blank"}]})
    return given


def _checked_problem(world: World, given: Json) -> Json:
    """Refuse a link to what is no problem ticket, or not worked on any more."""
    if given.get("problem_id") is not None:
        problem = world.zendesk.get(int(given["problem_id"]))
        if problem is None or problem.type != "problem" or problem.status == "closed":
            words = [{"description": "Problem: is invalid"}]
            raise invalid({"problem_id": words})
    return given


def _ticket_routes(app: Flask, world: World) -> None:
    desk = world.zendesk
    answers: dict[str, int] = {}

    @app.get("/api/v2/tickets")
    @app.get("/api/v2/tickets.json")
    def listed() -> ResponseReturnValue:
        wanted = request.args.get("external_id")
        with world.lock:
            found = [
                shapes.ticket_shape(desk, one)
                for one in desk.tickets.values()
                if not one.deleted and wanted in (None, one.external_id)
            ]
        return cursor_page("tickets", found)

    @app.get("/api/v2/tickets/<int:number>/incidents")
    @app.get("/api/v2/tickets/<int:number>/incidents.json")
    def incidents(number: int) -> ResponseReturnValue:
        with world.lock:
            linked = desk.incidents(find(world, number))
            shown = [shapes.ticket_shape(desk, one) for one in linked]
        return cursor_page("tickets", shown)

    @app.post("/api/v2/tickets")
    @app.post("/api/v2/tickets.json")
    def create() -> ResponseReturnValue:
        given = checked(body_of_request("ticket"))
        key = request.headers.get("Idempotency-Key", "")
        with world.lock:
            _checked_problem(world, given)
            hit = answers.get(key) if key else None
            ticket = desk.tickets[hit] if hit else _create(world, given)
            answers[key] = ticket.id
            shape = shapes.ticket_shape(desk, ticket)
            audit = shapes.audit_shape(ticket, ticket.audits[0])
        headers = {"Location": shape["url"]}
        if key:
            headers["x-idempotency-lookup"] = "hit" if hit else "miss"
        return {"ticket": shape, "audit": audit}, 201, headers

    @app.get("/api/v2/tickets/<int:number>")
    @app.get("/api/v2/tickets/<int:number>.json")
    def show(number: int) -> ResponseReturnValue:
        with world.lock:
            return {"ticket": shapes.ticket_shape(desk, find(world, number))}

    @app.put("/api/v2/tickets/<int:number>")
    @app.put("/api/v2/tickets/<int:number>.json")
    def update(number: int) -> ResponseReturnValue:
        given = checked(body_of_request("ticket"))
        with world.lock:
            ticket = writable(world, number)
            safe(ticket, given)
            audit = desk.update(ticket, _checked_problem(world, given), API)
            answer = {
                "ticket": shapes.ticket_shape(desk, ticket),
                "audit": shapes.audit_shape(ticket, audit),
            }
        unknown = sorted(set(given) - KNOWN_KEYS)
        headers = {}
        if unknown:
            names = ", ".join(f'"{name}"' for name in unknown)
            headers["X-Zendesk-API-Warn"] = (
                f"Removed restricted keys [{names}] from parameters"
            )
        return answer, 200, headers

    @app.delete("/api/v2/tickets/<int:number>")
    def delete(number: int) -> ResponseReturnValue:
        with world.lock:
            desk.delete(find(world, number), API)
        return Response(status=204)

    @app.get("/api/v2/tickets/<int:number>/comments")
    @app.get("/api/v2/tickets/<int:number>/comments.json")
    def comments(number: int) -> ResponseReturnValue:
        with world.lock:
            ticket = find(world, number)
            said = [shapes.comment_shape(comment) for comment in ticket.comments]
            if request.args.get("sort") == "-created_at" or (
                request.args.get("sort_order") == "desc"
            ):
                said.reverse()
            page = cursor_page("comments", said)
            if "users" in request.args.get("include", ""):
                authors = sorted({one["author_id"] for one in page["comments"]})
                page["users"] = [shapes.user_shape(desk.users[a]) for a in authors]
            return page

    @app.get("/api/v2/tickets/<int:number>/audits")
    @app.get("/api/v2/tickets/<int:number>/audits.json")
    def audits(number: int) -> ResponseReturnValue:
        with world.lock:
            ticket = find(world, number)
            shown = [shapes.audit_shape(ticket, audit) for audit in ticket.audits]
        if request.args.get("sort") == "-created_at":
            shown.reverse()
        return cursor_page("audits", shown)

    @app.post("/api/v2/tickets/<int:number>/merge")
    def merge(number: int) -> ResponseReturnValue:
        sources = body_of_request("ids")
        with world.lock:
            target = find(world, number)
            for source in sources:
                desk.merge(find(world, int(source)), target, API)
            return zendesk_more.job(world, [])


def _create(world: World, given: Json) -> Ticket:
    desk = world.zendesk
    if not given.get("comment"):
        raise invalid({"comment": [{"description": "Comment: cannot be blank"}]})
    requester = desk.users.get(given.get("requester_id") or INTEGRATION_USER)
    if isinstance(given.get("requester"), dict):
        person = given["requester"]
        requester = desk.ensure_user(str(person["email"]), str(person.get("name", "")))
    source = given.get("via_followup_source_id")
    followed = desk.get(int(source)) if source else None
    if source and (followed is None or followed.status != "closed"):
        words = "Follow-up source must be a closed ticket"
        raise invalid({"via_followup_source_id": [{"description": words}]})
    if followed and not given.get("requester_id"):
        requester = desk.users[followed.requester_id]
    if requester is None:
        raise invalid({"requester": [{"description": "Requester: not found"}]})
    subject = str(given.get("subject") or (followed and followed.subject) or "")
    rest = {k: v for k, v in given.items() if k not in ("subject", "comment")}
    return desk.open(
        requester,
        subject,
        given["comment"],
        API,
        channel="api",
        followup_of=followed,
        **{k: v for k, v in rest.items() if k in KNOWN_KEYS},
    )


def _tag_routes(app: Flask, world: World) -> None:
    desk = world.zendesk

    @app.get("/api/v2/tickets/<int:number>/tags")
    @app.get("/api/v2/tickets/<int:number>/tags.json")
    def tags(number: int) -> ResponseReturnValue:
        with world.lock:
            return {"tags": find(world, number).tags}

    @app.route("/api/v2/tickets/<int:number>/tags", methods=["POST", "PUT", "DELETE"])
    @app.route(
        "/api/v2/tickets/<int:number>/tags.json", methods=["POST", "PUT", "DELETE"]
    )
    def change(number: int) -> ResponseReturnValue:
        given = request.get_json(force=True, silent=True) or {}
        wanted = given.get("tags", request.args.get("tags", ""))
        wanted = wanted.split(",") if isinstance(wanted, str) else wanted
        with world.lock:
            ticket = writable(world, number)
            safe(ticket, {**request.args, **given})
            if request.method == "POST":
                desk.update(ticket, {"tags": wanted}, API)
            elif request.method == "PUT":
                desk.change_tags(ticket, API, add=wanted)
            else:
                desk.change_tags(ticket, API, remove=wanted)
            status = 201 if request.method == "POST" else 200
            return {"tags": ticket.tags}, status


def _people_routes(app: Flask, world: World) -> None:
    desk = world.zendesk

    @app.get("/api/v2/groups")
    def groups() -> ResponseReturnValue:
        rows = [
            {"id": number, "name": name, "deleted": False}
            for number, name in GROUPS.items()
        ]
        return cursor_page("groups", rows)

    @app.get("/api/v2/users/<int:number>")
    @app.get("/api/v2/users/<int:number>.json")
    def user(number: int) -> ResponseReturnValue:
        with world.lock:
            if number not in desk.users:
                raise Refusal(404, NOT_FOUND)
            return {"user": shapes.user_shape(desk.users[number])}

    @app.get("/api/v2/organizations/<int:number>")
    @app.get("/api/v2/organizations/<int:number>.json")
    def organization(number: int) -> ResponseReturnValue:
        with world.lock:
            if number not in desk.organizations:
                raise Refusal(404, NOT_FOUND)
            found = desk.organizations[number]
            return {"organization": shapes.organization_shape(found)}

    @app.get("/api/v2/users/<int:number>/organizations")
    @app.get("/api/v2/users/<int:number>/organizations.json")
    def organizations(number: int) -> ResponseReturnValue:
        with world.lock:
            if number not in desk.users:
                raise Refusal(404, NOT_FOUND)
            own = desk.organizations.get(desk.users[number].organization_id or 0)
            shown = [shapes.organization_shape(own)] if own else []
        return cursor_page("organizations", shown)
