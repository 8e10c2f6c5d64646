"""What rules ask for of a ticket beside tags and notes, once for each rule and ticket.

Only what their mode lets them do; what they suggest is ``connector.suggesting``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connector import notices
from connector.case import Case
from connector.config import Config
from connector.models import Block, BlockKind, Finding, Level, Mode, Operation
from rules.engine import RuleMatch
from rules.schema import Action, Rule, RuleSet


def tighten(case: Case, matches: Iterable[RuleMatch]) -> None:
    """Say how soon rules want something done; of several the soonest counts."""
    for _, action in _acting(matches, "clock"):
        for kind, within in (action.clock or {}).items():
            case.within[kind] = min(within, case.within.get(kind, within))


def hasten(case: Case, matches: Iterable[RuleMatch]) -> None:
    """Ask for a higher priority; what a person makes of it then stands."""
    if not case.config.has_priorities(case.ticket.ref.source):
        return
    for match, action in _acting(matches, "priority"):
        key = f"hasten:{case.ticket_id}:rule:{match.rule_id}"
        _ask(case, Operation.HASTEN, key, {"priority": action.value}, match)


def route(case: Case, matches: Iterable[RuleMatch]) -> None:
    """Ask for another group or inbox; where a person puts the ticket it stays."""
    if not case.config.has_places(case.ticket.ref.source):
        return
    for match, action in _acting(matches, "route"):
        key = f"route:{case.ticket_id}:rule:{match.rule_id}"
        _ask(case, Operation.ROUTE, key, {"place": action.value}, match)


def _ask(
    case: Case,
    operation: Operation,
    key: str,
    payload: dict[str, str],
    match: RuleMatch,
) -> None:
    case.effect(
        operation,
        key,
        payload,
        observe=case.config.autonomy.tags is Mode.OBSERVE,
        rule=match.rule_id,
        rule_version=match.version,
        reason=match.reason,
    )


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
    return [
        *_check_roles(config, rules),
        *_check_clocks(config, rules),
        *_check_priorities(config, rules),
        *_check_places(config, rules),
    ]


def _check_roles(config: Config, rules: RuleSet) -> Iterator[Finding]:
    known = ", ".join(sorted(config.notify.roles)) or "none"
    for rule, action in rules.asking("notify"):
        if action.value not in config.notify.roles:
            yield _finding(
                rule,
                f"notify: there is no role {action.value!r}; known: {known}",
                "add it below notify.roles, or name another one",
            )


def _check_clocks(config: Config, rules: RuleSet) -> Iterator[Finding]:
    pack = config.clocks.promises
    known = [promise.kind for promise in pack.promises] if pack else []
    for rule, action in rules.asking("clock"):
        if strange := sorted(set(action.clock or ()) - set(known)):
            yield _finding(
                rule,
                f"clock: nothing called {', '.join(strange)} is promised by "
                f"clocks.pack; known: {', '.join(known) or 'none'}",
                "choose a pack of deadlines, or name what it promises",
            )


def _check_priorities(config: Config, rules: RuleSet) -> Iterator[Finding]:
    desks = [name for name in config.sources if config.has_priorities(name)]
    for rule, _ in rules.asking("priority"):
        if not desks:
            yield _finding(
                rule,
                "priority: no helpdesk of yours has priorities",
                "take it away; Zendesk and Jira Service Management have some",
            )


def _check_places(config: Config, rules: RuleSet) -> Iterator[Finding]:
    if any(config.has_places(name) for name in config.sources):
        return
    for rule, _ in rules.asking("route"):
        yield _finding(
            rule,
            "route: no helpdesk of yours has groups or inboxes to move tickets to",
            "take it away; Zendesk and Help Scout have some",
        )


def _finding(rule: Rule, message: str, remedy: str) -> Finding:
    # As long as it does not act nothing is missed.
    level = Level.PROBLEM if rule.mode is Mode.ACT else Level.WARNING
    return Finding(level, f"rules: {rule.id}", message, remedy)
