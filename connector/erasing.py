"""Erasing a customer: name, addresses and words out of everything that is held.

What was counted stays counted, and nothing more is sent to them. In this order, so that
a call that was cut off is simply made again: they are silenced, what was delivered and
what else names them is emptied, and last they lose the keys by which they are found.
What this does not own (the helpdesk, the tracker, backups) is told in the receipt.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from adapters.base import Adapter, Carrier
from connector.errors import MalformedPayload
from connector.judging import key_of
from connector.models import Delivery, EventKind, TicketEvent
from connector.store import Store, deliveries, dialects, locks, timeline
from connector.store import erasing as rows
from connector.store.traces import Traces, bodies, take_out

#: Facts of this name are erasures that did not come to their end yet.
FACT = "erasure:"

#: So long the last writes that are on their way are waited for.
PATIENCE = 30

POSTGRESQL = (
    "old versions of rows are in PostgreSQL's files until its VACUUM has reused them"
)
SQLITE = "the file was rewritten; nothing is left in it"
SQLITE_BUSY = (
    "the file was rewritten, but a reader keeps the write-ahead log; call this again"
)


@dataclass(slots=True)
class Receipt:
    """What was removed where, and what lies in systems that are not ours.

    ``removed`` counts rows by what they are. ``tickets`` and ``issues`` still say it
    elsewhere, ``sent`` are messages they got. ``waiting`` writes were on their way and
    could not be changed: erasing has to be asked for again.
    """

    at: datetime
    who: str
    customer: int | None = None
    removed: dict[str, int] = field(default_factory=dict)
    problems: list[int] = field(default_factory=list)
    tickets: list[list[str]] = field(default_factory=list)
    issues: list[list[str]] = field(default_factory=list)
    sent: list[list[str]] = field(default_factory=list)
    waiting: int = 0
    files: str = ""

    @property
    def is_done(self) -> bool:
        return not self.waiting and self.files != SQLITE_BUSY


@dataclass(frozen=True, slots=True)
class Erasing:
    """What an erasure works with."""

    store: Store
    adapters: Mapping[str, Adapter]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep


def erase(means: Erasing, customer: str, who: str) -> list[Receipt]:
    """Erase who goes by ``customer``, an address or SOURCE:ID; end what was cut off.

    Returns a receipt for each. Nobody by that key: what still names them is emptied.
    """
    receipt = _take_all(means, key_of(customer), who)
    with means.store.read() as connection:
        unfinished = _unfinished(connection)
    told = [_end(means, one) for one in unfinished]
    if receipt.customer is None and (receipt.removed or not told):
        receipt.files = _clean(means.store) if receipt.removed else ""
        told.append(receipt)
    return told


def _take_all(means: Erasing, key: str, who: str) -> Receipt:
    store, now = means.store, means.clock()
    removed: Counter[str] = Counter()
    with store.write() as connection:
        # Not while somebody decides about one of their tickets.
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        found = rows.find(connection, key)
        keys, name = [key], ""
        if found is not None:
            keys, name = rows.keys_of(connection, found)
            ids = [row.id for row in rows.tickets_of(connection, found)]
            rows.prevent(connection, found, now)
            removed["messages and notes that waited"] = rows.silence(
                connection, ids, now
            )
        rows.forget_entries(connection, keys)
    mark = "erased" if found is None else f"erased-{found}"
    traces = Traces(keys, [name], mark)
    removed["deliveries"], last = _empty_deliveries(means, traces, found, 0)
    mentions = take_out(store, traces)
    for table, had in mentions.items():
        removed[f"other mentions in {table.replace('_', ' ')}"] = len(had)
    told = mentions.get("tickets", [])  # by others; what is made of their words
    with store.write() as connection:
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        rows.take_reasons(connection, told)
        rows.forget_wording(connection, told)
    if found is None:
        return Receipt(now, who, removed=dict(+removed))
    more, _ = _empty_deliveries(means, traces, found, last)
    removed["deliveries"] += more
    with store.write(wake=deliveries.WAKE) as connection:
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        receipt = _take_words(connection, found, who, removed, now)
        locks.put_fact(connection, f"{FACT}{found}", _stored(receipt), now)
    return receipt


def _take_words(
    connection: Connection,
    customer_id: int,
    who: str,
    removed: Counter[str],
    now: datetime,
) -> Receipt:
    """Take out words and keys in one go; what was counted stays."""
    own = rows.tickets_of(connection, customer_id)
    ids = [row.id for row in own]
    extent = rows.extent(connection, customer_id)
    problems = rows.problems_of(connection, ids)
    issues = rows.issues_of(connection, problems)
    rows.silence(connection, ids, now)
    rows.take_words(connection, ids)
    rows.forget_wording(connection, ids)
    rows.take_name(connection, customer_id, now)
    for group_id in problems:
        said = "what one of its customers said was erased"
        timeline.note(connection, group_id, "erased", said, now, who)
    removed["names and addresses"] = 1
    removed["tickets"] = extent["tickets"]
    removed["decisions"] = extent["decisions"]
    removed["writes to the helpdesk and the tracker"] = extent["writes"]
    return Receipt(
        at=now,
        who=who,
        customer=customer_id,
        removed=dict(+removed),
        problems=problems,
        tickets=[[f"{row.source}:{row.external_id}", row.url] for row in own],
        issues=[[row.tracker, row.key] for row in issues],
        sent=[
            [f"{row.source}:{row.target}", row.done_at.isoformat()]
            for row in rows.sent_to(connection, ids)
        ],
    )


# -- what was delivered


def _empty_deliveries(
    means: Erasing, traces: Traces, customer_id: int | None, after: int
) -> tuple[int, int]:
    """Empty what names them, their tickets or issues that quote them.

    Returns how many, and the newest that was looked at. What was not handled yet is
    read again instead, if it can be.
    """
    again: dict[int, list[TicketEvent]] = {}
    last = after
    with means.store.read() as connection:
        wanted = _refs(connection, customer_id)
        for delivery in bodies(connection, after):
            last = delivery.id
            adapter = means.adapters.get(delivery.source)
            events = _events(adapter, delivery, wanted.get(delivery.source, ()))
            if events or traces.are_in(delivery.body):
                again[last] = _events(adapter, delivery, None)
    if again:
        _empty(means, again)
    return len(again), last


def _empty(means: Erasing, again: Mapping[int, Sequence[TicketEvent]]) -> None:
    now = means.clock()
    with means.store.write(wake=deliveries.WAKE) as connection:
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        waiting = rows.empty(connection, list(again), now)
        refs = dict.fromkeys(
            (event.kind, event.source, event.external_id)
            for one in waiting
            for event in again[one]
        )
        deliveries.accept(connection, deliveries.refresh_rows(refs, now))


def _refs(connection: Connection, customer_id: int | None) -> dict[str, frozenset[str]]:
    """Return by source which tickets are theirs, and which issues may quote them."""
    if customer_id is None:
        return {}
    own = rows.tickets_of(connection, customer_id)
    issues = rows.issues_of(
        connection, rows.problems_of(connection, [row.id for row in own])
    )
    found: dict[str, set[str]] = {}
    for source, external_id in [
        *((row.source, row.external_id) for row in own),
        *((row.tracker, row.issue_id) for row in issues),
    ]:
        found.setdefault(source, set()).add(external_id)
    return {source: frozenset(ids) for source, ids in found.items()}


def _events(
    adapter: Adapter | None, delivery: Delivery, wanted: Collection[str] | None
) -> list[TicketEvent]:
    """Return what a delivery asks to read again, of what is ``wanted``.

    None: of all that can be read; a delivery that is its ticket is all there is of it.
    """
    if adapter is None:
        return []
    if wanted is not None and not any(one.encode() in delivery.body for one in wanted):
        return []
    try:
        said = adapter.parse(delivery)
        if wanted is None and isinstance(adapter, Carrier):
            said = () if adapter.carried(delivery) else said
    except MalformedPayload:
        return []
    return [
        event
        for event in said
        if event.kind is not EventKind.IGNORED
        and (wanted is None or event.external_id in wanted)
    ]


# -- the end


def _end(means: Erasing, receipt: Receipt) -> Receipt:
    """Empty what was on its way, clean the files, and forget that it was under way."""
    ids = _ids(means.store, receipt)
    for _ in range(PATIENCE):
        with means.store.read() as connection:
            receipt.waiting = rows.being_sent(connection, ids, receipt.problems)
        if not receipt.waiting:
            break
        means.sleep(1)
    with means.store.write() as connection:
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        rows.silence(connection, ids, receipt.at)
        rows.take_words(connection, ids)
        rows.take_quotes(connection, receipt.problems)
        receipt.waiting = rows.being_sent(connection, ids, receipt.problems)
    receipt.files = _clean(means.store)
    if receipt.is_done:
        with means.store.write() as connection:
            locks.drop_fact(connection, f"{FACT}{receipt.customer}")
    return receipt


def _ids(store: Store, receipt: Receipt) -> list[int]:
    assert receipt.customer is not None
    with store.read() as connection:
        return [row.id for row in rows.tickets_of(connection, receipt.customer)]


def _clean(store: Store) -> str:
    if not store.is_sqlite:
        return POSTGRESQL
    return SQLITE if store.rewrite() else SQLITE_BUSY


def _stored(receipt: Receipt) -> dict[str, Any]:
    return {**asdict(receipt), "at": receipt.at.isoformat()}


def _unfinished(connection: Connection) -> list[Receipt]:
    facts = locks.all_facts(connection)
    return [
        Receipt(**{**said, "at": datetime.fromisoformat(said["at"])})
        for name, said in sorted(facts.items())
        if name.startswith(FACT)
    ]
