"""A problem over its threshold that is not filed: nothing unusual, or told already."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from kit import Bench
from loop_kit import calls, complain, the_group

from connector.store import groups
from connector.store.problem_tables import group_bonds
from rules.duplicates import Grouper

LATE = "My parcel has still not arrived after three weeks, this is a scandal!"


def settle(bench: Bench) -> None:
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()


def complain_of_parcels(bench: Bench, count: int) -> None:
    for number in range(count):
        bench.write(f"p{number}", LATE, f"parcel{number}@mail.example", source="shop")


def states(bench: Bench) -> dict[str, str]:
    with bench.store.read() as connection:
        listed = groups.listing(connection, None, 10)
    return {row["type"]: row["state"] for row in listed}


def test_what_is_usual_is_not_filed_until_it_is_unusual(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.doubts.is_unusual", lambda *_: False)
    complain(bench, 6)
    settle(bench)
    group = the_group(bench)
    assert (group["state"], group["customers"]) == ("emerging", 6)
    assert group["reason"] == (
        "6 customers in 7 days; not filed: its words come no more often than usual"
    )
    # Nobody who does not know the words may think otherwise: a ticket leaves.
    del bench.support.tickets["5"]
    bench.changed("support", "5")
    settle(bench)
    assert calls(bench, "create_issue") == []
    monkeypatch.undo()
    complain(bench, 1, start=6)
    settle(bench)
    assert len(calls(bench, "create_issue")) == 1


def say_the_same(_: Grouper, __: str, among: Iterable[str]) -> str | None:
    return next(iter(among), None)


def test_twin_of_a_filed_problem_is_not_filed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.doubts.twin", say_the_same)
    complain(bench, 5)
    settle(bench)
    first = the_group(bench)["id"]
    complain_of_parcels(bench, 5)
    settle(bench)
    assert states(bench) == {"discount_pricing": "filed", "delivery": "emerging"}
    with bench.store.read() as connection:
        (other,) = groups.listing(connection, "emerging", 10)
    assert f"not filed: problem {first} says the same" in other["reason"]
    # Long after the first one has gone quiet it is a problem of its own.
    bench.clock.pass_(days=8)
    complain_of_parcels(bench, 5)
    settle(bench)
    assert states(bench)["delivery"] == "filed"


def test_what_a_person_keeps_apart_is_no_twin(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.doubts.twin", say_the_same)
    complain(bench, 5)
    settle(bench)
    complain_of_parcels(bench, 1)
    bench.settle()
    with bench.store.write() as connection:
        one, other = sorted(row["id"] for row in groups.listing(connection, None, 10))
        bond = {"one_id": one, "other_id": other, "who": "kari"}
        connection.execute(group_bonds.insert(), {**bond, "at": bench.clock()})
    complain_of_parcels(bench, 5)
    settle(bench)
    assert states(bench)["delivery"] == "filed"


def test_what_comes_up_beside_a_filed_problem_takes_more_customers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.doubts.companion", say_the_same)
    complain(bench, 5)
    settle(bench)
    first = the_group(bench)["id"]
    complain_of_parcels(bench, 6)
    settle(bench)
    with bench.store.read() as connection:
        (other,) = groups.listing(connection, "emerging", 10)
    assert other["reason"] == (
        f"6 customers in 7 days; not filed: problem {first} came up at the same time, "
        "so it takes 40 % more customers"
    )
    bench.write("p6", LATE, "parcel6@mail.example", source="shop")
    settle(bench)
    assert states(bench) == {"discount_pricing": "filed", "delivery": "filed"}
