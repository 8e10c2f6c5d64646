"""How things stand, for Prometheus: read from the database when it asks.

So any process that serves pages tells for all of them, after a restart too. What
happens is counted where it happens, in ``connector.metrics``. Labels are names of the
configuration and words of ours, never a customer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily as Family
from sqlalchemy import Connection

from adapters.pace import ACCOUNT
from connector import callbacks
from connector.budget import SLOTS
from connector.config import channel_source, directory_source
from connector.dashboard.desk import Desk
from connector.errors import StoreUnavailable
from connector.health import Condition
from connector.models import DeliveryState, GroupState, OutboxState
from connector.store import backlog, groups, health, locks


def exposition(desk: Desk) -> bytes:
    """Return what is read, and after it what this process counted."""
    return generate_latest(standing(desk)) + generate_latest()


def standing(desk: Desk) -> CollectorRegistry:
    """Return what is read, each time that it is collected."""
    registry = CollectorRegistry()
    registry.register(_Standing(desk))
    return registry


class _Standing:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def describe(self) -> Iterable[Family]:
        return ()  # or it would be read twice

    def collect(self) -> Iterator[Family]:
        up = Family("connector_database_up", "0 while the database does not answer.")
        found: list[Family] = []
        try:
            with self._desk.store.read() as connection:
                found = [*_families(self._desk, connection)]
        except StoreUnavailable:
            pass
        up.add_metric((), bool(found))
        yield from (up, *found)


def _families(desk: Desk, connection: Connection) -> Iterator[Family]:
    now = desk.clock()
    # Sets a gauge of this process by what all of them know.
    callbacks.findings(connection, desk.config)
    yield from _inbox(desk, connection, now)
    yield from _outbox(desk, connection, now)
    yield _sources(desk, connection)
    yield from _budgets(connection, now)
    problems = Family("connector_problems", "Problems by state.", labels=["state"])
    counts = groups.counts(connection)
    for state in GroupState:
        problems.add_metric([state], counts.get(state, 0))
    yield problems
    people = Family(
        "connector_waits_for_people", "What only a person can settle.", labels=["what"]
    )
    for what, rows in backlog.for_people(connection).items():
        people.add_metric([what], rows)
    yield people
    is_stopped = desk.config.autonomy.stop or locks.is_stopped(connection)
    yield _single("connector_stopped", "1 while all writing is stopped.", is_stopped)
    ticked = locks.when(connection, locks.TICKED)
    yield _single(
        "connector_scheduler_last_tick_seconds",
        "When a scheduler last looked for what is due, in seconds since 1970; "
        "told once a minute.",
        ticked.timestamp() if ticked else 0,
    )


def _inbox(desk: Desk, connection: Connection, now: datetime) -> Iterator[Family]:
    rows = Family(
        "connector_inbox_deliveries",
        "Deliveries that are not done, by state.",
        labels=["source", "state"],
    )
    oldest = Family(
        "connector_inbox_oldest_seconds",
        "How long ago the oldest delivery came that waits for the worker.",
        labels=["source"],
    )
    ages = dict.fromkeys(desk.config.sources, 0.0)
    counts = {(name, state): 0 for name in ages for state in backlog.INBOX}
    for row in backlog.inbox(connection):
        counts[row.source, DeliveryState(row.state)] = row.rows
        if row.state != DeliveryState.PARKED:
            age = (now - row.oldest).total_seconds()
            ages[row.source] = max(ages.get(row.source, 0.0), age)
    for labels, count in counts.items():
        rows.add_metric(labels, count)
    for source, seconds in ages.items():
        oldest.add_metric([source], seconds)
    return iter((rows, oldest))


def _outbox(desk: Desk, connection: Connection, now: datetime) -> Iterator[Family]:
    rows = Family(
        "connector_outbox_rows",
        "Writes that are not done, by what they do and their state.",
        labels=["source", "operation", "state"],
    )
    overdue = Family(
        "connector_outbox_overdue_seconds",
        "Since when the oldest write is due that nobody has made.",
        labels=["source"],
    )
    tried = Family(
        "connector_outbox_retrying",
        "Writes that failed and are tried again.",
        labels=["source"],
    )
    late = dict.fromkeys(_parties(desk), 0.0)
    again = dict.fromkeys(late, 0)
    for row in backlog.outbox_rows(connection, now):
        rows.add_metric([row.source, row.operation, row.state], row.rows)
        if row.state == OutboxState.PARKED:
            continue
        again[row.source] = again.get(row.source, 0) + row.tried
        if row.due is not None:
            seconds = (now - row.due).total_seconds()
            late[row.source] = max(late.get(row.source, 0.0), seconds)
    for source, seconds in late.items():
        overdue.add_metric([source], seconds)
    for source, count in again.items():
        tried.add_metric([source], count)
    return iter((rows, overdue, tried))


def _sources(desk: Desk, connection: Connection) -> Family:
    shut = Family(
        "connector_source_shut",
        "1 while a source is down, or does not let us in.",
        labels=["source", "condition"],
    )
    troubled = {(row.source, row.state) for row in health.listing(connection)}
    for name in _parties(desk):
        for condition in Condition:
            shut.add_metric([name, condition], (name, condition) in troubled)
    return shut


def _budgets(connection: Connection, now: datetime) -> Iterator[Family]:
    used = Family(
        "connector_budget_used",
        "Calls, or what the vendor counts, that were taken in the running window.",
        labels=["account"],
    )
    limit = Family(
        "connector_budget_limit",
        "What the vendor told us that a window holds.",
        labels=["account"],
    )
    for row in backlog.budgets_of(connection, ACCOUNT):
        begin = now.timestamp() - row.seconds
        slot = row.seconds / SLOTS
        spent = (u for s, u in row.spent.items() if (int(s) + 1) * slot > begin)
        used.add_metric([row.account], sum(spent))
        if row.allowed is not None:
            limit.add_metric([row.account], row.allowed)
    return iter((used, limit))


def _parties(desk: Desk) -> list[str]:
    """Return the name of everything that is called."""
    return [
        *desk.config.sources,
        *map(channel_source, desk.config.notify.channels),
        *map(directory_source, desk.config.directories),
    ]


def _single(name: str, said: str, value: float) -> Family:
    family = Family(name, said)
    family.add_metric((), value)
    return family
