"""The part of the configuration about reports: to whom, and what is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from connector.section import Section, Zone

#: The id of a custom field; many are numbers.
FieldId = Annotated[
    str, BeforeValidator(lambda value: str(value) if type(value) is int else value)
]

#: What nobody entered, or nobody understands.
UNKNOWN = "unknown"


class Details(Section):
    """Custom fields of a helpdesk that say what only agents know of a complaint."""

    origin: FieldId = Field("", description="What it comes from.")
    remedy: FieldId = Field("", description="What the customer got.")
    cost: FieldId = Field("", description="What that cost.")
    upheld: FieldId = Field("", description="Whether the customer was right.")


class Decisions(Section):
    """What agents enter for each way in which a complaint may be decided."""

    upheld: tuple[str, ...] = Field(
        ("upheld", "medhold", "hyväksytty"), description="The customer was right."
    )
    partly: tuple[str, ...] = Field(
        ("partly", "delvis medhold", "osittain hyväksytty"),
        description="The customer was right in part.",
    )
    not_upheld: tuple[str, ...] = Field(
        ("not upheld", "ikke medhold", "hylätty"),
        description="The customer was not right.",
    )

    def meaning(self, entered: str) -> str:
        """Return which of these an entry means; unknown if none of them."""
        said = _plain(entered)
        for name in type(self).model_fields:
            if said in map(_plain, getattr(self, name)):
                return name
        return UNKNOWN


def _plain(words: str) -> str:
    return " ".join(words.replace("_", " ").casefold().split())


class Reports(Section):
    """What is told about complaints as a whole, and to whom by itself."""

    timezone: Zone = Field("UTC", description="Where days, weeks and months begin.")
    hour: int = Field(7, ge=0, le=23, description="From this hour on they are sent.")
    digest_to: str = Field("", description="The role that gets the weekly digest.")
    register_to: str = Field("", description="The role that gets the register.")
    format: Literal["csv", "json"] = Field(
        "csv", description="What the register is sent as."
    )
    decisions: Decisions = Field(
        Decisions(), description="What agents enter for each decision."
    )
    fields: Mapping[str, Details] = Field(
        {}, description="By source, the custom fields the register is filled from."
    )
