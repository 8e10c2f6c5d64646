"""Importing what was written before the connector began to listen, in archive mode.

An import walks the pages of a ``Historian``, reads each ticket and records it without
any effect (``Pipeline.decide`` with ``archive``). What a person sees of it is the
command line's part; finding what webhooks missed is ``connector.sweep``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection

from adapters.base import Adapter, Helpdesk, Historian
from adapters.pace import Pace, Priority, turn
from connector import imports
from connector.backoff import next_try
from connector.config import Config
from connector.errors import (
    ConnectorError,
    NotFound,
    StoreUnavailable,
    TicketMerged,
    VendorBusy,
    VendorError,
)
from connector.judging import Judged, judge_ticket
from connector.models import ChangedPage, TicketRef
from connector.pipeline import Pipeline
from connector.store import Store, cursors, deliveries, locks, tickets
from connector.store.cursors import Purpose
from connector.store.schema import AnyRow

_log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Tickets read and then recorded in one transaction: few, so that whoever else writes
#: to the database is not kept waiting.
CHUNK = 16

#: Threads that read. More would not be faster: the vendor's budget is the limit.
READERS = 4

#: Tries to read a ticket while the vendor answers otherwise.
TRIES = 4

#: Longest wait for the budget within a call, in seconds; there is nothing else to do.
PATIENCE = 15.0


class ImportBusy(ConnectorError):
    """Another process imports the same source."""


@dataclass(slots=True)
class Found:
    """What an import has come across, over all its interruptions."""

    pages: int = 0
    tickets: int = 0  #: recorded
    complaints: int = 0  #: of these
    types: dict[str, int] = field(default_factory=dict)  #: of the complaints
    known: int = 0  #: recorded before, or by somebody else meanwhile
    live: int = 0  #: written to since we listen, which is not history
    later: int = 0  #: changed after the end that was asked for
    gone: int = 0  #: deleted, merged, or in a part that is not ours
    unreadable: int = 0

    def add(self, judged: Judged) -> None:
        """Count a ticket that is recorded."""
        self.tickets += 1
        if judged.verdict.complaint:
            kind = judged.verdict.types[0] if judged.verdict.types else "other"
            self.complaints += 1
            self.types[kind] = self.types.get(kind, 0) + 1


class Step(NamedTuple):
    """How an import stands. ``reached`` is the newest change met since it was begun
    or gone on with; ``wait`` is for how many seconds nothing happens, and ``reason``
    why."""

    found: Found
    reached: datetime | None = None
    wait: float = 0.0
    reason: str = ""


class Reading(NamedTuple):
    """What came of reading a ticket: its judgement, or why there is none."""

    external_id: str
    judged: Judged | None = None
    error: VendorError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """What an import works with. ``tell`` is called after each of its steps."""

    store: Store
    adapter: Adapter
    pipeline: Pipeline
    config: Config
    holder: str
    clock: Callable[[], datetime]
    tell: Callable[[Step], None]
    pace: Pace | None = None
    sleep: Callable[[float], None] = time.sleep


def can_be_imported(adapter: Adapter) -> bool:
    return isinstance(adapter, Helpdesk) and isinstance(adapter, Historian)


def import_history(
    means: Importing,
    since: datetime,
    until: datetime | None = None,
    limit: int | None = None,
) -> bool:
    """Record what changed from ``since`` to ``until``; True when there is no more.

    A ticket that is known already is left alone, and so is one whose customer wrote
    after the connector began to listen: webhooks and the sweep answer for that. An
    import that was cut off goes on where it was, whoever cut it off and how; ``limit``
    tickets are such an end too. Raises ``VendorError`` if the vendor does not let
    itself be read, and ``ImportBusy``.
    """
    lease = _Lease(means)
    lease.wait()
    readers = ThreadPoolExecutor(READERS, "backfill")
    try:
        walk = _Walk(means, lease, readers, since, until)
        try:
            return walk.run(limit)
        except VendorError as err:
            walk.note(reason=str(err))
            raise
    finally:
        readers.shutdown(wait=True, cancel_futures=True)
        lease.release()


class _Lease:
    """Lets one process at a time import a source."""

    def __init__(self, means: Importing) -> None:
        self._means = means
        self._name = imports.LEASE + means.adapter.name

    def wait(self) -> None:
        """Take it; whoever was killed a moment ago still has it for a while."""
        seconds = self._means.config.work.lease.total_seconds()
        step, waited = min(1.0, seconds / 4), 0.0
        while not self._take():
            if waited > seconds + step:
                raise ImportBusy("another import of this source is under way")
            why = "another import had this source until a moment ago"
            left = max(step, seconds - waited)
            self._means.tell(Step(Found(), wait=left, reason=why))
            self._means.sleep(step)
            waited += step

    def renew(self, connection: Connection) -> bool:
        means = self._means
        # The database's clock, which is the same for all.
        return locks.acquire(
            connection, self._name, means.holder, None, means.config.work.lease
        )

    def release(self) -> None:
        with self._means.store.write() as connection:
            locks.release(connection, self._name, self._means.holder)

    def _take(self) -> bool:
        with self._means.store.write() as connection:
            return self.renew(connection)


class _Walk:
    """One run of an import, from where the last one ended."""

    def __init__(
        self,
        means: Importing,
        lease: _Lease,
        readers: ThreadPoolExecutor,
        since: datetime,
        until: datetime | None,
    ) -> None:
        self._means = means
        self._lease = lease
        self._readers = readers
        self._until = until
        self._source = means.adapter.name
        self._reached: datetime | None = None
        self._reached_before: datetime | None = None  # by earlier runs
        self._row, self._listening_since = self._begin(since)
        self._found = Found(**self._row.found)
        self._run_began = means.clock()
        self._tickets_before = self._found.tickets
        self.note()

    def run(self, limit: int | None) -> bool:
        start = self._found.tickets
        self._tell()
        while True:
            page = self._patiently(self._next_page)
            fresh, met_later = self._unknown(page), False
            while fresh:
                room = CHUNK
                if limit is not None:
                    room = min(CHUNK, limit - self._found.tickets + start)
                if room <= 0:
                    # The page is listed again next time, and what is known left out.
                    return False
                chunk, fresh = fresh[:room], fresh[room:]
                met_later = self._import(chunk)
                self._tell()
            is_over = not page.more or met_later
            self._turn(page, is_over)
            self._tell()
            if is_over:
                return True

    def _begin(self, since: datetime) -> tuple[AnyRow, datetime]:
        """Find the import that was cut off, or enter a new one; and since when the
        connector listens, before which everything is history."""
        now = self._means.clock()
        with self._means.store.write() as connection:
            row = cursors.find(connection, self._source, Purpose.BACKFILL)
            asked = (since, self._until, None)
            if row is None or (row.since, row.until, row.ended_at) != asked:
                cursors.forget(connection, self._source, Purpose.BACKFILL)
                cursors.begin(
                    connection,
                    self._source,
                    Purpose.BACKFILL,
                    since,
                    now,
                    due_at=now,
                    until=self._until,
                )
                row = cursors.find(connection, self._source, Purpose.BACKFILL)
            elif (said := imports.last_note(connection, self._source)) is not None:
                self._reached_before = said.reached
            assert row is not None
            swept = cursors.find(connection, self._source, Purpose.SWEEP)
            heard = deliveries.first_at(connection, self._source)
        begun = [row.started_at, swept and swept.started_at, heard]
        return row, min(moment for moment in begun if moment is not None)

    # -- a page --

    def _next_page(self) -> ChangedPage:
        adapter = self._means.adapter
        assert isinstance(adapter, Historian)
        with turn(self._means.pace, Priority.BACKFILL, PATIENCE):
            return adapter.changed(self._row.since, self._row.cursor)

    def _unknown(self, page: ChangedPage) -> list[str]:
        ids = list(dict.fromkeys(page.ids))
        with self._means.store.read() as connection:
            known = tickets.updates(connection, self._source, ids)
        self._found.known += len(known)
        return [external_id for external_id in ids if external_id not in known]

    def _turn(self, page: ChangedPage, is_over: bool) -> None:
        self._found.pages += 1
        with self._means.store.write() as connection:
            cursors.change(
                connection,
                self._source,
                Purpose.BACKFILL,
                cursor=page.cursor,
                found=asdict(self._found),
                ended_at=self._means.clock() if is_over else None,
            )
            self._note_in(connection)
            row = cursors.find(connection, self._source, Purpose.BACKFILL)
        assert row is not None
        self._row = row

    # -- some tickets --

    def _import(self, external_ids: Sequence[str]) -> bool:
        """Read tickets and record them; tell whether all of them changed too late."""
        self._means.pipeline.renew(self._means.clock())
        before = self._found.later
        read = self._patiently_read(external_ids)
        history = [judged for one in read if (judged := self._sift(one))]
        if history:
            self._record(history)
        return self._found.later - before == len(read)

    def _sift(self, reading: Reading) -> Judged | None:
        """Return what is to be recorded; count what is not."""
        judged, found = reading.judged, self._found
        if judged is None:
            if isinstance(reading.error, NotFound | TicketMerged):
                found.gone += 1
            else:
                found.unreadable += 1
                _log.warning(
                    "backfill.unreadable",
                    ref=f"{self._source}:{reading.external_id}",
                    error=str(reading.error),
                )
            return None
        changed = judged.ticket.updated_at
        self._reached = max(changed, self._reached or changed)
        if self._until is not None and changed >= self._until:
            found.later += 1
            return None
        if judged.wrote_at > self._listening_since:
            found.live += 1
            return None
        return judged

    def _record(self, history: list[Judged]) -> None:
        """Record tickets in one transaction, or one by one if that cannot be."""
        try:
            with self._means.store.write() as connection:
                added = self._record_in(connection, history)
                self._note_in(connection)
        except StoreUnavailable:
            raise
        except Exception:
            self._means.pipeline.grouping.reset()
            if len(history) > 1:
                for judged in history:
                    self._record([judged])
                return
            # This one is to blame; the rest goes on.
            _log.exception("backfill.failed", ref=str(history[0].ticket.ref))
            self._found.unreadable += 1
            return
        self._found = added

    def _record_in(self, connection: Connection, history: list[Judged]) -> Found:
        """Record what nobody has decided about meanwhile; return what was found so far.

        The count is committed with the tickets, so that it is right after any end.
        """
        means, found = self._means, Found(**asdict(self._found))
        now = means.clock()
        # Nothing that this import has met is forgotten: its time is not ours.
        means.pipeline.grouping.sync(connection, now, self._row.since)
        known = tickets.versions(connection, [one.ticket.ref for one in history])
        fresh = [one for one in history if one.ticket.ref not in known]
        found.known += len(history) - len(fresh)
        batch = means.pipeline.open(connection, fresh, now)
        for judged in fresh:
            means.pipeline.decide(connection, batch, judged, None, now, archive=True)
            found.add(judged)
        batch.write(connection)
        cursors.change(connection, self._source, Purpose.BACKFILL, found=asdict(found))
        return found

    # -- what others see of it --

    def note(self, wait_until: datetime | None = None, reason: str = "") -> None:
        """Write down how the import stands, and that somebody works on it."""
        with self._means.store.write() as connection:
            self._note_in(connection, wait_until, reason)

    def _note_in(
        self,
        connection: Connection,
        wait_until: datetime | None = None,
        reason: str = "",
    ) -> None:
        said = imports.Note(
            at=self._means.clock(),
            run_began=self._run_began,
            tickets_before=self._tickets_before,
            reached=self._reached or self._reached_before,
            wait_until=wait_until,
            reason=reason,
        )
        imports.leave_note(connection, self._source, said)
        self._lease.renew(connection)

    # -- the vendor --

    def _patiently_read(self, external_ids: Sequence[str]) -> list[Reading]:
        """Read tickets; those the vendor owes an answer are asked for again."""
        done: list[Reading] = []
        left, tries = list(external_ids), 0
        while left:
            read = list(self._readers.map(self._read, left))
            owed = {
                one.external_id: one.error
                for one in read
                if one.error is not None and _is_owed(one.error)
            }
            done += [one for one in read if one.external_id not in owed]
            left = list(owed)
            worst = max(owed.values(), key=_weight, default=None)
            if worst is None:
                break
            tries += not isinstance(worst, VendorBusy)
            if tries >= TRIES:
                # If the vendor answers otherwise, it is about these tickets.
                self._patiently(self._next_page)
                return done + [Reading(key, error=err) for key, err in owed.items()]
            self._pause(worst, tries)
        return done

    def _read(self, external_id: str) -> Reading:
        adapter = self._means.adapter
        assert isinstance(adapter, Helpdesk)
        try:
            with turn(self._means.pace, Priority.BACKFILL, PATIENCE):
                ticket = adapter.fetch_ticket(external_id)
            judge = self._means.pipeline.book.judge
            return Reading(external_id, judge_ticket(ticket, judge))
        except VendorError as err:
            return Reading(external_id, error=err)
        except StoreUnavailable:
            raise
        except Exception as err:
            # One strange ticket must not end an import.
            ref = TicketRef(self._source, external_id)
            _log.exception("backfill.read_failed", ref=str(ref))
            said = f"{type(err).__name__} while reading it"
            return Reading(external_id, error=VendorError(said))

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call the vendor, again if that can help; being asked to wait is no try."""
        tries = 0
        while True:
            try:
                return call()
            except VendorError as err:
                tries += not isinstance(err, VendorBusy)
                if tries >= self._means.config.work.attempts:
                    raise
                self._pause(err, tries)

    def _pause(self, err: VendorError, tries: int) -> None:
        if not err.retry:
            raise err
        means = self._means
        now = means.clock()
        due = next_try(means.config.work, max(tries, 1), now, err.retry_after)
        seconds = (due - now).total_seconds()
        self._tell(seconds, str(err))
        # A pause can be longer than a lease: it is prolonged in between.
        longest = means.config.work.lease.total_seconds() / 3
        for nap in _naps(seconds, longest):
            self.note(wait_until=due, reason=str(err))
            means.sleep(nap)
        self.note()

    def _tell(self, wait: float = 0.0, reason: str = "") -> None:
        self._means.tell(Step(self._found, self._reached, wait, reason))


def _naps(seconds: float, longest: float) -> Iterator[float]:
    """Cut a pause into parts."""
    while seconds > 0:
        yield min(seconds, longest)
        seconds -= longest


def _is_owed(error: VendorError) -> bool:
    return error.retry or error.whole_source


def _weight(error: VendorError) -> tuple[bool, bool, float]:
    """What is wrong with everything outweighs trouble with one ticket."""
    return error.whole_source, not error.retry, error.retry_after or 0.0
