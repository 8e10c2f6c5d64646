"""Which problems a person said are never the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from connector.store.dialects import insert_missing
from connector.store.problem_tables import group_bonds as table
from connector.store.problem_tables import groups
from connector.store.schema import AnyRow


def keep_apart(
    connection: Connection, one: int, other: int, who: str, now: datetime
) -> bool:
    """Say that two problems are never the same; False if that was said before."""
    if are_apart(connection, one, other):
        return False
    first, second = sorted((one, other))
    row = {"one_id": first, "other_id": second, "who": who, "at": now}
    insert_missing(connection, table, ["one_id", "other_id"], [row])
    return True


def release(connection: Connection, one: int, other: int) -> bool:
    """Take that back; False if nobody had said it."""
    return bool(connection.execute(delete(table).where(_of(one, other))).rowcount)


def are_apart(connection: Connection, one: int, other: int) -> bool:
    query = select(table.c.one_id).where(_of(one, other))
    return connection.scalar(query) is not None


def of(connection: Connection, group_id: int) -> Sequence[AnyRow]:
    """Return with which ones a problem is never the same, and who said so."""
    query = select(table).where(
        or_(table.c.one_id == group_id, table.c.other_id == group_id)
    )
    return connection.execute(query.order_by(table.c.at)).all()


def apart_from(connection: Connection, group_id: int) -> list[int]:
    """Return the problems that are never the same as this one."""
    found = of(connection, group_id)
    return sorted({row.one_id + row.other_id - group_id for row in found})


def clusters_apart(connection: Connection) -> list[tuple[int, int]]:
    """Return the pairs of clusters of problems that are never the same."""
    one, other = groups.alias(), groups.alias()
    query = (
        select(one.c.id, other.c.id)
        .join_from(table, one, _is_of(one, table.c.one_id))
        .join(other, _is_of(other, table.c.other_id))
        .order_by(one.c.id, other.c.id)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]


def _is_of(cluster: Any, group_id: Any) -> ColumnElement[bool]:
    """Whether a cluster is that of a problem, or of one that became part of it."""
    return or_(cluster.c.id == group_id, cluster.c.merged_into == group_id)


def inherit(connection: Connection, old: int, new: int) -> None:
    """Let a problem be kept apart from whatever another one is kept apart from."""
    rows = [
        {
            "one_id": min(new, row.one_id + row.other_id - old),
            "other_id": max(new, row.one_id + row.other_id - old),
            "who": row.who,
            "at": row.at,
        }
        for row in of(connection, old)
        if new not in (row.one_id, row.other_id)
    ]
    insert_missing(connection, table, ["one_id", "other_id"], rows)


def _of(one: int, other: int) -> ColumnElement[bool]:
    first, second = sorted((one, other))
    return and_(table.c.one_id == first, table.c.other_id == second)
