"""Working time: weekends, holidays, closed days, hours, and clocks that change."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config_clocks import Calendar
from connector.workdays import ALWAYS
from connector.workdays import Calendar as Built

OSLO = ZoneInfo("Europe/Oslo")
HELSINKI = ZoneInfo("Europe/Helsinki")
HOURS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-17:00")
OFFICE = Calendar(
    timezone="Europe/Oslo", holidays="NO", hours=HOURS, closed=[date(2026, 12, 24)]
).build()
SHOP = Calendar(
    timezone="Europe/Helsinki", holidays="FI", hours=HOURS | {"sat": "10:00-24:00"}
).build()
HOUR = timedelta(hours=1)


def oslo(said: str) -> datetime:
    return datetime.fromisoformat(said).replace(tzinfo=OSLO)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-20T10:00", 1, "2026-11-20T11:00"),
        # A Friday before Whit Monday.
        ("2026-05-22T16:40", 1, "2026-05-26T08:40"),
        ("2026-11-20T16:40", 1, "2026-11-23T08:40"),
        ("2026-11-21T03:00", 1, "2026-11-23T09:00"),
        ("2026-11-20T07:00", 1, "2026-11-20T09:00"),
        ("2026-11-20T17:00", 1, "2026-11-23T09:00"),
        ("2026-11-20T16:00", 1, "2026-11-20T17:00"),
        ("2026-12-23T16:30", 1, "2026-12-28T08:30"),
        ("2024-02-28T16:30", 10, "2024-03-01T08:30"),
        ("2026-11-17T08:00", 24, "2026-11-19T14:00"),
    ],
)
def test_working_hours_run_while_people_work(start: str, hours: int, due: str) -> None:
    assert OFFICE.after(oslo(start), hours * HOUR) == oslo(due)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-11-16T10:00", 3, "2026-11-19T17:00"),
        ("2026-11-20T16:40", 3, "2026-11-25T17:00"),
        ("2026-11-21T12:00", 1, "2026-11-23T17:00"),
        ("2026-05-22T16:40", 1, "2026-05-26T17:00"),
        ("2026-11-20T20:00", 1, "2026-11-23T17:00"),
        ("2026-12-23T09:00", 2, "2026-12-29T17:00"),
        ("2024-02-28T09:00", 2, "2024-03-01T17:00"),
    ],
)
def test_working_days_end_with_the_day(start: str, days: int, due: str) -> None:
    assert OFFICE.end_of_day(oslo(start), days) == oslo(due)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        # One hour is skipped in the night to 2026-03-29, one repeated on 2026-10-25.
        ("2026-03-28T23:00", "2026-03-29T04:00+02:00"),
        ("2026-10-24T23:00", "2026-10-25T02:00+01:00"),
    ],
)
def test_hours_last_as_long_as_they_do_when_clocks_change(start: str, due: str) -> None:
    night = Built(OSLO, dict.fromkeys(range(7), (timedelta(0), timedelta(days=1))))
    late = datetime.fromisoformat(due)
    assert night.after(oslo(start), 4 * HOUR) == late
    assert ALWAYS.after(oslo(start), 4 * HOUR) == late


def test_threads_that_ask_at_once_get_the_same_answer() -> None:
    """A year nobody asked about yet is not without holidays meanwhile."""
    days = dict.fromkeys(range(7), (timedelta(0), timedelta(days=1)))
    calendar = Built(OSLO, days, "NO")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            for year in range(2050, 2080):
                asked = [date(year, 12, 26)] * 8
                assert not any(threads.map(calendar.is_open, asked)), year
    finally:
        sys.setswitchinterval(interval)


MOMENTS = st.datetimes(
    datetime(2023, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC)
)


def worked(calendar: Built, start: datetime, end: datetime) -> timedelta:
    """Count quarters of an hour in which people work, the slow way."""
    quarter, total, at = timedelta(minutes=15), timedelta(0), start
    while at < end:
        local = at.astimezone(calendar.zone)
        hours = calendar.hours.get(local.weekday())
        since = timedelta(hours=local.hour, minutes=local.minute)
        if calendar.is_open(local.date()) and hours and hours[0] <= since < hours[1]:
            total += quarter
        at += quarter
    return total


@pytest.mark.parametrize("calendar", [OFFICE, SHOP], ids=["Oslo", "Helsinki"])
@given(moment=MOMENTS, quarters=st.integers(1, 120))
def test_deadline_leaves_exactly_the_time_that_was_promised(
    calendar: Built, moment: datetime, quarters: int
) -> None:
    start = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
    work = quarters * timedelta(minutes=15)
    due = calendar.after(start, work)
    assert worked(calendar, start, due) == work
    local = (due - timedelta(seconds=1)).astimezone(calendar.zone)
    assert calendar.is_open(local.date())


@pytest.mark.parametrize("calendar", [OFFICE, SHOP], ids=["Oslo", "Helsinki"])
@given(moment=MOMENTS, minutes=st.integers(1, 3000), more=st.integers(0, 100_000))
def test_who_starts_later_or_takes_longer_is_not_due_earlier(
    calendar: Built, moment: datetime, minutes: int, more: int
) -> None:
    work, later = timedelta(minutes=minutes), timedelta(minutes=more)
    due = calendar.after(moment, work)
    assert due > moment
    assert calendar.after(moment + later, work) >= due
    assert calendar.after(moment, work + later) >= due
    days = calendar.end_of_day(moment, 3)
    assert days < calendar.end_of_day(moment, 4)
    assert days <= calendar.end_of_day(moment + later, 3)
