"""What changed since a moment, page by page: a search that leaves nothing out.

JQL knows minutes only and reads them in the time zone of our account; the index lags;
and an issue that is changed between two pages moves to the end of the search, so that
all behind it move up. Therefore a search is begun anew at the newest change seen as
soon as that lies in a later minute, and its own pages are used only within a minute.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters.jira import payloads
from adapters.jira.client import JiraClient
from adapters.jira.payloads import Flavour
from connector.errors import VendorRefused, VendorUnavailable
from connector.models import ChangedPage

PAGE = 100
#: How far the search may lag behind, or Jira's clock behind ours.
OVERLAP = timedelta(minutes=10)
#: Data Center: issues of one minute that may change between two pages of it.
STEP_BACK = 10
#: Furthest that a time zone lies behind UTC.
FURTHEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Position:
    """Where to go on: what a cursor holds.

    ``since`` is where the search begins, ``seen`` the newest change met so far.
    ``query`` and ``place`` are set within a minute: the moment as the search names it,
    and how many were read, or Jira's own word for that.
    """

    since: datetime
    seen: datetime
    query: str = ""
    place: str = ""


def write(position: Position) -> str:
    """Make a cursor."""
    return json.dumps(asdict(position), default=datetime.isoformat)


def read(cursor: str | None) -> Position | None:
    """Read a cursor; None if there is none, or not one of ours."""
    try:
        raw = json.loads(cursor or "")
        since, seen = (datetime.fromisoformat(raw[key]) for key in ("since", "seen"))
        query, place = (str(raw[key]) for key in ("query", "place"))
        return Position(since.astimezone(UTC), seen.astimezone(UTC), query, place)
    except (ValueError, LookupError, TypeError, OverflowError):
        return None


def minute(moment: datetime, zone: ZoneInfo | None) -> str:
    """Write a moment as JQL reads it; rather too early than too late."""
    if zone is None:
        return f"{moment.astimezone(UTC) - FURTHEST:%Y-%m-%d %H:%M}"
    there = moment.astimezone(zone)
    offsets = {there.replace(fold=fold).utcoffset() for fold in (0, 1)}
    # When clocks are put back an hour comes twice, and nobody says which is meant.
    twice = timedelta(hours=1) if len(offsets) > 1 else timedelta()
    return f"{there.replace(tzinfo=None) - twice:%Y-%m-%d %H:%M}"


def following(
    position: Position, raw: list[dict[str, Any]], place: str, zone: ZoneInfo | None
) -> Position:
    """Say where to go on after a page; ``place`` is empty if it was the last one."""
    seen = max([position.seen, *_moments(raw)])
    if not place:
        return Position(since=seen - OVERLAP, seen=seen)
    newest = max(_moments(raw), default=position.since)
    if minute(newest, zone) > position.query:
        return Position(since=newest, seen=seen)
    return Position(position.since, seen, position.query, place)


def changed(
    source: str,
    client: JiraClient,
    flavour: Flavour,
    since: datetime,
    cursor: str | None,
) -> ChangedPage:
    """Read the next page of what changed."""
    position = read(cursor) or Position(since - OVERLAP, since)
    zone = _zone(client.myself())
    if not position.query:
        query = minute(position.since, zone)
        position = Position(position.since, position.seen, query)
    search = _Search(source, client, flavour)
    raw, place = search.page(position)
    ids = dict.fromkeys(found for one in raw if (found := payloads.to_id(one)))
    after = following(position, raw, place, zone)
    return ChangedPage(tuple(ids), write(after), bool(place))


class _Search:
    def __init__(self, source: str, client: JiraClient, flavour: Flavour) -> None:
        self._source = source
        self._client = client
        self._flavour = flavour

    def page(self, position: Position) -> tuple[list[dict[str, Any]], str]:
        """Return the issues of a page, and the place of the next one."""
        try:
            return self._page(position)
        except VendorRefused as err:
            # Jira forgets its places after some days; a search it still takes.
            if not position.place or err.status != 400:
                raise
            return self._page(Position(position.since, position.seen, position.query))

    def _page(self, position: Position) -> tuple[list[dict[str, Any]], str]:
        params: dict[str, Any] = {
            "jql": f'updated >= "{position.query}" ORDER BY updated ASC',
            "fields": "updated",
            "maxResults": PAGE,
        }
        if self._flavour is Flavour.CLOUD:
            if position.place:
                params["nextPageToken"] = position.place
            answer = self._client.read("search/jql", params)
            return self._issues(answer), str(answer.get("nextPageToken") or "")
        start = int(position.place) if position.place.isdigit() else 0
        answer = self._client.read("search", {**params, "startAt": start})
        found = self._issues(answer)
        return found, _next_start(start, len(found), answer.get("total"))

    def _issues(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        return payloads.to_page(self._source, answer, "issues")


def _next_start(start: int, read: int, total: object) -> str:
    if not read or not isinstance(total, int) or start + read >= total:
        return ""
    return str(start + max(1, read - STEP_BACK))


def _moments(raw: list[dict[str, Any]]) -> list[datetime]:
    found = []
    for one in raw:
        fields = one.get("fields")
        try:
            stamp = fields.get("updated") if isinstance(fields, dict) else None
            found.append(payloads.to_moment(stamp))
        except VendorUnavailable:
            continue  # it comes as an id all the same
    return found


def _zone(account: Mapping[str, Any]) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(account["timeZone"]))
    except (LookupError, ValueError, OSError):
        return None  # not said, or not known to this machine
