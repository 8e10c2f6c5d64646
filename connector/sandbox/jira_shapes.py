"""How Jira writes its things as JSON, for both flavours and versions. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.sandbox.jira_text import as_document, as_string
from connector.sandbox.stage import AGENT, API, Json

if TYPE_CHECKING:
    from connector.sandbox.jira_tracker import (
        Comment,
        Issue,
        JiraTracker,
        Project,
        Status,
        Transition,
    )

NAMES = {API: "Complaint Connector", AGENT: "Mika Developer"}
ACCOUNTS = {API: "5b10a2844c20165700ede00a", AGENT: "5b10a2844c20165700ede00b"}
ISSUE_TYPES = {"10001": "Bug", "10002": "Task", "10003": "Story"}
PRIORITIES = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"}
RESOLUTION_IDS = {
    "Done": "10000",
    "Won't Do": "10001",
    "Duplicate": "10002",
    "Cannot Reproduce": "10003",
    "Fixed": "10004",
}
#: What a link is called at the end that is called inward, and at the other.
LINK_WORDS = {
    "Duplicate": ("is duplicated by", "duplicates"),
    "Relates": ("relates to", "relates to"),
}
CATEGORIES = {
    "new": (2, "To Do", "blue-gray"),
    "indeterminate": (4, "In Progress", "yellow"),
    "done": (3, "Done", "green"),
}


def moment(value: datetime) -> str:
    """Jira's spelling of a time: milliseconds and an offset without a colon."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def rest(tracker: JiraTracker, version: str = "2") -> str:
    return f"{tracker.stage.base_url}/jira/rest/api/{version}"


def user_shape(tracker: JiraTracker, actor: str) -> Json:
    if actor in tracker.people:
        return dict(tracker.people[actor])
    name = NAMES.get(actor, NAMES[AGENT])
    if tracker.cloud:
        return {
            "accountId": ACCOUNTS.get(actor, ACCOUNTS[AGENT]),
            "accountType": "atlassian",
            "displayName": name,
            "active": True,
        }
    login = "connector" if actor == API else "mika"
    return {
        "name": login,
        "key": login,
        "emailAddress": f"{login}@agents.example",
        "displayName": name,
        "active": True,
    }


def user_called(tracker: JiraTracker, who: object) -> Json | None:
    """Return who has this account id, or on Data Center this name."""
    key = "accountId" if tracker.cloud else "name"
    users = [user_shape(tracker, actor) for actor in (API, AGENT)]
    return next((user for user in users if user[key] == who), None)


def status_shape(status: Status) -> Json:
    number, name, color = CATEGORIES[status.category]
    return {
        "id": status.id,
        "name": status.name,
        "statusCategory": {
            "id": number,
            "key": status.category,
            "name": name,
            "colorName": color,
        },
    }


def project_shape(project: Project) -> Json:
    return {
        "id": project.id,
        "key": project.key,
        "name": project.name,
        "projectTypeKey": project.kind,
    }


def issue_shape(
    tracker: JiraTracker,
    issue: Issue,
    version: str = "2",
    fields: frozenset[str] | None = None,
) -> Json:
    """``fields`` None means all of them."""
    every = _fields(tracker, issue, version)
    shown = every if fields is None else {k: v for k, v in every.items() if k in fields}
    if fields is not None and "comment" in fields:
        said = [comment_shape(tracker, issue, one, version) for one in issue.comments]
        shown["comment"] = {"comments": said, "total": len(said)}
    return {
        "id": issue.id,
        "self": f"{rest(tracker, version)}/issue/{issue.id}",
        "key": issue.key,
        "fields": shown,
    }


def _fields(tracker: JiraTracker, issue: Issue, version: str) -> Json:
    resolution = None
    if issue.resolution:
        number = RESOLUTION_IDS.get(issue.resolution, "10099")
        resolution = {"id": number, "name": issue.resolution}
    text = as_document if version == "3" else as_string
    priority = {"id": issue.priority, "name": PRIORITIES[issue.priority]}
    type_name = ISSUE_TYPES[issue.issue_type]
    return {
        "summary": issue.summary,
        "description": text(issue.description),
        "issuetype": {"id": issue.issue_type, "name": type_name, "subtask": False},
        "project": project_shape(tracker.projects[issue.project]),
        "status": status_shape(issue.status),
        "resolution": resolution,
        "resolutiondate": moment(issue.resolved_at) if issue.resolved_at else None,
        "labels": list(issue.labels),
        "priority": priority,
        "assignee": user_called(tracker, issue.assignee),
        "creator": user_shape(tracker, issue.author),
        "reporter": user_shape(tracker, issue.author),
        "created": moment(issue.created),
        "updated": moment(issue.updated),
        "issuelinks": link_shapes(tracker, issue, version),
        "components": [
            {"id": number, "name": tracker.components[number]}
            for number in issue.components
        ],
        "watches": {"watchCount": len(issue.watchers), "isWatching": False},
        **issue.fields,
    }


def link_type_shape(tracker: JiraTracker, number: str, version: str) -> Json:
    name = tracker.link_types[number]
    inward, outward = LINK_WORDS.get(name, (f"{name} (in)", f"{name} (out)"))
    return {
        "id": number,
        "name": name,
        "inward": inward,
        "outward": outward,
        "self": f"{rest(tracker, version)}/issueLinkType/{number}",
    }


def link_shapes(tracker: JiraTracker, issue: Issue, version: str) -> list[Json]:
    """Show the links to issues that are still there."""
    numbers = {name: number for number, name in tracker.link_types.items()}
    found = []
    for place, link in enumerate(issue.issue_links):
        end = "outwardIssue" if "outwardIssue" in link else "inwardIssue"
        other = tracker.get(link[end]["key"])
        name = link["type"]["name"]
        if other is None or name not in numbers:
            continue
        few = {"summary": other.summary, "status": status_shape(other.status)}
        where = f"{rest(tracker, version)}/issue/{other.id}"
        found.append(
            {
                "id": f"{issue.id}{place:03}",
                "type": link_type_shape(tracker, numbers[name], version),
                end: {"id": other.id, "key": other.key, "self": where, "fields": few},
            }
        )
    return found


def comment_shape(
    tracker: JiraTracker, issue: Issue, comment: Comment, version: str
) -> Json:
    text = as_document if version == "3" else as_string
    where = f"{rest(tracker, version)}/issue/{issue.id}/comment/{comment.id}"
    author = user_shape(tracker, comment.author)
    return {
        "self": where,
        "id": comment.id,
        "author": author,
        "body": text(comment.body),
        "updateAuthor": author,
        "created": moment(comment.created),
        "updated": moment(comment.created),
    }


def is_internal(comment: Comment) -> bool:
    """Tell whether customers of a service desk are kept from reading a comment."""
    said = comment.properties.get("sd.public.comment")
    return isinstance(said, dict) and said.get("internal") is True


def transition_shape(transition: Transition, *, fields: bool = False) -> Json:
    shape = {
        "id": transition.id,
        "name": transition.name,
        "to": status_shape(transition.to),
        "hasScreen": bool(transition.asks),
        "isAvailable": True,
    }
    if fields:
        shape["fields"] = {
            name: {
                "required": True,
                "hasDefaultValue": False,
                "key": name,
                "name": name,
                "operations": ["set"],
                "schema": {"type": "string"},
            }
            for name in (transition.asks,)
            if name
        }
    return shape
