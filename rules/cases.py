"""Tests of rules as people write them beside these: a ticket, and what is expected.

Reading and checking only; a case is tried where tickets are judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from connector.mistakes import Mistake, explain, meant
from connector.models import TicketStatus
from rules.conditions import FIELDS, FieldType, type_of

#: What a case may expect beside the fields of rules: which rules hold, and which tags
#: those ask for, whatever their mode lets them do.
OUTCOMES = ("rules", "tags")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Strict):
    email: str = ""
    name: str = ""
    organization: str = ""
    tags: tuple[str, ...] = ()


class Given(_Strict):
    """A ticket made up. ``known`` is what else rules may look at, by its field."""

    subject: str = ""
    text: str = ""
    lang: str = ""
    source: str = "support"
    channel: str = "email"
    status: TicketStatus = TicketStatus.OPEN
    customer: Person = Person()
    tags: tuple[str, ...] = ()
    fields: Mapping[str, str] = {}
    known: Mapping[str, Any] = {}

    @field_validator("customer", mode="before")
    @classmethod
    def _address(cls, value: object) -> object:
        return {"email": value} if isinstance(value, str) else value

    @field_validator("known")
    @classmethod
    def _fields(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        return _checked(value, ())


class Case(_Strict):
    name: str = Field(min_length=1)
    ticket: Given
    expect: Mapping[str, Any] = Field(min_length=1)

    @field_validator("expect")
    @classmethod
    def _fields(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        return _checked(value, OUTCOMES)


def _checked(value: Mapping[str, Any], more: tuple[str, ...]) -> Mapping[str, Any]:
    for key, one in value.items():
        known = (*more, *FIELDS)
        kind = FieldType.LIST if key in more else type_of(key)
        if kind is None:
            advice = meant(key, known) or f"use one of {', '.join(known)}, fields.<id>"
            raise ValueError(f"{key}: there is no such field; {advice}")
        if not _fits(kind, one):
            raise ValueError(f"{key}: expected {_EXPECTED[kind]}")
    return value


_EXPECTED = {
    FieldType.TEXT: "text; put it into quotes",
    FieldType.NUMBER: "a number, without quotes",
    FieldType.FLAG: "true or false, without quotes",
    FieldType.LIST: "a list of words, or one word that has to be in it",
}


def _fits(kind: FieldType, value: object) -> bool:
    if kind is FieldType.FLAG:
        return isinstance(value, bool)
    if kind is FieldType.NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is FieldType.LIST and isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def check_case(data: object) -> tuple[Case | None, list[Mistake]]:
    """Build a case, or say what is wrong with it."""
    try:
        return Case.model_validate(data), []
    except ValidationError as err:
        return None, [_placed(one) for one in explain(err, Case)]


def _placed(mistake: Mistake) -> Mistake:
    """Name the field that is wrong; all of them were refused."""
    field, _, what = mistake.advice.partition(": ")
    if mistake.place[-1:] in (("expect",), ("known",)) and what:
        return Mistake((*mistake.place, field), what)
    return mistake
