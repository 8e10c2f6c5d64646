"""What Jira counts: bursts of an endpoint and writes to an issue on Cloud, a user's
bucket on Data Center.

The numbers are generous and nowhere promised; what counts is what the answers tell. Of
the writes to one issue they tell nothing until there were too many.
"""

from __future__ import annotations

import re
import zlib
from datetime import datetime
from urllib.parse import unquote

from adapters.pace import (
    ACCOUNT,
    WRITING,
    Call,
    Charge,
    Headers,
    Tariff,
    Told,
    number,
    until,
)

#: A second of Cloud takes about 100 calls, of one endpoint 50 that change something.
WINDOW = 10.0
CALLS = 1000
CALLS_OF_ENDPOINT = 500

#: One issue takes about so many writes in so many seconds; the longer time is last.
WRITES_OF_ISSUE = ((20, 2.0), (100, 30.0))
#: Issues share so many budgets, so that their rows stay few.
BUDGETS_OF_ISSUES = 256

#: Reasons for a 429 that are not of the whole site.
OF_ENDPOINT, OF_ISSUE = "jira-burst-based", "jira-per-issue-on-write"

_ID = re.compile(r"\d+|[A-Z][A-Z0-9_]*-\d+", re.IGNORECASE)
#: What follows these is a name: of a project, a property, a link.
_NAMED = frozenset({"properties", "project", "remotelink", "createmeta", "user"})
#: Where an issue is named, by Jira's own interface and by the service desk's.
_ISSUE = re.compile(r"/rest/(?:api/[^/]+/issue|servicedeskapi/request)/([^/]+)")


def route(call: Call) -> str:
    """Name the endpoint of a call: its method and path with every id left out."""
    path = call.path.partition("/rest/")[2]
    parts: list[str] = []
    for part in unquote(path).split("/"):
        is_name = bool(_ID.fullmatch(part)) or bool(parts and parts[-1] in _NAMED)
        parts.append("*" if is_name else part)
    return f"{call.method} {'/'.join(parts)}"[:150]


def issue(call: Call) -> str | None:
    """Return the issue that a call writes to, if it has to keep to what one takes.

    What was shown to the wrong people is taken back without waiting for anything.
    """
    if call.method not in WRITING or call.method == "DELETE":
        return None
    found = _ISSUE.search(call.path)
    return found[1] if found and _ID.fullmatch(found[1]) else None


def charges(call: Call) -> tuple[Charge, ...]:
    return (
        Charge(ACCOUNT, 1, CALLS, WINDOW),
        Charge(route(call), 1, CALLS_OF_ENDPOINT, WINDOW, is_narrow=True),
        *_writes(call),
    )


def _writes(call: Call) -> tuple[Charge, ...]:
    written = issue(call)
    if written is None:
        return ()
    place = zlib.crc32(written.upper().encode()) % BUDGETS_OF_ISSUES
    return tuple(
        Charge(f"one issue in {seconds:g} s:{place}", 1, limit, seconds, is_narrow=True)
        for limit, seconds in WRITES_OF_ISSUE
    )


def told(call: Call, headers: Headers, now: datetime) -> tuple[Told, ...]:
    if _reason(headers) == OF_ISSUE:
        return ()  # not of the endpoint, which takes other issues
    left = number(headers, "X-RateLimit-Remaining")
    rate = number(headers, "X-RateLimit-FillRate")
    interval = number(headers, "X-RateLimit-Interval-Seconds")
    if rate and interval:
        # Data Center: a bucket of the user, filled by so many every so often.
        return (Told(ACCOUNT, rate, left, seconds=float(interval)),)
    # Of an endpoint: it is not said for how long a time, so the longer one is taken.
    limit = number(headers, "X-RateLimit-Limit")
    resets = until(headers.get("X-RateLimit-Reset"), now)
    return (Told(route(call), limit, left, resets),)


def held(call: Call, headers: Headers) -> str | None:
    """Return which budget a 429 is about; a reason nobody knows is the whole site's."""
    reason = _reason(headers)
    if reason == OF_ISSUE:
        return _writes(call)[-1].bucket if _writes(call) else None
    return route(call) if reason == OF_ENDPOINT else ACCOUNT


def is_site_wide(headers: Headers) -> bool:
    """Tell whether a 429 stops everything, or one endpoint or issue only."""
    return _reason(headers) not in (OF_ENDPOINT, OF_ISSUE)


def _reason(headers: Headers) -> str:
    return headers.get("RateLimit-Reason", "").strip().lower()


TARIFF = Tariff(charges, told, held)
