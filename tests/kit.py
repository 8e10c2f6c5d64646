"""A connector made of memory, driven step by step; and other help for tests."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.memory import MemoryAdapter
from connector import broadcasts as lists
from connector.app import Runtime
from connector.config import Config, check
from connector.grouping import Grouping
from connector.history import Importing
from connector.models import EventKind
from connector.pipeline import Pipeline
from connector.scheduler import queue_due
from connector.store import broadcasts, deliveries
from connector.store.broadcasts import BroadcastState

ROOT = Path(__file__).resolve().parent.parent
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


def settings(database_url: str, **changes: Any) -> Config:
    """Make a configuration of two helpdesks and a tracker in memory."""
    raw: dict[str, Any] = {
        "database": {"url": database_url},
        "sources": {
            "support": {"kind": "memory"},
            "shop": {"kind": "memory"},
            "tracker": {"kind": "memory"},
        },
        "problems": {
            "tracker": "tracker",
            "project": "SHOP",
            "fast_customers": 0,
            "counts_every": "0s",
        },
        "autonomy": {"messages": "act"},
        "work": {"lost_answer": "0s"},  # what is done in memory shows at once
    }
    for key, value in changes.items():
        raw[key] = {**raw.get(key, {}), **value}
    return check(raw, "test")


class Bench:
    """A connector without threads: each step is taken by the test."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.runtime = Runtime(config, clock=self.clock)
        self.store = self.runtime.store
        self.store.upgrade()
        self.config = config

    @property
    def support(self) -> MemoryAdapter:
        return self._memory("support")

    @property
    def shop(self) -> MemoryAdapter:
        return self._memory("shop")

    @property
    def tracker(self) -> MemoryAdapter:
        return self._memory("tracker")

    def _memory(self, name: str) -> MemoryAdapter:
        adapter = self.runtime.adapters[name]
        assert isinstance(adapter, MemoryAdapter)
        return adapter

    def write(
        self, ticket: str, text: str, email: str, source: str = "support", **more: str
    ) -> None:
        """Let a customer write, and the webhook arrive."""
        self._memory(source).write(ticket, text, email=email, now=self.clock(), **more)
        self.changed(source, ticket)

    def changed(self, source: str, ticket: str) -> None:
        self._deliver(source, EventKind.TICKET_CHANGED, ticket)

    def issue_changed(self, issue: str) -> None:
        self._deliver("tracker", EventKind.ISSUE_CHANGED, issue)

    def _deliver(self, source: str, kind: EventKind, external_id: str) -> None:
        key = "ticket" if kind is EventKind.TICKET_CHANGED else "issue"
        with self.store.write() as connection:
            deliveries.accept(
                connection,
                [
                    deliveries.new(
                        source,
                        None,
                        {},
                        f'{{"{key}": "{external_id}"}}'.encode(),
                        self.clock(),
                    )
                ],
            )

    def settle(self) -> None:
        """Work until nothing moves any more at this time."""
        for _ in range(50):
            moved = self.runtime.worker.run_once()
            moved += sum(sender.run_once() for sender in self.runtime.senders)
            moved += queue_due(self.store, self.config, self.clock())
            if not moved:
                return
        raise AssertionError("the connector does not come to rest")

    def waiting(self) -> list[int]:
        """Return the messages to many that wait for a person."""
        with self.store.read() as connection:
            rows = broadcasts.listing(connection, BroadcastState.WAITING, 50)
        return [row["id"] for row in rows]

    def approve(self) -> None:
        """Let a person approve every message to many that waits."""
        with self.store.write() as connection:
            for number in self.waiting():
                lists.approve(connection, self.config, number, "anna", self.clock())
        self.settle()

    def close(self) -> None:
        self.runtime.worker.close()
        self.store.close()


def importing(bench: Bench, **changes: Any) -> Importing:
    """Return what an import of the history of ``support`` takes."""
    values: dict[str, Any] = {
        "store": bench.store,
        "adapter": bench.support,
        "pipeline": Pipeline(bench.config, bench.runtime.rulebook, Grouping()),
        "config": bench.config,
        "holder": "test",
        "clock": bench.clock,
        "tell": lambda step: None,
        "sleep": lambda seconds: None,
    }
    return Importing(**{**values, **changes})


def shared(*parts: str) -> Path:
    """Return a path beside the repository, or skip; CI must have it."""
    path = ROOT.parent.joinpath("shared", *parts)
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing, and CI has to run this test")
        pytest.skip(f"{path} is not here")
    return path
