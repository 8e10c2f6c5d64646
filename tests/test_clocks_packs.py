"""What packs promise, and how one promise gives way to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clock_kit import (
    OLE,
    answer,
    change,
    complain,
    desks,
    is_due,
    of,
    review,
    solve,
    states,
    told,
)
from kit import START, Bench
from loop_kit import COMPLAINTS

from connector.packs import Met, Pack, packs


@pytest.fixture
def make(blank_sqlite: str, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    yield from desks(blank_sqlite, tmp_path)


@pytest.mark.parametrize("name", packs())
def test_every_pack_ends_with_a_solution_and_is_no_legal_advice(name: str) -> None:
    pack = packs()[name]
    assert pack.advice == "not legal advice"
    # Without it nobody would know when a matter has ended and the next begins.
    assert any(promise.met_by is Met.SOLVED for promise in pack.promises)
    kinds = [promise.kind for promise in pack.promises]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize(
    ("pack", "due"),
    [
        (
            "fca_like",
            {
                "acknowledgement": datetime(2026, 3, 4, tzinfo=UTC),
                "summary_resolution": datetime(2026, 3, 6, tzinfo=UTC),
                "final_response": START + timedelta(weeks=8),
                "keep_informed": datetime(2026, 3, 10, tzinfo=UTC),
            },
        ),
        (
            "cfpb_like",
            {
                "response": START + timedelta(days=15),
                "final_response": START + timedelta(days=60),
            },
        ),
    ],
)
def test_pack_says_what_is_due_when(
    make: Callable[..., Bench], pack: str, due: dict[str, datetime]
) -> None:
    desk = make(clocks={"pack": pack})
    complain(desk)
    assert {kind: row.due_at for kind, row in of(desk).items()} == due


def test_promise_that_was_not_kept_gives_way_to_the_one_named_for_that(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    desk = make(clocks={"pack": "fca_like"})
    complain(desk)
    desk.clock.pass_(minutes=5)
    answer(desk)
    review(desk, days=3)
    assert told(tmp_path).count("Summary resolution communication due 2026-03-06") == 1
    assert is_due(desk)
    review(desk, days=1)
    assert states(desk)["summary_resolution"] == "passed_on"
    assert states(desk)["final_response"] == "running"
    assert not is_due(desk)
    review(desk, days=1)
    assert "have passed" not in told(tmp_path) + told(tmp_path, "boss")
    change(desk)
    assert states(desk)["summary_resolution"] == "passed_on"
    solve(desk)
    assert states(desk)["final_response"] == "met"


def test_complaint_first_seen_when_its_promise_gave_way_has_the_other_one(
    make: Callable[..., Bench],
) -> None:
    desk = make(clocks={"pack": "fca_like"})
    desk.support.write("1", COMPLAINTS[0], email=OLE, now=desk.clock())
    desk.clock.pass_(days=9)
    change(desk)
    assert states(desk)["summary_resolution"] == "passed_on"
    assert states(desk)["final_response"] == "running"
    desk.clock.pass_(days=1)
    solve(desk)
    assert states(desk)["final_response"] == "met"


def test_who_was_away_when_a_promise_gave_way_is_not_told(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    desk = make(clocks={"pack": "fca_like"})
    complain(desk)
    desk.clock.pass_(minutes=5)
    answer(desk)
    review(desk, days=4, hours=2)
    assert states(desk)["summary_resolution"] == "passed_on"
    assert "Summary" not in told(tmp_path) + told(tmp_path, "boss")


@pytest.mark.parametrize("to", ["nothing", "answer"])
def test_pack_whose_promise_gives_way_to_nothing_like_it_is_refused(to: str) -> None:
    promises = [
        {"kind": "answer", "title": "A", "met_by": "answer", "days": 1},
        {"kind": "end", "title": "E", "met_by": "solved", "days": 1},
    ]
    promises[1]["gives_way_to"] = to
    with pytest.raises(ValueError, match="end: nothing to give way to"):
        Pack.model_validate(
            {"about": "A", "advice": "not legal advice", "promises": promises}
        )


def test_other_pack_takes_the_place_of_what_was_promised(
    make: Callable[..., Bench],
) -> None:
    complain(make())
    desk = make(clocks={"pack": "cfpb_like"})
    desk.support.tickets.update({})
    desk.write("1", COMPLAINTS[0], OLE)
    desk.settle()
    assert states(desk) == {
        "first_answer": "dropped",
        "solution": "dropped",
        "keep_informed": "dropped",
        "response": "running",
        "final_response": "running",
    }
