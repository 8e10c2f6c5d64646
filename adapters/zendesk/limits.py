"""What to make of a 429, and the limit that Zendesk sets for one ticket. No calls.

What an account and its endpoints allow is in ``rates`` and shared with agents and other
programs; the limit of a ticket is per user, so it is ours alone to keep.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from adapters.pace import ACCOUNT, Call
from adapters.zendesk import rates
from connector.errors import VendorBusy

#: Zendesk takes 30 updates of a ticket in ten minutes from one user. A ticket that
#: needs as many as these is in a quarrel with somebody's rules.
UPDATES_PER_TICKET = 25
WINDOW = 600.0  # seconds


def is_account_wide(call: Call, headers: Mapping[str, str]) -> bool:
    """Tell whether a 429 stops everything, or one ticket or endpoint only."""
    return rates.held(call, headers) == ACCOUNT


def reset(call: Call, headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds until a used-up counter is full again, if any says so."""
    told = rates.told(call, headers, now)
    return max(
        (one.resets for one in told if one.remaining == 0 and one.resets is not None),
        default=None,
    )


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
