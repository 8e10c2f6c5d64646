"""From an accepted delivery to a decision: claim, parse, read again, decide.

A delivery only ever says "look again", so several about one ticket are one reading,
and their order does not matter. How deliveries get in is ``connector.acceptance``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from adapters.base import Adapter, Carrier, Helpdesk, Tracker
from adapters.pace import Pace, Priority, turn
from connector import carrying, dating, erased, originals
from connector.backoff import next_try, wait_for
from connector.case import Batch
from connector.config import Config
from connector.directories import Directories
from connector.errors import (
    BudgetSpent,
    MalformedPayload,
    NotFound,
    StoreUnavailable,
    TicketMerged,
    VendorBusy,
    VendorError,
)
from connector.health import Health, Side, is_denial
from connector.judging import Judged, judge_ticket
from connector.models import (
    Delivery,
    DeliveryState,
    EventKind,
    Issue,
    IssueRef,
    Ticket,
    TicketEvent,
    TicketRef,
)
from connector.pipeline import Pipeline
from connector.store import Store, deliveries, groups, tickets
from connector.store.deliveries import REFRESH, STEPS, refresh_rows

_log = structlog.get_logger(__name__)

#: Ids are short; what is longer, or cannot be printed, is none.
LONGEST_ID = 100
MERGES_FOLLOWED = 8
UNDECIDED = "could not be decided; the log has the details"


class Later(NamedTuple):
    """When a delivery comes up again, and whether this counts as a try that failed."""

    reason: str
    due_at: datetime
    is_attempt: bool = False


@dataclass(slots=True)
class Work:
    """One ticket or issue to read again, and the deliveries that asked for it."""

    kind: EventKind
    ref: TicketRef
    deliveries: list[Delivery] = field(default_factory=list)
    version: int = 0
    erased_until: datetime | None = None  # what was written up to then is not read
    judged: Judged | None = None
    silent: Ticket | None = None  # its customer was erased, and wrote nothing since
    parcel: carrying.Parcel | None = None  # the ticket, if a delivery held it
    issue: Issue | None = None
    gone: str = ""
    merged_into: str = ""
    error: VendorError | None = None
    due_at: datetime | None = None  # when it can be read, if not now
    read_at: datetime = datetime.max  # taken just before reading

    @property
    def was_answered(self) -> bool:
        """Tell whether the vendor let us in and said how things stand."""
        seen = self.judged or self.silent or self.issue
        return bool(seen or self.gone or self.merged_into)

    @property
    def ids(self) -> list[int]:
        return [delivery.id for delivery in self.deliveries]


class Ended(NamedTuple):
    """A delivery that needs no reading."""

    delivery: Delivery
    state: DeliveryState
    reason: str


class Pause(NamedTuple):
    """Until when a source is not asked, and what it said."""

    until: datetime
    error: VendorError


class Outcomes:
    """What becomes of deliveries, each of which may have asked for several readings.

    To be read again outweighs any end, and to be looked at by a person a good one.
    """

    def __init__(self) -> None:
        self.ends: dict[int, tuple[DeliveryState, str]] = {}
        self.waits: dict[int, Later] = {}
        self.erased: set[int] = set()  # what they hold is not to be kept

    def end(self, entry: Work, state: DeliveryState, reason: str) -> None:
        for delivery_id in entry.ids:
            known = self.ends.get(delivery_id)
            if known is None or state is DeliveryState.PARKED:
                self.ends[delivery_id] = (state, reason)

    def wait(self, entry: Work, later: Later) -> None:
        for delivery_id in entry.ids:
            self.waits[delivery_id] = later


class Worker:
    """Handles deliveries in batches. ``now`` is asked of ``clock`` once a batch."""

    def __init__(
        self,
        store: Store,
        adapters: Mapping[str, Adapter],
        pipeline: Pipeline,
        config: Config,
        holder: str,
        clock: Callable[[], datetime],
        health: Health | None = None,
        keeper: Pace | None = None,
        directories: Directories | None = None,
    ) -> None:
        self.store = store
        self.adapters = adapters
        self.pipeline = pipeline
        self.config = config
        self.holder = holder
        self.clock = clock
        self._readers = ThreadPoolExecutor(config.work.readers, "reader")
        self._paused: dict[str, Pause] = {}
        self._health = health or Health(store, clock)
        self._keeper = keeper
        self._directories = directories
        #: Sources that were read since the start: our user may do that.
        self._proven: set[str] = set()

    def close(self) -> None:
        self._readers.shutdown(wait=True)
        try:
            self.pipeline.grouping.keep(self.store, self.clock(), every=1)
        except StoreUnavailable as err:
            _log.warning("stop.database", error=str(err))

    def run_once(self) -> int:
        """Handle one batch; return how many deliveries were taken."""
        now = self.clock()
        self.pipeline.renew(now)
        work = self.config.work
        with self.store.write() as connection:
            batch = deliveries.claim(
                connection, self.holder, now, work.lease, work.batch
            )
        if not batch:
            return 0
        todo, ended = self._parse(batch)
        self._read(todo)
        self.pipeline.grouping.prepare(self.store, self.clock())
        self._settle(todo, ended)
        self.pipeline.grouping.keep(self.store, self.clock())
        return len(batch)

    # -- what deliveries say --

    def _parse(self, batch: list[Delivery]) -> tuple[list[Work], list[Ended]]:
        todo: dict[tuple[EventKind, TicketRef], Work] = {}
        ended: list[Ended] = []
        for delivery in batch:
            events, failure = self._events(delivery)
            if failure:
                ended.append(Ended(delivery, DeliveryState.PARKED, failure))
                continue
            useful = [e for e in events if e.kind is not EventKind.IGNORED]
            if not useful:
                reason = "; ".join(e.reason for e in events) or "nothing for us"
                ended.append(Ended(delivery, DeliveryState.IGNORED, reason))
            if any(not _is_id(event.external_id) for event in useful):
                ended.append(
                    Ended(delivery, DeliveryState.PARKED, "it names no usable id")
                )
                continue
            for event in useful:
                ref = TicketRef(event.source, event.external_id)
                entry = todo.setdefault((event.kind, ref), Work(event.kind, ref))
                entry.deliveries.append(delivery)
        return list(todo.values()), ended

    def _events(self, delivery: Delivery) -> tuple[tuple[TicketEvent, ...], str]:
        adapter = self.adapters.get(delivery.source)
        if adapter is None:
            return (), f"the configuration has no source {delivery.source!r} any more"
        try:
            if REFRESH in delivery.headers:
                said = json.loads(delivery.body)
                kind = EventKind(said["kind"])
                return (TicketEvent(kind, delivery.source, said["id"]),), ""
            return adapter.parse(delivery), ""
        except MalformedPayload as err:
            return (), f"cannot be read: {err}"
        except Exception as err:
            # One strange delivery must not stop the others; a person looks at it.
            _log.exception("inbox.parse_failed", delivery=delivery.id)
            return (), f"cannot be read: {type(err).__name__} in the adapter"

    # -- how things stand --

    def _read(self, todo: list[Work]) -> None:
        refs = [w.ref for w in todo if w.kind is EventKind.TICKET_CHANGED]
        if refs:
            with self.store.read() as connection:
                versions = tickets.versions(connection, refs)
                gone = tickets.erased(connection, refs)
            for entry in todo:
                entry.version = versions.get(entry.ref, 0)
                entry.erased_until = gone.get(entry.ref)
        if len(todo) == 1:
            self._read_one(todo[0])
        else:
            list(self._readers.map(self._read_one, todo))

    def _read_one(self, entry: Work) -> None:
        adapter = self.adapters[entry.ref.source]
        pause = self._paused.get(entry.ref.source)
        if pause is not None and pause.until > self.clock():
            entry.error = pause.error
            entry.due_at = pause.until
            return
        try:
            shut = self._health.enter(entry.ref.source, Side.READ)
            if shut is not None:
                entry.error = VendorError(shut.words)
                entry.due_at = shut.probe_at
                return
            entry.read_at = self.clock()
            with turn(self._keeper, Priority.REFRESH):
                self._read_from(adapter, entry)
        except TicketMerged as err:
            entry.merged_into = err.into
        except NotFound as err:
            entry.gone = str(err)
        except VendorError as err:
            if self._is_hidden(entry, err):
                entry.gone = str(err)
                return
            entry.error = err
            entry.due_at = self._look_after(entry, err, adapter)
            if entry.due_at is None and err.retry and err.status is None:
                # No answer at all: the rest of this batch is not to wait for a
                # timeout each, while other sources wait with it.
                until = self.clock() + self.config.work.backoff
                self._paused[entry.ref.source] = Pause(until, err)
        except StoreUnavailable:
            raise  # nothing was learned about the ticket; all of it waits
        except Exception as err:
            _log.exception("inbox.read_failed", ref=str(entry.ref))
            entry.error = VendorError(f"{type(err).__name__} while reading it")
        if entry.was_answered:
            self._proven.add(entry.ref.source)
            self._health.answered(entry.ref.source, Side.READ)

    def _is_hidden(self, entry: Work, err: VendorError) -> bool:
        """Tell whether this one issue is closed to us, and not the whole tracker."""
        is_issue = entry.kind is EventKind.ISSUE_CHANGED
        return is_issue and is_denial(err) and entry.ref.source in self._proven

    def _look_after(
        self, entry: Work, err: VendorError, adapter: Adapter
    ) -> datetime | None:
        """Take note of what an error says of the source; return how long that lasts."""
        source = entry.ref.source
        shut = self._health.troubled(source, Side.READ, err, str(entry.ref), adapter)
        if shut is None and is_denial(err) and source not in self._proven:
            shut = self._health.refused(source, Side.READ, err)
        if shut is not None:
            return shut.probe_at
        if not isinstance(err, VendorBusy):
            return None
        until = self.clock() + wait_for(err)
        if err.whole_source or isinstance(err, BudgetSpent):
            # Nothing else of this source is asked until then, by any thread.
            self._paused[source] = Pause(until, err)
        return until

    def _read_from(self, adapter: Adapter, entry: Work) -> None:
        if entry.kind is EventKind.TICKET_CHANGED:
            if not isinstance(adapter, Helpdesk):
                raise VendorError(f"{entry.ref.source} has no tickets")
            entry.parcel = self._unpack(adapter, entry)
            ticket = (
                entry.parcel.ticket
                if entry.parcel
                else adapter.fetch_ticket(entry.ref.external_id)
            )
            ticket = dating.dated(self.store, ticket)
            left = erased.left_of(ticket, entry.erased_until)
            if left is None:
                entry.silent = ticket
            else:
                judged = judge_ticket(left, self.pipeline.book.judge)
                looked = self._directories.look_up(left) if self._directories else ()
                entry.judged = replace(judged, looked=looked)
        else:
            if not isinstance(adapter, Tracker):
                raise VendorError(f"{entry.ref.source} has no issues")
            if self._is_known_issue(entry.ref):
                entry.issue = adapter.fetch_issue(entry.ref.external_id)

    def _unpack(self, adapter: Adapter, entry: Work) -> carrying.Parcel | None:
        if not isinstance(adapter, Carrier):
            return None
        theirs = [one for one in entry.deliveries if REFRESH not in one.headers]
        with self.store.read() as connection:
            return carrying.newest(connection, adapter, entry.ref, theirs)

    def _is_known_issue(self, ref: TicketRef) -> bool:
        # Trackers tell us of every issue there is; only ours are worth a call.
        with self.store.read() as connection:
            return groups.is_known_issue(connection, ref.source, ref.external_id)

    # -- what follows --

    def _settle(self, todo: list[Work], ended: list[Ended]) -> None:
        """Decide everything in one transaction, or one by one if that cannot be."""
        try:
            self._commit(todo, ended)
            return
        except StoreUnavailable:
            self.pipeline.grouping.reset()
            raise
        except Exception:
            _log.exception("inbox.batch_failed", size=len(todo))
            self.pipeline.grouping.reset()
        verdict = Outcomes()
        for entry in todo:
            try:
                self.pipeline.grouping.prepare(self.store, self.clock())
                with self.store.write(wake="outbox") as connection:
                    self._decide_in(connection, [entry], verdict)
            except StoreUnavailable:
                self.pipeline.grouping.reset()
                raise
            except Exception:
                # This one is to blame; a person looks at it, and the rest goes on.
                _log.exception("inbox.decide_failed", ref=str(entry.ref))
                self.pipeline.grouping.reset()
                verdict.end(entry, DeliveryState.PARKED, UNDECIDED)
        with self.store.write() as connection:
            self._finish(connection, ended, verdict)

    def _commit(self, todo: list[Work], ended: list[Ended]) -> None:
        verdict = Outcomes()
        with self.store.write(wake="outbox") as connection:
            self._decide_in(connection, todo, verdict)
            self._finish(connection, ended, verdict)

    def _decide_in(
        self, connection: Connection, todo: list[Work], verdict: Outcomes
    ) -> None:
        now = self.clock()
        self.pipeline.grouping.sync(connection, now)
        refs = [w.ref for w in todo if w.judged is not None]
        # Nobody else decides while this transaction lasts, so they are read once.
        versions = tickets.versions(connection, refs) if refs else {}
        fresh = [
            entry.judged
            for entry in todo
            if entry.judged and versions.get(entry.ref, 0) == entry.version
        ]
        batch = self.pipeline.open(connection, fresh, now)
        for entry in todo:
            if entry.error is not None:
                self._failed(connection, entry, entry.error, verdict, now)
            elif entry.judged and versions.get(entry.ref, 0) != entry.version:
                # Decided meanwhile on a newer reading, or our own write finished:
                # this one is too old to conclude anything from.
                verdict.wait(entry, Later("read again: the reading was too old", now))
            else:
                verdict.end(entry, *self._decide(connection, batch, entry, now))
                if entry.silent is not None:
                    verdict.erased |= set(entry.ids)
        batch.write(connection)

    def _finish(
        self, connection: Connection, ended: list[Ended], verdict: Outcomes
    ) -> None:
        """End, or give back, each delivery by the weightiest of its outcomes."""
        now = self.clock()
        ends = {one.delivery.id: (one.state, one.reason) for one in ended}
        ends |= verdict.ends
        for delivery_id, wait in verdict.waits.items():
            ends.pop(delivery_id, None)
            deliveries.postpone(connection, [delivery_id], self.holder, *wait)
        by_end: dict[tuple[DeliveryState, str], list[int]] = {}
        for delivery_id, end in ends.items():
            by_end.setdefault(end, []).append(delivery_id)
        for (state, reason), ids in by_end.items():
            deliveries.finish(connection, ids, self.holder, state, reason, now)
        if told := verdict.erased - set(verdict.waits):
            deliveries.empty(connection, told)

    def _decide(
        self, connection: Connection, batch: Batch, entry: Work, now: datetime
    ) -> tuple[DeliveryState, str]:
        """Draw the conclusion of one reading."""
        reason = ""
        if entry.judged is not None:
            self.pipeline.decide(connection, batch, entry.judged, entry.ids[-1], now)
            if entry.parcel is not None:
                carrying.keep(connection, entry.parcel)
        elif entry.silent is not None:
            erased.note(connection, entry.silent)
            reason = "its customer was erased, and has written nothing since"
        elif entry.issue is not None:
            reason = originals.issue_read(
                connection, self.config, entry.issue, entry.read_at, now
            )
        elif entry.merged_into:
            into = entry.merged_into
            self.pipeline.merged(connection, batch, entry.ref, into, now)
            reason = f"merged into {entry.merged_into}"
            if not self._follow(connection, entry, now):
                return DeliveryState.PARKED, f"{reason}, and so on in a circle"
        elif entry.gone and entry.kind is EventKind.TICKET_CHANGED:
            self.pipeline.gone(connection, entry.ref, now)
            reason = entry.gone
        elif entry.gone:
            ref = IssueRef(*entry.ref, key="", url="")
            reason = originals.gone(connection, self.config, ref, now)
        else:
            return DeliveryState.IGNORED, "not an issue of ours"
        return DeliveryState.HANDLED, reason

    def _follow(self, connection: Connection, entry: Work, now: datetime) -> bool:
        """Ask for the ticket it was merged into; False after too many such steps."""
        steps = 1 + max(
            int(delivery.headers.get(STEPS, 0)) for delivery in entry.deliveries
        )
        if steps > MERGES_FOLLOWED:
            return False
        target = (EventKind.TICKET_CHANGED, entry.ref.source, entry.merged_into)
        deliveries.accept(connection, refresh_rows([target], now, steps))
        return True

    def _failed(
        self,
        connection: Connection,
        entry: Work,
        error: VendorError,
        verdict: Outcomes,
        now: datetime,
    ) -> None:
        """Decide what becomes of deliveries whose ticket or issue was not readable."""
        if entry.due_at is not None:  # the vendor said when, or lets nobody in
            verdict.wait(entry, Later(str(error), max(entry.due_at, now)))
            return
        attempts = max(delivery.attempts for delivery in entry.deliveries)
        if error.retry and attempts < self.config.work.attempts:
            due = next_try(self.config.work, attempts, now, error.retry_after)
            verdict.wait(entry, Later(str(error), due, is_attempt=True))
        else:
            verdict.end(entry, DeliveryState.PARKED, str(error))


def _is_id(external_id: str) -> bool:
    return 0 < len(external_id) <= LONGEST_ID and external_id.isprintable()
