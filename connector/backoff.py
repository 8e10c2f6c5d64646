"""How long to wait before the next try. Shared by inbox and outbox."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from connector.config_work import Work
from connector.errors import VendorBusy

#: How long a vendor is left alone that is busy and does not say how long.
BUSY_PAUSE = timedelta(seconds=60)


def wait_for(error: VendorBusy) -> timedelta:
    """Return how long to wait: a second more than asked, for its clock is not ours."""
    if error.retry_after is None:
        return BUSY_PAUSE
    return timedelta(seconds=error.retry_after + 1)


def next_try(
    work: Work,
    attempts: int,
    now: datetime,
    retry_after: float | None = None,
    chance: random.Random | None = None,
) -> datetime:
    """Return when to try again after ``attempts`` failures.

    Doubles from ``work.backoff`` up to ``work.backoff_limit``, shortened by up to half
    at random so that many rows do not come back together. What the vendor asked for
    (``retry_after``, seconds) is never undercut.
    """
    doubled: timedelta = work.backoff * 2 ** min(attempts - 1, 20)
    pause = min(doubled, work.backoff_limit)
    pause *= 1 - (chance or random).random() / 2
    if retry_after is not None:
        pause = max(pause, timedelta(seconds=retry_after + 1))
    return now + pause
