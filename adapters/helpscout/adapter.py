"""Help Scout: what the connector asks of it, in the order of ``adapters.base``.

The calls are made by ``account``; what documents mean is decided in the pure modules.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import requests

from adapters.base import Helpdesk
from adapters.helpscout import deliveries, findings, people, tags, tickets, writing
from adapters.helpscout.account import ANSWERED, Account
from adapters.helpscout.settings import HelpScoutConfig
from adapters.helpscout.shapes import Json, embedded, load
from adapters.signatures import matches
from connector.errors import (
    CredentialsRejected,
    MalformedPayload,
    NotFound,
    SignatureRejected,
    TicketGone,
    TicketLocked,
    TicketMerged,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Delivery,
    Finding,
    Level,
    Message,
    Note,
    Signed,
    Ticket,
    TicketEvent,
    TicketRef,
    WebhookRequest,
    Written,
)

EVENT_HEADER = "x-helpscout-event"
SIGNATURE_HEADER = "x-helpscout-signature"

LOCKED = (412, 423)  # too many threads, or too old
MAX_THREAD_PAGES = 10  # a conversation holds 100 threads, four pages of 25
MARK_PAGES = 2
MAX_SKEW = 60.0  # seconds


class HelpScoutAdapter(Helpdesk):
    """One Help Scout account, acting as the user who owns the OAuth2 application."""

    kind: ClassVar[str] = "helpscout"
    kept_headers: ClassVar[frozenset[str]] = frozenset({EVENT_HEADER})

    def __init__(self, name: str, config: HelpScoutConfig) -> None:
        self.name = name
        self.config = config
        self._account = Account(name, config)
        # Fixed in number: one lock for every conversation ever seen would never end.
        self._tag_locks = tuple(threading.Lock() for _ in range(64))

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
        findings = list(self._try("credentials", lambda: self._check_user(now)))
        if findings and findings[0].level is Level.PROBLEM:
            return findings  # everything else would only repeat it
        findings += self._try("webhooks", self._check_webhooks)
        if self.config.mailboxes:
            findings += self._try("inboxes", self._check_mailboxes)
        return findings

    def close(self) -> None:
        self._account.close()

    # -- helpdesk --

    def fetch_ticket(self, external_id: str) -> Ticket:
        conversation = self._account.conversation(external_id, embed=True)
        threads = embedded(conversation, "threads")
        if not tickets.has_all_threads(conversation):
            threads = list(self._account.threads(external_id, MAX_THREAD_PAGES))
        customer = self._account.customer(conversation)
        return tickets.ticket(
            self.name, conversation, threads, customer, self.config.web_base
        )

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        with self._tag_locks[hash(external_id) % len(self._tag_locks)]:
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
        conversation = self._account.living(external_id)
        body = {
            "text": writing.note_html(note.text, note.mark),
            # Without a status, writing anything makes a closed conversation active.
            "status": conversation.get("status"),
        }
        try:
            return self._written(
                self._account.call("POST", external_id, "/notes", json=body)
            )
        except VendorRefused as err:
            if err.status in LOCKED:
                raise TicketLocked(str(err), status=err.status) from err
            raise

    def send_message(self, external_id: str, message: Message) -> Written:
        conversation = self._account.living(external_id)
        customer = people.primary_customer(conversation)
        if customer is None:
            raise VendorRefused(
                f"{self.name}: conversation {external_id} has no customer to write to"
            )
        text = writing.message_html(message.text, message.mark)
        body: dict[str, Any] = {
            "customer": {"id": int(customer)},
            "text": text,
            "status": conversation.get("status"),
        }
        if message.draft:
            body["draft"] = True
        try:
            return self._written(
                self._account.call("POST", external_id, "/reply", json=body)
            )
        except VendorRefused as err:
            if err.status not in LOCKED:
                raise
        return self._follow_up(conversation, text, message.draft)

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        conversation = self._account.conversation(external_id)
        found = writing.find_mark(self._account.threads(external_id, MARK_PAGES), mark)
        if found is not None:
            return Written(found)
        return self._find_follow_up(conversation, external_id, mark)

    # -- own: reading --

    def _tags(self, external_id: str) -> list[str]:
        existing = tags.tags_of(self._account.living(external_id))
        if existing is None:
            raise VendorUnavailable(
                f"{self.name} did not say which tags conversation {external_id} has; "
                "nothing was written"
            )
        return existing

    def _find_follow_up(
        self, conversation: Json, external_id: str, mark: str
    ) -> Written | None:
        customer = people.primary_customer(conversation)
        if customer is None:
            return None
        params = {
            "query": f"(customerIds:{customer})",
            "status": "all",  # the default is active ones only
            "sortField": "createdAt",
            "sortOrder": "desc",
        }
        page = self._account.client.read("/v2/conversations", params)
        for ident in writing.follow_ups(conversation, page):
            if self._has_mark(ident, mark):
                return Written(ident, TicketRef(self.name, ident))
        return None

    def _has_mark(self, external_id: str, mark: str) -> bool:
        try:
            threads = self._account.threads(external_id, 1)
            return writing.find_mark(threads, mark) is not None
        except (TicketGone, TicketMerged):
            return False  # must not be taken for the fate of the ticket asked about

    # -- own: writing --

    def _follow_up(self, conversation: Json, text: str, draft: bool) -> Written:
        body = writing.follow_up(conversation, text, draft)
        response = self._account.client.call(
            "POST", "/v2/conversations", json=body, expect=ANSWERED
        )
        ident = self._written(response).external_id
        return Written(ident, TicketRef(self.name, ident) if ident else None)

    def _written(self, response: requests.Response) -> Written:
        return Written(response.headers.get("Resource-ID", ""))

    # -- own: credentials and check --

    def _try(self, subject: str, look: Callable[[], list[Finding]]) -> list[Finding]:
        try:
            return look()
        except VendorError as err:
            remedy = next(text for kind, text in REMEDIES if isinstance(err, kind))
            problem = Finding(Level.PROBLEM, self._subject(subject), str(err), remedy)
            return [problem]

    def _check_user(self, now: datetime) -> list[Finding]:
        response = self._account.client.call("GET", "/v2/users/me")
        who = people.describe_user(self._account.client.decode(response))
        subject = self._subject("credentials")
        found = [Finding(Level.OK, subject, f"connected as {who}")]
        skew = _skew(response.headers.get("Date"), now)
        if skew is not None and abs(skew) > MAX_SKEW:
            found.append(
                Finding(
                    Level.WARNING,
                    self._subject("clock"),
                    f"this machine's clock is {abs(skew):.0f} s "
                    + ("ahead of" if skew > 0 else "behind")
                    + " Help Scout's",
                    "Let the machine keep time by NTP.",
                )
            )
        return found

    def _check_webhooks(self) -> list[Finding]:
        hooks = list(self._account.items("/v2/webhooks", "webhooks"))
        return findings.judge_webhooks(self._subject("webhooks"), hooks)

    def _check_mailboxes(self) -> list[Finding]:
        seen = list(self._account.items("/v2/mailboxes", "mailboxes", "inboxes"))
        wanted = self.config.mailboxes
        return findings.judge_mailboxes(self._subject("inboxes"), seen, wanted)

    def _subject(self, part: str) -> str:
        return f"{self.name}: {part}"


#: What to do about an error during ``check``; the first kind that fits.
REMEDIES: tuple[tuple[type[VendorError], str], ...] = (
    (
        CredentialsRejected,
        "Check app_id, app_secret and api_base; the app is listed under Your Profile > "
        "My Apps, and the user who made it has to be active.",
    ),
    (NotFound, "Check the id, and that the app's user may see it."),
    (VendorRefused, "Give the app's user the rights listed under Permissions."),
    (VendorError, "Check that this machine reaches api_base, and try again."),
)


def _infer(body: bytes) -> str:
    try:
        return deliveries.infer_event(load(body)) or deliveries.TEST_EVENT
    except MalformedPayload:
        return deliveries.TEST_EVENT


def _skew(date: str | None, now: datetime) -> float | None:
    """Return by how many seconds our clock is ahead of the vendor's."""
    try:
        return (now - parsedate_to_datetime(date or "")).total_seconds()
    except (TypeError, ValueError):  # unreadable, or without a zone
        return None
