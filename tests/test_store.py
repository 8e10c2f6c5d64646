"""The database: schema, claims and ledgers, on both kinds alike."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from kit import START
from sqlalchemy import func, select

from connector.errors import StoreUnavailable
from connector.models import DeliveryState, Operation, OutboxState
from connector.store import Store, deliveries, locks, outbox, schema, sending
from connector.store.tables import metadata

LEASE = timedelta(seconds=60)


def accept(store: Store, count: int, key: str | None = None) -> None:
    with store.write() as connection:
        deliveries.accept(
            connection,
            [deliveries.new("support", key, {}, b"{}", START) for _ in range(count)],
        )


def effect(key: str, ordering: str, source: str = "support") -> outbox.Effect:
    return outbox.Effect(
        source=source,
        operation=Operation.ADD_NOTE,
        target="1",
        dedup_key=key,
        ordering_key=ordering,
    )


def enqueue(store: Store, *effects: outbox.Effect) -> None:
    with store.write() as connection:
        outbox.enqueue(connection, effects, START)


def test_migrations_make_exactly_the_schema_of_the_code(store: Store) -> None:
    with store.read() as connection:
        # How words are found is each engine's own, and no table of the code's.
        own = {"include_name": lambda name, *_: "tickets_words" not in str(name)}
        context = MigrationContext.configure(connection, opts=own)
        assert compare_metadata(context, metadata) == []


def test_upgrade_of_several_processes_at_once(database_url: str) -> None:
    stores = [Store(database_url) for _ in range(4)]
    failed: list[Exception] = []

    def upgrade(one: Store) -> None:
        try:
            one.upgrade()
        except Exception as err:
            failed.append(err)

    threads = [threading.Thread(target=upgrade, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in stores:
        one.close()
    assert failed == []


def test_delivery_with_a_known_key_is_stored_once(store: Store) -> None:
    accept(store, 1, "abc")
    accept(store, 2, "abc")
    accept(store, 2)
    with store.read() as connection:
        assert len(deliveries.listing(connection, None, 10)) == 3


def test_claims_of_two_workers_never_overlap(store: Store) -> None:
    accept(store, 200)
    taken: list[int] = []
    guard = threading.Lock()

    def claim(holder: str) -> None:
        while True:
            with store.write() as connection:
                rows = deliveries.claim(connection, holder, START, LEASE, 7)
            if not rows:
                return
            ids = [row.id for row in rows]
            with guard:
                taken.extend(ids)
            with store.write() as connection:
                deliveries.finish(
                    connection, ids, holder, DeliveryState.HANDLED, "", START
                )

    threads = [threading.Thread(target=claim, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 200


def test_claim_of_a_dead_worker_comes_back_after_its_lease(store: Store) -> None:
    accept(store, 1)
    with store.write() as connection:
        assert len(deliveries.claim(connection, "dead", START, LEASE, 9)) == 1
    with store.write() as connection:
        assert deliveries.claim(connection, "next", START, LEASE, 9) == []
        deliveries.renew(connection, "dead", START + timedelta(seconds=30), LEASE)
    late = START + timedelta(seconds=80)
    with store.write() as connection:
        assert deliveries.claim(connection, "next", late, LEASE, 9) == []
    later = START + timedelta(seconds=100)
    with store.write() as connection:
        again = deliveries.claim(connection, "next", later, LEASE, 9)
        assert [row.attempts for row in again] == [2]


def test_late_end_by_a_worker_that_lost_its_claim_changes_nothing(
    store: Store,
) -> None:
    accept(store, 1)
    later = START + timedelta(seconds=61)
    with store.write() as connection:
        first = deliveries.claim(connection, "slow", START, LEASE, 9)
        deliveries.claim(connection, "next", later, LEASE, 9)
        ids = [row.id for row in first]
        deliveries.finish(connection, ids, "slow", DeliveryState.PARKED, "late", later)
    with store.read() as connection:
        assert deliveries.counts(connection) == {"claimed": 1}


def test_effect_with_a_known_key_is_enqueued_once(store: Store) -> None:
    enqueue(store, effect("a", "t1"), effect("b", "t1"))
    enqueue(store, effect("a", "t1"))
    with store.read() as connection:
        assert outbox.counts(connection) == {"pending": 2}


def test_one_row_of_an_order_at_a_time(store: Store) -> None:
    enqueue(store, effect("a", "t1"), effect("b", "t1"), effect("c", "t2"))
    with store.write() as connection:
        first = sending.claim(connection, "support", "s", START, 10)
        assert [row.dedup_key for row in first] == ["a", "c"]
        assert sending.claim(connection, "support", "s", START, 10) == []
        sending.finish(connection, first[0].id, "s", OutboxState.DONE, START)
        second = sending.claim(connection, "support", "s", START, 10)
        assert [row.dedup_key for row in second] == ["b"]


def test_parked_row_does_not_block_its_order(store: Store) -> None:
    enqueue(store, effect("a", "t1"), effect("b", "t1"))
    with store.write() as connection:
        first = sending.claim(connection, "support", "s", START, 10)
        sending.finish(connection, first[0].id, "s", OutboxState.PARKED, START)
        assert len(sending.claim(connection, "support", "s", START, 10)) == 1


def test_row_of_another_source_is_not_claimed(store: Store) -> None:
    enqueue(store, effect("a", "t1", source="shop"))
    with store.write() as connection:
        assert sending.claim(connection, "support", "s", START, 10) == []


def test_marks_are_never_the_same(store: Store) -> None:
    enqueue(store, *(effect(str(n), str(n)) for n in range(100)))
    with store.read() as connection:
        query = select(func.count(schema.outbox.c.mark.distinct()))
        assert connection.scalar(query) == 100


def test_lease_has_one_holder_until_it_runs_out(store: Store) -> None:
    with store.write() as connection:
        assert locks.acquire(connection, "x", "a", START, LEASE)
        assert not locks.acquire(connection, "x", "b", START, LEASE)
        assert locks.acquire(connection, "x", "a", START, LEASE)
        late = START + timedelta(seconds=61)
        assert locks.acquire(connection, "x", "b", late, LEASE)
        assert not locks.acquire(connection, "x", "a", late, LEASE)
        locks.release(connection, "x", "b")
        assert locks.acquire(connection, "x", "a", late, LEASE)


def test_failed_transaction_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as connection:
        deliveries.accept(
            connection, [deliveries.new("support", None, {}, b"{}", START)]
        )
        raise RuntimeError
    with store.read() as connection:
        assert deliveries.counts(connection) == {}


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////proc/nowhere/connector.db",
        "postgresql://nobody:secret@127.0.0.1:1/none",
    ],
)
def test_unreachable_database_says_so_without_the_password(url: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        Store(url).upgrade()
    assert "secret" not in str(caught.value)
