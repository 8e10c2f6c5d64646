"""What rules only suggest: said to agents in a line of a note, and never done.

How far a rule goes is the lesser of its own mode and what ``autonomy`` allows. What is
done is decided where it is done; what is observed is in the trace alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from connector.case import Case
from connector.config import Config
from connector.models import Mode
from connector.store import tickets
from connector.store.tickets import TagState
from rules.engine import RuleMatch
from rules.schema import Action


class Suggestion(NamedTuple):
    rule: str
    version: str
    reason: str
    line: str

    @property
    def key(self) -> str:
        """Name it in a few characters, the same each time."""
        return hashlib.sha256(self.line.encode()).hexdigest()[:16]


_RANK = (Mode.OBSERVE, Mode.SUGGEST, Mode.ACT)


def mode_of(config: Config, match: RuleMatch, action: Action) -> Mode:
    """Return how far a rule goes with one of the things it asks for."""
    bound = Mode.ACT  # what only we ourselves do, and whom we tell
    if action.kind in ("add_tag", "priority", "route"):
        bound = config.autonomy.tags
    elif action.kind == "note":
        bound = config.autonomy.notes
    return min(match.mode, bound, key=_RANK.index)


def suggestions(case: Case, matches: Sequence[RuleMatch]) -> list[Suggestion]:
    """Return what rules suggest for a ticket, a line for each rule.

    Not what is there already, nor a tag that a person took away. A rule that people
    contradict too often suggests what it wrote before, a line for each tag.
    """
    held_back = [
        Suggestion(
            one["rule"],
            one["version"],
            one["reason"],
            f"Rule {one['rule']} suggests: tag {one['tag']}",
        )
        for one in case.trace.tags
        if one["outcome"] == "suggested"
    ]
    found = [
        (match, [one for one in match.actions if _is_suggested(case, match, one)])
        for match in matches
    ]
    if not any(actions for _, actions in found):
        return held_back
    settled = _settled(case)
    left = [
        (match, [one.words for one in actions if (one.add_tag or "") not in settled])
        for match, actions in found
    ]
    asked = [
        Suggestion(
            match.rule_id,
            match.version,
            match.reason,
            f"Rule {match.rule_id} suggests: {', '.join(words)}",
        )
        for match, words in left
        if words
    ]
    return asked + held_back


def _is_suggested(case: Case, match: RuleMatch, action: Action) -> bool:
    return mode_of(case.config, match, action) is Mode.SUGGEST


def _settled(case: Case) -> set[str]:
    """Return the tags of which there is nothing to suggest."""
    ledger = tickets.ledger(case.connection, case.ticket_id)
    vetoed = {tag for tag, line in ledger.items() if line.state == TagState.VETOED}
    return vetoed.union(tag.casefold() for tag in case.ticket.tags)
