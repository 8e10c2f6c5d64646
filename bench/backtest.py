"""Backtesting with many tickets stored: time of the processor, and memory.

A stream made by ``make_stream.py`` is judged and stored as a year of tickets, then
replayed: with other rules alone, with other thresholds beside them, which counts
everything twice, and with other words, which judges everything anew as well. Shown per
1,000 tickets.

    python -m bench.backtest --data ../shared/data/duplicates --tickets 100000
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import click

from bench.grouping import made_up
from bench.scale import BULK, megabytes
from connector.backtest import Side, compare
from connector.cli.group import TicketLine
from connector.config import Config, check
from connector.store import Store, customers, schema
from rules.judge import Judge, default_judge
from rules.pack import load_packs
from rules.schema import read_rules
from rules.verdict import Verdict
from rules.words import customer_words, looks_like_html

DAYS = 365
RULES = [
    {
        "id": f"rule-{number}",
        "mode": "act",
        "when": {
            "all": [
                {"field": "complaint", "op": "equals", "value": True},
                {"field": "text", "op": "matches", "value": f"(?i)late|{number}"},
            ]
        },
        "then": [{"add_tag": f"tag-{number}"}],
    }
    for number in range(20)
]


def spread(data: Path, tickets: int) -> Iterator[tuple[datetime, TicketLine]]:
    """Read a stream, moved so that it takes as many days as are replayed."""
    lines = made_up(data, tickets)
    read = (TicketLine.model_validate_json(line) for line in islice(lines, tickets))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    step = timedelta(days=DAYS) / tickets
    for number, ticket in enumerate(read):
        yield start + number * step, ticket


#: A ticket's number, when it came, itself, its words, and what was judged of them.
Judged = tuple[int, datetime, TicketLine, str, Verdict]


def fill(store: Store, data: Path, tickets: int) -> datetime:
    """Judge and store; return when the last one came."""
    judge, at = default_judge(), datetime.min
    rows: list[Judged] = []
    for number, (at, ticket) in enumerate(spread(data, tickets), start=1):
        is_html = looks_like_html(ticket.text)
        words = customer_words(ticket.text, is_html, ticket.subject)
        verdict = judge.judge_words(ticket.subject, words)
        rows.append((number, at, ticket, words.text, verdict))
        if len(rows) == BULK or number == tickets:
            _store(store, rows)
            rows = []
    return at


def _store(store: Store, rows: list[Judged]) -> None:
    people = [
        customers.Person(f"{one.customer}@mail.example") for _, _, one, _, _ in rows
    ]
    with store.write() as connection:
        known = customers.known(connection, people, rows[0][1])
        written = [
            {
                "source": "support",
                "external_id": str(number),
                "customer_id": known.ids[person.key],
                "number": str(number),
                "subject": one.subject,
                "text": text,
                "status": "open",
                "url": "",
                "language": verdict.lang,
                "complaint": verdict.complaint,
                "verdict": verdict.to_dict(),
                "tags": [],
                **dict.fromkeys(("created_at", "updated_at", "decided_at"), at),
            }
            for person, (number, at, one, text, verdict) in zip(
                people, rows, strict=True
            )
        ]
        connection.execute(schema.tickets.insert(), written)


def configured(url: str, **problems: Any) -> Config:
    sources = {"support": {"kind": "memory"}}
    raw = {"database": {"url": url}, "sources": sources, "problems": problems}
    return check(raw, "bench")


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--tickets", default=20_000, show_default=True)
def main(data: Path, tickets: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        store = Store(url)
        store.upgrade()
        until = fill(store, data, tickets)
        judge, rules = default_judge(), read_rules(RULES)
        another = Judge(load_packs()._replace(version="another"))
        now = Side(configured(url), read_rules([]), judge)
        for name, then in (
            ("other rules", Side(now.config, rules, judge)),
            ("other thresholds", Side(configured(url, customers=4), rules, judge)),
            ("other words", Side(now.config, rules, another)),
        ):
            before, started = time.process_time(), time.perf_counter()
            held = megabytes()
            report = compare(store, now, then, until - timedelta(days=DAYS), until)
            spent = 1e3 * (time.process_time() - before) / report.tickets
            click.echo(
                f"{name:17} {spent:6.2f} s of the processor for 1,000, "
                f"{time.perf_counter() - started:6.0f} s in all, "
                f"{held:.0f} to {megabytes():.0f} MB; {report.tickets:,} tickets, "
                f"{report.complaints[0]:,} complaints, issues "
                f"{report.before.issues} and {report.after.issues}"
            )
        store.close()


if __name__ == "__main__":
    main()
