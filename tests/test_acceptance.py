"""Accepting deliveries: on the disk before the answer, or not accepted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from kit import START, Bench
from sqlalchemy import Connection

from adapters.memory import MemoryAdapter
from connector.acceptance import PATIENCE, Acceptor
from connector.errors import StoreUnavailable
from connector.models import WebhookRequest
from connector.store import Store, deliveries

ADAPTER = MemoryAdapter("support")


def request(body: bytes, key: str | None = None) -> WebhookRequest:
    return WebhookRequest(headers={"x-memory-id": key} if key else {}, body=body)


def bodies(store: Store) -> list[bytes]:
    with store.write() as connection:
        claimed = deliveries.claim(
            connection, "test", START + timedelta(days=1), timedelta(minutes=1), 5000
        )
    return [delivery.body for delivery in claimed]


def accept(
    acceptor: Acceptor, asked: WebhookRequest, timeout: float = PATIENCE
) -> None:
    acceptor.hand_in(ADAPTER, asked, START).wait(timeout)


@pytest.fixture
def acceptor(store: Store) -> Iterator[Acceptor]:
    started = Acceptor(store)
    started.start()
    yield started
    if started.is_alive():
        started.stop()


def test_delivery_is_stored_when_accept_returns(
    store: Store, acceptor: Acceptor
) -> None:
    for number in range(3):
        accept(acceptor, request(b"\x00%d" % number))
        with store.read() as connection:
            assert deliveries.counts(connection) == {"pending": number + 1}
    assert bodies(store) == [b"\x000", b"\x001", b"\x002"]


def test_many_threads_lose_and_double_nothing(store: Store, acceptor: Acceptor) -> None:
    def hand_in(thread: int) -> None:
        for number in range(20):
            accept(acceptor, request(b"%d-%d" % (thread, number)))

    threads = [threading.Thread(target=hand_in, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    expected = sorted(b"%d-%d" % (t, n) for t in range(8) for n in range(20))
    assert sorted(bodies(store)) == expected


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
def test_repeated_delivery_is_stored_once(store: Store, together: bool) -> None:
    rows = [
        deliveries.new("support", key, {"é": '"'}, b"body", START)
        for key in ("a", "a", None, None)
    ]
    for batch in [rows] if together else [[row] for row in rows]:
        with store.append(deliveries.WAKE) as connection:
            deliveries.accept(connection, batch, wake=True)
    assert len(bodies(store)) == 3


def test_times_and_headers_come_back_as_they_were(store: Store) -> None:
    row = deliveries.new("support", "k", {"x-event": "é €"}, b"\xff", START)
    with store.write() as connection:
        deliveries.accept(connection, [row])
        claimed = deliveries.claim(connection, "t", START, timedelta(minutes=1), 1)[0]
    assert (claimed.received_at, claimed.headers) == (START, {"x-event": "é €"})
    assert (claimed.body, claimed.attempts) == (b"\xff", 1)


def test_more_rows_than_one_statement_takes_are_all_stored(store: Store) -> None:
    rows = [deliveries.new("s", None, {}, b"%d" % n, START) for n in range(2345)]
    with store.write() as connection:
        deliveries.accept(connection, rows)
    assert bodies(store) == [b"%d" % n for n in range(2345)]


def test_append_wakes_those_who_wait(store: Store) -> None:
    seen = store.signals.seen(deliveries.WAKE)
    with store.append(deliveries.WAKE) as connection:
        deliveries.accept(
            connection, [deliveries.new("s", None, {}, b"", START)], wake=True
        )
    assert store.signals.seen(deliveries.WAKE) != seen


def test_nothing_is_accepted_when_the_database_refuses(
    store: Store, acceptor: Acceptor
) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO elsewhere")
    with pytest.raises(StoreUnavailable):
        accept(acceptor, request(b"1"))
    with store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO deliveries")
    accept(acceptor, request(b"2"))
    assert bodies(store) == [b"2"]


def test_delivery_given_up_by_its_request_is_not_stored_later(store: Store) -> None:
    acceptor = Acceptor(store)  # not started yet: a database that takes too long
    with pytest.raises(StoreUnavailable):
        accept(acceptor, request(b"late"), timeout=0.01)
    acceptor.start()
    accept(acceptor, request(b"in time"))
    acceptor.stop()
    assert bodies(store) == [b"in time"]


def test_stop_stores_what_was_handed_in(store: Store) -> None:
    acceptor = Acceptor(store)
    threads = [
        threading.Thread(target=accept, args=(acceptor, request(b"%d" % n)))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    while acceptor._queue.qsize() < 4:
        threading.Event().wait(0.01)
    acceptor.start()
    acceptor.stop()
    for thread in threads:
        thread.join(10)
    assert len(bodies(store)) == 4


def hand_in_all(acceptor: Acceptor, bodies: list[bytes]) -> list[bool]:
    """Hand in on an event loop, all in one go; tell which of them were accepted."""

    async def one(body: bytes) -> bool:
        loop = asyncio.get_running_loop()
        receipt = acceptor.hand_in(ADAPTER, request(body), START, loop)
        try:
            await receipt.settled()
        except StoreUnavailable:
            return False
        return True

    async def every() -> list[bool]:
        return await asyncio.gather(*[one(body) for body in bodies])

    return asyncio.run(every())


def test_event_loop_is_told_what_is_on_the_disk(
    store: Store, acceptor: Acceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    real = deliveries.accept
    monkeypatch.setattr(
        deliveries, "accept", lambda c, rows, wake: (commits.append(1), real(c, rows))
    )
    given = [b"%d" % number for number in range(700)]
    assert hand_in_all(acceptor, given) == [True] * 700
    assert bodies(store) == given
    assert len(commits) < 10  # many at a time


def test_bodies_are_not_held_until_the_patience_would_be_over(
    acceptor: Acceptor,
) -> None:
    async def settle() -> list[asyncio.TimerHandle]:
        loop = asyncio.get_running_loop()
        await acceptor.hand_in(ADAPTER, request(b"1"), START, loop).settled()
        return [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]

    assert asyncio.run(settle()) == []


def test_event_loop_is_told_what_the_database_refused(
    acceptor: Acceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **named: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(deliveries, "accept", refuse)
    assert hand_in_all(acceptor, [b"1", b"2"]) == [False, False]
    monkeypatch.undo()
    assert hand_in_all(acceptor, [b"3"]) == [True]


def test_other_processes_hear_of_the_first_at_once_and_of_the_last_soon(
    store: Store, acceptor: Acceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[int] = []
    stored: list[int] = []
    real = deliveries.accept

    def note(
        connection: Connection, rows: list[deliveries.Arrival], wake: bool
    ) -> None:
        real(connection, rows, wake)
        stored.extend(1 for _ in rows)
        if wake:
            notes.append(len(stored))

    monkeypatch.setattr(deliveries, "accept", note)
    monkeypatch.setattr(
        deliveries, "wake_others", lambda connection: notes.append(len(stored))
    )
    for number in range(20):
        accept(acceptor, request(b"%d" % number))
    until = time.monotonic() + 10
    while notes[-1] < 20 and time.monotonic() < until:
        time.sleep(0.01)
    assert (notes[0], notes[-1]) == (1, 20)
    assert len(notes) < 20
    accept(acceptor, request(b"first of a new burst, or not"))
    accept(acceptor, request(b"last"))
    acceptor.stop()
    assert notes[-1] == 22


def test_delivery_given_up_by_an_event_loop_is_not_stored_later(store: Store) -> None:
    # Not started yet: a database that takes too long.
    acceptor = Acceptor(store, patience=0.01)

    async def give_up() -> None:
        loop = asyncio.get_running_loop()
        receipt = acceptor.hand_in(ADAPTER, request(b"late"), START, loop)
        with pytest.raises(StoreUnavailable):
            await receipt.settled()

    asyncio.run(give_up())
    acceptor.start()
    accept(acceptor, request(b"in time"))
    acceptor.stop()
    assert bodies(store) == [b"in time"]


def test_heartbeat_survives_whatever_happens_in_one_beat(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = make_bench(work={"lease": "30ms"}).runtime
    renewed = threading.Semaphore(0)

    def fail() -> None:
        raise RuntimeError("in one source")

    monkeypatch.setattr(runtime.senders[0], "renew", fail)
    monkeypatch.setattr(deliveries, "renew", lambda *args: (renewed.release(), fail()))
    beating = threading.Thread(target=runtime._heartbeat, daemon=True)
    beating.start()
    try:
        assert all(renewed.acquire(timeout=10) for _ in range(2))
    finally:
        runtime._beat.set()
        beating.join(10)
