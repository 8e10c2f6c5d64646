"""How imports of history stand, for everybody who did not start them.

An import leaves a note at each of its steps (``leave_note``); ``doctor`` and the status
page read it beside the import's own row. Importing is ``connector.history``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from connector.config import Config
from connector.models import Finding, Level
from connector.store import cursors, locks
from connector.store.cursors import Purpose
from connector.store.schema import AnyRow

#: Beginning of the names under which notes are kept, and of the import's lease.
FACT, LEASE = "import:", "backfill:"


class State(StrEnum):
    RUNNING = "running"  #: somebody works on it
    WAITING = "waiting"  #: the vendor wants a pause
    STOPPED = "stopped"  #: nobody works on it, and there is more
    DONE = "done"  #: there was nothing more


#: What somebody else is the reason of, or somebody who stopped it.
HELD_UP = (State.WAITING, State.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What an import leaves behind at a step.

    ``run_began`` and ``tickets_before`` are those of this run, from which its rate
    follows; ``reached`` is the newest change met. ``reason`` says why it waits (until
    ``wait_until``) or could not go on.
    """

    at: datetime
    run_began: datetime
    tickets_before: int
    reached: datetime | None = None
    wait_until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one import stands. ``share`` is how much of its time is done, 0 to 1.

    ``rate`` is in tickets a second, of the last run; ``left_out`` were read and not
    recorded. ``command`` goes on with it.
    """

    source: str
    state: State
    since: datetime
    until: datetime | None
    tickets: int
    complaints: int
    left_out: int
    reached: datetime | None
    share: float
    rate: float
    at: datetime
    reason: str
    command: str


def leave_note(connection: Connection, source: str, note: Note) -> None:
    """Write down how an import stands, instead of what it said before."""
    said = {key: _written(value) for key, value in asdict(note).items()}
    locks.put_fact(connection, FACT + source, said, note.at)


def last_note(connection: Connection, source: str) -> Note | None:
    """Return what an import of this source said last."""
    said = locks.all_facts(connection).get(FACT + source)
    return _read(said) if isinstance(said, dict) else None


def standings(connection: Connection, config: Config, now: datetime) -> list[Standing]:
    """Return how the newest import of each source stands."""
    return [
        _standing(
            row,
            last_note(connection, row.source),
            locks.is_held(connection, LEASE + row.source),
            now,
        )
        for row in cursors.listing(connection, Purpose.BACKFILL)
        if row.source in config.sources
    ]


def findings(connection: Connection, config: Config, now: datetime) -> list[Finding]:
    """Say of each import how it stands, and how to go on with one that stopped."""
    return [
        Finding(
            Level.WARNING if one.state is State.STOPPED else Level.OK,
            f"{one.source}: history",
            sentence(one),
            one.command,
        )
        for one in standings(connection, config, now)
    ]


def sentence(one: Standing) -> str:
    """Say how an import stands, for people."""
    words = [f"import since {one.since:%Y-%m-%d} {_ENDS[one.state]}"]
    words.append(f"{one.tickets:,} tickets, {one.complaints:,} of them complaints")
    if one.left_out:
        words.append(f"{one.left_out:,} left out")
    if one.reached and one.state is not State.DONE:
        words.append(f"up to {one.reached:%Y-%m-%d}, {one.share:.0%} of the time")
    if one.state in (State.RUNNING, State.WAITING):
        words.append(f"{one.rate:.1f} a second")
    else:
        words.append(f"on {one.at:%Y-%m-%d %H:%M} UTC")
    if one.reason:
        words.append(one.reason)
    return "; ".join(words)


_ENDS = {
    State.RUNNING: "is under way",
    State.WAITING: "waits for the vendor",
    State.STOPPED: "stopped, and can go on",
    State.DONE: "is complete",
}


def command(source: str, since: datetime, until: datetime | None) -> str:
    """Return the command that goes on with just this import."""
    end = f" --until {_date(until)}" if until else ""
    return f"complaint-connector backfill {source} --since {_date(since)}{end}"


def _standing(row: AnyRow, note: Note | None, is_held: bool, now: datetime) -> Standing:
    found: Mapping[str, Any] = row.found
    note = note or Note(at=row.started_at, run_began=row.started_at, tickets_before=0)
    state = _state(row, note, is_held, now)
    tickets = int(found.get("tickets", 0))
    names = ("known", "live", "later", "gone", "unreadable")
    is_over, is_held_up = state is State.DONE, state in HELD_UP
    return Standing(
        source=row.source,
        state=state,
        since=row.since,
        until=row.until,
        tickets=tickets,
        complaints=int(found.get("complaints", 0)),
        left_out=sum(int(found.get(name, 0)) for name in names),
        reached=note.reached,
        share=1.0 if is_over else _share(row, note.reached),
        rate=_rate(note, tickets),
        at=row.ended_at or note.at,
        reason=note.reason if is_held_up else "",
        command="" if is_over else command(row.source, row.since, row.until),
    )


def _state(row: AnyRow, note: Note, is_held: bool, now: datetime) -> State:
    if row.ended_at is not None:
        return State.DONE
    if not is_held:
        return State.STOPPED
    waits = note.wait_until is not None and now < note.wait_until
    return State.WAITING if waits else State.RUNNING


def _share(row: AnyRow, reached: datetime | None) -> float:
    """How much of the time to be imported was met; it is walked from old to new."""
    span = (row.until or row.started_at) - row.since
    if reached is None or span <= timedelta(0):
        return 0.0
    share: float = (reached - row.since) / span
    return min(1.0, max(0.0, share))


def _rate(note: Note, tickets: int) -> float:
    seconds = (note.at - note.run_began).total_seconds()
    return (tickets - note.tickets_before) / seconds if seconds > 0 else 0.0


def _date(moment: datetime) -> str:
    """Write a moment as the command line reads it, without a time where it is none."""
    shown = moment.astimezone(UTC).isoformat()
    return shown.removesuffix("T00:00:00+00:00")


def _written(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(said: Mapping[str, Any]) -> Note:
    moments = ("at", "run_began", "reached", "wait_until")
    read: dict[str, Any] = {
        key: datetime.fromisoformat(value) if key in moments and value else value
        for key, value in said.items()
    }
    return Note(**read)
