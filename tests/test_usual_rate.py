"""What is usual for a problem: its own past, imported history, problems before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from kit import START, Bench, importing
from loop_kit import COMPLAINTS, complain, fix, the_group

from connector.history import import_history
from connector.store import groups


def trickle(bench: Bench, weeks: int, each: int, name: str) -> None:
    """Let so many customers complain in each of the coming weeks."""
    for week in range(weeks):
        for number in range(each):
            bench.write(
                f"{name}{week}-{number}",
                COMPLAINTS[number % len(COMPLAINTS)],
                f"{name}{week}-{number}@mail.example",
                subject="Discount code",
            )
        bench.settle()
        bench.clock.pass_(days=7)


def test_more_than_usual_is_filed_and_says_so(bench: Bench) -> None:
    trickle(bench, 3, 1, "past")
    complain(bench, 5)
    bench.settle()
    group = the_group(bench)
    assert (group["state"], group["reason"]) == (
        "ready",
        "5 customers in 7 days, usually 1",
    )


def test_usual_number_of_customers_is_not_filed(bench: Bench) -> None:
    trickle(bench, 4, 3, "past")
    complain(bench, 5)
    bench.settle()
    assert the_group(bench)["state"] == "emerging"
    complain(bench, 1, start=5)
    bench.settle()
    assert the_group(bench)["reason"] == "6 customers in 7 days, usually 3"


def test_history_says_what_is_usual_and_counts_for_nothing(bench: Bench) -> None:
    bench.clock.now = START - timedelta(days=28)
    for week in range(4):
        for number in range(3):
            bench.support.write(
                f"old{week}-{number}",
                COMPLAINTS[number],
                email=f"old{week}-{number}@mail.example",
                subject="Discount code",
                now=bench.clock(),
            )
        bench.clock.pass_(days=7)
    import_history(importing(bench), START - timedelta(days=30), None)
    complain(bench, 5)
    bench.settle()
    assert (the_group(bench)["state"], the_group(bench)["customers"]) == ("emerging", 5)
    complain(bench, 1, start=5)
    bench.settle()
    assert the_group(bench)["reason"] == "6 customers in 7 days, usually 3"


def test_return_of_a_closed_problem_knows_what_was_usual_before(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"return_customers": 100})
    trickle(bench, 6, 3, "past")
    complain(bench, 7)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    fix(bench, the_group(bench)["issue_id"])
    bench.clock.pass_(days=28)
    complain(bench, 2, start=7)  # of the problem before, so they count for no other
    bench.settle()
    bench.clock.pass_(days=3)
    bench.settle()
    assert the_group(bench)["state"] == "closed"
    complain(bench, 5, start=10)
    bench.settle()
    with bench.store.read() as connection:
        (new,) = groups.listing(connection, "emerging", 10)
    assert new["customers"] == 5
    complain(bench, 1, start=15)
    bench.settle()
    with bench.store.read() as connection:
        (new,) = groups.listing(connection, "ready", 10)
    assert new["reason"] == "6 customers in 7 days, usually 3"
