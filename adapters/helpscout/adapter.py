"""Help Scout over HTTP: settings, and the calls in the order of ``adapters.base``.

What the vendor's documents mean is decided in ``payloads``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import requests
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from adapters.base import Helpdesk
from adapters.helpscout import payloads
from adapters.helpscout.payloads import Json
from adapters.http import Token, VendorClient
from adapters.signatures import matches
from connector.errors import (
    CredentialsRejected,
    MalformedPayload,
    NotFound,
    SignatureRejected,
    TicketGone,
    TicketLocked,
    TicketMerged,
    TicketOutside,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Customer,
    Delivery,
    Finding,
    Level,
    Message,
    Note,
    Signed,
    Ticket,
    TicketEvent,
    TicketRef,
    TicketStatus,
    WebhookRequest,
    Written,
)

EVENT_HEADER = "x-helpscout-event"
SIGNATURE_HEADER = "x-helpscout-signature"

ANSWERED = (200, 201, 202, 204)
LOCKED = (412, 423)  # too many threads, or too old
MAX_THREAD_PAGES = 10  # a conversation holds 100 threads, four pages of 25
MARK_PAGES = 2
MAX_LIST_PAGES = 10
MAX_SKEW = 60.0  # seconds
PROFILE_LIFE = 600.0  # seconds
MAX_PROFILES = 5000

# An empty key is one that anybody can use; the vendor takes 40 characters at most.
WebhookSecret = Annotated[SecretStr, Field(min_length=1, max_length=40)]


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str | SecretStr) else value


class HelpScoutConfig(BaseModel):
    """Settings of a Help Scout source."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    app_id: str = Field(min_length=1, description="App ID of the OAuth2 application.")
    app_secret: SecretStr = Field(
        min_length=1, description="App Secret of the OAuth2 application."
    )
    webhook_secret: Annotated[tuple[WebhookSecret, ...], BeforeValidator(_as_list)] = (
        Field(
            min_length=1,
            max_length=2,
            description="Secret of the webhook, up to 40 characters; while it is being "
            "changed a list of two, the new one first.",
        )
    )
    mailboxes: tuple[int, ...] = Field(
        default=(),
        description="Ids of the inboxes to listen to; empty means all of them.",
    )
    api_base: str = Field(
        default="https://api.helpscout.net",
        pattern=r"^https?://\S+$",
        description="Address of the API.",
    )
    web_base: str = Field(
        default="https://secure.helpscout.net",
        pattern=r"^https?://\S+$",
        description="Address where agents work; for links to conversations.",
    )


class HelpScoutAdapter(Helpdesk):
    """One Help Scout account, acting as the user who owns the OAuth2 application."""

    kind: ClassVar[str] = "helpscout"
    kept_headers: ClassVar[frozenset[str]] = frozenset({EVENT_HEADER})

    def __init__(self, name: str, config: HelpScoutConfig) -> None:
        self.name = name
        self.config = config
        self._login = VendorClient(name, config.api_base, _explain)
        self._client = VendorClient(
            name, config.api_base, _explain, token=Token(self._fetch_token)
        )
        # Fixed in number: one lock for every conversation ever seen would never end.
        self._tag_locks = tuple(threading.Lock() for _ in range(64))
        self._profiles: dict[str, tuple[float, Json]] = {}

    # -- adapter --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        presented = request.headers.get(SIGNATURE_HEADER, "")
        if not presented:
            raise SignatureRejected("X-HelpScout-Signature is missing")
        expected = [
            payloads.sign(secret.get_secret_value(), request.body)
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
        return payloads.parse(self.name, event, delivery.body, self.config.mailboxes)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        secret = self.config.webhook_secret[0].get_secret_value()
        headers = {
            "X-HelpScout-Event": event or _infer(body),
            "X-HelpScout-Signature": payloads.sign(secret, body),
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
        self._client.close()
        self._login.close()

    # -- helpdesk --

    def fetch_ticket(self, external_id: str) -> Ticket:
        conversation = self._conversation(external_id, embed=True)
        threads = payloads.embedded(conversation, "threads")
        if not payloads.has_all_threads(conversation):
            threads = list(self._threads(external_id, MAX_THREAD_PAGES))
        customer = self._customer(conversation)
        return payloads.ticket(
            self.name, conversation, threads, customer, self.config.web_base
        )

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        with self._tag_locks[hash(external_id) % len(self._tag_locks)]:
            for writes_left in (2, 1, 0):
                tags = self._tags(external_id)
                wanted = payloads.merge_tags(tags, add, remove)
                if wanted == tags:
                    return frozenset(tags)
                if writes_left:
                    self._call("PUT", external_id, "/tags", json={"tags": wanted})
        raise VendorConflict(
            f"{self.name}: the tags of conversation {external_id} were changed by "
            "somebody else each time they were written"
        )

    def add_note(self, external_id: str, note: Note) -> Written:
        conversation = self._living(external_id)
        body = {
            "text": payloads.note_html(note.text, note.mark),
            # Without a status, writing anything makes a closed conversation active.
            "status": conversation.get("status"),
        }
        try:
            return self._written(self._call("POST", external_id, "/notes", json=body))
        except VendorRefused as err:
            if err.status in LOCKED:
                raise TicketLocked(str(err), status=err.status) from err
            raise

    def send_message(self, external_id: str, message: Message) -> Written:
        conversation = self._living(external_id)
        customer = payloads.primary_customer(conversation)
        if customer is None:
            raise VendorRefused(
                f"{self.name}: conversation {external_id} has no customer to write to"
            )
        text = payloads.message_html(message.text, message.mark)
        body: dict[str, Any] = {
            "customer": {"id": int(customer)},
            "text": text,
            "status": conversation.get("status"),
        }
        if message.draft:
            body["draft"] = True
        try:
            return self._written(self._call("POST", external_id, "/reply", json=body))
        except VendorRefused as err:
            if err.status not in LOCKED:
                raise
        return self._follow_up(conversation, text, message.draft)

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        conversation = self._conversation(external_id)
        found = payloads.find_mark(self._threads(external_id, MARK_PAGES), mark)
        if found is not None:
            return Written(found)
        return self._find_follow_up(conversation, external_id, mark)

    # -- own: reading --

    def _conversation(self, external_id: str, embed: bool = False) -> dict[str, Any]:
        try:
            response = self._client.call(
                "GET",
                _path(external_id),
                params={"embed": "threads"} if embed else None,
                expect=(200, 301),
            )
        except NotFound as err:
            raise TicketGone(str(err), status=err.status) from err
        if response.status_code == 301:
            raise self._merged(external_id, response)
        body = self._client.decode(response)
        if not isinstance(body, dict) or payloads.identifier(body.get("id")) is None:
            raise VendorUnavailable(f"{self.name} answered without a conversation")
        self._stay_inside(external_id, body)
        return body

    def _stay_inside(self, external_id: str, conversation: Json) -> None:
        """Raise for a conversation of an inbox that is not listed in ``mailboxes``.

        Deliveries do not always name the inbox, and a conversation can be moved.
        """
        if not self.config.mailboxes:
            return
        inbox = payloads.identifier(conversation.get("mailboxId"))
        if inbox is None:
            raise VendorUnavailable(
                f"{self.name} did not say which inbox conversation {external_id} is in"
            )
        if int(inbox) not in self.config.mailboxes:
            raise TicketOutside(
                f"{self.name}: conversation {external_id} belongs to inbox {inbox}, "
                "which is not listed in mailboxes"
            )

    def _living(self, external_id: str) -> dict[str, Any]:
        conversation = self._conversation(external_id)
        if payloads.status_of(conversation) is TicketStatus.DELETED:
            raise TicketGone(f"{self.name}: conversation {external_id} was deleted")
        return conversation

    def _merged(self, external_id: str, response: requests.Response) -> VendorError:
        into = payloads.conversation_in(response.headers.get("Location"))
        if into is None or into == external_id:
            return VendorRefused(
                f"{self.name}: conversation {external_id} is elsewhere, unsaid where",
                status=301,
            )
        return TicketMerged(
            f"{self.name}: conversation {external_id} was merged into {into}",
            into=into,
            status=301,
        )

    def _call(
        self,
        method: str,
        external_id: str,
        tail: str,
        params: Json | None = None,
        json: Json | None = None,
    ) -> requests.Response:
        """Call something below a conversation, and say what became of it if gone."""
        path = _path(external_id) + tail
        try:
            return self._client.call(
                method, path, params=params, json=json, expect=ANSWERED
            )
        except NotFound:
            # Only reading a conversation tells one that was merged from one deleted.
            self._conversation(external_id)
            raise

    def _threads(self, external_id: str, max_pages: int) -> Iterator[dict[str, Any]]:
        """Read threads, newest first; the links between pages are not trusted."""
        for number in range(1, max_pages + 1):
            response = self._call("GET", external_id, "/threads", {"page": number})
            page = self._client.decode(response)
            yield from payloads.embedded(page, "threads")
            if number >= payloads.total_pages(page):
                return

    def _customer(self, conversation: Json) -> Customer:
        ident = payloads.primary_customer(conversation)
        if ident is None:
            return payloads.customer(conversation, {}, {}, {})
        profile = self._profile(f"/v2/customers/{ident}")
        company = payloads.identifier(profile.get("organizationId"))
        organization = (
            self._profile(f"/v2/organizations/{company}?includeProperties=true")
            if company
            else {}
        )
        who = payloads.customer(conversation, profile, {}, organization)
        if who.email:
            return who
        # Not every copy of a profile has the addresses inside.
        emails = self._profile(f"/v2/customers/{ident}/emails")
        return payloads.customer(conversation, profile, emails, organization)

    def _profile(self, path: str) -> Json:
        """Read a profile, at most every ten minutes; nothing if it may not be read."""
        known = self._profiles.get(path)
        if known and time.monotonic() < known[0]:
            return known[1]
        try:
            read = self._client.read(path)
        except VendorRefused:
            read = {}
        document = read if isinstance(read, dict) else {}
        if len(self._profiles) >= MAX_PROFILES:
            self._profiles.clear()
        self._profiles[path] = (time.monotonic() + PROFILE_LIFE, document)
        return document

    def _tags(self, external_id: str) -> list[str]:
        tags = payloads.tags_of(self._living(external_id))
        if tags is None:
            raise VendorUnavailable(
                f"{self.name} did not say which tags conversation {external_id} has; "
                "nothing was written"
            )
        return tags

    def _find_follow_up(
        self, conversation: Json, external_id: str, mark: str
    ) -> Written | None:
        customer = payloads.primary_customer(conversation)
        if customer is None:
            return None
        params = {
            "query": f"(customerIds:{customer})",
            "status": "all",  # the default is active ones only
            "sortField": "createdAt",
            "sortOrder": "desc",
        }
        page = self._client.read("/v2/conversations", params)
        for ident in payloads.follow_ups(conversation, page):
            if self._has_mark(ident, mark):
                return Written(ident, TicketRef(self.name, ident))
        return None

    def _has_mark(self, external_id: str, mark: str) -> bool:
        try:
            threads = self._threads(external_id, 1)
            return payloads.find_mark(threads, mark) is not None
        except (TicketGone, TicketMerged):
            return False  # must not be taken for the fate of the ticket asked about

    # -- own: writing --

    def _follow_up(self, conversation: Json, text: str, draft: bool) -> Written:
        body = payloads.follow_up(conversation, text, draft)
        response = self._client.call(
            "POST", "/v2/conversations", json=body, expect=ANSWERED
        )
        ident = self._written(response).external_id
        return Written(ident, TicketRef(self.name, ident) if ident else None)

    def _written(self, response: requests.Response) -> Written:
        return Written(response.headers.get("Resource-ID", ""))

    # -- own: credentials and check --

    def _fetch_token(self) -> tuple[str, float | None]:
        body = {
            "grant_type": "client_credentials",
            "client_id": self.config.app_id,
            "client_secret": self.config.app_secret.get_secret_value(),
        }
        try:
            response = self._login.call("POST", "/v2/oauth2/token", json=body)
        except VendorRefused as err:
            raise CredentialsRejected(str(err), status=err.status) from err
        answer = self._login.decode(response)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise VendorUnavailable(f"{self.name} answered without a token")
        life = answer.get("expires_in")
        return token, float(life) if isinstance(life, int | float) else None

    def _try(self, subject: str, look: Callable[[], list[Finding]]) -> list[Finding]:
        try:
            return look()
        except VendorError as err:
            remedy = next(text for kind, text in REMEDIES if isinstance(err, kind))
            problem = Finding(Level.PROBLEM, self._subject(subject), str(err), remedy)
            return [problem]

    def _check_user(self, now: datetime) -> list[Finding]:
        response = self._client.call("GET", "/v2/users/me")
        who = payloads.describe_user(self._client.decode(response))
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
        hooks = list(self._items("/v2/webhooks", "webhooks"))
        return payloads.judge_webhooks(self._subject("webhooks"), hooks)

    def _check_mailboxes(self) -> list[Finding]:
        seen = list(self._items("/v2/mailboxes", "mailboxes", "inboxes"))
        wanted = self.config.mailboxes
        return payloads.judge_mailboxes(self._subject("inboxes"), seen, wanted)

    def _items(self, path: str, *rels: str) -> Iterator[dict[str, Any]]:
        for number in range(1, MAX_LIST_PAGES + 1):
            page = self._client.read(path, {"page": number})
            yield from payloads.embedded(page, *rels)
            if number >= payloads.total_pages(page):
                return

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


def _path(external_id: str) -> str:
    return f"/v2/conversations/{quote(external_id, safe='')}"


def _infer(body: bytes) -> str:
    try:
        return payloads.infer_event(payloads.load(body)) or payloads.TEST_EVENT
    except MalformedPayload:
        return payloads.TEST_EVENT


def _explain(response: requests.Response) -> str:
    try:
        said = payloads.words(response.json())
    except (ValueError, RecursionError):
        return ""  # a proxy's page, or a body that may quote a customer
    correlation = response.headers.get("Correlation-Id")
    return f"{said} (Correlation-Id {correlation})" if correlation else said


def _skew(date: str | None, now: datetime) -> float | None:
    """Return by how many seconds our clock is ahead of the vendor's."""
    try:
        return (now - parsedate_to_datetime(date or "")).total_seconds()
    except (TypeError, ValueError):  # unreadable, or without a zone
        return None
