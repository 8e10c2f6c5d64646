"""Whom a message about a fix reaches, and who is not counted as told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kit import Bench
from loop_kit import COMPLAINTS, calls, complain, fix, the_group

from connector.recipients import UNREACHABLE
from connector.store import broadcasts, deliveries, messages

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
