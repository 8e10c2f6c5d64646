"""Whether vendors still call us: seen once an hour, and told until it is mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from kit import START, Bench

from adapters.base import Subscriber
from adapters.memory import MemoryAdapter
from connector import callbacks
from connector.dashboard import status
from connector.errors import VendorUnavailable
from connector.models import Level, Subscribed, Subscription

ADDRESS = "https://connector.example/webhooks/support"
HOOK = Subscription(kind="webhook", external_id="7", address=ADDRESS, enabled=True)


class Called(MemoryAdapter, Subscriber):
    """A vendor whose webhooks are what the test says."""

    found: list[Subscription] | VendorUnavailable
    looks = 0

    def subscriptions(self, address: str) -> list[Subscription]:
        self.looks += 1
        assert address == ADDRESS
        if isinstance(self.found, VendorUnavailable):
            raise self.found
        return self.found

    def subscribe(self, address: str) -> Subscribed:
        raise NotImplementedError

    def unsubscribe(self, address: str) -> list[Subscription]:
        raise NotImplementedError

    def ping(self, word: str) -> tuple[bytes, str | None]:
        raise NotImplementedError


OFF = Subscription(kind="webhook", external_id="7", address=ADDRESS, enabled=False)
LACKING = Subscription(
    kind="webhook",
    external_id="7",
    address=ADDRESS,
    enabled=True,
    missing=frozenset({"convo.created"}),
)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench(server={"public_url": "https://connector.example"})


@pytest.fixture
def called() -> Called:
    adapter = Called("support")
    adapter.found = [HOOK]
    return adapter


def told(bench: Bench) -> list[str]:
    shown = status(bench.store, bench.config, bench.runtime.rulebook, START)["findings"]
    return [f"{one['source']}: {one['message']}" for one in shown]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([HOOK], []),
        ([OFF], ["support: webhook 7 is switched off"]),
        ([LACKING], ["support: webhook 7 lacks convo.created"]),
        ([], [f"support: nothing at the vendor delivers to {ADDRESS}"]),
    ],
)
def test_webhook_that_is_off_is_on_the_status_page(
    bench: Bench, called: Called, found: list[Subscription], words: list[str]
) -> None:
    called.found = found
    assert callbacks.watch(bench.store, called, bench.config, START)
    assert told(bench) == words


@pytest.mark.parametrize(
    ("of_its_own", "shown"),
    [("", "complaint-connector webhooks register support"), ("Delete 7.", "Delete 7.")],
)
def test_remedy_is_the_vendors_own_where_making_it_anew_does_not_help(
    bench: Bench, called: Called, of_its_own: str, shown: str
) -> None:
    called.found = [replace(LACKING, remedy=of_its_own)]
    callbacks.watch(bench.store, called, bench.config, START)
    (found,) = status(bench.store, bench.config, bench.runtime.rulebook, START)[
        "findings"
    ]
    assert found["remedy"] == shown


def test_it_is_looked_at_once_an_hour_by_all_processes(
    bench: Bench, called: Called
) -> None:
    for minutes in (0, 0, 1, 59, 61, 62):
        now = START + timedelta(minutes=minutes)
        callbacks.watch(bench.store, called, bench.config, now)
    assert called.looks == 2


def test_finding_ends_when_the_webhook_is_mended(bench: Bench, called: Called) -> None:
    called.found = [OFF]
    callbacks.watch(bench.store, called, bench.config, START)
    called.found = [HOOK]
    callbacks.watch(bench.store, called, bench.config, START + timedelta(hours=2))
    assert told(bench) == []


def test_vendor_that_does_not_answer_changes_nothing(
    bench: Bench, called: Called
) -> None:
    called.found = [OFF]
    callbacks.watch(bench.store, called, bench.config, START)
    called.found = VendorUnavailable("answered 503")
    callbacks.watch(bench.store, called, bench.config, START + timedelta(hours=2))
    assert told(bench) == ["support: webhook 7 is switched off"]


def test_without_a_public_address_nobody_is_asked(
    make_bench: Callable[..., Bench], called: Called
) -> None:
    bench = make_bench()
    assert not callbacks.watch(bench.store, called, bench.config, START)
    levels = [one.level for one in callbacks.check(bench.config, {"support": called})]
    assert levels == [Level.WARNING]


def test_doctor_says_when_it_may_not_look(bench: Bench, called: Called) -> None:
    called.found = VendorUnavailable("answered 503")
    found = callbacks.check(bench.config, {"support": called})
    assert [one.level for one in found] == [Level.WARNING]
    assert "503" in found[0].message


def test_scheduler_looks_by_itself(bench: Bench, called: Called) -> None:
    from connector.scheduler import Scheduler

    adapters = {"support": called}
    scheduler = Scheduler(
        bench.store, adapters, bench.config, bench.runtime.rulebook, lambda: START
    )
    names = {job.id for job in scheduler._ticker.get_jobs()}
    assert "watch-support" in names
    scheduler._watch(called)
    assert called.looks == 1
