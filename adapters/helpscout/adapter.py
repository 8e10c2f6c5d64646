"""Help Scout: what the connector asks of it, in the order of ``adapters.base``.

The calls are made by ``account``; what documents mean is decided in the pure modules.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from adapters.base import (
    FieldWriter,
    Framer,
    Helpdesk,
    Historian,
    Planner,
    Router,
    Subscriber,
    TagRules,
)
from adapters.helpscout import (
    checks,
    custom_fields,
    deliveries,
    filling,
    history,
    inboxes,
    sidebar,
    tags,
    tickets,
)
from adapters.helpscout.account import Account, date_of
from adapters.helpscout.messages import Messages
from adapters.helpscout.settings import HelpScoutConfig
from adapters.helpscout.shapes import Json, embedded, load
from adapters.helpscout.tags import refused_tags
from adapters.helpscout.webhooks import Webhooks
from adapters.signatures import matches, origin
from connector.errors import (
    MalformedPayload,
    SignatureRejected,
    VendorConflict,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    ChangedPage,
    Delivery,
    Filled,
    Filling,
    Finding,
    Message,
    Note,
    Opened,
    Signed,
    Subscribed,
    Subscription,
    Ticket,
    TicketEvent,
    Topic,
    WebhookRequest,
    Written,
)

EVENT_HEADER = "x-helpscout-event"
SIGNATURE_HEADER = "x-helpscout-signature"

MAX_THREAD_PAGES = 10  # a conversation holds 100 threads, four pages of 25


class HelpScoutAdapter(
    Helpdesk, Historian, Planner, Router, Subscriber, TagRules, FieldWriter, Framer
):
    """One Help Scout account, acting as the user who owns the OAuth2 application."""

    kind: ClassVar[str] = "helpscout"
    kept_headers: ClassVar[frozenset[str]] = frozenset({EVENT_HEADER})

    def __init__(self, name: str, config: HelpScoutConfig) -> None:
        self.name = name
        self.config = config
        self._account = Account(name, config)
        self._messages = Messages(self._account)
        self._webhooks = Webhooks(self._account)
        # Fixed in number: one lock for every conversation ever seen would never end.
        self._locks = tuple(threading.Lock() for _ in range(64))

    # -- adapter --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        presented = request.headers.get(SIGNATURE_HEADER, "")
        if not presented:
            raise SignatureRejected("X-HelpScout-Signature is missing")
        expected = [
            deliveries.sign(secret.get_secret_value(), request.body)
            for secret in self.config.webhook_secret
        ]
        if not matches(presented, expected):
            raise SignatureRejected("X-HelpScout-Signature does not match")

    def delivery_id(self, request: WebhookRequest) -> str | None:
        # There is none. The body's hash is no substitute: a tag that is set, removed
        # and set again makes two deliveries of the same bytes, and both are news.
        return None

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        event = delivery.headers.get(EVENT_HEADER, "").strip().lower()
        return deliveries.parse(self.name, event, delivery.body, self.config.mailboxes)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        secret = self.config.webhook_secret[0].get_secret_value()
        headers = {
            "X-HelpScout-Event": event or _infer(body),
            "X-HelpScout-Signature": deliveries.sign(secret, body),
        }
        return Signed(headers, {})

    def check(self, now: datetime) -> list[Finding]:
        return checks.check(self._account, self._webhooks, now)

    def close(self) -> None:
        self._account.close()

    # -- helpdesk --

    def fetch_ticket(self, external_id: str) -> Ticket:
        conversation = self._account.conversation(external_id, embed=True)
        threads = embedded(conversation, "threads")
        if not tickets.has_all_threads(conversation):
            threads = list(self._account.threads(external_id, MAX_THREAD_PAGES))
        definitions: Json = {}
        if self.config.fields or custom_fields.lacks_labels(conversation):
            definitions = self._account.field_definitions(conversation)
        return tickets.ticket(
            self.name,
            conversation,
            threads,
            self._account.customer(conversation),
            self.config.web_base,
            definitions,
            self.config.fields,
        )

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        for tag, why in self.refused_tags(add).items():
            raise VendorRefused(f"{self.name}: {tag!r} {why}")
        with self._lock_of(external_id):
            for writes_left in (2, 1, 0):
                existing = self._tags(external_id)
                wanted = tags.merge_tags(existing, add, remove)
                if wanted == existing:
                    return frozenset(existing)
                if writes_left:
                    self._account.call(
                        "PUT", external_id, "/tags", json={"tags": wanted}
                    )
        raise VendorConflict(
            f"{self.name}: the tags of conversation {external_id} were changed by "
            "somebody else each time they were written"
        )

    def add_note(self, external_id: str, note: Note) -> Written:
        return self._messages.add_note(external_id, note)

    def send_message(self, external_id: str, message: Message) -> Written:
        return self._messages.send(external_id, message)

    def unplan_message(self, external_id: str, message_id: str) -> None:
        self._messages.unplan(external_id, message_id)

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        return self._messages.find(external_id, mark)

    def refused_tags(self, tags: Iterable[str]) -> Mapping[str, str]:
        return refused_tags(tags)

    # -- router --

    def route(self, external_id: str, place: str, left: str) -> str:
        with self._lock_of(external_id):
            return inboxes.move(self._account, external_id, place, left)

    def check_places(self, places: Collection[str]) -> list[Finding]:
        return inboxes.check(self._account, places)

    # -- framer --

    @property
    def frame_origins(self) -> tuple[str, ...]:
        return (origin(self.config.web_base),) if self.config.sidebar_secret else ()

    def opened(self, request: WebhookRequest, now: datetime) -> Opened:
        secrets = [one.get_secret_value() for one in self.config.sidebar_secret]
        return sidebar.opened(request, secrets)

    def check_frame(self) -> list[Finding]:
        return sidebar.check(self.name, self.frame_origins)

    # -- field writer --

    def change_fields(
        self, external_id: str, wanted: Mapping[Topic, Filling]
    ) -> Mapping[Topic, Filled]:
        with self._lock_of(external_id):
            for writes_left in (2, 1, 0):
                change = self._fill(external_id, wanted)
                if change.body is None:
                    return change.filled
                if writes_left:
                    self._account.call(
                        "PUT", external_id, "/fields", json={"fields": change.body}
                    )
        raise VendorConflict(
            f"{self.name}: the fields of conversation {external_id} were changed by "
            "somebody else each time they were written"
        )

    def check_fields(self, possible: Mapping[Topic, Collection[str]]) -> list[Finding]:
        return checks.check_fields(self._account, possible)

    # -- historian --

    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        walk = history.begin(since, cursor)
        client = self._account.client
        response = client.call("GET", "/v2/conversations", params=walk.params)
        page, before = client.decode(response), None
        if walk.page > 1:
            earlier = walk._replace(page=walk.page - 1)
            before = client.read("/v2/conversations", earlier.params)
        now, mailboxes = date_of(response), self.config.mailboxes
        return history.step(walk, page, before, now, mailboxes)

    # -- subscriber --

    def ping(self, word: str) -> tuple[bytes, str | None]:
        return json.dumps({"test": word}).encode(), deliveries.TEST_EVENT

    def subscriptions(self, address: str) -> list[Subscription]:
        return self._webhooks.subscriptions(address)

    def subscribe(self, address: str) -> Subscribed:
        return self._webhooks.subscribe(address)

    def unsubscribe(self, address: str) -> list[Subscription]:
        return self._webhooks.unsubscribe(address)

    def _lock_of(self, external_id: str) -> threading.Lock:
        return self._locks[hash(external_id) % len(self._locks)]

    def _fill(
        self, external_id: str, wanted: Mapping[Topic, Filling]
    ) -> filling.Change:
        conversation = self._account.living(external_id)
        values = filling.values_of(conversation)
        if values is None:
            raise VendorUnavailable(
                f"{self.name} did not say what stands in the fields of conversation "
                f"{external_id}; nothing was written"
            )
        definitions = self._account.field_definitions(conversation)
        if not definitions:
            raise VendorRefused(
                f"{self.name}: which fields the inbox of conversation {external_id} "
                "has may not be read"
            )
        return filling.merge(values, definitions, self.config.fields, wanted)

    def _tags(self, external_id: str) -> list[str]:
        existing = tags.tags_of(self._account.living(external_id))
        if existing is None:
            raise VendorUnavailable(
                f"{self.name} did not say which tags conversation {external_id} has; "
                "nothing was written"
            )
        return existing


def _infer(body: bytes) -> str:
    try:
        return deliveries.infer_event(load(body)) or deliveries.TEST_EVENT
    except MalformedPayload:
        return deliveries.TEST_EVENT
