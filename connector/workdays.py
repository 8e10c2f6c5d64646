"""Working time: the hours of a house, without weekends and a country's holidays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

SATURDAY = 5
DAY = timedelta(days=1)


def countries() -> frozenset[str]:
    """Return the countries, as ISO 3166 codes, whose public holidays are known."""
    return frozenset(holidays.list_supported_countries(include_aliases=False))


def known_country(code: str) -> str:
    """Refuse a country whose public holidays are not known; none is fine."""
    if code and code not in countries():
        raise ValueError(
            "no such country; write its two capital letters, such as NO or FI"
        )
    return code


def is_public_holiday(day: date, country: str) -> bool:
    """Tell whether a country has a public holiday; none has, for an empty code."""
    return bool(country) and day in _public_holidays(country, day.year)


@cache
def _public_holidays(country: str, year: int) -> frozenset[date]:
    # The library's own object fills in a year when it is first asked about it, and
    # meanwhile tells other threads that it has no holidays.
    return frozenset(holidays.country_holidays(country, years=year, expand=False))


def days_after(
    moment: datetime, days: int, at: time, zone: ZoneInfo, country: str
) -> datetime:
    """Return the time ``at`` on the working day that comes ``days`` after ``moment``.

    Days are counted where ``zone`` is. An hour that the clock skips in spring is the
    one after it.
    """
    day = moment.astimezone(zone).date()
    while days:
        day += timedelta(days=1)
        if day.weekday() < SATURDAY and not is_public_holiday(day, country):
            days -= 1
    return datetime.combine(day, at, zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When people of a house work; ``hours`` by weekday, Monday being 0.

    Hours are from midnight, so that a day can end at 24:00. What is asked is answered
    in UTC; hours that the clock skips or repeats are worked as long as they last.
    """

    zone: ZoneInfo
    hours: Mapping[int, tuple[timedelta, timedelta]]
    country: str = ""
    closed: frozenset[date] = field(default_factory=frozenset)

    def is_open(self, day: date) -> bool:
        """Tell whether anybody works that day."""
        return (
            day.weekday() in self.hours
            and day not in self.closed
            and not is_public_holiday(day, self.country)
        )

    def after(self, moment: datetime, work: timedelta) -> datetime:
        """Return when so much working time has passed after ``moment``."""
        start, left = moment.astimezone(UTC), work
        for opens, closes in self._spans(moment):
            began = max(opens, start)
            if closes - began >= left:
                return began + left
            left -= max(closes - began, timedelta(0))
        raise AssertionError("a calendar goes on for ever")

    def end_of_day(self, moment: datetime, days: int) -> datetime:
        """Return the end of the working day that comes ``days`` after ``moment``.

        The day of ``moment`` is not counted, whether it is one or not.
        """
        today = moment.astimezone(self.zone).date()
        left = days
        for opens, closes in self._spans(moment):
            left -= opens.astimezone(self.zone).date() > today
            if left <= 0:
                return closes
        raise AssertionError("a calendar goes on for ever")

    def _spans(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield when each working day begins and ends, from that of ``moment`` on."""
        day = moment.astimezone(self.zone).date()
        while True:
            if self.is_open(day):
                first, last = self.hours[day.weekday()]
                opens, closes = self._at(day, first), self._at(day, last)
                if opens < closes:
                    yield opens, closes
            day += DAY

    def _at(self, day: date, hour: timedelta) -> datetime:
        naive = datetime.combine(day, time()) + hour
        return naive.replace(tzinfo=self.zone).astimezone(UTC)


#: Day and night, every day: what a clock on the wall shows.
ALWAYS = Calendar(ZoneInfo("UTC"), dict.fromkeys(range(7), (timedelta(0), DAY)))

#: Who is there day and night still counts working days without the weekend.
WEEKDAYS = Calendar(ZoneInfo("UTC"), dict.fromkeys(range(5), (timedelta(0), DAY)))
