"""Whom a message about a fix reaches, and who is not counted as told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from kit import Bench
from loop_kit import COMPLAINTS, calls, complain, fix, rows, the_group

from connector.models import OutboxState
from connector.recipients import UNREACHABLE
from connector.store import broadcasts, customers, deliveries, messages

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

KARI = "kari@mail.example"


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """The shop can only be read, as a form without a callback."""
    return make_bench(
        sources={
            "support": {"kind": "memory"},
            "shop": {"kind": "memory", "takes_writes": False},
            "tracker": {"kind": "memory"},
        }
    )


def write_to_shop(bench: Bench, ticket: str, email: str) -> None:
    bench.write(ticket, COMPLAINTS[0], email, source="shop", subject="Discount")


def file(bench: Bench) -> str:
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    return str(the_group(bench)["issue_id"])


def told(bench: Bench) -> list[str]:
    return [target for n, target, _ in bench.shop.calls if n == "send_message"] + [
        target for n, target, _ in bench.support.calls if n == "send_message"
    ]


def unreachable(bench: Bench) -> list[str]:
    """Return the customers of the fix that nobody can write to."""
    group = the_group(bench)
    with bench.store.read() as connection:
        out = broadcasts.left_out_of(connection, group["id"], group["episode"])
    return [row.customer_key for row in out if row.reason == UNREACHABLE]


def test_message_prefers_a_ticket_that_can_be_written_to(bench: Bench) -> None:
    bench.write("k", COMPLAINTS[3], KARI, subject="Code")
    bench.clock.pass_(minutes=1)
    write_to_shop(bench, "newer", KARI)
    fix(bench, file(bench))
    assert sorted(told(bench)) == ["0", "1", "2", "3", "4", "k"]
    assert unreachable(bench) == []


def test_customer_nobody_can_write_to_is_shown_and_not_counted_as_told(
    bench: Bench,
) -> None:
    write_to_shop(bench, "only", KARI)
    fix(bench, file(bench))
    assert sorted(told(bench)) == ["0", "1", "2", "3", "4"]
    assert unreachable(bench) == [KARI]
    with bench.store.read() as connection:
        recorded = messages.told(connection, the_group(bench)["id"])
        listed = deliveries.listing(connection, "handled", 100)
    assert len(recorded) == 5
    assert any("5 customers are told, 1 left out" in row["reason"] for row in listed)


def test_customer_who_becomes_reachable_is_told_after_all(bench: Bench) -> None:
    write_to_shop(bench, "only", KARI)
    issue = file(bench)
    bench.support.write("late", COMPLAINTS[3], email=KARI, now=bench.clock())
    fix(bench, issue)
    assert unreachable(bench) == [KARI]
    # Written before the fix, and seen only now.
    bench.changed("support", "late")
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    assert sorted(told(bench)) == ["0", "1", "2", "3", "4", "late"]
    assert unreachable(bench) == []
    assert len(calls(bench, "create_issue")) == 1


def test_customers_nobody_can_write_to_need_no_approval(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(
        sources={
            "support": {"kind": "memory"},
            "shop": {"kind": "memory", "takes_writes": False},
            "tracker": {"kind": "memory"},
        },
        messages={"approve_above": 5},
    )
    for number in range(4):
        write_to_shop(bench, f"s{number}", f"shopper{number}@mail.example")
    fix(bench, file(bench))
    assert len(told(bench)) == 5
    assert len(unreachable(bench)) == 4


def test_generic_source_takes_writes_only_with_a_callback() -> None:
    from adapters import kinds

    kind = kinds()["generic"]
    secret = {"webhook_secret": "whsec_" + "QUJD" * 11}
    without = kind.config.model_validate(secret)
    back = {
        "callback_url": "https://f.example/c",
        "callback_secret": "whsec_" + "QUJE" * 11,
    }
    given = kind.config.model_validate({**secret, **back})
    assert [kind.takes_writes(one) for one in (without, given)] == [False, True]


# -- tickets of several people that became one, and nobody told us


@on_sqlite
def test_merged_tickets_of_two_people_hold_one_message(bench: Bench) -> None:
    issue = file(bench)
    bench.support.merged["0"] = "1"
    fix(bench, issue)
    assert sorted(told(bench)) == ["1", "2", "3", "4"]
    (withdrawn,) = rows(bench, OutboxState.DISCARDED)
    assert withdrawn["error"] == "who reads that ticket is told on it already"


@on_sqlite
def test_message_does_not_reach_who_opted_out_by_way_of_a_merge(bench: Bench) -> None:
    issue = file(bench)
    with bench.store.write() as connection:
        other = customers.by_key(connection, "customer1@mail.example")
        assert other is not None
        customers.opt_out(connection, other.id, "anna", bench.clock())
    bench.support.merged["0"] = "1"
    fix(bench, issue)
    assert sorted(told(bench)) == ["2", "3", "4"]


@on_sqlite
@pytest.mark.parametrize("merged", ["before the message", "after it"])
def test_ticket_that_got_a_message_by_a_merge_gets_no_other(
    bench: Bench, merged: str
) -> None:
    issue = file(bench)
    bench.write("old", "Where can I see my orders?", "olga@mail.example")
    bench.settle()
    if merged == "before the message":
        bench.support.merged["0"] = "old"
    fix(bench, issue)
    first = sorted(told(bench))
    assert len(first) == 5
    bench.support.merged["0"] = "old"
    # Now the merge is read, and somebody comes late: all are looked at again.
    bench.changed("support", "0")
    bench.settle()
    start = the_group(bench)["done_at"] - timedelta(minutes=1)
    bench.support.write("late", COMPLAINTS[0], email=KARI, now=start)
    bench.changed("support", "late")
    bench.settle()
    bench.clock.pass_(minutes=1)
    bench.settle()
    assert sorted(told(bench)) == sorted([*first, "late"])
