"""The part of the configuration about deadlines: working time, and what is promised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, field_validator

from connector import workdays
from connector.packs import NONE, Pack, packs
from connector.section import Section, Zone
from connector.spans import Duration

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


class Step(Section):
    """Somebody to be told when a deadline has passed."""

    name: str = Field(min_length=1, description="What the step is called.")
    after: Duration = Field(ge=timedelta(0), description="Time since the deadline.")
    role: str = Field(description="Who is told.")


class Clocks(Section):
    """What customers are promised, and who is told before and after it is late."""

    pack: str = Field("none", description="The promises; none: there are no clocks.")
    within: Duration = Field(
        timedelta(hours=24), gt=timedelta(0), description="The house's own time."
    )
    urgent_within: Duration = Field(
        timedelta(hours=1),
        gt=timedelta(0),
        description="The same for VIPs, and for complaints of the strongest emotion.",
    )
    warn: float = Field(
        0.75, gt=0, lt=1, description="The share of the time after which it is said."
    )
    role: str = Field("", description="Who is told before a deadline passes.")
    ladder: tuple[Step, ...] = Field(
        (), description="Who is told how long after a deadline has passed."
    )

    @field_validator("pack")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value != NONE and value not in packs():
            raise ValueError(f"no such pack; use {', '.join([NONE, *packs()])}")
        return value

    @field_validator("ladder")
    @classmethod
    def _rises(cls, value: tuple[Step, ...]) -> tuple[Step, ...]:
        times = [step.after for step in value]
        if times != sorted(set(times)):
            raise ValueError("each step has to come later than the one before")
        return value

    @property
    def promises(self) -> Pack | None:
        return packs().get(self.pack)

    @property
    def roles(self) -> dict[str, str]:
        """Return every role that is named, by the key it is named at."""
        named = {"role": self.role} if self.role else {}
        steps = enumerate(self.ladder)
        return named | {f"ladder.{place}.role": step.role for place, step in steps}
