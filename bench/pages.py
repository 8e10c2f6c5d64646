"""How long the server takes for each page with many tickets stored, and its bytes.

The database is filled directly: nothing is judged, grouped or sent. A page is asked for
nine times without a network; shown are the median and the slowest in milliseconds, and
what a first visit loads, with style and scripts and before a proxy packs it.

    python -m bench.pages --tickets 50000 --problems 500
    python -m bench.pages --tickets 1000000 --problems 5000 --database sqlite
"""

from __future__ import annotations

import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask.testing import FlaskClient
from sqlalchemy import Table, func, select

from bench.ingest import database
from bench.worker import Written, settings, write_texts
from connector import accounts, logs
from connector.app import Runtime
from connector.models import GroupState, OutboxState, Role
from connector.store import Store, problem_tables, schema
from connector.store import accounts as account_rows
from rules.verdict import TYPES

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
ROUNDS = 9
BULK = 2_000

#: Each ticket has a delivery, a decision and a write; of these one in so many is about.
COMPLAINTS, CLOCKS, CHECKINS = 2, 2, 10

PAGES = (
    "/",
    "/problems",
    "/problems?show=all",
    "/problems?show=all&q=delivery",
    "/problems/1",
    "/tickets",
    "/tickets?complaints=all",
    "/tickets?q=order",
    "/tickets?q=jacket+arrived",
    "/tickets?q=nosuchword",
    "/tickets?q=nosuchword&complaints=all",
    "/tickets?q=T42",
    "/tickets?q=c42@mail.example",
    "/tickets?type=social_media",
    "/tickets?type=nothing",
    "/tickets?language=sv",
    "/tickets?status=spam",
    "/tickets?q=order&status=spam",
    "/tickets?since=2025-04-01&until=2025-04-02",
    "/tickets/support/42",
    "/rules",
    "/rules?counted=1",
    "/activity",
    "/activity?box=inbox",
    "/activity?box=outbox&state=parked",
    "/activity?box=people",
    "/follow-ups",
    "/set-up",
    "/status.json",
)


class Filler:
    """Makes the rows about a ticket, the same ones each time."""

    def __init__(self, tickets: int, problems: int) -> None:
        self.tickets = tickets
        self.problems = problems
        self.chosen = random.Random(5)

    def at(self, number: int) -> datetime:
        return NOW - YEAR + YEAR * (number / (self.tickets + 1))

    def problem(self) -> int:
        """A few problems have most of the tickets."""
        return 1 + int(self.problems * self.chosen.random() ** 3)

    def rows(
        self, number: int, said: Written
    ) -> Iterator[tuple[Table, dict[str, Any]]]:
        at, chosen = self.at(number), self.chosen
        complaint = number % COMPLAINTS == 0
        kind = chosen.choices(TYPES, range(len(TYPES) * 3, 0, -3))[0]
        kind = kind if kind != "social_media" else "other"
        verdict = {
            "complaint": complaint,
            "score": 0.8,
            "band": "high",
            "types": [kind] if complaint else [],
            "emotion": number % 4,
            "praise": number % 9 == 0,
            "urgency": "normal",
            "reasons": ['complaint: "not arrived" (2.0)', "emotion 2: two marks"],
        }
        customer = (number + 1) // 2
        if number % 2:
            yield (
                schema.customers,
                {
                    "id": customer,
                    "key": f"c{customer}@mail.example",
                    "name": "",
                    "created_at": at,
                },
            )
        yield (
            schema.tickets,
            {
                "id": number,
                "source": "support",
                "external_id": str(number),
                "version": 2,
                "customer_id": customer,
                "number": f"T{number}",
                "subject": said.text[:40],
                "text": f"{said.text} {number} " + said.text * (number % 4),
                "status": "closed" if number % 20 else "open",
                "url": f"https://desk.example/{number}",
                "language": ("en", "nb", "fi")[number % 3],
                "complaint": complaint,
                "verdict": verdict,
                "kind": kind if complaint else "",
                "praise": number % 9 == 0,
                "tags": [f"cc-{kind}"],
                "created_at": at,
                "updated_at": at,
                "decided_at": at,
                "channel": "mail",
            },
        )
        yield (
            schema.decisions,
            {
                "ticket_id": number,
                "at": at,
                "rules_version": "1",
                "verdict": verdict,
                "trace": {"tags": [], "rules": [], "note": ""},
            },
        )
        yield (
            schema.outbox,
            {
                "source": "support",
                "operation": "change_tags",
                "target": str(number),
                "dedup_key": f"tags:{number}",
                "ordering_key": f"support:{number}",
                "priority": 5,
                "mark": str(number),
                "payload": {"add": [f"cc-{kind}"]},
                "state": OutboxState.PARKED
                if number % 20_000 == 0
                else OutboxState.DONE,
                "due_at": at,
                "ticket_id": number,
                "created_at": at,
                "done_at": at,
            },
        )
        yield (
            schema.deliveries,
            {
                "source": "support",
                "delivery_key": str(number),
                "received_at": at,
                "headers": {},
                "body": b'{"ticket": "%d"}' % number,
                "state": "handled",
                "due_at": at,
                "handled_at": at,
            },
        )
        if complaint:
            yield (
                problem_tables.members,
                {
                    "ticket_id": number,
                    "group_id": self.problem(),
                    "customer_id": customer,
                    "at": at,
                    "joined_at": at,
                    "features": {"k": kind, "e": [], "w": "", "g": []},
                    "reason": "same order flow and type",
                },
            )
        if number % CLOCKS == 0:
            yield (
                schema.clocks,
                {
                    "ticket_id": number,
                    "kind": "first_answer",
                    "wrote_at": at,
                    "due_at": at + timedelta(days=1),
                    "state": "met" if number % 3 else "late",
                    "ended_at": at + timedelta(hours=2),
                },
            )
        if number % CHECKINS == 0:
            yield (
                schema.checkins,
                {
                    "ticket_id": number,
                    "wrote_at": at,
                    "number": 0,
                    "planned_at": at,
                    "due_at": at + timedelta(days=3),
                    "state": "asked",
                },
            )


def fill(store: Store, tickets: int, problems: int) -> None:
    filler = Filler(tickets, problems)
    with store.write() as connection:
        first = NOW - YEAR
        states = (*[GroupState.CLOSED] * 6, GroupState.FILED, GroupState.EMERGING)
        connection.execute(
            problem_tables.groups.insert(),
            [
                {
                    "type": "delivery",
                    "title": f"Delivery: parcel {number}",
                    "state": states[number % len(states)],
                    "created_at": first,
                    "first_at": first,
                    "last_at": NOW - timedelta(minutes=number),
                    "customers": 10,
                    "tickets": 10,
                    "tracker": "tracker",
                    "issue_id": str(number),
                    "issue_key": f"BENCH-{number}",
                }
                for number in range(1, problems + 1)
            ],
        )
    texts = list(write_texts(5_000))
    for begin in range(1, tickets + 1, BULK):
        made: dict[Table, list[dict[str, Any]]] = {}
        for number in range(begin, min(begin + BULK, tickets + 1)):
            for table, row in filler.rows(number, texts[number % len(texts)]):
                made.setdefault(table, []).append(row)
        with store.write() as connection:
            for table, rows in made.items():
                connection.execute(table.insert(), rows)


def sign_in(store: Store, client: FlaskClient) -> None:
    with store.write() as connection:
        name = accounts.add(connection, "bench", Role.ADMIN, "x" * 20, "bench", NOW)
        row = account_rows.named(connection, name)
        assert row is not None
        token = accounts.begin(connection, row.id, name, NOW)
    client.set_cookie("cc_session", token)


def measure(client: FlaskClient, path: str) -> dict[str, Any]:
    spent = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        answer = client.get(path)
        spent.append(1e3 * (time.perf_counter() - started))
        assert answer.status_code == 200, (path, answer.status_code)
    linked = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text))
    size = len(answer.data) + sum(len(client.get(one).data) for one in linked)
    return {
        "page": path,
        "median_ms": round(statistics.median(spent), 1),
        "worst_ms": round(max(spent), 1),
        "kB": round(size / 1e3),
    }


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--tickets", default=50_000, show_default=True)
@click.option("--problems", default=500, show_default=True)
@click.option(
    "--database",
    "which",
    default="both",
    type=click.Choice(["sqlite", "postgresql", "both"]),
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
def main(tickets: int, problems: int, which: str, as_json: bool) -> None:
    logs.configure("warning")
    for kind in ["sqlite", "postgresql"] if which == "both" else [which]:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            database(kind, folder) as url,
        ):
            runtime = Runtime(settings(url), clock=lambda: NOW)
            runtime.store.upgrade()
            started = time.perf_counter()
            fill(runtime.store, tickets, problems)
            with runtime.store.write() as connection:
                there = connection.scalar(select(func.count(schema.tickets.c.id)))
                if not runtime.store.is_sqlite:
                    connection.exec_driver_sql("ANALYZE")
            took = time.perf_counter() - started
            click.echo(f"{kind}: {there:,} tickets, filled in {took:.0f} s", err=True)
            client = runtime.create_app().test_client()
            sign_in(runtime.store, client)
            for path in PAGES:
                line = measure(client, path)
                click.echo(
                    json.dumps({"database": kind, **line})
                    if as_json
                    else f"{line['median_ms']:8} {line['worst_ms']:8} ms "
                    f"{line['kB']:4} kB  {path}"
                )
            runtime.store.close()


if __name__ == "__main__":
    main()
