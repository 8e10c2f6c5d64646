"""Whose turn it is: problems that could be filed, and have to wait for it.

A type may be muted for a while. And no more than so many are filed within an hour, so
that a lowered threshold, a mode that is switched to act, or the end of such a while is
no flood. Whether a problem is worth an issue is ``connector.readiness``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector import readiness
from connector.config import Config
from connector.config_problems import MutedType
from connector.models import Mode, Operation
from connector.store import groups, outbox
from connector.store.schema import AnyRow
from rules.thresholds import Crossing

HOUR = timedelta(hours=1)


def has_to_wait(
    connection: Connection,
    config: Config,
    group: AnyRow,
    crossing: Crossing,
    now: datetime,
) -> bool:
    """Put a problem off that could be filed, if it is not its turn; say why in it.

    While its type is muted its complaints grow old; while it only has to let others go
    first they do not.
    """
    mute = muted(config, group.type, now)
    if mute is not None:
        # Looked at in between, should the settings change.
        until = min(mute.until, now + config.problems.reread)
        since, why = group.waiting_since, _words(mute, "is")
    else:
        turn = _next_turn(connection, config, now)
        if turn is None:
            return False
        limit = config.problems.new_per_hour
        problems = "a problem was" if limit == 1 else f"{limit} problems were"
        until, since = turn, group.waiting_since or now
        why = f"{problems} filed within the hour"
    groups.change(
        connection,
        group.id,
        file_at=until,
        waiting_since=since,
        reason=f"{crossing.reason}; waits: {why}",
    )
    return True


def moments(config: Config, group: AnyRow, now: datetime) -> Iterator[datetime]:
    """Return as of when a ready problem may be over its threshold.

    While it settles, or lets others go first, its complaints do not grow old.
    """
    yield now
    if group.waiting_since is not None:
        yield group.waiting_since
    elif group.file_at is not None:
        began = group.file_at - config.problems.settle
        if muted(config, group.type, began) is None:
            yield began


def muted(config: Config, kind: str, now: datetime) -> MutedType | None:
    """Return what mutes a type of complaint now, the longest if there are several."""
    found = [m for m in config.problems.muted if m.type == kind and m.until > now]
    return max(found, key=lambda mute: mute.until, default=None)


def meanwhile(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> str:
    """Say what came while the type of a problem was muted, if it was of late."""
    ended = [
        m for m in config.problems.muted if m.type == group.type and m.until <= now
    ]
    if not ended:
        return ""
    mute = max(ended, key=lambda mute: mute.until)
    wrote = readiness.customers_between(
        connection, group.id, mute.until - config.problems.window, mute.until
    )
    if not wrote:
        return ""
    customers = "1 customer" if wrote == 1 else f"{wrote} customers"
    return f"; {_words(mute, 'was')}, and {customers} wrote before that"


def _words(mute: MutedType, verb: str) -> str:
    why = f" ({mute.reason})" if mute.reason else ""
    kind = mute.type.replace("_", " ")
    return f"{kind} {verb} muted until {mute.until:%Y-%m-%d %H:%M} UTC{why}"


def _next_turn(
    connection: Connection, config: Config, now: datetime
) -> datetime | None:
    """Return when the next problem may be filed, None if that is now."""
    limit = config.problems.new_per_hour
    if not limit or config.autonomy.issues is Mode.OBSERVE:
        return None
    filed = outbox.newest(connection, Operation.CREATE_ISSUE, limit, now - HOUR)
    return filed[-1] + HOUR if len(filed) == limit else None
