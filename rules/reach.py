"""Whether a condition can be true of any ticket at all.

``is_impossible`` is sure of what it says; where it cannot tell, it takes a condition
for possible. What single fields can hold is in ``domains``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise, product
from typing import Any

from rules.conditions import FieldType, holds, is_countable, type_of
from rules.domains import RANGES, Literal, choices, implied, may_be_absent
from rules.schema import Condition

Case = tuple[Literal, ...]  # what has to be so together

#: With more cases than this nobody could tell either.
MOST = 400

_NUMERIC = ("gt", "gte", "lt", "lte")


class _TooMany(Exception):
    """A condition has too many cases to look at each."""


def is_impossible(*conditions: Condition, without: Sequence[Condition] = ()) -> bool:
    """Tell whether all these can never be true of one ticket, and none of ``without``.

    An ``any`` is looked at case by case.
    """
    parts = [(one, True) for one in conditions] + [(one, False) for one in without]
    try:
        cases = _joined([_cases(one, wanted) for one, wanted in parts])
    except _TooMany:
        return False
    return all(_clash(case) for case in cases)


def holds_always(condition: Condition) -> bool:
    """Tell whether a condition is true of every ticket."""
    return is_impossible(without=[condition])


def clash(condition: Condition) -> list[Literal]:
    """Return comparisons of an impossible condition that exclude each other."""
    try:
        cases = _cases(condition, True)
    except _TooMany:
        return []
    return next((found for case in cases if (found := _clash(case))), [])


def _cases(condition: Condition, wanted: bool) -> list[Case]:
    if condition.not_ is not None:
        return _cases(condition.not_, not wanted)
    if condition.field is not None:
        literal = Literal(condition.field, condition.op or "", condition.value, wanted)
        return [(literal,)]
    below = [_cases(one, wanted) for one in condition.below]
    if (condition.all is not None) is wanted:
        return _joined(below)
    return _counted([case for cases in below for case in cases])


def _joined(parts: Sequence[list[Case]]) -> list[Case]:
    """Return every way to choose a case from each."""
    joined: list[Case] = [()]
    for cases in parts:
        if len(joined) * len(cases) > MOST:
            raise _TooMany
        joined = [(*one, *other) for one, other in product(joined, cases)]
    return joined


def _counted(cases: list[Case]) -> list[Case]:
    if len(cases) > MOST:
        raise _TooMany
    return cases


def _clash(case: Case) -> list[Literal]:
    """Return the comparisons of one case that no ticket can fulfil together."""
    also = [(one, other) for one in case for other in implied(one)]
    for field in dict.fromkeys(one.field for one in (*case, *(b for _, b in also))):
        own = [one for one in case if one.field == field]
        reasons = [(one, other) for one, other in also if other.field == field]
        if not _can_be(field, [*own, *(other for _, other in reasons)]):
            return [*own, *(one for one, _ in reasons if one not in own)]
    return []


def _can_be(field: str, about: Sequence[Literal]) -> bool:
    """Tell whether a field can be as all these comparisons want it."""
    kind = type_of(field)
    if kind is FieldType.LIST:
        return _list_can_be(field, about)
    known: Iterable[Any] | None = choices(field)
    if not known:
        is_number = kind is FieldType.NUMBER
        known = _numbers(field, about) if is_number else _texts(about)
    if known is None:
        return not _is_denied(about)
    values = [*known, None] if may_be_absent(field) else known
    return any(all(_is_so(one, value) for one in about) for value in values)


def _is_so(literal: Literal, value: Any) -> bool:
    field, op, wanted, is_true = literal
    facts = {} if value is None else {field: value}
    return holds(field, op, wanted, facts) is is_true


def _list_can_be(field: str, about: Sequence[Literal]) -> bool:
    if any(one.op == "exists" and one.holds is not one.value for one in about):
        return all(_is_so(one, []) for one in about)
    denied = [one for one in about if not one.holds]
    for one in about:
        values = choices(field) or _named([one])
        if not one.holds or (one.op in ("exists", "matches") and not choices(field)):
            continue
        if not any(all(_is_so(x, [v]) for x in (one, *denied)) for v in values):
            return False
    return not _is_denied(about)


def _numbers(field: str, about: Iterable[Literal]) -> list[float]:
    """Return numbers of which one will do if any does: limits, and between them."""
    low, high = RANGES.get(field, (None, None))
    limits = [one for one in (low, high) if one is not None]
    said = sorted(
        {*limits, *(float(one) for one in _named(about) if is_countable(one))}
    )
    between = [(one + other) / 2 for one, other in pairwise(said)]
    beyond = [one + step for one in said for step in (-1, 1)]
    return [
        one
        for one in (*said, *between, *beyond, 0.0)
        if (low is None or one >= low) and (high is None or one <= high)
    ]


def _texts(about: Sequence[Literal]) -> list[Any] | None:
    """Return texts of which one will do if any does; None: there is no such list."""
    wanted = [one for one in about if one.holds]
    fixed = _named(one for one in wanted if one.op in ("equals", "in"))
    if fixed:
        return fixed
    if any(one.op == "exists" and one.holds is not one.value for one in about):
        return [""]
    if wanted and all(one.op in _NUMERIC for one in wanted):
        return [str(one) for one in _numbers("", about)]
    return None


def _is_denied(about: Sequence[Literal]) -> bool:
    """Tell whether the same, or less of it, is wanted and excluded."""
    return any(
        one.holds and not other.holds and _contains(one, other)
        for one in about
        for other in about
    )


def _contains(one: Literal, other: Literal) -> bool:
    """Tell whether a comparison is never true without the other."""
    if one.op != other.op:
        return False
    is_part = one.op == "contains" and type_of(one.field) is FieldType.TEXT
    if is_part:
        return str(other.value).casefold() in str(one.value).casefold()
    return bool(one.value == other.value)


def _named(about: Iterable[Literal]) -> list[Any]:
    """Return the values that comparisons name."""
    return [
        value
        for one in about
        if one.op != "exists"
        for value in (one.value if isinstance(one.value, list) else [one.value])
    ]
