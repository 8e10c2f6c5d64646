"""How an import of history ends, is cut off, waits and goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from history_kit import (
    LONG_AGO,
    Teller,
    bring_in,
    cursor,
    importing,
    last_step,
    write_history,
)
from kit import Bench
from loop_kit import the_group
from sqlalchemy import func, select
from structlog.testing import capture_logs

from connector.errors import (
    BudgetSpent,
    CredentialsRejected,
    TicketGone,
    VendorBusy,
    VendorError,
    VendorUnavailable,
)
from connector.history import ImportBusy, import_history
from connector.models import Ticket
from connector.pipeline import Pipeline
from connector.store import locks, process_tables
from connector.store.cursors import Purpose


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
        assert last_step(means).found.tickets == expected
    means = importing(bench)
    assert import_history(means, since)
    found = last_step(means).found
    assert (found.tickets, found.complaints, sum(found.types.values())) == (10, 10, 10)
    assert sorted(reads) == sorted(str(number) for number in range(10))
    assert the_group(bench)["archived"] == 10


def test_import_with_an_end_stops_at_it(bench: Bench) -> None:
    write_history(bench, 40)
    bench.support.page = 4
    means = importing(bench)
    until = LONG_AGO + timedelta(hours=10)
    assert import_history(means, LONG_AGO, until)
    found = last_step(means).found
    assert found.tickets == 10
    assert found.later <= 8, "it went on after the end"
    assert cursor(bench, "support", Purpose.BACKFILL).ended_at is not None


def test_another_span_is_another_import(bench: Bench) -> None:
    write_history(bench, 4)
    import_history(importing(bench), LONG_AGO, limit=2)
    means = importing(bench)
    import_history(means, LONG_AGO - timedelta(days=1))
    found = last_step(means).found
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
        held = connection.scalar(select(func.count()).select_from(process_tables.locks))
    assert held == 0
