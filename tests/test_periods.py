"""Weeks and months as people count them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.reports.periods import (
    Period,
    half_year,
    last_half_year,
    last_month,
    last_week,
    last_year,
    month,
    week,
    weeks_before,
    year,
)

OSLO = ZoneInfo("Europe/Oslo")


def at(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=UTC)


def test_period_begins_at_midnight_where_days_are_counted() -> None:
    expected = Period("2026-W46", at("2026-11-08T23:00"), at("2026-11-15T23:00"))
    assert week("2026-W46", OSLO) == expected
    # With the change of the clocks in it.
    expected = Period("2026-10", at("2026-09-30T22:00"), at("2026-10-31T23:00"))
    assert month("2026-10", OSLO) == expected


@pytest.mark.parametrize(
    "name", ["2026-46", "2026-W54", "2027-W53", "46", "2026-W1", "9999-W52"]
)
def test_what_is_no_week_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        week(name, OSLO)


@pytest.mark.parametrize("name", ["2026-13", "2026-1", "202610", "October", "0001-01"])
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        month(name, OSLO)


@pytest.mark.parametrize("name", ["2026-3", "2026", "26-1", "9999-2"])
def test_what_is_no_half_year_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        half_year(name, OSLO)


@pytest.mark.parametrize("name", ["2026-1", "26", "9999"])
def test_what_is_no_year_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        year(name, OSLO)


def test_two_halves_are_a_year() -> None:
    first, second = half_year("2026-1", OSLO), half_year("2026-2", OSLO)
    assert first.until == second.since == at("2026-06-30T22:00")
    assert (first.since, second.until) == year("2026", OSLO)[1:]


@pytest.mark.parametrize(
    ("now", "half", "whole"),
    [
        ("2026-12-31T22:59", "2026-1", "2025"),  # still December in Oslo
        ("2026-12-31T23:00", "2026-2", "2026"),
        ("2026-06-30T21:59", "2025-2", "2025"),
        ("2026-06-30T22:00", "2026-1", "2025"),
    ],
)
def test_last_long_period_is_the_one_that_is_over(
    now: str, half: str, whole: str
) -> None:
    assert last_half_year(at(now), OSLO).name == half
    assert last_year(at(now), OSLO).name == whole


@pytest.mark.parametrize(
    ("now", "last", "before"),
    [
        ("2026-11-15T22:59", "2026-W45", "2026-10"),  # still Sunday in Oslo
        ("2026-11-15T23:00", "2026-W46", "2026-10"),
        ("2027-01-03T22:59", "2026-W52", "2026-12"),
        ("2027-01-03T23:00", "2026-W53", "2026-12"),  # a year with 53 weeks
        ("2028-02-29T12:00", "2028-W08", "2028-01"),
        ("2028-02-29T23:00", "2028-W08", "2028-02"),
    ],
)
def test_last_period_is_the_one_that_is_over(now: str, last: str, before: str) -> None:
    assert last_week(at(now), OSLO).name == last
    assert last_month(at(now), OSLO).name == before
    assert last_week(at(now), OSLO).until <= at(now)


def test_week_in_which_the_clocks_change_is_as_long_as_it_is() -> None:
    (before, changed) = weeks_before(week("2026-W45", OSLO), 2, OSLO)
    assert before.until - before.since == timedelta(days=7)
    assert changed.until - changed.since == timedelta(days=7, hours=1)
    assert changed.until == before.since
