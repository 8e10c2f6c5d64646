"""What rules do beside tags and notes: once for each ticket, never past a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kit import START, Bench, settings
from loop_kit import COMPLAINTS, rows

from connector.models import Level, TicketRef
from connector.ruling import check
from connector.store import clocks, tickets
from rules.schema import RuleSet

OLE = "ole@shop.example"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def build(then: Any, mode: str = "act", **more: Any) -> Bench:
        made.append(Bench(configure(tmp_path, then, mode, **more)))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


def rule(then: Any, mode: str = "act") -> dict[str, Any]:
    when = {"field": "text", "op": "contains", "value": "discount"}
    return {"id": "late", "mode": mode, "when": when, "then": [then]}


def configure(tmp_path: Path, then: Any, mode: str = "act", **more: Any) -> Any:
    notify = {
        "channels": {"log": {"kind": "file", "folder": str(tmp_path / "notices")}},
        "roles": {"leads": ["log"]},
    }
    url = f"sqlite:///{tmp_path / 'c.db'}"
    return settings(
        url, **{"rules": {"rules": [rule(then, mode)]}, "notify": notify, **more}
    )


def complain(bench: Bench, ticket: str = "1") -> None:
    bench.write(ticket, COMPLAINTS[0], OLE)
    bench.settle()


def told(tmp_path: Path) -> str:
    files = sorted((tmp_path / "notices").glob("*.txt"))
    return "".join(file.read_text(encoding="utf-8") for file in files)


# -- notify --


def test_role_is_told_of_a_ticket_once_and_nothing_of_what_it_says(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make({"notify": "leads"})
    complain(bench)
    complain(bench)
    said = told(tmp_path)
    assert said.count("Rule late") == said.count("support 1") == 1
    assert "AUTUMN20" not in said and OLE not in said


@pytest.mark.parametrize("mode", ["observe", "suggest"])
def test_nobody_is_told_by_a_rule_that_does_not_act(
    make: Callable[..., Bench], mode: str
) -> None:
    bench = make({"notify": "leads"}, mode)
    complain(bench)
    assert {row["operation"] for row in rows(bench)} == {"change_tags", "add_note"}
    (note,) = [text for call, _, text in bench.support.calls if call == "add_note"]
    assert ("Rule late suggests: tell leads" in str(note)) is (mode == "suggest")


def test_role_that_nobody_has_is_named(tmp_path: Path) -> None:
    config = configure(tmp_path, {"notify": "nobody"})
    assert isinstance(config.rules, RuleSet)
    (finding,) = check(config, config.rules)
    assert (finding.level, finding.subject) == (Level.PROBLEM, "rules: late")
    assert "no role 'nobody'; known: leads" in finding.message


# -- clock --


def due(bench: Bench, ticket: str = "1") -> dict[str, timedelta]:
    """Return how long after the beginning of the test each deadline is."""
    with bench.store.read() as connection:
        known = tickets.find(connection, TicketRef("support", ticket))
        assert known is not None
        found = clocks.of_ticket(connection, known.id)
        return {row.kind: row.due_at - START for row in found}


PLAIN = {"clocks": {"pack": "plain"}}


@pytest.mark.parametrize(
    ("asked", "hours"),
    [
        ({"first_answer": "2h"}, (2, 24)),
        ({"first_answer": "90m", "solution": "3h"}, (1.5, 3)),
        ({"first_answer": "9d"}, (24, 24)),
        ({"other": "2h"}, (24, 24)),
    ],
)
def test_deadline_is_never_later_than_promised(
    make: Callable[..., Bench], asked: dict[str, str], hours: tuple[float, float]
) -> None:
    bench = make({"clock": asked}, **PLAIN)
    complain(bench)
    found = due(bench)
    told = found["first_answer"], found["solution"]
    assert told == tuple(timedelta(hours=one) for one in hours)


@pytest.mark.parametrize("mode", ["observe", "suggest"])
def test_deadline_stays_where_a_rule_does_not_act(
    make: Callable[..., Bench], mode: str
) -> None:
    bench = make({"clock": {"first_answer": "2h"}}, mode, **PLAIN)
    complain(bench)
    assert due(bench)["first_answer"] == timedelta(hours=24)


def test_nothing_is_late_before_a_rule_could_know_of_it(
    make: Callable[..., Bench],
) -> None:
    bench = make({"clock": {"first_answer": "2h", "keep_informed": "3h"}}, **PLAIN)
    bench.write("1", "My parcel never arrived. This is a scandal!", OLE)
    bench.settle()
    assert due(bench)["first_answer"] == timedelta(hours=24)
    bench.clock.pass_(hours=5)
    complain(bench)
    assert due(bench)["first_answer"] == timedelta(hours=7)
    assert due(bench)["keep_informed"] == timedelta(hours=8)
    complain(bench)
    assert due(bench)["first_answer"] == timedelta(hours=7)


def test_deadline_that_nobody_promised_is_named(tmp_path: Path) -> None:
    config = configure(tmp_path, {"clock": {"other": "2h"}}, **PLAIN)
    assert isinstance(config.rules, RuleSet)
    (finding,) = check(config, config.rules)
    assert "nothing called other is promised" in finding.message
    assert "first_answer, solution, keep_informed" in finding.message


# -- priority --


def given(bench: Bench) -> list[object]:
    return [what for call, _, what in bench.support.calls if call == "hasten"]


def lower(bench: Bench, priority: str) -> None:
    """Let a person change a ticket's priority."""
    ticket = bench.support.tickets["1"]
    fields = {**ticket.fields, "priority": priority}
    bench.support.tickets["1"] = replace(ticket, fields=fields)


def test_priority_is_raised_once_and_a_person_may_lower_it(
    make: Callable[..., Bench],
) -> None:
    bench = make({"priority": "urgent"}, **PLAIN)
    complain(bench)
    lower(bench, "normal")
    bench.clock.pass_(hours=23)
    complain(bench)  # a deadline is near, which would make it high
    assert given(bench) == ["urgent"]
    assert bench.support.tickets["1"].fields["priority"] == "normal"


def test_priority_that_is_as_high_stays(make: Callable[..., Bench]) -> None:
    bench = make({"priority": "normal"})
    bench.support.write("1", COMPLAINTS[0], email=OLE)
    lower(bench, "high")
    complain(bench)
    assert given(bench) == []


@pytest.mark.parametrize(
    ("mode", "autonomy"), [("observe", "act"), ("suggest", "act"), ("act", "observe")]
)
def test_priority_stays_where_nobody_lets_it_be_raised(
    make: Callable[..., Bench], mode: str, autonomy: str
) -> None:
    bench = make({"priority": "high"}, mode, autonomy={"tags": autonomy})
    complain(bench)
    assert given(bench) == []


def test_priority_that_no_helpdesk_has_is_named(tmp_path: Path) -> None:
    config = configure(tmp_path, {"priority": "high"})
    config = config.model_copy(update={"sources": {}})
    assert isinstance(config.rules, RuleSet)
    (finding,) = check(config, config.rules)
    assert "no helpdesk of yours has priorities" in finding.message


# -- route --


def routed(bench: Bench) -> list[object]:
    return [what for call, _, what in bench.support.calls if call == "route"]


def put(bench: Bench, **fields: str) -> None:
    """Let a person change where a ticket is, or take it."""
    ticket = bench.support.tickets["1"]
    bench.support.tickets["1"] = replace(ticket, fields={**ticket.fields, **fields})


def test_ticket_is_moved_once_and_stays_where_a_person_puts_it(
    make: Callable[..., Bench],
) -> None:
    bench = make({"route": "legal"})
    complain(bench)
    put(bench, place="front")
    complain(bench)
    assert routed(bench) == ["legal"]
    assert bench.support.tickets["1"].fields["place"] == "front"


@pytest.mark.parametrize("moved", [False, True])
def test_other_rule_moves_it_on_unless_a_person_did(
    make: Callable[..., Bench], moved: bool
) -> None:
    first = rule({"route": "legal"})
    again = {"field": "messages", "op": "gte", "value": 2}
    more = {**rule({"route": "logistics"}), "id": "again", "when": again}
    bench = make(None, rules={"rules": [first, more]})
    complain(bench)
    if moved:
        put(bench, place="front")
    complain(bench)
    assert routed(bench) == (["legal"] if moved else ["legal", "logistics"])


@pytest.mark.parametrize(
    ("mode", "autonomy"), [("observe", "act"), ("suggest", "act"), ("act", "observe")]
)
def test_ticket_stays_where_nobody_lets_it_be_moved(
    make: Callable[..., Bench], mode: str, autonomy: str
) -> None:
    bench = make({"route": "legal"}, mode, autonomy={"tags": autonomy})
    complain(bench)
    assert routed(bench) == []


def test_route_that_no_helpdesk_has_is_named(tmp_path: Path) -> None:
    config = configure(tmp_path, {"route": "legal"})
    config = config.model_copy(update={"sources": {}})
    assert isinstance(config.rules, RuleSet)
    (finding,) = check(config, config.rules)
    assert "no helpdesk of yours has groups or inboxes" in finding.message
