"""What Zendesk counts: calls a minute of the account, and some endpoints once more."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from adapters.pace import (
    ACCOUNT,
    Call,
    Charge,
    Headers,
    Tariff,
    Told,
    number,
    until,
)

#: Calls a minute of the smallest plan.
CALLS = 200

#: A plan with that many has the High Volume numbers of the endpoints as well.
HIGH_VOLUME = 2500


class Endpoint(NamedTuple):
    """An endpoint with a limit of its own, as calls a minute."""

    bucket: str
    method: str
    path: re.Pattern[str]
    usual: int
    high_volume: int


ENDPOINTS = (
    Endpoint("tickets-update", "PUT", re.compile(r"/tickets/\d+(\.json)?$"), 100, 300),
    Endpoint("incremental-exports", "GET", re.compile(r"/incremental/"), 10, 30),
    Endpoint("search-export", "GET", re.compile(r"/search/export"), 100, 100),
    Endpoint("deleted-tickets", "GET", re.compile(r"/deleted_tickets"), 10, 10),
    Endpoint("webhooks", "", re.compile(r"/api/v2/webhooks"), 100, 100),
)

#: ``zendesk-ratelimit-NAME``, which was ``zendesk-rate-limit-NAME`` before.
_OF_ENDPOINT = re.compile(r"zendesk-rate-?limit-.+", re.IGNORECASE)
_PART = re.compile(r"(total|remaining|resets)\s*=\s*(\d{1,9})", re.IGNORECASE)


def endpoint(call: Call) -> Endpoint | None:
    """Return the endpoint of a call, if it has a limit of its own."""
    for known in ENDPOINTS:
        if known.method in ("", call.method) and known.path.search(call.path):
            return known
    return None


def charges(call: Call) -> tuple[Charge, ...]:
    own = endpoint(call)
    account = Charge(ACCOUNT, 1, CALLS)
    return (account, Charge(own.bucket, 1, own.usual)) if own else (account,)


def told(call: Call, headers: Headers, now: datetime) -> tuple[Told, ...]:
    limit = number(headers, "X-Rate-Limit", "RateLimit-Limit", "Rate-Limit-Limit")
    left = number(
        headers, "X-Rate-Limit-Remaining", "RateLimit-Remaining", "Rate-Limit-Remaining"
    )
    resets = headers.get("RateLimit-Reset") or headers.get("Rate-Limit-Reset")
    account = Told(ACCOUNT, limit, left, until(resets, now))
    own = endpoint(call)
    if own is None:
        return (account,)
    parts = _parts(headers)
    if parts:
        return account, Told(
            own.bucket, parts.get("total"), parts.get("remaining"), parts.get("resets")
        )
    is_high = limit is not None and limit >= HIGH_VOLUME
    return account, Told(own.bucket, own.high_volume if is_high else None)


def _parts(headers: Headers) -> dict[str, int]:
    """Return what an answer tells of the endpoint that was called."""
    for name, value in headers.items():
        if _OF_ENDPOINT.fullmatch(name):
            found = {key.lower(): int(count) for key, count in _PART.findall(value)}
            if found:
                return found
    return {}


def held(call: Call, headers: Headers) -> str | None:
    """Tell a spent endpoint from a spent account by what is left of each.

    With something left of both, it was the limit of one ticket.
    """
    own = endpoint(call)
    left = number(headers, "X-Rate-Limit-Remaining", "RateLimit-Remaining")
    own_left = _parts(headers).get("remaining") if own else None
    if not left:
        return own.bucket if own and own_left == 0 and left is None else ACCOUNT
    if own is None or own_left:
        return None
    return own.bucket


TARIFF = Tariff(charges, told, held)
