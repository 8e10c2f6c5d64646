"""The part of the configuration about deadlines: working time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, field_validator

from connector import workdays
from connector.section import Section, Zone

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOURS = re.compile(r"(\d\d):(\d\d) ?- ?(\d\d):(\d\d)")


def _read_hours(value: object) -> object:
    if isinstance(value, tuple):
        return value
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('expected hours; write for example "08:00-16:00"')
    opens, closes = (
        timedelta(hours=int(found[hour]), minutes=int(found[hour + 1]))
        for hour in (1, 3)
    )
    if not opens < closes <= timedelta(days=1):
        raise ValueError("the end has to be later than the beginning, at most 24:00")
    return opens, closes


Hours = Annotated[
    tuple[timedelta, timedelta],
    BeforeValidator(_read_hours),
    PlainSerializer(lambda value: "-".join(str(one) for one in value)),
]

OFFICE = (timedelta(hours=8), timedelta(hours=16))


class Calendar(Section):
    """When people of the house work."""

    timezone: Zone = Field("UTC", description="Where hours are those of the clock.")
    holidays: str = Field("", description="Whose public holidays are no working days.")
    hours: Mapping[str, Hours] = Field(
        dict.fromkeys(WEEKDAYS[:5], OFFICE),
        description="Opening hours by weekday; on others nobody works.",
    )
    closed: tuple[date, ...] = Field((), description="Further days without work.")

    @field_validator("holidays")
    @classmethod
    def _is_a_country(cls, value: str) -> str:
        return workdays.known_country(value)

    @field_validator("hours")
    @classmethod
    def _has_days(cls, value: Mapping[str, Hours]) -> Mapping[str, Hours]:
        if not value or set(value) - set(WEEKDAYS):
            raise ValueError(f"expected one or more of {', '.join(WEEKDAYS)}")
        return value

    def build(self) -> workdays.Calendar:
        hours = {WEEKDAYS.index(day): span for day, span in self.hours.items()}
        zone, closed = ZoneInfo(self.timezone), frozenset(self.closed)
        return workdays.Calendar(zone, hours, self.holidays, closed)


#: The calendar of whoever names none: the clock on the wall.
ALWAYS = "always"
