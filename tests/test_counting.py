"""Who counts for how much towards a threshold: VIPs, offices, companies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from kit import START, Bench
from loop_kit import COMPLAINTS, calls, the_group
from sqlalchemy import delete, select

from connector.store import groups, members, problem_tables


def write(bench: Bench, *emails: str, organization: str = "") -> None:
    """Let customers complain, whose profile names an organisation."""
    for email in emails:
        bench.support.write(
            email, COMPLAINTS[0], email=email, subject="Code", now=bench.clock()
        )
        known = bench.support.tickets[email]
        customer = replace(known.customer, organization=organization or None)
        bench.support.tickets[email] = replace(known, customer=customer)
        bench.changed("support", email)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()


@pytest.mark.parametrize(
    ("problems", "reason"),
    [
        ({"company_cap": 2, "customers": 3}, ""),
        ({"count": "companies", "customers": 3}, ""),
        (
            {"vip_weight": 2, "customers": 5},
            "4 customers, one of them VIP (counts 2), in 7 days",
        ),
    ],
)
def test_one_office_is_no_incident_and_a_vip_counts_for_more(
    make_bench: Callable[..., Bench], problems: dict[str, Any], reason: str
) -> None:
    bench = make_bench(problems=problems, vip={"addresses": ["d@office.example"]})
    write(bench, *(f"{name}@office.example" for name in "abcd"))
    assert len(calls(bench, "create_issue")) == bool(reason)
    assert the_group(bench)["reason"] == reason
    assert the_group(bench)["customers"] == 4


def test_companies_count_by_organisation_domain_or_person(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"count": "companies", "customers": 4})
    write(bench, "a@one.example", "b@two.example", organization="Acme AS")
    write(bench, "c@three.example", "d@three.example", "e@gmail.com")
    assert calls(bench, "create_issue") == []
    write(bench, "f@gmail.com")
    assert the_group(bench)["reason"] == "4 companies (6 customers) in 7 days"
    assert len(calls(bench, "create_issue")) == 1


def test_who_becomes_a_vip_later_counts_as_one(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(
        problems={"vip_weight": 2, "customers": 3}, vip={"tags": ["gold"]}
    )
    write(bench, "a@mail.example", "b@mail.example")
    assert calls(bench, "create_issue") == []
    known = bench.support.tickets["a@mail.example"]
    bench.support.tickets["a@mail.example"] = replace(known, tags=known.tags | {"gold"})
    bench.changed("support", "a@mail.example")
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1


@pytest.mark.parametrize("seed", range(4))
def test_members_counted_one_by_one_are_as_many_as_at_once(
    bench: Bench, seed: int
) -> None:
    dice = Random(seed)
    for number in range(6):
        email = f"{dice.randrange(3)}@mail.example"
        bench.write(str(number), COMPLAINTS[0], email, subject="Code")
    bench.settle()
    with bench.store.write() as connection:
        added = connection.execute(select(problem_tables.members)).mappings().all()
        connection.execute(delete(problem_tables.members))
        members.recount(connection, 1)
        for row in added:
            at = START + timedelta(hours=dice.randrange(9))
            archived = dice.random() < 0.5
            members.add(connection, {**row, "at": at, "archived": archived})
            known = row["ticket_id"], row["customer_id"]
            members.count_in(connection, 1, *known, at, archived)
            counted = groups.get(connection, 1)
            members.recount(connection, 1)
            assert groups.get(connection, 1) == counted
