"""The ledger of fields: what we wrote into which field of a ticket, and what is vetoed.

What a field should hold is decided in ``connector.filling``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, delete, select, update

from connector.models import Filled, Place, Topic
from connector.store.dialects import insert
from connector.store.schema import AnyRow
from connector.store.schema import ticket_fields as table


class FieldState(StrEnum):
    WANTED = "wanted"  #: enqueued, not yet confirmed by the helpdesk
    WRITTEN = "written"  #: our last write, or what was there before, is confirmed
    VETOED = "vetoed"  #: a person decided it; never written again on this ticket


def ledger(connection: Connection, ticket_id: int) -> dict[Topic, AnyRow]:
    query = select(table).where(table.c.ticket_id == ticket_id)
    return {Topic(row.topic): row for row in connection.execute(query)}


def known(line: AnyRow) -> Place | None:
    """Return what our last write left, and in which field."""
    return None if line.place is None else Place(line.place, line.value)


def put(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write lines of the ledger; what was left by our last write stays in them."""
    if rows:
        connection.execute(_put(connection.dialect.name), list(rows))


@cache
def _put(dialect: str) -> Any:
    statement = insert(dialect, table)
    kept = ("ticket_id", "topic", "place", "value")
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.c
        if column.name not in kept
    }
    return statement.on_conflict_do_update(
        index_elements=["ticket_id", "topic"], set_=changed
    )


def settle(
    connection: Connection,
    ticket_id: int,
    asked: Mapping[Topic, Sequence[str]],
    found: Mapping[Topic, Filled],
    now: datetime,
) -> None:
    """Record what a write that ``asked`` for these words has ``found`` or left.

    A line that is wanted otherwise by now goes on waiting for the write of that.
    """
    lines = ledger(connection, ticket_id)
    for topic, filled in found.items():
        line = lines.get(topic)
        if line is None or line.state != FieldState.WANTED:
            continue
        state = FieldState.VETOED
        if filled.is_ours:
            is_last = line.wanted == list(asked[topic])
            state = FieldState.WRITTEN if is_last else FieldState.WANTED
        place, value = filled.place if filled.is_ours else (line.place, line.value)
        connection.execute(
            _line(ticket_id, topic).values(
                state=state, place=place, value=value, at=now
            )
        )
    give_up(connection, ticket_id, set(asked) - set(found))


def give_up(connection: Connection, ticket_id: int, topics: Collection[Topic]) -> None:
    """Record that what is wanted was not written; the next decision asks again."""
    waiting = (
        table.c.ticket_id == ticket_id,
        table.c.topic.in_(list(topics)),
        table.c.state == FieldState.WANTED,
    )
    connection.execute(delete(table).where(*waiting, table.c.place.is_(None)))
    connection.execute(
        update(table).where(*waiting).values(state=FieldState.WRITTEN, wanted=None)
    )


def _line(ticket_id: int, topic: Topic) -> Any:
    return update(table).where(table.c.ticket_id == ticket_id, table.c.topic == topic)
