"""What changed, page by page: the walk through the list and its cursor. Pure.

The list is sorted by the time of change, oldest first, and its pages are counted by
position. Whatever changes meanwhile leaves its place and goes to the end, and all that
stands behind moves up: a page read after that begins too late. So the page before is
looked at again after each one, and what has moved into it is taken along.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Any, NamedTuple

from adapters.helpscout.shapes import Json, embedded, identifier, moment, total_pages
from adapters.helpscout.tickets import visible_changes
from connector.models import ChangedPage

#: How long a change may take to show up in the list, and clocks may differ.
LOOK_BACK = timedelta(minutes=5)

#: So many pages on, the walk begins anew at a later time: deep pages are slow, and a
#: cursor that counts few of them stays good for longer.
PAGES_AT_ONCE = 20

#: Of an inbox that is not ours only what changed lately is of interest: it may have
#: been moved there.
RECENT = timedelta(days=1)


class Walk(NamedTuple):
    """Where to go on. ``seen`` is what stood on the page before."""

    since: datetime
    page: int = 1
    seen: tuple[str, ...] = ()

    @property
    def cursor(self) -> str:
        since = self.since.isoformat()
        return json.dumps({"since": since, "page": self.page, "seen": self.seen})

    @property
    def params(self) -> dict[str, Any]:
        return {
            "status": "all",  # else only active ones are listed
            "modifiedSince": self.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "sortField": "modifiedAt",
            "sortOrder": "asc",
            "page": self.page,
        }


def begin(since: datetime, cursor: str | None) -> Walk:
    """Go on at ``cursor``, or begin at ``since`` if it cannot be understood."""
    return _load(cursor) or Walk(since.astimezone(UTC) - LOOK_BACK)


def step(
    walk: Walk,
    page: object,
    before: object,
    vendor_now: datetime | None,
    mailboxes: Sequence[int],
) -> ChangedPage:
    """Say what a page holds and where to go on.

    ``before`` is the page before it, read after it; None for the first page.
    """
    items, earlier = embedded(page, "conversations"), embedded(before, "conversations")
    if walk.seen and not set(walk.seen) & set(_ids(earlier)):
        # Too much has moved to tell what was missed.
        return ChangedPage((), Walk(walk.since).cursor, more=True)
    found = [one for one in earlier if str(one.get("id")) not in walk.seen] + items
    if vendor_now is None or walk.since < vendor_now - RECENT:
        found = [one for one in found if _is_ours(one, mailboxes)]
    ids = tuple(dict.fromkeys(_ids(found)))
    if not items or 0 < total_pages(page) <= walk.page:
        return ChangedPage(ids, Walk(_end(walk, items, vendor_now)).cursor, more=False)
    return ChangedPage(ids, _onward(walk, items).cursor, more=True)


def _onward(walk: Walk, items: Sequence[Json]) -> Walk:
    if walk.page >= PAGES_AT_ONCE:
        reached = _reached(items)
        if reached is not None and reached > walk.since:
            return Walk(reached)
    return Walk(walk.since, walk.page + 1, tuple(_ids(items)))


def _end(walk: Walk, items: Sequence[Json], vendor_now: datetime | None) -> datetime:
    """Return where the next walk begins; the vendor's clock counts, not ours."""
    reached = vendor_now - LOOK_BACK if vendor_now else _reached(items)
    return max(walk.since, reached) if reached else walk.since


def _reached(items: Sequence[Json]) -> datetime | None:
    """Return a time that the list has certainly got to.

    The list does not say when things were changed. What can be seen of a change is
    never later than the change itself; the middle one of a page leaves no room for a
    conversation that was imported with a date of its own.
    """
    times = [max(seen) for seen in map(visible_changes, items) if seen]
    return median_low(times) - LOOK_BACK if times else None


def _ids(items: Sequence[Json]) -> list[str]:
    return [ident for one in items if (ident := identifier(one.get("id")))]


def _is_ours(conversation: Json, mailboxes: Sequence[int]) -> bool:
    inbox = identifier(conversation.get("mailboxId"))
    return not mailboxes or inbox is None or int(inbox) in mailboxes


def _load(cursor: str | None) -> Walk | None:
    try:
        said = json.loads(cursor or "")
        since, page, seen = moment(said["since"]), said["page"], said["seen"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if since is None or not isinstance(page, int) or not isinstance(seen, list):
        return None
    return Walk(since, max(1, page), tuple(map(str, seen)))
