"""Whether a source can be called: down, locked out, or well. One finding for each.

A vendor that gives no answer is left alone, but for one try at a time with growing
pauses; the same when it lets us in no more. All processes share what is known, and the
first good answer ends it. What becomes of the work meanwhile is decided elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection

from adapters.base import Party
from connector.errors import (
    BudgetSpent,
    CredentialsRejected,
    VendorError,
    VendorRefused,
    VendorUnavailable,
    VendorUnreachable,
)
from connector.models import Finding, Level
from connector.store import Store
from connector.store import health as rows
from connector.store.schema import AnyRow

_log = structlog.get_logger(__name__)

#: So many failures in a row, without any answer between, and a vendor counts as down.
FAILURES = 5

#: When to try again after a try that showed nothing.
SOON = timedelta(minutes=1)

#: For so long a process trusts what it knows.
TRUSTED = timedelta(seconds=1)


#: What a row is found by.
KEY = ("source", "side")


class Condition(StrEnum):
    DOWN = "down"  #: gives no answer, or answers with errors of its own
    REFUSED = "refused"  #: does not let us in, or not far enough


class Side(StrEnum):
    BOTH = "both"  #: whatever is asked
    READ = "read"
    WRITE = "write"  #: reading may still be allowed


class Pauses(NamedTuple):
    first: timedelta
    longest: timedelta


PAUSES = {
    Condition.DOWN: Pauses(timedelta(seconds=5), timedelta(minutes=5)),
    # A vendor that is asked again and again with a wrong password locks the account.
    Condition.REFUSED: Pauses(timedelta(minutes=5), timedelta(hours=1)),
}

REMEDIES = {
    Condition.DOWN: "look at the vendor's status page, and at proxies and firewalls on "
    "the way there; work goes on by itself when it answers",
    Condition.REFUSED: "make new credentials at the vendor, or give these the right "
    "that is missing, put them into the configuration and start again; "
    "'complaint-connector doctor' tells more",
}


class Shut(NamedTuple):
    """A source, or one side of it, that is not to be called before ``probe_at``."""

    source: str
    side: Side
    condition: Condition
    since: datetime
    words: str
    remedy: str
    probes: int
    probe_at: datetime


class Health:
    """What is known of all sources. One for each process; used by several threads."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.RLock()
        self._known: dict[str, tuple[datetime, list[Shut]]] = {}
        self._seen: set[str] = set()
        #: What failed since the last answer; "" is for what cannot be the work's fault.
        self._failures: dict[str, list[str]] = {}

    def is_shut(self, source: str, side: Side) -> bool:
        """Tell whether nobody may call now."""
        now = self._clock()
        return any(one.probe_at > now for one in self._of(source, side))

    def enter(self, source: str, side: Side) -> Shut | None:
        """Return why there must be no call now; None lets the caller make one.

        Of all callers in all processes one gets through at each ``probe_at``.
        """
        with self._lock:
            now = self._clock()
            shut = self._of(source, side)
            waiting = [one for one in shut if one.probe_at > now]
            if shut and not waiting:
                waiting = self._claim(source, shut, now)
            return max(waiting, key=lambda one: one.probe_at, default=None)

    def answered(self, source: str, side: Side | None) -> None:
        """Take note of an answer; with a ``side``, that it was what we asked for."""
        with self._lock:
            self._failures.pop(source, None)
            ended = [one for one in self._shut(source) if one.side in (Side.BOTH, side)]
            if not ended:
                return
            with self._store.write() as connection:
                rows.well(connection, source, [one.side for one in ended])
                rows.hasten(connection, source, self._clock())
            self._known.pop(source, None)
        for one in ended:
            _log.info("source.well", source=source, was=one.condition)

    def troubled(
        self, source: str, side: Side, error: VendorError, work: str, adapter: Party
    ) -> Shut | None:
        """Take note of an error; return what is shut by now, if this work has to wait.

        ``work`` names what was asked for: one thing that a vendor stumbles over again
        and again does not mean that it is down.
        """
        if isinstance(error, VendorUnreachable | VendorUnavailable):
            is_fault_of_work = isinstance(error, VendorUnavailable)
            self.untried(source, side)
            return self._failed(source, error, work if is_fault_of_work else "")
        if not isinstance(error, BudgetSpent):
            self.answered(source, None)
        if not isinstance(error, CredentialsRejected):
            self.untried(source, side)
            return None
        is_news = all(one.side is not side for one in self._shut(source))
        shut = self.refused(source, side, error)
        if is_news:
            self._advise(shut, adapter)
        return shut

    def untried(self, source: str, side: Side) -> None:
        """Let it be tried again soon: the last try did not show whether we may."""
        with self._lock:
            if any(one.side is side for one in self._shut(source)):
                with self._store.write() as connection:
                    rows.probe_soon(connection, source, side, self._clock() + SOON)
                self._known.pop(source, None)

    def refused(self, source: str, side: Side, error: VendorError) -> Shut:
        """Take note that we are not let in, or may not do what we are asked to do."""
        with self._lock:
            for one in self._shut(source):
                if one.side is side:
                    return one
            return self._close(source, side, Condition.REFUSED, error)

    def _advise(self, shut: Shut, adapter: Party) -> None:
        """Let the vendor's own check say what to do, if it finds anything."""
        problems = [
            finding.remedy
            for finding in adapter.check(self._clock())
            if finding.level is Level.PROBLEM and finding.remedy
        ]
        if problems:
            with self._store.write() as connection:
                rows.advise(connection, shut.source, shut.side, problems[0])

    def _failed(self, source: str, error: VendorError, work: str) -> Shut | None:
        with self._lock:
            failures = self._failures.setdefault(source, [])
            failures.append(work)
            del failures[:-FAILURES]
            for one in self._shut(source):
                if one.side is Side.BOTH:
                    return one
            is_whole = "" in failures or len(set(failures)) > 1
            if len(failures) < FAILURES or not is_whole:
                return None
            return self._close(source, Side.BOTH, Condition.DOWN, error)

    def _close(
        self, source: str, side: Side, condition: Condition, error: VendorError
    ) -> Shut:
        now = self._clock()
        asked = timedelta(seconds=error.retry_after or 0)
        probe_at = now + max(asked, pause(condition, 0))
        remedy = REMEDIES[condition]
        shut = Shut(source, side, condition, now, str(error), remedy, 0, probe_at)
        with self._store.write() as connection:
            rows.shut(connection, source, side, _values(shut))
        _log.warning("source.shut", source=source, why=condition, error=str(error))
        self._known.pop(source, None)
        return shut

    def _claim(self, source: str, due: Sequence[Shut], now: datetime) -> list[Shut]:
        """Claim the try that is due; return what forbids it because others have."""
        with self._store.write() as connection:
            claimed = [
                rows.probe(
                    connection,
                    source,
                    one.side,
                    one.probe_at,
                    now + pause(one.condition, one.probes + 1),
                )
                for one in due
            ]
        self._known.pop(source, None)
        if all(claimed):
            return []
        return [one for one in self._shut(source) if one.probe_at > now]

    def _of(self, source: str, side: Side) -> list[Shut]:
        return [one for one in self._shut(source) if one.side in (Side.BOTH, side)]

    def _shut(self, source: str) -> list[Shut]:
        with self._lock:
            now = self._clock()
            known = self._known.get(source)
            if known and timedelta(0) <= now - known[0] < TRUSTED:
                return known[1]
            if source not in self._seen:
                self._seen.add(source)
                self._begin(source, now)
            with self._store.read() as connection:
                shut = [_shut(row) for row in rows.of_source(connection, source)]
            self._known[source] = now, shut
            return shut

    def _begin(self, source: str, now: datetime) -> None:
        # This process may have been started because the credentials were mended.
        with self._store.write() as connection:
            shut = rows.of_source(connection, source)
            for row in shut:
                rows.probe_soon(connection, source, row.side, now)
            if shut:
                rows.hasten(connection, source, now)


def is_denial(error: VendorError) -> bool:
    """Tell a "you may not" from other refusals; it may be about one thing, or all."""
    return type(error) is VendorRefused and error.status == 403


def pause(condition: Condition, probes: int) -> timedelta:
    """Return how long a source is left alone after so many tries."""
    first, longest = PAUSES[condition]
    doubled: timedelta = first * 2 ** min(probes, 20)
    return min(doubled, longest)


def troubles(connection: Connection) -> dict[str, Shut]:
    """Return the one thing to be told about each source that is not well.

    Being locked out needs a person; so does what began first.
    """
    found: dict[str, Shut] = {}
    for row in rows.listing(connection):
        one = _shut(row)
        known = found.get(one.source)
        if known is None or _weight(one) < _weight(known):
            found[one.source] = one
    return found


def _weight(shut: Shut) -> tuple[bool, datetime]:
    return shut.condition is not Condition.REFUSED, shut.since


def findings(connection: Connection) -> list[Finding]:
    """Say it as ``doctor`` does."""
    return [
        Finding(Level.PROBLEM, one.source, sentence(one), one.remedy)
        for one in troubles(connection).values()
    ]


def sentence(shut: Shut) -> str:
    """Tell what is the matter, with the vendor's own words."""
    what = {
        (Condition.DOWN, Side.BOTH): "gives no good answer",
        (Condition.REFUSED, Side.READ): "does not let us read",
        (Condition.REFUSED, Side.WRITE): "does not let us write",
    }[shut.condition, shut.side]
    return f"{what} since {shut.since:%Y-%m-%d %H:%M} UTC, work waits: {shut.words}"


def _values(shut: Shut) -> dict[str, Any]:
    said = shut._asdict()
    return {
        "state": said.pop("condition"),
        **{name: value for name, value in said.items() if name not in KEY},
    }


def _shut(row: AnyRow) -> Shut:
    return Shut(
        row.source,
        Side(row.side),
        Condition(row.state),
        row.since,
        row.words,
        row.remedy,
        row.probes,
        row.probe_at,
    )
