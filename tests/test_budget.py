"""Rate budgets: never above the limit, shared by processes, the urgent first."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from kit import Clock
from sandbox_kit import complain, configuration, our_tags, serving, subscribe, tickets

from adapters import http, pace
from adapters.pace import ACCOUNT, Charge, Priority, Tariff, Told, Turn
from connector import budget
from connector.app import Runtime
from connector.budget import SHARE, Bucket, learn, take
from connector.config import check
from connector.errors import BudgetSpent, VendorBusy
from connector.pacing import Budgets
from connector.sandbox import SandboxSettings, World, serve
from connector.scheduler import queue_due
from connector.store import Store

NOW = 1_000_000.0


def bucket(limit: int | None = 60, seconds: float = 60.0, **more: Any) -> Bucket:
    return Bucket(limit=limit, seconds=seconds, **more)


def take_all(
    start: Bucket, priority: Priority, now: float, most: int = 10_000
) -> tuple[Bucket, int]:
    """Take single units until there are no more; return how many there were."""
    count = 0
    while count < most:
        start, units, wait = take(start, 1, priority, now)
        if wait > 0:
            return start, count
        count += units
    return start, count


# -- a bucket


@pytest.mark.parametrize("priority", Priority)
def test_each_urgency_leaves_its_part_of_the_budget(priority: Priority) -> None:
    _, count = take_all(bucket(100), priority, NOW)
    assert count == SHARE[priority]


def test_the_less_urgent_leaves_the_more() -> None:
    shares = [SHARE[priority] for priority in sorted(Priority)]
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) == len(shares)
    assert SHARE[Priority.BACKFILL] <= 80


def test_what_backfill_leaves_is_there_for_a_message() -> None:
    spent, _ = take_all(bucket(100), Priority.BACKFILL, NOW)
    assert take(spent, 1, Priority.REFRESH, NOW).wait == 0
    spent, left = take_all(spent, Priority.MESSAGE, NOW)
    assert left == 20
    assert take(spent, 1, Priority.MESSAGE, NOW).wait > 0


@pytest.mark.parametrize("seed", range(5))
def test_no_window_wherever_it_begins_holds_more_than_the_limit(seed: int) -> None:
    chance = random.Random(seed)
    state, now, used = bucket(40), NOW, deque[float]()
    for _ in range(3000):
        now += chance.choice([0, 0, 0, 0.2, 1, 3])
        units = chance.choice([1, 2])
        state, taken, wait = take(state, units, chance.choice(list(Priority)), now)
        if wait > 0:
            now += chance.choice([0, wait / 2, wait])
            continue
        # Units are used and arrive a while after they were taken.
        used.extend([now + chance.random() * (state.life + 3)] * taken)
    arrived = sorted(used)
    assert len(arrived) > 500
    for first, moment in enumerate(arrived):
        inside = [at for at in arrived[first : first + 41] if at < moment + 60]
        assert len(inside) <= 40


def test_waiting_as_long_as_it_says_is_enough() -> None:
    state, _ = take_all(bucket(30), Priority.NOTE, NOW)
    _, _, wait = take(state, 1, Priority.NOTE, NOW)
    assert 60 < wait <= 60 * budget.KEPT / budget.SLOTS
    assert take(state, 1, Priority.NOTE, NOW + wait - 1).wait > 0
    assert take(state, 1, Priority.NOTE, NOW + wait).wait == 0


def test_call_that_costs_more_than_there_ever_is_is_made_alone() -> None:
    state, units, wait = take(bucket(1), 2, Priority.NOTE, NOW)
    assert (units, wait) == (2, 0)
    assert take(state, 2, Priority.NOTE, NOW).wait > 60


def test_vendor_that_said_not_before_is_not_called_before() -> None:
    held = bucket(None, held_until=NOW + 17)
    assert take(held, 1, Priority.MESSAGE, NOW).wait == 17
    assert take(held, 1, Priority.MESSAGE, NOW + 17).wait == 0


@pytest.mark.parametrize(
    ("told", "limit", "remaining", "until"),
    [
        (Told(ACCOUNT, 400, 390), 400, 388, 9.0),  # two are promised, one second old
        (Told(ACCOUNT, 400, 390, resets=30), 400, 388, 29.0),
        (Told(ACCOUNT, 400, 390, resets=9999), 400, 388, 59.0),
        (Told(ACCOUNT, None, 0, resets=3), 60, -2, 2.0),
        (Told(ACCOUNT, None, 7, resets=0.5), 60, None, None),  # over by now
        (Told(ACCOUNT, 0), 60, None, None),  # no limit but nonsense
        (Told(ACCOUNT), 60, None, None),
    ],
)
def test_what_a_vendor_tells_is_believed_as_long_as_it_holds(
    told: Told, limit: int, remaining: int | None, until: float | None
) -> None:
    known = learn(bucket(), told, promised=2, age=1.0, now=NOW)
    assert (known.limit, known.remaining) == (limit, remaining)
    if until is not None:
        assert known.remaining_until == NOW + until


def test_what_people_use_is_not_taken_from_them() -> None:
    state = learn(bucket(100), Told(ACCOUNT, 100, 25), 0, 0, NOW)
    # Four fifths are in use already, by whomever; some may still be used for customers.
    state, count = take_all(state, Priority.BACKFILL, NOW)
    assert count == 5
    state, count = take_all(state, Priority.MESSAGE, NOW)
    assert count == 20


def test_other_window_keeps_what_was_taken() -> None:
    state, _ = take_all(bucket(60), Priority.MESSAGE, NOW)
    state = learn(state, Told(ACCOUNT, 10, seconds=10.0), 0, 0, NOW)
    assert (state.limit, state.seconds) == (10, 10.0)
    assert sum(state.spent.values()) == 60
    assert take(state, 1, Priority.MESSAGE, NOW).wait > 10


def test_unused_units_come_back() -> None:
    state, units, _ = take(bucket(500), 1, Priority.NOTE, NOW)
    assert units == 10
    state = budget.give_back(state, state.number(NOW), units - 1)
    assert sum(state.spent.values()) == 1


# -- shared through the database


def enter(budgets: Budgets, priority: Priority, limit: int = 20) -> bool:
    try:
        budgets.enter("acme", (Charge(ACCOUNT, 1, limit),), Turn(budgets, priority))
    except BudgetSpent:
        return False
    return True


def test_two_processes_share_one_budget(store: Store) -> None:
    clock = Clock()
    both = [Budgets(store, clock), Budgets(store, clock)]
    made = [enter(both[n % 2], Priority.MESSAGE) for n in range(40)]
    assert sum(made) == 20
    clock.pass_(seconds=59)
    assert not enter(both[0], Priority.MESSAGE)
    clock.pass_(seconds=15)
    assert enter(both[1], Priority.MESSAGE)


def test_what_one_process_is_told_holds_for_the_other(store: Store) -> None:
    clock = Clock()
    one, other = Budgets(store, clock), Budgets(store, clock)
    assert enter(one, Priority.MESSAGE)
    one.learn("acme", [Told(ACCOUNT, 3)])
    assert enter(one, Priority.MESSAGE)
    made = [enter(other, Priority.MESSAGE) for _ in range(5)]
    assert made == [True, False, False, False, False]
    assert enter(other, Priority.MESSAGE, limit=50) is False  # told beats assumed


def test_429_stops_all_processes(store: Store) -> None:
    clock = Clock()
    one, other = Budgets(store, clock), Budgets(store, clock)
    assert enter(one, Priority.NOTE)
    one.hold("acme", ACCOUNT, 90)
    one.hold("acme", ACCOUNT, 5)  # a shorter one does not shorten it
    with pytest.raises(BudgetSpent) as caught:
        other.enter("acme", (Charge(ACCOUNT),), Turn(other, Priority.MESSAGE))
    assert caught.value.retry_after == pytest.approx(90)
    other.enter("beta", (Charge(ACCOUNT),), Turn(other, Priority.MESSAGE))
    clock.pass_(seconds=91)
    assert enter(other, Priority.MESSAGE)


def test_block_costs_one_transaction_for_many_calls(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets, opened = Budgets(store, Clock()), 0
    real = store.write

    def counted(*args: Any) -> Any:
        nonlocal opened
        opened += 1
        return real(*args)

    monkeypatch.setattr(store, "write", counted)
    assert all(enter(budgets, Priority.NOTE, limit=1000) for _ in range(100))
    assert opened == 5


def test_block_of_a_message_is_not_used_up_by_a_backfill(store: Store) -> None:
    budgets = Budgets(store, Clock())
    assert sum(enter(budgets, Priority.BACKFILL, 100) for _ in range(100)) == 80
    assert enter(budgets, Priority.MESSAGE, 100)  # takes a block of two
    assert not enter(budgets, Priority.BACKFILL, 100)
    assert sum(enter(budgets, Priority.MESSAGE, 100) for _ in range(100)) == 19


def test_refused_budget_takes_nothing_of_the_others(store: Store) -> None:
    budgets, few = Budgets(store, Clock()), Charge("few", 1, 1)
    turn = Turn(budgets, Priority.MESSAGE)
    budgets.enter("acme", (Charge(ACCOUNT, 1, 10), few), turn)
    for _ in range(20):
        with pytest.raises(BudgetSpent):
            budgets.enter("acme", (Charge(ACCOUNT, 1, 10), few), turn)
    assert sum(enter(budgets, Priority.MESSAGE, 10) for _ in range(20)) == 9


def test_short_wait_is_slept_and_a_long_one_told(store: Store) -> None:
    budgets = Budgets(store)
    quick = (Charge("quick", 1, 2, 1.2),)
    began = time.monotonic()
    for _ in range(3):
        budgets.enter("acme", quick, Turn(budgets, Priority.MESSAGE))
    assert time.monotonic() - began > 1.1
    turn = Turn(budgets, Priority.MESSAGE, patience=0.0)
    with pytest.raises(BudgetSpent) as caught:
        for _ in range(3):
            budgets.enter("acme", quick, turn)
    assert 0 < (caught.value.retry_after or 0) < 1.5
    assert isinstance(caught.value, VendorBusy)
    assert not caught.value.whole_source and not caught.value.uncertain


def test_budget_that_ends_after_a_write_leaves_it_open_what_was_done(
    store: Store,
) -> None:
    budgets = Budgets(store, Clock())
    assert all(enter(budgets, Priority.MESSAGE) for _ in range(20))
    turn = Turn(budgets, Priority.MESSAGE, wrote=True)
    with pytest.raises(BudgetSpent) as caught:
        budgets.enter("acme", (Charge(ACCOUNT, 1, 20),), turn)
    assert caught.value.uncertain


# -- two real processes against a vendor that counts

LIMIT, WINDOW, PERIOD = 40, 2.0, 6.0
COUNTED = Tariff(charges=lambda call: (Charge(ACCOUNT, 1, LIMIT, WINDOW),))


class Counting:
    """A vendor that writes down when each call arrived."""

    def __init__(self) -> None:
        self.arrived: list[float] = []

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.arrived.append(time.monotonic())
        start_response("200 OK", [("Content-Length", "2")])
        return [b"{}"]


@contextmanager
def counting() -> Iterator[tuple[Counting, str]]:
    app = Counting()
    with serving(app, 0) as port:
        yield app, f"http://127.0.0.1:{port}"


def hammer(database_url: str, address: str, ready: Barrier) -> None:
    """Call as often as the pace allows, in three threads of one process."""
    ready.wait(timeout=120)
    until = time.monotonic() + PERIOD
    store = Store(database_url)
    budgets = Budgets(store)
    client = http.VendorClient("acme", address, lambda _: "", tariff=COUNTED)

    def calls() -> None:
        while time.monotonic() < until:
            with pace.turn(budgets, Priority.MESSAGE, patience=1.0):
                try:
                    client.call("GET", "/")
                except BudgetSpent as err:
                    time.sleep(min(err.retry_after or 0, 0.5))

    threads = [threading.Thread(target=calls) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    store.close()


def test_two_processes_never_call_more_often_than_the_limit(store: Store) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    with counting() as (vendor, address):
        ready = context.Barrier(2)
        processes = [
            context.Process(target=hammer, args=(url, address, ready)) for _ in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(timeout=180)
        assert [process.exitcode for process in processes] == [0, 0]
    arrived = vendor.arrived
    most = max(
        sum(moment <= at < moment + WINDOW for at in arrived) for moment in arrived
    )
    assert most <= LIMIT
    # Nor do they stand still once the first window is full.
    assert len(arrived) > LIMIT


# -- the whole connector


def refusals(world: World) -> list[dict[str, Any]]:
    refused = [act for act in world.log() if act["act"] == "refused"]
    return [act for act in refused if act["detail"]["status"] == 429]


@contextmanager
def served(runtime: Runtime, world: World) -> Iterator[None]:
    """Take the deliveries of a world while the block runs."""
    runtime.store.upgrade()
    runtime.acceptor.start()
    try:
        with serving(runtime.create_app(), 0) as port:
            subscribe(world, f"http://127.0.0.1:{port}", world.settings)
            yield
    finally:
        runtime.acceptor.stop()


def shut(runtime: Runtime) -> None:
    runtime.worker.close()
    for adapter in runtime.adapters.values():
        adapter.close()
    runtime.store.close()


def take_turn(runtime: Runtime, ready: threading.Barrier) -> int:
    """Do what there is to do, at the same time as the other worker; count it."""
    ready.wait(timeout=60)
    done = runtime.worker.run_once()
    for sender in runtime.senders:
        done += sender.run_once()
        sender.close()  # the other process has its turn
    return done


def test_two_workers_never_exceed_a_small_budget_and_finish(database_url: str) -> None:
    clock = Clock()
    small = SandboxSettings(helpscout_limit=60, zendesk_limit=40)
    done = Counter[int]()
    with serve(World(small, clock), port=0) as sandbox, ThreadPoolExecutor(2) as pool:
        raw = configuration(sandbox, database_url, 1, {"work": {"batch": 4}})
        both = [Runtime(check(raw, "test"), clock=clock) for _ in range(2)]
        ready = threading.Barrier(2)
        with served(both[0], sandbox.world):
            for number in range(24):
                complain(sandbox.world, number)
            for _ in range(300):
                assert sandbox.world.deliveries.wait_quiet(20)
                turns = [pool.submit(take_turn, runtime, ready) for runtime in both]
                done.update({n: turn.result(60) for n, turn in enumerate(turns)})
                queue_due(both[0].store, both[0].config, clock())
                if all(our_tags(ticket) for _, ticket in tickets(sandbox.world)):
                    break
                clock.pass_(seconds=2)
            assert all(our_tags(ticket) for _, ticket in tickets(sandbox.world))
        # The vendor counts for itself, and nobody was idle.
        assert refusals(sandbox.world) == []
        assert min(done[0], done[1]) > 0
        for runtime in both:
            shut(runtime)


def test_without_a_pace_the_same_budget_is_exceeded(tmp_path: Path) -> None:
    """The test above would notice."""
    small = SandboxSettings(helpscout_limit=20)
    with serve(World(small), port=0) as sandbox:
        raw = configuration(sandbox, f"sqlite:///{tmp_path}/connector.db", 1, {})
        runtime = Runtime(check(raw, "test"))
        adapter: Any = runtime.adapters["support"]
        writer = complain(sandbox.world, 0, "helpscout")
        with pytest.raises(VendorBusy):
            for _ in range(30):
                adapter.fetch_ticket(writer.ticket)
        assert refusals(sandbox.world)
        shut(runtime)
