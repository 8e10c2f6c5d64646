"""Grouping with many tickets stored: speed, memory, and how soon a restart is ready.

A stream made by ``make_stream.py`` goes through judging, features and grouping, in one
process and in order. Shown as it goes, per ticket in microseconds of the processor:
what the judge and what the grouper took over the last part, and the memory in use.

With ``--database`` all of it is also stored, in bulk, and then as the product does it:

- restart: a process that knows nothing loads the kept memory and replays what came
  since, as much as there can be
- placing: complaints placed and recorded by it, in transactions of 50

    python -m bench.scale --data ../shared/data/duplicates --tickets 100000
    python -m bench.scale --data ../shared/data/duplicates --tickets 1000000 \\
        --database both
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
import psutil

from bench.grouping import made_up
from bench.ingest import database
from connector.cli.group import TicketLine
from connector.grouping import KEPT_EVERY, REMEMBERED, Grouping
from connector.store import Store, members, memory, problem_tables, schema
from rules.duplicates import Grouper, GroupingSettings, version
from rules.features import Features, features
from rules.judge import default_judge
from rules.words import customer_words, looks_like_html

KINDS = ("sqlite", "postgresql")
PART = 20_000  # tickets between two lines
PLACED = 3_000  # tickets placed with the database
BATCH = 50
BULK = 1_000


class Read(NamedTuple):
    """A ticket of the stream as the grouper gets it; ``cost`` in seconds until then."""

    at: datetime
    found: Features
    cost: float


def read(data: Path, tickets: int) -> Iterator[Read]:
    """Judge a stream."""
    judge = default_judge()
    for line in made_up(data, tickets):
        ticket = TicketLine.model_validate_json(line)
        started = time.process_time()
        is_html = looks_like_html(ticket.text)
        text = customer_words(ticket.text, is_html, ticket.subject).text
        verdict = judge.judge(ticket.subject, text, ticket.lang, is_html=False)
        lang = ticket.lang or verdict.lang
        found = features(ticket.subject, text, lang, verdict.types)
        yield Read(ticket.ts, found, time.process_time() - started)


class Shelf:
    """Stores what was grouped, many rows at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: list[tuple[int, int, Read]] = []
        self._groups = 0
        store.upgrade()

    def add(self, ticket: int, group: int, one: Read) -> None:
        self._rows.append((ticket, group, one))
        if len(self._rows) >= BULK:
            self.flush()

    def flush(self) -> None:
        """Write all at once; numbers are given by the database, in the same order."""
        rows, self._rows = self._rows, []
        new = [(g, one) for _, g, one in rows if g > self._groups]
        first = {group: one for group, one in reversed(new)}
        with self._store.write() as connection:
            if not self._groups:
                person = {"key": "c@mail.example", "created_at": rows[0][2].at}
                connection.execute(schema.customers.insert(), person)
            if first:
                made = [_group(first[group]) for group in sorted(first)]
                connection.execute(problem_tables.groups.insert(), made)
                self._groups = max(first)
            written = [_ticket(ticket, one) for ticket, _, one in rows]
            connection.execute(schema.tickets.insert(), written)
            placed = [_member(*row) for row in rows]
            connection.execute(problem_tables.members.insert(), placed)

    def keep(self, seq: int, grouper: Grouper) -> None:
        """Keep the memory as it is now."""
        self.flush()
        values = {
            "version": version(GroupingSettings()),
            "seq": seq,
            "regrouping_id": 0,
            "at": grouper.newest,
            "body": grouper.dump(),
        }
        with self._store.write() as connection:
            memory.keep(connection, values)


def _group(one: Read) -> dict[str, Any]:
    moments = {"created_at": one.at, "first_at": one.at, "last_at": one.at}
    return {"type": "other", "title": "", "state": "emerging", **moments}


def _ticket(ticket: int, one: Read) -> dict[str, Any]:
    moments = {"created_at": one.at, "updated_at": one.at, "decided_at": one.at}
    words = {"number": "", "subject": "", "text": "", "status": "open", "url": ""}
    name = {"source": "support", "external_id": str(ticket), "customer_id": 1}
    return {**name, **words, "verdict": {}, "tags": [], **moments}


def _member(ticket: int, group: int, one: Read) -> dict[str, Any]:
    return {
        "ticket_id": ticket,
        "group_id": group,
        "customer_id": 1,
        "at": one.at,
        "joined_at": one.at,
        "features": one.found.to_json(),
        "reason": "",
    }


def megabytes() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def group(stream: Iterator[Read], tickets: int, shelves: Sequence[Shelf]) -> None:
    """Group so many tickets as the product does, telling how it goes."""
    grouper, made = Grouper(), 0
    judging = grouping = 0.0
    for number in range(1, tickets + 1):
        one = next(stream)
        judging += one.cost
        started = time.process_time()
        grouper.forget(one.at - REMEMBERED)
        proposal = grouper.propose(one.found, one.at)
        made += proposal.group is None
        name = proposal.group or str(made)
        grouper.add(name, str(number), one.found, one.at)
        grouping += time.process_time() - started
        for shelf in shelves:
            shelf.add(number, int(name), one)
            if number == max(1, tickets - KEPT_EVERY + 1):
                shelf.keep(number, grouper)  # as long ago as it can be
        if number % PART == 0:
            each = [1e6 * spent / PART for spent in (judging, grouping)]
            click.echo(
                f"{number:9,} tickets {len(grouper):7,} groups  "
                f"judging {each[0]:5.0f} us  grouping {each[1]:5.0f} us  "
                f"{1e6 / sum(each):5.0f}/s  {megabytes():6.0f} MB"
            )
            judging = grouping = 0.0
    for shelf in shelves:
        shelf.flush()


def restart(store: Store, now: datetime) -> Grouping:
    """Let a process begin that knows nothing."""
    process, started, spent = Grouping(), time.perf_counter(), time.process_time()
    process.prepare(store, now)
    with store.write() as connection:
        process.sync(connection, now)
    took = time.perf_counter() - started, time.process_time() - spent
    click.echo(f"restart: {took[0]:.1f} s, {took[1]:.1f} s of the processor")
    return process


def place(store: Store, process: Grouping, stream: Iterator[Read], first: int) -> None:
    """Place further complaints and write them down."""
    spent, started = 0.0, time.perf_counter()
    for begin in range(first, first + PLACED, BATCH):
        batch = [(number, next(stream)) for number in range(begin, begin + BATCH)]
        before = time.process_time()
        with store.write() as connection:
            process.sync(connection, batch[0][1].at)
            for ticket, one in batch:
                connection.execute(schema.tickets.insert(), _ticket(ticket, one))
                placed = process.place(connection, one.found, one.at, one.at)
                row = _member(ticket, placed.group_id, one)
                seq = members.add(connection, row)
                process.record(seq, placed.cluster_id, ticket, one.found, one.at)
        spent += time.process_time() - before
    took = time.perf_counter() - started
    click.echo(
        f"placing: {PLACED / took:.0f}/s with judging, "
        f"{1e6 * spent / PLACED:.0f} us of the processor without"
    )


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--tickets", default=100_000, show_default=True)
@click.option("--database", "kind", type=click.Choice([*KINDS, "both"]))
def main(data: Path, tickets: int, kind: str | None) -> None:
    # As the product does: what is there from the start is not looked through again.
    gc.freeze()
    # The maker gives a few less than it is asked for.
    stream = read(data, tickets * 11 // 10 + 2 * PLACED)
    kinds = KINDS if kind == "both" else (kind,) if kind else ()
    with ExitStack() as stack:
        stores = []
        for name in kinds:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="connector-bench-")
            )
            stores.append(Store(stack.enter_context(database(name, folder))))
        group(stream, tickets, [Shelf(store) for store in stores])
        for name, store in zip(kinds, stores, strict=True):
            click.echo(f"{name}:")
            one = next(stream)
            process = restart(store, one.at)
            place(store, process, stream, tickets + 1)
            store.close()


if __name__ == "__main__":
    main()
