"""Counting working days: weekends and public holidays of a country are none."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

SATURDAY = 5


def countries() -> frozenset[str]:
    """Return the countries, as ISO 3166 codes, whose public holidays are known."""
    return frozenset(holidays.list_supported_countries(include_aliases=False))


@cache
def public_holidays(country: str) -> Container[date]:
    """Return the public holidays of a country; of none for an empty code."""
    return holidays.country_holidays(country) if country else frozenset()


def days_after(
    moment: datetime, days: int, at: time, zone: ZoneInfo, country: str
) -> datetime:
    """Return the time ``at`` on the working day that comes ``days`` after ``moment``.

    Days are counted where ``zone`` is. An hour that the clock skips in spring is the
    one after it.
    """
    free = public_holidays(country)
    day = moment.astimezone(zone).date()
    while days:
        day += timedelta(days=1)
        if day.weekday() < SATURDAY and day not in free:
            days -= 1
    return datetime.combine(day, at, zone).astimezone(UTC)
