"""From a ticket as it stands to what should be true of it, and the difference.

Everything here is recomputed from the ticket, the rules, the ledger of tags and the
groups each time; what happened in between does not matter. Decisions and the effects
they ask for are committed together. No vendor is called from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from connector import escalation
from connector.config import Config
from connector.grouping import Grouping
from connector.models import (
    Author,
    Comment,
    Mode,
    Operation,
    OutboxState,
    Ticket,
    TicketRef,
    TicketStatus,
)
from connector.store import groups, outbox, tickets
from connector.store.tickets import TagState
from rules.engine import RuleMatch, evaluate
from rules.features import Features, features
from rules.judge import Judge
from rules.personas import CustomerHistory, Persona, personas
from rules.verdict import Verdict
from rules.words import customer_words

HISTORY = timedelta(days=90)

#: Channels whose words are not a customer's, whoever the helpdesk thinks wrote them.
ROBOT_CHANNELS = frozenset({"jira"})

#: Our own tags with fewer points than this would cost agents' trust.
TAGGED_BANDS = frozenset({"high", "medium"})

TYPES_TAGGED = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """A ticket with what its customer's own words say; no state was needed for it."""

    ticket: Ticket
    verdict: Verdict
    text: str
    language: str
    features: Features | None


@dataclass(frozen=True, slots=True)
class WantedTag:
    tag: str
    rule: str
    rule_version: str
    reason: str


@dataclass(slots=True)
class Trace:
    """Everything decided about a ticket in one go, each with its reason."""

    tags: list[dict[str, str]] = field(default_factory=list)
    personas: list[dict[str, str]] = field(default_factory=list)
    vip: str = ""
    group: dict[str, Any] = field(default_factory=dict)
    rules: list[dict[str, str]] = field(default_factory=list)
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "tags": self.tags,
            "personas": self.personas,
            "vip": self.vip,
            "group": self.group,
            "rules": self.rules,
            "note": self.note,
        }


def judge_ticket(ticket: Ticket, judge: Judge) -> Judged:
    """Judge a ticket by all its customer's messages, the strongest complaint first."""
    verdicts: list[tuple[Verdict, str]] = []
    for comment in ticket.comments:
        if not _is_customers(comment):
            continue
        words = customer_words(
            comment.body, comment.is_html, "" if verdicts else ticket.subject
        )
        subject = "" if verdicts else ticket.subject
        verdict = judge.judge(subject, words.text)
        if words.auto_reply:
            verdict = replace(
                verdict,
                auto_reply=True,
                complaint=False,
                reasons=(f"automatic reply: {words.reason}", *verdict.reasons),
            )
        verdicts.append((verdict, words.text))
    if not verdicts:
        empty = judge.judge("", "")
        return Judged(ticket, empty, "", "", None)
    verdict, text = max(verdicts, key=lambda pair: (pair[0].complaint, pair[0].score))
    own = [pair[0].lang for pair in verdicts if pair[0].lang and not pair[0].auto_reply]
    language = own[-1] if own else verdict.lang
    found = (
        features(ticket.subject, text, verdict.lang, verdict.types)
        if verdict.complaint
        else None
    )
    return Judged(ticket, verdict, text, language, found)


def _is_customers(comment: Comment) -> bool:
    return (
        comment.author is Author.CUSTOMER
        and comment.public
        and not comment.draft
        and comment.channel not in ROBOT_CHANNELS
    )


def customer_key(ticket: Ticket) -> str:
    """Return what makes a person one person across helpdesks."""
    customer = ticket.customer
    if customer.email:
        return customer.email
    if customer.external_id:
        return f"{ticket.ref.source}:{customer.external_id}"
    # Nobody known: each such ticket is somebody of its own.
    return f"{ticket.ref.source}:ticket:{ticket.ref.external_id}"


def vip_source(ticket: Ticket, config: Config) -> str:
    """Return where it says that the customer is a VIP, or an empty string."""
    vip, customer = config.vip, ticket.customer
    email = customer.email or ""
    if email and email in vip.addresses:
        return "the list of addresses"
    domain = email.rpartition("@")[2]
    if domain and domain in vip.domains:
        return f"the domain {domain}"
    if customer.organization and customer.organization.casefold() in vip.organizations:
        return f"the organisation {customer.organization}"
    marks = {tag.casefold() for tag in customer.tags | ticket.tags}
    named = sorted(marks & set(vip.tags))
    return f"the tag {named[0]}" if named else ""


class Pipeline:
    """Decides about tickets. One object per process; calls are not concurrent-safe
    beyond what the database serialises."""

    def __init__(self, config: Config, judge: Judge, grouping: Grouping) -> None:
        self.config = config
        self.judge = judge
        self.grouping = grouping

    def decide(
        self, connection: Connection, judged: Judged, delivery_id: int, now: datetime
    ) -> None:
        """Write what should be true of the ticket, and enqueue the difference."""
        ticket, verdict = judged.ticket, judged.verdict
        trace = Trace(vip=vip_source(ticket, self.config))
        customer_id = tickets.customer(
            connection, customer_key(ticket), ticket.customer.name or "", now
        )
        found = self._personas(connection, judged, customer_id, trace.vip, now)
        trace.personas = [{"name": p.name, "evidence": p.evidence} for p in found]
        ticket_id = tickets.put(connection, self._values(judged, customer_id, now))
        matches = evaluate(self.config.rules, _facts(judged, found, bool(trace.vip)))
        trace.rules = [
            {"rule": match.rule_id, "version": match.version, "reason": match.reason}
            for match in matches
        ]
        group_id = self._group(connection, judged, ticket_id, customer_id, now, trace)
        if self._is_ours(ticket):
            wanted = self._wanted_tags(judged, found, trace.vip, matches)
            self._tags(connection, ticket, ticket_id, wanted, delivery_id, now, trace)
            self._notes(
                connection, judged, ticket_id, found, matches, delivery_id, now, trace
            )
        tickets.add_decision(
            connection,
            {
                "ticket_id": ticket_id,
                "delivery_id": delivery_id or None,
                "at": now,
                "rules_version": verdict.pack_version,
                "verdict": verdict.to_dict(),
                "trace": trace.as_dict(),
            },
        )
        if group_id is not None:
            escalation.plan(connection, self.config, group_id, now)

    def gone(self, connection: Connection, ref: TicketRef, now: datetime) -> None:
        """Record that a ticket no longer exists; it counts no more."""
        known = tickets.find(connection, ref)
        if known is None:
            return
        tickets.end(connection, known.id, TicketStatus.DELETED, now)
        self._leave_group(connection, known.id, now)

    def merged(
        self, connection: Connection, ref: TicketRef, into: str, now: datetime
    ) -> None:
        """Record that a ticket lives on as another, which takes over its place."""
        known = tickets.find(connection, ref)
        if known is None:
            return
        tickets.end(connection, known.id, TicketStatus.DELETED, now, merged_into=into)
        target = tickets.find(connection, TicketRef(ref.source, into))
        if target is not None:
            groups.move_member(connection, known.id, target.id)
        self._leave_group(connection, known.id, now)

    def _leave_group(
        self, connection: Connection, ticket_id: int, now: datetime
    ) -> None:
        group_id = groups.remove_member(connection, ticket_id)
        if group_id is not None:
            groups.recount(connection, group_id)
            escalation.plan(connection, self.config, group_id, now)

    def _is_ours(self, ticket: Ticket) -> bool:
        return ticket.status not in (TicketStatus.SPAM, TicketStatus.DELETED)

    def _values(
        self, judged: Judged, customer_id: int, now: datetime
    ) -> dict[str, Any]:
        ticket = judged.ticket
        return {
            "source": ticket.ref.source,
            "external_id": ticket.ref.external_id,
            "customer_id": customer_id,
            "number": ticket.number,
            "subject": ticket.subject,
            "text": judged.text,
            "status": ticket.status,
            "url": ticket.url,
            "language": judged.language,
            "complaint": judged.verdict.complaint,
            "verdict": judged.verdict.to_dict(),
            "tags": sorted(ticket.tags),
            "merged_into": None,
            "created_at": ticket.created_at,
            "updated_at": ticket.updated_at,
            "decided_at": now,
        }

    def _personas(
        self,
        connection: Connection,
        judged: Judged,
        customer_id: int,
        vip: str,
        now: datetime,
    ) -> Sequence[Persona]:
        if not judged.verdict.complaint or judged.verdict.auto_reply:
            return ()
        total, complaints = tickets.history(
            connection, customer_id, now - HISTORY, judged.ticket.ref
        )
        history = CustomerHistory(
            tickets_90d=total,
            complaints_90d=complaints,
            vip=bool(vip),
            vip_source=vip,
        )
        return personas(judged.verdict, history)

    def _wanted_tags(
        self,
        judged: Judged,
        found: Sequence[Persona],
        vip: str,
        matches: Sequence[RuleMatch],
    ) -> list[WantedTag]:
        prefix, verdict = self.config.tags.prefix, judged.verdict
        wanted: list[WantedTag] = []
        version = verdict.pack_version
        if verdict.complaint and verdict.band in TAGGED_BANDS:
            why = "; ".join(verdict.reasons[:3])
            wanted += [
                WantedTag(prefix + kind, "pack.type", version, why)
                for kind in verdict.types[:TYPES_TAGGED]
            ]
            wanted += [
                WantedTag(
                    f"{prefix}persona-{persona.name}",
                    "pack.persona",
                    version,
                    persona.evidence,
                )
                for persona in found
            ]
        if vip and not verdict.auto_reply:
            wanted.append(WantedTag(f"{prefix}vip", "vip", "", f"VIP by {vip}"))
        for match in matches:
            if match.mode is not Mode.ACT:
                continue
            wanted += [
                WantedTag(action.value, match.rule_id, match.version, match.reason)
                for action in match.actions
                if action.kind == "add_tag"
            ]
        return list({entry.tag: entry for entry in reversed(wanted)}.values())[::-1]

    def _tags(
        self,
        connection: Connection,
        ticket: Ticket,
        ticket_id: int,
        wanted: Sequence[WantedTag],
        delivery_id: int,
        now: datetime,
        trace: Trace,
    ) -> None:
        """Compare wanted tags with the ticket's and the ledger's; enqueue one change.

        The ledger knows what we wrote: such a tag that is gone was removed by a
        person, which is a veto; a tag we did not write is never removed.
        """
        ledger = tickets.ledger(connection, ticket_id)
        present = {tag.casefold() for tag in ticket.tags}
        add: list[WantedTag] = []
        for entry in wanted:
            line = ledger.get(entry.tag)
            state = line.state if line else None
            outcome = "kept"
            if state == TagState.VETOED:
                outcome = "vetoed"
            elif state == TagState.WRITTEN and entry.tag not in present:
                outcome = "vetoed"
                self._veto(connection, ticket_id, entry.tag, line, now)
            elif entry.tag not in present and state != TagState.WANTED:
                outcome = "added"
                add.append(entry)
            elif state == TagState.UNWANTED:
                # Its removal is enqueued and finds nothing to remove any more.
                tickets.set_tags(
                    connection,
                    ticket_id,
                    [entry.tag],
                    TagState.UNWANTED,
                    TagState.WRITTEN,
                    now,
                )
            trace.tags.append(
                {
                    "tag": entry.tag,
                    "rule": entry.rule,
                    "version": entry.rule_version,
                    "reason": entry.reason,
                    "outcome": outcome,
                }
            )
        remove = self._unwanted(
            connection, ticket_id, {entry.tag for entry in wanted}, ledger, present, now
        )
        for tag in remove:
            trace.tags.append(
                {
                    "tag": tag,
                    "rule": "",
                    "version": "",
                    "reason": "",
                    "outcome": "removed",
                }
            )
        if not add and not remove:
            return
        observe = self.config.autonomy.tags is Mode.OBSERVE
        if not observe:
            for entry in add:
                tickets.put_tag(
                    connection,
                    {
                        "ticket_id": ticket_id,
                        "tag": entry.tag,
                        "state": TagState.WANTED,
                        "rule": entry.rule,
                        "rule_version": entry.rule_version,
                        "reason": entry.reason,
                        "at": now,
                    },
                )
        version = tickets.get(connection, ticket_id).version
        outbox.enqueue(
            connection,
            [
                outbox.Effect(
                    source=ticket.ref.source,
                    operation=Operation.CHANGE_TAGS,
                    target=ticket.ref.external_id,
                    dedup_key=_key(observe, f"tags:{ticket_id}:{version}"),
                    ordering_key=f"ticket:{ticket_id}",
                    payload={
                        "add": sorted(entry.tag for entry in add),
                        "remove": sorted(remove),
                    },
                    state=_state(observe),
                    ticket_id=ticket_id,
                    delivery_id=delivery_id or None,
                    rule=", ".join(sorted({entry.rule for entry in add})),
                    rule_version=add[0].rule_version if add else "",
                    reason="; ".join(
                        dict.fromkeys(entry.reason for entry in add if entry.reason)
                    ),
                )
            ],
            now,
        )

    def _veto(
        self,
        connection: Connection,
        ticket_id: int,
        tag: str,
        line: Any,
        now: datetime,
    ) -> None:
        tickets.put_tag(
            connection,
            {
                "ticket_id": ticket_id,
                "tag": tag,
                "state": TagState.VETOED,
                "rule": line.rule,
                "rule_version": line.rule_version,
                "reason": line.reason,
                "at": now,
            },
        )

    def _unwanted(
        self,
        connection: Connection,
        ticket_id: int,
        wanted: set[str],
        ledger: Mapping[str, Any],
        present: set[str],
        now: datetime,
    ) -> list[str]:
        """Return tags of ours that no longer hold and are still on the ticket."""
        remove = []
        for tag, line in ledger.items():
            if line.state != TagState.WRITTEN or tag in wanted:
                continue
            if tag not in present:
                self._veto(connection, ticket_id, tag, line, now)
            elif self.config.autonomy.tags is Mode.ACT:
                remove.append(tag)
        tickets.set_tags(
            connection, ticket_id, remove, TagState.WRITTEN, TagState.UNWANTED, now
        )
        return remove

    def _notes(
        self,
        connection: Connection,
        judged: Judged,
        ticket_id: int,
        found: Sequence[Persona],
        matches: Sequence[RuleMatch],
        delivery_id: int,
        now: datetime,
        trace: Trace,
    ) -> None:
        """Ask for the one note that says what was understood, and for rules' notes."""
        notes: list[tuple[str, str, str, str, str]] = []
        verdict = judged.verdict
        if verdict.complaint and verdict.band in TAGGED_BANDS:
            trace.note = judgement_note(verdict, found, trace)
            reason = "; ".join(verdict.reasons[:3])
            notes.append(
                ("judged", trace.note, "pack.note", verdict.pack_version, reason)
            )
        notes += [
            (
                f"rule:{match.rule_id}",
                action.value,
                match.rule_id,
                match.version,
                match.reason,
            )
            for match in matches
            if match.mode is Mode.ACT
            for action in match.actions
            if action.kind == "note"
        ]
        observe = self.config.autonomy.notes is Mode.OBSERVE
        ref = judged.ticket.ref
        outbox.enqueue(
            connection,
            [
                outbox.Effect(
                    source=ref.source,
                    operation=Operation.ADD_NOTE,
                    target=ref.external_id,
                    dedup_key=_key(observe, f"note:{ticket_id}:{state}"),
                    ordering_key=f"ticket:{ticket_id}",
                    payload={"text": text},
                    state=_state(observe),
                    ticket_id=ticket_id,
                    delivery_id=delivery_id or None,
                    rule=rule,
                    rule_version=version,
                    reason=reason,
                )
                for state, text, rule, version, reason in notes
            ],
            now,
        )

    def _group(
        self,
        connection: Connection,
        judged: Judged,
        ticket_id: int,
        customer_id: int,
        now: datetime,
        trace: Trace,
    ) -> int | None:
        """Put a complaint into its group; a ticket already in one stays there."""
        known = groups.membership(connection, ticket_id)
        if known is not None:
            trace.group = {"group": known.group_id, "reason": known.reason}
            if not self._is_ours(judged.ticket):
                self._leave_group(connection, ticket_id, now)
                return None
            return int(known.group_id)
        verdict = judged.verdict
        if (
            judged.features is None
            or not verdict.complaint
            or verdict.auto_reply
            or not self._is_ours(judged.ticket)
        ):
            return None
        at = judged.ticket.created_at
        placed = self.grouping.place(connection, judged.features, at, now)
        reason = "; ".join(placed.reasons) or "the first of its kind"
        seq = groups.add_member(
            connection,
            {
                "ticket_id": ticket_id,
                "group_id": placed.group_id,
                "customer_id": customer_id,
                "at": at,
                "joined_at": now,
                "features": judged.features.to_json(),
                "reason": reason,
            },
        )
        self.grouping.record(seq, placed.group_id, ticket_id, judged.features, at)
        groups.recount(connection, placed.group_id)
        escalation.joined(connection, self.config, placed.group_id, ticket_id, at, now)
        trace.group = {"group": placed.group_id, "reason": reason, "new": placed.new}
        return placed.group_id


def judgement_note(verdict: Verdict, found: Sequence[Persona], trace: Trace) -> str:
    """Write the agent's note: what was understood, and why, in a few lines."""
    lines = [
        f"Complaint: {', '.join(kind.replace('_', ' ') for kind in verdict.types)}"
    ]
    if verdict.emotion >= 2:
        lines[0] += f" (emotion {verdict.emotion} of 3)"
    lines.append("Because of: " + "; ".join(verdict.reasons[:3]))
    if trace.vip:
        lines.append(f"VIP by {trace.vip}.")
    lines += [f"Customer: {persona.name}. {persona.hint}" for persona in found]
    if trace.group:
        lines.append(f"Problem {trace.group['group']}: {trace.group['reason']}.")
    lines.append("A wrong tag? Remove it; it will not come back on this ticket.")
    return "\n".join(lines)


def _facts(judged: Judged, found: Sequence[Persona], vip: bool) -> dict[str, Any]:
    """Lay out everything that rules may look at."""
    ticket, verdict = judged.ticket, judged.verdict
    email = ticket.customer.email or ""
    return {
        "source": ticket.ref.source,
        "subject": ticket.subject,
        "text": judged.text,
        "lang": judged.language,
        "complaint": verdict.complaint,
        "types": list(verdict.types),
        "score": verdict.score,
        "emotion": verdict.emotion,
        "urgency": verdict.urgency,
        "praise": verdict.praise,
        "personas": [persona.name for persona in found],
        "vip": vip,
        "tags": sorted(ticket.tags),
        "channel": ticket.channel,
        "status": str(ticket.status),
        "customer.email": email,
        "customer.domain": email.rpartition("@")[2],
        "customer.organization": ticket.customer.organization or "",
        **{f"fields.{key}": value for key, value in ticket.fields.items()},
    }


def _state(observe: bool) -> OutboxState:
    return OutboxState.OBSERVED if observe else OutboxState.PENDING


def _key(observe: bool, key: str) -> str:
    # What was only observed must not stand in the way once the mode is changed.
    return f"observed:{key}" if observe else key
