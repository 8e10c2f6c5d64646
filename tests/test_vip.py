"""Who is a VIP, and by what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kit import START

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
    ],
)
def test_source_of_vip_is_named(customer: dict[str, Any], source: str) -> None:
    found = vip_source(ticket(**customer), CONFIG)
    assert found.startswith(source)
    assert bool(found) == bool(source)
