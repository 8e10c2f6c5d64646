"""The generic adapter: settings, then the methods in the order of ``adapters.base``.

What a document means is in ``payloads``; here is only what is asked when.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import quote, urlsplit

import requests
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from adapters.base import Carrier, Helpdesk, Pinger
from adapters.generic import payloads, signing
from adapters.http import VendorClient
from connector.errors import (
    CredentialsRejected,
    MalformedPayload,
    NotFound,
    TakesNoWrites,
    TicketGone,
    VendorError,
    VendorRefused,
)
from connector.models import (
    Carried,
    Delivery,
    EventKind,
    Finding,
    Level,
    Message,
    Note,
    Signed,
    Ticket,
    TicketEvent,
    WebhookRequest,
    Written,
)
from connector.spans import Duration

DONE = range(200, 300)

#: What the callback is told; a receiver ignores what it does not know.
TAGS, NOTE, MESSAGE = "ticket.tags", "ticket.note", "ticket.message"
CHECK = "connector.check"


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str | SecretStr) else value


def _usable(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in value:
        signing.key_of(secret.get_secret_value())
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address that begins with https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no credentials in the address; token is the place for them")
    return value


def _with_place(value: str) -> str:
    if value.count("{id}") != 1 or not urlsplit(value).hostname:
        raise ValueError("expected one {id} in it, where the ticket's id goes")
    return value


Secrets = Annotated[
    tuple[SecretStr, ...], BeforeValidator(_as_tuple), AfterValidator(_usable)
]
Address = Annotated[str, AfterValidator(_address)]


class GenericConfig(BaseModel):
    """Settings of a source that sends signed JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    webhook_secret: Secrets = Field(
        min_length=1,
        max_length=2,
        description="Secret of the deliveries, whsec_…; two while it changes.",
    )
    signature_window: Duration = Field(
        default=timedelta(minutes=5),
        gt=timedelta(0),
        description="How far the time of a signature may be from our clock.",
    )
    ticket_url: Annotated[Address, AfterValidator(_with_place)] | None = Field(
        default=None,
        description="Where a ticket can be read, {id} standing for its id.",
    )
    callback_url: Address | None = Field(
        default=None, description="Where tags, notes and messages are sent."
    )
    callback_secret: Secrets = Field(
        default=(),
        max_length=2,
        description="Secret of what we send to callback_url, whsec_….",
    )
    token: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Bearer token for ticket_url and callback_url.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.callback_url is None) != (not self.callback_secret):
            raise ValueError("give callback_url and callback_secret, or neither")
        if set(self.callback_secret) & set(self.webhook_secret):
            # Else what we send could be sent back to us as theirs.
            raise ValueError("callback_secret has to differ from webhook_secret")
        if self.token and not (self.ticket_url or self.callback_url):
            raise ValueError(
                "token is for ticket_url or callback_url; there is neither"
            )
        return self


class GenericAdapter(Helpdesk, Carrier, Pinger):
    """Takes tickets that are sent to it; writes back where there is a callback."""

    kind: ClassVar[str] = "generic"
    kept_headers: ClassVar[frozenset[str]] = frozenset({signing.ID})

    def __init__(
        self,
        name: str,
        config: GenericConfig,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.config = config
        self._clock = clock
        self._keys = _keys(config.webhook_secret)
        self._callback_keys = _keys(config.callback_secret)
        token = config.token.get_secret_value() if config.token else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = VendorClient(name, "", _explain, headers=headers)

    # -- adapter --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        signing.verify(request, self._keys, now, self.config.signature_window)

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return request.headers.get(signing.ID) or None

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        opened = payloads.open_envelope(delivery.body)
        if opened.kind != payloads.CHANGED:
            reason = f"only {payloads.CHANGED} is for us"
            if opened.kind == payloads.TEST:
                reason = "a test delivery of doctor"
            return (TicketEvent(EventKind.IGNORED, self.name, reason=reason),)
        if self.config.ticket_url is None:
            payloads.carried(opened, self.name, delivery.received_at)
        found = payloads.ticket_id(opened)
        return (TicketEvent(EventKind.TICKET_CHANGED, self.name, found),)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        message_id = f"msg_{uuid.uuid4().hex}"
        return Signed(signing.headers(self._keys[:1], message_id, now, body), {})

    def check(self, now: datetime) -> list[Finding]:
        settings = self.config
        findings = [
            self._finding(Level.WARNING, f"{name} is not encrypted", "Use https.")
            for name in ("ticket_url", "callback_url")
            if _is_open(getattr(settings, name))
        ]
        if settings.ticket_url is not None:
            findings.append(self._check_ticket_url())
        if settings.callback_url is not None:
            findings.append(self._check_callback(now))
        else:
            findings.append(self._finding(Level.OK, "takes no writes: no callback_url"))
        return findings

    def close(self) -> None:
        self._client.close()

    def ping(self, word: str) -> tuple[bytes, str | None]:
        return payloads.envelope(payloads.TEST, self._clock(), {"word": word}), None

    # -- carrier --

    def carried(self, delivery: Delivery) -> Carried | None:
        if self.config.ticket_url is not None:
            return None
        opened = payloads.open_envelope(delivery.body)
        return payloads.carried(opened, self.name, delivery.received_at)

    # -- helpdesk --

    def fetch_ticket(self, external_id: str) -> Ticket:
        if self.config.ticket_url is None:
            raise VendorRefused(
                f"{self.name}: tickets of this source come in deliveries only, "
                "and none of this one is kept"
            )
        try:
            answer = self._client.read(self._place(external_id))
        except NotFound as err:
            raise TicketGone(str(err), status=err.status) from err
        try:
            ticket = payloads.fetched(answer, self.name, self._clock())
        except MalformedPayload as err:
            raise VendorRefused(f"{self.name}: ticket_url answered {err}") from err
        if ticket.ref.external_id != external_id:
            raise VendorRefused(f"{self.name}: ticket_url answered with another ticket")
        return ticket

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        wanted = {"add": sorted(add - remove), "remove": sorted(remove)}
        if self.config.ticket_url is not None:
            tags = self.fetch_ticket(external_id).tags
            if (tags | add) - remove == tags:
                return tags
        # An id of its own each time: the same change can be wanted twice, and to make
        # it again does no harm.
        self._send(TAGS, external_id, wanted, uuid.uuid4().hex)
        if self.config.ticket_url is not None:
            return self.fetch_ticket(external_id).tags
        return add - remove

    def add_note(self, external_id: str, note: Note) -> Written:
        return self._send(NOTE, external_id, {"text": note.text}, note.mark)

    def send_message(self, external_id: str, message: Message) -> Written:
        said = {
            "text": message.text,
            "draft": message.draft,
            "language": message.language,
        }
        return self._send(MESSAGE, external_id, said, message.mark)

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        # Nothing can be asked. The second call carries the same webhook-id, and a
        # receiver of Standard Webhooks takes an id once.
        return None

    # -- own --

    def _place(self, external_id: str) -> str:
        assert self.config.ticket_url is not None
        return self.config.ticket_url.replace("{id}", quote(external_id, safe=""))

    def _send(
        self, kind: str, external_id: str, said: Mapping[str, Any], mark: str
    ) -> Written:
        """Make one signed call; ``mark`` is its webhook-id."""
        if self.config.callback_url is None:
            raise TakesNoWrites("this source takes no writes: it has no callback_url")
        try:
            self._post(kind, {"ticket": external_id, **said}, mark, self._clock())
        except NotFound as err:
            if err.status != 410:
                raise  # 404 is more likely a wrong address than a ticket
            raise TicketGone(str(err), status=err.status) from err
        return Written(mark)

    def _post(
        self, kind: str, data: Mapping[str, Any], message_id: str, now: datetime
    ) -> None:
        assert self.config.callback_url is not None
        body = payloads.envelope(kind, now, data)
        headers = signing.headers(self._callback_keys, message_id, now, body)
        self._client.call(
            "POST",
            self.config.callback_url,
            content=body,
            headers={"Content-Type": "application/json", **headers},
            expect=DONE,
        )

    # -- findings --

    def _finding(self, level: Level, message: str, remedy: str = "") -> Finding:
        return Finding(level, self.name, message, remedy)

    def _check_ticket_url(self) -> Finding:
        """Ask for a ticket that cannot be there; to be told so is a good sign."""
        try:
            self.fetch_ticket(CHECK)
        except TicketGone:
            return self._finding(Level.OK, "ticket_url answers")
        except VendorError as err:
            return self._problem("ticket_url", err)
        remedy = "Answer 404 for an id that does not exist."
        return self._finding(Level.WARNING, "ticket_url knows any id", remedy)

    def _check_callback(self, now: datetime) -> Finding:
        try:
            self._post(CHECK, {}, uuid.uuid4().hex, now)
        except VendorError as err:
            return self._problem("callback_url", err)
        return self._finding(Level.OK, "callback_url takes what we sign")

    def _problem(self, what: str, err: VendorError) -> Finding:
        remedy = f"Look at {what} and what answers there."
        if isinstance(err, CredentialsRejected):
            remedy = f"Look at token and callback_secret, and the clock of {what}."
        return self._finding(Level.PROBLEM, f"{what}: {err}", remedy)


def build(name: str, config: GenericConfig) -> GenericAdapter:
    """Build the adapter for one source."""
    return GenericAdapter(name, config)


def _keys(secrets: tuple[SecretStr, ...]) -> tuple[bytes, ...]:
    return tuple(signing.key_of(secret.get_secret_value()) for secret in secrets)


def _explain(response: requests.Response) -> str:
    return payloads.words(response.text)


def _is_open(address: str | None) -> bool:
    parts = urlsplit(address or "")
    return parts.scheme == "http" and parts.hostname not in (
        "localhost",
        "127.0.0.1",
        "::1",
    )
