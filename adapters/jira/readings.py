"""What Jira answers, in our words: issues, statuses, priorities, transitions. Pure.

Single values are read in ``values``, deliveries in ``deliveries``; what is sent is in
``bodies``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.jira import links
from adapters.jira.resolutions import USUAL, Meanings, meaning_of, spoken
from adapters.jira.values import as_object, as_string, identity, to_moment
from adapters.words import plain
from connector.errors import VendorUnavailable
from connector.models import Issue, IssueCategory, IssueRef

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

#: What a priority is called that is not the highest; a shorter list has no such one.
#: Jira's names for our words, and their places where it has no such names.
NAMES = {"normal": "medium", "urgent": "highest"}
PLACES, SHORTEST = {"urgent": 0, "high": 1}, 3

#: Where a reopened issue should go, best first.
REOPEN_TO = (IssueCategory.IN_PROGRESS, IssueCategory.TODO, IssueCategory.UNKNOWN)


def to_issue(
    source: str,
    site_url: str,
    raw: Mapping[str, Any],
    meanings: Meanings,
    duplicate_links: Collection[str] = (),
) -> Issue:
    """Translate an issue; ``duplicate_links`` are types of links that the settings
    name."""
    fields = as_object(raw.get("fields"))
    labels, resolution = fields.get("labels"), fields.get("resolution")
    return Issue(
        ref=to_ref(source, site_url, raw),
        summary=as_string(fields.get("summary")),
        category=to_category(fields.get("status")),
        status_name=as_string(as_object(fields.get("status")).get("name")),
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
        project=as_string(as_object(fields.get("project")).get("key")),
        priority=as_string(as_object(fields.get("priority")).get("name")),
    )


def to_ref(source: str, site_url: str, raw: Mapping[str, Any]) -> IssueRef:
    """Translate id and key. Links in answers are not used: they may name a gateway."""
    found, key = identity(raw.get("id")), as_string(raw.get("key"))
    if not found or not key:
        raise VendorUnavailable(f"{source} answered without an issue's id and key")
    return IssueRef(source, found, key, f"{site_url}/browse/{key}")


def to_category(status: object) -> IssueCategory:
    """Translate a status by its category; names are localised and editable."""
    key = as_object(as_object(status).get("statusCategory")).get("key")
    try:
        return IssueCategory(as_string(key))
    except ValueError:
        return IssueCategory.UNKNOWN


def is_done(raw: Mapping[str, Any]) -> bool:
    """Tell whether an issue read with its status is done."""
    return to_category(as_object(raw.get("fields")).get("status")) is IssueCategory.DONE


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
        as_string(raw.get("id")): as_string(as_object(raw.get("schema")).get("type"))
        for raw in known
    }


def rank(priorities: Sequence[Mapping[str, Any]], word: str) -> int | None:
    """Return the place of a priority, by id or name: the highest comes first."""
    return next(
        (
            place
            for place, raw in enumerate(priorities)
            if word and word.casefold() in (identity(raw.get("id")), _name(raw))
        ),
        None,
    )


def named(priorities: Sequence[Mapping[str, Any]], word: str) -> int | None:
    """Return the place of a priority by our word, or by its own id or name.

    Where none is called so, the highest is urgent, and the one below it high.
    """
    found = rank(priorities, word)
    if found is None:
        found = rank(priorities, NAMES.get(word.casefold(), ""))
    if found is None and len(priorities) >= SHORTEST:
        return PLACES.get(word.casefold())
    return found


def is_between(
    priorities: Sequence[Mapping[str, Any]], now: str, left: str, wanted: int
) -> bool:
    """Tell whether a priority is lower than another, but not than it was ``left``."""
    current, floor = rank(priorities, now), named(priorities, left)
    if current is None:
        return floor is None
    return wanted < current and (floor is None or current <= floor)


def _name(raw: Mapping[str, Any]) -> str:
    return as_string(raw.get("name")).casefold()


def to_page(source: str, answer: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects of a page; a page without its list is no answer at all."""
    found = answer.get(key)
    if not isinstance(found, list):
        raise VendorUnavailable(f"{source} answered without {key}")
    return [each for each in found if isinstance(each, dict)]


def to_comment_id(source: str, raw: Mapping[str, Any]) -> str:
    """Return the id of a comment that was written or found."""
    if found := identity(raw.get("id")):
        return found
    raise VendorUnavailable(f"{source} answered without a comment's id")


def find_reopening(transitions: Iterable[Any]) -> str | None:
    """Choose the transition that leads back to work, by category and never by name.

    Those that ask for nothing go first: a required field would refuse the call.
    """
    usable = []
    for raw in transitions:
        transition = as_object(raw)
        found, category = (
            identity(transition.get("id")),
            to_category(transition.get("to")),
        )
        if found and category in REOPEN_TO:
            rank = (_asks_for_more(transition), REOPEN_TO.index(category))
            usable.append((rank, found))
    return min(usable, key=lambda each: each[0])[1] if usable else None


def _asks_for_more(transition: Mapping[str, Any]) -> bool:
    fields = [as_object(each) for each in as_object(transition.get("fields")).values()]
    return any(
        field.get("required") and not field.get("hasDefaultValue") for field in fields
    )
