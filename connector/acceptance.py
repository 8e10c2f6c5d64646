"""Acceptance: a delivery is on the disk before its sender hears so.

Nothing is parsed or decided here; that is the inbox's worker's part.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from datetime import datetime

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

#: Seconds between two notes to other processes, which cost a commit a tenth more. A
#: process with work to do looks for more by itself.
PAUSE = 0.1

TOO_SLOW = "the database is too slow at the moment"


class Receipt:
    """A row on its way to the disk, and who waits for it: a thread or an event loop."""

    __slots__ = ("_done", "error", "future", "given_up", "row")

    def __init__(
        self, row: deliveries.Arrival, loop: asyncio.AbstractEventLoop | None = None
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

    async def settled(self) -> None:
        """Like ``wait``, for the loop that was named; its batch keeps the time."""
        assert self.future is not None
        if not self.future.done():
            await self.future
        if self.error is not None:
            raise self.error

    def give_up(self) -> None:
        """Withdraw the row if it is not being written yet."""
        self.given_up = True
        self.error = StoreUnavailable(TOO_SLOW)

    def settle(self) -> None:
        """Tell who waits that it is over; a loop's future on the loop's thread."""
        if self.future is None:
            self._done.release()
        elif not self.future.done():
            self.future.set_result(None)


class Batch:
    """Receipts handed over together: one of a thread, or some of an event loop.

    A loop's batch is withdrawn as a whole after ``patience`` seconds.
    """

    __slots__ = ("_loop", "_timer", "receipts")

    def __init__(
        self,
        receipts: list[Receipt],
        loop: asyncio.AbstractEventLoop | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.receipts = receipts
        self._loop = loop
        self._timer = loop and loop.call_later(patience, self._expire)

    def tell(self) -> None:
        """Wake who waits: the thread, or its event loop once for all of them."""
        try:
            if self._loop:
                self._loop.call_soon_threadsafe(self._settle)
            else:
                self._settle()
        except RuntimeError:
            # The server is gone, and its senders with it. They will come again.
            _log.warning("inbox.nobody_waits", rows=len(self.receipts))

    def _settle(self) -> None:
        if self._timer:
            self._timer.cancel()  # which would hold the bodies until it is due
        for receipt in self.receipts:
            receipt.settle()

    def _expire(self) -> None:
        for receipt in self.receipts:
            receipt.give_up()
        self._settle()


class Acceptor(threading.Thread):
    """One thread that commits what the open requests have handed in.

    One commit, and so one write to the disk, serves all that wait at that moment.
    """

    def __init__(self, store: Store, patience: float = PATIENCE) -> None:
        super().__init__(name="acceptor", daemon=True)
        self._store = store
        self._patience = patience
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        # Of the event loop, and touched on its thread only.
        self._gathered: list[Receipt] = []
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 0
        # Of this thread.
        self._told_at = 0.0
        self._owed = False

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
        if self._queue.qsize() >= QUEUE:
            raise StoreUnavailable("too many deliveries wait for the database")
        headers = {
            name: value
            for name in adapter.kept_headers
            if (value := request.headers.get(name)) is not None
        }
        key = adapter.delivery_id(request)
        row = deliveries.new(
            adapter.name, key[:255] if key else None, headers, request.body, now
        )
        receipt = Receipt(row, loop)
        if loop:
            self._gather_on(loop, receipt)
        else:
            self._queue.put(Batch([receipt]))
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
            self._hand_over(loop)

    def _flush(self, loop: asyncio.AbstractEventLoop, known: int) -> None:
        count = len(self._gathered)
        if known < count < BATCH and loop.time() - self._since < GATHER:
            self._timer = loop.call_later(QUIET, self._flush, loop, count)
            return
        self._hand_over(loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer:
            self._timer.cancel()
        # Who was answered comes again; a little less each time, should they stay away.
        self._expected = max(len(self._gathered), self._expected * 7 // 8)
        self._queue.put(Batch(self._gathered, loop, self._patience))
        self._gathered = []

    def run(self) -> None:
        last = False
        while not last:
            try:
                first = self._queue.get(timeout=self._until_due())
            except queue.Empty:
                self._tell_others()
                continue
            batches, last = self._gather(first)
            self._commit([entry for batch in batches for entry in batch.receipts])
            for batch in batches:
                batch.tell()
        if self._owed:
            self._tell_others()

    def stop(self) -> None:
        """Commit what was handed in, then end."""
        self._queue.put(None)
        self.join(timeout=10)

    def _gather(self, first: Batch | None) -> tuple[list[Batch], bool]:
        """Return all that wait at this moment, and whether it is time to end."""
        batches: list[Batch] = []
        size = 0
        following = first
        while following is not None:
            batches.append(following)
            size += len(following.receipts)
            if size >= BATCH:
                return batches, False
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return batches, False
        return batches, True

    def _until_due(self) -> float | None:
        """Return the seconds until others must hear, if they do not know yet."""
        if not self._owed:
            return None
        return max(0.0, self._told_at + PAUSE - time.monotonic())

    def _tell_others(self) -> None:
        """Make up for a note that was left out."""
        self._owed = False
        try:
            with self._store.append(deliveries.WAKE) as connection:
                deliveries.wake_others(connection)
        except StoreUnavailable as err:
            # They also look by themselves now and then.
            _log.warning("inbox.others_not_told", why=str(err))

    def _commit(self, receipts: list[Receipt]) -> None:
        wanted = [receipt for receipt in receipts if not receipt.given_up]
        if not wanted:
            return
        now = time.monotonic()
        wake = now - self._told_at >= PAUSE
        try:
            with self._store.append(deliveries.WAKE) as connection:
                deliveries.accept(connection, [entry.row for entry in wanted], wake)
        except Exception as err:
            # Whatever it was, nobody may be told "accepted", and the thread lives on.
            _log.error("inbox.not_stored", rows=len(wanted), error=type(err).__name__)
            for entry in wanted:
                entry.error = StoreUnavailable(
                    str(err)
                    if isinstance(err, StoreUnavailable)
                    else "the database refused the delivery"
                )
        else:
            self._owed = not wake
            if wake:
                self._told_at = now
