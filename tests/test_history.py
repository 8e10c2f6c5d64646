"""The sweep of what webhooks missed, and the import of history, on both databases."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import kit
import pytest
from kit import START, Bench
from sqlalchemy import func, select
from structlog.testing import capture_logs

from adapters.base import Historian, Tracker
from adapters.memory import MemoryAdapter
from connector.errors import (
    BudgetSpent,
    CredentialsRejected,
    TicketGone,
    VendorBusy,
    VendorError,
    VendorUnavailable,
)
from connector.health import Side
from connector.history import ImportBusy, Importing, Step, import_history
from connector.models import ChangedPage, IssueCategory, Ticket, TicketRef
from connector.pipeline import Pipeline
from connector.scheduler import Scheduler
from connector.store import cursors, deliveries, groups, locks, memory, schema, tickets
from connector.store.cursors import Purpose
from connector.sweep import PAGES_AT_ONCE, sweep

COMPLAINTS = [
    "The discount code AUTUMN20 does not work at checkout. I get error E-4012. This is "
    "really annoying, please fix it!",
    "Rabattkoden AUTUMN20 virker ikke i kassen, jeg får feil E-4012. Veldig skuffet!",
    "Your discount code AUTUMN20 is rejected at checkout with E-4012. Terrible.",
]
LONG_AGO = START - timedelta(days=40)


def complaint(number: int) -> str:
    return COMPLAINTS[number % len(COMPLAINTS)]


def write_unheard(bench: Bench, number: int, at: datetime | None = None) -> None:
    """Let a customer complain without any webhook arriving."""
    bench.support.write(
        str(number),
        complaint(number),
        email=f"customer{number}@mail.example",
        subject="Discount code",
        now=at or bench.clock(),
    )


def sweep_all(bench: Bench) -> int:
    adapters = bench.runtime.adapters.values()
    return sum(sweep(bench.store, one, bench.config, bench.clock()) for one in adapters)


def pass_a_sweep(bench: Bench) -> int:
    """Let the time of a sweep pass, and everything follow from it."""
    bench.clock.pass_(minutes=5)
    asked = sweep_all(bench)
    bench.settle()
    return asked


def cursor(bench: Bench, source: str, purpose: Purpose = Purpose.SWEEP) -> Any:
    with bench.store.read() as connection:
        return cursors.find(connection, source, purpose)


def inbox(bench: Bench) -> list[Any]:
    with bench.store.read() as connection:
        return list(deliveries.listing(connection, None, 1000))


def all_groups(bench: Bench) -> list[Any]:
    with bench.store.read() as connection:
        return list(groups.listing(connection, None, 100))


def the_group(bench: Bench) -> Any:
    (found,) = all_groups(bench)
    return found


def writes(bench: Bench) -> list[tuple[str, str]]:
    """Return every write to any vendor, whether made or only enqueued."""
    with bench.store.read() as connection:
        rows = connection.execute(select(schema.outbox)).all()
    return [(row.operation, row.target) for row in rows]


def calls(bench: Bench, name: str) -> list[str]:
    return [
        target
        for adapter in (bench.support, bench.shop, bench.tracker)
        for call, target, _ in adapter.calls
        if call == name
    ]


# -- the sweep


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
    scheduler = Scheduler(bench.store, runtime.adapters, bench.config, bench.clock)
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


# -- the import


class Teller(list[Step]):
    """Keeps what an import tells."""

    def __call__(self, step: Step) -> None:
        self.append(step)


def importing(bench: Bench, **changes: Any) -> Importing:
    return kit.importing(bench, **{"tell": Teller(), **changes})


def bring_in(bench: Bench, limit: int | None = None, **changes: Any) -> Step:
    """Import all history; return the last step."""
    means = importing(bench, **changes)
    import_history(means, LONG_AGO - timedelta(days=1), limit=limit)
    assert isinstance(means.tell, Teller)
    return means.tell[-1]


def write_history(bench: Bench, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        write_unheard(bench, number, LONG_AGO + timedelta(hours=number))


def test_import_records_and_groups_and_has_no_effect(bench: Bench) -> None:
    write_history(bench, 8)
    bench.support.write(
        "thanks", "Thank you so much!", email="t@mail.example", now=START
    )
    bench.clock.pass_(minutes=1)
    found = bring_in(bench).found
    assert (found.tickets, found.complaints) == (9, 8)
    assert found.types == {"discount_pricing": 8}
    bench.settle()
    bench.clock.pass_(days=1)
    bench.settle()
    assert writes(bench) == []
    assert [one.calls for one in (bench.support, bench.tracker)] == [[], []]
    group = the_group(bench)
    assert (group["state"], group["archived"]) == ("emerging", 8)
    assert (group["customers"], group["tickets"]) == (0, 0)
    assert group["first_at"] == LONG_AGO
    assert group["last_at"] == LONG_AGO + timedelta(hours=7)
    with bench.store.read() as connection:
        assert tickets.archive(connection, "support") == {
            "tickets": 9,
            "complaints": 8,
            "customers": 8,
            "problems": 1,
        }


def test_import_never_counts_towards_a_threshold(bench: Bench) -> None:
    # Of yesterday: within the window, had they counted.
    for number in range(10):
        write_unheard(bench, number, START - timedelta(days=1, minutes=-number))
    bring_in(bench)
    for number in range(10, 14):
        bench.write(str(number), complaint(number), f"customer{number}@mail.example")
    bench.settle()
    for number in range(10):  # also not when they are read again
        bench.changed("support", str(number))
    bench.settle()
    group = the_group(bench)
    assert (group["state"], group["customers"], group["archived"]) == (
        "emerging",
        4,
        10,
    )
    bench.write("14", complaint(2), "customer14@mail.example")
    bench.settle()
    assert the_group(bench)["state"] == "ready"


def test_issue_tells_and_links_only_what_was_not_imported(bench: Bench) -> None:
    write_history(bench, 3)
    bring_in(bench)
    for number in range(10, 15):
        bench.write(str(number), complaint(number), f"customer{number}@mail.example")
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    live = {str(number) for number in range(10, 15)}
    group = the_group(bench)
    assert (group["state"], group["customers"], group["archived"]) == ("filed", 5, 3)
    draft = bench.tracker.drafts[group["issue_id"]]
    assert draft.properties["complaint-connector"]["tickets"] == 5
    bullets = {b.text for b in draft.description if b.kind == "bullet"}
    assert bullets == {f"support {number}" for number in live}
    assert len(calls(bench, "link_ticket")) == 5

    bench.tracker.move_issue(group["issue_id"], IssueCategory.DONE, "Fixed")
    bench.issue_changed(group["issue_id"])
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()
    assert set(calls(bench, "send_message")) == live


def test_new_complaint_on_an_imported_ticket_counts(bench: Bench) -> None:
    write_history(bench, 1)
    bring_in(bench)
    bench.write(
        "0", "The code still does not work, terrible!", "customer0@mail.example"
    )
    bench.settle()
    assert "cc-discount_pricing" in bench.support.tickets["0"].tags
    group = the_group(bench)
    assert (group["customers"], group["archived"]) == (1, 0)


def test_new_ticket_of_an_imported_customer_counts(bench: Bench) -> None:
    write_history(bench, 1)
    bring_in(bench)
    bench.write("9", complaint(0), "customer0@mail.example")
    bench.settle()
    group = the_group(bench)
    assert (group["customers"], group["tickets"], group["archived"]) == (1, 1, 1)


def test_thanks_on_an_imported_ticket_make_it_live_and_count_nothing(
    bench: Bench,
) -> None:
    write_history(bench, 1)
    bring_in(bench)
    bench.write("0", "Thank you so much!", "customer0@mail.example")
    bench.settle()
    assert "cc-discount_pricing" in bench.support.tickets["0"].tags
    group = the_group(bench)
    assert (group["customers"], group["archived"]) == (0, 1)


def test_agents_work_on_an_imported_ticket_leaves_it_archived(bench: Bench) -> None:
    write_history(bench, 1)
    bring_in(bench)
    bench.support.change_tags("0", frozenset({"seen-by-anna"}), frozenset())
    bench.support.calls.clear()
    bench.changed("support", "0")
    bench.settle()
    assert writes(bench) == []
    with bench.store.read() as connection:
        row = tickets.find(connection, TicketRef("support", "0"))
        last = tickets.decisions_of(connection, row.id)[-1]
    assert row.tags == ["seen-by-anna"]
    assert last.trace["archived"] is True


def test_ticket_of_today_is_left_to_those_who_listen(bench: Bench) -> None:
    sweep_all(bench)  # it listens from here on
    write_history(bench, 1)
    bench.clock.pass_(minutes=1)
    write_unheard(bench, 7)
    found = bring_in(bench).found
    assert (found.tickets, found.live) == (1, 1)
    pass_a_sweep(bench)
    assert "cc-discount_pricing" in bench.support.tickets["7"].tags
    assert bench.support.tickets["0"].tags == frozenset()


def test_known_ticket_stays_as_it_is(bench: Bench) -> None:
    bench.write("0", complaint(0), "customer0@mail.example")
    bench.settle()
    before = the_group(bench)
    assert bring_in(bench).found.known == 1
    assert the_group(bench) == before
    with bench.store.read() as connection:
        row = tickets.find(connection, TicketRef("support", "0"))
    assert row.archived_until is None


def test_ticket_that_was_decided_while_it_was_read_stays_live(bench: Bench) -> None:
    write_history(bench, 1)
    own = bench.support.fetch_ticket

    def slowly(external_id: str) -> Ticket:
        ticket = own(external_id)
        bench.support.fetch_ticket = own  # type: ignore[method-assign]
        bench.changed("support", external_id)
        bench.settle()
        return ticket

    bench.support.fetch_ticket = slowly  # type: ignore[method-assign]
    found = bring_in(bench).found
    assert (found.tickets, found.known) == (0, 1)
    assert the_group(bench)["customers"] == 1


def test_import_joins_a_closed_problem_without_touching_it(bench: Bench) -> None:
    write_history(bench, 1)
    bring_in(bench)
    with bench.store.write() as connection:
        groups.change(connection, the_group(bench)["id"], state="closed")
    write_history(bench, 1, start=1)
    bring_in(bench)
    group = the_group(bench)
    assert (group["state"], group["archived"]) == ("closed", 2)
    assert group["successor_id"] is None


def test_workers_see_recent_imports_and_pass_over_old_ones(bench: Bench) -> None:
    bench.support.write(
        "old",
        complaint(0),
        email="o@mail.example",
        subject="Discount code",
        now=START - timedelta(days=80),
    )
    write_history(bench, 1)
    means = importing(bench)
    import_history(means, START - timedelta(days=90))
    bench.write("9", complaint(0), "new@mail.example", subject="Discount code")
    bench.settle()
    assert the_group(bench)["customers"] == 1
    with bench.store.read() as connection:
        newest = memory.last_seq(connection)
    assert bench.runtime.pipeline.grouping._seq == newest


# -- its ends


@pytest.mark.parametrize("page", [3, 100])
def test_import_that_was_cut_off_goes_on(bench: Bench, page: int) -> None:
    write_history(bench, 10)
    bench.support.page = page
    reads: list[str] = []
    own = bench.support.fetch_ticket

    def read(external_id: str) -> Ticket:
        reads.append(external_id)
        return own(external_id)

    bench.support.fetch_ticket = read  # type: ignore[method-assign]
    since = LONG_AGO - timedelta(days=1)
    for expected in (4, 8):
        means = importing(bench)
        assert not import_history(means, since, limit=4)
        assert means.tell[-1].found.tickets == expected  # type: ignore[index]
    means = importing(bench)
    assert import_history(means, since)
    found = means.tell[-1].found  # type: ignore[index]
    assert (found.tickets, found.complaints, sum(found.types.values())) == (10, 10, 10)
    assert sorted(reads) == sorted(str(number) for number in range(10))
    assert the_group(bench)["archived"] == 10


def test_import_with_an_end_stops_at_it(bench: Bench) -> None:
    write_history(bench, 40)
    bench.support.page = 4
    means = importing(bench)
    until = LONG_AGO + timedelta(hours=10)
    assert import_history(means, LONG_AGO, until)
    found = means.tell[-1].found  # type: ignore[index]
    assert found.tickets == 10
    assert found.later <= 8, "it went on after the end"
    assert cursor(bench, "support", Purpose.BACKFILL).ended_at is not None


def test_another_span_is_another_import(bench: Bench) -> None:
    write_history(bench, 4)
    import_history(importing(bench), LONG_AGO, limit=2)
    means = importing(bench)
    import_history(means, LONG_AGO - timedelta(days=1))
    found = means.tell[-1].found  # type: ignore[index]
    assert (found.tickets, found.known) == (2, 2)


def test_import_waits_as_long_as_the_vendor_asks(bench: Bench) -> None:
    write_history(bench, 3)
    naps: list[float] = []
    busy: list[VendorError] = [
        VendorBusy("slow down", retry_after=40.0),
        BudgetSpent("used up", retry_after=20.0),
        VendorUnavailable("answered 503"),
    ]
    own = bench.support.fetch_ticket

    def fetch(external_id: str) -> Ticket:
        if external_id == "1" and busy:
            raise busy.pop(0)
        return own(external_id)

    bench.support.fetch_ticket = fetch  # type: ignore[method-assign]
    told = Teller()
    found = bring_in(bench, sleep=naps.append, tell=told).found
    assert (found.tickets, found.unreadable) == (3, 0)
    first, second, third = (step.wait for step in told if step.wait)
    assert first >= 40 and second >= 20 and 0 < third <= 2
    assert sum(naps) == pytest.approx(first + second + third)
    # In parts, so that nobody takes the import over meanwhile.
    assert max(naps) < bench.config.work.lease.total_seconds() / 2


def test_ticket_that_cannot_be_read_is_named_and_left_out(bench: Bench) -> None:
    write_history(bench, 4)
    own = bench.support.fetch_ticket
    trouble: dict[str, Exception] = {
        "0": TicketGone("gone"),
        "1": VendorUnavailable("answered 500", status=500),
        "2": RuntimeError("a secret of the customer"),
    }

    def fetch(external_id: str) -> Ticket:
        if external_id in trouble:
            raise trouble[external_id]
        return own(external_id)

    bench.support.fetch_ticket = fetch  # type: ignore[method-assign]
    with capture_logs() as logs:
        found = bring_in(bench).found
    assert (found.tickets, found.gone, found.unreadable) == (1, 1, 2)
    named = {line["ref"] for line in logs if line["event"] == "backfill.unreadable"}
    assert named == {"support:1", "support:2"}


def test_ticket_that_cannot_be_decided_about_does_not_stop_the_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_history(bench, 4)
    own = Pipeline.decide

    def decide(self: Pipeline, *given: Any, **named: Any) -> None:
        if given[2].ticket.ref.external_id == "2":
            raise RuntimeError("strange")
        own(self, *given, **named)

    monkeypatch.setattr(Pipeline, "decide", decide)
    found = bring_in(bench).found
    assert (found.tickets, found.unreadable) == (3, 1)
    assert the_group(bench)["archived"] == 3


def test_import_that_is_not_let_in_ends_and_keeps_its_place(bench: Bench) -> None:
    write_history(bench, 6)
    bench.support.page = 3
    own = bench.support.fetch_ticket

    def fetch(external_id: str) -> Ticket:
        if external_id == "4":
            raise CredentialsRejected("answered 401")
        return own(external_id)

    bench.support.fetch_ticket = fetch  # type: ignore[method-assign]
    with pytest.raises(CredentialsRejected):
        bring_in(bench)
    bench.support.fetch_ticket = own  # type: ignore[method-assign]
    found = bring_in(bench).found
    assert (found.tickets, found.pages) == (6, 2)


def test_one_process_at_a_time_imports_a_source(bench: Bench) -> None:
    write_history(bench, 2)
    with bench.store.write() as connection:
        assert locks.acquire(
            connection, "backfill:support", "other", None, timedelta(minutes=5)
        )
    told = Teller()
    with pytest.raises(ImportBusy):
        import_history(importing(bench, tell=told), LONG_AGO)
    assert all(step.wait > 0 for step in told) and told
    with bench.store.write() as connection:
        locks.release(connection, "backfill:support", "other")
    assert bring_in(bench).found.tickets == 2
    with bench.store.read() as connection:
        held = connection.scalar(select(func.count()).select_from(schema.locks))
    assert held == 0
