"""Which learned model is used is one fact for all machines, and can be taken back."""

from __future__ import annotations

from datetime import timedelta

from kit import START

from connector.store import Store, learned


def fitted(store: Store, *versions: str) -> None:
    for day, version in enumerate(versions):
        with store.write() as connection:
            at = START + timedelta(days=day)
            learned.add(connection, version, f"<{version}>", {"of": version}, at)


def used(store: Store) -> str:
    with store.read() as connection:
        return learned.version(connection)


def test_newest_model_is_used_and_few_are_kept(store: Store) -> None:
    assert used(store) == ""
    fitted(store, "a", "b", "c", "d")
    assert used(store) == "d"
    with store.read() as connection:
        kept = [(row.version, row.used) for row in learned.listing(connection)]
        bodies = [learned.body(connection, name) for name in ("a", "b")]
    assert kept == [("d", True), ("c", False), ("b", False)]
    assert bodies == [None, "<b>"]


def test_going_back_ends_at_the_oldest_that_is_kept(store: Store) -> None:
    fitted(store, "a", "b")
    with store.write() as connection:
        assert learned.go_back(connection) == "a"
        assert learned.go_back(connection) is None
    assert used(store) == "a"


def test_model_that_was_switched_off_can_be_used_again(store: Store) -> None:
    fitted(store, "a", "b")
    with store.write() as connection:
        assert learned.stop(connection)
        assert not learned.stop(connection)
    assert used(store) == ""
    with store.write() as connection:
        assert learned.go_back(connection) == "b"
    assert used(store) == "b"
