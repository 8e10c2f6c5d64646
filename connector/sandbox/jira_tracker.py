"""Jira's state and what can happen to it, by whomever. No HTTP, no paths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from connector.sandbox.deliveries import Deliveries, Webhook
from connector.sandbox.jira_shapes import (
    comment_shape,
    is_internal,
    issue_shape,
    user_shape,
)
from connector.sandbox.jira_text import as_string
from connector.sandbox.stage import Json, Stage

VENDOR = "jira"


class Status(NamedTuple):
    id: str
    name: str
    category: str


class Transition(NamedTuple):
    id: str
    name: str
    to: Status
    sources: tuple[str, ...]
    asks: str = ""  #: a field without which it is refused


TO_DO = Status("10000", "To Do", "new")
IN_PROGRESS = Status("3", "In Progress", "indeterminate")
DONE = Status("10001", "Done", "done")
STATUSES = {status.id: status for status in (TO_DO, IN_PROGRESS, DONE)}
TRANSITIONS = (
    Transition("11", "Stop", TO_DO, (IN_PROGRESS.id,)),
    Transition("21", "Start", IN_PROGRESS, (TO_DO.id,)),
    Transition("31", "Done", DONE, (TO_DO.id, IN_PROGRESS.id)),
    Transition("51", "Reopen", TO_DO, (DONE.id,)),
)


@dataclass
class Project:
    id: str
    key: str
    name: str
    kind: str = "software"


@dataclass
class Comment:
    id: str
    author: str
    body: Any
    created: datetime
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Issue:
    id: str
    key: str
    project: str
    issue_type: str
    summary: str
    created: datetime
    updated: datetime
    author: str
    description: Any = None
    status: Status = TO_DO
    resolution: str | None = None
    resolved_at: datetime | None = None
    labels: list[str] = field(default_factory=list)
    priority: str = "3"
    fields: Json = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    remote_links: dict[str, Json] = field(default_factory=dict)
    issue_links: list[Json] = field(default_factory=list)
    watchers: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    assignee: str = ""


class JiraTracker:
    """Issues, projects and webhooks of one site."""

    def __init__(self, stage: Stage, deliveries: Deliveries) -> None:
        self.stage = stage
        self._deliveries = deliveries
        self.clear()

    def clear(self) -> None:
        self.issues: dict[str, Issue] = {}
        #: Customers of a service desk, as Jira writes them.
        self.people: dict[str, Json] = {}
        self.webhooks: dict[str, Webhook] = {}
        # What an administrator may have set up otherwise; tests change it here.
        self.version = (1001, 0, 0) if self.cloud else (10, 3, 0)
        self.time_zone = "Etc/UTC"
        self.is_admin = True
        self.denied: set[str] = set()
        self.hidden: set[str] = set()  # ids of issues that the account may not see
        self.extra_fields: dict[str, Json] = {}
        self.off_screen: set[str] = set()
        self.components = {"10010": "Checkout", "10011": "Warehouse"}
        self.workflow: tuple[Transition, ...] = TRANSITIONS
        self.link_types = {"10002": "Duplicate", "10003": "Relates"}
        self.projects = {
            key: Project(str(10_000 + place), key, f"{key.capitalize()} project")
            for place, key in enumerate(self.stage.settings.jira_projects)
        }

    @property
    def cloud(self) -> bool:
        return self.stage.settings.jira_flavour == "cloud"

    # -- looking up

    def get(self, id_or_key: str) -> Issue | None:
        for issue in self.issues.values():
            if id_or_key in (issue.id, issue.key):
                return issue
        return None

    def project(self, id_or_key: str) -> Project | None:
        for project in self.projects.values():
            if id_or_key in (project.id, project.key):
                return project
        return None

    def indexed(self) -> list[Issue]:
        """Return the issues that search already knows."""
        now, lag = self.stage.clock(), self.stage.settings.jira_index_lag
        return [
            issue
            for issue in self.issues.values()
            if (now - issue.created).total_seconds() >= lag
        ]

    def transitions(self, issue: Issue) -> list[Transition]:
        return [t for t in self.workflow if issue.status.id in t.sources]

    # -- what can happen

    def create(self, project: Project, given: Json, actor: str) -> Issue:
        number = self.stage.number(f"jira.key.{project.key}")
        now = self.stage.clock()
        issue = Issue(
            id=str(self.stage.number("jira.issue", 10_100)),
            key=f"{project.key}-{number}",
            project=project.key,
            issue_type=given["issuetype"],
            summary=given["summary"],
            created=now,
            updated=now,
            author=actor,
            description=given.get("description"),
            status=given.get("status") or TO_DO,
            labels=list(given.get("labels") or []),
            priority=given.get("priority") or "3",
            components=list(given.get("components") or []),
            assignee=given.get("assignee") or "",
            fields=given.get("fields") or {},
            properties=dict(given.get("properties") or {}),
        )
        self.issues[issue.id] = issue
        self._witness(
            "issue_create",
            issue,
            actor,
            key=issue.key,
            summary=issue.summary,
            labels=list(issue.labels),
        )
        self._changed(
            "jira:issue_created",
            issue,
            actor,
            # Cloud sends a changelog even now, and with a capital letter.
            [("Status", "status", "", "To Do")] if self.cloud else [],
            "issue_created",
        )
        return issue

    def edit(self, issue: Issue, values: Json, actor: str) -> None:
        """Set plain attributes of the issue; ``fields`` holds any others."""
        items = []
        for name, value in values.items():
            before = getattr(issue, name)
            if before == value:
                continue
            setattr(issue, name, value)
            shown = as_text(before), as_text(value)
            items.append((name, name, *shown))
            if name == "labels":
                self._witness("labels", issue, actor, before=before, after=value)
        if not items:
            return
        self._touch(issue)
        self._witness("issue_update", issue, actor, fields=[item[0] for item in items])
        self._changed("jira:issue_updated", issue, actor, items, "issue_updated")

    def move(
        self,
        issue: Issue,
        transition: Transition,
        actor: str,
        *,
        resolution: str | None = None,
        keep_resolution: bool = False,
    ) -> None:
        """Follow a transition. ``keep_resolution`` plays a workflow that forgets to
        clear it."""
        before, before_resolution = issue.status, issue.resolution
        issue.status = transition.to
        if transition.to.category == "done":
            issue.resolution = resolution or "Done"
            issue.resolved_at = self.stage.clock()
        elif not keep_resolution:
            issue.resolution, issue.resolved_at = None, None
        self._touch(issue)
        self._witness(
            "transition",
            issue,
            actor,
            key=issue.key,
            before=before.name,
            after=issue.status.name,
            resolution=issue.resolution,
        )
        items = [("status", "status", before.name, issue.status.name)]
        if issue.resolution != before_resolution:
            changed = before_resolution or "", issue.resolution or ""
            items.append(("resolution", "resolution", *changed))
        kind = "issue_generic"  # Cloud says no more than that, whatever happened
        if not self.cloud and transition.to.category == "done":
            kind = "issue_resolved"
        elif not self.cloud and before.category == "done":
            kind = "issue_reopened"
        self._changed("jira:issue_updated", issue, actor, items, kind)

    def comment(
        self, issue: Issue, body: Any, actor: str, properties: Json | None = None
    ) -> Comment:
        number = str(self.stage.number("jira.comment", 20_001))
        now = self.stage.clock()
        comment = Comment(number, actor, body, now, dict(properties or {}))
        issue.comments.append(comment)
        self._touch(issue)
        text = as_string(body)
        self._witness("comment", issue, actor, id=comment.id, key=issue.key, text=text)
        self._fire_comment(issue, comment, actor)
        return comment

    def link(self, issue: Issue, link: Json, actor: str) -> tuple[Json, bool]:
        """Add a remote link, or replace the one with the same global id."""
        number = str(link.get("globalId") or self.stage.token(12))
        known = issue.remote_links.get(number)
        new_id = known["id"] if known else self.stage.number("jira.link", 10_000)
        # What is left out becomes null, also on an update.
        stored = {
            key: link.get(key)
            for key in ("globalId", "application", "relationship", "object")
        }
        issue.remote_links[number] = {"id": new_id, **stored}
        self._witness(
            "remote_link", issue, actor, global_id=number, created=known is None
        )
        return issue.remote_links[number], known is None

    def link_issues(self, issue: Issue, other: Issue, kind: str, actor: str) -> None:
        """Link two issues, beginning at ``issue``; the same link twice is kept once.

        Nobody is told: that an update is delivered for it is not confirmed.
        """
        entry = {"type": {"name": kind}, "outwardIssue": {"key": other.key}}
        if entry in issue.issue_links:
            return
        issue.issue_links.append(entry)
        back = {"type": {"name": kind}, "inwardIssue": {"key": issue.key}}
        other.issue_links.append(back)
        self._witness("issue_link", issue, actor, to=other.id, type=kind)

    def set_property(self, issue: Issue, key: str, value: Any, actor: str) -> bool:
        known = key in issue.properties
        issue.properties[key] = value
        self._witness("property", issue, actor, key=key, value=value)
        self._send(
            "issue_property_set", {"property": {"key": key, "issueId": issue.id}}
        )
        return not known

    def transfer(self, issue: Issue, project: Project, actor: str) -> None:
        """Move an issue to another project: its key changes, its id does not."""
        before = issue.key, issue.project
        issue.key = f"{project.key}-{self.stage.number(f'jira.key.{project.key}')}"
        issue.project = project.key
        self._rename_links(before[0], issue.key)
        self._touch(issue)
        self._witness("issue_move", issue, actor, before=before[0], after=issue.key)
        items = [
            ("project", "project", before[1], project.key),
            ("Key", "issuekey", before[0], issue.key),
        ]
        self._changed("jira:issue_updated", issue, actor, items, "issue_moved")

    def delete(self, issue: Issue, actor: str) -> None:
        del self.issues[issue.id]
        self._witness("issue_delete", issue, actor, key=issue.key)
        body = {"user": user_shape(self, actor), "issue": issue_shape(self, issue)}
        self._send("jira:issue_deleted", body)

    # -- webhooks

    def _changed(
        self,
        event: str,
        issue: Issue,
        actor: str,
        items: Sequence[tuple[str, str, str, str]],
        kind: str,
    ) -> None:
        body: Json = {
            "issue_event_type_name": kind,
            "user": user_shape(self, actor),
            "issue": issue_shape(self, issue),
        }
        if items:
            number = str(self.stage.number("jira.changelog", 30_001))
            changes = [self._item(*item) for item in items]
            body["changelog"] = {"id": number, "items": changes}
        self._send(event, body)

    def _item(self, name: str, field_id: str, before: str, after: str) -> Json:
        item: Json = {"field": name, "fieldtype": "jira"}
        if self.cloud:
            item["fieldId"] = field_id
        return {**item, "fromString": before, "toString": after}

    def _fire_comment(self, issue: Issue, comment: Comment, actor: str) -> None:
        said = comment_shape(self, issue, comment, "2")
        if not self.cloud:
            # No issue at all; but the same comment comes a second time, as an update.
            self._send("comment_created", {"comment": said})
            body = {"user": user_shape(self, actor), "issue": issue_shape(self, issue)}
            kind = {"issue_event_type_name": "issue_commented", "comment": said}
            self._send("jira:issue_updated", {**kind, **body})
            return
        full = issue_shape(self, issue)
        few = ("summary", "issuetype", "project", "assignee", "priority", "status")
        part = {key: full["fields"][key] for key in few}
        # Nobody is named at the top, and the address lacks a piece, as in captures.
        self_link = full["self"].replace("/issue/", "/")
        shown = {**full, "self": self_link, "fields": part}
        body = {
            "comment": {**said, "jsdPublic": not is_internal(comment)},
            "issue": shown,
        }
        self._send("comment_created", {**body, "eventType": "primaryAction"})

    def _send(self, event: str, body: Json) -> None:
        now = int(self.stage.clock().timestamp() * 1000)
        envelope = {"timestamp": now, "webhookEvent": event, **body}
        raw = json.dumps(envelope, ensure_ascii=False).encode()
        for webhook in self.webhooks.values():
            if event in webhook.events:
                self._deliveries.enqueue(webhook, event, raw)

    # -- inside

    def _rename_links(self, before: str, after: str) -> None:
        for one in self.issues.values():
            for link in one.issue_links:
                for end in ("inwardIssue", "outwardIssue"):
                    if link.get(end) == {"key": before}:
                        link[end] = {"key": after}

    def _touch(self, issue: Issue) -> None:
        issue.updated = self.stage.clock()

    def _witness(self, act: str, issue: Issue, actor: str, **detail: Any) -> None:
        self.stage.witness(VENDOR, act, issue.id, actor, **detail)


def as_text(value: Any) -> str:
    """How a changelog shows a value; labels are one string."""
    if isinstance(value, list):
        return " ".join(value)
    return as_string(value) or ""
