"""Weeks, months and years as people of the house count them. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

WEEK = timedelta(days=7)
JUNE = 6


class Period(NamedTuple):
    """A week, a month or more: from its first moment up to that of the next."""

    name: str
    since: datetime
    until: datetime


def week(name: str, zone: ZoneInfo) -> Period:
    """Return a week by its ISO name, such as 2026-W46.

    Raises ``ValueError``.
    """
    found = re.fullmatch(r"([12]\d{3})-W(\d\d)", name)
    if not found:
        raise ValueError(f"{name!r}: expected a week such as 2026-W46")
    first = date.fromisocalendar(int(found[1]), int(found[2]), 1)
    return _days(name, first, first + WEEK, zone)


def month(name: str, zone: ZoneInfo) -> Period:
    """Return a month by its name, such as 2026-10.

    Raises ``ValueError``.
    """
    if not re.fullmatch(r"[12]\d{3}-\d\d", name):
        raise ValueError(f"{name!r}: expected a month such as 2026-10")
    first = date.fromisoformat(f"{name}-01")
    return _days(name, first, _next_month(first), zone)


def half_year(name: str, zone: ZoneInfo) -> Period:
    """Return the half of a year by its name, such as 2026-1.

    Raises ``ValueError``.
    """
    found = re.fullmatch(r"([12]\d{3})-([12])", name)
    if not found:
        raise ValueError(f"{name!r}: expected the half of a year such as 2026-1")
    begins, middle = date(int(found[1]), 1, 1), date(int(found[1]), 7, 1)
    if found[2] == "1":
        return _days(name, begins, middle, zone)
    return _days(name, middle, _next_year(begins), zone)


def year(name: str, zone: ZoneInfo) -> Period:
    """Return a year by its name, such as 2026.

    Raises ``ValueError``.
    """
    if not re.fullmatch(r"[12]\d{3}", name):
        raise ValueError(f"{name!r}: expected a year such as 2026")
    first = date(int(name), 1, 1)
    return _days(name, first, _next_year(first), zone)


def last_week(now: datetime, zone: ZoneInfo) -> Period:
    """Return the week that was over last."""
    year, number, _ = (now.astimezone(zone).date() - WEEK).isocalendar()
    return week(f"{year}-W{number:02}", zone)


def last_month(now: datetime, zone: ZoneInfo) -> Period:
    """Return the month that was over last."""
    before = now.astimezone(zone).date().replace(day=1) - timedelta(days=1)
    return month(f"{before:%Y-%m}", zone)


def last_half_year(now: datetime, zone: ZoneInfo) -> Period:
    """Return the half of a year that was over last."""
    today = now.astimezone(zone).date()
    name = f"{today.year}-1" if today.month > JUNE else f"{today.year - 1}-2"
    return half_year(name, zone)


def last_year(now: datetime, zone: ZoneInfo) -> Period:
    """Return the year that was over last."""
    return year(f"{now.astimezone(zone).year - 1}", zone)


def weeks_before(period: Period, count: int, zone: ZoneInfo) -> list[Period]:
    """Return so many weeks before this one, the latest first.

    A week with a change of the clocks is an hour shorter or longer.
    """
    monday = period.since.astimezone(zone).date()
    starts = [monday - number * WEEK for number in range(count + 1)]
    return [_days("", first, after, zone) for after, first in pairwise(starts)]


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _next_year(first: date) -> date:
    return first.replace(year=first.year + 1)


def _days(name: str, first: date, after: date, zone: ZoneInfo) -> Period:
    since, until = (
        datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, after)
    )
    return Period(name, since, until)
