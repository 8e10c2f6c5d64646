"""The sweep of what webhooks missed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from history_kit import complaint, cursor, inbox, pass_a_sweep, sweep_all, write_unheard
from kit import START, Bench
from loop_kit import calls, the_group
from structlog.testing import capture_logs

from adapters.base import Historian, Tracker
from adapters.memory import MemoryAdapter
from connector.errors import (
    BudgetSpent,
    CredentialsRejected,
    VendorBusy,
    VendorError,
    VendorUnavailable,
)
from connector.health import Side
from connector.models import ChangedPage, IssueCategory
from connector.scheduler import Scheduler
from connector.store import cursors, deliveries, groups
from connector.store.cursors import Purpose
from connector.sweep import PAGES_AT_ONCE, sweep


def test_loop_is_complete_though_every_webhook_is_lost(bench: Bench) -> None:
    sweep_all(bench)
    for number in range(5):
        bench.clock.pass_(minutes=1)
        write_unheard(bench, number)
    assert pass_a_sweep(bench) == 5
    assert all(
        "cc-discount_pricing" in one.tags for one in bench.support.tickets.values()
    )
    bench.clock.pass_(minutes=11)
    bench.settle()
    group = the_group(bench)
    assert (group["state"], group["customers"]) == ("filed", 5)

    bench.tracker.move_issue(
        group["issue_id"], IssueCategory.DONE, "Fixed", now=bench.clock()
    )
    assert pass_a_sweep(bench) >= 1
    assert the_group(bench)["state"] == "fixed"
    bench.clock.pass_(minutes=11)
    bench.settle()
    assert sorted(calls(bench, "send_message")) == ["0", "1", "2", "3", "4"]
    assert len(calls(bench, "create_issue")) == 1


def test_first_sweep_begins_now(bench: Bench) -> None:
    write_unheard(bench, 1, START - timedelta(hours=1))
    bench.clock.pass_(minutes=1)
    assert sweep_all(bench) == 0
    assert pass_a_sweep(bench) == 0
    assert bench.support.calls == []


def test_what_was_read_since_it_changed_is_not_read_again(bench: Bench) -> None:
    sweep_all(bench)
    bench.write("1", complaint(1), "a@mail.example")
    bench.settle()
    before = len(inbox(bench))
    assert pass_a_sweep(bench) == 0
    assert len(inbox(bench)) == before


def test_page_without_times_of_change_is_read_again_and_changes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep_all(bench)
    bench.write("1", complaint(1), "a@mail.example")
    bench.settle()
    before = list(bench.support.calls)
    plain = MemoryAdapter.changed
    monkeypatch.setattr(
        MemoryAdapter,
        "changed",
        lambda *args: plain(*args)._replace(changed_at={}),
    )
    assert pass_a_sweep(bench) == 1
    assert bench.support.calls == before


class TrackerOnly(Tracker, Historian):
    """A tracker that is only asked what changed."""

    name = "tracker"

    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        return ChangedPage(("5", "77"), "1", more=False)


TrackerOnly.__abstractmethods__ = frozenset()


def test_of_a_tracker_only_issues_of_ours_are_read(bench: Bench) -> None:
    tracker = TrackerOnly()
    sweep(bench.store, tracker, bench.config, bench.clock())
    with bench.store.write() as connection:
        values = {"type": "other", "title": "A problem", "state": "filed"}
        times = dict.fromkeys(("created_at", "first_at", "last_at"), START)
        issue = {"tracker": "tracker", "issue_id": "5"}
        groups.create(connection, {**values, **times, **issue})
    bench.clock.pass_(minutes=5)
    assert sweep(bench.store, tracker, bench.config, bench.clock()) == 1
    with bench.store.read() as connection:
        (row,) = inbox(bench)
        asked = deliveries.get(connection, row["id"])
    assert json.loads(asked["body"]) == {"kind": "issue_changed", "id": "5"}


def test_two_schedulers_ask_once(make_bench: Callable[..., Bench]) -> None:
    one = make_bench()
    other = Bench(one.config, one.clock)
    try:
        other.runtime.adapters["support"] = one.support
        sweep_all(one)
        write_unheard(one, 1)
        one.clock.pass_(minutes=5)
        asked = [sweep_all(bench) for bench in (one, other, one)]
        assert asked == [1, 0, 0]
    finally:
        other.close()


def test_page_that_another_process_took_is_left_to_it(bench: Bench) -> None:
    sweep_all(bench)
    write_unheard(bench, 1)
    bench.clock.pass_(minutes=5)
    own, asked = bench.support.changed, []

    def meanwhile(since: datetime, cursor: str | None) -> ChangedPage:
        page = own(since, cursor)
        if not asked:
            asked.append(1)  # somebody else is faster
            with bench.store.write() as connection:
                cursors.change(connection, "support", Purpose.SWEEP, cursor="7")
        return page

    bench.support.changed = meanwhile  # type: ignore[method-assign]
    assert sweep_all(bench) == 0
    assert inbox(bench) == []
    assert cursor(bench, "support").cursor == "7"


def test_long_absence_is_caught_up_on_in_steps(bench: Bench) -> None:
    sweep_all(bench)
    bench.support.page = 2
    for number in range(4 * PAGES_AT_ONCE):
        write_unheard(bench, number)
    bench.clock.pass_(minutes=5)
    assert sweep_all(bench) == 2 * PAGES_AT_ONCE
    assert sweep_all(bench) == 2 * PAGES_AT_ONCE
    assert sweep_all(bench) == 0
    assert len(inbox(bench)) == 4 * PAGES_AT_ONCE


def test_vendor_in_trouble_is_told_of_once_and_loses_nothing(bench: Bench) -> None:
    sweep_all(bench)
    write_unheard(bench, 1)
    own = bench.support.changed
    errors: list[VendorError] = [
        VendorUnavailable("support answered 503"),
        VendorBusy("support answered 429", retry_after=900.0),
        CredentialsRejected("support answered 401"),
    ]

    def fail(since: datetime, cursor: str | None) -> ChangedPage:
        if errors:
            raise errors.pop(0)
        return own(since, cursor)

    bench.support.changed = fail  # type: ignore[method-assign]
    with capture_logs() as logs:
        for minutes in (5, 5):
            bench.clock.pass_(minutes=minutes)
            assert sweep_all(bench) == 0
        bench.clock.pass_(minutes=10)
        sweep_all(bench)
        assert len(errors) == 1, "it was asked earlier than it wanted"
        bench.clock.pass_(minutes=5)
        sweep_all(bench)
        bench.clock.pass_(minutes=5)
        assert sweep_all(bench) == 1
    assert [line["event"] for line in logs] == ["sweep.failed", "sweep.recovered"]


def test_source_that_is_shut_is_not_asked(bench: Bench) -> None:
    sweep_all(bench)
    write_unheard(bench, 1)
    bench.clock.pass_(minutes=5)
    health = bench.runtime.health
    health.refused("support", Side.READ, CredentialsRejected("answered 401"))
    ask = partial(sweep, bench.store, bench.support, bench.config)
    assert ask(bench.clock(), health=health) == 0
    health.answered("support", Side.READ)
    assert ask(bench.clock(), health=health) == 1


def test_spent_budget_only_postpones_a_sweep(bench: Bench) -> None:
    sweep_all(bench)
    write_unheard(bench, 1)
    own, spent = bench.support.changed, [BudgetSpent("used up", retry_after=30.0)]

    def changed(since: datetime, cursor: str | None) -> ChangedPage:
        if spent:
            raise spent.pop()
        return own(since, cursor)

    bench.support.changed = changed  # type: ignore[method-assign]
    bench.clock.pass_(minutes=5)
    with capture_logs() as logs:
        assert sweep_all(bench) == 0
        bench.clock.pass_(seconds=31)
        assert sweep_all(bench) == 1
    assert logs == []


def test_source_that_is_left_out_is_not_asked(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(sweep={"without": ["support"]})
    sweep_all(bench)
    write_unheard(bench, 1)
    assert pass_a_sweep(bench) == 0
    assert cursor(bench, "support") is None
    assert cursor(bench, "shop") is not None


def test_scheduler_sweeps_each_source_whatever_befalls_another(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(work={"tick": "20ms"})
    sweep_all(bench)
    write_unheard(bench, 1)
    bench.clock.pass_(minutes=5)

    def broken(since: datetime, cursor: str | None) -> ChangedPage:
        raise RuntimeError("a mistake in an adapter")

    bench.shop.changed = broken  # type: ignore[method-assign]
    runtime = bench.runtime
    scheduler = Scheduler(
        bench.store, runtime.adapters, bench.config, runtime.rulebook, bench.clock
    )
    with capture_logs() as logs:
        scheduler.start()
        try:
            end = time.monotonic() + 20
            while not (inbox(bench) and logs) and time.monotonic() < end:
                time.sleep(0.02)
        finally:
            scheduler.stop()
    assert [row["source"] for row in inbox(bench)] == ["support"]
    assert {line["event"] for line in logs} == {"scheduler.failed"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_job_that_takes_long_keeps_no_other_waiting(bench: Bench) -> None:
    ticker = bench.runtime.scheduler._ticker
    ticker.start(paused=True)
    jobs = ticker.get_jobs()
    together = threading.Barrier(len(jobs) + 1)
    for job in jobs:
        job.modify(args=[together.wait], next_run_time=datetime.now(UTC))
    ticker.resume()
    try:
        together.wait(timeout=20)  # broken unless all of them are at work
    finally:
        together.abort()
        ticker.shutdown()
