"""Customers are looked up before a ticket is decided, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit import Bench, settings
from sqlalchemy import select

from adapters.base import Directory
from connector import health
from connector.config import load
from connector.dashboard import status
from connector.directories import AGAIN
from connector.doctor import findings_of
from connector.erasing import Erasing, erase
from connector.errors import VendorUnavailable
from connector.models import DirectoryEntry, Finding
from connector.store import deliveries, directory
from connector.store.directory import Asked
from connector.store.schema import directory_entries, tickets
from connector.store.tickets import newest_trace
from rules.schema import read_rules

LATE = "My parcel never arrived, the delivery is three weeks late. I am very angry!"
KARI = "kari@mail.example"
GOLD = DirectoryEntry(True, {"segment": "gold"})
PLAIN = DirectoryEntry(False, {"segment": "plain"})


class Crm(Directory):
    """Answers from a dictionary, or not at all."""

    name = "directory:crm"
    keep = timedelta(hours=24)
    keep_unknown = timedelta(hours=1)

    def __init__(self) -> None:
        self.people: dict[str, DirectoryEntry] = {}
        self.is_down = False
        self.asked: list[str] = []
        self.checked: list[Finding] = []

    def look_up(self, key: str) -> DirectoryEntry | None:
        self.asked.append(key)
        if self.is_down:
            raise VendorUnavailable("the CRM answered 503")
        return self.people.get(key)

    def check(self, now: Any) -> list[Finding]:
        return self.checked

    def close(self) -> None:
        pass


def start(url: str, **changes: Any) -> tuple[Bench, Crm]:
    bench, crm = Bench(settings(url, **changes)), Crm()
    bench.runtime.directories.known.append(crm)  # type: ignore[attr-defined]
    return bench, crm


@pytest.fixture
def scene(blank_sqlite: str) -> Iterator[tuple[Bench, Crm]]:
    bench, crm = start(blank_sqlite)
    yield bench, crm
    bench.close()


def write(bench: Bench, ticket: str = "1", email: str = KARI) -> None:
    bench.write(ticket, LATE, email)
    bench.settle()


def trace(bench: Bench, ticket: str = "1") -> dict[str, Any]:
    with bench.store.read() as connection:
        query = select(tickets.c.id).where(tickets.c.external_id == ticket)
        number = connection.execute(query).scalar_one()
        return newest_trace(connection, number)


def entries(bench: Bench) -> list[tuple[str, bool, bool]]:
    with bench.store.read() as connection:
        rows = connection.execute(select(directory_entries)).all()
    return [(row.key, row.known, row.waiting_since is not None) for row in rows]


def is_vip(bench: Bench, ticket: str = "1") -> bool:
    return "cc-vip" in bench.support.tickets[ticket].tags


def test_vip_of_a_directory_is_one_and_the_directory_is_named(
    scene: tuple[Bench, Crm],
) -> None:
    bench, crm = scene
    crm.people[KARI] = GOLD
    write(bench)
    write(bench, "2", "ola@mail.example")
    assert (is_vip(bench), is_vip(bench, "2")) == (True, False)
    assert trace(bench)["vip"] == "the directory crm"
    assert [trace(bench, one)["directories"] for one in "12"] == [
        [{"directory": "crm", "said": "known"}],
        [{"directory": "crm", "said": "not known"}],
    ]
    notes = [str(note) for call, _, note in bench.support.calls if call == "add_note"]
    assert ["VIP by the directory crm." in note for note in notes] == [True, False]


def test_answer_counts_for_as_long_as_it_is_kept(scene: tuple[Bench, Crm]) -> None:
    bench, crm = scene
    crm.people[KARI] = GOLD
    write(bench)
    write(bench, "2")
    write(bench, "3", "ola@mail.example")
    assert crm.asked == [KARI, "ola@mail.example"]
    crm.people = {KARI: PLAIN}
    bench.clock.pass_(hours=2)
    write(bench)
    write(bench, "3", "ola@mail.example")
    assert (crm.asked[2:], is_vip(bench)) == (["ola@mail.example"], True)
    bench.clock.pass_(hours=23)
    write(bench)
    assert (crm.asked[3:], is_vip(bench)) == ([KARI], False)


def test_directory_that_does_not_answer_holds_up_nothing_and_is_asked_again(
    database_url: str,
) -> None:
    bench, crm = start(database_url)
    crm.people[KARI], crm.is_down = GOLD, True
    write(bench)
    write(bench, "2")
    assert ("cc-delivery" in bench.support.tickets["2"].tags, is_vip(bench)) == (
        True,
        False,
    )
    assert crm.asked == [KARI]
    assert trace(bench)["directories"][0]["said"] == "no answer"
    assert entries(bench) == [(KARI, False, True)]
    resume = bench.runtime.directories.resume
    assert resume() == 0 and len(crm.asked) == 1  # not yet
    bench.clock.now += AGAIN
    assert resume() == 0 and len(crm.asked) == 2
    crm.is_down = False
    bench.clock.now += AGAIN
    assert resume() == 1
    bench.settle()
    assert (is_vip(bench), is_vip(bench, "2")) == (True, True)
    assert (entries(bench), resume()) == ([(KARI, True, False)], 0)
    bench.close()


def test_answer_that_says_the_same_lets_nothing_be_decided_again(
    scene: tuple[Bench, Crm],
) -> None:
    bench, crm = scene
    crm.people[KARI] = GOLD
    write(bench)
    crm.is_down = True
    bench.clock.pass_(days=2)
    write(bench)
    assert is_vip(bench)  # by what it said before
    said = trace(bench)["directories"][0]["said"]
    assert said == "no answer, what it said before counts"
    crm.is_down = False
    bench.clock.now += AGAIN
    before = len(bench.support.calls)
    assert bench.runtime.directories.resume() == 1
    with bench.store.read() as connection:
        assert deliveries.counts(connection).get("pending", 0) == 0
    assert len(bench.support.calls) == before


def test_directory_that_is_down_is_left_alone_and_told_of(
    scene: tuple[Bench, Crm],
) -> None:
    bench, crm = scene
    crm.is_down = True
    for number in range(8):
        write(bench, str(number), f"{number}@mail.example")
    assert len(crm.asked) == 5
    with bench.store.read() as connection:
        (shut,) = health.findings(connection)
    assert shut.subject == "directory:crm"


def test_nothing_is_kept_of_somebody_who_is_erased(scene: tuple[Bench, Crm]) -> None:
    bench, crm = scene
    crm.people[KARI] = GOLD
    write(bench)
    assert entries(bench)
    means = Erasing(bench.store, bench.runtime.adapters, bench.clock, lambda _: None)
    erase(means, KARI, "anna")
    assert entries(bench) == []
    with bench.store.write() as connection:
        asked = Asked(crm.name, KARI)
        assert directory.settle(connection, asked, {"known": True}) is False
    assert entries(bench) == []


def test_fields_of_directories_are_for_rules_in_the_order_of_the_configuration(
    blank_sqlite: str, tmp_path: Path
) -> None:
    def table(name: str, text: str) -> dict[str, str]:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return {"kind": "csv", "path": str(tmp_path / name)}

    known = {
        "first": table("first.csv", f"email,segment\n{KARI},gold\n"),
        "second": table("second.csv", f"email,segment,since\n{KARI},tin,2019\n"),
    }
    when = [
        {"field": "customer.segment", "op": "equals", "value": "gold"},
        {"field": "customer.since", "op": "lt", "value": 2020},
    ]
    then = [{"add_tag": "old-gold"}]
    rule = {"id": "old-gold", "mode": "act", "when": {"all": when}, "then": then}
    config = settings(blank_sqlite, directories=known)
    bench = Bench(config.model_copy(update={"rules": read_rules([rule], "test")}))
    write(bench)
    write(bench, "2", "ola@mail.example")
    tags = [bench.support.tickets[one].tags for one in "12"]
    assert ["old-gold" in one for one in tags] == [True, False]
    assert entries(bench) == []  # asking a file costs nothing
    bench.close()


def test_mistake_in_a_file_beside_the_configuration_is_told(
    blank_sqlite: str, tmp_path: Path
) -> None:
    raw = {
        "database": {"url": blank_sqlite},
        "sources": {"support": {"kind": "memory"}},
        "directories": {"list": {"kind": "csv", "path": "customers.csv"}},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    (tmp_path / "customers.csv").write_text("email,vip\na@b.example\n")
    bench = Bench(load(tmp_path / "config.yaml", {}))
    known = bench.runtime.directories.known
    told = status(
        bench.store, bench.config, bench.runtime.rulebook, bench.clock(), known
    )
    (finding,) = told["findings"]
    assert finding["source"] == "directory:list"
    assert "customers.csv cannot be used: line 2" in finding["message"]
    bench.close()
    found = findings_of(tmp_path / "config.yaml", bench.config, round_trips=False)
    (problem,) = [one for one in found if one.subject == "directory:list"]
    assert "line 2" in problem.message and "nobody is looked up" in problem.message
