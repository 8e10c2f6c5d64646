"""What Jira is sent: issues, changes, comments, links, searches. Pure.

REST: https://developer.atlassian.com/cloud/jira/platform/rest/v3/

What becomes of links between issues is in ``links``, of counts in ``managed``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from adapters.jira.flavour import Flavour
from adapters.jira.managed import framed
from adapters.jira.text import adf, length, mark_block, one_line, wiki
from adapters.jira.values import ID
from connector.errors import VendorRefused
from connector.models import Block, IssueChange, IssueDraft, TicketLink

LABEL_LIMIT = 255
GLOBAL_ID_LIMIT = 255
PROPERTY_KEY_LIMIT = 255
PROPERTY_LIMIT = 32_768
APPLICATION = {"type": "complaint-connector", "name": "Complaint Connector"}
RELATIONSHIP = "reported by customer"


def spelled(moment: datetime, kind: str) -> str:
    """Write a moment as a field of this kind takes it."""
    at = moment.astimezone(UTC)
    if kind == "date":
        return f"{at:%Y-%m-%d}"
    if kind == "datetime":
        return f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"
    return f"{at:%Y-%m-%d %H:%M} UTC"


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
    counts = framed(draft.counts, draft.address) if draft.counts else ()
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
    return {"id" if ID.fullmatch(value) else "name": value}


def _present(fields: Mapping[str, Any], but: str = "") -> dict[str, Any]:
    """Leave out what has no value: Jira's own descriptions know no null there."""
    return {
        key: value for key, value in fields.items() if value is not None and key != but
    }


def quoted(value: str) -> str:
    """Write a word so that JQL takes it for nothing else."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
