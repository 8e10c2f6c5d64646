"""From a row of the outbox to its end: when it is due, and what an answer means for it.

One sender per source at a time, in all processes together: rate budgets and
read-merge-write updates need that. A sender that dies leaves rows behind that may or
may not have been carried out; each is looked for by its mark before it is made again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from adapters import pace
from adapters.base import Party
from adapters.pace import Pace, Priority
from connector.answers import Answer, record
from connector.backoff import next_try, wait_for
from connector.config import Config
from connector.effects import Effects
from connector.errors import (
    BudgetSpent,
    NotFound,
    NotYet,
    StoreUnavailable,
    TakesNoWrites,
    TicketGone,
    TicketLocked,
    TicketMerged,
    VendorBusy,
    VendorError,
    VendorRefused,
)
from connector.health import Health, Shut, Side, is_denial
from connector.metrics import CALL_SECONDS, CALLS, LOOPS
from connector.models import (
    Operation,
    OutboxState,
    Topic,
)
from connector.store import Store, dialects, fields, locks, sending, tickets
from connector.store.outbox import WAKE
from connector.store.schema import AnyRow
from connector.store.tickets import TagState
from connector.wanted import LoopSuspected, Withdrawn

_log = structlog.get_logger(__name__)

CLAIMED_AT_ONCE = 8

#: What is written even then: it keeps something from being sent.
ALLOWED_IN_STOP = (Operation.UNPLAN_MESSAGE,)

#: Housekeeping on what is gone is not worth a person's time.
DROPPED_BY = {
    Operation.CHANGE_TAGS: (TicketGone, TicketLocked),
    Operation.CHANGE_FIELDS: (TicketGone, TicketLocked),
    Operation.ADD_NOTE: (TicketGone, TicketLocked),
    Operation.UNPLAN_MESSAGE: (TicketGone, TicketLocked),
    Operation.HASTEN: (TicketGone, TicketLocked),
    Operation.ROUTE: (TicketGone, TicketLocked),
    Operation.SHOW_ISSUE: (NotFound, TicketLocked),
    Operation.ADD_INCIDENT: (NotFound, TicketLocked),
    Operation.LINK_ISSUES: (NotFound,),
    Operation.RAISE_PRIORITY: (NotFound,),
    Operation.ADD_WATCHER: (VendorRefused,),
}

#: How urgent the calls are that a write takes.
URGENCY = {
    Operation.SEND_MESSAGE: Priority.MESSAGE,
    Operation.UNPLAN_MESSAGE: Priority.MESSAGE,
    Operation.NOTIFY: Priority.MESSAGE,
    Operation.CREATE_ISSUE: Priority.TAG,
    Operation.REOPEN_ISSUE: Priority.TAG,
    Operation.CHANGE_TAGS: Priority.TAG,
    Operation.CHANGE_FIELDS: Priority.TAG,
    Operation.HASTEN: Priority.TAG,
    Operation.ROUTE: Priority.TAG,
}


class Sender:
    """Delivers one source's rows. ``run_once`` does a batch and tells how many."""

    def __init__(
        self,
        store: Store,
        adapter: Party,
        config: Config,
        holder: str,
        clock: Callable[[], datetime],
        lease_clock: Callable[[], datetime] | None = None,
        health: Health | None = None,
        keeper: Pace | None = None,
    ) -> None:
        self.store = store
        self.adapter = adapter
        self.config = config
        self.holder = holder
        self.clock = clock
        self._lease_clock = lease_clock  # None: the database's own
        self.source = adapter.name
        self._lock_name = f"sender:{adapter.name}"
        self._held_until = 0.0  # of time.monotonic
        self._paused_until: datetime | None = None
        self._health = health or Health(store, clock)
        self._keeper = keeper
        self.effects = Effects(store, adapter, config, clock)
        self._slowed: tuple[Priority, datetime] | None = None
        self._proven: set[Operation] = set()  # what our user was seen to be allowed
        self._heartbeat = threading.Lock()

    def run_once(self) -> int:
        """Deliver what is due, if this process is the one to do so."""
        now = self.clock()
        if self._has_to_wait() or not self._acquire():
            return 0
        left_out = self._left_out()
        try:
            with self.store.write() as connection:
                claimed = sending.claim(
                    connection,
                    self.source,
                    self.holder,
                    now,
                    CLAIMED_AT_ONCE,
                    left_out,
                )
            self._deliver_all(claimed)
        except BaseException:
            # Rows may be left behind as if this process had died; taking the lease
            # anew frees them.
            self._held_until = 0.0
            raise
        return len(claimed)

    def _deliver_all(self, claimed: list[AnyRow]) -> None:
        for position, row in enumerate(claimed):
            if not self._may_go_on(row):
                self._give_back(claimed[position:])
                return
            self._deliver(row)

    def _has_to_wait(self) -> bool:
        return self._is_paused() or self._health.is_shut(self.source, Side.WRITE)

    def _may_go_on(self, row: AnyRow) -> bool:
        if not self._is_held() or self._is_paused():
            return False
        if Operation(row.operation) in self._left_out():
            return False
        # Last, because it may be the one try that others leave to us.
        return self._health.enter(self.source, Side.WRITE) is None

    def _left_out(self) -> tuple[Operation, ...]:
        """Return which writes have to wait.

        That is all of them while everything is stopped, but for what takes back what
        would still be sent; and what is not urgent enough for the rest of the budget.
        """
        if self._is_stopped():
            return tuple(one for one in Operation if one not in ALLOWED_IN_STOP)
        if self._slowed is None or self.clock() >= self._slowed[1]:
            return ()
        least = self._slowed[0]
        return tuple(one for one in Operation if _urgency(one) >= least)

    def _is_stopped(self) -> bool:
        if self.config.autonomy.stop:
            return True
        with self.store.read() as connection:
            return locks.is_stopped(connection)

    def renew(self) -> None:
        """Keep the lease while a call takes long; called by the heartbeat."""
        if self._is_held():
            self._acquire()

    def close(self) -> None:
        """Let another process take over at once."""
        if self._is_held():
            with self.store.write() as connection:
                locks.release(connection, self._lock_name, self.holder)
            self._held_until = 0.0

    def _acquire(self) -> bool:
        lease = self.config.work.lease
        with self._heartbeat:
            started = time.monotonic()
            held_before = self._is_held()
            if held_before and self._held_until - started > lease.total_seconds() / 2:
                return True
            moment = self._lease_clock() if self._lease_clock else None
            with self.store.write() as connection:
                held = locks.acquire(
                    connection, self._lock_name, self.holder, moment, lease
                )
                if held and not held_before:
                    self._proven.clear()
                    freed = sending.take_back(connection, self.source, self.clock())
                    if freed:
                        _log.warning("outbox.taken_back", source=self.source, n=freed)
            self._held_until = started + lease.total_seconds() if held else 0.0
            return held

    def _is_held(self) -> bool:
        return time.monotonic() < self._held_until

    def _is_paused(self) -> bool:
        return self._paused_until is not None and self.clock() < self._paused_until

    def _give_back(self, left: list[AnyRow]) -> None:
        with self.store.write() as connection:
            sending.give_back(
                connection, [row.id for row in left], self.holder, self.clock()
            )

    def _deliver(self, row: AnyRow) -> None:
        operation = Operation(row.operation)
        try:
            with CALL_SECONDS.labels(self.source).time():
                outcome = self._try(row, operation)
        except StoreUnavailable:
            raise
        except Exception as err:
            outcome = type(err).__name__
            _log.exception("outbox.failed", row=row.id, operation=operation)
            # What it did before it broke is not known; a person decides.
            self._park(row, f"{outcome} in the connector", uncertain=True)
        CALLS.labels(self.source, operation, outcome).inc()

    def _try(self, row: AnyRow, operation: Operation) -> str:
        """Make the call and record what came of it, which is returned in a word."""
        with pace.turn(self._keeper, _urgency(operation)) as turn:
            try:
                result = self.effects.call(operation, row)
            except Withdrawn as err:
                self._withdraw(row, operation, err)
                return str(err.state)
            except LoopSuspected as err:
                self._hold(row, err)
                return "loop"
            except VendorError as err:
                # What failed after a first write was done in part.
                if turn.wrote and not (isinstance(err, NotYet) or err.repeatable):
                    err.uncertain = True
                self._failed(row, operation, err)
                return type(err).__name__
        self._succeeded(row, operation, result)
        return "done"

    def _hold(self, row: AnyRow, err: LoopSuspected) -> None:
        """Park what may be part of a loop; tell of the first row of each ticket."""
        self._health.untried(self.source, Side.WRITE)
        if err.is_news:
            LOOPS.labels(self.source).inc()
            _log.warning("outbox.loop", source=self.source, ticket=row.target)
        self._park(row, str(err), uncertain=False)

    def _withdraw(self, row: AnyRow, operation: Operation, err: Withdrawn) -> None:
        now = self.clock()
        self._health.untried(self.source, Side.WRITE)
        with self.store.write() as connection:
            ended = sending.finish(
                connection, row.id, self.holder, err.state, now, error=str(err)
            )
            if ended and operation is Operation.CHANGE_TAGS:
                add, remove = row.payload["add"], row.payload["remove"]
                tickets.drop_tags(connection, row.ticket_id, add, *tickets.TO_ADD)
                gone = TagState.DROPPED, TagState.VETOED
                tickets.set_tags(connection, row.ticket_id, remove, *gone, now)
            elif ended and operation is Operation.CHANGE_FIELDS:
                topics = [Topic(topic) for topic in row.payload["fields"]]
                fields.give_up(connection, row.ticket_id, topics)

    def _succeeded(
        self, row: AnyRow, operation: Operation, result: dict[str, Any]
    ) -> None:
        now = self.clock()
        with self.store.write(wake=WAKE) as connection:
            dialects.serialise(connection, dialects.GROUPING_LOCK)
            if not sending.finish(
                connection, row.id, self.holder, OutboxState.DONE, now, result=result
            ):
                return  # taken over meanwhile; the other sender finds what was done
            answer = Answer(connection, self.config, self.adapter, row, result, now)
            record(operation, answer)
        if result.get("added") != [] or result.get("removed") != []:
            self._proven.add(operation)
            self._health.answered(self.source, Side.WRITE)

    def _failed(self, row: AnyRow, operation: Operation, err: VendorError) -> None:
        now = self.clock()
        shut = self._look_after(row, operation, err)
        if isinstance(err, TicketMerged) and row.attempts < self.config.work.attempts:
            due = now if row.attempts < 3 else next_try(self.config.work, 3, now)
            self._later(row, err, due, target=err.into)
        elif isinstance(err, NotYet):
            self._later(row, err, err.until)
        elif isinstance(err, DROPPED_BY.get(operation, ())):
            self._withdraw(row, operation, Withdrawn(OutboxState.DISCARDED, str(err)))
        elif isinstance(err, TakesNoWrites):
            self._withdraw(row, operation, Withdrawn(OutboxState.OBSERVED, str(err)))
        elif shut is not None:
            # The next try is another row's, so that none of them bars the way.
            due = max(shut.probe_at + self.config.work.backoff, now)
            self._later(row, err, due, is_attempt=False)
        elif isinstance(err, VendorBusy):
            until = now + wait_for(err)
            if isinstance(err, BudgetSpent):
                if not err.is_narrow:
                    self._slowed = _urgency(operation), until
            elif err.whole_source:  # some limits are of one issue or ticket only
                self._pause(until)
            self._later(row, err, until, is_attempt=False)
        elif err.retry and row.attempts < self.config.work.attempts:
            due = next_try(self.config.work, row.attempts, now, err.retry_after)
            self._later(row, err, due)
        else:
            self._park(row, str(err), err.uncertain)

    def _look_after(
        self, row: AnyRow, operation: Operation, err: VendorError
    ) -> Shut | None:
        """Take note of what an error says of the source, beside what of the row."""
        if isinstance(err, NotYet):
            return None
        shut = self._health.troubled(
            self.source, Side.WRITE, err, str(row.id), self.adapter
        )
        if shut is None and is_denial(err) and operation not in self._proven:
            shut = self._health.refused(self.source, Side.WRITE, err)
        return shut

    def _pause(self, until: datetime) -> None:
        self._paused_until = until

    def _later(
        self,
        row: AnyRow,
        err: VendorError,
        due_at: datetime,
        target: str | None = None,
        is_attempt: bool = True,
    ) -> None:
        # A vendor that lets nobody in says nothing about the row.
        counts = is_attempt and not err.whole_source
        attempts = row.attempts if counts else row.attempts - 1
        since = self._uncertain_since(row, err.uncertain)
        with self.store.write() as connection:
            sending.postpone(
                connection,
                row.id,
                self.holder,
                due_at,
                str(err),
                attempts,
                since,
                target,
            )

    def _park(self, row: AnyRow, why: str, uncertain: bool) -> None:
        since = self._uncertain_since(row, uncertain)
        with self.store.write() as connection:
            sending.park(connection, row.id, self.holder, self.clock(), why, since)

    def _uncertain_since(self, row: AnyRow, uncertain: bool) -> datetime | None:
        # The newest try counts: the search has to be given time to show that one.
        return self.clock() if uncertain else row.uncertain_since


def _urgency(operation: Operation) -> Priority:
    return URGENCY.get(operation, Priority.NOTE)
