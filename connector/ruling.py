"""What rules ask for of a ticket beside tags and notes, once for each rule and ticket.

Only what their mode lets them do; what they suggest is ``connector.suggesting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connector import notices
from connector.case import Case
from connector.config import Config
from connector.models import Block, BlockKind, Finding, Level, Mode
from rules.engine import RuleMatch
from rules.schema import Action, Rule, RuleSet


def tell(case: Case, matches: Iterable[RuleMatch]) -> None:
    """Tell the roles that rules name. What was solved before we saw it is no news."""
    if case.stored.solved_at is not None:
        return
    ticket = case.ticket
    body = [Block(BlockKind.BULLET, f"{ticket.ref.source} {ticket.number}", ticket.url)]
    for match, action in _acting(matches, "notify"):
        notices.tell(
            case.connection,
            case.config,
            action.value,
            f"rule:{match.rule_id}:{case.ticket_id}",
            f"Rule {match.rule_id}",
            body,
            case.now,
            rule=match.rule_id,
            rule_version=match.version,
            reason=match.reason,
            ticket_id=case.ticket_id,
        )


def _acting(
    matches: Iterable[RuleMatch], kind: str
) -> Iterator[tuple[RuleMatch, Action]]:
    for match in matches:
        if match.mode is Mode.ACT:
            for action in match.actions:
                if action.kind == kind:
                    yield match, action


def check(config: Config, rules: RuleSet) -> list[Finding]:
    """Say what rules ask for that this installation cannot do."""
    known = ", ".join(sorted(config.notify.roles)) or "none"
    return [
        _finding(
            rule,
            f"notify: there is no role {action.value!r}; known: {known}",
            "add it below notify.roles, or name another one",
        )
        for rule, action in rules.asking("notify")
        if action.value not in config.notify.roles
    ]


def _finding(rule: Rule, message: str, remedy: str) -> Finding:
    # As long as it does not act nothing is missed.
    level = Level.PROBLEM if rule.mode is Mode.ACT else Level.WARNING
    return Finding(level, f"rules: {rule.id}", message, remedy)
