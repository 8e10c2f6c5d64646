"""Accepting deliveries: on the disk before the answer, or not accepted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from kit import START, Bench

from adapters.memory import MemoryAdapter
from connector.acceptance import Acceptor
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
        acceptor.accept(ADAPTER, request(b"\x00%d" % number), START)
        with store.read() as connection:
            assert deliveries.counts(connection) == {"pending": number + 1}
    assert bodies(store) == [b"\x000", b"\x001", b"\x002"]


def test_many_threads_lose_and_double_nothing(store: Store, acceptor: Acceptor) -> None:
    def hand_in(thread: int) -> None:
        for number in range(20):
            acceptor.accept(ADAPTER, request(b"%d-%d" % (thread, number)), START)

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
        acceptor.accept(ADAPTER, request(b"1"), START)
    with store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO deliveries")
    acceptor.accept(ADAPTER, request(b"2"), START)
    assert bodies(store) == [b"2"]


def test_delivery_given_up_by_its_request_is_not_stored_later(store: Store) -> None:
    acceptor = Acceptor(store)  # not started yet: a database that takes too long
    with pytest.raises(StoreUnavailable):
        acceptor.accept(ADAPTER, request(b"late"), START, timeout=0.01)
    acceptor.start()
    acceptor.accept(ADAPTER, request(b"in time"), START)
    acceptor.stop()
    assert bodies(store) == [b"in time"]


def test_stop_stores_what_was_handed_in(store: Store) -> None:
    acceptor = Acceptor(store)
    threads = [
        threading.Thread(
            target=acceptor.accept, args=(ADAPTER, request(b"%d" % n), START)
        )
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
