"""The part of the configuration about who is a VIP, as far as helpdesks know it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from connector.section import Section


class Vip(Section):
    """Who counts as a VIP; the first source that matches is named to the agent."""

    addresses: tuple[str, ...] = Field((), description="E-mail addresses.")
    domains: tuple[str, ...] = Field((), description="Domains of addresses.")
    organizations: tuple[str, ...] = Field((), description="Organisation names.")
    tags: tuple[str, ...] = Field(
        ("vip",), description="Tags of the helpdesk on ticket, person or organisation."
    )
    properties: Mapping[str, tuple[str, ...]] = Field(
        {},
        description="Fields the helpdesk has of a person, and what says yes in each.",
    )
    role: str = Field("", description="Who is told when a VIP complains again.")

    @field_validator("properties")
    @classmethod
    def _casefold_values(
        cls, value: Mapping[str, tuple[str, ...]]
    ) -> Mapping[str, tuple[str, ...]]:
        return {
            name: tuple(entry.strip().casefold() for entry in entries)
            for name, entries in value.items()
        }

    @field_validator("addresses", "domains", "organizations", "tags")
    @classmethod
    def _casefold(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(entry.strip().casefold().lstrip("@") for entry in value)
