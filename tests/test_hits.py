"""What the pages count of what was decided lately, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from kit import START, Bench, settings

from connector.store import overview
from connector.store.hits import hits

RULES = {
    "rules": [
        {
            "id": "lamp",
            "when": {"field": "text", "op": "contains", "value": "lamp"},
            "then": [{"add_tag": "lamp"}],
        }
    ]
}
EARLIER = START - timedelta(days=30)


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    made = Bench(settings(database_url, rules=RULES))
    made.write("1", "My lamp is broken, I am furious!", "a@mail.example")
    made.settle()
    made.clock.pass_(days=1)
    made.write("1", "The lamp is still broken.", "a@mail.example")
    made.write("2", "I expected better of this lamp.", "b@mail.example")
    made.write("3", "Where are you on Sundays?", "c@mail.example")
    made.settle()
    yield made
    made.close()


def test_tickets_are_counted_once_for_each_rule(bench: Bench) -> None:
    with bench.store.read() as connection:
        whole = hits(connection, EARLIER)
        late = hits(connection, START + timedelta(hours=1))
        last = hits(connection, EARLIER, limit=1)
        unsure = overview.unsure(connection, EARLIER, 10)
    assert (whole.tickets["lamp"], whole.since) == (2, EARLIER)
    assert whole.tickets["pack.type"] >= 1
    assert late.tickets["lamp"] == 2
    assert last.since == START + timedelta(days=1)  # it does not reach further back
    assert [row.external_id for row in unsure] == ["2"]
