"""What Jira sends and wants: deliveries, issues, bodies of writes. No calls, no clock.

Webhooks: https://developer.atlassian.com/cloud/jira/platform/webhooks/
REST: https://developer.atlassian.com/cloud/jira/platform/rest/v3/

Issue events and comment events both mean "read this issue again"; bodies of deliveries
are stale and partial, so only the id is taken from them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from adapters.jira import links
from adapters.jira.managed import framed
from adapters.jira.resolutions import USUAL, Meanings, meaning_of, spoken
from adapters.jira.text import adf, length, mark_block, one_line, wiki
from adapters.signatures import hmac_hex, matches
from adapters.words import plain
from connector.errors import (
    MalformedPayload,
    SignatureRejected,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Block,
    Delivery,
    EventKind,
    Issue,
    IssueCategory,
    IssueChange,
    IssueDraft,
    IssueRef,
    TicketEvent,
    TicketLink,
    WebhookRequest,
)


class Flavour(StrEnum):
    CLOUD = "cloud"  #: hosted by Atlassian: API v3, ADF, signed deliveries
    DATA_CENTER = "data_center"  #: self-hosted: API v2, wiki markup, token in the URL


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

ISSUE_FIELDS = (
    "summary",
    "status",
    "resolution",
    "resolutiondate",
    "labels",
    "updated",
    "project",
    "issuetype",
    "priority",
    "issuelinks",
)

#: Where a reopened issue should go, best first.
REOPEN_TO = (IssueCategory.IN_PROGRESS, IssueCategory.TODO, IssueCategory.UNKNOWN)

LABEL_LIMIT = 255
GLOBAL_ID_LIMIT = 255
PROPERTY_KEY_LIMIT = 255
PROPERTY_LIMIT = 32_768
APPLICATION = {"type": "complaint-connector", "name": "Complaint Connector"}
RELATIONSHIP = "reported by customer"

_ID = re.compile(r"[0-9]{1,19}")
_ID_IN_LINK = re.compile(r"/issue/([0-9]{1,19})(?:/|$)")


# -- deliveries --


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
        return _ignored(delivery, f"older than {_hours(window)} when it arrived")
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


def _hours(window: timedelta) -> str:
    return f"{window.total_seconds() / 3600:g} h"


def _issue_id(body: Mapping[str, Any]) -> str | None:
    issue, comment = _object(body.get("issue")), _object(body.get("comment"))
    if found := _id(issue.get("id")):
        return found
    # Data Center sends comments without their issue.
    for link in (issue.get("self"), comment.get("self")):
        if isinstance(link, str) and (match := _ID_IN_LINK.search(link)):
            return match[1]
    return None


# -- reading --


def to_issue(
    source: str,
    site_url: str,
    raw: Mapping[str, Any],
    meanings: Meanings,
    duplicate_links: Collection[str] = (),
) -> Issue:
    """Translate an issue; ``duplicate_links`` are types of links that the settings
    name."""
    fields = _object(raw.get("fields"))
    labels, resolution = fields.get("labels"), fields.get("resolution")
    return Issue(
        ref=to_ref(source, site_url, raw),
        summary=_text(fields.get("summary")),
        category=to_category(fields.get("status")),
        status_name=_text(_object(fields.get("status")).get("name")),
        # Only a name beside the status: workflows forget to clear it on reopening.
        resolution=spoken(resolution, meanings),
        meaning=meaning_of(resolution, meanings),
        usually=meaning_of(resolution, USUAL),
        duplicates=tuple(
            to_ref(source, site_url, other)
            for other in links.duplicates(fields.get("issuelinks"), duplicate_links)
        ),
        resolved_at=_moment(fields.get("resolutiondate")),
        labels=frozenset(
            plain(label)
            for label in (labels if isinstance(labels, list) else ())
            if isinstance(label, str)
        ),
        updated_at=to_moment(fields.get("updated")),
        project=_text(_object(fields.get("project")).get("key")),
        priority=_text(_object(fields.get("priority")).get("name")),
    )


def to_ref(source: str, site_url: str, raw: Mapping[str, Any]) -> IssueRef:
    """Translate id and key. Links in answers are not used: they may name a gateway."""
    found, key = _id(raw.get("id")), _text(raw.get("key"))
    if not found or not key:
        raise VendorUnavailable(f"{source} answered without an issue's id and key")
    return IssueRef(source, found, key, f"{site_url}/browse/{key}")


def to_category(status: object) -> IssueCategory:
    """Translate a status by its category; names are localised and editable."""
    key = _object(_object(status).get("statusCategory")).get("key")
    try:
        return IssueCategory(_text(key))
    except ValueError:
        return IssueCategory.UNKNOWN


def is_done(raw: Mapping[str, Any]) -> bool:
    """Tell whether an issue read with its status is done."""
    return to_category(_object(raw.get("fields")).get("status")) is IssueCategory.DONE


def to_moment(value: object) -> datetime:
    """Read Jira's time stamps, ``2026-11-02T09:15:00.000+0100``."""
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        raise VendorUnavailable("Jira answered without a readable time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _moment(value: object) -> datetime | None:
    """Read a time that an issue need not have."""
    try:
        return to_moment(value)
    except VendorUnavailable:
        return None


def field_kinds(fields: Iterable[Any]) -> dict[str, str]:
    """Return what each field of this Jira holds, by its id."""
    known = [raw for raw in fields if isinstance(raw, dict)]
    return {
        _text(raw.get("id")): _text(_object(raw.get("schema")).get("type"))
        for raw in known
    }


def spelled(moment: datetime, kind: str) -> str:
    """Write a moment as a field of this kind takes it."""
    at = moment.astimezone(UTC)
    if kind == "date":
        return f"{at:%Y-%m-%d}"
    if kind == "datetime":
        return f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"
    return f"{at:%Y-%m-%d %H:%M} UTC"


def rank(priorities: Sequence[Mapping[str, Any]], word: str) -> int | None:
    """Return the place of a priority, by id or name: the highest comes first."""
    return next(
        (
            place
            for place, raw in enumerate(priorities)
            if word and word.casefold() in (_id(raw.get("id")), _name(raw))
        ),
        None,
    )


def _name(raw: Mapping[str, Any]) -> str:
    return _text(raw.get("name")).casefold()


def to_page(source: str, answer: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects of a page; a page without its list is no answer at all."""
    found = answer.get(key)
    if not isinstance(found, list):
        raise VendorUnavailable(f"{source} answered without {key}")
    return [each for each in found if isinstance(each, dict)]


def to_comment_id(source: str, raw: Mapping[str, Any]) -> str:
    """Return the id of a comment that was written or found."""
    if found := _id(raw.get("id")):
        return found
    raise VendorUnavailable(f"{source} answered without a comment's id")


def find_reopening(transitions: Iterable[Any]) -> str | None:
    """Choose the transition that leads back to work, by category and never by name.

    Those that ask for nothing go first: a required field would refuse the call.
    """
    usable = []
    for raw in transitions:
        transition = _object(raw)
        found, category = _id(transition.get("id")), to_category(transition.get("to"))
        if found and category in REOPEN_TO:
            rank = (_asks_for_more(transition), REOPEN_TO.index(category))
            usable.append((rank, found))
    return min(usable, key=lambda each: each[0])[1] if usable else None


def _asks_for_more(transition: Mapping[str, Any]) -> bool:
    fields = [_object(each) for each in _object(transition.get("fields")).values()]
    return any(
        field.get("required") and not field.get("hasDefaultValue") for field in fields
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return plain(value) if isinstance(value, str) else ""


def to_id(raw: Mapping[str, Any]) -> str | None:
    """Return the id of anything, if it has one."""
    return _id(raw.get("id"))


def _id(value: object) -> str | None:
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if _ID.fullmatch(text) else None


# -- bodies --


def search_query(project: str, mark: str) -> str:
    """Ask for issues with our mark, oldest first."""
    return (
        f"project = {quoted(project)} AND labels = {quoted(mark)} ORDER BY created ASC"
    )


def issue_body(draft: IssueDraft, flavour: Flavour) -> dict[str, Any]:
    """Build a create. On Cloud the properties land in the same call."""
    fields: dict[str, Any] = {
        **_present(draft.fields),
        "project": {"key": draft.project},
        "issuetype": named(draft.issue_type),
        "summary": one_line(draft.summary),
        "labels": checked_labels((draft.mark, *map(_joined, draft.labels))),
    }
    counts = framed(draft.counts) if draft.counts else ()
    if text := (*counts, *draft.description):
        fields["description"] = rendered(text, flavour)
    if draft.priority:
        fields["priority"] = named(draft.priority)
    if draft.components:
        fields["components"] = [named(each) for each in draft.components]
    if draft.assignee:
        key = "accountId" if flavour is Flavour.CLOUD else "name"
        fields["assignee"] = {key: draft.assignee}
    body: dict[str, Any] = {"fields": fields}
    if draft.properties and flavour is Flavour.CLOUD:
        body["properties"] = [
            {"key": key, "value": checked_property(key, value)}
            for key, value in draft.properties.items()
        ]
    return body


def checked_property(key: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property's value; one that Jira would not take is refused."""
    size = len(json.dumps(value, default=str))
    if not 0 < len(key) <= PROPERTY_KEY_LIMIT or not value or size > PROPERTY_LIMIT:
        raise VendorRefused(
            f"property {key[:40]!r}: Jira takes 1 to {PROPERTY_LIMIT} characters of "
            f"JSON under a key of up to {PROPERTY_KEY_LIMIT}"
        )
    return dict(value)


def change_body(change: IssueChange) -> dict[str, Any]:
    """Build an edit; empty if there is nothing but properties to change."""
    verbs = [{"add": label} for label in checked_labels(sorted(change.add_labels))]
    # Whatever is on the issue can be taken off it: no check.
    verbs += [{"remove": label} for label in sorted(change.remove_labels)]
    body: dict[str, Any] = {}
    # Labels are never set as a whole; nor may a field be in both parts.
    if fields := _present(change.fields, but="labels"):
        body["fields"] = fields
    if verbs:
        body["update"] = {"labels": verbs}
    return body


def comment_body(
    blocks: Sequence[Block], mark: str, flavour: Flavour
) -> dict[str, Any]:
    """Build a comment with its mark line.

    In a service project a comment is shown to the customer unless it says otherwise;
    everywhere else the property means nothing.
    """
    return {
        "body": rendered(blocks, flavour, tail=(mark_block(mark),)),
        "properties": [{"key": "sd.public.comment", "value": {"internal": True}}],
    }


def link_body(link: TicketLink) -> dict[str, Any]:
    """Build a remote link, always whole: an update empties what it leaves out."""
    if not 0 < len(link.global_id) <= GLOBAL_ID_LIMIT:
        raise VendorRefused(f"a global id has 1 to {GLOBAL_ID_LIMIT} characters")
    parts = urlsplit(link.url)
    return {
        "globalId": link.global_id,
        "application": APPLICATION,
        "relationship": RELATIONSHIP,
        "object": {
            "url": link.url,
            "title": one_line(link.title),
            "icon": {
                "url16x16": f"{parts.scheme}://{parts.netloc}/favicon.ico",
                "title": "Ticket",
            },
            "status": {"resolved": link.resolved},
        },
    }


def checked_labels(labels: Iterable[str]) -> list[str]:
    """Return the labels once each; one bad label would make Jira refuse the lot."""
    found = list(dict.fromkeys(labels))
    for label, why in refused_labels(found).items():
        raise VendorRefused(f"{label[:40]!r} {why}")
    return found


def refused_labels(labels: Iterable[str]) -> dict[str, str]:
    """Return which labels Jira would not take, each with why."""
    why = f"is no label: Jira takes 1 to {LABEL_LIMIT} characters without spaces"
    return {
        label: why
        for label in labels
        if not 0 < length(label) <= LABEL_LIMIT or re.search(r"\s", label)
    }


def _joined(label: str) -> str:
    """Write a label in one word: a space in the settings must not stop a filing."""
    return "-".join(label.split())


def rendered(
    blocks: Sequence[Block], flavour: Flavour, tail: Sequence[Block] = ()
) -> dict[str, Any] | str:
    """Render text as this flavour wants it."""
    return adf(blocks, tail) if flavour is Flavour.CLOUD else wiki(blocks, tail)


def named(value: str) -> dict[str, str]:
    """Name something by its id where that is given: names can be translated."""
    return {"id" if _ID.fullmatch(value) else "name": value}


def _present(fields: Mapping[str, Any], but: str = "") -> dict[str, Any]:
    """Leave out what has no value: Jira's own descriptions know no null there."""
    return {
        key: value for key, value in fields.items() if value is not None and key != but
    }


def quoted(value: str) -> str:
    """Write a word so that JQL takes it for nothing else."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
