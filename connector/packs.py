"""What customers are promised: packs of deadlines, each a file in ``connector/packs``.

A pack says what is due, by when, and what meets it. None of them is legal advice: who
has to keep rules knows them, and sets what is left to the house in the configuration.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Literal, Self

import yaml
from pydantic import Field, model_validator

from connector.section import Section
from connector.workdays import ALWAYS, WEEKDAYS, Calendar

#: The word for no pack at all.
NONE = "none"


class Met(StrEnum):
    """What meets a promise."""

    ANSWER = "answer"  #: a person's public answer
    MESSAGE = "message"  #: any public word to the customer, or the end of the ticket
    SOLVED = "solved"  #: the end of the ticket


class Promise(Section):
    """One thing that is due, counted from the customer's first words of a matter.

    Exactly one of ``within`` (the house's own times), ``working_days`` (to the end of
    the last) and ``days`` (of the calendar). With ``every`` it is due again and again,
    counted from the last time, until the ticket has ended. One that ``gives_way_to``
    another is not broken when its time has passed: from then on the other one counts.
    """

    kind: str = Field(pattern=r"^[a-z_]{1,30}$")
    title: str
    met_by: Met
    within: Literal["house"] | None = None
    working_days: int | None = Field(None, ge=1)
    days: int | None = Field(None, ge=1)
    every: bool = False
    gives_way_to: str = ""

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        lengths = (self.within, self.working_days, self.days)
        if sum(length is not None for length in lengths) != 1:
            raise ValueError("give one of within, working_days and days")
        return self

    @property
    def length(self) -> str:
        """Say how long it may take."""
        if self.days is not None:
            return f"{self.days} days"
        if self.working_days is not None:
            return f"{self.working_days} working days"
        return "as clocks.within says"

    def due(self, start: datetime, calendar: Calendar, house: timedelta) -> datetime:
        """Return when it is due; ``house`` is the time the house gives itself."""
        if self.days is not None:
            return start + timedelta(days=self.days)
        if self.working_days is not None:
            weeks = WEEKDAYS if calendar is ALWAYS else calendar
            return weeks.end_of_day(start, self.working_days)
        return calendar.after(start, house)

    def warned(
        self,
        start: datetime,
        calendar: Calendar,
        house: timedelta,
        share: float,
    ) -> datetime:
        """Return when so much of the time has passed that people are warned."""
        if self.within is not None:
            return calendar.after(start, house * share)
        return start + (self.due(start, calendar, house) - start) * share


class Part(StrEnum):
    """What a supervisor may want to be told of all complaints."""

    RECEIVED = "number received"
    TYPES = "number by type"
    ORIGINS = "number by origin"
    DECISIONS = "number upheld and not"
    OPEN = "number open at the start and at the end"
    ANSWERED = "time to the answer"
    KEPT = "deadlines kept"


class Return(Section):
    """What a supervisor is told now and then; ``bands`` are in working days."""

    every: Literal["year", "half year"]
    needs: tuple[Part, ...]
    bands: tuple[int, ...]


class Pack(Section):
    """Promises that go together."""

    about: str
    advice: Literal["not legal advice"]
    promises: tuple[Promise, ...]
    complaint_return: Return | None = None

    @model_validator(mode="after")
    def _gives_way_to_what_is_there(self) -> Self:
        for one in self.promises:
            other = self.promise(one.gives_way_to)
            if one.gives_way_to and (other is None or other.met_by is not one.met_by):
                raise ValueError(
                    f"{one.kind}: nothing to give way to that is met alike"
                )
        return self

    def promise(self, kind: str) -> Promise | None:
        return next((one for one in self.promises if one.kind == kind), None)


@cache
def packs() -> dict[str, Pack]:
    """Return every pack there is, by its name."""
    found = {}
    for file in files("connector").joinpath("packs").iterdir():
        name, _, ending = file.name.rpartition(".")
        if ending == "yaml":
            raw = yaml.safe_load(file.read_text(encoding="utf-8"))
            found[name] = Pack.model_validate(raw)
    return dict(sorted(found.items()))
