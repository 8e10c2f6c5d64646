"""The alarm when one type makes up too much of all complaints: once, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from kit import START, Bench, importing
from loop_kit import rows
from sqlalchemy import update

from connector import share
from connector.history import import_history
from connector.models import OutboxState
from connector.store import outbox
from connector.store.schema import tickets

#: Complaints of some types, each of them alike.
TEXTS = {
    "delivery": "My parcel has still not arrived after weeks, a scandal!",
    "billing_invoice": "The invoice is wrong, you charged me twice, I am furious!",
    "product_quality": "The shoes fell apart after two days, such poor quality!",
    "customer_service": "Nobody answers my mails, terrible customer service!",
}


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """No single problem gets an issue here."""
    return make_bench(problems={"customers": 0, "share_least": 10})


def write(bench: Bench, start: int, **counts: int) -> None:
    """Let so many customers complain of each type, and the next look happen."""
    for kind, count in counts.items():
        for number in range(start, start + count):
            name = f"{kind}{number}"
            bench.write(name, TEXTS[kind], f"{name}@mail.example")
    bench.settle()
    bench.clock.pass_(minutes=6)
    bench.settle()


def alarms(bench: Bench) -> list[Any]:
    found = rows(bench, OutboxState.DONE)
    created = [row["id"] for row in found if row["operation"] == "create_issue"]
    with bench.store.read() as connection:
        return [outbox.get(connection, row_id) for row_id in created]


def test_type_above_its_share_gives_one_alarm(bench: Bench) -> None:
    write(bench, 0, delivery=4, billing_invoice=3, product_quality=2)
    assert alarms(bench) == []  # nine complaints are too few to tell
    write(bench, 4, customer_service=1)
    assert alarms(bench) == []  # 40 % is not above 40 %
    write(bench, 5, delivery=1)
    (row,) = alarms(bench)
    assert row["reason"] == "Delivery makes up 45% of 11 complaints in 24 h"
    write(bench, 6, delivery=5)
    bench.clock.pass_(hours=5)
    bench.settle()
    assert len(alarms(bench)) == 1


def test_complaints_without_a_type_by_now_are_of_other_and_keep_nobody_waiting(
    bench: Bench,
) -> None:
    write(bench, 0, delivery=9)
    with bench.store.write() as connection:
        connection.execute(update(tickets).values(verdict={"types": []}, kind=""))
    write(bench, 9, delivery=1)
    (row,) = alarms(bench)
    assert row["payload"]["share"] == "other"


def test_issue_of_an_alarm_shows_days_and_problems_and_quotes_nobody(
    bench: Bench,
) -> None:
    write(bench, 0, billing_invoice=3, customer_service=1, delivery=1)
    bench.clock.pass_(hours=30)
    write(bench, 5, delivery=6, billing_invoice=4, product_quality=2)
    (row,) = alarms(bench)
    assert row["payload"]["summary"] == (
        "Delivery makes up 50% of 12 complaints in 24 h (usually 20%)"
    )
    text = "\n".join(block[1] for block in row["payload"]["description"])
    assert ": 6 of 12\n" in text
    assert ": 1 of 5\n" in text
    assert "Delivery: " in text
    assert ": 6, not filed" in text
    assert "scandal" not in text
    with bench.store.read() as connection:
        standing = share.alarms(connection)
    assert (
        standing["delivery"]["key"] == bench.tracker.issues[row["result"]["id"]].ref.key
    )


def test_one_who_writes_often_gives_no_alarm(bench: Bench) -> None:
    write(bench, 0, billing_invoice=5, product_quality=4)
    for number in range(30):
        bench.write(f"often{number}", TEXTS["delivery"], "often@mail.example")
    write(bench, 20, customer_service=3)
    assert alarms(bench) == []


def test_alarm_is_given_again_only_after_a_whole_window_below(bench: Bench) -> None:
    write(bench, 0, delivery=6, billing_invoice=4)
    assert len(alarms(bench)) == 1
    bench.clock.pass_(hours=25)  # quiet: below from now on
    write(bench, 10, delivery=6, billing_invoice=4)
    assert len(alarms(bench)) == 1
    for _ in range(2):
        bench.clock.pass_(hours=25)
        bench.settle()
    write(bench, 20, delivery=6, billing_invoice=4)
    assert len(alarms(bench)) == 2


def test_restart_does_not_repeat_an_alarm(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    write(bench, 0, delivery=6, billing_invoice=4)
    again = make_bench(problems={"customers": 0, "share_least": 10})
    again.clock.now = bench.clock.pass_(minutes=10)
    again.settle()
    assert len(alarms(again)) == 1


def test_problem_that_is_most_of_it_is_told_by_its_own_issue(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(problems={"customers": 5, "share_least": 10})
    write(bench, 0, delivery=12)
    bench.clock.pass_(minutes=11)
    bench.settle()
    (row,) = alarms(bench)
    assert row["rule"] == "problems.threshold"


def test_imported_complaints_give_no_alarm(bench: Bench) -> None:
    for number in range(20):
        bench.support.write(
            f"old{number}",
            TEXTS["delivery"],
            email=f"old{number}@mail.example",
            now=START - timedelta(hours=2),
        )
    import_history(importing(bench), START - timedelta(days=1))
    write(bench, 0, billing_invoice=4, product_quality=3, customer_service=3)
    assert alarms(bench) == []


@pytest.mark.parametrize(
    ("changes", "states"),
    [
        ({"problems": {"share": 0}}, []),
        ({"autonomy": {"issues": "observe"}}, ["observed"]),
        ({"autonomy": {"issues": "suggest"}}, ["parked"]),
    ],
)
def test_alarm_goes_as_far_as_it_may(
    make_bench: Callable[..., Bench], changes: dict[str, Any], states: list[str]
) -> None:
    alone = {"customers": 0, "share_least": 10}
    problems = {**alone, **changes.get("problems", {})}
    bench = make_bench(**{**changes, "problems": problems})
    write(bench, 0, delivery=6, billing_invoice=4)
    asked = [row for row in rows(bench) if row["operation"] == "create_issue"]
    assert [row["state"] for row in asked] == states


def test_status_page_says_which_alarms_stand(bench: Bench) -> None:
    write(bench, 0, delivery=6, billing_invoice=4)
    page = bench.runtime.create_app().test_client().get("/").get_data(as_text=True)
    (issue,) = bench.tracker.issues.values()
    assert "Delivery makes up 60% of 10 complaints in 24 h." in page
    assert f'<a href="{issue.ref.url}">{issue.ref.key}</a>' in page
