"""Acceptance: a delivery is on the disk before its sender hears so.

Nothing is parsed or decided here; that is the inbox's worker's part.
"""

from __future__ import annotations

import queue
import threading
from datetime import datetime
from typing import Any

import structlog

from adapters.base import Adapter
from connector.errors import StoreUnavailable
from connector.models import WebhookRequest
from connector.store import Store, deliveries

_log = structlog.get_logger(__name__)

BATCH = 512
QUEUE = 4096


class Waiting:
    """A row, and the request thread that waits until it is on the disk."""

    __slots__ = ("done", "error", "given_up", "row")

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.error: StoreUnavailable | None = None
        self.given_up = False
        # Held until the end. A plain lock costs each request a tenth of a Future.
        self.done = threading.Lock()
        self.done.acquire()


class Acceptor(threading.Thread):
    """One thread that commits what the waiting request threads have handed in.

    One commit, and so one write to the disk, serves all that wait at that moment.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(name="acceptor", daemon=True)
        self._store = store
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()

    def accept(
        self,
        adapter: Adapter,
        request: WebhookRequest,
        now: datetime,
        timeout: float = 10.0,
    ) -> None:
        """Store a verified request; return once it is on the disk.

        Raises ``StoreUnavailable`` if that did not work out: then it is not accepted.
        """
        headers = {
            name: request.headers[name]
            for name in adapter.kept_headers
            if name in request.headers
        }
        key = adapter.delivery_id(request)
        entry = Waiting(
            deliveries.new(
                adapter.name, key[:255] if key else None, headers, request.body, now
            )
        )
        if self._queue.qsize() >= QUEUE:
            raise StoreUnavailable("too many deliveries wait for the database")
        self._queue.put(entry)
        if not entry.done.acquire(timeout=timeout):
            entry.given_up = True
            raise StoreUnavailable("the database is too slow at the moment")
        if entry.error is not None:
            raise entry.error

    def run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = self._gather(first)
            if batch:
                self._commit(batch)
            if last:
                return

    def stop(self) -> None:
        """Commit what was handed in, then end."""
        self._queue.put(None)
        self.join(timeout=10)

    def _gather(self, first: Waiting) -> tuple[list[Waiting], bool]:
        """Return all that wait at this moment, and whether it is time to end."""
        batch, entry = [], first
        while True:
            if not entry.given_up:
                batch.append(entry)
            if len(batch) >= BATCH:
                return batch, False
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
            if following is None:
                return batch, True
            entry = following

    def _commit(self, batch: list[Waiting]) -> None:
        try:
            with self._store.append(deliveries.WAKE) as connection:
                deliveries.accept(connection, [entry.row for entry in batch], wake=True)
        except Exception as err:
            # Whatever it was, nobody may be told "accepted", and the thread lives on.
            _log.error("inbox.not_stored", rows=len(batch), error=type(err).__name__)
            for entry in batch:
                entry.error = StoreUnavailable(
                    str(err)
                    if isinstance(err, StoreUnavailable)
                    else "the database refused the delivery"
                )
        for entry in batch:
            entry.done.release()
