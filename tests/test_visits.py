"""Which agent looks at which ticket in a sidebar, for as long as that counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kit import START

from connector.store import Store, visits

HOUR = timedelta(hours=1)


def visit(token: str, **changes: Any) -> dict[str, Any]:
    values = {"token_hash": token, "source": "desk", "ticket": "", "who": "user 7"}
    return {**values, "proof": None, "at": START, **changes}


def test_proof_counts_once_and_only_in_its_source(store: Store) -> None:
    with store.write() as connection:
        assert visits.begin(connection, visit("a", proof="p"))
        assert not visits.begin(connection, visit("b", proof="p"))
        assert visits.begin(connection, visit("c", proof="p", source="other"))
        assert visits.begin(connection, visit("d"))
        assert visits.begin(connection, visit("e"))  # without a proof there is no once


def test_visit_is_of_one_ticket_one_source_and_ends(store: Store) -> None:
    with store.write() as connection:
        visits.begin(connection, visit("a"))
        assert visits.settle(connection, "a", "12")
        assert visits.settle(connection, "a", "12")
        assert not visits.settle(connection, "a", "13")
        found = visits.find(connection, "a", "desk", START - HOUR)
        assert found is not None and found.ticket == "12"
        assert visits.find(connection, "a", "other", START - HOUR) is None
        assert visits.find(connection, "a", "desk", START) is None
        visits.end_stale(connection, START)
        assert visits.find(connection, "a", "desk", START - HOUR) is None
