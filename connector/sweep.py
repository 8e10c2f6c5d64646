"""Asking a vendor what changed, to find what its webhooks missed.

A sweep walks the pages of a ``Historian`` from a stored cursor and puts deliveries of
our own into the inbox; what they lead to is decided there. When to try is the
scheduler's part. Reading what was before the connector is in ``connector.history``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from adapters.base import Adapter, Helpdesk, Historian, Tracker
from adapters.pace import Pace, Priority, turn
from connector.config import Config
from connector.errors import BudgetSpent, VendorError
from connector.health import Health, Side
from connector.models import ChangedPage, EventKind, Finding, Level
from connector.store import Store, cursors, deliveries, groups, tickets
from connector.store.cursors import Purpose
from connector.store.schema import AnyRow

_log = structlog.get_logger(__name__)

#: Pages taken at once; the rest is due at the next tick. What a long absence left must
#: not stand in front of what comes in now.
PAGES_AT_ONCE = 5

#: How far the clocks of a vendor and of this machine may be apart.
SKEW = timedelta(minutes=10)


def is_swept(adapter: Adapter, config: Config) -> bool:
    """Tell whether a source can be asked, and is to be."""
    return isinstance(adapter, Historian) and adapter.name not in config.sweep.without


def sweep(
    store: Store,
    adapter: Adapter,
    config: Config,
    now: datetime,
    is_stopped: Callable[[], bool] = lambda: False,
    health: Health | None = None,
    pace: Pace | None = None,
) -> int:
    """Ask for a reading of what changed since the last sweep, if one is due.

    A source that was never swept begins at ``now``. Several processes may try: each
    step is given to one of them, and a page is taken once. Returns how many readings
    were asked for.
    """
    if not is_swept(adapter, config):
        return 0
    if health is not None and health.is_shut(adapter.name, Side.READ):
        return 0  # that is known and shown; whoever works tries whether it is over
    row = _claim(store, adapter.name, config, now)
    asked = 0
    for _ in range(PAGES_AT_ONCE):
        if row is None or is_stopped():
            break
        try:
            page = _next_page(adapter, row, pace)
        except VendorError as err:
            _failed(store, row, err, config, now)
            break
        row, taken = _take(store, adapter, config, row, page, now)
        asked += taken
    return asked


def findings(connection: Connection, config: Config) -> list[Finding]:
    """Say of which sources it cannot be asked what webhooks missed."""
    return [
        Finding(
            Level.PROBLEM,
            row.source,
            f"cannot be asked what webhooks missed: {row.error}",
            "give the connector's user the right to list changes, or name the source "
            "under sweep.without",
        )
        for row in cursors.failing(connection, Purpose.SWEEP)
        if row.source in config.sources and row.source not in config.sweep.without
    ]


def _claim(store: Store, source: str, config: Config, now: datetime) -> AnyRow | None:
    """Take the next step of a source's sweep, if it is due."""
    with store.read() as connection:
        row = cursors.find(connection, source, Purpose.SWEEP)
    if row is not None and row.due_at > now:
        return None
    later = now + config.sweep.every
    with store.write() as connection:
        if row is None:
            cursors.begin(connection, source, Purpose.SWEEP, now, now, later)
            return None
        return cursors.claim(connection, source, Purpose.SWEEP, now, later)


def _next_page(adapter: Adapter, row: AnyRow, pace: Pace | None) -> ChangedPage:
    assert isinstance(adapter, Historian)
    with turn(pace, Priority.REFRESH):
        return adapter.changed(row.since, row.cursor)


def _take(
    store: Store,
    adapter: Adapter,
    config: Config,
    row: AnyRow,
    page: ChangedPage,
    now: datetime,
) -> tuple[AnyRow | None, int]:
    """Put a page into the inbox and move on; return where to go on, if at once."""
    values: dict[str, Any] = {"cursor": page.cursor, "error": "", "due_at": now}
    if not page.more:
        # Should the cursor be lost, only what came after this is walked again.
        values["since"] = max(row.since, now - SKEW)
        values["due_at"] = now + config.sweep.every
    with store.write(wake=deliveries.WAKE) as connection:
        refs = _to_read(connection, adapter, page)
        moved = cursors.advance(
            connection, adapter.name, Purpose.SWEEP, row.cursor, **values
        )
        if not moved:  # somebody else took this page
            return None, 0
        deliveries.accept(connection, deliveries.refresh_rows(refs, now))
        if row.error:
            _log.info("sweep.recovered", source=adapter.name)
        going_on = cursors.find(connection, adapter.name, Purpose.SWEEP)
    return (going_on if page.more else None), len(refs)


def _to_read(
    connection: Connection, adapter: Adapter, page: ChangedPage
) -> list[tuple[EventKind, str, str]]:
    """Return what of a page is ours and may have changed since it was last read."""
    ids = list(dict.fromkeys(page.ids))
    issues = (
        groups.issues_read(connection, adapter.name, ids)
        if isinstance(adapter, Tracker)
        else {}
    )
    known = (
        tickets.updates(connection, adapter.name, ids)
        if isinstance(adapter, Helpdesk)
        else {}
    )
    refs = []
    for external_id in ids:
        changed = page.changed_at.get(external_id)
        if external_id in issues:
            read = issues[external_id]  # by our clock
            if changed is None or read is None or read < changed + SKEW:
                refs.append((EventKind.ISSUE_CHANGED, adapter.name, external_id))
        elif isinstance(adapter, Helpdesk):
            seen = known.get(external_id)  # by the vendor's
            if changed is None or seen is None or seen < changed:
                refs.append((EventKind.TICKET_CHANGED, adapter.name, external_id))
    return refs


def _failed(
    store: Store, row: AnyRow, err: VendorError, config: Config, now: datetime
) -> None:
    """Leave the cursor where it is, and say so once.

    Whether the source as a whole is in trouble is not concluded from this: an account
    may be allowed to read tickets and not to ask what changed.
    """
    asked = timedelta(seconds=err.retry_after or 0)
    if isinstance(err, BudgetSpent):  # nothing is wrong, others were more urgent
        with store.write() as connection:
            cursors.change(connection, row.source, Purpose.SWEEP, due_at=now + asked)
        return
    with store.write() as connection:
        cursors.change(
            connection,
            row.source,
            Purpose.SWEEP,
            error=str(err),
            due_at=now + max(config.sweep.every, asked),
        )
    if not row.error:
        _log.warning("sweep.failed", source=row.source, error=str(err))
