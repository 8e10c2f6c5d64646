"""Rules against each other: the same condition twice, and orders that exclude another.

What one rule can never do by itself is found in ``lint``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

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
    for earlier, later in combinations(entries, 2):
        yield from _twice(earlier, later)
        yield from _contradiction(earlier, later)


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


def _twice(earlier: Entry, later: Entry) -> Iterator[Remark]:
    """Find a rule that adds nothing to another one."""
    first, second = earlier.rule, later.rule
    if first.when == second.when or (
        first.when.fields() == second.when.fields()
        and _is_part(first.when, second.when)
        and _is_part(second.when, first.when)
    ):
        what = f"is true of the same tickets as {earlier}"
        remedy = "put both into one rule"
        yield later.remark(("when",), what, remedy, Gravity.WARNING)
        return
    for small, large in ((later, earlier), (earlier, later)):
        does_more = set(map(str, small.rule.then)) - set(map(str, large.rule.then))
        if does_more or small.rule.mode is not large.rule.mode:
            continue
        if _is_part(small.rule.when, large.rule.when):
            what = f"does nothing that {large} does not do for these tickets, and more"
            remedy = "take it out, or let it do something else"
            yield small.remark(("when",), what, remedy, Gravity.WARNING)
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
