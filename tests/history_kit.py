"""Tickets written unheard or long ago, and what a bench then knows of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import kit
from kit import START, Bench
from sqlalchemy import select

from connector.history import Importing, Step, import_history
from connector.store import cursors, deliveries, schema
from connector.store.cursors import Purpose
from connector.sweep import sweep

COMPLAINTS = [
    "The discount code AUTUMN20 does not work at checkout. I get error E-4012. This is "
    "really annoying, please fix it!",
    "Rabattkoden AUTUMN20 virker ikke i kassen, jeg får feil E-4012. Veldig skuffet!",
    "Your discount code AUTUMN20 is rejected at checkout with E-4012. Terrible.",
]
LONG_AGO = START - timedelta(days=40)


def complaint(number: int) -> str:
    return COMPLAINTS[number % len(COMPLAINTS)]


def write_unheard(bench: Bench, number: int, at: datetime | None = None) -> None:
    """Let a customer complain without any webhook arriving."""
    bench.support.write(
        str(number),
        complaint(number),
        email=f"customer{number}@mail.example",
        subject="Discount code",
        now=at or bench.clock(),
    )


def sweep_all(bench: Bench) -> int:
    adapters = bench.runtime.adapters.values()
    return sum(sweep(bench.store, one, bench.config, bench.clock()) for one in adapters)


def pass_a_sweep(bench: Bench) -> int:
    """Let the time of a sweep pass, and everything follow from it."""
    bench.clock.pass_(minutes=5)
    asked = sweep_all(bench)
    bench.settle()
    return asked


def cursor(bench: Bench, source: str, purpose: Purpose = Purpose.SWEEP) -> Any:
    with bench.store.read() as connection:
        return cursors.find(connection, source, purpose)


def inbox(bench: Bench) -> list[Any]:
    with bench.store.read() as connection:
        return list(deliveries.listing(connection, None, 1000))


def writes(bench: Bench) -> list[tuple[str, str]]:
    """Return every write to any vendor, whether made or only enqueued."""
    with bench.store.read() as connection:
        rows = connection.execute(select(schema.outbox)).all()
    return [(row.operation, row.target) for row in rows]


class Teller(list[Step]):
    """Keeps what an import tells."""

    def __call__(self, step: Step) -> None:
        self.append(step)


def importing(bench: Bench, **changes: Any) -> Importing:
    return kit.importing(bench, **{"tell": Teller(), **changes})


def bring_in(bench: Bench, limit: int | None = None, **changes: Any) -> Step:
    """Import all history; return the last step."""
    means = importing(bench, **changes)
    import_history(means, LONG_AGO - timedelta(days=1), limit=limit)
    return last_step(means)


def last_step(means: Importing) -> Step:
    assert isinstance(means.tell, Teller)
    return means.tell[-1]


def write_history(bench: Bench, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        write_unheard(bench, number, LONG_AGO + timedelta(hours=number))
