"""Jira's interface: issues and all that hangs on them, for Cloud and Data Center.

Search, metadata and webhooks are in ``jira_more``.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from connector.sandbox import jira_more, jsm
from connector.sandbox import jira_shapes as shapes
from connector.sandbox.jira_text import is_document
from connector.sandbox.jira_tracker import Issue, Project, Transition
from connector.sandbox.stage import API, Json, Refusal
from connector.sandbox.world import World

SUMMARY_LIMIT, LABEL_LIMIT, TEXT_LIMIT = 255, 255, 32_767
MISSING = "Issue does not exist or you do not have permission to see it."


def bad_request(*messages: str, **errors: str) -> Refusal:
    return Refusal(400, {"errorMessages": list(messages), "errors": errors})


def missing(message: str = MISSING) -> Refusal:
    return Refusal(404, {"errorMessages": [message], "errors": {}})


def body_of_request() -> Json:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise bad_request("Invalid request payload. Refer to the documentation.")
    return body


def create_app(world: World) -> Flask:
    """Build the look-alike on ``world.jira``."""
    app = Flask("connector.sandbox.jira", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]

    @app.errorhandler(Refusal)
    def refuse(err: Refusal) -> ResponseReturnValue:
        return jsonify(err.body), err.status, err.headers

    @app.before_request
    def enter() -> None:
        if request.path.startswith("/rest/"):
            _authenticate(world)
            if not world.jira.cloud and request.path.startswith("/rest/api/3/"):
                raise Refusal(404, {"message": "null for uri", "status-code": 404})

    _issue_routes(app, world)
    _transition_routes(app, world)
    _comment_routes(app, world)
    _property_routes(app, world)
    _link_routes(app, world)
    jira_more.add_routes(app, world)
    jsm.add_routes(app, world)
    return app


def _authenticate(world: World) -> None:
    settings = world.settings
    header = request.headers.get("Authorization", "")
    kind, _, value = header.partition(" ")
    accepted = False
    if world.jira.cloud and kind.lower() == "basic":
        expected = f"{settings.jira_email}:{settings.jira_token}"
        try:
            accepted = base64.b64decode(value, validate=True).decode() == expected
        except (binascii.Error, UnicodeDecodeError):
            accepted = False
    elif not world.jira.cloud and kind.lower() == "bearer":
        accepted = value == settings.jira_token
    if not accepted:
        words = "Client must be authenticated to access this resource."
        raise Refusal(401, {"message": words, "status-code": 401})


def find(world: World, id_or_key: str) -> Issue:
    found = world.jira.get(id_or_key)
    if found is None or found.id in world.jira.hidden:
        raise missing()
    return found


def text_field(value: Any, version: str, name: str) -> Any:
    """Check a long text: a string in version 2, a document in version 3."""
    if value is None:
        return None
    if version == "3":
        if not is_document(value):
            raise bad_request(
                **{name: "Operation value must be an Atlassian Document (see docs)"}
            )
        return value
    if not isinstance(value, str):
        raise bad_request(**{name: "Operation value must be a string"})
    if len(value) > TEXT_LIMIT:
        words = f"The entered text is too long. It exceeds the allowed {TEXT_LIMIT}"
        raise bad_request(**{name: f"{words} characters."})
    return value


def checked_labels(labels: Any) -> list[str]:
    if not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
        raise bad_request(labels="data was not an array of strings")
    for label in labels:
        if " " in label:
            words = f"The label '{label}' contains spaces which is invalid."
            raise bad_request(labels=words)
        if len(label) > LABEL_LIMIT:
            words = "exceeds the maximum length for a single label of 255 characters"
            raise bad_request(labels=f"The label '{label[:20]}' {words}")
    return list(dict.fromkeys(labels))


def checked_summary(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise bad_request(summary="You must specify a summary of the issue.")
    if len(value) > SUMMARY_LIMIT:
        raise bad_request(summary="Summary can't exceed 255 characters.")
    if "\n" in value or "\r" in value:
        words = "The summary is invalid because it contains newline characters."
        raise bad_request(summary=words)
    return value


def _named(given: Any, known: dict[str, str], name: str) -> str:
    """Return the id of ``{"id"}`` or ``{"name"}``."""
    if isinstance(given, dict):
        for number, word in known.items():
            if given.get("id") == number or given.get("name") == word:
                return number
    raise bad_request(**{name: f"The {name} selected is invalid."})


def _project(world: World, given: Any) -> Project:
    value = given.get("key") or given.get("id") if isinstance(given, dict) else None
    found = world.jira.project(str(value)) if value else None
    if found is None:
        raise bad_request(project="Specify a valid project ID or key")
    return found


def _values(world: World, fields: Json, version: str) -> Json:
    """Check the fields that are present and translate them to our names."""
    known = (
        "summary",
        "description",
        "labels",
        "priority",
        "issuetype",
        "project",
        "components",
        "assignee",
    )
    values: Json = {}
    _refuse_unfit(world, fields, known)
    if "summary" in fields:
        values["summary"] = checked_summary(fields["summary"])
    if "description" in fields:
        given = fields["description"]
        values["description"] = text_field(given, version, "description")
    if "labels" in fields:
        values["labels"] = checked_labels(fields["labels"])
    if fields.get("priority") is not None:
        chosen = _named(fields["priority"], shapes.PRIORITIES, "priority")
        values["priority"] = chosen
    if "components" in fields:
        parts = world.jira.components
        given = fields["components"]
        values["components"] = [_named(one, parts, "components") for one in given]
    if "assignee" in fields:
        who = fields["assignee"].get("accountId" if world.jira.cloud else "name")
        if shapes.user_called(world.jira, who) is None:
            raise bad_request(assignee=f"User '{who}' does not exist.")
        values["assignee"] = who
    others = {key: value for key, value in fields.items() if key not in known}
    if others:
        values["fields"] = others
    return values


def _refuse_unfit(world: World, fields: Json, known: tuple[str, ...]) -> None:
    """Say no to all at once that is on no screen, or holds something else."""
    refused = {}
    for key, value in fields.items():
        is_known = key in known or key.startswith("customfield_")
        if not is_known or key in world.jira.off_screen:
            words = f"Field '{key}' cannot be set. It is not on the appropriate screen"
            refused[key] = f"{words}, or unknown."
        elif said := jira_more.misfit(key, value):
            refused[key] = said
    if refused:
        raise bad_request(**refused)


def _check_extra(known: dict[str, Json], fields: Json) -> None:
    missing = {
        name: f"{about['name']} is required."
        for name, about in known.items()
        if about["required"] and not about.get("hasDefaultValue") and name not in fields
    }
    if missing:
        raise bad_request(**missing)


def _issue_routes(app: Flask, world: World) -> None:
    tracker = world.jira

    @app.post("/rest/api/<version>/issue")
    def create(version: str) -> ResponseReturnValue:
        body = body_of_request()
        fields = body.get("fields") or {}
        with world.lock:
            project = _project(world, fields.get("project"))
            values = _values(world, {"summary": None, **fields}, version)
            kinds = shapes.ISSUE_TYPES
            values["issuetype"] = _named(fields.get("issuetype"), kinds, "issuetype")
            _check_extra(tracker.extra_fields, fields)
            if body.get("properties") and tracker.cloud:
                given = body["properties"]
                values["properties"] = {one["key"]: one["value"] for one in given}
            issue = tracker.create(project, values, API)
        where = f"{shapes.rest(tracker, version)}/issue/{issue.id}"
        return {"id": issue.id, "key": issue.key, "self": where}, 201

    @app.get("/rest/api/<version>/issue/<key>")
    def show(version: str, key: str) -> ResponseReturnValue:
        fields = jira_more.chosen_fields(request.args.get("fields", "*all"))
        with world.lock:
            issue = find(world, key)
            shape = shapes.issue_shape(tracker, issue, version, fields)
            wanted = request.args.get("properties", "").split(",")
            if wanted != [""]:
                shape["properties"] = {
                    name: value
                    for name, value in issue.properties.items()
                    if name in wanted or "*all" in wanted
                }
            return shape

    @app.put("/rest/api/<version>/issue/<key>")
    def edit(version: str, key: str) -> ResponseReturnValue:
        body = body_of_request()
        fields, update = body.get("fields") or {}, body.get("update") or {}
        both = sorted(set(fields) & set(update))
        if both:
            words = "Field cannot be in both 'fields' and 'update'"
            raise bad_request(**{both[0]: f"{words}."})
        with world.lock:
            issue = find(world, key)
            values = _values(world, fields, version)
            if set(update) - {"labels"}:
                raise bad_request("Only labels can be updated by operations here.")
            if "labels" in update:
                values["labels"] = _apply_labels(issue.labels, update["labels"])
            if "fields" in values:
                values["fields"] = {**issue.fields, **values["fields"]}
            tracker.edit(issue, values, API)
            for one in body.get("properties") or []:
                tracker.set_property(issue, one["key"], one["value"], API)
        return Response(status=204)

    @app.delete("/rest/api/<version>/issue/<key>")
    def delete(version: str, key: str) -> ResponseReturnValue:
        with world.lock:
            tracker.delete(find(world, key), API)
        return Response(status=204)


def _apply_labels(labels: list[str], operations: list[Json]) -> list[str]:
    """Add, remove or set; adding twice and removing nothing are fine."""
    result = list(labels)
    for operation in operations:
        for verb, value in operation.items():
            if verb == "set":
                result = checked_labels(value)
            elif verb == "add":
                result = checked_labels([*result, value])
            elif verb == "remove":
                result = [label for label in result if label != value]
            else:
                raise bad_request(labels=f"unknown operation {verb!r}")
    return result


def _transition_routes(app: Flask, world: World) -> None:
    tracker = world.jira

    @app.get("/rest/api/<version>/issue/<key>/transitions")
    def transitions(version: str, key: str) -> ResponseReturnValue:
        with world.lock:
            offered = tracker.transitions(find(world, key))
        wide = "transitions.fields" in request.args.get("expand", "")
        shown = [shapes.transition_shape(one, fields=wide) for one in offered]
        return {"expand": "transitions", "transitions": shown}

    @app.post("/rest/api/<version>/issue/<key>/transitions")
    def move(version: str, key: str) -> ResponseReturnValue:
        body = body_of_request()
        number = str((body.get("transition") or {}).get("id", ""))
        given = (body.get("fields") or {}).get("resolution")
        with world.lock:
            issue = find(world, key)
            offered: dict[str, Transition] = {
                one.id: one for one in tracker.transitions(issue)
            }
            if number not in offered:
                words = "It seems that you have tried to perform a workflow operation"
                where = "that is not valid for the current state of this issue."
                raise bad_request(f"{words} ({number}) {where}")
            asked = offered[number].asks
            if asked and asked not in (body.get("fields") or {}):
                raise bad_request(**{asked: f"{asked} is required."})
            names = {number: name for name, number in shapes.RESOLUTION_IDS.items()}
            chosen = names[_named(given, names, "resolution")] if given else None
            tracker.move(issue, offered[number], API, resolution=chosen)
        return Response(status=204)


def _comment_routes(app: Flask, world: World) -> None:
    tracker = world.jira

    @app.get("/rest/api/<version>/issue/<key>/comment")
    def comments(version: str, key: str) -> ResponseReturnValue:
        with world.lock:
            issue = find(world, key)
            said = [
                shapes.comment_shape(tracker, issue, comment, version)
                for comment in issue.comments
            ]
        if request.args.get("orderBy", "").startswith("-"):
            said.reverse()
        return jira_more.offset_page("comments", said, 100)

    @app.post("/rest/api/<version>/issue/<key>/comment")
    def comment(version: str, key: str) -> ResponseReturnValue:
        body = body_of_request()
        if not body.get("body"):
            raise bad_request(comment="Comment body can not be empty!")
        text = text_field(body["body"], version, "comment")
        given = {one["key"]: one["value"] for one in body.get("properties") or []}
        with world.lock:
            issue = find(world, key)
            said = tracker.comment(issue, text, API, given)
            return shapes.comment_shape(tracker, issue, said, version), 201

    @app.get("/rest/api/<version>/comment/<number>/properties/<name>")
    def comment_property(version: str, number: str, name: str) -> ResponseReturnValue:
        with world.lock:
            for issue in tracker.issues.values():
                for said in issue.comments:
                    if said.id == number and name in said.properties:
                        return {"key": name, "value": said.properties[name]}
        raise missing("The comment or its property does not exist.")


def _property_routes(app: Flask, world: World) -> None:
    tracker = world.jira

    @app.get("/rest/api/<version>/issue/<key>/properties")
    def names(version: str, key: str) -> ResponseReturnValue:
        with world.lock:
            found = find(world, key).properties
            return {"keys": [{"key": name} for name in found]}

    @app.route(
        "/rest/api/<version>/issue/<key>/properties/<name>",
        methods=["GET", "PUT", "DELETE"],
    )
    def one_property(version: str, key: str, name: str) -> ResponseReturnValue:
        with world.lock:
            issue = find(world, key)
            if request.method == "PUT":
                value = request.get_json(force=True, silent=True)
                if value is None or len(request.data) > 32_768 or len(name) > 255:
                    raise bad_request("The property key or value cannot be stored.")
                added = tracker.set_property(issue, name, value, API)
                return Response(status=201 if added else 200)
            if name not in issue.properties:
                raise missing(f"The property with key '{name}' does not exist.")
            if request.method == "DELETE":
                del issue.properties[name]
                return Response(status=204)
            return {"key": name, "value": issue.properties[name]}


def _link_type(given: Json, known: dict[str, str]) -> str:
    """Return the name of a type of links, which is given by id or name."""
    for number, name in known.items():
        if given.get("id") == number or given.get("name") == name:
            return name
    raise missing("No issue link type with this id or name found.")


def _link_routes(app: Flask, world: World) -> None:
    tracker = world.jira

    @app.get("/rest/api/<version>/issue/<key>/remotelink")
    def links(version: str, key: str) -> ResponseReturnValue:
        wanted = request.args.get("globalId")
        with world.lock:
            found = find(world, key).remote_links
            if wanted is None:
                return jsonify(list(found.values()))
            if wanted not in found:
                raise missing("No remote link with that globalId.")
            return found[wanted]

    @app.post("/rest/api/<version>/issue/<key>/remotelink")
    def link(version: str, key: str) -> ResponseReturnValue:
        body = body_of_request()
        shown = body.get("object") or {}
        for name in ("url", "title"):
            if not shown.get(name):
                raise bad_request(**{name: f"'{name}' is required."})
        if len(body.get("globalId") or "") > 255:
            raise bad_request(globalId="'globalId' is too long.")
        with world.lock:
            stored, added = tracker.link(find(world, key), body, API)
        where = f"{shapes.rest(tracker, version)}/issue/{key}/remotelink/{stored['id']}"
        return {"id": stored["id"], "self": where}, 201 if added else 200

    @app.get("/rest/api/<version>/issueLinkType")
    def issue_link_types(version: str) -> ResponseReturnValue:
        shown = [
            shapes.link_type_shape(tracker, number, version)
            for number in tracker.link_types
        ]
        return {"issueLinkTypes": shown}

    @app.post("/rest/api/<version>/issueLink")
    def issue_link(version: str) -> ResponseReturnValue:
        body = body_of_request()
        with world.lock:
            ends = [body.get("inwardIssue") or {}, body.get("outwardIssue") or {}]
            issues = [find(world, str(e.get("key") or e.get("id"))) for e in ends]
            kind = _link_type(body.get("type") or {}, tracker.link_types)
            tracker.link_issues(issues[0], issues[1], kind, API)
        return Response(status=201)

    @app.route("/rest/api/<version>/issue/<key>/watchers", methods=["GET", "POST"])
    def watchers(version: str, key: str) -> ResponseReturnValue:
        with world.lock:
            issue = find(world, key)
            if request.method == "GET":
                return {"watchCount": len(issue.watchers), "watchers": issue.watchers}
            who = request.get_json(force=True, silent=True)
            if not isinstance(who, str):
                raise bad_request("a JSON string is expected")
            if shapes.user_called(tracker, who) is None:
                raise missing(f"The user '{who}' does not exist.")
            issue.watchers = list(dict.fromkeys([*issue.watchers, who]))
        return Response(status=204)
