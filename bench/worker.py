"""How many deliveries a second one process takes through the whole pipeline.

Claim, parse, read again, judge, group, decide, outbox rows; then the senders carry the
rows out. The vendor is in memory and answers at once, so what is measured is ours:
rules, grouping and the database. Texts are made from templates in English, Norwegian
and Finnish; about half are complaints, and every tenth delivery is about a ticket that
was there before.

    python -m bench.worker --deliveries 2000
    python -m bench.worker --deliveries 1000 --database sqlite --profile
"""

from __future__ import annotations

import cProfile
import json
import pstats
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import click

from adapters.memory import MemoryAdapter
from bench.ingest import database
from connector import logs
from connector.app import Runtime
from connector.config import check
from connector.store import deliveries, groups, outbox

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SOURCE = "support"

COMPLAINTS = {
    "en": (
        "My {thing} still has not arrived, order {number}. I have waited {days} days "
        "and nobody answers. This is really disappointing.",
        "The {thing} broke after {days} days. Very poor quality, I want my money back.",
        "I was charged twice for the {thing}, invoice {number} is wrong. Fix this now!",
        "The discount code {code} does not work at checkout, error {error}. Annoying.",
        "Your support is useless. I wrote {days} days ago about my {thing}.",
    ),
    "nb": (
        "{thing} har fortsatt ikke kommet, ordre {number}. Jeg har ventet i {days} "
        "dager og er veldig skuffet.",
        "Jeg er trukket to ganger for {thing}, faktura {number} er feil. For dårlig!",
        "Rabattkoden {code} virker ikke i kassen, jeg får feil {error}. Irriterende.",
        "{thing} gikk i stykker etter {days} dager. Elendig kvalitet.",
    ),
    "fi": (
        "Tilaus {number} ei ole vieläkään saapunut, olen odottanut {days} päivää. "
        "Todella pettynyt!",
        "Alennuskoodi {code} ei toimi kassalla, tulee virhe {error}. Ärsyttävää.",
        "{thing} meni rikki {days} päivässä. Surkea laatu, haluan rahat takaisin.",
    ),
}
OTHERS = {
    "en": (
        "Hello, which sizes of the {thing} do you have? I need it in {days} days.",
        "Thank you so much, the {thing} is lovely and came quickly!",
        "Could you change the address of order {number}, please?",
    ),
    "nb": (
        "Hei, når åpner butikken på lørdag? Jeg vil se på {thing}.",
        "Tusen takk for rask levering av {thing}, alt er perfekt!",
    ),
    "fi": (
        "Hei, milloin {thing} on taas varastossa?",
        "Kiitos paljon, tilaus {number} tuli nopeasti ja kaikki on hyvin!",
    ),
}
THINGS = {
    "en": "jacket lamp kettle phone sofa backpack headset blender tent watch".split(),
    "nb": "jakken lampen kjelen telefonen sofaen sekken teltet klokken".split(),
    "fi": "takki lamppu vedenkeitin puhelin sohva reppu teltta kello".split(),
}


class Written(NamedTuple):
    """What one customer wrote."""

    ticket: str
    email: str
    text: str


class Result(NamedTuple):
    """How long the work took, and what came of it."""

    deliveries: int
    worker_s: float
    worker_cpu: float
    rows: int
    sender_s: float
    groups: int

    def shown(self) -> dict[str, float]:
        return {
            "deliveries": self.deliveries,
            "deliveries_per_s": round(self.deliveries / self.worker_s),
            "per_cpu_s": round(self.deliveries / self.worker_cpu),
            "rows": self.rows,
            "rows_per_s": round(self.rows / self.sender_s),
            "groups": self.groups,
        }


def write_texts(count: int, seed: int = 11) -> Iterator[Written]:
    """Make what customers write; the same seed makes the same words."""
    chosen = random.Random(seed)
    for number in range(count):
        again = number > 10 and chosen.random() < 0.1
        ticket = chosen.randrange(number) if again else number
        language = chosen.choices(("en", "nb", "fi"), (5, 3, 2))[0]
        templates = (COMPLAINTS if chosen.random() < 0.5 else OTHERS)[language]
        text = chosen.choice(templates).format(
            thing=chosen.choice(THINGS[language]),
            number=chosen.randrange(10_000, 99_999),
            days=chosen.randrange(2, 30),
            code=f"SALE{chosen.randrange(10, 40)}",
            error=f"E-{chosen.randrange(4000, 4020)}",
        )
        yield Written(str(ticket), f"c{ticket % 4000}@mail.example", text)


class Clock:
    """Moves on by some seconds whenever it is asked, so that nobody waits for it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def settings(url: str) -> Any:
    return check(
        {
            "database": {"url": url},
            "sources": {SOURCE: {"kind": "memory"}, "tracker": {"kind": "memory"}},
            "problems": {"tracker": "tracker", "project": "BENCH"},
        },
        "bench",
    )


def fill(runtime: Runtime, count: int) -> None:
    """Let customers write, and the deliveries about it arrive."""
    adapter = runtime.adapters[SOURCE]
    assert isinstance(adapter, MemoryAdapter)
    rows = []
    for written in write_texts(count):
        adapter.write(
            written.ticket, written.text, email=written.email, now=runtime.clock()
        )
        body = json.dumps({"ticket": written.ticket}).encode()
        rows.append(deliveries.new(SOURCE, None, {}, body, runtime.clock()))
    with runtime.store.write() as connection:
        deliveries.accept(connection, rows)


def run(url: str, count: int, seconds: float) -> Result:
    """Work everything off, and stop after ``seconds`` in any case."""
    runtime = Runtime(settings(url), clock=Clock())
    runtime.store.upgrade()
    fill(runtime, count)
    until = time.perf_counter() + seconds
    started, cpu = time.perf_counter(), time.process_time()
    handled = 0
    while time.perf_counter() < until and (taken := runtime.worker.run_once()):
        handled += taken
    worked, worked_cpu = time.perf_counter() - started, time.process_time() - cpu
    started = time.perf_counter()
    until = started + seconds
    sent = 0
    while time.perf_counter() < until:
        moved = sum(sender.run_once() for sender in runtime.senders)
        sent += moved
        if not moved:
            break
    result = Result(
        handled,
        worked,
        worked_cpu,
        sent,
        time.perf_counter() - started,
        _check(runtime, complete=handled >= count),
    )
    runtime.worker.close()
    runtime.store.close()
    return result


def _check(runtime: Runtime, complete: bool) -> int:
    """Make sure that nothing was set aside; return the number of groups."""
    with runtime.store.read() as connection:
        waiting = deliveries.counts(connection)
        parked = outbox.counts(connection).get("parked", 0)
        found = len(groups.listing(connection, None, 100_000))
    if waiting.get("parked") or parked or (complete and waiting.get("pending")):
        raise click.ClickException(f"not all was handled: {waiting}, parked {parked}")
    return found


@click.command()
@click.option("--deliveries", "count", default=2000, help="How many deliveries.")
@click.option("--seconds", default=60.0, help="Most seconds for worker and senders.")
@click.option(
    "--database",
    "which",
    default="both",
    type=click.Choice(["sqlite", "postgresql", "both"]),
)
@click.option("--profile", is_flag=True, help="Show where the time goes (slower).")
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
def main(count: int, seconds: float, which: str, profile: bool, as_json: bool) -> None:
    """Measure the worker and the senders against a vendor that answers at once."""
    logs.configure("warning")
    for kind in ["sqlite", "postgresql"] if which == "both" else [which]:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            database(kind, folder) as url,
        ):
            profiler = cProfile.Profile()
            if profile:
                profiler.enable()
            line = {"database": kind, **run(url, count, seconds).shown()}
            profiler.disable()
            click.echo(
                json.dumps(line)
                if as_json
                else "  ".join(f"{key} {value}" for key, value in line.items())
            )
            if profile:
                pstats.Stats(profiler).sort_stats("cumulative").print_stats(60)


if __name__ == "__main__":
    main()
