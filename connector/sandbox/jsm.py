"""The service desk's interface, beside Jira's own on the same site."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from connector.sandbox import jira_shapes as shapes
from connector.sandbox.jira_text import as_string
from connector.sandbox.jira_tracker import Comment
from connector.sandbox.jsm_desk import (
    CLOSED,
    Request,
    ServiceDesk,
    is_public,
    rendered,
)
from connector.sandbox.stage import API, Json, Refusal, to_html
from connector.sandbox.world import World

BASE = "/rest/servicedeskapi"
LARGEST_PAGE = 50


def refused(status: int, words: str) -> Refusal:
    error = {"i18nKey": "sd.error", "parameters": []}
    return Refusal(status, {"errorMessage": words, "i18nErrorMessage": error})


def add_routes(app: Flask, world: World) -> None:
    routes = Blueprint("service_desk", __name__)
    _desk_routes(routes, world)
    _request_routes(routes, world)
    _comment_routes(routes, world)
    _rating_routes(routes, world)
    _closed_routes(routes, world)
    app.register_blueprint(routes)


def page(world: World, path: str, items: list[Json]) -> Json:
    start = max(0, request.args.get("start", 0, type=int))
    limit = min(request.args.get("limit", LARGEST_PAGE, type=int), LARGEST_PAGE)
    shown = items[start : start + limit]
    base = f"{world.stage.base_url}/jira{BASE}"
    links = {"base": base, "context": "", "self": f"{base}/{path}"}
    last = start + limit >= len(items)
    about = {"size": len(shown), "start": start, "limit": limit, "isLastPage": last}
    return {"_expands": [], **about, "_links": links, "values": shown}


def moment(value: datetime) -> Json:
    stamp = shapes.moment(value)
    return {
        "epochMillis": int(value.timestamp() * 1000),
        "friendly": f"{value:%d/%b/%y %H:%M}",
        "iso8601": f"{stamp[:-9]}+0000",
        "jira": stamp,
    }


def duration(seconds: float) -> Json:
    return {"millis": int(seconds * 1000), "friendly": f"{int(seconds // 60)}m"}


def user(world: World, actor: str) -> Json:
    """Write a person as the service desk does: no type of account, but an address."""
    desk, tracker = world.jsm, world.jira
    known = desk.customers.get(actor)
    shape = shapes.user_shape(tracker, actor)
    email = known.email if known else f"{actor}@agents.example"
    kept = {key: value for key, value in shape.items() if key != "accountType"}
    return {**kept, "emailAddress": email, "timeZone": "Etc/UTC"}


def find(world: World, key: str) -> Request:
    found = world.jsm.get(key)
    if found is None:
        raise refused(404, "The customer request does not exist.")
    check_open(world.jsm, found.issue.project)
    return found


def check_agent(desk: ServiceDesk) -> None:
    if not desk.is_agent:
        raise refused(403, "You do not have permission to do this.")


def check_open(desk: ServiceDesk, project: str) -> None:
    if project in desk.closed:
        raise refused(403, "You do not have permission to view this request.")


def _desk_routes(routes: Blueprint, world: World) -> None:
    desk = world.jsm

    @routes.get(f"{BASE}/servicedesk")
    def desks() -> ResponseReturnValue:
        shown = [
            {
                "id": number,
                "projectId": project.id,
                "projectName": project.name,
                "projectKey": project.key,
            }
            for number, project in desk.desks.items()
        ]
        return page(world, "servicedesk", shown)

    @routes.get(f"{BASE}/servicedesk/<number>/queue")
    def queues(number: str) -> ResponseReturnValue:
        if number not in desk.desks:
            raise refused(404, "The service desk does not exist.")
        check_agent(desk)
        check_open(desk, desk.desks[number].key)
        shown: list[Json] = [{"id": "1", "name": "All open", "fields": []}]
        return page(world, f"servicedesk/{number}/queue", shown)

    @routes.get(f"{BASE}/organization")
    def organizations() -> ResponseReturnValue:
        account = request.args.get("accountId")
        known = [{"id": key, "name": name} for key, name in desk.organizations.items()]
        if account is not None:
            check_agent(desk)
            customer = desk.customers.get(account)
            if customer is None:
                raise refused(404, "The user does not exist.")
            known = desk.organization_shapes(customer.organization)
        return page(world, "organization", known)


def _request_routes(routes: Blueprint, world: World) -> None:
    @routes.get(f"{BASE}/request/<key>")
    def show(key: str) -> ResponseReturnValue:
        expand = set(request.args.get("expand", "").split(","))
        with world.lock:
            return _request_shape(world, find(world, key), expand)

    @routes.get(f"{BASE}/request/<key>/sla")
    def slas(key: str) -> ResponseReturnValue:
        check_agent(world.jsm)
        with world.lock:
            return page(world, f"request/{key}/sla", _slas(world, find(world, key)))


def _request_shape(world: World, one: Request, expand: set[str]) -> Json:
    issue, link = one.issue, f"{world.stage.base_url}/jira"
    status = {
        "status": issue.status.name,
        "statusCategory": issue.status.category.upper(),
        "statusDate": moment(issue.updated),
    }
    shape: Json = {
        "_expands": ["participant", "sla", "requestType"],
        "issueId": issue.id,
        "issueKey": issue.key,
        "summary": issue.summary,
        "requestTypeId": "25",
        "serviceDeskId": one.desk,
        "createdDate": moment(issue.created),
        "reporter": user(world, one.customer.account),
        "requestFieldValues": _values(one),
        "currentStatus": status,
        "_links": {"agent": f"{link}/browse/{issue.key}"},
    }
    if "requestType" in expand:
        shape["requestType"] = {"id": "25", "name": "Get help", "issueTypeId": "10002"}
    if "participant" in expand:
        people = [user(world, account) for account in one.participants]
        shape["participants"] = _inner(people)
    if "sla" in expand and world.jsm.is_agent:
        shape["sla"] = _inner(_slas(world, one))
    return shape


def _inner(values: list[Json]) -> Json:
    about = {"size": len(values), "start": 0, "limit": 50, "isLastPage": True}
    return {"_expands": [], **about, "values": values}


def _values(one: Request) -> list[Json]:
    text = rendered(one.issue.description)
    return [
        {"fieldId": "summary", "label": "Summary", "value": one.issue.summary},
        {
            "fieldId": "description",
            "label": "What is it about?",
            "value": text,
            "renderedValue": {"html": f"<p>{to_html(text)}</p>"},
        },
    ]


def _slas(world: World, one: Request) -> list[Json]:
    due, given = world.jsm.first_response(one)
    started, now = one.issue.created, world.stage.clock()
    end = given or now
    goal, spent = (due - started).total_seconds(), (end - started).total_seconds()
    cycle: Json = {
        "startTime": moment(started),
        "breachTime": moment(due),
        "breached": end > due,
        "goalDuration": duration(goal),
        "elapsedTime": duration(spent),
        "remainingTime": duration(goal - spent),
    }
    metric: Json = {"id": "1", "name": "Time to first response", "completedCycles": []}
    if given:
        metric["completedCycles"] = [{**cycle, "stopTime": moment(given)}]
    else:
        state = {"paused": False, "withinCalendarHours": True}
        metric["ongoingCycle"] = {**cycle, **state}
    return [metric]


def _comment_routes(routes: Blueprint, world: World) -> None:
    path = f"{BASE}/request/<key>/comment"

    @routes.get(path)
    def comments(key: str) -> ResponseReturnValue:
        wanted = {
            True: request.args.get("public", "true") == "true",
            False: request.args.get("internal", "true") == "true",
        }
        with world.lock:
            one = find(world, key)
            shown = [
                _comment_shape(world, one, comment)
                for comment in one.issue.comments
                if wanted[is_public(comment)]
                # A customer is not even told that there are others.
                and (is_public(comment) or world.jsm.is_agent)
            ]
        return page(world, f"request/{key}/comment", shown)

    @routes.post(path)
    def write(key: str) -> ResponseReturnValue:
        body = request.get_json(force=True, silent=True)
        given: Any = body if isinstance(body, dict) else {}
        text, public = given.get("body"), given.get("public")
        if not isinstance(text, str) or not text.strip():
            raise refused(400, "The comment has no body.")
        if not isinstance(public, bool):
            raise refused(400, "'public' is required.")
        if not public:
            check_agent(world.jsm)
        with world.lock:
            one = find(world, key)
            said = world.jsm.comment(one, text, API, public=public)
            return _comment_shape(world, one, said), 201

    @routes.delete("/rest/api/<version>/issue/<key>/comment/<number>")
    def delete(version: str, key: str, number: str) -> ResponseReturnValue:
        with world.lock:
            issue = find(world, key).issue
            issue.comments = [one for one in issue.comments if one.id != number]
            world.stage.witness("jira", "comment_delete", issue.id, API, id=number)
        return Response(status=204)


def _comment_shape(world: World, one: Request, comment: Comment) -> Json:
    text = rendered(comment.body)
    shape: Json = {
        "_expands": ["renderedBody"],
        "id": comment.id,
        "body": as_string(comment.body),
        "public": is_public(comment),
        "author": user(world, comment.author),
        "created": moment(comment.created),
    }
    if "renderedBody" in request.args.get("expand", "").split(","):
        shape["renderedBody"] = {"html": f"<p>{to_html(text)}</p>"}
    return shape


def _rating_routes(routes: Blueprint, world: World) -> None:
    @routes.get(f"{BASE}/request/<key>/feedback")
    def feedback(key: str) -> ResponseReturnValue:
        with world.lock:
            one = find(world, key)
            if one.rating is None:
                raise refused(404, "There is no feedback on this request.")
            said = {"comment": {"body": one.rating_comment}}
            shown = said if one.rating_comment else {}
            return {"type": "csat", "rating": one.rating, **shown}


def _closed_routes(routes: Blueprint, world: World) -> None:
    """What a workflow step does that lets nobody edit."""

    def is_closed(key: str) -> bool:
        one = world.jsm.get(key)
        return one is not None and one.issue.status is CLOSED

    @routes.before_app_request
    def edit() -> None:
        parts = request.path.split("/")
        is_edit = request.method == "PUT" and parts[-2] == "issue"
        if is_edit and is_closed(parts[-1]):
            words = "You do not have permission to edit issues in this status."
            raise Refusal(400, {"errorMessages": [words], "errors": {}})

    @routes.get("/rest/api/<version>/issue/<key>/editmeta")
    def editable(version: str, key: str) -> ResponseReturnValue:
        fields: Json = {} if is_closed(key) else {"labels": {"required": False}}
        return jsonify({"fields": fields})
