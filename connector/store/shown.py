"""What the tickets of a problem were told of it: by members' rows, and by our notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select, update

from connector.models import Operation, OutboxState
from connector.store.problem_tables import members
from connector.store.schema import AnyRow, outbox, tickets


class Said(NamedTuple):
    """A note of ours on a ticket, sent or to be sent; ``key`` is the one asked for.

    ``shown`` says of which state of a problem it tells; empty: of none. ``suggested``
    are the lines in it that rules suggest.
    """

    key: str
    shown: str
    suggested: Sequence[str]


def _is_behind(group_id: int, stage: str, passing: bool) -> ColumnElement[bool]:
    """Tell a ticket that shows something else; if ``passing``, another problem."""
    others = members.c.shown.not_like(f"{group_id} %")
    return others if passing else members.c.shown != stage


def behind(
    connection: Connection, group_id: int, stage: str, passing: bool
) -> Sequence[AnyRow]:
    """Return a group's tickets that were last asked to show something else."""
    query = (
        select(tickets.c.source, tickets.c.external_id, tickets.c.status)
        .select_from(members.join(tickets, members.c.ticket_id == tickets.c.id))
        .where(
            members.c.group_id == group_id,
            ~members.c.archived,
            _is_behind(group_id, stage, passing),
        )
        .order_by(members.c.seq)
    )
    return connection.execute(query).all()


def mark_all(connection: Connection, group_id: int, stage: str, passing: bool) -> None:
    """Record that those tickets of a group were asked to show this."""
    connection.execute(
        update(members)
        .where(
            members.c.group_id == group_id,
            ~members.c.archived,
            _is_behind(group_id, stage, passing),
        )
        .values(shown=stage)
    )


def mark(
    connection: Connection, ticket_id: int, group_id: int, stage: str, passing: bool
) -> None:
    """Record that a ticket shows this."""
    connection.execute(
        update(members)
        .where(members.c.ticket_id == ticket_id, _is_behind(group_id, stage, passing))
        .values(shown=stage)
    )


def notes(connection: Connection, ticket_id: int, observed: bool) -> list[Said]:
    """Return our notes on a ticket, oldest first.

    Those only ``observed`` count where that is all that is done.
    """
    query = (
        select(outbox.c.dedup_key, outbox.c.payload)
        .where(
            outbox.c.ticket_id == ticket_id,
            outbox.c.operation == Operation.ADD_NOTE,
        )
        .order_by(outbox.c.id)
    )
    if not observed:
        query = query.where(outbox.c.state != OutboxState.OBSERVED)
    return [
        Said(
            row.dedup_key.removeprefix("observed:"),
            row.payload.get("shown", ""),
            row.payload.get("suggested", ()),
        )
        for row in connection.execute(query)
    ]
