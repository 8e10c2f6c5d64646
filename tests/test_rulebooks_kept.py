"""What tickets were judged by is kept, each once, and can be read later."""

from __future__ import annotations

from datetime import timedelta

from kit import START

from connector.store import Store, rulebooks


def test_rulebook_is_kept_once_from_when_it_first_came_into_force(
    store: Store,
) -> None:
    body = {"rules": [{"id": "vip-delivery"}]}
    with store.write() as connection:
        rulebooks.keep(connection, "a1b2", body, START)
        rulebooks.keep(connection, "a1b2", {}, START + timedelta(days=1))
        rulebooks.keep(connection, "a1c3", {}, START + timedelta(days=2))
    with store.read() as connection:
        (found,) = rulebooks.find(connection, "a1b")
        newest_first = [row.version for row in rulebooks.find(connection, "a1")]
    assert (found.body, found.at) == (body, START)
    assert newest_first == ["a1c3", "a1b2"]
