"""A learned model is used by running processes as soon as the database names it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kit import Bench, settings
from structlog.testing import capture_logs

from connector.rulebook import LOOK
from connector.store import learned
from rules.learned import Model

MODEL = Model(
    version="",
    packs="",
    outcomes=("complaint",),
    bias=(-1.0,),
    words={"zebra": (1.0, 9.0)},
    grams={},
    groups={},
    evidence={},
    last=(),
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(settings(f"sqlite:///{tmp_path}/connector.db"))
    yield bench
    bench.close()


def use(bench: Bench, body: str, version: str) -> None:
    with bench.store.write() as connection:
        learned.add(connection, version, body, {}, bench.clock())
    bench.clock.pass_(seconds=LOOK.total_seconds())


def is_complaint(bench: Bench, ticket: str) -> bool:
    bench.write(ticket, "Today the zebra came to us.", f"{ticket}@example.com")
    bench.settle()
    return any(tag.startswith("cc-") for tag in bench.support.fetch_ticket(ticket).tags)


def test_model_counts_for_the_next_ticket_until_it_is_switched_off(
    bench: Bench,
) -> None:
    assert not is_complaint(bench, "1")
    before = bench.runtime.rulebook.book.version
    version = MODEL.fingerprint()
    use(bench, replace(MODEL, version=version).to_json(), version)
    assert is_complaint(bench, "2")
    assert bench.runtime.rulebook.book.version != before
    with bench.store.write() as connection:
        learned.stop(connection)
    bench.clock.pass_(seconds=LOOK.total_seconds())
    assert not is_complaint(bench, "3")
    assert bench.runtime.rulebook.book.version == before


def test_damaged_model_is_told_once_and_packs_judge_on(bench: Bench) -> None:
    use(bench, '{"format": 1}', "damaged")
    with capture_logs() as logs:
        assert not is_complaint(bench, "1")
        bench.clock.pass_(seconds=LOOK.total_seconds())
        assert not is_complaint(bench, "2")
    assert [one["event"] for one in logs].count("learned.unreadable") == 1
    bench.write("3", "My parcel never arrived, I want a refund.", "a@example.com")
    bench.settle()
    assert "cc-delivery" in bench.support.fetch_ticket("3").tags
