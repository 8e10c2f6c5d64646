"""From a row of the outbox to a vendor's answer. The only place that writes outside.

One sender per source at a time, in all processes together: rate budgets and
read-merge-write updates need that. A sender that dies leaves rows behind that may or
may not have been carried out; each is looked for by its mark before it is made again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from adapters import pace
from adapters.base import Adapter, Helpdesk, IssueLinker, Shower, Tracker
from adapters.pace import Pace, Priority
from connector import escalation
from connector.backoff import next_try, wait_for
from connector.config import Config
from connector.errors import (
    BudgetSpent,
    NotFound,
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
from connector.metrics import CALLS, LOOPS
from connector.models import (
    Block,
    BlockKind,
    GroupState,
    IssueChange,
    IssueDraft,
    IssueRef,
    Message,
    Mode,
    Note,
    Operation,
    OutboxState,
    TicketLink,
    TicketStatus,
    Written,
)
from connector.store import Store, dialects, groups, locks, tickets
from connector.store import outbox as rows
from connector.store.schema import AnyRow
from connector.store.tickets import TagState

_log = structlog.get_logger(__name__)

CLAIMED_AT_ONCE = 8
STOP = "stop"  #: name of the fact that stops all writing

#: Housekeeping on what is gone is not worth a person's time.
DROPPED_BY = {
    Operation.CHANGE_TAGS: (TicketGone, TicketLocked),
    Operation.ADD_NOTE: (TicketGone, TicketLocked),
    Operation.SHOW_ISSUE: (NotFound, TicketLocked),
    Operation.LINK_ISSUES: (NotFound,),
}

#: The time in which writes to one ticket are counted.
LOOP_WINDOW = timedelta(minutes=10)

#: Tickets in these states are written nothing at all.
UNWRITTEN = (TicketStatus.SPAM, TicketStatus.DELETED)


#: How urgent the calls are that a write takes.
URGENCY = {
    Operation.SEND_MESSAGE: Priority.MESSAGE,
    Operation.CREATE_ISSUE: Priority.TAG,
    Operation.REOPEN_ISSUE: Priority.TAG,
    Operation.CHANGE_TAGS: Priority.TAG,
}


class StillLooking(VendorError):
    """A write may have happened; the vendor may not show it yet."""

    retry = True
    whole_source = True  # as far as counting tries goes: this is not one

    def __init__(self, until: datetime) -> None:
        super().__init__("waiting until the vendor would show it, had it been done")
        self.until = until


class LoopSuspected(Exception):
    """A ticket was written to so often that somebody's rules may be answering ours.

    ``is_news``: nothing to this ticket waits for a person because of that yet.
    """

    def __init__(self, why: str, is_news: bool) -> None:
        super().__init__(why)
        self.is_news = is_news


class Withdrawn(Exception):
    """At the moment of doing it, it is not wanted any more."""

    def __init__(self, state: OutboxState, why: str) -> None:
        super().__init__(why)
        self.state = state


class Sender:
    """Delivers one source's rows. ``run_once`` does a batch and tells how many."""

    def __init__(
        self,
        store: Store,
        adapter: Adapter,
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
        self._slowed: tuple[Priority, datetime] | None = None
        self._proven: set[Operation] = set()  # what our user was seen to be allowed
        self._heartbeat = threading.Lock()

    def run_once(self) -> int:
        """Deliver what is due, if this process is the one to do so."""
        now = self.clock()
        if self._has_to_wait() or not self._acquire() or self._is_stopped():
            return 0
        try:
            with self.store.write() as connection:
                claimed = rows.claim(
                    connection,
                    self.source,
                    self.holder,
                    now,
                    CLAIMED_AT_ONCE,
                    self._left_out(),
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
            if not self._may_go_on(row) or self._is_stopped():
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
        """Return which writes are not urgent enough for what the budget has left."""
        if self._slowed is None or self.clock() >= self._slowed[1]:
            return ()
        least = self._slowed[0]
        return tuple(one for one in Operation if _urgency(one) >= least)

    def _is_stopped(self) -> bool:
        if self.config.autonomy.stop:
            return True
        with self.store.read() as connection:
            return STOP in locks.all_facts(connection)

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
                    freed = rows.take_back(connection, self.source, self.clock())
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
            rows.give_back(
                connection, [row.id for row in left], self.holder, self.clock()
            )

    def _deliver(self, row: AnyRow) -> None:
        operation = Operation(row.operation)
        try:
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
                result = self._call(operation, row)
            except Withdrawn as err:
                self._withdraw(row, operation, err)
                return str(err.state)
            except LoopSuspected as err:
                self._hold(row, err)
                return "loop"
            except VendorError as err:
                # What failed after a first write was done in part.
                if turn.wrote and not (isinstance(err, StillLooking) or err.repeatable):
                    err.uncertain = True
                self._failed(row, operation, err)
                return type(err).__name__
        self._succeeded(row, operation, result)
        return "done"

    # -- the calls --

    def _call(self, operation: Operation, row: AnyRow) -> dict[str, Any]:
        if operation in _HELPDESK_CALLS:
            if not isinstance(self.adapter, Helpdesk):
                raise VendorRefused(f"{self.source} has no tickets")
            return _HELPDESK_CALLS[operation](self, self.adapter, row)
        if not isinstance(self.adapter, Tracker):
            raise VendorRefused(f"{self.source} takes no issues")
        return _TRACKER_CALLS[operation](self, self.adapter, row)

    def _ensure_wanted(self, row: AnyRow) -> None:
        """Ask again, now that it is about to happen; raise ``Withdrawn`` if not.

        Between the decision and this moment somebody may have changed the mode, marked
        the ticket as spam, or opened the issue again.
        """
        operation = Operation(row.operation)
        if _mode(self.config, operation) is Mode.OBSERVE:
            raise Withdrawn(OutboxState.OBSERVED, "the mode is observe by now")
        if operation is Operation.CREATE_ISSUE:
            self._ensure_still_to_follow(row)
        if operation not in _HELPDESK_CALLS or row.ticket_id is None:
            return
        with self.store.read() as connection:
            self._ensure_no_loop(connection, row)
            ticket = tickets.get(connection, row.ticket_id)
            group = groups.find(connection, row.group_id) if row.group_id else None
        if ticket.status in UNWRITTEN and ticket.merged_into is None:
            raise Withdrawn(OutboxState.DISCARDED, f"the ticket is {ticket.status}")
        if operation is Operation.SEND_MESSAGE and group is not None:
            same = group["episode"] == row.payload["episode"]
            if not same or group["state"] not in (GroupState.FIXED, GroupState.CLOSED):
                raise Withdrawn(OutboxState.DISCARDED, "it is not fixed any more")

    def _ensure_still_to_follow(self, row: AnyRow) -> None:
        follows = row.payload.get("follows")
        if follows is None:
            return
        with self.store.read() as connection:
            group = groups.get(connection, row.group_id)
        if not escalation.is_to_follow(group, follows):
            why = "the issue before it was opened again, or is not followed any more"
            raise Withdrawn(OutboxState.DISCARDED, why)

    def _ensure_no_loop(self, connection: Connection, row: AnyRow) -> None:
        """Raise ``LoopSuspected`` if the ticket had all the writes it may have.

        It holds until a person has dealt with every row that waits because of it; a
        row that a person lets go is let through.
        """
        if row.done_at is not None:  # it was parked, and is tried again
            return
        limit = self.config.work.writes_per_ticket
        since = self.clock() - LOOP_WINDOW
        written = rows.written(connection, row.ticket_id, list(_HELPDESK_CALLS), since)
        is_held = rows.is_held(connection, row.ticket_id)
        if is_held or written >= limit:
            why = (
                f"{rows.HELD}: {limit} writes of ours to this ticket within ten "
                "minutes; look there for a rule that answers them, then retry"
            )
            raise LoopSuspected(why, is_news=not is_held)

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
            ended = rows.finish(
                connection, row.id, self.holder, err.state, now, error=str(err)
            )
            if ended and operation is Operation.CHANGE_TAGS:
                tickets.drop_tags(
                    connection, row.ticket_id, row.payload["add"], TagState.WANTED
                )

    def _change_tags(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        with self.store.read() as connection:
            ledger = tickets.ledger(connection, row.ticket_id)
        # What a person vetoed, or a newer decision took back, is not written any more.
        add = _in_state(ledger, row.payload["add"], TagState.WANTED)
        remove = _in_state(ledger, row.payload["remove"], TagState.UNWANTED)
        if add or remove:
            adapter.change_tags(row.target, add, remove)
        return {"added": sorted(add), "removed": sorted(remove)}

    def _add_note(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        found = self._look(row, adapter.find_mark)
        if found is None:
            self._ensure_wanted(row)
            found = adapter.add_note(
                row.target, Note(text=row.payload["text"], mark=row.mark)
            )
        return _written(found)

    def _send_message(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        found = self._look(row, adapter.find_mark)
        if found is None:
            self._ensure_wanted(row)
            suggested = self.config.autonomy.messages is Mode.SUGGEST
            message = Message(
                text=row.payload["text"],
                mark=row.mark,
                draft=row.payload["draft"] or suggested,
                language=row.payload["language"],
            )
            found = adapter.send_message(row.target, message)
        return _written(found)

    def _create_issue(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        ref = adapter.find_issue(row.payload["project"], row.mark)
        if ref is None:
            self._ensure_looked(row, self.config.problems.search_lag)
            self._ensure_wanted(row)
            ref = adapter.create_issue(_issue_draft(row))
        return {"id": ref.external_id, "key": ref.key, "url": ref.url}

    def _look(
        self, row: AnyRow, find: Callable[[str, str], Written | None]
    ) -> Written | None:
        """Find what an earlier try of this row may have written."""
        if row.uncertain_since is None:
            return None
        found = find(row.target, row.mark)
        if found is None:
            self._ensure_looked(row, self.config.work.lost_answer)
        return found

    def _ensure_looked(self, row: AnyRow, lag: timedelta) -> None:
        """Raise ``StillLooking`` while an earlier try may yet show up.

        Look often at first, then less; the last look is when it would be there.
        """
        if row.uncertain_since is None:
            return
        now, until = self.clock(), row.uncertain_since + lag
        if now < until:
            waited: timedelta = now - row.uncertain_since
            raise StillLooking(min(until, now + max(waited, self.config.work.backoff)))

    def _update_issue(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        adapter.update_issue(
            row.target,
            IssueChange(
                properties=row.payload["properties"], fields=row.payload["fields"]
            ),
        )
        return {}

    def _comment_issue(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        found = self._look(row, adapter.find_comment)
        if found is None:
            self._ensure_wanted(row)
            body = _blocks(row.payload["body"])
            found = adapter.comment_issue(row.target, body, row.mark)
        return _written(found)

    def _reopen_issue(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        return {"moved": adapter.reopen_issue(row.target)}

    def _link_ticket(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        adapter.link_ticket(row.target, TicketLink(**row.payload))
        return {}

    def _link_issues(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        if not isinstance(adapter, IssueLinker):
            raise VendorRefused(f"{self.source} links no issues")
        adapter.link_issues(row.target, row.payload["other"])
        return {}

    def _show_issue(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        if not isinstance(adapter, Shower):
            raise TakesNoWrites(f"{self.source} shows no issues")
        adapter.show_issue(row.target, IssueRef(**row.payload))
        return {}

    # -- the outcomes --

    def _succeeded(
        self, row: AnyRow, operation: Operation, result: dict[str, Any]
    ) -> None:
        now = self.clock()
        with self.store.write(wake=rows.WAKE) as connection:
            dialects.serialise(connection, dialects.GROUPING_LOCK)
            if not rows.finish(
                connection, row.id, self.holder, OutboxState.DONE, now, result=result
            ):
                return  # taken over meanwhile; the other sender finds what was done
            self._record(connection, row, operation, result, now)
        if result.get("added") != [] or result.get("removed") != []:
            self._proven.add(operation)
            self._health.answered(self.source, Side.WRITE)

    def _record(
        self,
        connection: Connection,
        row: AnyRow,
        operation: Operation,
        result: dict[str, Any],
        now: datetime,
    ) -> None:
        """Write down what the vendor's answer makes true."""
        if operation is Operation.CHANGE_TAGS:
            tickets.set_tags(
                connection,
                row.ticket_id,
                result["added"],
                TagState.WANTED,
                TagState.WRITTEN,
                now,
            )
            tickets.drop_tags(
                connection, row.ticket_id, result["removed"], TagState.UNWANTED
            )
            # A reading from before this write must not look like a person's removal.
            tickets.touch(connection, row.ticket_id)
        elif operation is Operation.CREATE_ISSUE:
            ref = IssueRef(self.source, result["id"], result["key"], result["url"])
            follows = row.payload.get("follows")
            escalation.issue_created(
                connection, self.config, row.group_id, ref, now, follows
            )
        elif operation is Operation.REOPEN_ISSUE:
            escalation.reopen_done(
                connection,
                self.config,
                row.group_id,
                row.target,
                result["moved"],
                now,
                can_link=isinstance(self.adapter, IssueLinker),
            )

    def _failed(self, row: AnyRow, operation: Operation, err: VendorError) -> None:
        now = self.clock()
        shut = self._look_after(row, operation, err)
        if isinstance(err, TicketMerged) and row.attempts < self.config.work.attempts:
            due = now if row.attempts < 3 else next_try(self.config.work, 3, now)
            self._later(row, err, due, target=err.into)
        elif isinstance(err, StillLooking):
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
        if isinstance(err, StillLooking):
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
            rows.postpone(
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
            rows.park(connection, row.id, self.holder, self.clock(), why, since)

    def _uncertain_since(self, row: AnyRow, uncertain: bool) -> datetime | None:
        # The newest try counts: the search has to be given time to show that one.
        return self.clock() if uncertain else row.uncertain_since


_HELPDESK_CALLS: Mapping[
    Operation, Callable[[Sender, Helpdesk, AnyRow], dict[str, Any]]
] = {
    Operation.CHANGE_TAGS: Sender._change_tags,
    Operation.ADD_NOTE: Sender._add_note,
    Operation.SEND_MESSAGE: Sender._send_message,
    Operation.SHOW_ISSUE: Sender._show_issue,
}
_TRACKER_CALLS: Mapping[
    Operation, Callable[[Sender, Tracker, AnyRow], dict[str, Any]]
] = {
    Operation.CREATE_ISSUE: Sender._create_issue,
    Operation.UPDATE_ISSUE: Sender._update_issue,
    Operation.COMMENT_ISSUE: Sender._comment_issue,
    Operation.REOPEN_ISSUE: Sender._reopen_issue,
    Operation.LINK_TICKET: Sender._link_ticket,
    Operation.LINK_ISSUES: Sender._link_issues,
}


def _urgency(operation: Operation) -> Priority:
    return URGENCY.get(operation, Priority.NOTE)


def _mode(config: Config, operation: Operation) -> Mode:
    """Return how far the connector goes with this kind of write."""
    if operation is Operation.CHANGE_TAGS:
        return config.autonomy.tags
    if operation in (Operation.ADD_NOTE, Operation.SHOW_ISSUE):
        return config.autonomy.notes
    if operation is Operation.SEND_MESSAGE:
        return config.autonomy.messages
    return config.autonomy.issues


def _written(written: Written) -> dict[str, Any]:
    return {
        "id": written.external_id,
        "ticket": written.ticket.external_id if written.ticket else None,
    }


def _in_state(
    ledger: Mapping[str, AnyRow], tags: list[str], state: TagState
) -> frozenset[str]:
    return frozenset(
        tag for tag in tags if tag in ledger and ledger[tag].state == state
    )


def _blocks(stored: list[list[str]]) -> tuple[Block, ...]:
    return tuple(Block(BlockKind(kind), text, href) for kind, text, href in stored)


def _issue_draft(row: AnyRow) -> IssueDraft:
    said = row.payload
    return IssueDraft(
        project=said["project"],
        issue_type=said["issue_type"],
        summary=said["summary"],
        description=_blocks(said["description"]),
        mark=row.mark,
        labels=tuple(said["labels"]),
        properties=said["properties"],
        fields=said["fields"],
    )
