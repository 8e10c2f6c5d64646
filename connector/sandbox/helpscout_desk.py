"""Help Scout's state and what can happen to it, by whomever. No HTTP, no paths.

Every change is witnessed and fires its webhooks here, so that the interface, the pages
and a human agent cause exactly the same.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.sandbox.deliveries import Deliveries, Webhook
from connector.sandbox.helpscout_fields import definitions
from connector.sandbox.helpscout_shapes import (
    conversation_shape,
    rating_shape,
    thread_shape,
)
from connector.sandbox.stage import (
    AGENT,
    API,
    CUSTOMER,
    Json,
    Stage,
    split_name,
    stamp,
    to_html,
    to_text,
)

VENDOR = "helpscout"
INTEGRATION_USER, HUMAN_USER = 501, 502
USERS: dict[int, Json] = {
    INTEGRATION_USER: {
        "id": INTEGRATION_USER,
        "type": "user",
        "first": "Complaint",
        "last": "Connector",
        "email": "connector@agents.example",
    },
    HUMAN_USER: {
        "id": HUMAN_USER,
        "type": "user",
        "first": "Hanna",
        "last": "Virtanen",
        "email": "hanna@agents.example",
    },
}
MAILBOXES = {31: "Customer care", 32: "Trade customers"}
STATUSES = ("active", "pending", "closed", "spam")
THREADS_ALLOWED = 100
MERGED_ANSWERS_DAYS = 60


@dataclass
class Organization:
    id: int
    name: str
    domains: list[str]
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class Customer:
    id: int
    email: str
    first: str
    last: str
    language: str = ""
    organization_id: int | None = None
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class Thread:
    id: int
    type: str
    body: str
    created_by: Json
    created_at: datetime
    state: str = "published"
    status: str = "active"
    source: Json = field(default_factory=dict)
    action: Json | None = None
    customer_id: int | None = None
    scheduled: Json | None = None
    rating: Json | None = None
    to: list[str] = field(default_factory=list)


@dataclass
class Conversation:
    id: int
    number: int
    subject: str
    customer_id: int
    created_at: datetime
    updated_at: datetime  #: of any change; not shown by the interface
    user_updated_at: datetime | None = None  #: of a change by staff
    waiting_since: datetime | None = None  #: since when a customer has no answer
    mailbox_id: int = 31
    status: str = "active"
    state: str = "published"
    type: str = "email"
    assignee: int | None = None
    closed_at: datetime | None = None
    closed_by: int = 0
    tags: list[str] = field(default_factory=list)
    fields: dict[int, str] = field(default_factory=dict)
    threads: list[Thread] = field(default_factory=list)
    created_by: Json = field(default_factory=dict)
    source: Json = field(default_factory=dict)
    merged_into: int | None = None
    merged_at: datetime | None = None
    deleted: bool = False


class HelpScoutDesk:
    """Conversations, customers and webhooks of one account."""

    def __init__(self, stage: Stage, deliveries: Deliveries) -> None:
        self.stage = stage
        self._deliveries = deliveries
        self.clear()

    def clear(self) -> None:
        self.conversations: dict[int, Conversation] = {}
        self.customers: dict[int, Customer] = {}
        self.organizations: dict[int, Organization] = {}
        self.ratings: dict[int, Json] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.tag_ids: dict[str, int] = {}
        self.field_definitions = definitions()
        self.planned: dict[int, tuple[Conversation, Thread]] = {}
        # Whether writing a webhook switches one on that is off is not documented.
        self.put_enables = True

    # -- looking up

    def get(self, conversation_id: int) -> Conversation | None:
        """Return a conversation that is neither deleted nor merged away."""
        found = self.conversations.get(conversation_id)
        gone = found is None or found.deleted or found.merged_into is not None
        return None if gone else found

    def customer_by_email(self, email: str) -> Customer | None:
        wanted = email.casefold()
        found = (one for one in self.customers.values() if one.email == wanted)
        return next(found, None)

    def ensure_customer(
        self, email: str, name: str = "", language: str = "", organization: str = ""
    ) -> Customer:
        found = self.customer_by_email(email)
        if found is None:
            first, last = split_name(name, email)
            number = self.stage.number("helpscout.customer", 9001)
            found = Customer(number, email.casefold(), first, last)
            self.customers[number] = found
        if name:
            found.first, found.last = split_name(name, email)
        found.language = language or found.language
        if organization:
            found.organization_id = self.ensure_organization(organization, email).id
        return found

    def ensure_organization(self, name: str, email: str = "") -> Organization:
        for one in self.organizations.values():
            if one.name == name:
                return one
        number = self.stage.number("helpscout.organization", 71)
        domain = email.partition("@")[2]
        created = Organization(number, name, [domain] if domain else [])
        self.organizations[number] = created
        return created

    def tag_id(self, tag: str) -> int:
        if tag not in self.tag_ids:
            self.tag_ids[tag] = self.stage.number("helpscout.tag", 5001)
        return self.tag_ids[tag]

    # -- what can happen

    def open(
        self,
        customer: Customer,
        subject: str,
        *,
        actor: str,
        mailbox_id: int = 31,
        type: str = "email",
        status: str = "active",
        tags: Sequence[str] = (),
    ) -> Conversation:
        """Begin an empty conversation; the caller adds threads, then announces it."""
        now = self.stage.clock()
        number = self.stage.number("helpscout.conversation")
        opened = Conversation(
            id=2_000_000 + number * 7,
            number=1000 + number,
            subject=subject,
            customer_id=customer.id,
            created_at=now,
            updated_at=now,
            mailbox_id=mailbox_id,
            type=type,
            status=status,
            tags=list(tags),
            created_by=self.person(actor, customer),
            source=self.source(actor, type),
        )
        self.conversations[opened.id] = opened
        return opened

    def announce(self, conversation: Conversation, actor: str) -> None:
        self._witness("create", conversation, actor, subject=conversation.subject)
        self.fire("convo.created", conversation, threads=True)

    def customer_writes(
        self,
        customer: Customer,
        subject: str,
        text: str,
        conversation: Conversation | None = None,
        tags: Sequence[str] = (),
    ) -> Conversation:
        """Let a customer begin a conversation, or answer in one, which reopens it."""
        target = conversation or self.open(customer, subject, actor=CUSTOMER, tags=tags)
        body = to_html(text)
        thread = self._append(target, "customer", body, CUSTOMER, customer=customer)
        target.waiting_since = target.waiting_since or self.stage.clock()
        self._unschedule(target)
        if conversation is None:
            self.announce(target, CUSTOMER)
            return target
        self._witness("customer_reply", target, CUSTOMER, id=thread.id)
        self._become(target, "active", CUSTOMER)
        self.fire("convo.customer.reply.created", target, threads=True)
        return target

    def add_note(
        self, conversation: Conversation, body: str, status: str | None, actor: str
    ) -> Thread:
        thread = self._append(conversation, "note", body, actor)
        self._witness(
            "note", conversation, actor, id=thread.id, text=to_text(body), status=status
        )
        # Leaving the status out makes a conversation active again.
        self._become(conversation, status or "active", actor)
        self.fire("convo.note.created", conversation)
        return thread

    def add_reply(
        self,
        conversation: Conversation,
        body: str,
        status: str | None,
        actor: str,
        *,
        draft: bool = False,
        quiet: bool = False,
    ) -> Thread:
        """Write to the customer; ``quiet`` is imported history that mails nobody."""
        thread = self._append(conversation, "message", body, actor)
        thread.state = "draft" if draft else "published"
        customer = self.customers[conversation.customer_id]
        thread.to = [customer.email]
        self._witness(
            "draft" if draft else "message",
            conversation,
            actor,
            id=thread.id,
            text=to_text(body),
            to=customer.email,
            status=status,
            mailed=not (draft or quiet),
        )
        self._become(conversation, status or "active", actor)
        if not draft:
            conversation.waiting_since = None
            self.fire("convo.agent.reply.created", conversation, threads=True)
        return thread

    def schedule(
        self,
        conversation: Conversation,
        thread: Thread,
        when: datetime,
        unschedule: bool,
    ) -> None:
        """Send a draft later; ``unschedule``: not if the customer writes before."""
        thread.scheduled = {
            "scheduledBy": INTEGRATION_USER,
            "createdAt": stamp(self.stage.clock()),
            "scheduledFor": stamp(when),
            "unscheduleOnCustomerReply": unschedule,
        }
        self.planned[thread.id] = conversation, thread

    def send_scheduled(self) -> None:
        """Send what has become due. Called whenever somebody looks."""
        now = stamp(self.stage.clock())
        with self.stage.lock:
            for conversation, thread in list(self.planned.values()):
                if thread.scheduled is None:
                    del self.planned[thread.id]
                elif thread.scheduled["scheduledFor"] <= now:
                    self.publish(conversation, thread, API)

    def publish(self, conversation: Conversation, thread: Thread, actor: str) -> None:
        """Send a draft now."""
        thread.state, thread.scheduled = "published", None
        conversation.waiting_since = None
        text = to_text(thread.body)
        self._witness("message", conversation, actor, id=thread.id, text=text)
        self._touch(conversation)
        self.fire("convo.agent.reply.created", conversation, threads=True)

    def set_tags(
        self, conversation: Conversation, tags: Sequence[str], actor: str
    ) -> None:
        """Replace all tags; sending the same again changes nothing."""
        before = list(conversation.tags)
        after = list({tag.casefold(): tag for tag in tags}.values())
        changed = {t.casefold() for t in before} != {t.casefold() for t in after}
        self._witness(
            "tags", conversation, actor, before=before, after=after, changed=changed
        )
        if changed:
            conversation.tags = after
            self._touch(conversation)
            self.fire("convo.tags", conversation)

    def set_status(self, conversation: Conversation, status: str, actor: str) -> None:
        before = conversation.status
        self._witness("status", conversation, actor, before=before, after=status)
        self._become(conversation, status, actor)

    def change(
        self, conversation: Conversation, what: str, value: Any, actor: str, event: str
    ) -> None:
        """Set one plain attribute and fire ``event`` if there is one."""
        before = getattr(conversation, what)
        setattr(conversation, what, value)
        self._witness(what, conversation, actor, before=before, after=value)
        self._touch(conversation)
        if event:
            self.fire(event, conversation)

    def merge(self, source: Conversation, target: Conversation, actor: str) -> None:
        """Move everything into ``target``; ``source`` only points there from now on."""
        now = self.stage.clock()
        target.threads = sorted(
            itertools.chain(target.threads, source.threads), key=lambda t: t.created_at
        )
        source.merged_into, source.merged_at, source.threads = target.id, now, []
        line = self._append(target, "lineitem", "", actor)
        line.action = {
            "type": "merged",
            "text": f"merged conversation {source.number} into this one",
            "associatedEntities": {"originalConversation": source.id},
        }
        self._witness("merge", source, actor, into=target.id)
        self.fire("convo.merged", target)

    def delete(self, conversation: Conversation, actor: str) -> None:
        conversation.deleted = True
        self._witness("delete", conversation, actor)
        self._send("convo.deleted", {"id": conversation.id}, conversation.mailbox_id)

    def rate(self, conversation: Conversation, rating: str, comments: str) -> int:
        """Let the customer rate the newest published answer."""
        answers = [t for t in conversation.threads if t.type == "message"]
        thread = answers[-1] if answers else conversation.threads[-1]
        number = self.stage.number("helpscout.rating", 301)
        shape = rating_shape(self, number, conversation, thread, rating, comments)
        self.ratings[number] = shape
        thread.rating = {
            "customerId": conversation.customer_id,
            "rating": rating,
            "comments": comments,
        }
        self._witness("rating", conversation, CUSTOMER, rating=rating)
        self._send("satisfaction.ratings", shape, conversation.mailbox_id)
        return number

    # -- webhooks

    def fire(
        self, event: str, conversation: Conversation, *, threads: bool = False
    ) -> None:
        shape = conversation_shape(self, conversation)
        # Whether threads come along is not promised: with words they do, else not.
        newest = reversed(conversation.threads) if threads else ()
        shape["_embedded"] = {"threads": [thread_shape(self, t) for t in newest]}
        self._send(event, shape, conversation.mailbox_id)

    def _send(self, event: str, shape: Json, mailbox_id: int) -> None:
        body = wire(shape)
        for webhook in self.webhooks.values():
            inboxes = webhook.extra.get("mailboxIds") or [mailbox_id]
            if event in webhook.events and mailbox_id in inboxes:
                self._deliveries.enqueue(webhook, event, body)

    # -- inside

    def person(self, actor: str, customer: Customer | None = None) -> Json:
        if actor == CUSTOMER and customer:
            return {
                "id": customer.id,
                "type": "customer",
                "first": customer.first,
                "last": customer.last,
                "email": customer.email,
            }
        return dict(USERS[INTEGRATION_USER if actor == API else HUMAN_USER])

    def source(self, actor: str, type: str = "email") -> Json:
        via = "customer" if actor == CUSTOMER else "user"
        kind = {API: "api", AGENT: "web"}.get(actor, type)
        return {"type": kind, "via": via}

    def _append(
        self,
        conversation: Conversation,
        type: str,
        body: str,
        actor: str,
        customer: Customer | None = None,
    ) -> Thread:
        writer = customer or self.customers[conversation.customer_id]
        thread = Thread(
            id=self.stage.number("helpscout.thread", 7_000_001),
            type=type,
            body=body,
            created_by=self.person(actor, writer),
            created_at=self.stage.clock(),
            source=self.source(actor),
            customer_id=writer.id,
        )
        conversation.threads.append(thread)
        if actor != CUSTOMER:
            conversation.user_updated_at = thread.created_at
        self._touch(conversation)
        return thread

    def _become(self, conversation: Conversation, status: str, actor: str) -> None:
        if status == conversation.status:
            return
        conversation.status = status
        closed = status == "closed"
        user = INTEGRATION_USER if actor == API else HUMAN_USER
        conversation.closed_at = self.stage.clock() if closed else None
        conversation.closed_by = user if closed else 0
        self._touch(conversation)
        self.fire("convo.status", conversation)

    def _unschedule(self, conversation: Conversation) -> None:
        for thread in conversation.threads:
            if thread.scheduled and thread.scheduled["unscheduleOnCustomerReply"]:
                thread.scheduled = None

    def _touch(self, conversation: Conversation) -> None:
        conversation.updated_at = self.stage.clock()

    def _witness(
        self, act: str, conversation: Conversation, actor: str, **detail: Any
    ) -> None:
        self.stage.witness(VENDOR, act, conversation.id, actor, **detail)


def wire(shape: Json) -> bytes:
    """Help Scout's spelling of JSON: everything ASCII, every slash escaped."""
    return json.dumps(shape, separators=(",", ":")).replace("/", "\\/").encode()
