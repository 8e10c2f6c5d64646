"""Thresholds: who counts, what is compared, and which lane speaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from rules.companies import company
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
        times=1.0,
    )


def test_a_crossing_tells_how_many_times_what_counts_was_needed() -> None:
    sightings = [one._replace(vip=True) for one in seen(("a", 2), ("b", 1), ("c", 0))]
    heavy = SLOW.model_copy(update={"vip_weight": 2.0})
    crossing = crossed(sightings, heavy, NOW)
    assert crossing is not None
    assert crossing.times == 3 * 2 / SLOW.customers
    sightings = seen(*((name, 1) for name in "abcdef"))
    crossing = crossed(sightings, SLOW, NOW, usual_per_window=2)
    assert crossing is not None
    assert crossing.times == 6 / (SLOW.usual_factor * 2)


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
    assert usual(trickle(*per_window), SLOW, NOW) == expected, case


def test_customer_who_often_writes_is_usual_once_a_window() -> None:
    often = seen(*[("a", hours) for hours in range(24, 24 * 5)])
    assert usual(often, SLOW, NOW) == 1


def at_work(*entries: tuple[str, str]) -> list[Sighting]:
    """Sightings of now from (customer, company); a VIP has an exclamation mark."""
    return [
        Sighting(who.rstrip("!"), NOW, company, who.endswith("!"))
        for who, company in entries
    ]


def needing(customers: int, **more: object) -> Thresholds:
    return Thresholds.model_validate(
        {"customers": customers, "window": "6h", "fast_customers": 0, **more}
    )


OFFICE = at_work(("a", "acme"), ("b", "acme"), ("c", "acme"), ("d", ""), ("e", ""))


@pytest.mark.parametrize(
    ("sightings", "thresholds", "reason"),
    [
        (OFFICE, needing(5), "5 customers in 6 h"),
        (
            OFFICE,
            needing(4, company_cap=2),
            "5 customers, counted as 4 (no company counts for more than 2), in 6 h",
        ),
        (OFFICE, needing(5, company_cap=2), None),
        (OFFICE, needing(3, count="companies"), "3 companies (5 customers) in 6 h"),
        (OFFICE, needing(4, count="companies"), None),
        (
            at_work(("a!", ""), ("b", "")),
            needing(3, vip_weight=2),
            "2 customers, one of them VIP (counts 2), in 6 h",
        ),
        (
            at_work(("a!", ""), ("b!", "")),
            needing(3, vip_weight=1.5),
            "2 customers, 2 of them VIPs (each counts 1.5), in 6 h",
        ),
        (at_work(("a!", ""), ("b", "")), needing(3), None),
        (
            at_work(("a!", "acme"), ("b", "acme")),
            needing(2, count="companies", vip_weight=2),
            "1 company (2 customers), one of them VIP (counts 2), in 6 h",
        ),
        # Once a VIP, for all they wrote.
        (
            at_work(("a!", ""), ("a", "")),
            needing(2, vip_weight=2),
            "1 customer, one of them VIP (counts 2), in 6 h",
        ),
    ],
)
def test_vips_and_companies_count_as_the_settings_say(
    sightings: list[Sighting], thresholds: Thresholds, reason: str | None
) -> None:
    crossing = crossed(sightings, thresholds, NOW)
    assert (crossing and crossing.reason) == reason
    if crossing:
        assert crossing.customers == len({one.customer for one in sightings})


def test_companies_are_usual_where_companies_count() -> None:
    yesterday = NOW - timedelta(hours=30)
    past = [Sighting(who, yesterday, "acme") for who in "abc"]
    assert usual(past, SLOW, NOW) == 3
    by_company = SLOW.model_copy(update={"count": "companies"})
    assert usual(past, by_company, NOW) == 1


@pytest.mark.parametrize(
    ("organization", "address", "expected"),
    [
        ("Acme  AS", "kari@gmail.com", "acme as"),
        ("", "kari@Acme.example", "acme.example"),
        ("", "kari@gmail.com", ""),
        ("", "kari@ONLINE.no", ""),
        ("", "support:77", ""),
    ],
)
def test_company_is_told_by_organisation_or_domain(
    organization: str, address: str, expected: str
) -> None:
    assert company(organization, address) == expected


@pytest.mark.parametrize(
    ("window", "words"),
    [
        *(("7d", "7 days"), ("4h", "4 h"), ("30m", "30 min"), ("36h", "36 h")),
        *(("1s", "1 s"), ("1.5s", "1.5 s"), ("90s", "1.5 min"), ("1h 15m", "1.25 h")),
        *(("100s", "1.67 min"), ("50h", "2.08 days"), ("20000d", "20000 days")),
    ],
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
