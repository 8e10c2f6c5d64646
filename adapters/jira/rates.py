"""What Jira counts: bursts of an endpoint on Cloud, a user's bucket on Data Center.

The numbers are generous and nowhere promised; what counts is what the answers tell.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import unquote

from adapters.pace import ACCOUNT, Call, Charge, Headers, Tariff, Told, number, until

#: A second of Cloud takes about 100 calls, of one endpoint 50 that change something.
WINDOW = 10.0
CALLS = 1000
CALLS_OF_ENDPOINT = 500

_ID = re.compile(r"\d+|[A-Z][A-Z0-9_]*-\d+", re.IGNORECASE)
#: What follows these is a name: of a project, a property, a link.
_NAMED = frozenset({"properties", "project", "remotelink", "createmeta", "user"})


def route(call: Call) -> str:
    """Name the endpoint of a call: its method and path with every id left out."""
    path = call.path.partition("/rest/")[2]
    parts: list[str] = []
    for part in unquote(path).split("/"):
        is_name = bool(_ID.fullmatch(part)) or bool(parts and parts[-1] in _NAMED)
        parts.append("*" if is_name else part)
    return f"{call.method} {'/'.join(parts)}"[:150]


def charges(call: Call) -> tuple[Charge, ...]:
    return (
        Charge(ACCOUNT, 1, CALLS, WINDOW),
        Charge(route(call), 1, CALLS_OF_ENDPOINT, WINDOW),
    )


def told(call: Call, headers: Headers, now: datetime) -> tuple[Told, ...]:
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
    reason = headers.get("RateLimit-Reason", "")
    if reason == "jira-per-issue-on-write":
        return None
    return route(call) if reason == "jira-burst-based" else ACCOUNT


TARIFF = Tariff(charges, told, held)
