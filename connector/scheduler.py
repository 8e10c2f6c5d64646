"""What happens because time passes. APScheduler only ticks; ``queue_due`` decides.

The jobs are idempotent and take the time as an argument: a late tick, two schedulers,
or none for a week change only when things happen, not what.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from connector import escalation
from connector.config import Config
from connector.errors import StoreUnavailable
from connector.inbox import refresh_rows
from connector.models import EventKind
from connector.store import Store, deliveries, dialects, groups

_log = structlog.get_logger(__name__)


def queue_due(store: Store, config: Config, now: datetime) -> int:
    """Move on what has waited long enough; return how many things moved.

    Problems whose settle time is over are filed, watches end, and issues that nobody
    told us about for a while are read again, as are those whose fix has settled.
    """
    with store.write(wake=deliveries.WAKE) as connection:
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        due = groups.due(connection, now)
        for group_id in due:
            escalation.plan(connection, config, group_id, now)
        stale = groups.issues_to_read(connection, now, now - config.problems.reread)
        refs = [
            (EventKind.ISSUE_CHANGED, row.tracker, row.issue_id)
            for row in stale
            if row.tracker in config.sources
        ]
        if refs:
            deliveries.accept(connection, refresh_rows(refs, now))
        for row in stale:
            # Asked for; not again before the next interval, whatever the answer.
            groups.change(connection, row.id, checked_at=now)
    store.signals.ring("outbox")
    return len(due) + len(refs)


class Scheduler:
    """Ticks in a thread of its own."""

    def __init__(
        self, store: Store, config: Config, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._ticker = BackgroundScheduler(timezone="UTC", daemon=True)
        self._ticker.add_job(
            self._tick,
            "interval",
            seconds=config.work.tick.total_seconds(),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    def start(self) -> None:
        self._ticker.start()

    def stop(self) -> None:
        self._ticker.shutdown(wait=True)

    def _tick(self) -> None:
        try:
            queue_due(self._store, self._config, self._clock())
        except StoreUnavailable as err:
            _log.error("scheduler.database", error=str(err))
        except Exception:
            # A tick that fails must not be the last one.
            _log.exception("scheduler.failed")
