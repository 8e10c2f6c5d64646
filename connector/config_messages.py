"""The part of the configuration about what customers are written, and whether."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from connector.section import Section, Zone
from connector.spans import Duration
from connector.workdays import known_country


class Messages(Section):
    signature: str = Field("", description="Last line of each message to a customer.")
    approve_above: int = Field(
        50, ge=0, description="More recipients than this wait for an approval."
    )
    opt_out_tags: tuple[str, ...] = Field(
        (), description="Tags of people who are not to be written to."
    )

    @field_validator("opt_out_tags")
    @classmethod
    def _casefold(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(tag.strip().casefold() for tag in value)


class Checkins(Section):
    """Asking whether a solution helped, once, if nothing else came first."""

    enabled: bool = Field(False, description="Whether customers are asked.")
    after: int = Field(3, ge=1, le=60, description="Working days after the solution.")
    hour: int = Field(10, ge=0, le=23, description="The hour of that day.")
    timezone: Zone = Field("UTC", description="Where days are counted.")
    holidays: str = Field("", description="Whose public holidays are no working days.")

    @field_validator("holidays")
    @classmethod
    def _is_a_country(cls, value: str) -> str:
        return known_country(value)


class Acknowledge(Section):
    """A receipt for each complaint, with the time until an answer."""

    enabled: bool = Field(False, description="Whether customers get one.")
    expected: Duration = Field(
        timedelta(hours=24),
        ge=timedelta(hours=1),
        description="Working time within which a complaint is answered.",
    )
    once_in: Duration = Field(
        timedelta(days=14),
        ge=timedelta(0),
        description="No second one while a ticket acknowledged in this time is open.",
    )
