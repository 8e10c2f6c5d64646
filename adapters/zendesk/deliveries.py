"""Webhooks as they arrive: is it Zendesk's, and what is to be read again? Pure.

Event types: https://developer.zendesk.com/api-reference/webhooks/event-types/
Signatures: https://developer.zendesk.com/documentation/webhooks/verifying/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from adapters.signatures import hmac_base64, matches
from adapters.zendesk.values import DIGITS, Json, as_object, identity, moment, word
from connector.errors import MalformedPayload, SignatureRejected
from connector.models import EventKind, TicketEvent, WebhookRequest
from connector.spans import in_words

SIGNATURE = "X-Zendesk-Webhook-Signature"
TIMESTAMP = "X-Zendesk-Webhook-Signature-Timestamp"
INVOCATION = "x-zendesk-webhook-invocation-id"

#: Published by Zendesk for tests sent before a webhook exists: no secret at all.
PUBLIC_TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="

_EVENT = "zen:event-type:"
_TICKET_EVENTS = ("ticket.", "messaging_ticket.")


# -- signatures --


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign as Zendesk does. The secret is the key as shown, not base64-decoded."""
    return hmac_base64(
        secret, timestamp.encode("utf-8", "surrogateescape") + body, "sha256"
    )


def verify(
    request: WebhookRequest, secrets: Iterable[str], now: datetime, window: timedelta
) -> None:
    """Return if one of ``secrets`` signed the request within ``window`` of ``now``."""
    presented = request.headers.get(SIGNATURE.lower(), "")
    timestamp = request.headers.get(TIMESTAMP.lower(), "")
    if not presented or not timestamp:
        raise SignatureRejected(f"{SIGNATURE} or its timestamp is missing")
    expected = [signature(secret, timestamp, request.body) for secret in secrets]
    if not matches(presented, expected):
        raise SignatureRejected(f"{SIGNATURE} does not match the webhook's secret")
    # The time of this attempt, renewed at every retry, so a tight window is safe.
    signed_at = _signed_at(timestamp)
    if abs(now - signed_at) > window:
        raise SignatureRejected(
            f"signed at {signed_at:%Y-%m-%dT%H:%M:%SZ}, more than "
            f"{in_words(window)} away from our clock"
        )


def _signed_at(timestamp: str) -> datetime:
    # Zendesk writes RFC 3339; public test vectors write seconds since 1970.
    try:
        if DIGITS.fullmatch(timestamp):
            return datetime.fromtimestamp(int(timestamp), UTC)
        return moment(timestamp)
    except (ValueError, OverflowError, OSError) as err:
        raise SignatureRejected(f"{TIMESTAMP} is not a time") from err


# -- both kinds of body --


def parse(body: bytes, source: str) -> tuple[TicketEvent, ...]:
    """Read either kind of webhook body: event subscription, or written in a trigger."""
    document = _document(body)
    kind = document.get("type")
    if isinstance(kind, str) and kind.startswith(_EVENT):
        return _subscription(kind.removeprefix(_EVENT), document, source)
    return (_changed(source, _trigger_ticket_id(document)),)


def _document(body: bytes) -> Json:
    if not body.strip():
        raise MalformedPayload("the body is empty; send JSON with a ticket_id")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as err:
        # No detail: the decoder's message is safe, the body around it is not.
        raise MalformedPayload(
            "not JSON; a placeholder with free text breaks a trigger's body, "
            'use {"ticket_id": "{{ticket.id}}"} alone'
        ) from err
    if not isinstance(document, dict):
        raise MalformedPayload("expected a JSON object")
    return document


def _subscription(name: str, document: Json, source: str) -> tuple[TicketEvent, ...]:
    if not name.startswith(_TICKET_EVENTS):
        return (
            TicketEvent(
                EventKind.IGNORED, source, reason=f"{word(name)} is not about a ticket"
            ),
        )
    detail, event = as_object(document.get("detail")), as_object(document.get("event"))
    ticket_id = identity(detail.get("id")) or _subject_id(document.get("subject"))
    if not ticket_id:
        raise MalformedPayload(f"{word(name)} names no ticket")
    # A merge concerns two tickets: the one that closed and the one that lives on.
    target = identity(event.get("target_ticket_id")) if name == "ticket.merged" else ""
    return tuple(_changed(source, each) for each in (ticket_id, target) if each)


def _changed(source: str, ticket_id: str) -> TicketEvent:
    return TicketEvent(EventKind.TICKET_CHANGED, source, ticket_id)


def _subject_id(subject: object) -> str:
    kind, _, rest = str(subject).rpartition(":")
    return identity(rest) if kind == "zen:ticket" else ""


def _trigger_ticket_id(document: Json) -> str:
    """Find the ticket id under any of the names people give it in a trigger's body."""
    plain = {re.sub(r"[^a-z0-9]", "", key.lower()): key for key in document}
    found = (
        document.get(plain.get("ticketid", "ticket_id")),
        as_object(document.get("ticket")).get("id"),
        document.get("id"),
    )
    for value in found:
        if ticket_id := identity(value):
            return ticket_id
    if any("{{" in str(value) for value in found):
        raise MalformedPayload("the ticket id is a placeholder nobody filled in")
    raise MalformedPayload("no ticket id; expected ticket_id, ticket.id or id")
