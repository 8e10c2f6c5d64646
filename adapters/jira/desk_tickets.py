"""A request as a ticket: who wrote what, and what else is known of it. Pure.

What is the issue's is read from the issue; what customers and agents said from the
service desk, which alone tells whether a customer can read it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from adapters.jira import readings, values
from adapters.jira.desk_payloads import (
    CHANNEL_PROPERTY,
    Json,
    SiteFields,
    account_id,
    as_objects,
    as_text,
    labels,
    project_of,
    rating,
)
from adapters.jira.text import plain_text
from adapters.jira.values import as_object
from adapters.words import plain
from connector.errors import VendorUnavailable
from connector.models import (
    Author,
    Comment,
    Customer,
    IssueCategory,
    Ticket,
    TicketRef,
    TicketStatus,
)

#: Accounts that can only use the portal.
PORTAL_ACCOUNT = "qm:"

_STATUS = {
    IssueCategory.TODO: TicketStatus.OPEN,
    IssueCategory.IN_PROGRESS: TicketStatus.OPEN,
    IssueCategory.DONE: TicketStatus.RESOLVED,
    IssueCategory.UNKNOWN: TicketStatus.UNKNOWN,
}


class Reading(NamedTuple):
    """Everything that was read about one request. ``me`` is our own account's id."""

    issue: Json
    request: Json
    comments: Sequence[Json]
    organizations: Sequence[str]
    feedback: Json
    fields: SiteFields
    me: str


def to_ticket(
    source: str, site_url: str, reading: Reading, pending: Collection[str]
) -> Ticket:
    """Translate a request with all that was said in it."""
    issue = reading.issue
    ref = readings.to_ref(source, site_url, issue)
    fields = as_object(issue.get("fields"))
    return Ticket(
        ref=TicketRef(source, ref.external_id),
        number=ref.key,
        subject=as_text(fields.get("summary")),
        status=to_status(fields.get("status"), pending),
        customer=_customer(reading),
        comments=_comments(reading),
        tags=labels(issue),
        created_at=values.to_moment(fields.get("created")),
        updated_at=_updated(reading),
        url=ref.url,
        channel=_channel(issue),
        fields=dict(_fields(reading)),
    )


def _updated(reading: Reading) -> datetime:
    """Return the last change; a rating may not count as one for Jira."""
    fields = as_object(reading.issue.get("fields"))
    updated = values.to_moment(fields.get("updated"))
    rated = fields.get(reading.fields.satisfaction_date)
    return max(updated, values.to_moment(rated)) if rated else updated


def to_status(status: object, pending: Collection[str]) -> TicketStatus:
    """Translate by category; only waiting has to be told by its name."""
    found = _STATUS[readings.to_category(status)]
    name = as_text(as_object(status).get("name")).casefold()
    waits = found is TicketStatus.OPEN and name in {word.casefold() for word in pending}
    return TicketStatus.PENDING if waits else found


def _channel(issue: Json) -> str:
    kept = as_object(issue.get("properties")).get(CHANNEL_PROPERTY)
    return as_text(as_object(kept).get("value"))


def _customer(reading: Reading) -> Customer:
    in_issue = as_object(as_object(reading.issue.get("fields")).get("reporter"))
    # The service desk shows more e-mail addresses than Jira does.
    reporter = {**in_issue, **_present(as_object(reading.request.get("reporter")))}
    organizations = _organizations(reading)
    return Customer(
        external_id=account_id(reporter),
        email=as_text(reporter.get("emailAddress")).strip().lower() or None,
        name=as_text(reporter.get("displayName")) or None,
        organization=organizations[0] if organizations else None,
        organizations=tuple(organizations[1:]),
    )


def _organizations(reading: Reading) -> list[str]:
    """Name those the request is shared with, then others the customer is in."""
    fields = as_object(reading.issue.get("fields"))
    shared = fields.get(reading.fields.organizations)
    names = [shown(each) for each in (shared if isinstance(shared, list) else ())]
    return list(dict.fromkeys(filter(None, (*names, *reading.organizations))))


# -- what was said --


def _comments(reading: Reading) -> tuple[Comment, ...]:
    kinds = _account_types(reading.issue)
    customers = _customers(reading)
    found = [
        _comment(raw, kinds, customers, reading.me)
        for raw in reading.comments
        if as_text(raw.get("id"))
    ]
    said = [*_opening(reading), *found, *_words_of_rating(reading)]
    return tuple(sorted(said, key=lambda comment: comment.created_at))


def _opening(reading: Reading) -> Iterator[Comment]:
    """Yield the description: the customer's first words."""
    fields = as_object(reading.issue.get("fields"))
    body, is_html = _description(reading)
    if body:
        yield Comment(
            external_id="description",
            author=Author.CUSTOMER,
            author_id=account_id(as_object(fields.get("reporter"))) or None,
            public=True,
            body=body,
            is_html=is_html,
            created_at=values.to_moment(fields.get("created")),
            channel=_channel(reading.issue),
        )


def _description(reading: Reading) -> tuple[str, bool]:
    for field in as_objects(reading.request.get("requestFieldValues")):
        if field.get("fieldId") == "description":
            if html := as_text(as_object(field.get("renderedValue")).get("html")):
                return html, True
    # The field can be hidden from the portal.
    body = as_object(reading.issue.get("fields")).get("description")
    return plain(plain_text(body)).strip(), False


def _comment(
    raw: Json, kinds: Mapping[str, str], customers: Collection[str], me: str
) -> Comment:
    author = account_id(as_object(raw.get("author")))
    html = as_text(as_object(raw.get("renderedBody")).get("html"))
    public = raw.get("public") is True
    return Comment(
        external_id=as_text(raw.get("id")),
        author=_author(author, kinds.get(author, ""), public, customers, me),
        author_id=author or None,
        public=public,
        body=html or as_text(raw.get("body")),
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
    comments = as_object(as_object(issue.get("fields")).get("comment")).get("comments")
    authors = [as_object(comment.get("author")) for comment in as_objects(comments)]
    return {account_id(user): as_text(user.get("accountType")) for user in authors}


def _customers(reading: Reading) -> frozenset[str]:
    participants = as_object(reading.request.get("participants")).get("values")
    people = [reading.request.get("reporter"), *as_objects(participants)]
    people.append(as_object(reading.issue.get("fields")).get("reporter"))
    return frozenset(filter(None, (account_id(as_object(user)) for user in people)))


def _words_of_rating(reading: Reading) -> Iterator[Comment]:
    """Yield what the customer wrote beside a rating: their words, as any others.

    Without the field that tells when, it was some time after the last resolution.
    """
    words = as_text(as_object(reading.feedback.get("comment")).get("body"))
    fields = as_object(reading.issue.get("fields"))
    told = fields.get(reading.fields.satisfaction_date)
    if words:
        yield Comment(
            external_id="feedback",
            author=Author.CUSTOMER,
            author_id=account_id(as_object(fields.get("reporter"))) or None,
            public=True,
            body=words,
            is_html=False,
            created_at=values.to_moment(
                told or fields.get("resolutiondate") or fields.get("created")
            ),
            channel="rating",
            is_dated=bool(told),
        )


def to_moment(value: object) -> datetime:
    """Read the service desk's time stamps, which say the same in four ways."""
    stamp = as_object(value)
    millis = stamp.get("epochMillis")
    if isinstance(millis, int):
        try:
            return datetime.fromtimestamp(millis / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            raise VendorUnavailable("Jira answered without a readable time") from None
    return values.to_moment(stamp.get("jira") or stamp.get("iso8601"))


# -- fields --


def _fields(reading: Reading) -> Iterator[tuple[str, str]]:
    issue, request = as_object(reading.issue.get("fields")), reading.request
    yield "project", project_of(reading.issue)
    yield "status", as_text(as_object(issue.get("status")).get("name"))
    if resolution := as_text(as_object(issue.get("resolution")).get("name")):
        yield "resolution", resolution
    kind = as_object(request.get("requestType"))
    if name := as_text(kind.get("name")) or as_text(request.get("requestTypeId")):
        yield "request_type", name
    if organizations := _organizations(reading):
        yield "organizations", ", ".join(organizations)
    yield from _satisfaction(reading)
    yield from _slas(as_objects(as_object(request.get("sla")).get("values")))
    for field in as_objects(request.get("requestFieldValues")):
        name, value = as_text(field.get("fieldId")), shown(field.get("value"))
        if name and value and name not in ("summary", "description"):
            yield name, value


def _satisfaction(reading: Reading) -> Iterator[tuple[str, str]]:
    given = as_text(reading.feedback.get("rating"))
    if score := given or rating(reading.issue, reading.fields.satisfaction):
        yield "satisfaction", score
    if words := as_text(as_object(reading.feedback.get("comment")).get("body")):
        yield "satisfaction_comment", words


def _slas(metrics: Iterable[Json]) -> Iterator[tuple[str, str]]:
    """Yield how each goal stands: by its running cycle, else by its last one."""
    for metric in metrics:
        name = f"sla.{_slug(as_text(metric.get('name')))}"
        running = as_object(metric.get("ongoingCycle"))
        done = as_objects(metric.get("completedCycles"))
        if running:
            yield name, _running(running)
            if breach := as_object(running.get("breachTime")):
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
    millis = as_object(cycle.get("stopTime")).get("epochMillis")
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
        return next((text for key in names if (text := as_text(value.get(key)))), "")
    return as_text(value)


def _present(values: Json) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}
