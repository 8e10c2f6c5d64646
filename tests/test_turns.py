"""Problems that could be filed and wait for their turn: a lowered threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kit import Bench
from test_loop import calls, complain, the_group

from connector.config import Config
from connector.store import groups

#: Problems that have nothing to do with each other, and the words of each.
PROBLEMS = {
    "parcel": "My parcel has still not arrived after three weeks, a scandal!",
    "invoice": "The invoice is wrong again, you charged me twice, I am furious!",
    "app": "Your app crashes every time I open it, terrible, fix it at last!",
    "shoes": "The shoes fell apart after two days, such poor quality, awful!",
}


def with_threshold(bench: Bench, **problems: Any) -> None:
    """Change the settings of a running connector, as a restart would."""
    changed = bench.config.problems.model_copy(update=problems)
    config = bench.config.model_copy(update={"problems": changed})
    for owner in (bench, bench.runtime.pipeline, bench.runtime.worker):
        assert isinstance(owner.config, Config)
        owner.config = config


def write(bench: Bench, problem: str, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        bench.write(
            f"{problem}{number}", PROBLEMS[problem], f"{problem}{number}@mail.example"
        )
    bench.settle()


def listed(bench: Bench, state: str) -> list[Any]:
    with bench.store.read() as connection:
        found = groups.listing(connection, state, 20)
    return sorted(found, key=lambda row: -row["customers"])


def test_lowered_threshold_files_nothing_by_itself(bench: Bench) -> None:
    write(bench, "parcel", 3)
    bench.clock.pass_(days=8)
    with_threshold(bench, customers=3)
    bench.settle()
    assert calls(bench, "create_issue") == []
    # Nor when somebody writes once more: the three were long ago.
    write(bench, "parcel", 1, start=3)
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert calls(bench, "create_issue") == []


def test_most_customers_go_first_and_the_rest_wait_for_the_next_hour(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"customers": 3, "new_per_hour": 2, "usual_factor": 0})
    for problem, customers in zip(PROBLEMS, (3, 4, 6, 5), strict=True):
        write(bench, problem, customers)
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert [row["customers"] for row in listed(bench, "filed")] == [6, 5]
    waiting = listed(bench, "ready")
    assert [row["reason"] for row in waiting] == [
        "4 customers in 7 days; waits: 2 problems were filed within the hour",
        "3 customers in 7 days; waits: 2 problems were filed within the hour",
    ]
    bench.clock.pass_(minutes=59)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 2
    bench.clock.pass_(minutes=2)
    bench.settle()
    assert [row["customers"] for row in listed(bench, "filed")] == [6, 5, 4, 3]
    assert {row["reason"] for row in listed(bench, "filed")} == {
        f"{count} customers in 7 days" for count in (6, 5, 4, 3)
    }


def test_what_waits_is_not_lost_when_its_window_passes(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(
        problems={
            "customers": 0,
            "fast_customers": 3,
            "fast_window": "30m",
            "new_per_hour": 1,
        }
    )
    write(bench, "parcel", 4)
    write(bench, "invoice", 3)
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert [row["customers"] for row in listed(bench, "filed")] == [4]
    bench.clock.pass_(hours=1, minutes=1)
    bench.settle()
    assert [row["customers"] for row in listed(bench, "filed")] == [4, 3]
    assert len(calls(bench, "create_issue")) == 2


def test_no_limit_files_all_at_once(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(problems={"customers": 3, "new_per_hour": 0})
    for problem in PROBLEMS:
        write(bench, problem, 3)
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 4


def test_raised_threshold_sends_a_ready_problem_back(bench: Bench) -> None:
    complain(bench, 5)
    bench.settle()
    with_threshold(bench, customers=6)
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert the_group(bench)["state"] == "emerging"
    assert calls(bench, "create_issue") == []
