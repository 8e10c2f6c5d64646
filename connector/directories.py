"""Looking customers up in the directories of the house, before a ticket is decided.

Nobody waits for a directory that does not answer: the ticket is decided without it, and
again once it does. What one says of an address is kept for as long as its settings say,
and written with the decision. Never called while a transaction is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from adapters.base import Directory
from adapters.pace import Pace, Priority, turn
from connector.errors import VendorError
from connector.health import Health, Side
from connector.judging import Looked, address, customer_key
from connector.models import DirectoryEntry, EventKind, Finding, Ticket
from connector.store import Store, deliveries
from connector.store import directory as rows
from connector.store.directory import Asked
from connector.store.schema import AnyRow

_log = structlog.get_logger(__name__)

#: Of somebody with more addresses the first are looked up.
ADDRESSES = 3

#: How long a directory that gave no answer about somebody is not asked again.
AGAIN = timedelta(minutes=1)

#: So many are asked about in one go.
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Directories:
    """All directories, in the order of the configuration. Used by several threads."""

    store: Store
    known: Sequence[Directory]
    health: Health
    clock: Callable[[], datetime]
    pace: Pace | None = None

    def look_up(self, ticket: Ticket) -> tuple[Looked, ...]:
        """Return what each directory says of a ticket's customer."""
        if not self.known:
            return ()
        customer, keys = ticket.customer, [customer_key(ticket)]
        keys += [address(one) for one in customer.emails if one]
        keys = list(dict.fromkeys(keys))[:ADDRESSES]
        asked = [Asked(one.name, key) for one in self.known for key in keys]
        with self.store.read() as connection:
            before = rows.find(connection, asked)
        return tuple(self._look_in(one, keys, before) for one in self.known)

    def _look_in(
        self, directory: Directory, keys: Iterable[str], before: Mapping[Asked, AnyRow]
    ) -> Looked:
        """Take the first of a customer's addresses that a directory knows."""
        news: list[dict[str, Any]] = []
        for key in keys:
            row = before.get(Asked(directory.name, key))
            if row is None or (row.waiting_since is None and self._is_old(row)):
                found, asked = self._ask(directory, key, row)
                news += asked
                is_silent = bool(asked) and asked[0]["waiting_since"] is not None
            else:
                found, is_silent = _entry(row), row.waiting_since is not None
            if found is not None or is_silent:
                return Looked(directory.name, found, is_silent, tuple(news))
        return Looked(directory.name, None, False, tuple(news))

    def _is_old(self, row: AnyRow) -> bool:
        return bool(row.fresh_until <= self.clock())

    def _ask(
        self, directory: Directory, key: str, before: AnyRow | None
    ) -> tuple[DirectoryEntry | None, list[dict[str, Any]]]:
        """Ask; without an answer what it said before counts, however old."""
        now = self.clock()
        try:
            found = self._call(directory, key)
        except VendorError as err:
            _log.info("directory.silent", directory=directory.name, error=str(err))
            said = _entry(before) if before else None
            waits = {"fresh_until": now + AGAIN, "waiting_since": now}
            at = before.asked_at if before else None
            return said, [_row(directory, key, said, at) | waits]
        until = _until(directory, found, now)
        if until is None:
            return found, []
        kept = {"fresh_until": until, "waiting_since": None}
        return found, [_row(directory, key, found, now) | kept]

    def _call(self, directory: Directory, key: str) -> DirectoryEntry | None:
        """Ask a directory once, if it can be asked. Raises ``VendorError``."""
        shut = self.health.enter(directory.name, Side.READ)
        if shut is not None:
            raise VendorError(shut.words)
        try:
            with turn(self.pace, Priority.REFRESH):
                found = directory.look_up(key)
        except VendorError as err:
            self.health.troubled(directory.name, Side.READ, err, key, directory)
            raise
        self.health.answered(directory.name, Side.READ)
        return found

    def resume(self) -> int:
        """Ask again about whom there was no answer; return how many there are now.

        Their tickets are decided again where the answer says something else.
        """
        now = self.clock()
        with self.store.read() as connection:
            due = rows.waiting(connection, now, AT_ONCE)
        known = {one.name: one for one in self.known}
        silent: set[str] = set()
        answered = 0
        for row in due:
            if row.directory in silent:
                continue
            directory = known.get(row.directory)
            try:
                found = self._call(directory, row.key) if directory else None
            except VendorError:
                silent.add(row.directory)
                self._postpone(row, now + AGAIN)
                continue
            answered += self._settle(directory, row, found, now)
        return answered

    def _postpone(self, row: AnyRow, until: datetime) -> None:
        with self.store.write() as connection:
            rows.postpone(connection, Asked(row.directory, row.key), until)

    def _settle(
        self,
        directory: Directory | None,
        row: AnyRow,
        found: DirectoryEntry | None,
        now: datetime,
    ) -> bool:
        asked = Asked(row.directory, row.key)
        until = _until(directory, found, now) if directory else None
        with self.store.write(wake=deliveries.WAKE) as connection:
            if until is None or directory is None:
                is_there = rows.drop(connection, asked)
            else:
                said = _row(directory, row.key, found, now)
                kept = {"fresh_until": until, "waiting_since": None}
                is_there = rows.settle(connection, asked, said | kept)
            if is_there and found != _entry(row):
                stale = rows.decided_since(connection, [row.key], row.waiting_since)
                refs = [
                    (EventKind.TICKET_CHANGED, one.source, one.external_id)
                    for one in stale
                ]
                deliveries.accept(connection, deliveries.refresh_rows(refs, now))
        return is_there


def findings(known: Iterable[Directory], now: datetime) -> Iterator[Finding]:
    """Say what is wrong with directories that can be looked at without asking."""
    for one in known:
        if one.keep is None:
            yield from (found for found in one.check(now) if found.remedy)


def _until(
    directory: Directory, found: DirectoryEntry | None, now: datetime
) -> datetime | None:
    """Return how long an answer counts; None: it is not kept."""
    keep = directory.keep_unknown if found is None else directory.keep
    return None if keep is None else now + keep


def _row(
    directory: Directory,
    key: str,
    found: DirectoryEntry | None,
    at: datetime | None,
) -> dict[str, Any]:
    return {
        "directory": directory.name,
        "key": key,
        "known": found is not None,
        "vip": found.vip if found else None,
        "fields": dict(found.fields) if found else {},
        "asked_at": at,
    }


def _entry(row: AnyRow) -> DirectoryEntry | None:
    return DirectoryEntry(row.vip, row.fields) if row.known else None
