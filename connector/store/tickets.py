"""Tickets as last decided, their customers, and the ledger of tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from connector.models import TicketRef, TicketStatus
from connector.store.dialects import insert
from connector.store.problem_tables import members
from connector.store.schema import AnyRow, Moment, decisions, ticket_tags, tickets

#: What a ticket is counted under: one that is taken for no complaint by now has no
#: type any more.
TYPE = case((tickets.c.kind == "", "other"), else_=tickets.c.kind)


class TagState(StrEnum):
    WANTED = "wanted"  #: enqueued, not yet confirmed by the helpdesk
    WRITTEN = "written"  #: we wrote it and the helpdesk confirmed
    UNWANTED = "unwanted"  #: we wrote it, it no longer holds, removal is enqueued
    SEEN = "seen"  #: wanted, and there before us: not ours, but missed if removed
    UNDONE = "undone"  #: a person took back what its rule did; it stays away under it
    VETOED = "vetoed"  #: a person removed it; never written again on this ticket
    ASKED = "asked"  #: a person asked us for it; enqueued, and theirs once it is there
    DROPPED = "dropped"  #: a person asked us to remove it; enqueued, and then vetoed


#: What the next write puts on a ticket, and what it takes off.
TO_ADD = (TagState.WANTED, TagState.ASKED)
TO_REMOVE = (TagState.UNWANTED, TagState.UNDONE, TagState.DROPPED)


class Stored(NamedTuple):
    """A ticket just written; at version 1 nothing was known of it before."""

    id: int
    version: int
    archived_until: datetime | None
    first_answer_at: datetime | None
    answered_at: datetime | None
    solved_at: datetime | None
    closed_at: datetime | None


def versions(connection: Connection, refs: Iterable[TicketRef]) -> dict[TicketRef, int]:
    """Return the version of each known ticket."""
    query = select(tickets.c.source, tickets.c.external_id, tickets.c.version).where(
        tuple_(tickets.c.source, tickets.c.external_id).in_(list(refs))
    )
    return {
        TicketRef(row.source, row.external_id): row.version
        for row in connection.execute(query)
    }


def updates(
    connection: Connection, source: str, external_ids: Collection[str]
) -> dict[str, datetime]:
    """Return when each known ticket had last changed, as it was last read."""
    query = select(tickets.c.external_id, tickets.c.updated_at).where(
        tickets.c.source == source, tickets.c.external_id.in_(list(external_ids))
    )
    return {row.external_id: row.updated_at for row in connection.execute(query)}


def find(connection: Connection, ref: TicketRef, lock: bool = False) -> AnyRow | None:
    query = select(tickets).where(
        tickets.c.source == ref.source, tickets.c.external_id == ref.external_id
    )
    if lock:
        query = query.with_for_update()
    return connection.execute(query).one_or_none()


def named(connection: Connection, ref: TicketRef) -> TicketRef:
    """Return which ticket somebody means: by its id, or by the number agents see."""
    if find(connection, ref) is None:
        query = select(tickets.c.external_id).where(
            tickets.c.source == ref.source, tickets.c.number == ref.external_id
        )
        numbered = connection.scalars(query.limit(2)).all()
        if len(numbered) == 1:
            return TicketRef(ref.source, numbered[0])
    return ref


def get(connection: Connection, ticket_id: int) -> AnyRow:
    return connection.execute(select(tickets).where(tickets.c.id == ticket_id)).one()


def erased(
    connection: Connection, refs: Iterable[TicketRef]
) -> dict[TicketRef, datetime]:
    """Return up to when what was written on these tickets was erased, if any was."""
    query = select(tickets.c.source, tickets.c.external_id, tickets.c.erased_until)
    query = query.where(
        tuple_(tickets.c.source, tickets.c.external_id).in_(list(refs)),
        tickets.c.erased_until.is_not(None),
    )
    return {
        TicketRef(row.source, row.external_id): row.erased_until
        for row in connection.execute(query)
    }


def note_status(
    connection: Connection, ref: TicketRef, status: TicketStatus, updated_at: datetime
) -> None:
    """Record how a ticket stands of which nothing else is to be known."""
    connection.execute(
        update(tickets)
        .where(tickets.c.source == ref.source, tickets.c.external_id == ref.external_id)
        .values(
            status=status,
            updated_at=updated_at,
            version=tickets.c.version + 1,
        )
    )


def put(connection: Connection, values: dict[str, Any]) -> Stored:
    """Insert or update a ticket and raise its version."""
    verdict = values["verdict"]
    said = {
        "kind": next(iter(verdict.get("types", ())), ""),
        "praise": verdict.get("praise", False),
    }
    statement = _put_ticket(connection.dialect.name, (*values, *said))
    row = connection.execute(statement, {**values, **said, "version": 1}).one()
    return Stored(*row)


@cache
def _put_ticket(dialect: str, columns: tuple[str, ...]) -> Any:
    statement = insert(dialect, tickets)
    changed = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(
        index_elements=["source", "external_id"],
        set_={**changed, "version": tickets.c.version + 1},
    ).returning(*(tickets.c[name] for name in Stored._fields))


def date(connection: Connection, stored: Stored) -> None:
    """Write down when a ticket that was just put was answered, solved and closed."""
    connection.execute(
        update(tickets)
        .where(tickets.c.id == stored.id)
        .values(
            first_answer_at=stored.first_answer_at,
            answered_at=stored.answered_at,
            solved_at=stored.solved_at,
            closed_at=stored.closed_at,
        )
    )


def touch(connection: Connection, ticket_id: int) -> None:
    """Make readings that began before now too old to decide on."""
    connection.execute(
        update(tickets)
        .where(tickets.c.id == ticket_id)
        .values(version=tickets.c.version + 1)
    )


def end(
    connection: Connection,
    ticket_id: int,
    status: TicketStatus,
    now: datetime,
    merged_into: str | None = None,
) -> None:
    """Record that a ticket is gone or lives on as another."""
    connection.execute(
        update(tickets)
        .where(tickets.c.id == ticket_id)
        .values(
            status=status,
            merged_into=merged_into,
            decided_at=now,
            version=tickets.c.version + 1,
        )
    )


def merged_into(
    connection: Connection, refs: Iterable[TicketRef]
) -> dict[TicketRef, list[int]]:
    """Return the tickets that were merged into these."""
    query = select(tickets.c.source, tickets.c.merged_into, tickets.c.id).where(
        tuple_(tickets.c.source, tickets.c.merged_into).in_(list(refs))
    )
    found: dict[TicketRef, list[int]] = {}
    for row in connection.execute(query.order_by(tickets.c.id)):
        found.setdefault(TicketRef(row.source, row.merged_into), []).append(row.id)
    return found


class Past(NamedTuple):
    """How many other tickets a customer had of late: all, complaints, furious ones."""

    tickets: int = 0
    complaints: int = 0
    strong: int = 0


#: The emotion of who is furious.
STRONG = 3

_HISTORY = select(
    func.count(),
    func.count().filter(tickets.c.complaint),
    func.count().filter(tickets.c.verdict["emotion"].as_integer() >= STRONG),
).where(
    tickets.c.customer_id == bindparam("customer_id"),
    tickets.c.created_at >= bindparam("since", type_=Moment()),
    tickets.c.merged_into.is_(None),
    ~and_(
        tickets.c.source == bindparam("source"),
        tickets.c.external_id == bindparam("external_id"),
    ),
)


def history(
    connection: Connection, customer_id: int, since: datetime, but: TicketRef
) -> Past:
    """Count a customer's other tickets since then."""
    row = connection.execute(
        _HISTORY,
        {
            "customer_id": customer_id,
            "since": since,
            "source": but.source,
            "external_id": but.external_id,
        },
    ).one()
    return Past(*map(int, row))


def complaint_before(
    connection: Connection, customer_id: int, but: TicketRef, at: datetime
) -> AnyRow | None:
    """Return the newest complaint of a customer on another ticket made before then."""
    query = (
        select(tickets.c.source, tickets.c.number, tickets.c.created_at, tickets.c.url)
        .where(
            tickets.c.customer_id == customer_id,
            tickets.c.created_at < at,
            tickets.c.complaint.is_(True),
            tickets.c.merged_into.is_(None),
            tickets.c.status.not_in([TicketStatus.SPAM, TicketStatus.DELETED]),
            or_(
                tickets.c.source != but.source,
                tickets.c.external_id != but.external_id,
            ),
        )
        .order_by(tickets.c.created_at.desc(), tickets.c.id.desc())
    )
    return connection.execute(query.limit(1)).one_or_none()


def ledger(connection: Connection, ticket_id: int) -> dict[str, AnyRow]:
    query = select(ticket_tags).where(ticket_tags.c.ticket_id == ticket_id)
    return {row.tag: row for row in connection.execute(query)}


def put_tags(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write lines of the ledger over what stood there."""
    if rows:
        connection.execute(_put_tags(connection.dialect.name), list(rows))


@cache
def _put_tags(dialect: str) -> Any:
    statement = insert(dialect, ticket_tags)
    changed = {
        column.name: statement.excluded[column.name]
        for column in ticket_tags.c
        if not column.primary_key
    }
    return statement.on_conflict_do_update(
        index_elements=["ticket_id", "tag"], set_=changed
    )


def set_tags(
    connection: Connection,
    ticket_id: int,
    tags: Collection[str],
    old: TagState,
    new: TagState,
    now: datetime,
) -> None:
    """Move lines of the ledger from one state to another."""
    if not tags:
        return
    connection.execute(
        update(ticket_tags)
        .where(
            ticket_tags.c.ticket_id == ticket_id,
            ticket_tags.c.tag.in_(list(tags)),
            ticket_tags.c.state == old,
        )
        .values(state=new, at=now)
    )


def drop_tags(
    connection: Connection, ticket_id: int, tags: Collection[str], *states: TagState
) -> None:
    """Forget lines of the ledger that are in one of these states."""
    if not tags:
        return
    connection.execute(
        delete(ticket_tags).where(
            ticket_tags.c.ticket_id == ticket_id,
            ticket_tags.c.tag.in_(list(tags)),
            ticket_tags.c.state.in_(states),
        )
    )


_ADD_DECISION = decisions.insert()


def was_said_before(connection: Connection, decision: Mapping[str, Any]) -> bool:
    """Tell whether the ticket's newest decision says exactly the same."""
    query = (
        select(decisions.c.rules_version, decisions.c.verdict, decisions.c.trace)
        .where(decisions.c.ticket_id == decision["ticket_id"])
        .order_by(decisions.c.id.desc())
        .limit(1)
    )
    last = connection.execute(query).one_or_none()
    said = (decision["rules_version"], decision["verdict"], decision["trace"])
    return last is not None and tuple(last) == said


def of_customer(connection: Connection, customer_id: int) -> Sequence[AnyRow]:
    """Return the tickets of a customer, as last read, oldest first."""
    query = select(tickets).where(tickets.c.customer_id == customer_id)
    return connection.execute(query.order_by(tickets.c.created_at, tickets.c.id)).all()


def newest_trace(connection: Connection, ticket_id: int) -> dict[str, Any]:
    """Return the trace of a ticket's newest decision; it is empty before the first."""
    query = (
        select(decisions.c.trace)
        .where(decisions.c.ticket_id == ticket_id)
        .order_by(decisions.c.id.desc())
        .limit(1)
    )
    return dict(connection.scalar(query) or {})


def personas(connection: Connection, ticket_id: int) -> list[str]:
    """Return how a ticket's customer behaved when it was last decided."""
    found = newest_trace(connection, ticket_id).get("personas", ())
    return [persona["name"] for persona in found]


def add_decisions(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(_ADD_DECISION, list(rows))


def decisions_of(connection: Connection, ticket_id: int) -> Sequence[AnyRow]:
    query = select(decisions).where(decisions.c.ticket_id == ticket_id)
    return connection.execute(query.order_by(decisions.c.id)).all()


def newest_version(connection: Connection) -> str | None:
    """Return the version of the rules that the last decision of all was made by."""
    query = select(decisions.c.rules_version).order_by(decisions.c.id.desc()).limit(1)
    return connection.scalar(query)


def archive(connection: Connection, source: str) -> dict[str, int]:
    """Count what was imported of a source: tickets, complaints, customers, problems."""
    complaining = case((tickets.c.complaint, tickets.c.customer_id))
    row = connection.execute(
        select(
            func.count(),
            func.count().filter(tickets.c.complaint),
            func.count(complaining.distinct()),
            func.count(members.c.group_id.distinct()),
        )
        .select_from(tickets.outerjoin(members, members.c.ticket_id == tickets.c.id))
        .where(tickets.c.source == source, tickets.c.archived_until.is_not(None))
    ).one()
    names = ("tickets", "complaints", "customers", "problems")
    return dict(zip(names, map(int, row), strict=True))


def counts(connection: Connection) -> dict[str, int]:
    row = connection.execute(
        select(func.count(), func.count().filter(tickets.c.complaint))
    ).one()
    return {"tickets": int(row[0]), "complaints": int(row[1])}
