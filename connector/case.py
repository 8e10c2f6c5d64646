"""One decision about one ticket while it is being made: its place, and its trace."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from connector.config import Config
from connector.judging import Judged
from connector.models import Comment, Operation, OutboxState, Ticket, TicketRef
from connector.store import directory, fields, labels, outbox, tickets
from connector.store.demotions import Unit
from rules.verdict import Verdict


@dataclass(slots=True)
class Trace:
    """Everything decided about a ticket in one go, each with its reason."""

    tags: list[dict[str, str]] = field(default_factory=list)
    fields: list[dict[str, str]] = field(default_factory=list)
    personas: list[dict[str, str]] = field(default_factory=list)
    vip: str = ""
    directories: list[dict[str, str]] = field(default_factory=list)
    before: dict[str, str] = field(default_factory=dict)  # a VIP's last complaint
    group: dict[str, Any] = field(default_factory=dict)
    rules: list[dict[str, str]] = field(default_factory=list)
    clocks: list[dict[str, str]] = field(default_factory=list)  # what is due
    note: str = ""
    shown: str = ""  # how its problem stands, and the issue
    archived: bool = False  # its customer wrote nothing since it was imported
    undated: dict[str, str] = field(default_factory=dict)  # what got its date from us

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Batch:
    """What the decisions of one transaction share: read at once, written at once.

    ``merged`` are the tickets merged into others; who merges one meanwhile adds it.
    ``noticed`` are labels that count where there are none yet.
    """

    customers: dict[str, int]
    merged: dict[TicketRef, list[int]]
    decisions: list[dict[str, Any]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    demoted: frozenset[Unit] = frozenset()  # what only suggests
    fields: list[dict[str, Any]] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    noticed: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)  # of directories

    def write(self, connection: Connection) -> None:
        """Write what was collected; belongs at the end of the transaction."""
        tickets.add_decisions(connection, self.decisions)
        tickets.put_tags(connection, self.ledger)
        fields.put(connection, self.fields)
        labels.put(connection, self.labels)
        labels.add(connection, self.noticed)
        directory.put(connection, self.entries)


@dataclass(slots=True, kw_only=True)
class Case:
    """What every step of a decision needs. ``stored`` is the ticket's row; at version 1
    nothing was known of it before."""

    connection: Connection
    config: Config
    judged: Judged
    stored: tickets.Stored
    customer_id: int
    delivery_id: int | None
    batch: Batch
    now: datetime
    answering: list[Comment] | None = None  # what people answered, once looked up
    has_taken_over: bool = False  # another ticket's place in a group
    read_at: datetime | None = None  # when it was first read that was dated ahead
    within: dict[str, timedelta] = field(default_factory=dict)  # asked for by rules
    trace: Trace = field(default_factory=Trace)
    effects: list[outbox.Effect] = field(default_factory=list)  # enqueued at the end

    @property
    def ticket_id(self) -> int:
        return self.stored.id

    @property
    def version(self) -> int:
        """The ticket's after this decision."""
        return self.stored.version

    @property
    def ticket(self) -> Ticket:
        return self.judged.ticket

    @property
    def verdict(self) -> Verdict:
        return self.judged.verdict

    @property
    def complained_at(self) -> datetime | None:
        """When it was last complained; a vendor's clock may run before ours.

        What is dated ahead counts from when it was first read, also once that has come.
        """
        at = self.judged.complained_at
        return None if at is None else self.read_at or min(at, self.now)

    @property
    def said_at(self) -> datetime | None:
        """When its vendor says that was, if it is still to come."""
        at = self.judged.complained_at
        return at if at is not None and at > self.now else None

    @property
    def is_archived(self) -> bool:
        """Whether it was imported and its customer has not written since."""
        return self.is_history(self.judged.wrote_at)

    def is_history(self, at: datetime) -> bool:
        """Whether what was written at that time came by an import."""
        until = self.stored.archived_until
        return until is not None and at <= until

    @property
    def is_new(self) -> bool:
        return self.version == 1

    def effect(
        self,
        operation: Operation,
        key: str,
        payload: dict[str, Any],
        *,
        observe: bool,
        rule: str,
        rule_version: str,
        reason: str,
    ) -> None:
        """Ask for an effect on this ticket.

        With ``observe`` it is only recorded, under a key of its own, so that it does
        not stand in the way once the mode is changed.
        """
        self.effects.append(
            outbox.Effect(
                source=self.ticket.ref.source,
                operation=operation,
                target=self.ticket.ref.external_id,
                dedup_key=f"observed:{key}" if observe else key,
                ordering_key=f"ticket:{self.ticket_id}",
                payload=payload,
                state=OutboxState.OBSERVED if observe else OutboxState.PENDING,
                ticket_id=self.ticket_id,
                delivery_id=self.delivery_id,
                rule=rule,
                rule_version=rule_version,
                reason=reason,
            )
        )
