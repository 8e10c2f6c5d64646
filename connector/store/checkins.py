"""Check-ins: which solved tickets are asked about, when, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    Connection,
    RowMapping,
    case,
    exists,
    false,
    or_,
    select,
    update,
)

from connector.models import TicketStatus
from connector.store.dialects import insert
from connector.store.problem_tables import members
from connector.store.schema import AnyRow, checkins, customers, messages, tickets


class CheckinState(StrEnum):
    PLANNED = "planned"  #: waits for its time, here or at the vendor
    ASKED = "asked"  #: its time came, and it went out or lies there as a draft
    CANCELLED = "cancelled"  #: something else came first


WORKED_ON = (TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.PENDING)


def plan(
    connection: Connection,
    ticket_id: int,
    wrote_at: datetime,
    number: int,
    due_at: datetime,
    now: datetime,
) -> int | None:
    """Add a check-in, the ``number``-th after these words; None if it is there."""
    statement = (
        insert(connection.dialect.name, checkins)
        .values(
            ticket_id=ticket_id,
            wrote_at=wrote_at,
            number=number,
            due_at=due_at,
            planned_at=now,
            state=CheckinState.PLANNED,
        )
        .on_conflict_do_nothing(index_elements=["ticket_id", "wrote_at", "number"])
        .returning(checkins.c.id)
    )
    made: int | None = connection.scalar(statement)
    return made


def planned(
    connection: Connection,
    *,
    checkin_id: int | None = None,
    ticket_id: int | None = None,
) -> Sequence[AnyRow]:
    """Return check-ins that wait, with what may speak against them by now.

    ``newer``: another complaint of the customer is worked on that is newer, or was made
    again since; ``told``: they were told since their words that a problem is fixed;
    ``twin``: another ticket of theirs that was solved later is asked about, or was
    lately; ``unwanted``: they asked not to be written to, or were erased.
    """
    their = tickets.alias("their")
    other, others = checkins.alias("other"), tickets.alias("others")
    place = their.outerjoin(members, members.c.ticket_id == their.c.id)
    newer = (
        exists()
        .select_from(place)
        .where(
            their.c.customer_id == tickets.c.customer_id,
            their.c.id != tickets.c.id,
            their.c.complaint.is_(True),
            their.c.status.in_(WORKED_ON),
            or_(
                their.c.created_at > tickets.c.created_at,
                members.c.at > checkins.c.wrote_at,
            ),
        )
    )
    told = exists().where(
        messages.c.customer_id == tickets.c.customer_id,
        messages.c.at > checkins.c.wrote_at,
    )
    twin = exists().where(
        other.c.ticket_id == others.c.id,
        others.c.customer_id == tickets.c.customer_id,
        other.c.id != checkins.c.id,
        # Not two conditions: SQLite would look through all that are planned.
        case(
            (other.c.state == CheckinState.PLANNED, other.c.id > checkins.c.id),
            (
                other.c.state == CheckinState.ASKED,
                other.c.due_at > checkins.c.planned_at,
            ),
            else_=false(),
        ),
    )
    query = (
        select(
            checkins,
            tickets.c.status,
            tickets.c.merged_into,
            newer.label("newer"),
            told.label("told"),
            twin.label("twin"),
            or_(
                customers.c.opted_out_at.is_not(None),
                customers.c.erased_at.is_not(None),
            ).label("unwanted"),
        )
        .select_from(checkins.join(tickets).join(customers))
        .where(checkins.c.state == CheckinState.PLANNED)
        .order_by(checkins.c.id)
    )
    if checkin_id is not None:
        query = query.where(checkins.c.id == checkin_id)
    if ticket_id is not None:
        query = query.where(checkins.c.ticket_id == ticket_id)
    return connection.execute(query).all()


def end(
    connection: Connection,
    ids: Iterable[int],
    state: CheckinState,
    reason: str = "",
) -> None:
    connection.execute(
        update(checkins)
        .where(checkins.c.id.in_(list(ids)), checkins.c.state == CheckinState.PLANNED)
        .values(state=state, reason=reason)
    )


def of_ticket(connection: Connection, ticket_id: int) -> Sequence[AnyRow]:
    """Return all check-ins of a ticket, oldest first."""
    query = select(checkins).where(checkins.c.ticket_id == ticket_id)
    return connection.execute(query.order_by(checkins.c.id)).all()


def listing(
    connection: Connection, state: str | None, limit: int
) -> Sequence[RowMapping]:
    """Return the newest check-ins with their tickets, newest first."""
    query = (
        select(
            checkins.c.id,
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.number.label("ticket"),
            checkins.c.state,
            checkins.c.planned_at,
            checkins.c.due_at,
            checkins.c.reason,
        )
        .select_from(checkins.join(tickets))
        .order_by(checkins.c.id.desc())
        .limit(limit)
    )
    if state:
        query = query.where(checkins.c.state == state)
    return connection.execute(query).mappings().all()
