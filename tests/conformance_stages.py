"""Stages for the conformance kit: our adapters on the sandbox, in memory, on a form.

What each look-alike does with a call is the sandbox's; here is only who does what.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import requests
import responses
import sandbox_kit

from adapters import kinds
from adapters.base import Adapter, Subscriber
from adapters.generic import signing
from adapters.memory import MemoryAdapter
from adapters.stages import (
    WAIT,
    Failure,
    HelpdeskStage,
    Missing,
    Stage,
    TrackerStage,
)
from connector.demo import sandbox_config
from connector.models import Author, IssueCategory, IssueChange, WebhookRequest
from connector.sandbox import Running
from connector.sandbox.signatures import (
    helpscout_headers,
    jira_headers,
    zendesk_headers,
)
from connector.sandbox.stage import AGENT

FAULTS = {
    Failure.BUSY: "429",
    Failure.DOWN: "503",
    Failure.CREDENTIALS: "401",
    Failure.NONSENSE: "200",
    Failure.CUT: "reset",
    Failure.LOST: "reset_after",
}
WRITING = ("POST", "PUT", "PATCH", "DELETE")
Answer = tuple[int, dict[str, str], str]

#: Signing in is no write.
NOT_SIGNING_IN = r"^/(?!.*oauth)"


def build(stage: Stage, source: str, block: dict[str, Any]) -> Adapter:
    """Give a stage its kind and settings; return the adapter."""
    stage.settings = {key: value for key, value in block.items() if key != "kind"}
    stage.kind = kinds()[block["kind"]]
    return stage.kind.build(source, stage.kind.config(**stage.settings))


def posted(headers: dict[str, str], said: object, **query: str) -> WebhookRequest:
    lower = {name.lower(): value for name, value in headers.items()}
    return WebhookRequest(lower, json.dumps(said).encode(), query)


class Ahead:
    """The real time, and a little more each time a stage lets some pass."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by


class SandboxStage(Stage):
    """What all look-alikes have in common."""

    vendor: str
    source: str
    site = ""  #: the vendor whose calls and webhooks they are, if it is another
    secrets = ("webhook_secret",)

    def __init__(self, running: Running) -> None:
        self.site = self.site or self.vendor
        self.world = running.world
        self.world.reset()
        written = sandbox_config(running.url, self.world.settings, "sqlite://", 1)
        self.adapter = build(self, self.source, self.block(written["sources"]))

    def block(self, sources: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of this source, with its kind."""
        return dict(sources[self.source])

    def set_up(self) -> None:
        assert isinstance(self.adapter, Subscriber)
        self.adapter.subscribe(f"https://connector.example/webhooks/{self.source}")

    def now(self) -> datetime:
        return self.world.stage.clock()

    def pass_time(self) -> None:
        clock = self.world.stage.clock
        assert isinstance(clock, Ahead)
        clock.by += timedelta(seconds=2)  # exports count in whole seconds

    def writes(self) -> int:
        return len(sandbox_kit.writes(self.world))

    def fail(self, failure: Failure) -> None:
        kind = FAULTS[failure]
        if failure not in (Failure.CUT, Failure.LOST):
            self.world.fail(kind, vendor=self.site, seconds=WAIT)
            return
        for method in WRITING:
            self.world.fail(kind, vendor=self.site, method=method, path=NOT_SIGNING_IN)

    def heal(self) -> None:
        self.world.faults.clear()

    def webhooks(self) -> Collection[str]:
        """Return all webhooks; one that is somebody else's is made at first."""
        found = self.world.state()[self.site]["webhooks"]
        if not found:
            other = "https://somebody.example/hook"
            self.world.subscribe(self.site, other, "x" * 20, [])
            return self.webhooks()
        return [one["id"] for one in found]


class SandboxDesk(SandboxStage, HelpdeskStage):
    """A look-alike helpdesk."""

    def make_ticket(self, text: str, email: str) -> str:
        return self.world.write(self.vendor, email=email, subject="Parcel", text=text)

    def tags(self, external_id: str) -> Collection[str]:
        return list(self._ticket(external_id)["tags"])

    def add_tag(self, external_id: str, tag: str) -> None:
        self.world.agent(self.vendor, external_id, "add_tag", tag=tag)

    def status(self, external_id: str) -> str:
        return str(self._ticket(external_id)["status"])

    def notes(self, external_id: str) -> Sequence[str]:
        return [one["text"] for one in self._ticket(external_id)["notes"]]

    def messages(self, external_id: str) -> Sequence[str]:
        said = self._ticket(external_id)["messages"]
        return [one["text"] for one in said if not one["draft"]]

    def delete(self, external_id: str) -> None:
        self.world.agent(self.vendor, external_id, "delete")

    def merge(self, external_id: str, into: str) -> None:
        self.world.agent(self.vendor, external_id, "merge", into=into)

    def _ticket(self, external_id: str) -> dict[str, Any]:
        return self.world.ticket(self.vendor, external_id)


class HelpScoutStage(SandboxDesk):
    vendor, source = "helpscout", "support"

    def delivery(self, external_id: str) -> WebhookRequest:
        return self._signed("convo.created", {"id": int(external_id), "number": 1})

    def strange_delivery(self) -> WebhookRequest:
        return self._signed("organization.updated", {"id": 10, "name": "Fjord"})

    def _signed(self, event: str, said: object) -> WebhookRequest:
        secret = self.world.settings.helpscout_webhook_secret
        body = json.dumps(said).encode()
        return posted(helpscout_headers(secret, event, body), said)


class ZendeskStage(SandboxDesk):
    vendor, source = "zendesk", "desk"

    def delivery(self, external_id: str) -> WebhookRequest:
        return self._signed({"ticket_id": external_id})

    def strange_delivery(self) -> WebhookRequest:
        kind = "zen:event-type:user.tags_changed"
        return self._signed({"type": kind, "detail": {"id": "7"}, "event": {}})

    def _signed(self, said: object) -> WebhookRequest:
        body, secret = (
            json.dumps(said).encode(),
            self.world.settings.zendesk_webhook_secret,
        )
        invocation = uuid4().hex
        headers = zendesk_headers(secret, "01W", invocation, body, self.now())
        return posted(headers, said)


class JiraSite(SandboxStage):
    """What both sides of a Jira site have in common, of either flavour."""

    site = "jira"

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        self._later = itertools.count()  # no two things happen at the same time
        self.is_cloud = self.world.settings.jira_flavour == "cloud"
        if not self.is_cloud:
            self.secrets = ("webhook_token",)
            self.signs_body = False

    def delivery(self, external_id: str) -> WebhookRequest:
        key = self._key(external_id)
        project = {"key": key.partition("-")[0]}
        issue = {"id": external_id, "key": key, "fields": {"project": project}}
        return self._signed({"webhookEvent": "jira:issue_updated", "issue": issue})

    def strange_delivery(self) -> WebhookRequest:
        return self._signed({"webhookEvent": "sprint_started", "sprint": {"id": 3}})

    def _key(self, external_id: str) -> str:
        issue = self.world.jira.get(external_id)
        assert issue is not None
        return issue.key

    def _signed(self, said: dict[str, Any]) -> WebhookRequest:
        moment = int(self.now().timestamp() * 1000) + next(self._later)
        stamped = {"timestamp": moment, **said}
        secret = self.world.settings.jira_webhook_secret
        body = json.dumps(stamped).encode()
        headers = jira_headers(secret, uuid4().hex, 1, body, cloud=self.is_cloud)
        return posted(headers, stamped, **({} if self.is_cloud else {"token": secret}))


class ServiceDeskStage(JiraSite, SandboxDesk):
    """Jira Service Management as a helpdesk."""

    vendor, source = "jsm", "care"

    def block(self, sources: dict[str, Any]) -> dict[str, Any]:
        projects = list(self.world.settings.jsm_projects)
        desk = {"kind": "jira_service_management", "projects": projects}
        return {**sources["tracker"], **desk}

    def merge(self, external_id: str, into: str) -> None:
        raise Missing("requests cannot be merged")


class JiraStage(JiraSite, TrackerStage):
    """Jira as a tracker."""

    vendor, source = "jira", "tracker"
    project, issue_type = "SHOP", "Bug"

    def issues(self) -> int:
        return len(sandbox_kit.issues(self.world))

    def labels(self, external_id: str) -> Collection[str]:
        return list(self._issue(external_id)["labels"])

    def add_label(self, external_id: str, label: str) -> None:
        with self.world.lock:
            issue = self.world.jira.get(external_id)
            self.world.jira.edit(issue, {"labels": [*issue.labels, label]}, AGENT)

    def comments(self, external_id: str) -> Sequence[str]:
        return [one["text"] for one in self._issue(external_id)["comments"]]

    def links(self, external_id: str) -> int:
        return len(self._issue(external_id)["remote_links"])

    def finish(self, external_id: str) -> None:
        self.world.issue(external_id, "done")

    def delete(self, external_id: str) -> None:
        self.world.issue(external_id, "delete")

    def _issue(self, external_id: str) -> dict[str, Any]:
        issues = sandbox_kit.issues(self.world)
        return next(one for one in issues if one["id"] == external_id)


class MemoryStage(Stage):
    """The adapter that is its own vendor, so nothing can come between them."""

    secrets = ("secret",)
    signs_body = False
    adapter: MemoryAdapter

    def __init__(self) -> None:
        made = build(self, "memory", {"kind": "memory", "secret": "of-memory"})
        assert isinstance(made, MemoryAdapter)
        self.adapter = made
        self._ids = itertools.count(1)

    def writes(self) -> int:
        return len(self.adapter.calls)

    def fail(self, failure: Failure) -> None:
        raise Missing("memory does not fail")

    def heal(self) -> None:
        raise Missing("memory does not fail")

    def strange_delivery(self) -> WebhookRequest:
        return self._signed({"weather": "fine"})

    def _signed(self, said: object) -> WebhookRequest:
        headers = {"x-memory-token": "of-memory", "x-memory-id": str(next(self._ids))}
        return posted(headers, said)


class MemoryDesk(MemoryStage, HelpdeskStage):
    adapter: MemoryAdapter

    def delivery(self, external_id: str) -> WebhookRequest:
        return self._signed({"ticket": external_id})

    def make_ticket(self, text: str, email: str) -> str:
        number = str(next(self._ids))
        self.adapter.write(number, text, email=email)
        return number

    def tags(self, external_id: str) -> Collection[str]:
        return self.adapter.tickets[external_id].tags

    def add_tag(self, external_id: str, tag: str) -> None:
        self.adapter.change_tags(external_id, frozenset({tag}), frozenset())

    def status(self, external_id: str) -> str:
        return str(self.adapter.tickets[external_id].status)

    def notes(self, external_id: str) -> Sequence[str]:
        return self._said("add_note", external_id)

    def messages(self, external_id: str) -> Sequence[str]:
        sent = {
            c.body
            for c in self.adapter.tickets[external_id].comments
            if c.author is Author.AGENT and not c.draft
        }
        return [
            text for text in self._said("send_message", external_id) if text in sent
        ]

    def delete(self, external_id: str) -> None:
        del self.adapter.tickets[external_id]

    def merge(self, external_id: str, into: str) -> None:
        self.adapter.merged[external_id] = into

    def _said(self, what: str, external_id: str) -> Sequence[str]:
        calls = self.adapter.calls
        return [
            str(text) for act, to, text in calls if (act, to) == (what, external_id)
        ]


class MemoryTracker(MemoryStage, TrackerStage):
    adapter: MemoryAdapter
    project, issue_type = "SHOP", "Bug"

    def delivery(self, external_id: str) -> WebhookRequest:
        return self._signed({"issue": external_id})

    def issues(self) -> int:
        return len(self.adapter.issues)

    def labels(self, external_id: str) -> Collection[str]:
        return self.adapter.issues[external_id].labels

    def add_label(self, external_id: str, label: str) -> None:
        change = IssueChange(add_labels=frozenset({label}))
        self.adapter.update_issue(external_id, change)

    def comments(self, external_id: str) -> Sequence[str]:
        here = ("comment_issue", external_id)
        said = [body for *call, body in self.adapter.calls if tuple(call) == here]
        return [" ".join(block.text for block in body) for body in said]  # type: ignore[attr-defined]

    def links(self, external_id: str) -> int:
        calls = self.adapter.calls
        linked = {
            str(v) for act, to, v in calls if (act, to) == ("link_ticket", external_id)
        }
        return len(linked)

    def finish(self, external_id: str) -> None:
        self.adapter.move_issue(external_id, IssueCategory.DONE, "Done")

    def delete(self, external_id: str) -> None:
        del self.adapter.issues[external_id]


class FormsStage(HelpdeskStage):
    """A form's server: tickets can be read there, and writes are taken."""

    secrets = ("webhook_secret",)
    base = "https://forms.example"

    def __init__(self, web: responses.RequestsMock) -> None:
        ours, theirs = (
            f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}"
            for number in (1, 2)
        )
        self._key = signing.key_of(ours)
        block = {
            "kind": "generic",
            "webhook_secret": ours,
            "ticket_url": f"{self.base}/tickets/{{id}}",
            "callback_url": f"{self.base}/callback",
            "callback_secret": theirs,
            "token": "forms-token",
        }
        self.adapter = build(self, "forms", block)  # type: ignore[assignment]
        self.desk: dict[str, dict[str, Any]] = {}
        self.seen: set[str] = set()
        self.written = 0
        self.failure: Failure | None = None
        self._ids = itertools.count(1)
        web.add_callback("GET", re.compile(f"{self.base}/tickets/.*"), self._show)
        web.add_callback("POST", f"{self.base}/callback", self._take)

    def make_ticket(self, text: str, email: str) -> str:
        number, now = f"F-{next(self._ids)}", datetime.now(UTC).isoformat()
        self.desk[number] = {
            "id": number,
            "customer": {"email": email},
            "messages": [{"text": text, "at": now}],
            "tags": [],
            "created_at": now,
        }
        return number

    def tags(self, external_id: str) -> Collection[str]:
        return list(self.desk[external_id]["tags"])

    def add_tag(self, external_id: str, tag: str) -> None:
        self.desk[external_id]["tags"].append(tag)

    def status(self, external_id: str) -> str:
        return str(self.desk[external_id].get("status", "open"))

    def notes(self, external_id: str) -> Sequence[str]:
        return self._written(external_id, internal=True)

    def messages(self, external_id: str) -> Sequence[str]:
        return self._written(external_id, internal=False)

    def delete(self, external_id: str) -> None:
        del self.desk[external_id]

    def delivery(self, external_id: str) -> WebhookRequest:
        return self._signed({"type": "ticket.changed", "data": {"id": external_id}})

    def strange_delivery(self) -> WebhookRequest:
        return self._signed({"type": "invoice.paid", "data": {}})

    def writes(self) -> int:
        return self.written

    def fail(self, failure: Failure) -> None:
        self.failure = failure

    def heal(self) -> None:
        self.failure = None

    def _signed(self, said: object) -> WebhookRequest:
        body = json.dumps(said).encode()
        signed = signing.headers([self._key], f"msg_{uuid4().hex}", self.now(), body)
        return WebhookRequest(signed, body)

    def _written(self, external_id: str, *, internal: bool) -> list[str]:
        said = self.desk[external_id]["messages"][1:]
        return [one["text"] for one in said if one["internal"] is internal]

    def _show(self, request: requests.PreparedRequest) -> Answer:
        if broken := self._broken():
            return broken
        number = (request.url or "").rpartition("/")[2]
        if number not in self.desk:
            return 404, {}, "{}"
        return 200, {}, json.dumps(self.desk[number])

    def _take(self, request: requests.PreparedRequest) -> Answer:
        if self.failure is Failure.CUT:
            raise requests.ConnectionError("torn down")
        if self.failure is not Failure.LOST and (broken := self._broken()):
            return broken
        status = self._perform(request)
        if self.failure is Failure.LOST:
            raise requests.ConnectionError("torn down")
        return status, {}, "{}"

    def _perform(self, request: requests.PreparedRequest) -> int:
        said = json.loads(request.body or b"")
        if said["type"] == "connector.check":
            return 200
        ticket = self.desk.get(said["data"]["ticket"])
        if ticket is None:
            return 410
        if request.headers["webhook-id"] in self.seen:
            return 200  # taken before
        self.seen.add(request.headers["webhook-id"])
        self.written += 1
        if said["type"] == "ticket.tags":
            kept = [t for t in ticket["tags"] if t not in said["data"]["remove"]]
            ticket["tags"] = kept + said["data"]["add"]
        elif not said["data"].get("draft"):
            internal = said["type"] == "ticket.note"
            text, now = said["data"]["text"], datetime.now(UTC).isoformat()
            message = {"author": "robot", "text": text, "internal": internal}
            ticket["messages"].append({**message, "at": now})
        return 200

    def _broken(self) -> Answer | None:
        if self.failure is Failure.BUSY:
            return 429, {"Retry-After": str(WAIT)}, "{}"
        if self.failure is Failure.DOWN:
            return 503, {}, "{}"
        if self.failure is Failure.CREDENTIALS:
            return 401, {}, "{}"
        if self.failure is Failure.NONSENSE:
            return 200, {}, "<html>hello</html>"
        return None
