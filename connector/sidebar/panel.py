"""What an agent sees of one ticket: values to show, and no word of a customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from connector import issue_text, retyping, showing
from connector.config import Config
from connector.models import IssueCategory, TicketRef
from connector.showing import Kind
from connector.store import clocks, groups, members, tickets
from connector.store.clocks import ClockState
from connector.store.schema import AnyRow
from rules.asking import missing
from rules.verdict import TYPES

#: Questions that an agent is offered; more are not asked in one mail.
QUESTIONS = 3


class Named(NamedTuple):
    """Something with the word of ours for it, and what an agent reads."""

    key: str
    title: str


class Due(NamedTuple):
    kind: str
    at: str
    is_late: bool


class Problem(NamedTuple):
    """The problem a ticket belongs to, as it stands now."""

    number: int
    title: str
    customers: int
    tickets: int
    kind: Kind
    issue_key: str
    issue_url: str
    progress: str  #: the category of the issue; empty: there is none


class Panel(NamedTuple):
    """``types`` are what the ticket is about, the main one first; ``others`` are not.

    ``are_tags``: the types stand on the ticket; else they are only suspected.
    """

    types: Sequence[Named] = ()
    others: Sequence[Named] = ()
    are_tags: bool = False
    personas: Sequence[str] = ()
    vip: str = ""
    due: Sequence[Due] = ()
    problem: Problem | None = None
    missing: Sequence[str] = ()

    @property
    def questions(self) -> Sequence[str]:
        return self.missing[:QUESTIONS]


def gather(
    connection: Connection,
    config: Config,
    ref: TicketRef,
    language: str,
    now: datetime,
) -> Panel | None:
    """Return what is known of a ticket; None: it was never read."""
    row = tickets.find(connection, ref)
    if row is None:
        return None
    ledger = tickets.ledger(connection, row.id)
    types = retyping.types_of(config, row, ledger)
    trace = tickets.newest_trace(connection, row.id)
    others = [kind for kind in TYPES if kind not in types.names]
    return Panel(
        types=_named(types.names, language),
        others=_named(others, language),
        are_tags=types.are_tags,
        personas=[one["name"] for one in trace.get("personas", ())],
        vip=trace.get("vip", ""),
        due=_due(connection, config, row, now),
        problem=_problem(connection, config, row.id, now),
        missing=missing(types.names, row.subject, row.text),
    )


def _named(kinds: Sequence[str], language: str) -> list[Named]:
    return [Named(kind, issue_text.kind(language, kind)) for kind in kinds]


def _due(
    connection: Connection, config: Config, row: AnyRow, now: datetime
) -> list[Due]:
    zone = config.calendar(row.source).zone
    running = [
        one
        for one in clocks.of_ticket(connection, row.id)
        if one.state == ClockState.RUNNING
    ]
    return [
        Due(one.kind, f"{one.due_at.astimezone(zone):%Y-%m-%d %H:%M}", one.due_at < now)
        for one in sorted(running, key=lambda one: one.due_at)
    ]


def _problem(
    connection: Connection, config: Config, ticket_id: int, now: datetime
) -> Problem | None:
    member = members.find(connection, ticket_id)
    if member is None:
        return None
    group = groups.heir(connection, groups.get(connection, member.group_id))
    return Problem(
        number=group.id,
        title=group.title,
        customers=group.customers,
        tickets=group.tickets,
        kind=showing.sight(config, group, now).kind,
        issue_key=group.issue_key or "",
        issue_url=_web(group.issue_url),
        progress=_known(group.issue_category),
    )


def _known(category: str | None) -> str:
    return "" if category in (None, IssueCategory.UNKNOWN) else str(category)


def _web(address: str | None) -> str:
    """Return an address that may be a link; anything else could be a script."""
    return address if address and address.startswith(("https://", "http://")) else ""
