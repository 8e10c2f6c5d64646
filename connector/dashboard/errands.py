"""Work that takes longer than a page may: beside the requests, seen and ended from one.

What comes of it is this process's alone, and is gone with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

import structlog

from connector.errors import ConnectorError

_log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Is told how far it is.
Tell = Callable[[int, int], None]


class State(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"  #: ``error`` says why


class _Cancelled(Exception):
    """A person does not want it any more."""


class Errand(Generic[T]):
    """One run of something, by somebody."""

    def __init__(self, who: str, now: datetime, work: Callable[[Tell], T]) -> None:
        self.who = who
        self.began_at = now
        self.done = self.of = 0
        self.state = State.RUNNING
        self.error = ""
        self.result: T | None = None
        self._work = work
        self._is_cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="errand", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self.state is State.RUNNING

    def cancel(self) -> None:
        """End it at the next step."""
        self._is_cancelled.set()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            self.result = self._work(self._tell)
            self.state = State.DONE
        except _Cancelled:
            self.state = State.CANCELLED
        except ConnectorError as err:
            self.error, self.state = str(err), State.FAILED
        except Exception:
            # Nobody waits for this thread who could be told.
            _log.exception("errand.failed")
            self.error, self.state = "it broke off; the log says why", State.FAILED

    def _tell(self, done: int, of: int) -> None:
        if self._is_cancelled.is_set():
            raise _Cancelled
        self.done, self.of = done, of
        time.sleep(0)  # requests go first


class Errands(Generic[T]):
    """Runs of one kind, one at a time; the last one stays to be looked at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.last: Errand[T] | None = None

    def begin(
        self, who: str, now: datetime, work: Callable[[Tell], T]
    ) -> Errand[T] | None:
        """Begin one; None if another is under way."""
        with self._lock:
            if self.last is not None and self.last.is_running:
                return None
            self.last = Errand(who, now, work)
            return self.last
