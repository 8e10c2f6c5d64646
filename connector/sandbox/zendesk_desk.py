"""Zendesk's state and what can happen to it, by whomever. No HTTP, no paths."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

from connector.sandbox.deliveries import Deliveries, Webhook
from connector.sandbox.stage import (
    API,
    CUSTOMER,
    Json,
    Stage,
    stamp,
    to_html,
    to_text,
)
from connector.sandbox.zendesk_shapes import event_detail
from connector.sandbox.zendesk_triggers import fill_in, fits

VENDOR = "zendesk"
INTEGRATION_USER, HUMAN_USER = 880_001, 880_002
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
EVENT = "zen:event-type:ticket."
BY_TRIGGER = "conditional_ticket_events"


class JiraIntegration(Enum):
    ON = auto()
    OFF = auto()  #: not installed
    LOCKED = auto()  #: without "Manage links"


@dataclass
class User:
    id: int
    email: str
    name: str
    role: str = "end-user"
    language: str = ""
    organization_id: int | None = None
    tags: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class Organization:
    id: int
    name: str
    domain_names: list[str]
    tags: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class Comment:
    id: int
    author_id: int
    body: str
    html_body: str
    public: bool
    created_at: datetime
    channel: str
    audit_id: int = 0


@dataclass
class Audit:
    id: int
    author_id: int
    created_at: datetime
    events: list[Json]
    custom: Json
    channel: str


@dataclass
class Ticket:
    id: int
    subject: str
    requester_id: int
    created_at: datetime
    updated_at: datetime
    channel: str
    status: str = "new"
    priority: str | None = None
    type: str | None = None
    tags: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    custom_fields: list[Json] = field(default_factory=list)
    external_id: str | None = None
    problem_id: int | None = None
    group_id: int | None = None
    assignee_id: int | None = None
    organization_id: int | None = None
    followup_ids: list[int] = field(default_factory=list)
    followup_of: int | None = None
    satisfaction: Json | None = None
    rated_at: datetime | None = None
    surveys: list[Json] = field(default_factory=list)
    chat: list[Json] = field(default_factory=list)
    merged_into: int | None = None
    deleted: bool = False
    touched_at: datetime | None = None


GROUPS = {360_002: "Support", 360_003: "Legal", 360_004: "Logistics"}


class ZendeskDesk:
    """Tickets, people and webhooks of one account."""

    def __init__(self, stage: Stage, deliveries: Deliveries) -> None:
        self.stage = stage
        self._deliveries = deliveries
        self.clear()

    def clear(self) -> None:
        self.tickets: dict[int, Ticket] = {}
        self.users: dict[int, User] = {}
        self.organizations: dict[int, Organization] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.triggers: dict[int, Json] = {}
        self.jobs: dict[str, Json] = {}
        self.jira_links: list[Json] = []
        #: The state of its Jira integration; tests change it.
        self.jira_integration = JiraIntegration.ON
        #: Whether it asks by the newer kind of survey; tests change it.
        self.has_surveys = False
        self._updates: dict[int, list[datetime]] = defaultdict(list)
        for number, email, name, role in (
            (INTEGRATION_USER, self.stage.settings.zendesk_email, "Connector", "admin"),
            (HUMAN_USER, "hanna@agents.example", "Hanna Virtanen", "agent"),
        ):
            self.users[number] = User(number, email, name, role=role)

    # -- looking up

    def get(self, ticket_id: int) -> Ticket | None:
        found = self.tickets.get(ticket_id)
        return None if found is None or found.deleted else found

    def ensure_user(
        self, email: str, name: str = "", language: str = "", organization: str = ""
    ) -> User:
        wanted = email.casefold()
        found = next((u for u in self.users.values() if u.email == wanted), None)
        if found is None:
            number = self.stage.number("zendesk.user", 700_001)
            found = User(number, wanted, name or email.partition("@")[0])
            self.users[number] = found
        found.name = name or found.name
        found.language = language or found.language
        if organization:
            found.organization_id = self.ensure_organization(organization, email).id
        return found

    def ensure_organization(self, name: str, email: str = "") -> Organization:
        for one in self.organizations.values():
            if one.name == name:
                return one
        number = self.stage.number("zendesk.organization", 60_001)
        domain = email.partition("@")[2]
        created = Organization(number, name, [domain] if domain else [])
        self.organizations[number] = created
        return created

    def too_often(self, ticket: Ticket) -> bool:
        """Count an update by the integration; tell whether it is one too many."""
        allowed = self.stage.settings.zendesk_updates_per_ticket
        now = self.stage.clock()
        recent = [
            at for at in self._updates[ticket.id] if (now - at).total_seconds() < 600
        ]
        refused = allowed is not None and len(recent) >= allowed
        self._updates[ticket.id] = recent if refused else [*recent, now]
        return refused

    # -- what can happen

    def open(
        self,
        requester: User,
        subject: str,
        comment: Json,
        actor: str,
        *,
        channel: str = "email",
        followup_of: Ticket | None = None,
        **given: Any,
    ) -> Ticket:
        """Create a ticket with its first comment."""
        now = self.stage.clock()
        ticket = Ticket(
            id=self.stage.number("zendesk.ticket", 4001),
            subject=subject,
            requester_id=requester.id,
            created_at=now,
            updated_at=now,
            channel=channel,
            organization_id=requester.organization_id,
        )
        ticket.tags = clean_tags(given.get("tags") or ())
        for key in (
            "status",
            "priority",
            "type",
            "external_id",
            "problem_id",
            "custom_fields",
        ):
            if given.get(key) is not None:
                setattr(ticket, key, given[key])
        self.tickets[ticket.id] = ticket
        if followup_of is not None:
            ticket.followup_of = followup_of.id
            followup_of.followup_ids.append(ticket.id)
            # A follow-up takes the tags of its source along.
            ticket.tags = clean_tags([*followup_of.tags, *ticket.tags])
        self._witness(
            "create", ticket, actor, subject=subject, followup_of=ticket.followup_of
        )
        self._comment(ticket, comment, actor, given.get("metadata") or {}, [])
        self.fire("created", ticket, {}, self._actor_id(actor, ticket))
        self._fire_comment(ticket, ticket.comments[-1], position=2)
        self._run_triggers(ticket, actor, "Create")
        return ticket

    def customer_writes(
        self, user: User, subject: str, text: str, ticket: Ticket | None = None
    ) -> Ticket:
        """Let a customer write; an answer to a closed ticket becomes a new one."""
        words = {"body": text, "public": True, "author_id": user.id}
        if ticket is None or ticket.status == "closed":
            return self.open(user, subject, words, CUSTOMER, followup_of=ticket)
        changes = {"comment": words}
        if ticket.status in ("pending", "hold", "solved"):
            changes["status"] = "open"  # type: ignore[assignment]
        self.update(ticket, changes, CUSTOMER)
        return ticket

    def update(self, ticket: Ticket, changes: Json, actor: str) -> Audit:
        """Apply one update: one audit, and one event for each thing that changed."""
        changed = self._apply(ticket, changes)
        comment = changes.get("comment")
        author = self._actor_id(actor, ticket)
        custom = changes.get("metadata") or {}
        if changed or comment:
            ticket.updated_at = self.stage.clock()
        ticket.touched_at = self.stage.clock()
        if comment:
            audit = self._comment(ticket, comment, actor, custom, changed)
        else:
            audit = self._audit(ticket, author, changed, custom, actor)
        for event in changed:
            self._tell(ticket, event, actor, author)
        if comment:
            self._fire_comment(ticket, ticket.comments[-1])
        if changed or comment:
            self._run_triggers(ticket, actor, "Change")
        if any(event.get("value") == "solved" for event in changed):
            self._solve_incidents(ticket, actor)
        return audit

    def incidents(self, ticket: Ticket) -> list[Ticket]:
        """Return the tickets that are linked to a problem ticket."""
        return [one for one in self.tickets.values() if one.problem_id == ticket.id]

    def _solve_incidents(self, ticket: Ticket, actor: str) -> None:
        """Solve what hangs on a problem ticket that somebody solved."""
        for one in self.incidents(ticket):
            if one.status not in ("solved", "closed"):
                self.update(one, {"status": "solved"}, actor)

    def change_tags(
        self,
        ticket: Ticket,
        actor: str,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> None:
        gone = set(clean_tags(remove))
        wanted = [tag for tag in clean_tags([*ticket.tags, *add]) if tag not in gone]
        self.update(ticket, {"tags": wanted}, actor)

    def merge(self, source: Ticket, target: Ticket, actor: str) -> None:
        """Close ``source`` for good; its customer is looked after in ``target``."""
        source.merged_into = target.id
        self._witness("merge", source, actor, into=target.id)
        note = f"Request #{source.id} was closed and merged into #{target.id}."
        words = {"body": note, "public": False}
        tags = [*source.tags, "closed_by_merge"]
        ended = {"status": "closed", "comment": words, "tags": tags}
        self.update(source, ended, actor)
        received = f"Request #{source.id} was merged into this one."
        self.update(target, {"comment": {"body": received, "public": False}}, actor)
        event = {"target_ticket_id": str(target.id)}
        self.fire("merged", source, event, self._actor_id(actor, source))

    def delete(self, ticket: Ticket, actor: str) -> None:
        ticket.deleted = True
        ticket.touched_at = ticket.updated_at = self.stage.clock()
        self._witness("delete", ticket, actor)
        self.fire("soft_deleted", ticket, {}, self._actor_id(actor, ticket))

    def rate(self, ticket: Ticket, score: str, comment: str) -> None:
        if self.has_surveys:
            self._answer_survey(ticket, score, comment)
            return
        number = self.stage.number("zendesk.rating", 35_001)
        ticket.satisfaction = {"id": number, "score": score, "comment": comment}
        ticket.rated_at = ticket.touched_at = ticket.updated_at = self.stage.clock()
        self._witness("rating", ticket, CUSTOMER, rating=score)
        event = {"satisfaction_score": {"score": score.upper()}}
        self.fire("csat_received", ticket, event, ticket.requester_id)

    def _answer_survey(self, ticket: Ticket, score: str, comment: str) -> None:
        """Answer the newer kind of survey, of which the ticket itself shows nothing."""
        number = self.stage.number("zendesk.survey", 35_001)
        ticket.surveys.append(
            {"id": f"01SURVEY{number:018d}", "score": score, "comment": comment}
            | {"at": self.stage.clock()}
        )
        self._witness("rating", ticket, CUSTOMER, rating=score)
        self.fire("csat_received", ticket, {}, ticket.requester_id)

    # -- webhooks

    def fire(self, name: str, ticket: Ticket, event: Json, actor_id: int) -> None:
        """Send an event to whoever subscribed to it by its full name."""
        if not any(EVENT + name in w.events for w in self.webhooks.values()):
            return
        with self.stage.lock:
            number = uuid.UUID(int=self.stage.random.getrandbits(128), version=4)
        moment = self.stage.clock()
        # Nine digits, more than Python's datetime can read.
        time = moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "730Z"
        envelope = {
            "account_id": 2_000_000,
            "detail": event_detail(ticket, actor_id),
            "event": event,
            "id": str(number),
            "subject": f"zen:ticket:{ticket.id}",
            "time": time,
            "type": EVENT + name,
            "zendesk_event_version": "2022-11-06",
        }
        body = (json.dumps(envelope, indent=3, ensure_ascii=False) + "\n").encode()
        self.send(EVENT + name, body)

    def send(self, event: str, body: bytes) -> None:
        """Send a body to whoever subscribed to an event by its full name."""
        for webhook in self.webhooks.values():
            if event in webhook.events:
                self._deliveries.enqueue(webhook, event, body)

    def _run_triggers(self, ticket: Ticket, actor: str, update_type: str) -> None:
        """Call the webhooks of triggers whose conditions an update meets."""
        requester = self.users[ticket.requester_id].name
        for trigger in self.triggers.values():
            if not fits(trigger, ticket.status, actor, update_type):
                continue
            for action in trigger["actions"]:
                if action["field"] != "notification_webhook":
                    continue
                number, body = action["value"]
                webhook = self.webhooks.get(number)
                if webhook is not None and BY_TRIGGER in webhook.events:
                    filled = fill_in(body, ticket, requester).encode()
                    self._deliveries.enqueue(webhook, BY_TRIGGER, filled)

    def _fire_comment(
        self, ticket: Ticket, comment: Comment, position: int = 1
    ) -> None:
        author = self.users[comment.author_id]
        event = {
            "comment": {
                "id": str(comment.id),
                "body": comment.body,
                "html_body": comment.html_body,
                "is_public": comment.public,
                "author": {
                    "id": str(author.id),
                    "is_staff": author.role != "end-user",
                    "name": author.name,
                },
            },
            "meta": {
                "sequence": {"id": str(comment.audit_id), "position": position},
            },
        }
        self.fire("comment_added", ticket, event, comment.author_id)

    # -- inside

    def _apply(self, ticket: Ticket, changes: Json) -> list[Json]:
        """Set what differs and return it as audit events."""
        changed: list[Json] = []
        wanted = dict(changes)
        if wanted.get("type", ticket.type) != "incident":
            wanted["problem_id"] = None  # only incidents have one
        if wanted.get("tags") is not None:
            wanted["tags"] = clean_tags(wanted["tags"])
        for key in (
            "subject",
            "status",
            "priority",
            "type",
            "tags",
            "external_id",
            "problem_id",
            "group_id",
            "assignee_id",
            "custom_fields",
        ):
            before = getattr(ticket, key)
            if key not in wanted or wanted[key] == before:
                continue
            setattr(ticket, key, wanted[key])
            event = {"field_name": key, "previous_value": before, "value": wanted[key]}
            changed.append({"type": "Change", **event})
        return changed

    def _tell(self, ticket: Ticket, event: Json, actor: str, author: int) -> None:
        key, before, after = (
            event["field_name"],
            event["previous_value"],
            event["value"],
        )
        self._witness(key, ticket, actor, before=before, after=after)
        if key == "tags":
            added = [tag for tag in after if tag not in before]
            removed = [tag for tag in before if tag not in after]
            lists = {"tags_added": added, "tags_removed": removed}
            self.fire("tags_changed", ticket, lists, author)
        elif key in ("status", "priority", "type", "subject"):
            loud = key != "subject"
            values = {
                "previous": before.upper() if loud and before else before,
                "current": after.upper() if loud and after else after,
            }
            self.fire(f"{key}_changed", ticket, values, author)
        elif key == "problem_id":
            linked = {"previous": _number(before), "current": _number(after)}
            self.fire("problem_link_changed", ticket, linked, author)
        elif key == "group_id":
            moved = {"previous": _number(before), "current": _number(after)}
            self.fire("group_assignment_changed", ticket, moved, author)

    def _comment(
        self, ticket: Ticket, given: Json, actor: str, custom: Json, changed: list[Json]
    ) -> Audit:
        body = given.get("body")
        markup = given.get("html_body") or to_html(str(body or ""))
        public = given.get("public")
        if public is None:
            # Left out, it follows the first comment: a note may become a mail.
            public = ticket.comments[0].public if ticket.comments else True
        author = int(given.get("author_id") or self._actor_id(actor, ticket))
        comment = Comment(
            id=self.stage.number("zendesk.comment", 91_000_001),
            author_id=author,
            body=str(body) if body is not None else to_text(markup),
            html_body=markup,
            public=bool(public),
            created_at=self.stage.clock(),
            channel="email" if actor == CUSTOMER else _channel(actor),
        )
        ticket.comments.append(comment)
        said = {
            "id": comment.id,
            "type": "Comment",
            "public": comment.public,
            "body": comment.body,
            "html_body": comment.html_body,
            "author_id": author,
            "attachments": [],
        }
        audit = self._audit(ticket, author, [said, *changed], custom, actor)
        comment.audit_id = audit.id
        if actor != CUSTOMER:
            act = "message" if comment.public else "note"
            mailed = comment.public and author != ticket.requester_id
            self._witness(
                act, ticket, actor, id=comment.id, text=comment.body, mailed=mailed
            )
        elif len(ticket.comments) > 1:
            self._witness("customer_reply", ticket, actor, id=comment.id)
        return audit

    def _audit(
        self,
        ticket: Ticket,
        author: int,
        events: list[Json],
        custom: Json,
        actor: str,
    ) -> Audit:
        number = self.stage.number("zendesk.audit", 55_000_001)
        now = self.stage.clock()
        audit = Audit(number, author, now, events, custom, _channel(actor))
        ticket.audits.append(audit)
        return audit

    def _actor_id(self, actor: str, ticket: Ticket) -> int:
        if actor == CUSTOMER:
            return ticket.requester_id
        return INTEGRATION_USER if actor == API else HUMAN_USER

    def _witness(self, act: str, ticket: Ticket, actor: str, **detail: Any) -> None:
        self.stage.witness(VENDOR, act, ticket.id, actor, **detail)


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _channel(actor: str) -> str:
    return "api" if actor == API else "web"


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Lower case, sorted, and every blank separates two tags."""
    return sorted({word for tag in tags for word in str(tag).lower().split()})


def stamp_of(ticket: Ticket) -> str:
    return stamp(ticket.updated_at)
