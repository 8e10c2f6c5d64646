"""What a service desk sends and wants: deliveries, requests, comments. No calls.

A request is an issue with more around it: what is the issue's is read from the issue,
what customers and agents said from the service desk, which alone tells whether a
customer can read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from adapters.jira import payloads
from adapters.jira.text import mark_block, plain_text, wiki
from adapters.words import plain
from connector.errors import VendorUnavailable
from connector.models import (
    Author,
    Block,
    BlockKind,
    Comment,
    Customer,
    Delivery,
    EventKind,
    IssueCategory,
    Ticket,
    TicketEvent,
    TicketRef,
    TicketStatus,
)

Json = Mapping[str, Any]

ISSUE_FIELDS = (
    "summary",
    "description",
    "status",
    "resolution",
    "labels",
    "created",
    "updated",
    "project",
    "reporter",
    "comment",
)

#: Where the connector, on Cloud from the first moment, marks issues that it files.
OWN_PROPERTY = "complaint-connector"
#: Where a service desk keeps how a request came in.
CHANNEL_PROPERTY = "request.channel.type"

#: What ``GET field`` calls the fields of a service desk; numbers differ by site.
ORGANIZATIONS = "com.atlassian.servicedesk:sd-customer-organizations"
SATISFACTION = "com.atlassian.servicedesk:sd-request-feedback"
SATISFACTION_DATE = "com.atlassian.servicedesk:sd-request-feedback-date"

#: Accounts that can only use the portal.
PORTAL_ACCOUNT = "qm:"

#: Items of a changelog by which an issue came from, or went to, another project.
MOVES = frozenset({"project", "key"})

DRAFT_HEADING = "Suggested reply, not sent to the customer:"
INTERNAL = " (internal)"

_STATUS = {
    IssueCategory.TODO: TicketStatus.OPEN,
    IssueCategory.IN_PROGRESS: TicketStatus.OPEN,
    IssueCategory.DONE: TicketStatus.RESOLVED,
    IssueCategory.UNKNOWN: TicketStatus.UNKNOWN,
}


class SiteFields(NamedTuple):
    """Ids of the service desk's own fields on one site; empty where it has none."""

    organizations: str = ""
    satisfaction: str = ""
    satisfaction_date: str = ""

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(field for field in self if field)


class Reading(NamedTuple):
    """Everything that was read about one request. ``me`` is our own account's id."""

    issue: Json
    request: Json
    comments: Sequence[Json]
    organizations: Sequence[str]
    feedback: Json
    fields: SiteFields
    me: str


# -- deliveries --


def parse(
    delivery: Delivery, window: timedelta, projects: Collection[str]
) -> TicketEvent:
    """Say which request to read again, or why none.

    Webhooks can be set up for the whole site, and filters of a site are not to be
    trusted. An issue that moved is read whatever project it is in now: it may have
    been a request of ours.
    """
    event = payloads.parse(delivery, window)
    if event.kind is not EventKind.ISSUE_CHANGED:
        return event
    body = json.loads(delivery.body)
    project = project_of(_object(body.get("issue")))
    if project and project not in projects and not _has_moved(body):
        return TicketEvent(
            EventKind.IGNORED, delivery.source, reason="of a project that is not ours"
        )
    return event._replace(kind=EventKind.TICKET_CHANGED)


def _has_moved(body: Json) -> bool:
    items = _objects(_object(body.get("changelog")).get("items"))
    # Cloud names fields in changelogs now with, now without a capital letter.
    return any(_text(item.get("field")).lower() in MOVES for item in items)


# -- issues --


def site_fields(fields: Iterable[Any]) -> SiteFields:
    """Find the service desk's own fields among all fields of a site."""
    found: dict[str, str] = {}
    for field in map(_object, fields):
        custom = _text(_object(field.get("schema")).get("custom"))
        found.setdefault(custom, _text(field.get("id")))
    wanted = (ORGANIZATIONS, SATISFACTION, SATISFACTION_DATE)
    return SiteFields(*(found.get(name, "") for name in wanted))


def project_of(issue: Json) -> str:
    """Return the key of an issue's project, empty if it does not say."""
    return _text(_object(_object(issue.get("fields")).get("project")).get("key"))


def is_ours(issue: Json, me: str) -> bool:
    """Tell whether the connector filed an issue, by itself or from another source."""
    reporter = _object(issue.get("fields")).get("reporter")
    own = _object(issue.get("properties")).get(OWN_PROPERTY)
    return own is not None or account_id(_object(reporter)) == me


def account_id(user: Json) -> str:
    """Return what identifies a person: Cloud has account ids, Data Center keys."""
    return next(
        (_text(user[key]) for key in ("accountId", "key", "name") if user.get(key)), ""
    )


def is_done(issue: Json) -> bool:
    """Tell whether a request is done, by the category of its status."""
    return payloads.is_done(issue)


def labels(issue: Json) -> frozenset[str]:
    """Return the labels of an issue; the list can be missing."""
    found = _object(issue.get("fields")).get("labels")
    names = found if isinstance(found, list) else []
    return frozenset(plain(label) for label in names if isinstance(label, str))


def rating(issue: Json, field: str) -> str:
    """Return the number in the field for satisfaction, whatever its shape."""
    value = _object(issue.get("fields")).get(field)
    number = value.get("rating") if isinstance(value, dict) else value
    return _text(number)


# -- tickets --


def to_ticket(
    source: str, site_url: str, reading: Reading, pending: Collection[str]
) -> Ticket:
    """Translate a request with all that was said in it."""
    issue = reading.issue
    ref = payloads.to_ref(source, site_url, issue)
    fields = _object(issue.get("fields"))
    return Ticket(
        ref=TicketRef(source, ref.external_id),
        number=ref.key,
        subject=_text(fields.get("summary")),
        status=to_status(fields.get("status"), pending),
        customer=_customer(reading),
        comments=_comments(reading),
        tags=labels(issue),
        created_at=payloads.to_moment(fields.get("created")),
        updated_at=_updated(reading),
        url=ref.url,
        channel=_channel(issue),
        fields=dict(_fields(reading)),
    )


def _updated(reading: Reading) -> datetime:
    """Return the last change; a rating may not count as one for Jira."""
    fields = _object(reading.issue.get("fields"))
    updated = payloads.to_moment(fields.get("updated"))
    rated = fields.get(reading.fields.satisfaction_date)
    return max(updated, payloads.to_moment(rated)) if rated else updated


def to_status(status: object, pending: Collection[str]) -> TicketStatus:
    """Translate by category; only waiting has to be told by its name."""
    found = _STATUS[payloads.to_category(status)]
    name = _text(_object(status).get("name")).casefold()
    waits = found is TicketStatus.OPEN and name in {word.casefold() for word in pending}
    return TicketStatus.PENDING if waits else found


def _channel(issue: Json) -> str:
    kept = _object(issue.get("properties")).get(CHANNEL_PROPERTY)
    return _text(_object(kept).get("value"))


def _customer(reading: Reading) -> Customer:
    in_issue = _object(_object(reading.issue.get("fields")).get("reporter"))
    # The service desk shows more e-mail addresses than Jira does.
    reporter = {**in_issue, **_present(_object(reading.request.get("reporter")))}
    organizations = _organizations(reading)
    return Customer(
        external_id=account_id(reporter),
        email=_text(reporter.get("emailAddress")).strip().lower() or None,
        name=_text(reporter.get("displayName")) or None,
        organization=organizations[0] if organizations else None,
    )


def _organizations(reading: Reading) -> list[str]:
    """Name those the request is shared with, then others the customer is in."""
    fields = _object(reading.issue.get("fields"))
    shared = fields.get(reading.fields.organizations) or []
    names = [_text(_object(each).get("name")) for each in shared]
    return list(dict.fromkeys(filter(None, (*names, *reading.organizations))))


# -- what was said --


def _comments(reading: Reading) -> tuple[Comment, ...]:
    kinds = _account_types(reading.issue)
    customers = _customers(reading)
    found = [
        _comment(raw, kinds, customers, reading.me)
        for raw in reading.comments
        if _text(raw.get("id"))
    ]
    said = [*_opening(reading), *found, *_words_of_rating(reading)]
    return tuple(sorted(said, key=lambda comment: comment.created_at))


def _opening(reading: Reading) -> Iterator[Comment]:
    """Yield the description: the customer's first words."""
    fields = _object(reading.issue.get("fields"))
    body, is_html = _description(reading)
    if body:
        yield Comment(
            external_id="description",
            author=Author.CUSTOMER,
            author_id=account_id(_object(fields.get("reporter"))) or None,
            public=True,
            body=body,
            is_html=is_html,
            created_at=payloads.to_moment(fields.get("created")),
            channel=_channel(reading.issue),
        )


def _description(reading: Reading) -> tuple[str, bool]:
    for field in _objects(reading.request.get("requestFieldValues")):
        if field.get("fieldId") == "description":
            if html := _text(_object(field.get("renderedValue")).get("html")):
                return html, True
    # The field can be hidden from the portal.
    body = _object(reading.issue.get("fields")).get("description")
    return plain(plain_text(body)).strip(), False


def _comment(
    raw: Json, kinds: Mapping[str, str], customers: Collection[str], me: str
) -> Comment:
    author = account_id(_object(raw.get("author")))
    html = _text(_object(raw.get("renderedBody")).get("html"))
    public = raw.get("public") is True
    return Comment(
        external_id=_text(raw.get("id")),
        author=_author(author, kinds.get(author, ""), public, customers, me),
        author_id=author or None,
        public=public,
        body=html or _text(raw.get("body")),
        is_html=bool(html),
        created_at=to_moment(raw.get("created")),
    )


def _author(
    author: str, kind: str, public: bool, customers: Collection[str], me: str
) -> Author:
    if kind == "app":
        return Author.ROBOT
    if author == me:
        return Author.AGENT
    is_customer = author in customers or kind == "customer"
    if public and author and (is_customer or author.startswith(PORTAL_ACCOUNT)):
        return Author.CUSTOMER
    # Nothing says who is an agent: whoever does not stand on the customer's side.
    return Author.AGENT if author else Author.UNKNOWN


def _account_types(issue: Json) -> dict[str, str]:
    """Return what kind of account wrote, as far as Jira's own comments tell."""
    comments = _object(_object(issue.get("fields")).get("comment")).get("comments")
    authors = [_object(comment.get("author")) for comment in _objects(comments)]
    return {account_id(user): _text(user.get("accountType")) for user in authors}


def _customers(reading: Reading) -> frozenset[str]:
    participants = _object(reading.request.get("participants")).get("values")
    people = [reading.request.get("reporter"), *_objects(participants)]
    people.append(_object(reading.issue.get("fields")).get("reporter"))
    return frozenset(filter(None, (account_id(_object(user)) for user in people)))


def _words_of_rating(reading: Reading) -> Iterator[Comment]:
    """Yield what the customer wrote beside a rating: their words, as any others."""
    words = _text(_object(reading.feedback.get("comment")).get("body"))
    fields = _object(reading.issue.get("fields"))
    at = fields.get(reading.fields.satisfaction_date) or fields.get("updated")
    if words:
        yield Comment(
            external_id="feedback",
            author=Author.CUSTOMER,
            author_id=account_id(_object(fields.get("reporter"))) or None,
            public=True,
            body=words,
            is_html=False,
            created_at=payloads.to_moment(at),
            channel="rating",
        )


def to_moment(value: object) -> datetime:
    """Read the service desk's time stamps, which say the same in four ways."""
    stamp = _object(value)
    millis = stamp.get("epochMillis")
    if isinstance(millis, int):
        try:
            return datetime.fromtimestamp(millis / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            raise VendorUnavailable("Jira answered without a readable time") from None
    return payloads.to_moment(stamp.get("jira") or stamp.get("iso8601"))


# -- fields --


def _fields(reading: Reading) -> Iterator[tuple[str, str]]:
    issue, request = _object(reading.issue.get("fields")), reading.request
    yield "project", project_of(reading.issue)
    yield "status", _text(_object(issue.get("status")).get("name"))
    if resolution := _text(_object(issue.get("resolution")).get("name")):
        yield "resolution", resolution
    kind = _object(request.get("requestType"))
    if name := _text(kind.get("name")) or _text(request.get("requestTypeId")):
        yield "request_type", name
    if organizations := _organizations(reading):
        yield "organizations", ", ".join(organizations)
    yield from _satisfaction(reading)
    yield from _slas(_objects(_object(request.get("sla")).get("values")))
    for field in _objects(request.get("requestFieldValues")):
        name, value = _text(field.get("fieldId")), shown(field.get("value"))
        if name and value and name not in ("summary", "description"):
            yield name, value


def _satisfaction(reading: Reading) -> Iterator[tuple[str, str]]:
    given = _text(reading.feedback.get("rating"))
    if score := given or rating(reading.issue, reading.fields.satisfaction):
        yield "satisfaction", score
    if words := _text(_object(reading.feedback.get("comment")).get("body")):
        yield "satisfaction_comment", words


def _slas(metrics: Iterable[Json]) -> Iterator[tuple[str, str]]:
    """Yield how each goal stands: by its running cycle, else by its last one."""
    for metric in metrics:
        name = f"sla.{_slug(_text(metric.get('name')))}"
        running = _object(metric.get("ongoingCycle"))
        done = _objects(metric.get("completedCycles"))
        if running:
            yield name, _running(running)
            if breach := _object(running.get("breachTime")):
                yield f"{name}.due", to_moment(breach).isoformat()
        elif done:
            # Cycles are listed in no promised order.
            last = max(done, key=lambda cycle: _stopped(cycle))
            yield name, "breached" if last.get("breached") else "met"


def _running(cycle: Json) -> str:
    if cycle.get("breached"):
        return "breached"
    return "paused" if cycle.get("paused") else "running"


def _stopped(cycle: Json) -> int:
    millis = _object(cycle.get("stopTime")).get("epochMillis")
    return millis if isinstance(millis, int) else 0


def _slug(name: str) -> str:
    return re.sub(r"[^\w]+", "_", name.casefold()).strip("_")


def shown(value: object) -> str:
    """Return the value of a field as people see it; options and people by name."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(shown, value)))
    if isinstance(value, dict):
        if value.get("type") == "doc":
            return plain(plain_text(value)).strip()
        names = ("value", "displayName", "name", "label")
        return next((text for key in names if (text := _text(value.get(key)))), "")
    return _text(value)


# -- comments that are ours --


def comment_body(text: str, mark: str, *, public: bool) -> dict[str, Any]:
    """Build a comment with its mark. ``public`` is always said.

    The mark of what must stay internal says so: a comment can then be judged later,
    whoever finds it.
    """
    tail = mark_block(mark)
    if not public:
        tail = tail._replace(text=tail.text + INTERNAL)
    body = wiki((Block(BlockKind.PARAGRAPH, text),), tail=(tail,))
    return {"body": body, "public": public}


def meant_public(raw: Json, mark: str) -> bool | None:
    """Tell whether a comment with this mark was meant for the customer.

    None if it does not carry the mark. Jira may write escaped characters in its own
    way, so backslashes do not count.
    """
    line = mark_block(mark).text
    lines = [
        said.replace("\\", "").strip() for said in _text(raw.get("body")).splitlines()
    ]
    if line + INTERNAL in lines:
        return False
    return True if line in lines else None


def suggestion(text: str) -> str:
    """Return what an agent is to be shown in place of a draft."""
    return f"{DRAFT_HEADING}\n\n{text}"


# -- small --


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    found = value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, dict)]


def _present(values: Json) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return plain(str(value))
