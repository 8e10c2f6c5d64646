"""A connector for Acme Desk, a made-up helpdesk. CONTRIBUTING.md walks through it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters import AdapterKind
from adapters.base import Helpdesk, Historian
from adapters.http import VendorClient
from adapters.signatures import hmac_hex, matches
from adapters.words import plain
from connector.errors import (
    MalformedPayload,
    NotFound,
    SignatureRejected,
    TicketGone,
    VendorError,
    VendorUnavailable,
)
from connector.models import (
    Author,
    ChangedPage,
    Comment,
    Customer,
    Delivery,
    EventKind,
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

SIGNATURE, DELIVERY = "X-Acme-Signature", "X-Acme-Delivery"
STATUS = {  # Acme -> ours
    "open": TicketStatus.OPEN,
    "waiting": TicketStatus.PENDING,
    "done": TicketStatus.RESOLVED,
    "binned": TicketStatus.DELETED,
}


class AcmeConfig(BaseModel):
    """Settings of an Acme Desk account."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(pattern=r"^https?://\S+$", description="Address of the desk.")
    token: SecretStr = Field(min_length=1, description="API token of our account.")
    webhook_secret: SecretStr = Field(min_length=1, description="Secret of the hook.")


class AcmeAdapter(Helpdesk, Historian):
    """One Acme Desk account."""

    kind: ClassVar[str] = "acme"
    kept_headers: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str, config: AcmeConfig) -> None:
        self.name = name
        self._secret = config.webhook_secret.get_secret_value()
        token = {"Authorization": f"Bearer {config.token.get_secret_value()}"}
        self._client = VendorClient(name, config.base_url, _explain, headers=token)

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        expected = hmac_hex(self._secret, request.body, "sha256")
        if not matches(request.headers.get(SIGNATURE.lower(), ""), [expected]):
            raise SignatureRejected(f"{SIGNATURE} is missing or wrong")

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return request.headers.get(DELIVERY.lower())

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        try:
            body = json.loads(delivery.body)
        except (ValueError, RecursionError) as err:
            raise MalformedPayload("not JSON") from err
        match body:
            case {"event": "ticket.changed", "ticket": str(ticket)}:
                return (TicketEvent(EventKind.TICKET_CHANGED, self.name, ticket),)
            case {"event": str()}:
                return (TicketEvent(EventKind.IGNORED, self.name, "", "not for us"),)
        raise MalformedPayload("expected an event and the id of a ticket")

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        return Signed({SIGNATURE: hmac_hex(self._secret, body, "sha256")}, {})

    def check(self, now: datetime) -> list[Finding]:
        try:
            self._client.read("/me")
        except VendorError as err:
            remedy = "Check base_url, and make a new token under Settings > API."
            return [Finding(Level.PROBLEM, self.name, str(err), remedy)]
        return [Finding(Level.OK, self.name, "signed in")]

    def close(self) -> None:
        self._client.close()

    def fetch_ticket(self, external_id: str) -> Ticket:
        try:
            return _ticket(self.name, self._call("GET", external_id))
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise VendorUnavailable(f"{self.name} answered without a ticket") from err

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        tags = self.fetch_ticket(external_id).tags
        wanted = (tags | add) - remove
        if wanted == tags:
            return tags
        change = {"add": sorted(wanted - tags), "remove": sorted(tags - wanted)}
        self._call("POST", external_id, "/labels", change)
        return self.fetch_ticket(external_id).tags

    def add_note(self, external_id: str, note: Note) -> Written:
        return self._write(external_id, note.text, note.mark, private=True)

    def send_message(self, external_id: str, message: Message) -> Written:
        text = message.text
        if message.draft:  # Acme has no drafts: an agent copies it from a note
            text = f"Suggested reply, not sent:\n\n{text}"
        return self._write(external_id, text, message.mark, private=message.draft)

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        for comment in self.fetch_ticket(external_id).comments:
            ours = comment.author is not Author.CUSTOMER
            if ours and comment.body.endswith(f"Ref. {mark}"):
                return Written(comment.external_id)
        return None

    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        wish = {"since": since.isoformat()} if cursor is None else {"after": cursor}
        answer = self._client.read("/changes", wish)
        return ChangedPage(tuple(answer["ids"]), answer["next"], answer["more"])

    def _call(self, method: str, ticket: str, tail: str = "", json: Any = None) -> Any:
        path = f"/tickets/{quote(ticket, safe='')}{tail}"
        try:
            answer = self._client.call(method, path, json=json, expect=(200, 201))
        except NotFound as err:
            raise TicketGone(str(err), status=err.status) from err
        return self._client.decode(answer)

    def _write(self, external_id: str, text: str, mark: str, private: bool) -> Written:
        body = {"private": private, "body": f"{text}\n\nRef. {mark}"}
        return Written(str(self._call("POST", external_id, "/messages", body)["id"]))


def _ticket(source: str, said: dict[str, Any]) -> Ticket:
    person = said["customer"]
    return Ticket(
        ref=TicketRef(source, said["id"]),
        number=said["id"],
        subject=plain(said["subject"]),
        status=STATUS.get(said["state"], TicketStatus.UNKNOWN),
        customer=Customer(external_id=person["id"], email=person["email"].lower()),
        comments=tuple(_comment(one) for one in said["messages"]),
        tags=frozenset(said["labels"]),
        created_at=datetime.fromisoformat(said["created"]),
        updated_at=datetime.fromisoformat(said["changed"]),
        url=said["link"],
    )


def _comment(said: dict[str, Any]) -> Comment:
    return Comment(
        external_id=said["id"],
        author=Author.CUSTOMER if said["by"] == "customer" else Author.AGENT,
        author_id=None,
        public=not said["private"],
        body=plain(said["body"]),
        is_html=False,
        created_at=datetime.fromisoformat(said["at"]),
    )


def _explain(response: Any) -> str:
    """Return Acme's own words; they are masked before anybody reads them."""
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return ""


KIND = AdapterKind("acme", AcmeConfig, AcmeAdapter)
