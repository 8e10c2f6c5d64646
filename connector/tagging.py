"""Which tags a ticket should have, and what a person has said about them.

The ledger knows what we wrote. A tag of ours that is gone was removed by a person,
which is a veto for this ticket; a tag that we did not write is never removed. What
people do with tags is labelled on the way, to be learnt from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from connector.case import Case
from connector.config import Config
from connector.judging import Judged
from connector.models import Mode, Operation
from connector.showing import Sight
from connector.store import tickets
from connector.store.demotions import Unit, language_of
from connector.store.labels import Label
from connector.store.schema import AnyRow
from connector.store.tickets import TagState
from rules.engine import RuleMatch
from rules.personas import Persona
from rules.schema import RuleSet
from rules.verdict import PERSONAS, TYPES

TYPES_TAGGED = 3

PACK_TYPE, PACK_PERSONA = "pack.type", "pack.persona"

#: What these say is known and not judged, so that nobody can tell them they are wrong.
UNJUDGED = frozenset({"clocks", "problems", "vip"})


class WantedTag(NamedTuple):
    """A tag that should be there. ``is_held_back``: its rule only suggests it."""

    tag: str
    rule: str
    rule_version: str
    reason: str
    is_held_back: bool = False


def possible_tags(config: Config, rules: RuleSet) -> dict[str, str]:
    """Return every tag we may ever write, each with the setting it comes from.

    Of those of problems, which are numbered, the first stands for all.
    """
    prefix = config.tags.prefix
    names = (*TYPES, *(f"persona-{name}" for name in PERSONAS), "vip", "due")
    found = {
        action.value: f"rules: {rule.id}"
        for rule in rules.rules
        for action in rule.then
        if action.kind == "add_tag"
    }
    return found | {prefix + name: "tags.prefix" for name in (*names, "problem-1")}


def wanted_tags(
    case: Case,
    found: Sequence[Persona],
    matches: Sequence[RuleMatch],
    seen: Sight | None,
) -> list[WantedTag]:
    """Return the tags that should be on the ticket, each once, with its reason."""
    prefix = case.config.tags.prefix
    wanted = judged_tags(prefix, case.judged, found, case.trace.vip)
    if near := [one for one in case.trace.clocks if one["warned"]]:
        why = "; ".join(f"{one['title']} due {one['due']}" for one in near)
        wanted.append(WantedTag(f"{prefix}due", "clocks", "", why))
    if seen is not None:
        why = f"one of the tickets of problem {seen.group.id}"
        wanted.append(WantedTag(prefix + seen.tag, "problems", "", why))
    wanted += [
        WantedTag(action.value, match.rule_id, match.version, match.reason)
        for match in matches
        if match.mode is Mode.ACT
        for action in match.actions
        if action.kind == "add_tag"
    ]
    language, demoted = case.judged.language, case.batch.demoted
    wanted = [
        entry._replace(is_held_back=is_held_back(entry, language, demoted))
        for entry in wanted
    ]
    wanted.sort(key=lambda entry: entry.is_held_back)  # who writes goes before
    # The first reason given for a tag is the one that is kept.
    return list({entry.tag: entry for entry in reversed(wanted)}.values())[::-1]


def judged_tags(
    prefix: str, judged: Judged, found: Sequence[Persona], vip: str
) -> list[WantedTag]:
    """Return the tags that say what was judged of a ticket and its customer."""
    verdict, wanted = judged.verdict, []
    if judged.is_trusted:
        version, why = verdict.pack_version, "; ".join(verdict.reasons[:3])
        wanted += [
            WantedTag(prefix + kind, PACK_TYPE, version, why)
            for kind in verdict.types[:TYPES_TAGGED]
        ]
        wanted += [
            WantedTag(
                f"{prefix}persona-{persona.name}",
                PACK_PERSONA,
                version,
                persona.evidence,
            )
            for persona in found
        ]
    if vip and not verdict.auto_reply:
        wanted.append(WantedTag(f"{prefix}vip", "vip", "", f"VIP by {vip}"))
    return wanted


def is_held_back(entry: WantedTag, language: str, demoted: Collection[Unit]) -> bool:
    """Tell whether a tag is only suggested because people took it off too often."""
    of = language_of(entry.rule, language)
    return Unit(entry.rule, entry.tag, of, entry.rule_version) in demoted


def change_tags(
    case: Case, wanted: Sequence[WantedTag], matches: Sequence[RuleMatch]
) -> None:
    """Compare wanted tags with the ticket's and the ledger's; enqueue one change."""
    ledger = {} if case.is_new else tickets.ledger(case.connection, case.ticket_id)
    present = {tag.casefold() for tag in case.ticket.tags}
    add = [entry for entry in wanted if _is_to_add(case, entry, ledger, present)]
    remove = _unwanted(case, {entry.tag for entry in wanted}, ledger, present)
    _label_others(case, wanted, matches, ledger)
    if not add and not remove:
        return
    observe = case.config.autonomy.tags is Mode.OBSERVE
    key = f"tags:{case.ticket_id}:{case.version}"
    if observe:  # the same observation again is no news
        said = ",".join(sorted(entry.tag for entry in add))
        key = f"tags:{case.ticket_id}:{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    else:
        _enter(case, add, TagState.WANTED)
    reasons = dict.fromkeys(entry.reason for entry in add if entry.reason)
    case.effect(
        Operation.CHANGE_TAGS,
        key,
        {"add": sorted(entry.tag for entry in add), "remove": sorted(remove)},
        observe=observe,
        rule=", ".join(sorted({entry.rule for entry in add})),
        rule_version=add[0].rule_version if add else "",
        reason="; ".join(reasons),
    )


def _is_to_add(
    case: Case,
    entry: WantedTag,
    ledger: Mapping[str, AnyRow],
    present: set[str],
) -> bool:
    line = ledger.get(entry.tag)
    state = line.state if line else None
    if line is not None and state == TagState.UNDONE and not _is_by(entry, line):
        state = TagState.UNWANTED
    if entry.tag in present:
        _see(case, entry, state)
    elif state in (TagState.WRITTEN, TagState.SEEN):
        _veto(case, _again(line))
        state = TagState.VETOED
    missing = entry.tag not in present and state in (None, TagState.UNWANTED)
    vetoed = state in (TagState.VETOED, TagState.DROPPED)
    outcome = "vetoed" if vetoed else "added" if missing else "kept"
    if state == TagState.UNDONE:
        outcome = "undone"
    if missing and entry.is_held_back:
        missing, outcome = False, "suggested"
    case.trace.tags.append({**_described(entry), "outcome": outcome})
    return missing


def _is_by(entry: WantedTag, line: AnyRow) -> bool:
    """Tell whether a tag is wanted by what wrote it before, unchanged since."""
    return (entry.rule, entry.rule_version) == (line.rule, line.rule_version)


def _see(case: Case, entry: WantedTag, state: str | None) -> None:
    """Record that a wanted tag is there."""
    if state is None:
        _enter(case, [entry], TagState.SEEN)
    elif state in (TagState.WANTED, TagState.UNWANTED):
        # Our write went through before its answer did; or it is wanted again, and its
        # removal, if still to come, will find nothing to remove.
        _enter(case, [entry], TagState.WRITTEN)
    elif state == TagState.VETOED:
        case.batch.labels += _labels(case, [entry], Label.CONFIRMED)  # thought again


def _veto(case: Case, entry: WantedTag) -> None:
    """Record that a person took a tag off."""
    _enter(case, [entry], TagState.VETOED)
    case.batch.labels += _labels(case, [entry], Label.REMOVED)


def _label_others(
    case: Case,
    wanted: Sequence[WantedTag],
    matches: Sequence[RuleMatch],
    ledger: Mapping[str, AnyRow],
) -> None:
    """Label tags that we could have written and somebody else did.

    Whose those are that a ticket has from its beginning, or from another that was
    merged into it, nobody knows.
    """
    known = {entry.tag for entry in wanted} | set(ledger)
    others = [tag for tag in case.ticket.tags if tag not in known]
    found = [entry for tag in others if (entry := _judging(case, matches, tag))]
    if not found:
        return
    foreign = set(others) if case.is_new else _of_merged(case)
    for entry in found:
        if entry.tag in foreign:
            case.batch.labels += _labels(case, [entry], Label.FOUND)
        else:
            label = Label.CONFIRMED if entry.reason else Label.MISSED
            case.batch.noticed += _labels(case, [entry], label)


def _judging(case: Case, matches: Sequence[RuleMatch], tag: str) -> WantedTag | None:
    """Return what could have written a tag; with a reason, if it only may not."""
    for match in matches:
        if any(one.kind == "add_tag" and one.value == tag for one in match.actions):
            return WantedTag(tag, match.rule_id, match.version, match.reason)
    prefix, version = case.config.tags.prefix, case.verdict.pack_version
    name = tag.removeprefix(prefix)
    if name != tag and name in TYPES:
        return WantedTag(tag, PACK_TYPE, version, "")
    if name != tag and name.removeprefix("persona-") in PERSONAS:
        return WantedTag(tag, PACK_PERSONA, version, "")
    return None


def _of_merged(case: Case) -> set[str]:
    ref = case.ticket.ref
    merged = tickets.merged_into(case.connection, [ref]).get(ref, ())
    return {tag for old in merged for tag in tickets.ledger(case.connection, old)}


def _labels(
    case: Case, entries: Sequence[WantedTag], label: Label
) -> list[dict[str, Any]]:
    return [
        {
            "ticket_id": case.ticket_id,
            "tag": entry.tag,
            "rule": entry.rule,
            "rule_version": entry.rule_version,
            "label": label,
            "at": case.now,
        }
        for entry in entries
        if entry.rule not in UNJUDGED
    ]


def _unwanted(
    case: Case,
    wanted: set[str],
    ledger: Mapping[str, AnyRow],
    present: set[str],
) -> list[str]:
    """Return tags of ours that no longer hold and are still on the ticket."""
    remove = []
    for tag, line in ledger.items():
        if line.state != TagState.WRITTEN or tag in wanted:
            continue
        if tag not in present:
            _veto(case, _again(line))
        elif case.config.autonomy.tags is Mode.ACT:
            remove.append(tag)
            case.trace.tags.append({**_described(_again(line)), "outcome": "removed"})
    tickets.set_tags(
        case.connection,
        case.ticket_id,
        remove,
        TagState.WRITTEN,
        TagState.UNWANTED,
        case.now,
    )
    return remove


def _again(line: AnyRow | None) -> WantedTag:
    assert line is not None
    return WantedTag(line.tag, line.rule, line.rule_version, line.reason)


def _described(entry: WantedTag) -> dict[str, str]:
    return {
        "tag": entry.tag,
        "rule": entry.rule,
        "version": entry.rule_version,
        "reason": entry.reason,
    }


def _enter(case: Case, entries: Sequence[WantedTag], state: TagState) -> None:
    case.batch.ledger += [
        {
            "ticket_id": case.ticket_id,
            "tag": entry.tag,
            "state": state,
            "rule": entry.rule,
            "rule_version": entry.rule_version,
            "reason": entry.reason,
            "at": case.now,
        }
        for entry in entries
    ]
