"""The rest of Jira's interface: who and what there is, search, webhooks."""

from __future__ import annotations

import base64
from datetime import datetime

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from connector.sandbox import jira_shapes as shapes
from connector.sandbox import jsm_desk
from connector.sandbox.deliveries import Webhook
from connector.sandbox.jira_jql import BadQuery, matcher, ordered
from connector.sandbox.jira_tracker import VENDOR, Issue, Project
from connector.sandbox.stage import API, Json, Refusal
from connector.sandbox.world import World

REMOVED = (
    "The requested API has been removed. Please migrate to the"
    " /rest/api/3/search/jql API. A full migration guideline is available at"
    " https://developer.atlassian.com/changelog/#CHANGE-2046"
)
FIELDS = {
    "summary": ("Summary", "string", True),
    "issuetype": ("Issue Type", "issuetype", True),
    "project": ("Project", "project", True),
    "description": ("Description", "string", False),
    "labels": ("Labels", "array", False),
    "priority": ("Priority", "priority", False),
    "customfield_10050": ("Affected customers", "number", False),
    "customfield_10051": ("Affected tickets", "number", False),
    "customfield_10052": ("Affected VIPs", "number", False),
    "customfield_10053": ("First seen", "date", False),
    "customfield_10054": ("Last seen", "datetime", False),
}
#: How Jira wants moments, and what it says to anything else.
MOMENTS = {
    "date": ("%Y-%m-%d", "date in the format 'yyyy-MM-dd'"),
    "datetime": ("%Y-%m-%dT%H:%M:%S.%f%z", "datetime"),
}
PERMISSIONS = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "ADD_COMMENTS",
    "LINK_ISSUES",
    "TRANSITION_ISSUES",
)


def add_routes(app: Flask, world: World) -> None:
    _site_routes(app, world)
    _meta_routes(app, world)
    _search_routes(app, world)
    _webhook_routes(app, world)


def chosen_fields(given: str) -> frozenset[str] | None:
    names = frozenset(name.strip() for name in given.split(",") if name.strip())
    return None if names & {"*all", "*navigable"} else names


def offset_page(rel: str, items: list[Json], size: int) -> Json:
    start = request.args.get("startAt", 0, type=int)
    limit = min(request.args.get("maxResults", size, type=int), 200)
    shown = items[start : start + limit]
    about = {"startAt": start, "maxResults": limit, "total": len(items)}
    return {**about, rel: shown}


def misfit(name: str, value: object) -> str:
    """Say why a field does not take a value; nothing if it does."""
    kind = FIELDS[name][1] if name in FIELDS else ""
    if kind == "number" and not isinstance(value, int | float):
        return "Operation value must be a number"
    if kind in MOMENTS:
        pattern, said = MOMENTS[kind]
        try:
            datetime.strptime(str(value), pattern)
        except ValueError:
            return f"Operation value must be a string representing a {said}"
    return ""


def _refused(status: int, *messages: str) -> Refusal:
    return Refusal(status, {"errorMessages": list(messages), "errors": {}})


def _site_routes(app: Flask, world: World) -> None:
    tracker = world.jira

    @app.get("/rest/api/<version>/serverInfo")
    def server_info(version: str) -> ResponseReturnValue:
        number = ".".join(map(str, tracker.version))
        return {
            "baseUrl": f"{world.stage.base_url}/jira",
            "version": f"{number}-SNAPSHOT" if tracker.cloud else number,
            "versionNumbers": list(tracker.version),
            "deploymentType": "Cloud" if tracker.cloud else "Server",
            "buildNumber": 100_288,
            "serverTime": shapes.moment(world.stage.clock()),
            "serverTitle": "Sandbox Jira",
        }

    @app.get("/rest/api/<version>/myself")
    def myself(version: str) -> ResponseReturnValue:
        email = {
            "emailAddress": world.settings.jira_email,
            "timeZone": tracker.time_zone,
        }
        return {**shapes.user_shape(tracker, API), **email}

    @app.get("/rest/api/<version>/field")
    def fields(version: str) -> ResponseReturnValue:
        known = [
            {
                "id": key,
                "key": key,
                "name": name,
                "custom": key.startswith("customfield_"),
                "schema": {"type": kind},
            }
            for key, (name, kind, _) in FIELDS.items()
        ]
        return jsonify([*known, *(jsm_desk.field_shapes() if world.jsm.desks else ())])

    @app.get("/rest/api/<version>/priority")
    def priorities(version: str) -> ResponseReturnValue:
        known = shapes.PRIORITIES.items()
        return jsonify([{"id": number, "name": name} for number, name in known])

    @app.get("/rest/api/<version>/priority/search")
    def priority_search(version: str) -> ResponseReturnValue:
        if not tracker.cloud:
            raise _refused(404, "null for uri")
        known = shapes.PRIORITIES.items()
        listed = [{"id": number, "name": name} for number, name in known]
        found = offset_page("values", listed, 50)
        end = found["startAt"] + len(found["values"])
        return {**found, "isLast": end >= found["total"]}

    @app.get("/rest/api/<version>/resolution")
    def resolutions(version: str) -> ResponseReturnValue:
        known = shapes.RESOLUTION_IDS.items()
        return jsonify([{"id": number, "name": name} for name, number in known])

    @app.get("/rest/api/<version>/project")
    def projects(version: str) -> ResponseReturnValue:
        return jsonify([shapes.project_shape(p) for p in tracker.projects.values()])

    @app.get("/rest/api/<version>/project/<key>/components")
    def components(version: str, key: str) -> ResponseReturnValue:
        _project(world, key)
        known = tracker.components.items()
        return jsonify([{"id": number, "name": name} for number, name in known])

    @app.get("/rest/api/<version>/user/assignable/search")
    def assignable(version: str) -> ResponseReturnValue:
        asked = request.args.get("accountId" if tracker.cloud else "username", "")
        found = shapes.user_called(tracker, asked)
        return jsonify([found] if found else [])

    @app.get("/rest/api/<version>/project/search")
    def project_search(version: str) -> ResponseReturnValue:
        if not tracker.cloud:
            raise _refused(404, "No project could be found with key 'search'.")
        hidden = request.args.get("action") == "create" and (
            "CREATE_ISSUES" in tracker.denied
        )
        known = () if hidden else tracker.projects.values()
        found = offset_page("values", [shapes.project_shape(p) for p in known], 50)
        end = found["startAt"] + len(found["values"])
        return {**found, "isLast": end >= found["total"]}

    @app.get("/rest/api/<version>/mypermissions")
    def permissions(version: str) -> ResponseReturnValue:
        asked = request.args.get("permissions", "")
        if tracker.cloud and not asked:
            raise _refused(400, "The 'permissions' query parameter is required.")
        if key := request.args.get("projectKey"):
            _project(world, key)
        # Data Center always shows them all.
        wanted = asked.split(",") if tracker.cloud else PERMISSIONS
        shown = {
            name: {
                "id": str(place),
                "key": name,
                "name": name.replace("_", " ").capitalize(),
                "type": "PROJECT",
                "havePermission": name not in tracker.denied,
            }
            for place, name in enumerate(wanted, 10)
        }
        return {"permissions": shown}


def _project(world: World, key: str) -> Project:
    found = world.jira.project(key)
    if found is None:
        raise _refused(404, f"No project could be found with key '{key}'.")
    return found


def _meta_routes(app: Flask, world: World) -> None:
    types = [
        {"id": number, "name": name, "subtask": False}
        for number, name in shapes.ISSUE_TYPES.items()
    ]

    @app.get("/rest/api/<version>/project/<key>")
    def project(version: str, key: str) -> ResponseReturnValue:
        shape = shapes.project_shape(_project(world, key))
        return {**shape, "issueTypes": types}

    @app.get("/rest/api/<version>/issue/createmeta")
    def old_metadata(version: str) -> ResponseReturnValue:
        raise _refused(404, "Issue does not exist")

    @app.get("/rest/api/<version>/issue/createmeta/<key>/issuetypes")
    def issue_types(version: str, key: str) -> ResponseReturnValue:
        _project(world, key)
        return offset_page("issueTypes" if world.jira.cloud else "values", types, 50)

    @app.get("/rest/api/<version>/issue/createmeta/<key>/issuetypes/<number>")
    def create_fields(version: str, key: str, number: str) -> ResponseReturnValue:
        _project(world, key)
        if number not in shapes.ISSUE_TYPES:
            raise _refused(404, "The issue type does not exist.")
        shown: list[Json] = [
            {
                "fieldId": key,
                "key": key,
                "name": name,
                "required": required,
                "hasDefaultValue": False,
                "operations": ["set"],
                "schema": {"type": kind},
            }
            for key, (name, kind, required) in FIELDS.items()
        ]
        shown += [
            {"fieldId": key, "key": key, "operations": ["set"], **about}
            for key, about in world.jira.extra_fields.items()
        ]
        return offset_page("fields" if world.jira.cloud else "values", shown, 50)


def _found(world: World, jql: str, *, bounded: bool) -> list[Issue]:
    try:
        with world.lock:
            test = matcher(world.jira, jql, bounded=bounded)
            return ordered([one for one in world.jira.indexed() if test(one)], jql)
    except BadQuery as err:
        raise _refused(400, str(err)) from err


def _asked() -> Json:
    """Return the parameters of a search, from the query or from a JSON body."""
    if request.method == "GET":
        return dict(request.args)
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict) or None in body.values():
        raise _refused(400, "Invalid request payload. Refer to the documentation.")
    return body


def _search_routes(app: Flask, world: World) -> None:
    tracker = world.jira

    @app.route("/rest/api/<version>/search", methods=["GET", "POST"])
    def search(version: str) -> ResponseReturnValue:
        if tracker.cloud:
            raise _refused(410, REMOVED)
        asked = _asked()
        found = _found(world, str(asked.get("jql", "")), bounded=False)
        start, size = int(asked.get("startAt", 0)), int(asked.get("maxResults", 50))
        fields = _fields(asked.get("fields", "*all"))
        with world.lock:
            shown = [
                shapes.issue_shape(tracker, issue, version, fields)
                for issue in found[start : start + size]
            ]
        about = {"startAt": start, "maxResults": size, "total": len(found)}
        return {**about, "issues": shown}

    @app.route("/rest/api/<version>/search/jql", methods=["GET", "POST"])
    def search_jql(version: str) -> ResponseReturnValue:
        if not tracker.cloud:
            raise Refusal(404, {"message": "null for uri", "status-code": 404})
        asked = _asked()
        found = _found(world, str(asked.get("jql", "")), bounded=True)
        start = _page_start(str(asked.get("nextPageToken", "")))
        size = min(int(asked.get("maxResults", 50)), 5000)
        # Only ids, unless more was asked for.
        fields = _fields(asked.get("fields", "id"))
        with world.lock:
            shown = []
            for issue in found[start : start + size]:
                shape = shapes.issue_shape(tracker, issue, version, fields)
                if fields is not None and not fields - {"id"}:
                    shape = {"id": issue.id}
                shown.append(shape)
        last = start + size >= len(found)
        answer: Json = {"issues": shown, "isLast": last}
        if not last:
            token = base64.urlsafe_b64encode(f"at:{start + size}".encode())
            answer["nextPageToken"] = token.decode()
        return answer

    @app.post("/rest/api/<version>/search/approximate-count")
    def count(version: str) -> ResponseReturnValue:
        return {"count": len(_found(world, str(_asked().get("jql", "")), bounded=True))}


def _fields(given: object) -> frozenset[str] | None:
    text = ",".join(given) if isinstance(given, list) else str(given)
    return chosen_fields(text)


def _page_start(token: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token).decode() if token else "at:0"
        return int(text.removeprefix("at:"))
    except ValueError as err:
        raise _refused(400, "The nextPageToken is invalid.") from err


OLD_WEBHOOKS = "/rest/webhooks/1.0/webhook"
NEW_WEBHOOKS = "/rest/jira-webhook/1.0/webhooks"


def _webhook_routes(app: Flask, world: World) -> None:
    """Data Center moved them with version 10 and shows them in another shape."""
    tracker = world.jira

    def base() -> str:
        is_new = not tracker.cloud and tracker.version >= (10, 0)
        return NEW_WEBHOOKS if is_new else OLD_WEBHOOKS

    def shape(webhook: Webhook) -> Json:
        about = {
            "name": webhook.extra.get("name", ""),
            "url": webhook.url,
            "events": webhook.events,
        }
        is_enabled = webhook.state == "enabled"
        if base() == NEW_WEBHOOKS:
            configuration = webhook.extra.get("configuration", {})
            more = {"id": int(webhook.id), "configuration": configuration}
            return {**about, **more, "active": is_enabled}
        return {
            **about,
            "filters": webhook.extra.get("filters", {}),
            "excludeBody": webhook.extra.get("excludeBody", False),
            "enabled": is_enabled,
            # The secret cannot be read back.
            "isSigned": bool(webhook.secret) and tracker.cloud,
            "self": f"{world.stage.base_url}/jira{OLD_WEBHOOKS}/{webhook.id}",
        }

    def change(webhook: Webhook, body: Json) -> None:
        webhook.url = body.get("url", webhook.url)
        webhook.events = list(body.get("events", webhook.events))
        enabled = body.get("enabled", body.get("active", True))
        webhook.state = "enabled" if enabled else "disabled"
        if tracker.cloud and body.get("secret"):
            webhook.secret = body["secret"]
        for key in ("name", "filters", "configuration", "excludeBody"):
            if key in body:
                webhook.extra[key] = body[key]

    def enter() -> None:
        if not request.path.startswith(base()):
            raise Refusal(404, {"message": "null for uri", "status-code": 404})
        if not tracker.is_admin:
            raise _refused(403, "You do not have permission to do that.")

    @app.get(OLD_WEBHOOKS)
    @app.get(NEW_WEBHOOKS)
    def webhooks() -> ResponseReturnValue:
        with world.lock:
            enter()
            return jsonify([shape(one) for one in tracker.webhooks.values()])

    @app.post(OLD_WEBHOOKS)
    @app.post(NEW_WEBHOOKS)
    def add() -> ResponseReturnValue:
        enter()
        body = request.get_json(force=True, silent=True) or {}
        for key in ("name", "url", "events"):
            if not body.get(key):
                raise _refused(400, f"{key} is required")
        secret = str(body.get("secret") or "") if tracker.cloud else ""
        with world.lock:
            added = world.subscribe(VENDOR, body["url"], secret, body["events"], API)
            change(added, body)
            return shape(added), 201

    @app.route(f"{OLD_WEBHOOKS}/<number>", methods=["GET", "PUT", "DELETE"])
    @app.route(f"{NEW_WEBHOOKS}/<number>", methods=["GET", "PUT", "DELETE"])
    def webhook(number: str) -> ResponseReturnValue:
        with world.lock:
            enter()
            found = tracker.webhooks.get(number)
            if found is None:
                raise _refused(404, "No webhook with that id.")
            if request.method == "DELETE":
                del tracker.webhooks[number]
                return Response(status=204)
            if request.method == "PUT":
                change(found, request.get_json(force=True, silent=True) or {})
            return shape(found)
