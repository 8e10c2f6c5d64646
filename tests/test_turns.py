"""Problems that could be filed and wait for their turn: a lowered threshold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from kit import START, Bench
from loop_kit import calls, complain, the_group

from connector.config import Config
from connector.config_problems import MutedType
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


def muted(until: datetime, kind: str = "delivery") -> list[dict[str, Any]]:
    return [{"type": kind, "until": until.isoformat(), "reason": "a strike"}]


def test_muted_type_counts_and_files_nothing_until_the_mute_ends(
    make_bench: Callable[..., Bench],
) -> None:
    end = START + timedelta(hours=12)
    bench = make_bench(problems={"muted": muted(end)})
    write(bench, "parcel", 6)
    write(bench, "invoice", 5)
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert [row["type"] for row in listed(bench, "filed")] == ["billing_invoice"]
    (waiting,) = listed(bench, "ready")
    assert (waiting["customers"], waiting["reason"]) == (
        6,
        "6 customers in 7 days; waits: delivery is muted until 2026-03-02 21:00 UTC "
        "(a strike)",
    )
    bench.clock.now = end + timedelta(minutes=1)
    bench.settle()
    write(bench, "parcel", 2, start=6)
    created = [
        draft for name, _, draft in bench.tracker.calls if name == "create_issue"
    ]
    assert len(created) == 2
    assert any(
        "6 customers in 7 days; delivery was muted until 2026-03-02 21:00 UTC "
        "(a strike), and 6 customers wrote before that" in block.text
        for block in created[1].description
    )


def test_what_is_below_its_threshold_when_the_mute_ends_is_not_filed(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"muted": muted(START + timedelta(days=9))})
    write(bench, "parcel", 6)
    bench.clock.pass_(days=10)
    bench.settle()
    assert calls(bench, "create_issue") == []
    assert [row["type"] for row in listed(bench, "emerging")] == ["delivery"]


def test_issue_of_a_muted_type_is_not_written_to(bench: Bench) -> None:
    write(bench, "parcel", 5)
    bench.clock.pass_(minutes=11)
    bench.settle()
    before = list(bench.tracker.calls)
    mute = MutedType(type="delivery", until=bench.clock() + timedelta(hours=3))
    with_threshold(bench, muted=(mute,))
    write(bench, "parcel", 6, start=5)
    assert bench.tracker.calls == before
    bench.clock.pass_(hours=4)
    bench.settle()
    assert len(calls(bench, "link_ticket")) == 11
    assert len(calls(bench, "comment_issue")) == 1


@pytest.mark.parametrize(
    ("lane", "first", "count", "apart"),
    [
        ({}, 1, 4, timedelta(days=6, hours=23, minutes=55)),
        ({"fast_customers": 4}, 3, 1, timedelta(hours=3, minutes=55)),
    ],
    ids=["ordinary", "fast"],
)
def test_complaints_do_not_grow_old_while_a_problem_settles(
    bench: Bench, lane: dict[str, Any], first: int, count: int, apart: timedelta
) -> None:
    with_threshold(bench, **lane)
    complain(bench, first)
    bench.settle()
    bench.clock.now += apart
    complain(bench, count, start=first)
    bench.settle()
    assert the_group(bench)["state"] == "ready"
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1


def test_threshold_that_was_crossed_while_nobody_listened_is_seen_later(
    bench: Bench,
) -> None:
    with_threshold(bench, fast_customers=4)
    for number in range(4):
        bench.support.write(
            str(number),
            PROBLEMS["parcel"],
            email=f"customer{number}@mail.example",
            now=bench.clock.pass_(minutes=10),
        )
    bench.clock.pass_(hours=6)
    for number in range(3):
        bench.changed("support", str(number))
    bench.settle()
    assert the_group(bench)["state"] == "emerging"
    bench.changed("support", "3")
    bench.settle()
    assert len(calls(bench, "create_issue")) == 1
    assert the_group(bench)["reason"] == "4 customers in 4 h"
