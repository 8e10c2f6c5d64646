"""Acceptance: a delivery is on the disk before its sender hears so.

Nothing is parsed or decided here; that is the inbox's worker's part.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterable
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
#: Seconds requests are gathered on a busy event loop before they are written, at most;
#: less if no other comes for a moment. The server's own threads get the interpreter
#: lock, and with it a chance to announce more, only while the loop is idle.
GATHER = 0.02
QUIET = 0.001
#: More than this at a time, and it is worth a moment to wait for others.
FEW = 4
#: Seconds a sender is kept waiting for the disk; vendors give up after five to thirty.
PATIENCE = 10.0

TOO_SLOW = "the database is too slow at the moment"


class Receipt:
    """A row on its way to the disk, and who waits for it: a thread or an event loop."""

    __slots__ = ("_done", "error", "future", "given_up", "row")

    def __init__(
        self, row: dict[str, Any], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.row = row
        self.error: StoreUnavailable | None = None
        self.given_up = False
        self.future: asyncio.Future[None] | None = None
        if loop:
            self.future = loop.create_future()
        else:
            # Held until the end. A plain lock costs a tenth of a Future with threads.
            self._done = threading.Lock()
            self._done.acquire()

    def wait(self, timeout: float = PATIENCE) -> None:
        """Block this thread until the row is on the disk.

        Raises ``StoreUnavailable`` if that did not work out: then it is not accepted.
        """
        if not self._done.acquire(timeout=timeout):
            self.give_up()
        if self.error is not None:
            raise self.error

    async def settled(self, timeout: float = PATIENCE) -> None:
        """Like ``wait``, for the event loop that was named."""
        assert self.future is not None
        if not self.future.done():
            # Cheaper than a timeout's own task, and nothing else may cancel it.
            timer = self.future.get_loop().call_later(timeout, self.expire)
            try:
                await self.future
            finally:
                timer.cancel()
        if self.error is not None:
            raise self.error

    def give_up(self) -> None:
        """Withdraw the row if it is not being written yet."""
        self.given_up = True
        self.error = StoreUnavailable(TOO_SLOW)

    def expire(self) -> None:
        """Give up, and tell the event loop so."""
        self.give_up()
        self.resolve()

    def resolve(self) -> None:
        """Tell the event loop that it is over; called on its thread."""
        if self.future is not None and not self.future.done():
            self.future.set_result(None)

    def release(self) -> None:
        """Tell the waiting thread that it is over."""
        self._done.release()


class Acceptor(threading.Thread):
    """One thread that commits what the open requests have handed in.

    One commit, and so one write to the disk, serves all that wait at that moment.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(name="acceptor", daemon=True)
        self._store = store
        self._queue: queue.SimpleQueue[list[Receipt] | None] = queue.SimpleQueue()
        # Of the event loop, and touched on its thread only.
        self._gathered: list[Receipt] = []
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 0

    def hand_in(
        self,
        adapter: Adapter,
        request: WebhookRequest,
        now: datetime,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> Receipt:
        """Take a verified request; it is accepted once the receipt says so.

        ``loop``: the event loop of the calling thread, if one shall be told.
        Raises ``StoreUnavailable`` when too many wait already.
        """
        headers = {
            name: request.headers[name]
            for name in adapter.kept_headers
            if name in request.headers
        }
        key = adapter.delivery_id(request)
        row = deliveries.new(
            adapter.name, key[:255] if key else None, headers, request.body, now
        )
        if self._queue.qsize() >= QUEUE:
            raise StoreUnavailable("too many deliveries wait for the database")
        receipt = Receipt(row, loop)
        if loop:
            self._gather_on(loop, receipt)
        else:
            self._queue.put([receipt])
        return receipt

    def _gather_on(self, loop: asyncio.AbstractEventLoop, receipt: Receipt) -> None:
        """Collect for as long as the loop has more requests at hand, but not for long.

        A commit beside a busy loop gets the interpreter lock late and serves few; one
        commit when all have been read costs them no more time and far less work.
        """
        if not self._gathered:
            self._since = loop.time()
            self._timer = loop.call_later(
                QUIET if self._expected > FEW else 0, self._flush, loop, 1
            )
        self._gathered.append(receipt)
        if FEW < self._expected <= len(self._gathered):
            self._hand_over()

    def _flush(self, loop: asyncio.AbstractEventLoop, known: int) -> None:
        count = len(self._gathered)
        if known < count < BATCH and loop.time() - self._since < GATHER:
            self._timer = loop.call_later(QUIET, self._flush, loop, count)
            return
        self._hand_over()

    def _hand_over(self) -> None:
        if self._timer:
            self._timer.cancel()
        count = len(self._gathered)
        # Who was answered comes again; a little less each time, should they stay away.
        self._expected = max(count, self._expected * 7 // 8)
        self._queue.put(self._gathered)
        self._gathered = []

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

    def _gather(self, first: list[Receipt]) -> tuple[list[Receipt], bool]:
        """Return all that wait at this moment, and whether it is time to end."""
        batch, entries = [], first
        while True:
            batch += [entry for entry in entries if not entry.given_up]
            if len(batch) >= BATCH:
                return batch, False
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
            if following is None:
                return batch, True
            entries = following

    def _commit(self, batch: list[Receipt]) -> None:
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
        _tell(batch)


def _tell(batch: Iterable[Receipt]) -> None:
    """Wake who waits: threads one by one, an event loop once for all of its own."""
    loops: dict[asyncio.AbstractEventLoop, list[Receipt]] = {}
    for receipt in batch:
        if receipt.future is None:
            receipt.release()
        else:
            loops.setdefault(receipt.future.get_loop(), []).append(receipt)
    for loop, receipts in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, receipts)
        except RuntimeError:
            # The server is gone, and its senders with it. They will come again.
            _log.warning("inbox.nobody_waits", rows=len(receipts))


def _resolve(receipts: Iterable[Receipt]) -> None:
    for receipt in receipts:
        receipt.resolve()
