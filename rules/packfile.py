"""What a pack's file may hold: groups of words, and what they mean."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rules.notation import mistake
from rules.verdict import ORIGINS, PERSONAS, TYPES

EFFECTS = frozenset(
    (
        *TYPES,
        *PERSONAS,
        *(f"origin_{name}" for name in ORIGINS),
        *("complaint", "emotion", "praise", "urgent", "relaxed"),
    )
)
HEAVIEST = 5.0  #: about 1.0 makes a complaint; more than this can only be a slip


def _known(effects: dict[str, float]) -> dict[str, float]:
    for name, weight in effects.items():
        if name not in EFFECTS:
            near = get_close_matches(name, EFFECTS, 1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            known = ", ".join(sorted(EFFECTS))
            raise ValueError(f"{name!r} is no effect; {meant}known are {known}")
        if not abs(weight) <= HEAVIEST:
            raise ValueError(f"{name}: {weight:g} is more than {HEAVIEST:g} either way")
    return effects


def _readable(words: str) -> str:
    if wrong := mistake(words):
        raise ValueError(f"{words!r}: {wrong}")
    return words


Effects = Annotated[dict[str, float], AfterValidator(_known)]
Words = Annotated[str, AfterValidator(_readable)]


class Group(BaseModel):
    """Words that mean the same. ``firm`` words mean it whatever stands before them:
    no negation turns them, no "if" weakens them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    effects: Effects
    words: tuple[Words, ...] = Field(min_length=1)
    firm: bool = False


class PackFile(BaseModel):
    """A language's words. ``without`` are words that say nothing here, whatever they
    say elsewhere, like the name of a product."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    covers: tuple[str, ...]
    negators: frozenset[Words] = frozenset()
    breaks: frozenset[Words] = frozenset()
    conditions: frozenset[Words] = frozenset()
    groups: tuple[Group, ...]
    without: tuple[Words, ...] = ()


class AddedGroup(BaseModel):
    """More words, or other weights, for a group of that name; else a new group."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    effects: Effects | None = None
    words: tuple[Words, ...] = ()
    firm: bool | None = None


class Addition(BaseModel):
    """What a trade or a house adds to a language's pack."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    negators: frozenset[Words] = frozenset()
    breaks: frozenset[Words] = frozenset()
    conditions: frozenset[Words] = frozenset()
    groups: tuple[AddedGroup, ...] = ()
    without: tuple[Words, ...] = ()
