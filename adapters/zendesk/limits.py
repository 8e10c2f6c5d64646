"""What Zendesk's answers say about its limits, and the limit of one ticket. No calls.

Limits of the account and of endpoints are shared with agents and other programs; the
one of a ticket is per user, so it is ours alone to keep.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from connector.errors import VendorBusy

#: Zendesk takes 30 updates of a ticket in ten minutes from one user. A ticket that
#: needs as many as these is in a quarrel with somebody's rules.
UPDATES_PER_TICKET = 25
WINDOW = 600.0  # seconds
LONGEST_RESET = 3600.0

_REMAINING = ("x-rate-limit-remaining", "ratelimit-remaining", "rate-limit-remaining")
_RESET = ("ratelimit-reset", "rate-limit-reset")
# zendesk-ratelimit-tickets-update: total=100; remaining=0; resets=12
_NAMED = re.compile(r"zendesk-rate-?limit-.+", re.IGNORECASE)
_PART = re.compile(r"(\w+)\s*=\s*(\d+)")


def is_account_wide(headers: Mapping[str, str]) -> bool:
    """Tell whether a 429 stops everything, or one ticket or endpoint only.

    While the account's own counter has something left, it was not the account's limit.
    """
    left = _first_number(headers, _REMAINING)
    return left is None or left == 0


def reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a used-up counter is full again, if any says so."""
    waits = [
        float(one["resets"])
        for one in _named(headers)
        if one.get("remaining") == 0 and "resets" in one
    ]
    if not waits and is_account_wide(headers):
        seconds = _first_number(headers, _RESET)
        waits = [] if seconds is None else [float(seconds)]
    return min(max(waits), LONGEST_RESET) if waits else None


def _named(headers: Mapping[str, str]) -> Iterator[dict[str, int]]:
    for name, value in headers.items():
        if _NAMED.fullmatch(name):
            yield {key: int(number) for key, number in _PART.findall(value)}


def _first_number(headers: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    lower = {name.lower(): value for name, value in headers.items()}
    found = (lower[name].strip() for name in names if name in lower)
    return next((int(value) for value in found if value.isdigit()), None)


class TicketPace:
    """Counts our updates of each ticket over the last ten minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[str, deque[float]] = {}

    def spend(self, source: str, external_id: str) -> None:
        """Count an update that is about to be made, or raise ``VendorBusy``."""
        with self._lock:
            now = self._clock()
            self._forget(now - WINDOW)
            made = self._made.setdefault(external_id, deque())
            if len(made) < UPDATES_PER_TICKET:
                made.append(now)
                return
            wait = made[0] + WINDOW - now
        busy = VendorBusy(
            f"{source}: {UPDATES_PER_TICKET} updates of ticket {external_id} in ten "
            "minutes; another rule may be answering ours",
            retry_after=wait,
        )
        busy.whole_source = False
        raise busy

    def _forget(self, before: float) -> None:
        for external_id, made in list(self._made.items()):
            while made and made[0] <= before:
                made.popleft()
            if not made:
                del self._made[external_id]
