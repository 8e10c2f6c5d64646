"""How long to wait before the next try. Shared by inbox and outbox."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from connector.config import Work

#: While credentials are refused, one look in this time is enough.
CREDENTIALS_PAUSE = timedelta(minutes=5)


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
