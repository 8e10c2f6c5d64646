"""What happens because time passes. APScheduler only ticks; ``queue_due`` decides.

The jobs are idempotent and take the time as an argument: a late tick, two schedulers,
or none for a week change only when things happen, not what.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from adapters.base import Adapter
from adapters.pace import Pace
from connector import (
    callbacks,
    checkins,
    clocks,
    demotion,
    escalation,
    quiet,
    retention,
    share,
    sweep,
)
from connector.callbacks import is_watched
from connector.config import Config
from connector.directories import Directories
from connector.errors import StoreUnavailable
from connector.health import Health
from connector.models import EventKind
from connector.reports import posting
from connector.rulebook import Rulebook
from connector.store import Store, deliveries, dialects, groups, locks

_log = structlog.get_logger(__name__)

AT_EACH_TICK = timedelta(0)

#: How often what is planned for days from now is looked at again.
CHECKINS = timedelta(minutes=1)

#: How often it is looked whether a day is over since what is old was let go of.
RETENTION = timedelta(hours=1)

#: How often it is looked whether a week is over.
QUIET = timedelta(minutes=15)

#: How often directories that gave no answer are asked again.
DIRECTORIES = timedelta(minutes=1)

#: How often deadlines are looked at.
CLOCKS = timedelta(minutes=1)

#: How often it is looked whether a day is over since rules were reviewed.
LEARNING = timedelta(hours=1)

#: How often it is looked whether a report is to be made.
REPORTS = timedelta(minutes=5)


def queue_due(store: Store, config: Config, now: datetime) -> int:
    """Move on what has waited long enough; return how many things moved.

    Problems whose settle time is over are filed, watches end, and issues that nobody
    told us about for a while are read again, as are those whose fix has settled. Types
    that make up too much of all complaints give alarm.
    """
    with store.write(wake=deliveries.WAKE) as connection:
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        locks.is_due(connection, locks.TICKED, now, timedelta(minutes=1))
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
            deliveries.accept(connection, deliveries.refresh_rows(refs, now))
        for row in stale:
            # Asked for; not again before the next interval, whatever the answer.
            groups.change(connection, row.id, checked_at=now)
        alarms = share.check(connection, config, now)
    store.signals.ring("outbox")
    return len(due) + len(refs) + alarms


class Scheduler:
    """Ticks in threads of its own, one for each job.

    A vendor that does not answer, or an hour of letting go of what is old, so keeps
    nobody waiting but itself.
    """

    def __init__(
        self,
        store: Store,
        adapters: Mapping[str, Adapter],
        config: Config,
        rulebook: Rulebook,
        clock: Callable[[], datetime],
        health: Health | None = None,
        pace: Pace | None = None,
        directories: Directories | None = None,
    ) -> None:
        self._store = store
        self._config = config
        self._rulebook = rulebook
        self._clock = clock
        self._health = health
        self._pace = pace
        self._stopped = threading.Event()
        jobs: dict[str, tuple[Callable[[], object], timedelta]] = {
            "due": (self._queue_due, AT_EACH_TICK),
            "checkins": (self._review_checkins, CHECKINS),
            "quiet": (self._list_quiet, QUIET),
            "retention": (self._let_go, RETENTION),
            "clocks": (self._review_clocks, CLOCKS),
            "reports": (self._post_reports, REPORTS),
            "learning": (self._review_rules, LEARNING),
        }
        if directories and directories.known:
            jobs["directories"] = directories.resume, DIRECTORIES
        for adapter in adapters.values():
            if sweep.is_swept(adapter, config):
                look = partial(self._sweep, adapter)
                jobs[f"sweep-{adapter.name}"] = look, AT_EACH_TICK
            if is_watched(adapter, config):
                look = partial(self._watch, adapter)
                jobs[f"watch-{adapter.name}"] = look, AT_EACH_TICK
        self._ticker = BackgroundScheduler(
            timezone="UTC",
            daemon=True,
            executors={"default": {"type": "threadpool", "max_workers": len(jobs)}},
        )
        for name, (job, pause) in jobs.items():
            self._every_tick(name, job, pause)

    def start(self) -> None:
        self._ticker.start()

    def stop(self) -> None:
        self._stopped.set()
        self._ticker.shutdown(wait=True)

    def _every_tick(
        self, name: str, job: Callable[[], object], pause: timedelta
    ) -> None:
        self._ticker.add_job(
            self._tick,
            "interval",
            [job],
            id=name,
            seconds=max(self._config.work.tick, pause).total_seconds(),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    def _queue_due(self) -> None:
        queue_due(self._store, self._config, self._clock())

    def _review_checkins(self) -> None:
        with self._store.write(wake="outbox") as connection:
            checkins.review(connection, self._config, self._clock())

    def _list_quiet(self) -> None:
        with self._store.write() as connection:
            quiet.queue_due(connection, self._config, self._clock())

    def _let_go(self) -> None:
        retention.let_go(self._store, self._config, self._clock(), self._stopped.is_set)

    def _review_clocks(self) -> None:
        with self._store.write(wake=deliveries.WAKE) as connection:
            clocks.review(connection, self._config, self._clock())
        self._store.signals.ring("outbox")

    def _post_reports(self) -> None:
        posting.queue_due(self._store, self._config, self._clock())

    def _review_rules(self) -> None:
        now = self._clock()
        versions = demotion.in_force(self._rulebook.look(now))
        demotion.review(self._store, self._config, versions, now, self._stopped.is_set)

    def _sweep(self, adapter: Adapter) -> None:
        sweep.sweep(
            self._store,
            adapter,
            self._config,
            self._clock(),
            self._stopped.is_set,
            self._health,
            self._pace,
        )

    def _watch(self, adapter: Adapter) -> None:
        callbacks.watch(
            self._store,
            adapter,
            self._config,
            self._clock(),
            self._health,
            self._pace,
        )

    def _tick(self, job: Callable[[], object]) -> None:
        try:
            job()
        except StoreUnavailable as err:
            _log.error("scheduler.database", error=str(err))
        except Exception:
            # A tick that fails must not be the last one.
            _log.exception("scheduler.failed")
