"""Who is a VIP, and by what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit import START, Bench, settings
from loop_kit import COMPLAINTS

from connector.config import check
from connector.judging import vip_source
from connector.models import Customer, Ticket, TicketRef, TicketStatus

CONFIG = check(
    {
        "sources": {"support": {"kind": "memory"}},
        "vip": {
            "addresses": ["ada@vip.example"],
            "domains": ["bank.example"],
            "organizations": ["Fjord AS"],
            "properties": {"organization.tier": ["Gold"]},
        },
    },
    "test",
)


def ticket(**customer: Any) -> Ticket:
    return Ticket(
        ref=TicketRef("support", "1"),
        number="1",
        subject="",
        status=TicketStatus.OPEN,
        customer=replace(Customer(external_id="9"), **customer),
        comments=(),
        tags=frozenset(),
        created_at=START,
        updated_at=START,
        url="",
    )


@pytest.mark.parametrize(
    ("customer", "source"),
    [
        ({}, ""),
        ({"email": "ada@vip.example"}, "the list of addresses"),
        ({"email": "x@y.example", "emails": ("ada@vip.example",)}, "the list"),
        ({"email": "bo@bank.example"}, "the domain bank.example"),
        ({"emails": ("bo@bank.example",)}, "the domain bank.example"),
        ({"organization": "FJORD as"}, "the organisation FJORD as"),
        (
            {"organization": "Other", "organizations": ("Fjord AS",)},
            "the organisation Fjord AS",
        ),
        ({"organization": "Other", "emails": ("x@y.example",)}, ""),
        ({"tags": frozenset({"VIP"})}, "the tag vip"),
        ({"fields": {"organization.tier": " gold"}}, "the property organization.tier"),
        ({"fields": {"organization.tier": "tin", "tier": "gold"}}, ""),
    ],
)
def test_source_of_vip_is_named(customer: dict[str, Any], source: str) -> None:
    found = vip_source(ticket(**customer), CONFIG)
    assert found.startswith(source)
    assert bool(found) == bool(source)


@pytest.mark.parametrize(
    ("status", "told"), [(TicketStatus.OPEN, 1), (TicketStatus.RESOLVED, 0)]
)
def test_role_is_told_once_of_what_is_worked_on(
    blank_sqlite: str, tmp_path: Path, status: TicketStatus, told: int
) -> None:
    folder = {"kind": "file", "folder": str(tmp_path / "told")}
    config = settings(
        blank_sqlite,
        vip={"addresses": ["ada@vip.example"], "role": "lead"},
        notify={"channels": {"folder": folder}, "roles": {"lead": ["folder"]}},
    )
    bench = Bench(config)
    for number, text in enumerate(COMPLAINTS[:2]):
        bench.clock.pass_(days=1)
        bench.support.write(
            str(number), text, email="ada@vip.example", now=bench.clock()
        )
    bench.support.tickets["1"] = replace(bench.support.tickets["1"], status=status)
    for number in (0, 1, 1):
        bench.changed("support", str(number))
        bench.settle()
    bench.close()
    files = [one.read_text(encoding="utf-8") for one in tmp_path.glob("told/*.txt")]
    assert "".join(files).count("A VIP complains again") == told
