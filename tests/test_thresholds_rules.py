"""Thresholds: who counts, what is compared, and which lane speaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from rules.thresholds import Crossing, Sighting, Thresholds, crossed, usual

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SLOW = Thresholds(customers=3, window="24h", fast_customers=0)
FAST = Thresholds(customers=3, window="24h", fast_customers=2, fast_window="1h")


def seen(*entries: tuple[str, float]) -> list[Sighting]:
    """Sightings from (customer, hours ago)."""
    return [Sighting(who, NOW - timedelta(hours=ago)) for who, ago in entries]


@pytest.mark.parametrize(
    ("case", "sightings", "thresholds", "usual", "rule"),
    [
        ("three customers", seen(("a", 5), ("b", 3), ("c", 0)), SLOW, 0, "threshold"),
        ("two customers", seen(("a", 5), ("b", 3)), SLOW, 0, None),
        ("one who writes often", seen(*[("a", h) for h in range(9)]), SLOW, 0, None),
        (
            "the first left the window",
            seen(("a", 24), ("b", 3), ("c", 0)),
            SLOW,
            0,
            None,
        ),
        ("just inside", seen(("a", 23.9), ("b", 3), ("c", 0)), SLOW, 0, "threshold"),
        ("any order", seen(("c", 0), ("a", 5), ("b", 3)), SLOW, 0, "threshold"),
        (
            "the future does not count",
            seen(("a", 5), ("b", 3), ("c", -1)),
            SLOW,
            0,
            None,
        ),
        ("usual for this problem", seen(("a", 5), ("b", 3), ("c", 0)), SLOW, 2, None),
        ("twice the usual", seen(("a", 5), ("b", 3), ("c", 0)), SLOW, 1.5, "threshold"),
        ("quick start", seen(("a", 0.5), ("b", 0)), FAST, 0, "fast"),
        ("quick but usual", seen(("a", 0.5), ("b", 0)), FAST, 48, None),
        ("both lanes", seen(("a", 0.5), ("b", 0.1), ("c", 0)), FAST, 0, "threshold"),
        ("nothing seen", [], FAST, 0, None),
    ],
)
def test_a_threshold_is_crossed_only_by_enough_customers_in_time(
    case: str,
    sightings: list[Sighting],
    thresholds: Thresholds,
    usual: float,
    rule: str | None,
) -> None:
    crossing = crossed(sightings, thresholds, NOW, usual)
    assert (crossing and crossing.rule) == rule, case


def test_a_crossing_tells_its_numbers_and_why() -> None:
    sightings = seen(("a", 30), ("a", 6), ("b", 5), ("b", 4), ("c", 0))
    assert crossed(sightings, SLOW, NOW, 1.0) == Crossing(
        rule="threshold",
        customers=3,
        tickets=4,
        since=NOW - timedelta(hours=6),
        reason="3 customers in 24 h, usually 1",
    )


def test_the_fast_lane_says_over_what_time_something_is_usual() -> None:
    crossing = crossed(seen(("a", 0.5), ("b", 0)), FAST, NOW, 1.0)
    assert crossing is not None
    assert crossing.reason == "2 customers in 1 h, usually 1 in 24 h"


def trickle(*per_window: int) -> list[Sighting]:
    """Sightings of so many customers in each window, newest window first."""
    return seen(
        *[
            (f"{number} of {ago}", 24 * ago + 12)
            for ago, customers in enumerate(per_window)
            for number in range(customers)
        ]
    )


@pytest.mark.parametrize(
    ("case", "per_window", "expected"),
    [
        ("without a past", (), 0),
        ("this window is no past", (9,), 0),
        ("one a window", (9, 1, 1, 1, 1), 1),
        ("now and then", (9, 1, 0, 1, 0, 1), 1),
        ("seldom", (9, 0, 0, 1), 0),
        ("an incident of the past", (9, 1, 1, 80, 1, 1), 1),
        ("a short past", (9, 3, 1), 2),
    ],
)
def test_what_is_usual_is_what_an_ordinary_window_had(
    case: str, per_window: tuple[int, ...], expected: float
) -> None:
    window = timedelta(hours=24)
    assert usual(trickle(*per_window), window, NOW) == expected, case


def test_customer_who_often_writes_is_usual_once_a_window() -> None:
    often = seen(*[("a", hours) for hours in range(24, 24 * 5)])
    assert usual(often, timedelta(hours=24), NOW) == 1


@pytest.mark.parametrize(
    ("window", "words"),
    [("7d", "7 days"), ("4h", "4 h"), ("30m", "30 min"), ("36h", "36 h")],
)
def test_the_window_is_said_as_people_say_it(window: str, words: str) -> None:
    one = Thresholds(customers=1, window=window)
    crossing = crossed(seen(("a", 0)), one, NOW)
    assert crossing is not None
    assert crossing.reason == f"1 customer in {words}"


def test_zero_switches_a_lane_off() -> None:
    nothing = Thresholds(customers=0, fast_customers=0)
    assert crossed(seen(*[(str(i), 0) for i in range(99)]), nothing, NOW) is None


@pytest.mark.parametrize(
    "bad",
    [
        {"customers": -1},
        {"window": "0s"},
        {"window": "soon"},
        {"fast_window": "-1h"},
        {"usual_factor": -2},
        {"customer": 5},
    ],
)
def test_settings_that_make_no_sense_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Thresholds.model_validate(bad)
