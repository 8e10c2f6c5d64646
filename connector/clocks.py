"""Promises to who complained: what runs for a ticket, what met it, who is told.

A matter begins with the customer's first words of it that nobody answered, and ends
when the ticket is solved; a complaint after that is another one. While a ticket waits
for its customer clocks run on: it is the house that asked. What is late, and how late,
is told by the scheduler's time; the tag and the note follow when the ticket is decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from connector import notices, replies
from connector.case import Case
from connector.config import Config
from connector.models import Block, BlockKind, EventKind, Mode, Operation, TicketStatus
from connector.packs import Met, Pack, Promise
from connector.store import clocks as rows
from connector.store import deliveries
from connector.store.clocks import ClockState
from connector.store.schema import AnyRow
from connector.workdays import Calendar

RULE = "clocks"

#: The strongest emotion there is; who is that angry does not wait a day.
FURIOUS = 3

#: How far a clock has come: 0 nobody was told, 1 people were warned, then the ladder's.
WARNED = 1

GONE = (TicketStatus.SPAM, TicketStatus.DELETED)

#: What is told waits until the tickets were read again: an answer may be there that no
#: webhook told of.
REREAD = timedelta(minutes=1)

#: So many deadlines are named in a notice.
LISTED = 20


def look(case: Case) -> None:
    """Bring a ticket's clocks to where they should be, and write down what runs."""
    pack = case.config.clocks.promises
    if pack is None or not case.config.takes_writes(case.ticket.ref.source):
        return  # what runs from before is dropped when it would be told
    if not case.judged.is_live:
        why = f"the ticket is {case.ticket.status}"
        rows.drop(case.connection, case.ticket_id, why, case.now)
        return
    known = _follow(case, pack)
    began = _began(case, pack, known)
    if began is not None and _start_missing(case, pack, known, began):
        # Some were met before we saw them.
        known = _follow(case, pack)
    case.trace.clocks = [_described(case, pack, row) for row in known if _runs(row)]


def add_note(case: Case) -> None:
    """Ask for the one note of a matter that says what is due soon, or was."""
    warned = [one for one in case.trace.clocks if one["warned"]]
    for wrote_at, found in groupby(warned, key=lambda one: one["since"]):
        lines = [f"{one['title']} due {one['due']}." for one in found]
        case.effect(
            Operation.ADD_NOTE,
            f"note:{case.ticket_id}:due:{wrote_at}",
            {"text": "\n".join(["A deadline is near, or has passed.", *lines])},
            observe=case.config.autonomy.notes is Mode.OBSERVE,
            rule=RULE,
            rule_version="",
            reason="; ".join(lines),
        )


def hasten(case: Case) -> None:
    """Ask for a high priority: for who is not to wait, or when a deadline is near.

    Once for each ticket, ever: what a person makes of it then stands.
    """
    if not case.trace.clocks or not case.config.has_priorities(case.ticket.ref.source):
        return
    near = any(one["warned"] for one in case.trace.clocks)
    if near or is_urgent(case):
        vip = f"VIP by {case.trace.vip}" if case.trace.vip else ""
        case.effect(
            Operation.HASTEN,
            f"hasten:{case.ticket_id}",
            {},
            observe=case.config.autonomy.tags is Mode.OBSERVE,
            rule=RULE,
            rule_version="",
            reason=vip or ("a deadline is near" if near else "the strongest emotion"),
        )


def review(connection: Connection, config: Config, now: datetime) -> int:
    """Tell who has to be told of deadlines, each step once; return how many moved.

    Of steps that nobody was there to take only the last one counts, and what is told
    to a role at once is one notice. May be called as often as one likes.
    """
    moved = rows.due(connection, now)
    told: dict[int, list[AnyRow]] = {}
    refs = []
    for row in moved:
        if why := _against(config, row):
            rows.end(connection, [row.id], ClockState.DROPPED, now, why)
            continue
        step, next_at = _step(_rungs(config, row.kind), row.due_at, now)
        is_over = step > WARNED and _gives_way(config, row.kind)
        if is_over:
            rows.end(connection, [row.id], ClockState.PASSED_ON, row.due_at)
        else:
            rows.move(connection, row.id, row.due_at, step, next_at)
            told.setdefault(step, []).append(row)
        if (is_over or not row.step) and config.takes_writes(row.source):
            refs.append((EventKind.TICKET_CHANGED, row.source, row.external_id))
    # So that they get tag and note, or lose the tag.
    deliveries.accept(connection, deliveries.refresh_rows(dict.fromkeys(refs), now))
    for step, found in told.items():
        _tell(connection, config, step, found, now)
    return len(moved)


def _against(config: Config, row: AnyRow) -> str:
    pack = config.clocks.promises
    if pack is None or pack.promise(row.kind) is None:
        return "it is not promised any more"
    return f"the ticket is {row.status}" if row.status in GONE else ""


# -- one ticket


def _runs(row: AnyRow) -> bool:
    return bool(row.state == ClockState.RUNNING)


def _follow(case: Case, pack: Pack) -> Sequence[AnyRow]:
    """End clocks that something met, and return all of the ticket's."""
    known = rows.of_ticket(case.connection, case.ticket_id)
    for row in filter(_runs, known):
        _go_on(case, pack, row)
    if any(map(_runs, known)):
        known = rows.of_ticket(case.connection, case.ticket_id)
    return known


def _start_missing(
    case: Case, pack: Pack, known: Sequence[AnyRow], began: datetime
) -> bool:
    """Start what does not run for a matter; False if all of it does, or ended."""
    dropped = ClockState.DROPPED
    there = {
        row.kind
        for row in known
        if _runs(row) or (row.state != dropped and row.wrote_at >= began)
    }
    missing = [one for one in pack.promises if one.kind not in there]
    for promise in missing:
        _start(case, promise, began)
    return bool(missing)


def _go_on(case: Case, pack: Pack, row: AnyRow) -> None:
    """End a running clock if something met it, else keep its deadline true."""
    promise = pack.promise(row.kind)
    if promise is None:
        why = "it is not promised any more"
        rows.end(case.connection, [row.id], ClockState.DROPPED, case.now, why)
        return
    met_at, solved_at = _met_at(case, promise, row.wrote_at), case.stored.solved_at
    if met_at is not None:
        late = ClockState.PASSED_ON if promise.gives_way_to else ClockState.LATE
        state = ClockState.MET if met_at <= row.due_at else late
        rows.end(case.connection, [row.id], state, met_at)
        if promise.every and solved_at is None:
            _start(case, promise, _last_word(case, met_at))
    elif solved_at is not None:
        why = "solved without an answer"
        rows.end(case.connection, [row.id], ClockState.DROPPED, case.now, why)
    elif promise.gives_way_to and row.due_at <= case.now:
        rows.end(case.connection, [row.id], ClockState.PASSED_ON, row.due_at)
    else:
        _keep_true(case, promise, row)


def _keep_true(case: Case, promise: Promise, row: AnyRow) -> None:
    """Move a deadline to where it is by what is known now.

    Whose matter turns out to be urgent has the urgent time from then on, and so it is
    with what a rule asks for: nothing is late before anybody could know of it.
    """
    due_at, warn_at = _times(case, promise, row.wrote_at)
    is_own = promise.within is not None or promise.kind in case.within
    if is_own and due_at < row.due_at:
        from_now, warn_from_now = _times(case, promise, case.now)
        due_at = min(row.due_at, max(due_at, from_now))
        warn_at = min(row.next_at or warn_at, max(warn_at, warn_from_now))
    if due_at != row.due_at:
        rungs = _rungs(case.config, row.kind)
        next_at = _rung_at(rungs, row.step, due_at) if row.step else warn_at
        rows.move(case.connection, row.id, due_at, row.step, next_at)


def _met_at(case: Case, promise: Promise, since: datetime) -> datetime | None:
    """Return when something met a promise: an answer, a message, or the end."""
    if promise.met_by is Met.ANSWER:
        return min((at for at in replies.answers(case) if at > since), default=None)
    ends = [] if case.stored.solved_at is None else [max(case.stored.solved_at, since)]
    if promise.met_by is Met.MESSAGE:
        said = [one.created_at for one in replies.messages(case.ticket)]
        ends += [at for at in said if at > since]
    return min(ends, default=None)


def _last_word(case: Case, met_at: datetime) -> datetime:
    said = [one.created_at for one in replies.messages(case.ticket)]
    return max([met_at, *said])


def _start(case: Case, promise: Promise, since: datetime) -> None:
    due_at, warn_at = _times(case, promise, since)
    rows.start(case.connection, case.ticket_id, promise.kind, since, due_at, warn_at)


def _times(case: Case, promise: Promise, since: datetime) -> tuple[datetime, datetime]:
    """Return when a promise is due, and when people are warned of it.

    What a rule asks for counts where it is sooner.
    """
    clocks, calendar = case.config.clocks, _calendar(case)
    house = clocks.urgent_within if is_urgent(case) else clocks.within
    due_at = promise.due(since, calendar, house)
    warn_at = promise.warned(since, calendar, house, clocks.warn)
    within = case.within.get(promise.kind)
    if within is not None and calendar.after(since, within) < due_at:
        due_at = calendar.after(since, within)
        warn_at = calendar.after(since, within * clocks.warn)
    return due_at, warn_at


def is_urgent(case: Case) -> bool:
    """Tell whether a customer is not to wait as long as others."""
    return bool(case.trace.vip) or case.judged.emotion >= FURIOUS


def _began(case: Case, pack: Pack, known: Sequence[AnyRow]) -> datetime | None:
    """Return when the matter began that is open now; None if nothing is."""
    judged = case.judged
    if (
        not judged.is_trusted
        or judged.verdict.auto_reply
        or case.stored.solved_at is not None
    ):
        return None
    floor = _floor(case, pack, known)
    complaints = [at for at in judged.complaints if at > floor]
    if not complaints:
        return None
    # Of a ticket that we see for the first time nobody knows how often it was solved.
    is_known = any(row.wrote_at > floor for row in known)
    complaint = min(complaints) if is_known else max(complaints)
    answered = [at for at in replies.answers(case) if at < complaint]
    unanswered = max([floor, *answered])
    words = [at for at in judged.spoken if unanswered < at <= complaint]
    return min(*words, complaint, case.now)


def _floor(case: Case, pack: Pack, known: Sequence[AnyRow]) -> datetime:
    """Return when the matter before ended: by a solution, or by an import."""
    solutions = {one.kind for one in pack.promises if one.met_by is Met.SOLVED}
    floor = case.ticket.created_at - timedelta(days=1)
    if case.stored.archived_until is not None:
        floor = max(floor, case.stored.archived_until)
    for row in known:
        if row.kind in solutions and row.state in (ClockState.MET, ClockState.LATE):
            floor = max(floor, row.ended_at)
    return floor


def _calendar(case: Case) -> Calendar:
    return case.config.calendar(case.ticket.ref.source)


def _described(case: Case, pack: Pack, row: AnyRow) -> dict[str, str]:
    promise = pack.promise(row.kind)
    zone = _calendar(case).zone
    return {
        "kind": row.kind,
        "title": promise.title if promise else row.kind,
        "since": f"{row.wrote_at.timestamp():.0f}",
        "due": f"{row.due_at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})",
        "warned": "yes" if row.step >= WARNED else "",
    }


# -- time passes


def _rungs(config: Config, kind: str) -> Sequence[timedelta]:
    """Return how long after a deadline it is looked at again, step by step.

    One that gives way to another is so once, to end it: nobody is told.
    """
    if _gives_way(config, kind):
        return (timedelta(0),)
    return [step.after for step in config.clocks.ladder]


def _gives_way(config: Config, kind: str) -> bool:
    pack = config.clocks.promises
    promise = pack.promise(kind) if pack else None
    return promise is not None and bool(promise.gives_way_to)


def _step(
    rungs: Sequence[timedelta], due_at: datetime, now: datetime
) -> tuple[int, datetime | None]:
    """Return how far a clock has come that somebody is told of, and when it goes on."""
    step = WARNED
    for after in rungs:
        if due_at + after > now:
            return step, due_at + after
        step += 1
    return step, None


def _rung_at(
    rungs: Sequence[timedelta], step: int, due_at: datetime
) -> datetime | None:
    """Return when somebody is told next of a deadline that came so far."""
    left = rungs[step - WARNED :]
    return due_at + left[0] if left else None


def _tell(
    connection: Connection,
    config: Config,
    step: int,
    found: Sequence[AnyRow],
    now: datetime,
) -> None:
    if step == WARNED:
        role, heading = config.clocks.role, "Deadlines that are near"
    else:
        rung = config.clocks.ladder[step - WARNED - 1]
        role, heading = rung.role, f"Deadlines that have passed: {rung.name}"
    ids = [row.id for row in found]
    named = hashlib.sha256(repr(ids).encode()).hexdigest()[:16]
    notices.tell(
        connection,
        config,
        role,
        f"clocks:{step}:{named}",
        *_said(config, heading, found),
        now,
        rule=RULE,
        reason=f"step {step} of {len(found)} deadlines",
        about={"clocks": ids, "step": step, "heading": heading},
        due_at=now + REREAD,
    )


def as_of_now(
    connection: Connection, config: Config, payload: Mapping[str, Any]
) -> tuple[str, list[Block]]:
    """Return what a notice says when it is sent: of deadlines that came no further."""
    found = rows.at_step(connection, payload["clocks"], payload["step"])
    return _said(config, payload["heading"], found)


def _said(
    config: Config, heading: str, found: Sequence[AnyRow]
) -> tuple[str, list[Block]]:
    lines = [_line(config, row) for row in found[:LISTED]]
    if len(found) > LISTED:
        more = f"… and {len(found) - LISTED} more: complaint-connector clocks list"
        lines.append(Block(BlockKind.PARAGRAPH, more))
    return f"{heading} ({len(found)})", lines


def _line(config: Config, row: AnyRow) -> Block:
    pack = config.clocks.promises
    promise = pack.promise(row.kind) if pack else None
    title = promise.title if promise else row.kind
    zone = config.calendar(row.source).zone
    due = f"{row.due_at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
    words = f"{row.source} {row.number}: {title} due {due}"
    return Block(BlockKind.BULLET, words, row.url)
