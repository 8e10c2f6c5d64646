"""What is written on an issue while more customers complain: little, and in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kit import Bench

from connector.errors import VendorUnreachable

TEXT = (
    "The discount code HARVEST30 does not work at checkout. I get error E-7041. "
    "This is really annoying, please fix it!"
)


def complain(bench: Bench, start: int, end: int) -> None:
    for number in range(start, end):
        bench.write(str(number), TEXT, f"customer{number}@mail.example")
    bench.settle()


def filed(bench: Bench, customers: int = 5) -> None:
    complain(bench, 0, customers)
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert bench.tracker.drafts


def comments(bench: Bench) -> list[str]:
    """Return how the comments on the issue begin."""
    return [
        body[0].text.partition(" have")[0]
        for name, _, body in bench.tracker.calls
        if name == "comment_issue"
    ]


def changes(bench: Bench) -> list[tuple[str, ...]]:
    return [one.counts for name, _, one in bench.tracker.calls if "update" in name]


def down(*args: Any, **more: Any) -> Any:
    raise VendorUnreachable("it is down")


def test_issue_speaks_at_steps_beyond_what_it_said_when_it_was_filed(
    bench: Bench,
) -> None:
    filed(bench, 5)
    assert comments(bench) == []
    for customers in range(6, 23):
        complain(bench, customers - 1, customers)
    assert comments(bench) == ["10 customers", "20 customers"]


def test_steps_that_were_jumped_over_share_one_comment(bench: Bench) -> None:
    filed(bench, 6)
    for number in range(6, 53):
        bench.write(str(number), TEXT, f"customer{number}@mail.example")
    bench.runtime.worker.run_once()
    bench.settle()
    assert comments(bench) == ["50 customers"]


def test_comments_that_waited_for_the_tracker_are_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(bench, 5)
    with monkeypatch.context() as patched:
        for name in ("comment_issue", "update_issue", "link_ticket"):
            patched.setattr(bench.tracker, name, down)
        for customers in range(6, 25):
            complain(bench, customers - 1, customers)
            bench.clock.pass_(minutes=1)
    bench.clock.pass_(hours=1)
    bench.settle()
    bench.clock.pass_(hours=1)
    bench.settle()
    assert comments(bench) == ["20 customers"]


def test_daily_comment_comes_once_a_day_if_there_is_something_to_say(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"daily": True, "steps": [50]})
    filed(bench, 5)
    for hour in range(60):
        if hour in (3, 5, 20, 50):
            complain(bench, 100 + hour, 101 + hour)
        bench.clock.pass_(hours=1)
        for issue in bench.tracker.issues:
            bench.issue_changed(issue)
        bench.settle()
    assert comments(bench) == ["8 customers", "9 customers"]


def test_number_that_went_down_and_up_again_is_not_told_twice(bench: Bench) -> None:
    filed(bench, 5)
    complain(bench, 5, 10)
    bench.support.tickets.pop("9")
    bench.changed("support", "9")
    bench.settle()
    complain(bench, 10, 12)
    assert comments(bench) == ["10 customers"]


def test_counts_are_written_once_in_a_while_and_the_last_ones_arrive(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"counts_every": "10m"})
    filed(bench, 5)
    for customers in range(6, 16):
        complain(bench, customers - 1, customers)
        bench.clock.pass_(seconds=90)
        bench.settle()
    bench.clock.pass_(minutes=10)
    bench.settle()
    numbers = [said[1] for said in changes(bench)]
    assert numbers == ["Customers: 5", "Customers: 12", "Customers: 15"]
