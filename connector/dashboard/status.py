"""What the connector did, what waits and what needs a person, for programs.

Counts, keys and reasons, never a customer's words or address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from adapters.base import Directory
from connector import (
    callbacks,
    declining,
    demotion,
    directories,
    health,
    imports,
    share,
    sweep,
)
from connector.config import Config, channel_source, directory_source
from connector.dashboard.desk import Desk
from connector.models import DeliveryState, OutboxState
from connector.rulebook import Rulebook, findings
from connector.store import (
    Store,
    backlog,
    broadcasts,
    deliveries,
    groups,
    locks,
    outbox,
    tasks,
    tickets,
)
from connector.store.broadcasts import BroadcastState
from connector.store.tasks import TaskState

SHOWN = 50


def gather(desk: Desk, now: datetime) -> dict[str, Any]:
    """Gather what the pages show: of deliveries and writes what is not done yet."""
    with desk.store.read() as connection:
        return {
            **_gather(connection, desk.config, desk.rulebook, now, desk.directories),
            "inbox": deliveries.counts(connection, backlog.INBOX),
            "outbox": outbox.counts(connection, backlog.OUTBOX),
        }


def status(
    store: Store,
    config: Config,
    rulebook: Rulebook,
    now: datetime,
    known: Sequence[Directory] = (),
) -> dict[str, Any]:
    """Gather how everything stands; ``known`` are this process's directories."""
    with store.read() as connection:
        return {
            **_gather(connection, config, rulebook, now, known),
            "inbox": deliveries.counts(connection),
            "outbox": outbox.counts(connection),
            "tickets": tickets.counts(connection),
            "problems": [
                _plain(row) for row in groups.listing(connection, None, SHOWN)
            ],
            "activity": [
                _without_words(row) for row in outbox.listing(connection, None, SHOWN)
            ],
        }


def _gather(
    connection: Connection,
    config: Config,
    rulebook: Rulebook,
    now: datetime,
    known: Sequence[Directory],
) -> dict[str, Any]:
    book = rulebook.look(now)
    facts = locks.all_facts(connection)
    troubles = health.troubles(connection)
    parked = outbox.listing(connection, OutboxState.PARKED, SHOWN)
    asked = broadcasts.listing(connection, BroadcastState.WAITING, SHOWN)
    parked_in = deliveries.listing(connection, DeliveryState.PARKED, SHOWN)
    waiting = tasks.listing(connection, TaskState.OPEN, SHOWN)
    return {
        "now": now.replace(microsecond=0).isoformat(),
        "stopped": config.autonomy.stop or "stop" in facts,
        "autonomy": config.autonomy.model_dump(mode="json"),
        "sources": {
            name: {"kind": kind, **_condition(troubles.get(name))}
            for name, kind in _kinds(config)
        },
        "findings": [
            {"source": one.subject, "message": one.message, "remedy": one.remedy}
            for one in (
                *callbacks.findings(connection, config),
                *sweep.findings(connection, config),
                *declining.findings(connection, config),
                *findings(rulebook),
                *directories.findings(known, now),
                *demotion.findings(connection, demotion.in_force(book)),
            )
        ],
        "rules": {
            "version": book.version,
            "since": book.since.replace(microsecond=0).isoformat(),
            "count": len(book.rules.rules),
        },
        "imports": [
            {**_plain(asdict(one)), "state": one.state.value}
            for one in imports.standings(connection, config, now)
        ],
        "alarms": list(share.alarms(connection).values()),
        "problem_states": groups.counts(connection),
        "tasks": [_plain(row) for row in waiting],
        "needs_you": {
            "outbox": [_without_words(row) for row in parked],
            "inbox": [_plain(row) for row in parked_in],
            "broadcasts": [_plain(row) for row in asked],
        },
    }


def _kinds(config: Config) -> Iterator[tuple[str, str]]:
    """Name everyone we speak with, and of what kind they are."""
    for name, block in config.sources.items():
        yield name, block.kind
    for name, block in config.notify.channels.items():
        yield channel_source(name), block.kind
    for name, block in config.directories.items():
        yield directory_source(name), block.kind


def _condition(shut: health.Shut | None) -> dict[str, Any]:
    """Say how a source is, and if it is not well what to do."""
    if shut is None:
        return {"condition": "well"}
    return {
        "condition": shut.condition,
        "since": shut.since.replace(microsecond=0).isoformat(),
        "finding": health.sentence(shut),
        "remedy": shut.remedy,
        "next_try": shut.probe_at.replace(microsecond=0).isoformat(),
    }


def _without_words(row: Any) -> dict[str, Any]:
    """Leave out the reason of a write: it quotes the customer's deciding words."""
    return {key: value for key, value in _plain(row).items() if key != "reason"}


def _plain(row: Any) -> dict[str, Any]:
    return {
        key: value.replace(microsecond=0).isoformat()
        if isinstance(value, datetime)
        else value.total_seconds()
        if isinstance(value, timedelta)
        else value
        for key, value in row.items()
    }
