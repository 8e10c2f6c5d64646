"""The return to a supervisor: numbers as its pack wants them, and nobody in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner, Result
from kit import Bench, Clock, settings
from loop_kit import COMPLAINTS

from connector.cli import cli
from connector.config_reports import Decisions
from connector.models import TicketStatus
from connector.packs import Part, packs
from connector.reports import supervision
from connector.store import reports

UTC_ZONE = ZoneInfo("UTC")
RETURN = packs()["fi_finance"].complaint_return
assert RETURN is not None

#: Shortly before the second half of 2026 begins.
JUNE = datetime(2026, 6, 29, 9, tzinfo=UTC)


@pytest.fixture
def desk(blank_sqlite: str) -> Iterator[Bench]:
    fields = {"support": {"origin": 11, "upheld": 12}}
    changes = {"reports": {"fields": fields}, "clocks": {"pack": "fi_finance"}}
    bench = Bench(settings(blank_sqlite, **changes), Clock(JUNE))
    yield bench
    bench.close()


def solve(bench: Bench, ticket: str, **fields: str) -> None:
    bench.support.tickets[ticket] = replace(
        bench.support.tickets[ticket],
        status=TicketStatus.RESOLVED,
        updated_at=bench.clock(),
        fields=fields,
    )
    bench.changed("support", ticket)
    bench.settle()


def live_through(desk: Bench) -> None:
    """Let four complaints come, one of them before the half year that is told of."""
    desk.write("before", COMPLAINTS[0], "eva@mail.example")
    desk.settle()
    desk.clock.pass_(days=7)
    for number, ticket in enumerate(("quick", "slow", "open")):
        desk.write(ticket, COMPLAINTS[number], f"{ticket}@mail.example")
    desk.settle()
    desk.clock.pass_(days=1)
    solve(desk, "before", **{"12": "upheld"})
    solve(desk, "quick", **{"11": "Branch", "12": "Osittain_HYVÄKSYTTY"})
    desk.clock.pass_(days=50)
    solve(desk, "slow", **{"12": "Eva was right"})


def counted(bench: Bench, name: str = "2026-2") -> dict[str, dict[str, int]]:
    of = supervision.period(RETURN, name, bench.clock(), UTC_ZONE)
    with bench.store.read() as connection:
        found = supervision.numbers(connection, bench.config, RETURN, of)
    said = supervision.as_json("fi_finance", packs()["fi_finance"], of, found)
    parts: dict[str, dict[str, int]] = json.loads(said)
    return {part: parts[part] for part in RETURN.needs}


def test_return_counts_what_was_received_and_what_came_of_it(desk: Bench) -> None:
    live_through(desk)
    found = counted(desk)
    types = found.pop(Part.TYPES)
    assert {kind: count for kind, count in types.items() if count} == {
        "discount_pricing": 3
    }
    assert found == {
        Part.RECEIVED: {"all": 3},
        Part.ORIGINS: {"unknown": 2, "Branch": 1},
        Part.DECISIONS: {"upheld": 0, "partly": 1, "not_upheld": 0, "unknown": 2},
        Part.OPEN: {"at the start": 1, "at the end": 1},
        Part.ANSWERED: {
            "within 5 working days": 1,
            "within 15 working days": 0,
            "within 35 working days": 0,
            "after 35 working days": 1,
            "not yet": 1,
        },
        # The quick one was solved in time; the others are late by the end of the year.
        Part.KEPT: {"yes": 1, "no": 2, "unknown": 0},
    }
    first = counted(desk, "2026-1")
    assert first[Part.RECEIVED] == {"all": 1}
    assert first[Part.ANSWERED]["not yet"] == 1
    assert first[Part.OPEN] == {"at the start": 0, "at the end": 1}


def test_spam_and_what_is_gone_are_not_open(desk: Bench) -> None:
    live_through(desk)
    desk.clock.pass_(minutes=1)
    for status in (TicketStatus.SPAM, TicketStatus.DELETED):
        known = desk.support.tickets["open"]
        desk.support.tickets["open"] = replace(known, status=status)
        desk.changed("support", "open")
        desk.settle()
        with desk.store.read() as connection:
            assert reports.open_at(connection, desk.clock()) == 0


@pytest.mark.parametrize(
    ("entered", "expected"),
    [
        ("upheld", "upheld"),
        (" Medhold ", "upheld"),
        ("delvis medhold", "partly"),
        ("not_upheld", "not_upheld"),
        ("upheld in parts", "unknown"),
        ("", "unknown"),
    ],
)
def test_decision_is_what_agents_call_it(entered: str, expected: str) -> None:
    assert Decisions().meaning(entered) == expected


@pytest.fixture
def invoke(tmp_path: Path, desk: Bench) -> Callable[..., Result]:
    file = tmp_path / "config.yaml"
    raw = {
        "database": {"url": desk.config.database.url},
        "sources": {"support": {"kind": "memory"}},
        "reports": {"timezone": "Europe/Helsinki"},
    }
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def run(*words: str) -> Result:
        line = ["report", "return", *words, "--config", str(file)]
        return CliRunner().invoke(cli, line)

    return run


def test_command_writes_the_same_twice_and_names_nobody(
    desk: Bench, invoke: Callable[..., Result], tmp_path: Path
) -> None:
    live_through(desk)
    words = ("--pack", "fi_finance", "--period", "2026-2")
    table = invoke(*words).stdout_bytes
    assert table == invoke(*words).stdout_bytes
    assert table.startswith(b"what,of,number\r\nnumber received,all,3\r\n")
    out = tmp_path / "return.json"
    said = invoke(*words, "--format", "json", "--out", str(out)).output
    assert said == f"{out}: the return of 2026-2; not legal advice\n"
    written = out.read_text(encoding="utf-8")
    assert json.loads(written)["advice"] == "not legal advice"
    for held in ("mail.example", "AUTUMN20", "Eva"):
        assert held not in written + table.decode()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "clocks.pack is none, which has no return"),
        (("--pack", "plain"), "is not one of"),
        (("--pack", "no_finance", "--period", "2026-1"), "a year such as 2026"),
        (("--pack", "fi_finance", "--period", "2026"), "a year such as 2026-1"),
    ],
)
def test_command_says_what_it_cannot_make(
    invoke: Callable[..., Result], words: tuple[str, ...], why: str
) -> None:
    result = invoke(*words)
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())
