"""Webhooks as they arrive: are they Jira's, and what is to be read again? Pure.

Webhooks: https://developer.atlassian.com/cloud/jira/platform/webhooks/

Issue events and comment events both mean "read this issue again"; bodies of deliveries
are stale and partial, so only the id is taken from them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.jira.text import one_line
from adapters.jira.values import as_object, identity
from adapters.signatures import hmac_hex, matches
from connector.errors import MalformedPayload, SignatureRejected
from connector.models import Delivery, EventKind, TicketEvent, WebhookRequest
from connector.spans import in_words

#: Sadly without the "-256" others put in this name.
SIGNATURE = "x-hub-signature"
DELIVERY_ID = "x-atlassian-webhook-identifier"
KEPT_HEADERS = frozenset(
    {DELIVERY_ID, "x-atlassian-webhook-retry", "x-atlassian-webhook-flow"}
)

#: Everything else Jira can send (links, versions, sprints, users) is not for us.
EVENTS = frozenset(
    {
        "jira:issue_created",
        "jira:issue_updated",
        "jira:issue_deleted",
        "comment_created",
        "comment_updated",
        "comment_deleted",
    }
)

_ID_IN_LINK = re.compile(r"/issue/([0-9]{1,19})(?:/|$)")


def verify_signature(request: WebhookRequest, secrets: Sequence[str]) -> None:
    """Check a Cloud delivery: HMAC-SHA256 over the bytes as they came."""
    method, _, digest = request.headers.get(SIGNATURE, "").partition("=")
    if not digest:
        raise SignatureRejected("X-Hub-Signature is missing")
    if method.strip().lower() != "sha256":
        raise SignatureRejected("X-Hub-Signature is not a sha256 signature")
    # Anybody can sign with an empty key.
    expected = [
        hmac_hex(secret, request.body, "sha256") for secret in secrets if secret
    ]
    if not matches(digest.strip().lower(), expected):
        raise SignatureRejected("X-Hub-Signature does not fit body and secret")


def verify_token(request: WebhookRequest, tokens: Sequence[str]) -> None:
    """Check a Data Center delivery, which is not signed: the token in the address."""
    if not matches(request.query.get("token", ""), tokens):
        raise SignatureRejected("token in the address is missing or wrong")


def delivery_id(request: WebhookRequest) -> str | None:
    """Return what stays the same over all attempts of one delivery.

    Data Center numbers nothing. Its bodies hold the moment of the event, so equal
    bytes are the same event; without such a moment nobody can tell.
    """
    if named := request.headers.get(DELIVERY_ID):
        return named
    if b'"timestamp"' not in request.body:
        return None
    return f"sha256:{hashlib.sha256(request.body).hexdigest()}"


def parse(delivery: Delivery, window: timedelta) -> TicketEvent:
    """Say which issue to read again, or why none."""
    body = _read(delivery.body)
    name = body.get("webhookEvent")
    if not isinstance(name, str) or not name:
        raise MalformedPayload("webhookEvent is missing")
    if name not in EVENTS:
        return _ignored(delivery, f"event {one_line(name, 60)} is not about an issue")
    if _is_older(body.get("timestamp"), delivery.received_at, window):
        return _ignored(delivery, f"older than {in_words(window)} when it arrived")
    found = _issue_id(body)
    if found is None:
        raise MalformedPayload(f"{name} names no issue id")
    return TicketEvent(EventKind.ISSUE_CHANGED, delivery.source, found)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedPayload("not JSON") from None
    if not isinstance(value, dict):
        raise MalformedPayload("expected an object")
    return value


def _ignored(delivery: Delivery, reason: str) -> TicketEvent:
    return TicketEvent(EventKind.IGNORED, delivery.source, reason=reason)


def _is_older(stamp: object, received: datetime, window: timedelta) -> bool:
    # Whole numbers only: a stamp may be too large for a float.
    if not isinstance(stamp, int):
        return False
    age = int(received.timestamp() * 1000) - stamp
    return age > window // timedelta(milliseconds=1)


def _issue_id(body: Mapping[str, Any]) -> str | None:
    issue, comment = as_object(body.get("issue")), as_object(body.get("comment"))
    if found := identity(issue.get("id")):
        return found
    # Data Center sends comments without their issue.
    for link in (issue.get("self"), comment.get("self")):
        if isinstance(link, str) and (match := _ID_IN_LINK.search(link)):
            return match[1]
    return None
