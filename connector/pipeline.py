"""From a ticket as it stands to what should be true of it, and the difference.

Everything is computed anew from the ticket, the rules, the ledger of tags and the
groups; what happened in between does not matter. Decisions and the effects they ask
for are committed together. No vendor is called from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from connector import (
    acknowledging,
    checkins,
    clocks,
    earlier,
    escalation,
    followups,
    optouts,
    readiness,
    recurrence,
    replies,
    ruling,
    showing,
    tasks,
    vips,
)
from connector.case import Batch, Case
from connector.config import Config
from connector.dating import undated
from connector.filling import change_fields, wanted_fields
from connector.grouping import Grouping
from connector.judging import Judged, customer_key, details, facts, person, vip_source
from connector.models import GroupState, TicketRef, TicketStatus
from connector.noting import add_notes
from connector.ratings import rating
from connector.rulebook import Book, Rulebook
from connector.store import clocks as due
from connector.store import (
    customers,
    demotions,
    groups,
    members,
    outbox,
    tickets,
    timeline,
)
from connector.store.schema import AnyRow
from connector.tagging import change_tags, wanted_tags
from rules.engine import RuleMatch, evaluate
from rules.personas import CustomerHistory, Persona, personas

HISTORY = timedelta(days=90)

#: What is kept of a vendor's word for a channel.
CHANNEL = 20

#: What rules can look at of the problem that a ticket belongs to.
OF_PROBLEMS = ("problem.state", "problem.customers")


class Pipeline:
    """Decides about tickets, one transaction of the caller's at a time."""

    def __init__(self, config: Config, rulebook: Rulebook, grouping: Grouping) -> None:
        self.config = config
        self.rulebook = rulebook
        self.book: Book = rulebook.book
        self._kept = ""
        self.grouping = grouping

    def renew(self, now: datetime) -> None:
        """Go by what is in force now, until this is called again.

        Not in between: a ticket is judged and decided about by one book.
        """
        self.book = self.rulebook.look(now)

    def open(
        self, connection: Connection, judged: Sequence[Judged], now: datetime
    ) -> Batch:
        """Read at once what deciding about these tickets needs, one after the other.

        Its ``write`` ends the transaction's decisions.
        """
        if not judged:
            return Batch({}, {})
        if self._kept != self.book.version and earlier.keep(connection, self.book):
            self._kept = self.book.version
        people = [person(one.ticket) for one in judged]
        known = customers.known(connection, people, now)
        for group_id in sorted(known.regrouped):
            members.recount(connection, group_id)
            escalation.plan(connection, self.config, group_id, now)
        merged = tickets.merged_into(connection, [one.ticket.ref for one in judged])
        return Batch(known.ids, merged, demoted=demotions.demoted(connection))

    def decide(
        self,
        connection: Connection,
        batch: Batch,
        judged: Judged,
        delivery_id: int | None,
        now: datetime,
        archive: bool = False,
    ) -> None:
        """Write what should be true of the ticket, and enqueue the difference.

        With ``archive`` all that its customer has written so far is history: recorded
        and grouped, without effects, and never counted later. The next words of the
        customer make it a ticket like any other.
        """
        case = self._open(connection, batch, judged, delivery_id, now, archive)
        optouts.heed(case)
        found = _find_personas(case)
        group_id = self._group(case)
        matches = evaluate(self.book.rules, self._facts(case, found, group_id))
        _trace(case, found, matches)
        vips.look(case)
        ruling.tighten(case, matches)
        clocks.look(case)
        if judged.is_live and not case.is_archived:
            _ask_for_effects(case, found, matches, group_id)
            outbox.enqueue(connection, case.effects, now)
        self._keep(case)
        if group_id is not None and not case.is_archived:
            escalation.plan(connection, self.config, group_id, now, case.ticket_id)

    def gone(self, connection: Connection, ref: TicketRef, now: datetime) -> None:
        """Record that a ticket no longer exists; it counts no more.

        One whose customer was erased still does: that is why it is gone.
        """
        known = tickets.find(connection, ref)
        if known is not None:
            tickets.end(connection, known.id, TicketStatus.DELETED, now)
            due.drop(connection, known.id, "the ticket is gone", now)
            if known.erased_until is None:
                self._lose(connection, known.id, now)

    def merged(
        self,
        connection: Connection,
        batch: Batch,
        ref: TicketRef,
        into: str,
        now: datetime,
    ) -> None:
        """Record that a ticket lives on as another, which takes over its place.

        A target we have not read yet takes it over when it is.
        """
        known = tickets.find(connection, ref)
        if known is None:
            return
        tickets.end(connection, known.id, TicketStatus.DELETED, now, merged_into=into)
        due.drop(connection, known.id, "the ticket was merged into another", now)
        target = tickets.find(connection, TicketRef(ref.source, into))
        if target is not None:
            self._take_over(connection, known.id, target.id, now)
        else:
            batch.merged.setdefault(TicketRef(ref.source, into), []).append(known.id)

    def _open(
        self,
        connection: Connection,
        batch: Batch,
        judged: Judged,
        delivery_id: int | None,
        now: datetime,
        archive: bool,
    ) -> Case:
        """Record the ticket as it stands; what was decided before stays."""
        ticket = judged.ticket
        customer_id = batch.customers[customer_key(ticket)]
        values = _values(judged, customer_id, now)
        values["details"] = details(ticket, self.config)
        if archive:
            values["archived_until"] = judged.wrote_at
        stored = tickets.put(connection, values)
        case = Case(
            connection=connection,
            config=self.config,
            judged=judged,
            stored=stored,
            customer_id=customer_id,
            delivery_id=delivery_id,
            batch=batch,
            now=now,
        )
        replies.date(case)
        case.trace.vip = vip_source(ticket, self.config, judged.looked)
        case.trace.directories = [one.as_dict() for one in judged.looked]
        batch.entries += [row for one in judged.looked for row in one.news]
        case.trace.archived = case.is_archived
        case.trace.undated = undated(ticket)
        if case.is_new:
            for old in batch.merged.get(ticket.ref, ()):
                self._take_over(connection, old, stored.id, now)
                case.has_taken_over = True
        return case

    def _facts(
        self, case: Case, found: Sequence[Persona], group_id: int | None
    ) -> dict[str, Any]:
        """Lay out what rules may look at; a problem is read only for those that do."""
        looks = not self.book.rules.fields.isdisjoint(OF_PROBLEMS)
        group = groups.find(case.connection, group_id) if looks and group_id else None
        problem = {str(key): value for key, value in group.items()} if group else None
        zone = self.config.calendar(case.ticket.ref.source).zone
        imported = case.stored.archived_until is not None
        return facts(case.judged, found, case.trace.vip, zone, problem, imported)

    def _keep(self, case: Case) -> None:
        """Leave the decision to be written, unless it is what was said before."""
        decision = {
            "ticket_id": case.ticket_id,
            "delivery_id": case.delivery_id,
            "at": case.now,
            "rules_version": self.book.version,
            "verdict": case.verdict.to_dict(),
            "trace": case.trace.as_dict(),
        }
        if case.is_new or not tickets.was_said_before(case.connection, decision):
            case.batch.decisions.append(decision)

    def _take_over(
        self, connection: Connection, old: int, new: int, now: datetime
    ) -> None:
        """Let a ticket take another's place in its group, unless it has its own."""
        moved = members.pass_on(connection, old, new)
        if not moved:
            self._leave_group(connection, old, now)

    def _lose(self, connection: Connection, ticket_id: int, now: datetime) -> None:
        group_id = self._leave_group(connection, ticket_id, now)
        if group_id is not None:
            followups.lose(connection, group_id, ticket_id, now)

    def _leave_group(
        self, connection: Connection, ticket_id: int, now: datetime
    ) -> int | None:
        group_id = members.remove(connection, ticket_id)
        if group_id is not None:
            members.recount(connection, group_id)
            escalation.plan(connection, self.config, group_id, now)
        return group_id

    def _group(self, case: Case) -> int | None:
        """Put a complaint into its group; a ticket already in one stays there."""
        known = (
            None
            if case.is_new and not case.has_taken_over
            else members.find(case.connection, case.ticket_id)
        )
        return self._join_group(case) if known is None else self._stay(case, known)

    def _stay(self, case: Case, known: AnyRow) -> int | None:
        """Bring a complaint's place in its group up to date, or take it out."""
        case.trace.group = {"group": known.group_id, "reason": known.reason}
        if not case.judged.is_live:
            ref, status = case.ticket.ref, case.ticket.status
            words = f"{ref.source}:{ref.external_id} is {status}; it counts no more"
            timeline.note(
                case.connection,
                known.group_id,
                timeline.LEFT,
                words,
                case.now,
                ticket_id=case.ticket_id,
            )
            self._lose(case.connection, case.ticket_id, case.now)
            return None
        at = case.judged.complained_at
        if at is not None and known.said_at is not None and at <= known.said_at:
            case.read_at = known.at
        self._see_again(case, int(known.group_id))
        if known.vip != bool(case.trace.vip):
            members.mark_vip(case.connection, case.ticket_id, not known.vip)
        self._weigh(case, known.group_id, known.cluster_id or known.group_id)
        return int(known.group_id)

    def _join_group(self, case: Case) -> int | None:
        """Find the group of a new complaint, or begin one with it."""
        about, at = case.judged.features, case.complained_at
        if about is None or at is None or not case.judged.is_live:
            return None
        archived = case.is_history(at)
        placed = self.grouping.place(case.connection, about, at, case.now, archived)
        is_elsewhere = placed.cluster_id != placed.group_id
        reason = "; ".join(placed.reasons) or "the first of its kind"
        seq = members.add(
            case.connection,
            {
                "ticket_id": case.ticket_id,
                "group_id": placed.group_id,
                "cluster_id": placed.cluster_id if is_elsewhere else None,
                "customer_id": case.customer_id,
                "at": at,
                "said_at": case.said_at,
                "joined_at": case.now,
                "features": about.to_json(),
                "reason": reason,
                "archived": archived,
                "vip": bool(case.trace.vip),
            },
        )
        self.grouping.record(seq, placed.cluster_id, case.ticket_id, about, at)
        case.trace.group = {"group": placed.group_id, "reason": reason}
        members.count_in(
            case.connection,
            placed.group_id,
            case.ticket_id,
            case.customer_id,
            at,
            archived,
        )
        self._weigh(case, placed.group_id, placed.cluster_id)
        if placed.state is not GroupState.EMERGING and not archived:
            recurrence.complained(
                case.connection,
                self.config,
                placed.group_id,
                case.ticket_id,
                at,
                case.now,
            )
        return placed.group_id

    def _weigh(self, case: Case, group_id: int, cluster_id: int) -> None:
        if not case.is_archived:
            readiness.weigh(
                case.connection,
                self.config,
                self.grouping,
                group_id,
                cluster_id,
                case.now,
            )

    def _see_again(self, case: Case, group_id: int) -> None:
        """Count a member's further complaint, or its customer having become another."""
        at = case.complained_at
        archived = at is not None and case.is_history(at)
        if members.seen_again(
            case.connection,
            case.ticket_id,
            case.customer_id,
            at,
            case.said_at,
            case.now,
            archived,
        ):
            assert at is not None
            recurrence.complained(
                case.connection, self.config, group_id, case.ticket_id, at, case.now
            )


def _trace(case: Case, found: Sequence[Persona], matches: Sequence[RuleMatch]) -> None:
    case.trace.personas = [
        {"name": persona.name, "evidence": persona.evidence} for persona in found
    ]
    case.trace.rules = [
        {
            "rule": match.rule_id,
            "version": match.version,
            "reason": match.reason,
            "mode": str(match.mode),
            "then": ", ".join(action.brief for action in match.actions),
        }
        for match in matches
    ]


def _ask_for_effects(
    case: Case,
    found: Sequence[Persona],
    matches: Sequence[RuleMatch],
    group_id: int | None,
) -> None:
    """Collect what is to be written about the ticket, and who is to be told."""
    seen = showing.look(case, group_id)
    change_tags(case, wanted_tags(case, found, matches, seen), matches)
    change_fields(case, wanted_fields(case, found, group_id))
    add_notes(case, found, matches, seen)
    clocks.add_note(case)
    clocks.hasten(case)
    ruling.hasten(case, matches)
    ruling.route(case, matches)
    acknowledging.plan(case, group_id)
    vips.tell(case)
    ruling.tell(case, matches)
    checkins.plan(case)
    tasks.look(case)


def _values(judged: Judged, customer_id: int, now: datetime) -> dict[str, Any]:
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
        "wrote_at": judged.spoke_at,
        "rating": rating(ticket) or "",
        "channel": ticket.channel[:CHANNEL],
        "complaint": judged.verdict.complaint,
        "verdict": judged.verdict.to_dict(),
        "tags": sorted(ticket.tags),
        "merged_into": None,
        "created_at": ticket.created_at,
        "updated_at": ticket.updated_at,
        "decided_at": now,
    }


def _find_personas(case: Case) -> Sequence[Persona]:
    verdict = case.verdict
    if not verdict.complaint or verdict.auto_reply:
        return ()
    past = tickets.history(
        case.connection, case.customer_id, case.now - HISTORY, case.ticket.ref
    )
    history = CustomerHistory(
        tickets_90d=past.tickets,
        complaints_90d=past.complaints,
        strong_tickets_90d=past.strong,
        vip=bool(case.trace.vip),
        vip_source=case.trace.vip,
    )
    return personas(verdict, history)
