"""Notes for agents: what was understood of a ticket, and what became of its problem.

A note is never written again: what it says of a problem is as of then, and a ticket
gets at most one note of each state. When tickets are looked at again for that is
``connector.showing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector import followups, suggesting
from connector.case import Case
from connector.models import (
    GroupState,
    IssueCategory,
    Mode,
    Operation,
    OutboxState,
    TicketStatus,
)
from connector.showing import Kind, Sight
from connector.store import broadcasts, groups, outbox, shown
from connector.store.schema import AnyRow
from connector.suggesting import Suggestion
from rules.engine import RuleMatch
from rules.personas import Persona

#: Such a ticket is told what became of its problem once it is opened again.
UNNOTED = (TicketStatus.RESOLVED, TicketStatus.CLOSED)

#: After a note of these an agent may think that it is over.
ENDS = (Kind.FIXED, Kind.WONT_DO)

#: What an agent reads for the category of an issue.
PROGRESS = {
    IssueCategory.TODO: "to do",
    IssueCategory.IN_PROGRESS: "in progress",
    IssueCategory.DONE: "done",
}

HOW_TO_CORRECT = "A wrong tag? Remove it; it will not come back on this ticket."


def add_notes(
    case: Case,
    found: Sequence[Persona],
    matches: Sequence[RuleMatch],
    seen: Sight | None,
) -> None:
    """Ask for the note of what was understood, of the problem's state, and of rules.

    A ticket that has neither of the first two gets both in one. What rules suggest
    stands in it, or, if that comes later, in a note of its own; each line once.
    """
    suggested = suggesting.suggestions(case, matches)
    said = _said(case) if suggested or (seen and seen.news) else []
    known = {line for one in said for line in one.suggested}
    suggested = [one for one in suggested if one.line not in known]
    if case.judged.is_trusted:
        lines = _judgement(case, found)
        case.trace.note = "\n".join([*lines, HOW_TO_CORRECT])
    key = f"note:{case.ticket_id}:judged"
    is_first = case.judged.is_trusted and key not in {one.key for one in said}
    if is_first:
        told = _words(case, seen) if seen and _is_for_newcomers(seen) else []
        told += [one.line for one in suggested]
        text = "\n".join([*lines, *told, HOW_TO_CORRECT])
        version, why = case.verdict.pack_version, "; ".join(case.verdict.reasons[:3])
        _ask(case, key, text, "pack.note", version, why, seen, suggested)
    elif seen and _is_to_note(case, seen, [one.shown for one in said if one.shown]):
        text = "\n".join(_words(case, seen))
        why = f"what became of problem {seen.group.id}"
        _ask(
            case, f"note:{case.ticket_id}:{seen.news}", text, "problems", "", why, seen
        )
    if not is_first and case.ticket.status not in UNNOTED:
        for one in suggested:
            key = f"note:{case.ticket_id}:suggested:{one.key}"
            rule = one.rule, one.version, one.reason
            _ask(case, key, one.line, *rule, suggested=[one])
    for match in matches:
        for action in match.actions:
            if match.mode is Mode.ACT and action.kind == "note":
                key = f"note:{case.ticket_id}:rule:{match.rule_id}"
                rule = match.rule_id, match.version, match.reason
                _ask(case, key, action.value, *rule)


def _said(case: Case) -> list[shown.Said]:
    """Return our notes on the ticket; those only observed, if that is what is done."""
    if case.is_new:
        return []
    observed = case.config.autonomy.notes is Mode.OBSERVE
    return shown.notes(case.connection, case.ticket_id, observed)


def _ask(
    case: Case,
    key: str,
    text: str,
    rule: str,
    version: str,
    reason: str,
    seen: Sight | None = None,
    suggested: Sequence[Suggestion] = (),
) -> None:
    """Ask for a note; ``seen`` is the state of a problem that it tells of."""
    payload: dict[str, Any] = {"text": text}
    if seen and seen.news:
        payload["shown"] = seen.news
    if suggested:
        payload["suggested"] = [one.line for one in suggested]
    case.effect(
        Operation.ADD_NOTE,
        key,
        payload,
        observe=case.config.autonomy.notes is Mode.OBSERVE,
        rule=rule,
        rule_version=version,
        reason=reason,
    )


def _is_to_note(case: Case, seen: Sight, told: Sequence[str]) -> bool:
    if not seen.news or seen.passing or seen.news in told:
        return False
    if case.ticket.status in UNNOTED:
        return False
    is_told = bool(told) and told[-1].startswith(tuple(f"{kind}:" for kind in ENDS))
    if not _is_for_newcomers(seen):
        # Who read of an issue that was let go reads that, too.
        return is_told or (bool(told) and groups.is_held(seen.group))
    if seen.kind is not Kind.AGAIN or not told:
        return True
    # Where nobody was told of an end, that it is open is no news.
    at = case.complained_at
    return is_told or (at is not None and at > seen.group.done_at)


def _is_for_newcomers(seen: Sight) -> bool:
    """Tell whether who was told nothing of a problem is to read how it stands."""
    return bool(seen.news) and seen.kind is not Kind.READY


# -- words


def _judgement(case: Case, found: Sequence[Persona]) -> list[str]:
    """Say what was understood, and why, in a few lines."""
    verdict, trace = case.verdict, case.trace
    first = f"Complaint: {', '.join(kind.replace('_', ' ') for kind in verdict.types)}"
    if verdict.emotion >= 2:
        first += f" (emotion {verdict.emotion} of 3)"
    lines = [first, "Because of: " + "; ".join(verdict.reasons[:3])]
    if trace.vip:
        lines.append(f"VIP by {trace.vip}.")
    if before := trace.before:
        said = f"Complained before: {before['ticket']} of {before['on']}"
        lines.append(f"{said} {before['url']}")
    lines += [f"Customer: {persona.name}. {persona.hint}" for persona in found]
    lines += [f"{one['title']} due {one['due']}." for one in trace.clocks]
    if trace.group:
        lines.append(f"Problem {trace.group['group']}: {trace.group['reason']}.")
    return lines


def _words(case: Case, seen: Sight) -> list[str]:
    """Say how a problem stands, and where to read on."""
    group = seen.group
    return [_state(case, seen), f"{group.title} {group.issue_url or ''}".rstrip()]


def _state(case: Case, seen: Sight) -> str:
    """Say how a problem stands, in a line that stays true of this day."""
    group, key = seen.group, seen.group.issue_key
    progress = PROGRESS.get(group.issue_category)
    if seen.kind is Kind.AGAIN and group.issue_category == IssueCategory.DONE:
        progress = "to be opened again"
    issue = f"{key} ({progress})" if progress else key
    who = "1 customer" if group.customers == 1 else f"{group.customers} customers"
    count = f"{who} since {group.first_at:%Y-%m-%d}"
    if groups.is_held(group):
        return "No issue is about this problem any more: promise customers no fix."
    if group.state == GroupState.MUTED:
        return f"Known problem: {key}, which is muted at present."
    if seen.kind is Kind.READY:
        return "Looked at again: it is open whether something is done about it."
    if seen.kind is Kind.WONT_DO and groups.is_declined(group):
        return "Nothing is done about this problem: promise customers nothing."
    if seen.kind is Kind.WONT_DO:
        how = group.issue_resolution or "done without a resolution"
        return f"{key} was closed as {how}: nothing is promised to customers."
    if seen.kind is Kind.FIXED:
        late = case.complained_at is not None and case.complained_at > group.done_at
        said = "This was written after that." if late else _told(case, group)
        return f"Fixed: {key} was done on {group.done_at:%Y-%m-%d}. {said}".rstrip()
    if seen.kind is Kind.AGAIN:
        again = group.last_at > group.done_at
        what = "Came back: customers complained again after" if again else "Open again:"
        return f"{what} it was done on {group.done_at:%Y-%m-%d}. {issue}, {count}."
    before = groups.predecessor(case.connection, group.id)
    if before is not None:
        end = f"{before.issue_key} was done on {before.done_at:%Y-%m-%d}"
        return f"Came back: {end}. {issue}, {count}."
    if group.issue_category == IssueCategory.IN_PROGRESS:
        return f"Known problem, being fixed: {issue}, {count}."
    return f"Known problem: {issue}, {count}."


def _told(case: Case, group: AnyRow) -> str:
    """Say what the customer of a ticket was told of the fix."""
    key = followups.message_key(group, case.customer_id)
    row = outbox.by_key(case.connection, key)
    if row is None:
        return _untold(case, group)
    if row.state == OutboxState.DISCARDED:
        return "The customer is not told."
    if row.state == OutboxState.PARKED:
        return "What the customer is told waits for a person."
    if row.payload["draft"]:
        return "What the customer can be told is there as a draft."
    if row.ticket_id != case.ticket_id:
        return "The customer is told on another ticket."
    return "The customer is told."


def _untold(case: Case, group: AnyRow) -> str:
    """Say why there is no message to the customer of a ticket yet, if that is known."""
    fix = group.id, group.episode
    why = broadcasts.why_left_out(case.connection, *fix, case.customer_id)
    if why:
        return f"The customer is not told: {why}."
    asked = broadcasts.find(case.connection, *fix)
    if asked is not None and asked.state in broadcasts.AWAITED:
        return "What the customer is told waits for an approval."
    return ""
