"""What a service desk sends and wants: deliveries, issues, comments of ours. No calls.

A request is an issue with more around it. How it becomes a ticket is in
``desk_tickets.py``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from adapters.jira import deliveries, readings
from adapters.jira.text import mark_block, wiki
from adapters.jira.values import as_object, identity
from adapters.words import plain
from connector.models import (
    Block,
    BlockKind,
    Delivery,
    EventKind,
    TicketEvent,
)

Json = Mapping[str, Any]

ISSUE_FIELDS = (
    "summary",
    "description",
    "status",
    "resolution",
    "resolutiondate",
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

#: Items of a changelog by which an issue came from, or went to, another project.
MOVES = frozenset({"project", "key"})

DRAFT_HEADING = "Suggested reply, not sent to the customer:"
INTERNAL = " (internal)"


class SiteFields(NamedTuple):
    """Ids of the service desk's own fields on one site; empty where it has none."""

    organizations: str = ""
    satisfaction: str = ""
    satisfaction_date: str = ""

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(field for field in self if field)


# -- deliveries --


def parse(
    delivery: Delivery, window: timedelta, projects: Collection[str]
) -> TicketEvent:
    """Say which request to read again, or why none.

    Webhooks can be set up for the whole site, and filters of a site are not to be
    trusted. An issue that moved is read whatever project it is in now: it may have
    been a request of ours.
    """
    event = deliveries.parse(delivery, window)
    if event.kind is not EventKind.ISSUE_CHANGED:
        return event
    body = json.loads(delivery.body)
    project = project_of(as_object(body.get("issue")))
    if project and project not in projects and not _has_moved(body):
        return TicketEvent(
            EventKind.IGNORED, delivery.source, reason="of a project that is not ours"
        )
    return event._replace(kind=EventKind.TICKET_CHANGED)


def _has_moved(body: Json) -> bool:
    items = as_objects(as_object(body.get("changelog")).get("items"))
    # Cloud names fields in changelogs now with, now without a capital letter.
    return any(as_text(item.get("field")).lower() in MOVES for item in items)


# -- issues --


def site_fields(fields: Iterable[Any]) -> SiteFields:
    """Find the service desk's own fields among all fields of a site."""
    found: dict[str, str] = {}
    for field in map(as_object, fields):
        custom = as_text(as_object(field.get("schema")).get("custom"))
        found.setdefault(custom, as_text(field.get("id")))
    wanted = (ORGANIZATIONS, SATISFACTION, SATISFACTION_DATE)
    return SiteFields(*(found.get(name, "") for name in wanted))


def project_of(issue: Json) -> str:
    """Return the key of an issue's project, empty if it does not say."""
    return as_text(as_object(as_object(issue.get("fields")).get("project")).get("key"))


def is_ours(issue: Json, me: str) -> bool:
    """Tell whether the connector filed an issue, by itself or from another source."""
    reporter = as_object(issue.get("fields")).get("reporter")
    own = as_object(issue.get("properties")).get(OWN_PROPERTY)
    return own is not None or account_id(as_object(reporter)) == me


def account_id(user: Json) -> str:
    """Return what identifies a person: Cloud has account ids, Data Center keys."""
    names = (as_text(user.get(key)) for key in ("accountId", "key", "name"))
    return next(filter(None, names), "")


def is_done(issue: Json) -> bool:
    """Tell whether a request is done, by the category of its status."""
    return readings.is_done(issue)


def priority_of(issue: Json) -> str:
    """Return the id of an issue's priority; empty if it has none."""
    given = as_object(as_object(issue.get("fields")).get("priority"))
    return identity(given.get("id")) or ""


def labels(issue: Json) -> frozenset[str]:
    """Return the labels of an issue; the list can be missing."""
    found = as_object(issue.get("fields")).get("labels")
    names = found if isinstance(found, list) else []
    return frozenset(plain(label) for label in names if isinstance(label, str))


def rating(issue: Json, field: str) -> str:
    """Return the number in the field for satisfaction, whatever its shape."""
    value = as_object(issue.get("fields")).get(field)
    number = value.get("rating") if isinstance(value, dict) else value
    return as_text(number)


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
        said.replace("\\", "").strip() for said in as_text(raw.get("body")).splitlines()
    ]
    if line + INTERNAL in lines:
        return False
    return True if line in lines else None


def suggestion(text: str) -> str:
    """Return what an agent is to be shown in place of a draft."""
    return f"{DRAFT_HEADING}\n\n{text}"


# -- small --


def as_objects(value: object) -> list[Json]:
    found = value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, dict)]


def as_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return plain(str(value))
