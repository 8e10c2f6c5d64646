"""Who may be unhappy and says nothing: what is found of that in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select

from connector.models import TicketStatus
from connector.store.schema import AnyRow, customers, reports, tasks, tickets
from connector.store.tasks import TaskKind

#: How the weekly list is called among the reports.
REPORT = "quiet"

_ENDED = (TicketStatus.RESOLVED, TicketStatus.CLOSED)


def silent(
    connection: Connection, since: datetime, until: datetime
) -> Sequence[AnyRow]:
    """Return complaints solved in this time whose customer never came back.

    An agent answered their last words, they rated nothing, and wrote nothing since.
    """
    later = tickets.alias("later")
    came_back = exists().where(
        later.c.customer_id == tickets.c.customer_id,
        later.c.created_at > tickets.c.solved_at,
    )
    query = _tickets().where(
        tickets.c.complaint.is_(True),
        tickets.c.status.in_(_ENDED),
        tickets.c.solved_at >= since,
        tickets.c.solved_at < until,
        tickets.c.answered_at > tickets.c.wrote_at,
        tickets.c.rating == "",
        _has_come_live(),
        ~came_back,
    )
    return connection.execute(query).all()


def rated_bad(
    connection: Connection, since: datetime, until: datetime
) -> Sequence[AnyRow]:
    """Return tickets that were rated bad in this time, without words."""
    asked = exists().where(
        tasks.c.ticket_id == tickets.c.id,
        tasks.c.kind == TaskKind.BAD_RATING,
        tasks.c.made_at >= since,
        tasks.c.made_at < until,
    )
    return connection.execute(_tickets().where(tickets.c.rating == "bad", asked)).all()


def detractors(
    connection: Connection,
    channel: str,
    since: datetime,
    until: datetime,
    lately: timedelta,
) -> Sequence[AnyRow]:
    """Return bad answers of a survey from this time that tell of nothing.

    Neither is the answer a complaint, nor did its customer write of anything lately.
    """
    other = tickets.alias("other")
    wrote = exists().where(
        other.c.customer_id == tickets.c.customer_id,
        other.c.channel != channel,
        other.c.created_at > since - lately,
    )
    query = _tickets().where(
        tickets.c.channel == channel,
        tickets.c.rating == "bad",
        tickets.c.complaint.is_(False),
        tickets.c.created_at >= since,
        tickets.c.created_at < until,
        _has_come_live(),
        ~wrote,
    )
    return connection.execute(query).all()


def _tickets() -> Select[tuple[object, ...]]:
    """Select tickets of people that may be looked after, with all their complaints."""
    theirs = tickets.alias("theirs")
    complaints = (
        select(func.count())
        .where(
            theirs.c.customer_id == tickets.c.customer_id,
            theirs.c.complaint.is_(True),
            theirs.c.merged_into.is_(None),
        )
        .scalar_subquery()
    )
    return (
        select(tickets, complaints.label("complaints"))
        .join(customers, customers.c.id == tickets.c.customer_id)
        .where(tickets.c.merged_into.is_(None), customers.c.erased_at.is_(None))
        .order_by(tickets.c.id)
    )


def _has_come_live() -> ColumnElement[bool]:
    """Tell what came by an import, and nothing since, from the rest."""
    return or_(
        tickets.c.archived_until.is_(None),
        tickets.c.wrote_at > tickets.c.archived_until,
    )


def newest_list(connection: Connection) -> str | None:
    """Return the week that was listed last."""
    query = select(func.max(reports.c.period)).where(reports.c.kind == REPORT)
    week: str | None = connection.scalar(query)
    return week
