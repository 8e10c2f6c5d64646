"""What a pack's file may hold: groups of words, and what they mean."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rules.verdict import PERSONAS, TYPES

EFFECTS = frozenset(
    (*TYPES, *PERSONAS, "complaint", "emotion", "praise", "urgent", "relaxed")
)


class Group(BaseModel):
    """Words that mean the same. ``firm`` words mean it whatever stands before them:
    no negation turns them, no "if" weakens them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    effects: dict[str, float]
    words: tuple[str, ...] = Field(min_length=1)
    firm: bool = False

    @field_validator("effects")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(value) - EFFECTS)
        if unknown:
            known = ", ".join(sorted(EFFECTS))
            raise ValueError(f"{unknown[0]!r} is no effect; known are {known}")
        return value


class PackFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    covers: tuple[str, ...]
    negators: frozenset[str] = frozenset()
    breaks: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    questions: frozenset[str] = frozenset()
    groups: tuple[Group, ...]
