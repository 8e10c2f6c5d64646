"""Waking threads when there is something to do, across processes with PostgreSQL.

A wake-up is a hint, never a message: who waits also looks on its own now and then.
"""

from __future__ import annotations

import threading
import time

import psycopg
import structlog
from sqlalchemy import Engine

from connector.store.dialects import is_sqlite

CHANNEL = "complaint_connector"
_log = structlog.get_logger(__name__)


class Signals:
    """Named wake-ups. ``ring`` is cheap; ``wait`` returns at once if one was missed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._counts: dict[str, int] = {}

    def ring(self, name: str) -> None:
        with self._condition:
            self._counts[name] = self._counts.get(name, 0) + 1
            self._condition.notify_all()

    def ring_all(self) -> None:
        with self._condition:
            for name in self._counts:
                self._counts[name] += 1
            self._condition.notify_all()

    def seen(self, name: str) -> int:
        """Return a number to hand to ``wait`` later."""
        with self._condition:
            return self._counts.setdefault(name, 0)

    def wait(self, name: str, seen: int, timeout: float) -> None:
        """Wait until ``name`` rang after ``seen`` was taken, or ``timeout`` seconds."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._counts.get(name, 0) != seen, timeout=timeout
            )


class Listener(threading.Thread):
    """Turns PostgreSQL notifications into local wake-ups; idle on SQLite."""

    def __init__(self, engine: Engine, signals: Signals) -> None:
        super().__init__(name="listener", daemon=True)
        self._engine = engine
        self._signals = signals
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except psycopg.Error as err:
                _log.warning("listener.lost", error=type(err).__name__)
                self._stopped.wait(2)

    def stop(self) -> None:
        self._stopped.set()

    def _listen(self) -> None:
        url = self._engine.url.set(drivername="postgresql")
        dsn = url.render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            self._signals.ring_all()
            while not self._stopped.is_set():
                for _ in connection.notifies(timeout=1.0, stop_after=1):
                    self._signals.ring_all()
                    time.sleep(0.005)  # gather a burst into one wake-up


def listener(engine: Engine, signals: Signals) -> Listener | None:
    return None if is_sqlite(engine) else Listener(engine, signals)
