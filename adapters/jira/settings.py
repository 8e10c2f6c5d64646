"""Settings of a Jira that takes issues, beside those of its account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from adapters.jira.account import Account
from adapters.jira.resolutions import Meanings, key
from connector.models import Meaning


class Place(BaseModel):
    """A project that issues are filed in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issue_types: tuple[str, ...] = Field(
        default=("Bug",), description="types of issues filed there, for `doctor`"
    )
    fields: Mapping[str, Any] = Field(
        default_factory=dict,
        description="values of fields that a new issue must have, by field id",
    )


class JiraConfig(Account):
    """Settings of a Jira source."""

    projects: Mapping[str, Place] = Field(
        default_factory=dict,
        description="projects by key: what `doctor` looks at, and fields to fill in",
    )
    resolutions: Meanings = Field(
        default_factory=dict,
        description="resolutions of this Jira, by id or name, under `fixed`, "
        "`wont_do`, `duplicate` and `cannot_reproduce`",
    )

    duplicate_links: tuple[str, ...] = Field(
        default=(),
        description="types of links between a duplicate and its original, by id or "
        "name; none: those whose names say so",
    )

    @field_validator("projects")
    @classmethod
    def _keyed(cls, value: Mapping[str, Place]) -> Mapping[str, Place]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
                raise ValueError(f"{name}: expected the key of a project, such as SHOP")
        return value

    @field_validator("resolutions")
    @classmethod
    def _means_one_thing(cls, value: Meanings) -> Meanings:
        seen: dict[str, Meaning] = {}
        for meaning, words in value.items():
            for word in words:
                if seen.setdefault(key(word), meaning) is not meaning:
                    raise ValueError(f"{word}: under {seen[key(word)]} and {meaning}")
        return value

    def filled(self, project: str) -> Mapping[str, Any]:
        """Return what a new issue of ``project`` gets beside what is said of it."""
        place = self.projects.get(project)
        return place.fields if place else {}
