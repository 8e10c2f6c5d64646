"""Customers who asked not to be written to: by a command, by a tag of the helpdesk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from kit import Bench
from loop_kit import COMPLAINTS, file_issue, fix, rows
from test_broadcasts import KARI, left_out, on_sqlite, opt_out, told

from connector.cli import cli
from connector.errors import VendorRefused
from connector.models import OutboxState
from connector.recipients import OPTED_OUT
from connector.store import customers, outbox


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench(messages={"approve_above": 3, "opt_out_tags": ["No-Mailing"]})


@on_sqlite
def test_opting_out_holds_for_a_message_that_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise VendorRefused("not now")

    monkeypatch.setattr(bench.support, "send_message", refuse)
    fix(bench, file_issue(bench))
    bench.approve()
    monkeypatch.undo()
    opt_out(bench, "customer0@mail.example")
    with bench.store.write() as connection:
        ids = [row["id"] for row in rows(bench, OutboxState.PARKED)]
        assert outbox.retry(connection, ids, bench.clock()) == 5
    bench.settle()
    assert told(bench) == ["1", "2", "3", "4"]
    (row,) = rows(bench, OutboxState.DISCARDED)
    assert row["error"] == OPTED_OUT


def tag(bench: Bench, ticket: str, *tags: str, profile: tuple[str, ...] = ()) -> None:
    known = bench.support.tickets[ticket]
    bench.support.tickets[ticket] = replace(
        known,
        tags=known.tags - {"no-mailing"} | set(tags),
        customer=replace(known.customer, tags=frozenset(profile)),
    )
    bench.changed("support", ticket)
    bench.settle()


def said_of_kari(bench: Bench) -> str:
    with bench.store.read() as connection:
        row = customers.by_key(connection, KARI)
    assert row is not None
    assert (row.opted_out != "") is (row.opted_out_at is not None)
    return str(row.opted_out)


@on_sqlite
def test_tag_counts_as_long_as_it_is_somewhere(bench: Bench) -> None:
    for ticket in ("1", "2"):
        bench.write(ticket, COMPLAINTS[0], KARI)
    bench.settle()
    for ticket in ("1", "2"):
        tag(bench, ticket, "no-mailing")
    assert said_of_kari(bench) == "the tag no-mailing on support:1"
    tag(bench, "1")
    assert said_of_kari(bench) == "the tag no-mailing on support:2"
    tag(bench, "2")
    assert said_of_kari(bench) == ""
    tag(bench, "2", profile=("NO-MAILING",))
    assert said_of_kari(bench) == "the tag no-mailing of the profile in support"
    tag(bench, "2")
    assert said_of_kari(bench) == ""


@on_sqlite
def test_tag_that_is_taken_off_does_not_undo_what_a_person_said(bench: Bench) -> None:
    bench.write("1", COMPLAINTS[0], KARI)
    bench.settle()
    opt_out(bench, KARI)
    tag(bench, "1", "no-mailing")
    tag(bench, "1")
    assert said_of_kari(bench) == "anna"


@on_sqlite
def test_what_a_person_said_holds_after_a_tag_that_said_so_before(
    bench: Bench,
) -> None:
    bench.write("1", COMPLAINTS[0], KARI)
    bench.settle()
    tag(bench, "1", "no-mailing")
    opt_out(bench, KARI)
    tag(bench, "1")
    assert said_of_kari(bench) == "anna"


@on_sqlite
def test_what_a_person_said_of_an_address_goes_before_the_tag_of_another(
    bench: Bench,
) -> None:
    bench.write("1", COMPLAINTS[0], KARI)
    bench.write("w", COMPLAINTS[0], "kari.lie@office.example")
    bench.settle()
    tag(bench, "1", "no-mailing")
    opt_out(bench, "kari.lie@office.example")
    known = bench.support.tickets["1"]
    customer = replace(known.customer, emails=("kari.lie@office.example",))
    bench.support.tickets["1"] = replace(known, customer=customer)
    tag(bench, "1")
    assert said_of_kari(bench) == "anna"


@on_sqlite
def test_opting_out_goes_along_when_two_customers_are_one(bench: Bench) -> None:
    bench.write("k", COMPLAINTS[0], KARI)
    bench.write("w", COMPLAINTS[0], "kari.lie@office.example")
    issue = file_issue(bench)
    opt_out(bench, "kari.lie@office.example")
    fix(bench, issue)
    assert list(left_out(bench)) == ["kari.lie@office.example"]
    known = bench.support.tickets["k"]
    emails = ("kari.lie@office.example",)
    customer = replace(known.customer, emails=emails)
    bench.support.tickets["k"] = replace(known, customer=customer)
    bench.changed("support", "k")
    bench.settle()
    assert left_out(bench) == {KARI: OPTED_OUT}
    bench.approve()
    assert told(bench) == ["0", "1", "2", "3", "4"]


@on_sqlite
def test_opting_out_by_command_holds_before_the_first_mail(
    bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    raw = {
        "database": {"url": bench.config.database.url},
        "sources": {"support": {"kind": "memory"}},
    }
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def say(*words: str) -> Any:
        line = ["customers", *words, "--config", str(file)]
        return CliRunner().invoke(cli, line)

    assert say("opt-out", "Kari@Mail.example", "--by", "anna").exit_code == 0
    bench.write("k", COMPLAINTS[0], KARI)
    bench.settle()
    assert said_of_kari(bench) == "anna"
    assert json.loads(say("opted-out", "--json").output)["key"] == KARI
    assert say("opt-in", KARI).exit_code == 0
    assert said_of_kari(bench) == ""
    assert say("opt-in", KARI).exit_code == 1
