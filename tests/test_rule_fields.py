"""What is said of rules is so, and what a ticket tells gets to them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from kit import ROOT, START, Bench, Clock, settings

from connector.models import TicketRef
from connector.store import tickets
from rules.conditions import FIELDS, OPERATIONS, problem
from rules.schema import Action

LATE = "My parcel is late again, and nobody answers. Where is order A-12?"


def rows(heading: str) -> list[list[str]]:
    """Return the rows of the page's table that begins with these words."""
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    table = text[text.index(f"| {heading} |") :].partition("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()[2:]
    ]


def test_table_of_fields_is_what_rules_know() -> None:
    told = {row[0].strip("`"): row[1] for row in rows("Field | Holds | What it is")}
    assert {told.pop(name) for name in ("customer.<field>", "fields.<id>")} == {"text"}
    assert told == {name: str(kind) for name, kind in FIELDS.items()}


def test_field_of_a_customer_may_have_any_name_that_is_no_slip() -> None:
    for field in ("customer.segment", "customer.organization.id", "customer.name"):
        assert problem(field, "gte", 5) is None
    said = "'customer.emial' does not exist; did you mean 'customer.email'?"
    assert problem("customer.emial", "equals", "x") == ("field", said)


def test_table_of_operations_is_what_rules_know() -> None:
    told = {
        row[0]: tuple(re.findall("`(.+?)`", row[1]))
        for row in rows("Of a field that holds | Operations")
    }
    assert told == {str(kind): names for kind, names in OPERATIONS.items()}


def test_table_of_what_rules_do_is_what_they_can_do() -> None:
    told = [row[0].strip("`") for row in rows("Key | With `mode: act`")]
    assert told == list(Action.model_fields)


@pytest.mark.parametrize(
    ("field", "op", "value"),
    [
        ("sentiment", "equals", "negative"),
        ("band", "in", ["high", "medium"]),
        ("vip.source", "contains", "the domain"),
        ("problem.state", "equals", "emerging"),
        ("problem.customers", "equals", 1),
        ("messages", "equals", 2),
        ("rating", "equals", "bad"),
        ("imported", "equals", False),
        ("created.weekday", "equals", "tue"),
        ("created.hour", "equals", 0),
    ],
)
def test_rule_sees_what_is_known_of_a_ticket(
    tmp_path: Path, field: str, op: str, value: object
) -> None:
    when = {"field": field, "op": op, "value": value}
    rule = {"id": "one", "when": when, "then": [{"add_tag": "found"}]}
    config = settings(
        f"sqlite:///{tmp_path / 'c.db'}",
        rules={"rules": [rule]},
        vip={"domains": ["acme.example"]},
        calendars={"oslo": {"timezone": "Europe/Oslo"}},
        sources={"support": {"kind": "memory", "calendar": "oslo"}},
    )
    # Half past midnight on Tuesday in Oslo.
    bench = Bench(config, Clock(START + timedelta(hours=14, minutes=30)))
    bench.write("1", LATE, "ole@acme.example")
    bench.write("1", "Hello?", "ole@acme.example")
    ticket = bench.support.tickets["1"]
    bench.support.tickets["1"] = replace(ticket, fields={"satisfaction": "bad"})
    bench.settle()
    with bench.store.read() as connection:
        row = tickets.find(connection, TicketRef("support", "1"))
        assert row is not None
        trace = tickets.newest_trace(connection, row.id)
    bench.close()
    assert [one["rule"] for one in trace["rules"]] == ["one"]
