"""Evaluate admin rules over the facts of one ticket, and say why each one matched.

Pure: it decides, it does nothing. Reasons are made of the rule's own words, never
of the customer's, because they are stored and shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.models import Mode
from rules.conditions import holds
from rules.schema import Action, Condition, RuleSet


class RuleMatch(NamedTuple):
    """A rule that is true of a ticket."""

    rule_id: str
    version: str
    actions: tuple[Action, ...]
    reason: str
    mode: Mode


def evaluate(rules: RuleSet, facts: Mapping[str, Any]) -> tuple[RuleMatch, ...]:
    """Return the rules that match, in the order of the rule set.

    ``facts`` are keyed by the names in ``conditions.FIELDS`` and ``fields.<id>``; one
    that is missing makes every comparison with it untrue.
    """
    found = []
    for rule in rules.rules:
        reason = _why(rule.when, facts)
        if reason is not None:
            found.append(RuleMatch(rule.id, rule.version, rule.then, reason, rule.mode))
    return tuple(found)


def _why(condition: Condition, facts: Mapping[str, Any]) -> str | None:
    """Return in words what made a condition true, or None if it is not."""
    if condition.all is not None:
        reasons = [_why(one, facts) for one in condition.all]
        if any(reason is None for reason in reasons):
            return None
        return " and ".join(reason for reason in reasons if reason)
    if condition.any is not None:
        reasons = [_why(one, facts) for one in condition.any]
        return next((reason for reason in reasons if reason is not None), None)
    if condition.not_ is not None:
        inner = condition.not_
        return None if _why(inner, facts) is not None else f"not ({describe(inner)})"
    field, op = condition.field or "", condition.op or ""
    return describe(condition) if holds(field, op, condition.value, facts) else None


def describe(condition: Condition) -> str:
    """Put a condition into words."""
    if condition.all is not None:
        return " and ".join(f"({describe(one)})" for one in condition.all)
    if condition.any is not None:
        return " or ".join(f"({describe(one)})" for one in condition.any)
    if condition.not_ is not None:
        return f"not ({describe(condition.not_)})"
    if condition.op == "exists":
        return f"{condition.field} {'exists' if condition.value else 'is empty'}"
    return f"{condition.field} {condition.op} {_shown(condition.value)}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
