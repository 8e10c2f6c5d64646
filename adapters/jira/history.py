"""What changed since a moment, page by page: a search that leaves nothing out.

JQL knows minutes only and reads them in the time zone of our account; the index lags;
and an issue that is changed between two pages moves to the end of the search, so that
all behind it move up. Therefore a search is begun anew at the newest change seen as
soon as that lies in a later minute, and its own pages are used only within a minute.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from adapters.jira import bodies, readings
from adapters.jira.client import JiraClient
from adapters.jira.flavour import Flavour
from adapters.jira.values import to_id, to_moment
from connector.errors import VendorRefused, VendorUnavailable
from connector.models import ChangedPage

PAGE = 100
#: How far the search may lag behind, or Jira's clock behind ours.
OVERLAP = timedelta(minutes=10)
#: Data Center: issues of one minute that may change between two pages of it.
STEP_BACK = 10
#: Furthest that a time zone lies behind UTC.
FURTHEST = timedelta(hours=12)


class Scope(NamedTuple):
    """What is looked for: in all projects or in these, and by which fields.

    The first of ``stamps`` is what pages are ordered by; any of them is a change.
    """

    projects: Collection[str] = ()
    stamps: tuple[str, ...] = ("updated",)

    def query(self, since: str) -> str:
        changed = " OR ".join(f'{_clause(stamp)} >= "{since}"' for stamp in self.stamps)
        if not self.projects:
            return f"{changed} ORDER BY {self.stamps[0]} ASC"
        keys = ", ".join(bodies.quoted(key) for key in sorted(self.projects))
        return f"project in ({keys}) AND ({changed}) ORDER BY {self.stamps[0]} ASC"


EVERYTHING = Scope()


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
    position: Position,
    raw: list[dict[str, Any]],
    place: str,
    zone: ZoneInfo | None,
    stamps: tuple[str, ...] = ("updated",),
) -> Position:
    """Say where to go on after a page; ``place`` is empty if it was the last one."""
    seen = max([position.seen, *_moments(raw, stamps)])
    if not place:
        return Position(since=seen - OVERLAP, seen=seen)
    newest = max(_moments(raw, stamps[:1]), default=position.since)
    if minute(newest, zone) > position.query:
        return Position(since=newest, seen=seen)
    return Position(position.since, seen, position.query, place)


def changed(
    source: str,
    client: JiraClient,
    flavour: Flavour,
    since: datetime,
    cursor: str | None,
    scope: Scope = EVERYTHING,
) -> ChangedPage:
    """Read the next page of what changed."""
    position = read(cursor) or Position(since - OVERLAP, since)
    zone = _zone(client.myself())
    if not position.query:
        query = minute(position.since, zone)
        position = Position(position.since, position.seen, query)
    search = _Search(source, client, flavour, scope)
    raw, place = search.page(position)
    found = {known: one for one in raw if (known := to_id(one))}
    after = following(position, raw, place, zone, scope.stamps)
    changes = {known: _moments([one], scope.stamps) for known, one in found.items()}
    changed_at = {known: max(moments) for known, moments in changes.items() if moments}
    return ChangedPage(tuple(found), write(after), bool(place), changed_at)


class _Search:
    def __init__(
        self, source: str, client: JiraClient, flavour: Flavour, scope: Scope
    ) -> None:
        self._source = source
        self._client = client
        self._flavour = flavour
        self._scope = scope

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
            "jql": self._scope.query(position.query),
            "fields": ",".join(self._scope.stamps),
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
        return readings.to_page(self._source, answer, "issues")


def _next_start(start: int, read: int, total: object) -> str:
    if not read or not isinstance(total, int) or start + read >= total:
        return ""
    return str(start + max(1, read - STEP_BACK))


def _moments(raw: list[dict[str, Any]], stamps: tuple[str, ...]) -> list[datetime]:
    found = []
    for one in raw:
        fields = one.get("fields")
        for stamp in stamps:
            try:
                value = fields.get(stamp) if isinstance(fields, dict) else None
                found.append(to_moment(value))
            except VendorUnavailable:
                continue  # it comes as an id all the same
    return found


def _clause(stamp: str) -> str:
    """Return a field as JQL names it."""
    number = stamp.removeprefix("customfield_")
    return stamp if number == stamp else f"cf[{number}]"


def _zone(account: Mapping[str, Any]) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(account["timeZone"]))
    except (LookupError, ValueError, OSError):
        return None  # not said, or not known to this machine
