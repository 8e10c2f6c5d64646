"""What a delivery of this kind looks like: the contract with whoever sends it.

``schema.json`` beside this file is made from these models, and README.md explains it.
What becomes of a document is said in ``payloads``.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Value = str | bool | int | float


class Part(BaseModel):
    """Any part of a delivery: a key that is not known is a mistake, told with its name.

    What somebody typed is quoted in no message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Message(Part):
    """One contribution to the ticket, as text or as HTML."""

    author: Literal["customer", "agent", "robot"] = Field(
        default="customer", description="who wrote it"
    )
    text: str | None = Field(default=None, description="the words, plain")
    html: str | None = Field(default=None, description="the words, as HTML")
    at: AwareDatetime | None = Field(
        default=None, description="when it was written; else the ticket's `created_at`"
    )
    internal: bool = Field(
        default=False, description="true for what the customer cannot read"
    )
    id: Name | None = Field(default=None, description="the sender's id of it")

    @model_validator(mode="after")
    def _says_it_once(self) -> Self:
        if (self.text is None) == (self.html is None):
            raise ValueError("give text or html, and not both")
        return self


class Person(Part):
    """Who wrote. One person is known again by the address, else by the id."""

    id: Name | int | None = Field(default=None, description="the sender's id of them")
    email: str | None = Field(
        default=None, description="what is no address is left out"
    )
    name: str | None = None
    organization: str | None = Field(default=None, description="the company")
    tags: tuple[str, ...] = Field(default=(), description="marks such as `vip`")
    fields: dict[Name, Value] = Field(
        default_factory=dict, description="anything else that is known of them"
    )


class Rating(Part):
    """A rating on its scale: stars from 1 to 5, NPS from 0 to 10."""

    score: float = Field(allow_inf_nan=False)
    worst: float = Field(allow_inf_nan=False, description="lowest value of the scale")
    best: float = Field(allow_inf_nan=False, description="highest value of the scale")

    @model_validator(mode="after")
    def _is_on_its_scale(self) -> Self:
        if not self.worst <= self.score <= self.best or self.worst == self.best:
            raise ValueError("score has to lie between worst and best")
        return self


class Pointer(BaseModel):
    """A ticket's id, which is all that is needed of one that can be fetched."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id: Name | int


class TicketDocument(Part):
    """A ticket as it stands, whole: what is not in it is not there any more."""

    id: Name | int = Field(description="the sender's id; the same for ever")
    subject: str = ""
    text: str | None = Field(
        default=None, description="the customer's words, plain, if there is one message"
    )
    messages: tuple[Message, ...] = Field(
        default=(), description="instead of `text`: everything that was written"
    )
    customer: Person = Field(default_factory=Person)
    status: Literal[
        "new", "open", "pending", "resolved", "closed", "spam", "deleted"
    ] = "open"
    channel: str = Field(
        default="", description="`form`, `review`, `survey`, `nps` or a word of yours"
    )
    language: str = Field(default="", description="`en`, `nb`, …, if it is known")
    rating: Rating | None = None
    tags: tuple[str, ...] | None = Field(
        default=None, description="left out by a sender who keeps no tags"
    )
    fields: dict[Name, Value] = Field(
        default_factory=dict, description="anything else, such as an order's number"
    )
    url: str = Field(
        default="",
        pattern=r"^(https?://[^\s]+)?$",
        description="where people look at it",
    )
    created_at: AwareDatetime | None = Field(
        default=None, description="else the first message's time, or when it came in"
    )
    updated_at: AwareDatetime | None = Field(
        default=None,
        description="when it stood like this; moves with every change, also of tags",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is not None and self.messages:
            raise ValueError("give text or messages, and not both")
        if self.text is None and not self.messages and self.rating is None:
            raise ValueError("give text, messages or a rating")
        return self


class Envelope(BaseModel):
    """What is signed. ``data`` is read only if ``type`` is one that is known."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    type: Literal["ticket.changed"]
    timestamp: AwareDatetime | None = Field(
        default=None, description="when it happened; stands in for `updated_at`"
    )
    data: TicketDocument


def schema() -> str:
    """Write the contract down as a JSON Schema, for ``schema.json``."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Envelope.model_json_schema(),
    }
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"
