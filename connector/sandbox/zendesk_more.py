"""The rest of Zendesk's interface: bulk jobs, exports, search, links to Jira."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue

from connector.sandbox import zendesk_shapes as shapes
from connector.sandbox.stage import API, Json, Refusal, stamp
from connector.sandbox.world import World
from connector.sandbox.zendesk_desk import JiraIntegration, Ticket

NOT_FOUND: Json = {"error": "RecordNotFound", "description": "Not found"}


def cursor_page(rel: str, items: list[Json]) -> Json:
    """One page by cursor if ``page[size]`` was asked for, else by offset."""
    args = request.args
    if "page[size]" in args:
        size = min(args.get("page[size]", 100, type=int), 100)
        start = _position(args.get("page[after]", ""))
        more = start + size < len(items)
        after = _cursor(start + size) if more else None
        meta = {"has_more": more, "after_cursor": after, "before_cursor": None}
        return {rel: items[start : start + size], "meta": meta, "links": {}}
    size = min(args.get("per_page", 100, type=int), 100)
    page = max(1, args.get("page", 1, type=int))
    shown = items[(page - 1) * size : page * size]
    rest = page * size < len(items)
    following = f"{request.base_url}?page={page + 1}" if rest else None
    return {rel: shown, "next_page": following, "count": len(items)}


def _cursor(position: object) -> str:
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        word = base64.urlsafe_b64decode(cursor).decode() if cursor else "p0"
        return int(word.removeprefix("p"))
    except ValueError as err:
        words = [{"code": "InvalidCursor", "title": "Invalid cursor", "detail": ""}]
        raise Refusal(400, {"errors": words}) from err


def add_routes(app: Flask, world: World) -> None:
    _job_routes(app, world)
    _search_routes(app, world)
    _jira_routes(app, world)
    _rating_routes(app, world)


def job(world: World, results: list[Json]) -> Json:
    """File finished work as a job; the first answer says only that it is queued."""
    number = f"V3-{world.stage.token(32)}"
    total = len(results)
    url = f"{world.stage.base_url}/zendesk/api/v2/job_statuses/{number}.json"
    status: Json = {"id": number, "url": url, "total": total}
    world.zendesk.jobs[number] = {
        **status,
        "progress": total,
        "status": "completed",
        "message": f"Completed at {stamp(world.stage.clock())}",
        "results": results,
    }
    waiting = {"progress": None, "status": "queued", "message": None, "results": None}
    return {"job_status": {**status, **waiting}}


def _job_routes(app: Flask, world: World) -> None:
    @app.put("/api/v2/tickets/update_many")
    @app.put("/api/v2/tickets/update_many.json")
    def update_many() -> ResponseReturnValue:
        body = request.get_json(force=True, silent=True) or {}
        if "ids" in request.args:
            numbers = request.args["ids"].split(",")
            wanted = [{**body.get("ticket", {}), "id": number} for number in numbers]
        else:
            wanted = body.get("tickets", [])
        if len(wanted) > 100:
            words = "Parameter ids cannot specify more than 100 values"
            limit = {"error": "TooManyValues", "description": words, "max_count": 100}
            raise Refusal(400, limit)
        with world.lock:
            return job(world, [_update_one(world, one) for one in wanted])

    @app.get("/api/v2/job_statuses/<number>")
    @app.get("/api/v2/job_statuses/<number>.json")
    def job_status(number: str) -> ResponseReturnValue:
        with world.lock:
            found = world.zendesk.jobs.get(number.removesuffix(".json"))
        if found is None:
            raise Refusal(404, NOT_FOUND)
        return {"job_status": found}


def _update_one(world: World, given: Json) -> Json:
    """Update one ticket of a bulk call; only tags of a closed one can be changed."""
    desk = world.zendesk
    number = int(given["id"])
    result: Json = {"id": number, "action": "update"}
    ticket = desk.get(number)
    if ticket is None:
        return {**result, "success": False, "error": "TicketNotFound"}
    plain = {
        key: value
        for key, value in given.items()
        if key not in ("id", "additional_tags", "remove_tags")
    }
    if plain and ticket.status == "closed":
        words = "Status: closed prevents ticket update"
        return {**result, "success": False, "error": "RecordInvalid", "details": words}
    if plain:
        desk.update(ticket, plain, API)
    add, remove = given.get("additional_tags", ()), given.get("remove_tags", ())
    if add or remove:
        desk.change_tags(ticket, API, add=add, remove=remove)
    return {**result, "success": True, "status": "Updated"}


def _rating_routes(app: Flask, world: World) -> None:
    @app.get("/api/v2/satisfaction_ratings/<int:number>")
    def satisfaction_rating(number: int) -> ResponseReturnValue:
        with world.lock:
            for ticket in world.zendesk.tickets.values():
                if ticket.satisfaction and ticket.satisfaction["id"] == number:
                    return {"satisfaction_rating": [shapes.rating_shape(ticket)]}
        raise Refusal(404, NOT_FOUND)

    @app.get("/api/v2/guide/survey_responses")
    def survey_responses() -> ResponseReturnValue:
        wanted = request.args.get("filter[subject_zrns]")
        with world.lock:
            found = [
                shapes.survey_shape(ticket, survey)
                for ticket in world.zendesk.tickets.values()
                for survey in ticket.surveys
                if wanted in (None, f"zen:ticket:{ticket.id}")
            ]
        return cursor_page("survey_responses", found)


def _search_routes(app: Flask, world: World) -> None:
    desk = world.zendesk

    @app.get("/api/v2/search")
    @app.get("/api/v2/search.json")
    def search() -> ResponseReturnValue:
        tests = _tests(world, request.args.get("query", ""))
        with world.lock:
            found = [
                {**shapes.ticket_shape(desk, ticket), "result_type": "ticket"}
                for ticket in desk.tickets.values()
                if not ticket.deleted and all(test(ticket) for test in tests)
            ]
        return cursor_page("results", found)

    @app.get("/api/v2/incremental/tickets/cursor")
    @app.get("/api/v2/incremental/tickets/cursor.json")
    def export() -> ResponseReturnValue:
        size = min(request.args.get("per_page", 1000, type=int), 1000)
        since = request.args.get("start_time", 0, type=int), 0
        if "cursor" in request.args:
            since = _export_position(request.args["cursor"])
        # The last minute is always left out; the next run brings it.
        lag = timedelta(seconds=60 * world.settings.time_scale)
        with world.lock:
            until = world.stage.clock() - lag
            if since[0] > until.timestamp():
                words = "Too recent start_time"
                raise Refusal(422, {"error": "InvalidValue", "description": words})
            rows = sorted(
                ((_touched(t), t.id), t)
                for t in desk.tickets.values()
                # Whole seconds only: positions have no finer grain.
                if _touched(t) < int(until.timestamp())
            )
            rest = [(at, t) for at, t in rows if at > since]
            page = rest[:size]
            shown = [shapes.ticket_shape(desk, ticket) for _, ticket in page]
        last = page[-1][0] if page else since
        return {
            "tickets": shown,
            "after_cursor": _export_cursor(last),
            "before_cursor": None,
            "end_of_stream": len(rest) <= size,
        }


def _jira_routes(app: Flask, world: World) -> None:
    desk = world.zendesk

    def enter() -> None:
        if desk.jira_integration is JiraIntegration.OFF:
            words = {"title": "Invalid endpoint", "message": "Not found"}
            raise Refusal(404, {"error": "InvalidEndpoint", "description": words})
        if desk.jira_integration is JiraIntegration.LOCKED:
            words = {"title": "Forbidden", "message": "You do not have access"}
            raise Refusal(403, {"error": words})

    @app.get("/api/v2/jira/links")
    def links() -> ResponseReturnValue:
        enter()
        wanted = request.args.get("filter[ticket_id]", "")
        with world.lock:
            found = [
                link
                for link in desk.jira_links
                if wanted in ("", str(link["ticket_id"]))
            ]
        meta = {"after_cursor": None, "has_more": False}
        return {"links": found, "total": len(found), "meta": meta}

    @app.post("/api/services/jira/links")
    def link() -> ResponseReturnValue:
        enter()
        body = request.get_json(force=True, silent=True)
        given = body.get("link") if isinstance(body, dict) else None
        names = ("ticket_id", "issue_id", "issue_key")
        if not isinstance(given, dict) or not all(given.get(name) for name in names):
            words = {"title": "Invalid attribute", "message": "link is incomplete"}
            raise Refusal(400, {"error": words})
        with world.lock:
            ticket = desk.get(int(given["ticket_id"]))
            if ticket is None:
                raise Refusal(404, NOT_FOUND)
            now = stamp(world.stage.clock())
            number = world.stage.number("zendesk.jira_link", 60_001)
            made = {
                "id": number,
                **{name: str(given[name]) for name in names},
                "url": f"{request.base_url}/{number}",
                "created_at": now,
                "updated_at": now,
            }
            desk.jira_links.append(made)
            detail = {"key": made["issue_key"], "issue": made["issue_id"]}
            world.stage.witness("zendesk", "jira_link", str(ticket.id), API, **detail)
        return {"link": made}, 201


def _touched(ticket: Ticket) -> int:
    return int((ticket.touched_at or ticket.updated_at).timestamp())


def _export_cursor(position: tuple[int, int]) -> str:
    return base64.urlsafe_b64encode("{}|{}".format(*position).encode()).decode()


def _export_position(cursor: str) -> tuple[int, int]:
    try:
        first, _, second = base64.urlsafe_b64decode(cursor).decode().partition("|")
        return int(first), int(second)
    except ValueError as err:
        raise Refusal(400, {"error": "InvalidCursor"}) from err


def _tests(world: World, query: str) -> list[Callable[[Ticket], bool]]:
    """Understand ``type: tags: status: requester: external_id:`` and plain words."""
    tests: list[Callable[[Ticket], bool]] = []
    for key, value, word in re.findall(r'(\w+):"?([^\s"]+)"?|(\S+)', query):
        wanted = (value or word).casefold().strip('"')

        def test(ticket: Ticket, key: str = key, wanted: str = wanted) -> bool:
            requester = world.zendesk.users[ticket.requester_id].email
            words = " ".join([ticket.subject, *(c.body for c in ticket.comments)])
            values: dict[str, Any] = {
                "type": ["ticket"],
                "tags": ticket.tags,
                "status": [ticket.status],
                "requester": [requester],
                "external_id": [str(ticket.external_id).casefold()],
            }
            return wanted in values.get(key, words.casefold())

        tests.append(test)
    return tests
