"""What tests of deadlines share: a desk with people to be told, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from kit import START, Bench, Clock, settings
from loop_kit import COMPLAINTS

from connector import clocks
from connector.models import Author, TicketRef, TicketStatus
from connector.store import clocks as rows
from connector.store import tickets

KARI, OLE = "kari@mail.example", "ole@mail.example"
OFFICE = {
    "timezone": "Europe/Oslo",
    "holidays": "NO",
    "hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-17:00"),
}
LADDER = [
    {"name": "first", "after": "2h", "role": "lead"},
    {"name": "second", "after": "8h", "role": "boss"},
]


def desks(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Yield what makes a connector with deadlines; those it made are closed."""
    made: list[Bench] = []

    def build(start: datetime = START, **more: Any) -> Bench:
        folder = {"kind": "file", "folder": str(tmp_path / "lead")}
        boss = {"kind": "file", "folder": str(tmp_path / "boss")}
        changes: dict[str, Any] = {
            "clocks": {"pack": "plain", "role": "lead", "ladder": LADDER},
            "vip": {"addresses": [KARI]},
            "notify": {
                "channels": {"folder": folder, "boss": boss},
                "roles": {"lead": ["folder"], "boss": ["boss"]},
            },
        }
        for key, value in more.items():
            changes[key] = {**changes.get(key, {}), **value}
        made.append(Bench(settings(database_url, **changes), Clock(start)))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


def complain(bench: Bench, ticket: str = "1", email: str = OLE) -> datetime:
    bench.write(ticket, COMPLAINTS[0], email, subject="Discount code")
    bench.settle()
    return bench.clock()


def change(bench: Bench, ticket: str = "1", **values: Any) -> None:
    known = bench.support.tickets[ticket]
    bench.support.tickets[ticket] = replace(known, updated_at=bench.clock(), **values)
    bench.changed("support", ticket)
    bench.settle()


def answer(bench: Bench, ticket: str = "1") -> datetime:
    known = bench.support.tickets[ticket].comments
    words = replace(
        known[0],
        external_id=f"answer-{len(known)}",
        author=Author.AGENT,
        body="We look into it.",
        created_at=bench.clock(),
    )
    change(bench, ticket, comments=(*known, words))
    return bench.clock()


def solve(bench: Bench, ticket: str = "1") -> datetime:
    change(bench, ticket, status=TicketStatus.RESOLVED)
    return bench.clock()


def of(bench: Bench, ticket: str = "1") -> dict[str, Any]:
    """Return the newest clock of each kind."""
    with bench.store.read() as connection:
        known = tickets.find(connection, TicketRef("support", ticket))
        return {row.kind: row for row in rows.of_ticket(connection, known.id)}


def states(bench: Bench, ticket: str = "1") -> dict[str, str]:
    return {kind: str(row.state) for kind, row in of(bench, ticket).items()}


def review(bench: Bench, **passed: float) -> int:
    """Let time pass, and the scheduler see it."""
    bench.clock.pass_(**passed)
    with bench.store.write() as connection:
        moved = clocks.review(connection, bench.config, bench.clock())
    if moved:
        bench.settle()
        bench.clock.pass_(minutes=1)  # what is told waits for a reading
        bench.settle()
    return moved


def notes(bench: Bench, ticket: str = "1") -> list[str]:
    return [
        one.body for one in bench.support.tickets[ticket].comments if not one.public
    ]


def told(tmp_path: Path, role: str = "lead") -> str:
    files = sorted((tmp_path / role).glob("*.txt"))
    return "".join(file.read_text(encoding="utf-8") for file in files)


def is_due(bench: Bench, ticket: str = "1") -> bool:
    return "cc-due" in bench.support.tickets[ticket].tags
