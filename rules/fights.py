"""Rules against each other: the same condition twice, and orders that exclude another.

What one rule can never do by itself is found in ``lint``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from connector.models import Mode
from rules.reach import is_impossible
from rules.remarks import Gravity, Remark
from rules.rulefile import Entry
from rules.schema import Action, Condition

#: Things a ticket has one of, and how each is called.
SINGLE = {"priority": "priority", "route": "place"}


def fights(entries: Sequence[Entry]) -> Iterator[Remark]:
    """Compare every two rules, the later one with those before it."""
    for entry in entries:
        yield from _within(entry)
    for earlier, later in combinations(map(_looked_at, entries), 2):
        yield from _twice(earlier, later)
        yield from _contradiction(earlier.entry, later.entry)


class _Looked(NamedTuple):
    """A rule with what is asked of it once for each other rule."""

    entry: Entry
    fields: frozenset[str]
    asked: frozenset[str]


def _looked_at(entry: Entry) -> _Looked:
    asked = frozenset(map(str, entry.rule.then))
    return _Looked(entry, entry.rule.when.fields(), asked)


def _within(entry: Entry) -> Iterator[Remark]:
    """Find what one rule asks for twice."""
    then = entry.rule.then
    for index, action in enumerate(then):
        before = then[:index]
        if action in before:
            what, remedy = "asks for this twice", "take one out"
            yield entry.remark(("then", index), what, remedy, Gravity.WARNING)
        elif other := _other(action, before):
            what, remedy = _against(action, other, "itself")
            yield entry.remark(("then", index), what, remedy, _gravity(action))


def _twice(earlier: _Looked, later: _Looked) -> Iterator[Remark]:
    """Find a rule that adds nothing to another one."""
    first, second = earlier.entry.rule, later.entry.rule
    if earlier.fields == later.fields and (
        first.when == second.when
        or (_is_part(first.when, second.when) and _is_part(second.when, first.when))
    ):
        what = f"is true of the same tickets as {earlier.entry}"
        remedy = "put both into one rule"
        yield later.entry.remark(("when",), what, remedy, Gravity.WARNING)
        return
    for small, large in ((later, earlier), (earlier, later)):
        inner, outer = small.entry.rule, large.entry.rule
        if small.asked - large.asked or inner.mode is not outer.mode:
            continue
        if _is_part(inner.when, outer.when):
            what = (
                f"does nothing that {large.entry} does not do for these tickets, and "
                "more"
            )
            remedy = "take it out, or let it do something else"
            yield small.entry.remark(("when",), what, remedy, Gravity.WARNING)
            return


def _contradiction(earlier: Entry, later: Entry) -> Iterator[Remark]:
    """Find two rules that want one thing of a ticket in two ways."""
    first, second = earlier.rule, later.rule
    for index, action in enumerate(second.then):
        other = _other(action, first.then)
        if other is None or is_impossible(first.when, second.when):
            continue
        is_sure = _is_part(first.when, second.when) or _is_part(second.when, first.when)
        is_in_earnest = Mode.OBSERVE not in (first.mode, second.mode)
        level = _gravity(action) if is_sure and is_in_earnest else Gravity.WARNING
        what, remedy = _against(action, other, str(earlier))
        yield later.remark(("then", index), what, remedy, level)


def _other(action: Action, others: Sequence[Action]) -> Action | None:
    """Return an action that cannot be together with this one."""
    same = (one for one in others if one.kind == action.kind and one != action)
    return next(same, None) if action.kind in SINGLE else None


def _gravity(action: Action) -> Gravity:
    # Priorities are only ever raised, so there the higher one stands.
    return Gravity.WARNING if action.kind == "priority" else Gravity.ERROR


def _against(action: Action, other: Action, who: str) -> tuple[str, str]:
    what = f"fights with {who}: {action.value!r} here, {other.value!r} there"
    noun = SINGLE[action.kind]
    return what, f"a ticket has one {noun}: let 'not' keep the two apart"


def _is_part(small: Condition, large: Condition) -> bool:
    """Tell whether the one is never true without the other."""
    return is_impossible(small, without=[large])
