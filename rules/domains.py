"""What the fields of rules can hold at all, and what one of them says of another.

Only what is so for every ticket, whoever judges it: lint tells people that a rule can
never hold by what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.models import GroupState, TicketStatus
from rules.conditions import FieldType, is_open, type_of
from rules.verdict import ORIGINS, PERSONAS, TYPES

LANGUAGES = ("en", "nb", "nn", "fi", "sv", "da", "de")

_NEVER = (TicketStatus.SPAM, TicketStatus.DELETED)

#: Fields that hold one of a few values. Empty: it may be unknown.
CLOSED: Mapping[str, tuple[Any, ...]] = {
    "types": TYPES,
    "personas": PERSONAS,
    "lang": (*LANGUAGES, ""),
    "band": ("high", "medium", "low"),
    "emotion": (0, 1, 2, 3),
    "sentiment": ("negative", "neutral", "positive"),
    "urgency": ("low", "normal", "high"),
    "origin": (*ORIGINS, ""),
    "rating": ("good", "neutral", "bad", ""),
    "problem.state": tuple(str(state) for state in GroupState),
    "status": tuple(str(one) for one in TicketStatus if one not in _NEVER),
    "created.weekday": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    "created.hour": tuple(range(24)),
}

#: The smallest and the largest that other numbers can be; None: there is no such.
RANGES: Mapping[str, tuple[float, float | None]] = {
    "score": (0.0, 1.0),
    "messages": (0.0, None),
    "problem.customers": (1.0, None),
}


class Literal(NamedTuple):
    """A comparison that has to be true, or with ``holds`` false has to be untrue."""

    field: str
    op: str
    value: Any
    holds: bool = True


def choices(field: str) -> tuple[Any, ...]:
    """Return every value of a field, if there are only some."""
    return (True, False) if type_of(field) is FieldType.FLAG else CLOSED.get(field, ())


def may_be_absent(field: str) -> bool:
    return is_open(field) or field.startswith("problem.")


def implied(literal: Literal) -> tuple[Literal, ...]:
    """Return what else is so where a comparison holds."""
    field, op, value, holds = literal
    if not holds or (op == "exists" and not value):
        return ()
    if field in ("types", "personas"):
        return (Literal("complaint", "equals", True),)
    if field == "auto_reply" and value is True and op == "equals":
        return (Literal("complaint", "equals", False),)
    if field == "vip.source":
        return (Literal("vip", "equals", True),)
    if field == "band" and op == "equals":
        return _BANDS.get(str(value).casefold(), ())
    return ()


_BANDS = {
    "high": (Literal("score", "gte", 0.8),),
    "medium": (Literal("score", "gte", 0.4), Literal("score", "lt", 0.8)),
    "low": (Literal("score", "lt", 0.4),),
}
