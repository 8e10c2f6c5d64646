"""The complaint register: what is in it, that it is always the same, and is safe."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner
from kit import Bench, settings
from loop_kit import COMPLAINTS, complain, fix, the_group
from sqlalchemy import select
from test_replies import change, say

from connector.cli import cli
from connector.models import TicketStatus
from connector.reports import periods, register
from connector.reports.register import Line, as_csv, as_json
from connector.store import erasing
from connector.store.schema import tickets

MARCH = periods.month("2026-03", ZoneInfo("UTC"))

LINE = Line(
    id="support:1",
    received="2026-03-02T09:00:00+00:00",
    acknowledged=None,
    first_answer=None,
    answered=None,
    closed=None,
    type="delivery",
    origin=None,
    remedy=None,
    cost=None,
    outcome=register.Outcome.OPEN,
    channel="email",
    clock_met=None,
    group=1,
    issue=None,
)


def made(bench: Bench, month: periods.Period = MARCH) -> list[Line]:
    with bench.store.read() as connection:
        return register.lines(connection, bench.config, month)


@pytest.fixture
def plain(blank_sqlite: str) -> Any:
    bench = Bench(
        settings(
            blank_sqlite,
            reports={"fields": {"support": {"remedy": 77, "cost": "78"}}},
        )
    )
    yield bench
    bench.close()


def test_register_tells_of_each_complaint_and_of_nobody(bench: Bench) -> None:
    complain(bench, 5)
    bench.write("thanks", "Thank you so much, all arrived!", "fan@mail.example")
    bench.settle()
    before = as_csv(made(bench)) + as_json(made(bench))
    assert [(line.id, line.outcome, line.issue) for line in made(bench)] == [
        (f"support:{number}", "open", None) for number in range(5)
    ]
    assert as_csv(made(bench)) + as_json(made(bench)) == before
    bench.clock.pass_(minutes=11)
    bench.settle()
    fix(bench, str(the_group(bench)["issue_id"]))
    found = made(bench)
    assert {(line.outcome, line.group) for line in found} == {("fixed", 1)}
    assert found[0].type == "discount_pricing"
    assert {line.issue for line in found} == {the_group(bench)["issue_key"]}
    assert "mail.example" not in before
    assert "AUTUMN20" not in before


def test_register_of_a_month_has_what_was_received_in_it(plain: Bench) -> None:
    complain(plain, 1)
    plain.clock.pass_(days=29, hours=14, minutes=59)  # the last minute of March
    complain(plain, 2, start=1)
    plain.clock.pass_(minutes=1)
    complain(plain, 3, start=1)  # 1 and 2 once more, and another
    plain.settle()
    assert [line.id for line in made(plain)] == ["support:0", "support:1", "support:2"]
    april = periods.month("2026-04", ZoneInfo("UTC"))
    assert [line.id for line in made(plain, april)] == ["support:3"]


def test_what_only_agents_know_comes_from_their_fields(plain: Bench) -> None:
    complain(plain, 1)
    known = plain.support.tickets["0"]
    fields = {"77": " refund ", "78": "12,50", "79": "somebody's secret"}
    plain.support.tickets["0"] = replace(
        known, fields=fields, status=TicketStatus.RESOLVED
    )
    plain.settle()
    (line,) = made(plain)
    assert (line.origin, line.remedy, line.cost) == (None, "refund", "12,50")
    assert line.outcome == "solved"


def test_register_says_when_it_was_answered_and_solved(plain: Bench) -> None:
    plain.write("1", COMPLAINTS[0], "kari@mail.example")
    plain.settle()
    plain.clock.pass_(minutes=50)
    say(plain)
    plain.clock.pass_(hours=1)
    change(plain, status=TicketStatus.RESOLVED)
    (line,) = made(plain)
    assert (line.received, line.first_answer, line.answered, line.closed) == (
        "2026-03-02T09:00:00+00:00",
        "2026-03-02T09:50:00+00:00",
        "2026-03-02T10:50:00+00:00",
        None,
    )
    assert line.channel == "email"


def test_register_says_whether_every_promise_was_kept(blank_sqlite: str) -> None:
    bench = Bench(settings(blank_sqlite, clocks={"pack": "fca_like"}))
    bench.write("1", COMPLAINTS[0], "kari@mail.example")
    bench.write("late", COMPLAINTS[1], "ole@mail.example")
    bench.settle()
    bench.clock.pass_(hours=2)
    say(bench)
    change(bench, status=TicketStatus.RESOLVED)
    bench.clock.pass_(days=29, hours=12)
    bench.write("new", COMPLAINTS[2], "aino@mail.example")
    bench.settle()
    assert [(line.id, line.acknowledged, line.clock_met) for line in made(bench)] == [
        ("support:1", "2026-03-02T11:00:00+00:00", "yes"),
        ("support:late", None, "no"),
        ("support:new", None, None),
    ]
    bench.close()


def test_longer_way_that_is_open_to_a_complaint_breaks_no_promise(
    blank_sqlite: str,
) -> None:
    bench = Bench(settings(blank_sqlite, clocks={"pack": "fca_like"}))
    bench.write("1", COMPLAINTS[0], "kari@mail.example")
    bench.settle()
    bench.clock.pass_(hours=2)
    say(bench)
    bench.clock.pass_(days=6)  # after the third business day, within eight weeks
    change(bench, status=TicketStatus.RESOLVED)
    assert [line.clock_met for line in made(bench)] == ["yes"]
    bench.close()


@pytest.mark.parametrize(
    ("mode", "expected"), [("act", "2026-03-02T09:05:00+00:00"), ("suggest", None)]
)
def test_register_says_when_a_receipt_was_sent(
    blank_sqlite: str, mode: str, expected: str | None
) -> None:
    changes = {"acknowledge": {"enabled": True}, "autonomy": {"messages": mode}}
    bench = Bench(settings(blank_sqlite, **changes))
    bench.write("1", COMPLAINTS[0], "kari@mail.example")
    bench.clock.pass_(minutes=5)
    bench.settle()
    (line,) = made(bench)
    assert line.acknowledged == expected
    bench.close()


def test_erased_complaint_keeps_its_line_and_nothing_that_was_entered(
    plain: Bench,
) -> None:
    complain(plain, 1)
    fields = {"77": "called Kari at home"}
    plain.support.tickets["0"] = replace(plain.support.tickets["0"], fields=fields)
    plain.settle()
    (before,) = made(plain)
    with plain.store.write() as connection:
        (row,) = connection.execute(select(tickets.c.id, tickets.c.customer_id))
        erasing.take_words(connection, [row.id])
        erasing.take_name(connection, row.customer_id, plain.clock())
    assert made(plain) == [before._replace(remedy=None)]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (TicketStatus.SPAM, []),
        (TicketStatus.DELETED, ["deleted"]),
        (TicketStatus.CLOSED, ["solved"]),
        (TicketStatus.PENDING, ["open"]),
    ],
)
def test_outcome_is_how_the_ticket_stands(
    plain: Bench, status: TicketStatus, expected: list[str]
) -> None:
    complain(plain, 1)
    plain.support.tickets["0"] = replace(plain.support.tickets["0"], status=status)
    plain.settle()
    assert [line.outcome for line in made(plain)] == expected


def test_merged_complaint_is_in_it_once(plain: Bench) -> None:
    complain(plain, 2)
    plain.settle()
    plain.support.merged["0"] = "1"
    plain.changed("support", "0")
    plain.settle()
    assert [line.id for line in made(plain)] == ["support:1"]


# -- as a file --


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("=1+1", "'=1+1"),
        (" @SUM(A1)", "'@SUM(A1)"),
        ("+47 22 33 44 55", "'+47 22 33 44 55"),
        ("-2+3", "'-2+3"),
        ("\t=1+1", "'=1+1"),
        ("＝1+1", "'＝1+1"),
        ('refund;=HYPERLINK("x")', 'refund;\'=HYPERLINK("x")'),
        ("a\r\n=1", "a =1"),
        ("-12,50", "-12,50"),
        ("half = fine, the rest - no", "half = fine, the rest - no"),
    ],
)
def test_no_cell_is_a_formula(said: str, shown: str) -> None:
    (row,) = csv.DictReader(as_csv([LINE._replace(remedy=said)]).splitlines())
    assert row["remedy"] == shown


def test_columns_are_those_that_are_promised() -> None:
    assert as_csv([LINE]) == (
        "id,received,acknowledged,first_answer,answered,closed,type,origin,remedy,"
        "cost,outcome,channel,clock_met,group,issue\r\n"
        "support:1,2026-03-02T09:00:00+00:00,,,,,delivery,,,,open,email,,1,\r\n"
    )
    (line,) = json.loads(as_json([LINE]))
    assert (line["issue"], line["group"]) == (None, 1)
    assert list(line) == list(Line._fields)


@pytest.fixture
def invoke(tmp_path: Path, plain: Bench) -> Callable[..., bytes]:
    def run(*words: str) -> bytes:
        file = tmp_path / "config.yaml"
        raw = {
            "database": {"url": plain.config.database.url},
            "sources": {"support": {"kind": "memory"}},
            "reports": {"timezone": "Europe/Oslo"},
        }
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        result = CliRunner().invoke(cli, ["report", *words, "--config", str(file)])
        assert result.exit_code == 0, result.output
        return result.stdout_bytes

    return run


def test_command_writes_the_same_file_twice(
    plain: Bench, invoke: Callable[..., bytes], tmp_path: Path
) -> None:
    complain(plain, 3)
    plain.settle()
    out = tmp_path / "register.json"
    words = ("register", "--month", "2026-03", "--format", "json", "--out", str(out))
    said = invoke(*words)
    first = out.read_bytes()
    assert said.decode() == f"{out}: 3 complaints received in 2026-03\n"
    assert invoke(*words) == said
    assert out.read_bytes() == first
    assert json.loads(first)[0]["received"] == "2026-03-02T10:00:00+01:00"
    table = invoke("register", "--month", "2026-03")
    assert table == invoke("register", "--month", "2026-03")
    assert table.count(b"\r\n") == 4


def test_command_refuses_what_is_no_month() -> None:
    result = CliRunner().invoke(cli, ["report", "register", "--month", "2026-13"])
    assert result.exit_code == 2
    assert "such as 2026-10" in result.output or "month must be" in result.output
