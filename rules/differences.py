"""What differs between two sets of rules, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rules.engine import describe
from rules.schema import Rule


class Difference(NamedTuple):
    """One difference; ``rule`` is empty where it is about all of them."""

    what: Literal["added", "removed", "changed", "order"]
    rule: str
    words: tuple[str, ...]


def differences(old: Sequence[Rule], new: Sequence[Rule]) -> list[Difference]:
    """Return what differs: in the order of the new rules, then what is gone."""
    before = {rule.id: rule for rule in old}
    after = {rule.id: rule for rule in new}
    found = []
    for rule in new:
        known = before.get(rule.id)
        if known is None:
            found.append(Difference("added", rule.id, tuple(_lines(rule).values())))
        elif known.version != rule.version:
            found.append(Difference("changed", rule.id, tuple(_changes(known, rule))))
    found += [
        Difference("removed", rule.id, tuple(_lines(rule).values()))
        for rule in old
        if rule.id not in after
    ]
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        # The reason of the first that asks for a tag is the one that is told.
        words = ", ".join(after)
        found.append(Difference("order", "", (f"the order is {words}",)))
    return found


def _changes(old: Rule, new: Rule) -> Iterator[str]:
    was, is_ = _lines(old), _lines(new)
    for part, line in is_.items():
        if line != was[part]:
            yield f"{line} (was: {was[part]})"


def _lines(rule: Rule) -> dict[str, str]:
    """Say what a rule says, by its parts."""
    then = ", ".join(
        f'note "{action.note}"' if action.note else action.brief for action in rule.then
    )
    return {
        "when": f"when {describe(rule.when)}",
        "then": f"then {then}",
        "mode": f"mode {rule.mode}",
    }
