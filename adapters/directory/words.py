"""What both directories make of what stands there: yes or no, and names of fields."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

#: What rules call ``customer.<field>``; others of that kind are the ticket's own.
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN = frozenset({"email", "domain", "organization"})

#: What says yes, where nothing else was told.
YES = ("yes", "true", "1", "x", "vip")

#: A field that rules compare says no more.
LONGEST = 200


def text(value: Any) -> str | None:
    """Return a plain value as text; lists and the like are none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value).strip()[:LONGEST]
    return None


def says_yes(value: Any, yes: Collection[str]) -> bool | None:
    """Tell whether a value makes somebody a VIP; None: it says nothing."""
    said = text(value)
    return said.casefold() in yes if said else None


def folded(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(entry.strip().casefold() for entry in value)
