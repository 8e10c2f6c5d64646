"""Whose turn it is: problems that could be filed, and have to wait for it.

So that a lowered threshold, a mode that is switched to act, or the first day after an
import is no flood. Whether a problem is worth an issue is ``connector.readiness``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from connector.config import Config
from connector.models import Mode, Operation
from connector.store import outbox

HOUR = timedelta(hours=1)


class Wait(NamedTuple):
    """Until when a problem is not filed, and why, in words."""

    until: datetime
    why: str


def wait(connection: Connection, config: Config, now: datetime) -> Wait | None:
    """Say whether the next problem has to wait; the largest then goes first."""
    limit = config.problems.new_per_hour
    if not limit or config.autonomy.issues is Mode.OBSERVE:
        return None
    filed = outbox.newest(connection, Operation.CREATE_ISSUE, limit, now - HOUR)
    if len(filed) < limit:
        return None
    problems = "a problem was" if limit == 1 else f"{limit} problems were"
    return Wait(filed[-1] + HOUR, f"{problems} filed within the hour")
