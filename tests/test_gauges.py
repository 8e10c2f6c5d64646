"""Numbers for Prometheus: how things stand, told by any process and to whom it may."""

from __future__ import annotations

from typing import Any

import pytest
from kit import Bench, settings
from loop_kit import complain, file_issue
from prometheus_client.parser import text_string_to_metric_families

from connector.errors import StoreUnavailable, VendorUnavailable
from connector.models import OutboxState
from connector.store import locks

TOKEN = "a token of sixteen or more"


def measured(bench: Bench) -> dict[tuple[str, frozenset[str]], float]:
    """Return each sample by its name and the values of its labels."""
    text = bench.runtime.create_app().test_client().get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: Any, name: str, *labels: str) -> float | None:
    value: float | None = found.get((f"connector_{name}", frozenset(labels)))
    return value


def test_work_that_waits_is_told_with_its_age(bench: Bench) -> None:
    complain(bench, 2)
    bench.clock.pass_(seconds=90)
    found = measured(bench)
    assert of(found, "inbox_deliveries", "support", "pending") == 2
    assert of(found, "inbox_oldest_seconds", "support") == 90
    assert of(found, "inbox_oldest_seconds", "shop") == 0
    bench.runtime.worker.run_once()
    bench.clock.pass_(seconds=30)
    found = measured(bench)
    assert of(found, "inbox_deliveries", "support", "pending") == 0
    assert of(found, "inbox_oldest_seconds", "support") == 0
    assert of(found, "outbox_rows", "support", "change_tags", "pending") == 2
    assert of(found, "outbox_overdue_seconds", "support") == 30
    bench.settle()
    found = measured(bench)
    assert of(found, "outbox_rows", "support", "change_tags", "pending") is None
    assert of(found, "outbox_overdue_seconds", "support") == 0


def test_what_fails_again_and_again_is_told_though_it_is_never_long_due(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise VendorUnavailable("down")

    monkeypatch.setattr(bench.support, "change_tags", fail)
    monkeypatch.setattr(bench.support, "add_note", fail)
    complain(bench, 6)
    for _ in range(6):
        bench.settle()
        bench.clock.pass_(seconds=30)
    found = measured(bench)
    retrying = of(found, "outbox_retrying", "support")
    assert retrying is not None and retrying > 0
    assert of(found, "source_shut", "support", "down") == 1
    assert of(found, "source_shut", "support", "refused") == 0
    assert of(found, "source_shut", "shop", "down") == 0


def test_what_waits_for_a_person_and_how_problems_stand(bench: Bench) -> None:
    file_issue(bench)
    with bench.store.write() as connection:
        locks.put_fact(connection, locks.STOP, True, bench.clock())
    found = measured(bench)
    assert of(found, "problems", "filed") == 1
    assert of(found, "problems", "emerging") == 0
    assert of(found, "stopped") == 1
    assert of(found, "waits_for_people", "broadcasts") == 0
    # Two of the same minute are one.
    ticked = of(found, "scheduler_last_tick_seconds")
    assert ticked is not None
    assert 0 <= bench.clock().timestamp() - ticked <= 60


def test_database_that_does_not_answer_is_told_and_counters_stay(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of(measured(bench), "database_up") == 1

    def refuse() -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(bench.store, "read", refuse)
    found = measured(bench)
    assert of(found, "database_up") == 0
    assert of(found, "stopped") is None
    assert of(found, "deliveries_handled_total") is not None


@pytest.mark.parametrize(
    ("token", "brought", "status"),
    [
        (TOKEN, f"Bearer {TOKEN}", 200),
        (TOKEN, "Bearer another token of some length", 403),
        (TOKEN, TOKEN, 403),
        (TOKEN, "", 403),
        (None, "Bearer ", 403),
        (None, "Bearer None", 403),
    ],
)
def test_another_machine_is_answered_by_token_only(
    blank_sqlite: str, token: str | None, brought: str, status: int
) -> None:
    bench = Bench(settings(blank_sqlite, server={"metrics_token": token}))
    client = bench.runtime.create_app().test_client()
    far: dict[str, Any] = {
        "environ_base": {"REMOTE_ADDR": "192.0.2.7"},
        "headers": {"Authorization": brought, "Host": "connector.example"},
    }
    assert client.get("/metrics", **far).status_code == status
    assert client.get("/status.json", **far).status_code == 403
    assert client.get("/metrics").status_code == 200
    bench.close()


def test_parked_rows_are_told_by_operation(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(*_: Any, **__: Any) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(bench.support, "add_note", break_)
    complain(bench, 1)
    bench.settle()
    found = measured(bench)
    assert of(found, "outbox_rows", "support", "add_note", OutboxState.PARKED) == 1
    assert of(found, "outbox_overdue_seconds", "support") == 0
