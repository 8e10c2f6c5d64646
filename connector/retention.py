"""What was said long ago is let go of; what was decided about it, and counted, stays.

In small steps, so that nobody waits for it. What waits for anything is left alone, and
so are the words of problems that may still be filed with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from connector.config import Config
from connector.grouping import REMEMBERED
from connector.store import (
    Store,
    aging,
    deliveries,
    dialects,
    directory,
    erasing,
    locks,
    memory,
)

_log = structlog.get_logger(__name__)

EVERY = timedelta(days=1)
FACT = "retention"

#: What a directory said counts until it is asked again, but not without end.
OUTDATED = timedelta(days=30)

#: Rows that are let go of in one transaction.
STEP = 200

#: Finds the next rows, of those that are walked through after the last one before.
Find = Callable[[Connection, int], Sequence[int]]
Drop = Callable[[Connection, Sequence[int]], object]


def let_go(
    store: Store, config: Config, now: datetime, stopped: Callable[[], bool]
) -> dict[str, int]:
    """Let go of what is old enough, once a day in all processes together.

    Returns how many there were of each. What is left when it is ``stopped`` goes the
    next time.
    """
    with store.write() as connection:
        if not locks.is_due(connection, FACT, now, EVERY):
            return {}
        directory.drop_old(connection, now - OUTDATED)
        memory.forget_departures(connection, now - REMEMBERED)
    texts, arrived = now - config.retention.texts, now - config.retention.deliveries
    jobs: dict[str, tuple[Find, Drop]] = {
        "deliveries": (
            lambda connection, _: aging.old_deliveries(connection, arrived, STEP),
            aging.drop_deliveries,
        ),
        "first deliveries": (
            lambda connection, _: aging.first_deliveries(connection, arrived),
            deliveries.empty,
        ),
        "tickets": (
            lambda connection, last: aging.old_tickets(connection, texts, last, STEP),
            erasing.take_words,
        ),
        "problems": (
            lambda connection, _: aging.quoting(connection, texts, STEP),
            erasing.take_quotes,
        ),
    }
    done = {name: _go_through(store, *job, stopped) for name, job in jobs.items()}
    _log.info("retention.done", **done)
    return done


def _go_through(
    store: Store, find: Find, drop: Drop, stopped: Callable[[], bool]
) -> int:
    """Find without keeping anybody from writing, and drop a few rows at a time."""
    count = 0
    before: Sequence[int] = ()
    while not stopped():
        with store.read() as connection:
            found = find(connection, before[-1] if before else 0)
        if not found or found == before:  # somebody holds them just now: tomorrow
            break
        before = found
        with store.write() as connection:
            # Or who decides about some of these might wait for us, and we for them.
            dialects.serialise(connection, dialects.GROUPING_LOCK)
            drop(connection, found)
        count += len(found)
    return count
