"""Zendesk's words and shapes, translated. Pure: values in, values out.

Here: signatures, both kinds of webhook body, REST documents read and built, and the
vendor's error texts. Not here: calls, configuration, the order in which things happen.

Event types: https://developer.zendesk.com/api-reference/webhooks/event-types/
Signatures: https://developer.zendesk.com/documentation/webhooks/verifying/
Tickets: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.signatures import hmac_base64, matches
from adapters.words import masked, plain
from connector.errors import MalformedPayload, SignatureRejected
from connector.models import (
    Author,
    Comment,
    Customer,
    EventKind,
    Ticket,
    TicketEvent,
    TicketRef,
    TicketStatus,
    WebhookRequest,
)

Json = Mapping[str, Any]

SIGNATURE = "X-Zendesk-Webhook-Signature"
TIMESTAMP = "X-Zendesk-Webhook-Signature-Timestamp"
INVOCATION = "x-zendesk-webhook-invocation-id"

#: Published by Zendesk for tests sent before a webhook exists: no secret at all.
PUBLIC_TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="

STATUS = {  # compared in lower case: events shout, REST does not
    "new": TicketStatus.NEW,
    "open": TicketStatus.OPEN,
    "pending": TicketStatus.PENDING,
    "hold": TicketStatus.PENDING,  # waiting on a third party; customers see "open"
    "solved": TicketStatus.RESOLVED,
    "closed": TicketStatus.CLOSED,
    "archived": TicketStatus.CLOSED,
    "deleted": TicketStatus.DELETED,
    "scrubbed": TicketStatus.DELETED,
}

VIA = {  # events and REST name the same channel differently; REST may use a number
    "mail": "email",
    "web_service": "api",
    "web_form": "web",
    "0": "web",
    "4": "email",
    "5": "api",
    "8": "rule",
    "29": "chat",
    "57": "sms",
}

ROLE = {
    "end-user": Author.CUSTOMER,
    "agent": Author.AGENT,
    "admin": Author.AGENT,
}

SYSTEM_AUTHOR = "-1"
MARK_KEY = "complaint_connector"
DRAFT_HEADING = "Suggested reply, not sent to the customer:"
SAFE_TAG = re.compile(r"[a-z0-9_/-]{1,255}")

#: Zendesk cuts a comment at about 64 KiB without saying so; the mark comes last.
COMMENT_BYTES = 60_000

_EVENT = "zen:event-type:"
_TICKET_EVENTS = ("ticket.", "messaging_ticket.")
_DIGITS = re.compile(r"[0-9]{1,20}")


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
            f"{window.total_seconds():g} s away from our clock"
        )


def _signed_at(timestamp: str) -> datetime:
    # Zendesk writes RFC 3339; public test vectors write seconds since 1970.
    try:
        if _DIGITS.fullmatch(timestamp):
            return datetime.fromtimestamp(int(timestamp), UTC)
        return moment(timestamp)
    except (ValueError, OverflowError, OSError) as err:
        raise SignatureRejected(f"{TIMESTAMP} is not a time") from err


# -- deliveries --


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
                EventKind.IGNORED, source, reason=f"{_word(name)} is not about a ticket"
            ),
        )
    detail, event = _object(document.get("detail")), _object(document.get("event"))
    ticket_id = identity(detail.get("id")) or _subject_id(document.get("subject"))
    if not ticket_id:
        raise MalformedPayload(f"{_word(name)} names no ticket")
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
        _object(document.get("ticket")).get("id"),
        document.get("id"),
    )
    for value in found:
        if ticket_id := identity(value):
            return ticket_id
    if any("{{" in str(value) for value in found):
        raise MalformedPayload("the ticket id is a placeholder nobody filled in")
    raise MalformedPayload("no ticket id; expected ticket_id, ticket.id or id")


def identity(value: object) -> str:
    """Return a Zendesk id as text, whether it came as text or number; else empty.

    User events write "0" for "none".
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value).strip()
    return text if _DIGITS.fullmatch(text) and text.strip("0") else ""


def _word(name: str) -> str:
    return re.sub(r"[^\w.]", "", name)[:80]


# -- REST documents, read --


def ticket(
    source: str,
    base_url: str,
    document: Json,
    comments: Sequence[Json],
    users: Mapping[str, Json],
    organization: Json,
) -> Ticket:
    """Build a ticket from what was read about it.

    ``users`` by id: the requester and whoever wrote a comment, as far as known. Raises
    ``KeyError``, ``TypeError``, ``ValueError`` or ``AttributeError`` on other shapes.
    """
    number = str(document["id"])
    requester = str(document.get("requester_id"))
    return Ticket(
        ref=TicketRef(source, number),
        number=number,
        subject=text(document.get("raw_subject") or document.get("subject")),
        status=status(document),
        customer=customer(requester, users.get(requester, {}), organization),
        comments=tuple(comment(each, requester, users) for each in comments),
        tags=tags(document),
        created_at=moment(document["created_at"]),
        updated_at=moment(document["updated_at"]),
        url=f"{base_url}/agent/tickets/{number}",
        channel=channel(document),
        version=document["updated_at"],
        fields=dict(_ticket_fields(document)),
    )


def status(document: Json) -> TicketStatus:
    return STATUS.get(text(document.get("status")).lower(), TicketStatus.UNKNOWN)


def tags(document: Json) -> frozenset[str]:
    names = (text(tag) for tag in document.get("tags") or ())
    return frozenset(name for name in names if name)


def channel(document: Json) -> str:
    word = text(_object(document.get("via")).get("channel")).lower()
    return VIA.get(word, word)


def customer(external_id: str, user: Json, organization: Json) -> Customer:
    """Build the requester; the organisation's tags count as the customer's."""
    email = user.get("email")
    return Customer(
        external_id=external_id,
        email=plain(email).lower() or None if isinstance(email, str) else None,
        name=text(user.get("name")) or None,
        organization=text(organization.get("name")) or None,
        tags=tags(user) | tags(organization),
        fields={
            **dict(_texts("", _object(user.get("user_fields")))),
            **dict(
                _texts(
                    "organization.", _object(organization.get("organization_fields"))
                )
            ),
        },
    )


def comment(document: Json, requester: str, users: Mapping[str, Json]) -> Comment:
    author_id = text(document.get("author_id"))
    html = text(document.get("html_body"))
    plain = text(document.get("plain_body")) or text(document.get("body"))
    return Comment(
        external_id=str(document["id"]),
        author=_author(document, author_id, requester, users),
        author_id=author_id or None,
        public=bool(document.get("public")),
        body=html or plain,
        is_html=bool(html),
        created_at=moment(document["created_at"]),
        channel=channel(document),
    )


def _author(
    document: Json, author_id: str, requester: str, users: Mapping[str, Json]
) -> Author:
    if author_id == SYSTEM_AUTHOR or channel(document) == "rule":
        return Author.ROBOT
    if author_id == requester:
        return Author.CUSTOMER
    return ROLE.get(text(users.get(author_id, {}).get("role")), Author.UNKNOWN)


def is_complete(user: Json) -> bool:
    """Tell a full user record from the short one that a sideload may hold."""
    return "email" in user and "user_fields" in user


def has_mark(document: Json, mark: str) -> bool:
    """Tell whether a comment carries exactly this mark, and not a longer one.

    A customer's reply that quotes the mark counts: it proves that we were read.
    """
    custom = _object(_object(document.get("metadata")).get("custom"))
    if custom.get(MARK_KEY) == mark:
        return True
    token = re.compile(rf"(?<![\w-]){re.escape(mark)}(?![\w-])")
    return any(
        token.search(text(document.get(key)))
        for key in ("body", "plain_body", "html_body")
    )


def written_id(answer: Json) -> str:
    """Return the id of the comment that an update or create wrote."""
    audit = _object(answer.get("audit"))
    for event in audit.get("events") or ():
        if event.get("type") == "Comment":
            return str(event["id"])
    return text(audit.get("id")) or text(_object(answer.get("ticket")).get("id"))


def by_id(documents: object) -> dict[str, Json]:
    """Index a sideloaded list; anything that is none is empty."""
    rows = documents if isinstance(documents, list) else []
    return {
        str(row["id"]): row for row in rows if isinstance(row, dict) and "id" in row
    }


def next_page(page: Json) -> str:
    """Return the cursor of the page that follows, or nothing."""
    meta = _object(page.get("meta"))
    return text(meta.get("after_cursor")) if meta.get("has_more") else ""


def moment(value: str) -> datetime:
    """Read an RFC 3339 time with any number of fractional digits."""
    read = datetime.fromisoformat(value)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def text(value: object) -> str:
    """Return a value as storable text; null is empty, booleans as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(text(each) for each in value)
    return "" if value is None else plain(str(value))


def _ticket_fields(document: Json) -> Iterator[tuple[str, str]]:
    for name in (
        "priority",
        "type",
        "brand_id",
        "group_id",
        "assignee_id",
        "organization_id",
        "ticket_form_id",
        "problem_id",
        "external_id",
        "recipient",
    ):
        if value := text(document.get(name)).strip():
            yield name, value
    for field in document.get("custom_fields") or ():
        if value := text(field.get("value")):
            yield f"custom_fields_{text(field['id'])}", value
    yield from _satisfaction(_object(document.get("satisfaction_rating")))


def _satisfaction(rating: Json) -> Iterator[tuple[str, str]]:
    # "offered" and "unoffered" are no ratings.
    if (score := text(rating.get("score"))) in ("good", "bad"):
        yield "satisfaction", score
        if words := text(rating.get("comment")):
            yield "satisfaction_comment", words


def _texts(prefix: str, values: Json) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if word := text(value):
            yield f"{prefix}{plain(key)}", word


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


# -- REST documents, built --


def comment_update(words: str, mark: str, *, public: bool) -> dict[str, Any]:
    """Build an update that only adds a comment.

    ``public`` is always sent: left out, it follows the ticket's first comment.
    """
    return {
        "comment": {"body": with_mark(words, mark), "public": public},
        "metadata": {MARK_KEY: mark},
    }


def follow_up(source: Json, words: str, mark: str) -> dict[str, Any]:
    """Build the ticket that takes up a closed one; Zendesk copies its tags."""
    return {
        "via_followup_source_id": source["id"],
        "requester_id": source["requester_id"],
        "subject": text(source.get("raw_subject") or source.get("subject")),
        **comment_update(words, mark, public=True),
    }


def with_mark(words: str, mark: str) -> str:
    """Put the visible reference below the words, within what Zendesk keeps."""
    raw = words.encode()
    if len(raw) > COMMENT_BYTES:
        words = raw[:COMMENT_BYTES].decode(errors="ignore") + " …"
    return f"{words.rstrip()}\n\nRef. {mark}"


def tag_update(changed: Iterable[str], stamp: str) -> dict[str, Any]:
    # The tag endpoints want the word "true", the ticket endpoints a boolean.
    return {"tags": sorted(changed), "updated_stamp": stamp, "safe_update": "true"}


# -- errors --


def words(body: str) -> str:
    """Return Zendesk's own words from an error body, without anything quoted.

    Codes, titles and names of fields say enough; what was sent stays out.
    """
    document = _error_document(body)
    error = document.get("error")
    parts = [error if isinstance(error, str) else "", document.get("description")]
    parts += [document.get("error_description")]
    parts += [_object(error).get("title"), _object(error).get("message")]
    errors = document.get("errors")
    for each in errors if isinstance(errors, list) else ():
        parts += [_object(each).get("code"), _object(each).get("title")]
    if fields := sorted(map(_field_name, _object(document.get("details")))):
        parts.append("fields: " + ", ".join(fields))
    said = [masked(part) for part in parts if isinstance(part, str) and part]
    return ": ".join(dict.fromkeys(said))


def _field_name(key: str) -> str:
    # A bare number would be taken for a customer's, and masked.
    return f"custom_fields_{key}" if _DIGITS.fullmatch(key) else key


def says_closed(body: str) -> bool:
    """Tell whether a 422 means that the ticket is closed for good."""
    found = _object(_error_document(body).get("details")).get("status")
    return "closed" in json.dumps(found).lower()


def says_no_endpoint(body: str) -> bool:
    """Tell a 404 for an address or feature that is not there from a missing record."""
    return _error_document(body).get("error") == "InvalidEndpoint"


def job_problem(job: Json) -> str:
    """Return what a finished job failed at, or nothing.

    ``completed`` may hold items that failed.
    """
    if job.get("status") != "completed":
        return f"job {_word(text(job.get('status')))}"
    for item in job.get("results") or ():
        if item.get("error") or item.get("success") is False:
            return words(json.dumps(item)) or "an item of the job failed"
    return ""


def ignored_keys(warning: str) -> list[str]:
    """Return the names of fields that Zendesk dropped, from X-Zendesk-API-Warn."""
    # Two forms are in use: a Ruby hash, and "Removed restricted keys [...]".
    found = re.search(r"(?:unpermitted_keys=>|keys )\[([^\]]*)\]", warning)
    return re.findall(r"[\w.]+", found[1]) if found else []


def _error_document(body: str) -> Json:
    try:
        return _object(json.loads(body))
    except (ValueError, RecursionError):
        return {}
