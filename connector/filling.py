"""What the fields of a ticket should hold, and what a person has decided about them.

The ledger knows what our last write left in a field. Anything else there is a person's,
which is a veto for this ticket and topic: from then on the field is theirs, whatever
stands in it. How words fit into a field is the adapter's part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from connector.case import Case
from connector.models import Mode, Operation, Place, Topic
from connector.store import fields, groups
from connector.store.fields import FieldState
from connector.store.schema import AnyRow
from rules.personas import Persona
from rules.verdict import PERSONAS, TYPES

YES, NO = "yes", "no"


class WantedField(NamedTuple):
    """``words`` are the most important first; without any, the field is to be empty."""

    words: tuple[str, ...] = ()
    rule: str = ""
    rule_version: str = ""
    reason: str = ""


def possible_words() -> dict[Topic, tuple[str, ...]]:
    """Return all words that a field may get by its topic; none: they are not known."""
    return {
        Topic.TYPE: tuple(_words(kind) for kind in TYPES),
        Topic.PERSONA: PERSONAS,
        Topic.VIP: (YES, NO),
        Topic.PROBLEM: (),
    }


def wanted_fields(
    case: Case, found: Sequence[Persona], group_id: int | None
) -> dict[Topic, WantedField]:
    """Return what each topic should say; what is not in it should be empty."""
    verdict, wanted = case.verdict, {}
    if case.judged.is_trusted:
        version, why = verdict.pack_version, "; ".join(verdict.reasons[:3])
        kinds = tuple(_words(kind) for kind in verdict.types)
        wanted[Topic.TYPE] = WantedField(kinds, "pack.type", version, why)
        names = tuple(persona.name for persona in found)
        evidence = "; ".join(persona.evidence for persona in found)
        wanted[Topic.PERSONA] = WantedField(names, "pack.persona", version, evidence)
        wanted[Topic.VIP] = WantedField(
            (NO,), "vip", "", "nothing says that the customer is one"
        )
    if case.trace.vip and not verdict.auto_reply:
        reason = f"VIP by {case.trace.vip}"
        wanted[Topic.VIP] = WantedField((YES,), "vip", "", reason)
    if group_id is not None and Topic.PROBLEM in case.ticket.places:
        group = groups.get(case.connection, group_id)
        if group.issue_key:
            why = f"the issue about problem {group_id}"
            wanted[Topic.PROBLEM] = WantedField((group.issue_key,), "problems", "", why)
    return wanted


def change_fields(case: Case, wanted: Mapping[Topic, WantedField]) -> None:
    """Compare wanted words with the ticket's fields and the ledger; enqueue one change.

    While a write is under way nothing is concluded from what stands in its field.
    """
    places = case.ticket.places
    if not places:
        return
    ledger = {} if case.is_new else fields.ledger(case.connection, case.ticket_id)
    ask = {
        topic: entry
        for topic, place in places.items()
        if _is_to_write(
            case, topic, place, entry := wanted.get(topic, WantedField()), ledger
        )
    }
    if not ask:
        return
    observe = case.config.autonomy.tags is Mode.OBSERVE
    said = {str(topic): list(entry.words) for topic, entry in sorted(ask.items())}
    key = f"fields:{case.ticket_id}:{case.version}"
    if observe:  # the same observation again is no news
        digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
        key = f"fields:{case.ticket_id}:{digest}"
    else:
        for topic, entry in ask.items():
            _enter(case, topic, entry, FieldState.WANTED)
    entries = list(ask.values())
    case.effect(
        Operation.CHANGE_FIELDS,
        key,
        {"fields": said},
        observe=observe,
        rule=", ".join(sorted({entry.rule for entry in entries if entry.rule})),
        rule_version=next((e.rule_version for e in entries if e.rule_version), ""),
        reason="; ".join(dict.fromkeys(e.reason for e in entries if e.reason)),
    )


def _is_to_write(
    case: Case,
    topic: Topic,
    place: Place,
    entry: WantedField,
    ledger: Mapping[Topic, AnyRow],
) -> bool:
    line = ledger.get(topic)
    if line is None and not entry.words:
        return False
    outcome = _outcome(case, place, entry, line)
    case.trace.fields.append(_described(topic, entry, outcome))
    if outcome == "vetoed" and (line is None or line.state != FieldState.VETOED):
        _enter(case, topic, entry, FieldState.VETOED)
    return outcome in ("filled", "emptied")


def _outcome(case: Case, place: Place, entry: WantedField, line: AnyRow | None) -> str:
    """Say what becomes of a field: vetoed, kept, filled or emptied."""
    if line is not None and line.state == FieldState.VETOED:
        return "vetoed"
    is_under_way = line is not None and line.state == FieldState.WANTED
    ours = _left_there(place, line)
    if not is_under_way and place.value != (ours.value if ours else ""):
        return "vetoed"
    # Of a field of another inbox nothing was asked yet, and there it is empty.
    asked = line.wanted if line is not None and (ours or is_under_way) else []
    if asked == list(entry.words):
        return "kept"
    if entry.words:
        return "filled"
    return "emptied" if case.config.autonomy.tags is Mode.ACT else "kept"


def _left_there(place: Place, line: AnyRow | None) -> Place | None:
    """Return what our last write left, if it was in this very field."""
    ours = fields.known(line) if line is not None else None
    return ours if ours and ours.external_id == place.external_id else None


def _described(topic: Topic, entry: WantedField, outcome: str) -> dict[str, str]:
    return {
        "topic": str(topic),
        "words": ", ".join(entry.words),
        "rule": entry.rule,
        "version": entry.rule_version,
        "reason": entry.reason,
        "outcome": outcome,
    }


def _enter(case: Case, topic: Topic, entry: WantedField, state: FieldState) -> None:
    case.batch.fields.append(
        {
            "ticket_id": case.ticket_id,
            "topic": topic,
            "state": state,
            "wanted": list(entry.words),
            "place": None,
            "value": None,
            "rule": entry.rule,
            "rule_version": entry.rule_version,
            "reason": entry.reason,
            "at": case.now,
        }
    )


def _words(kind: str) -> str:
    return kind.replace("_", " ")
