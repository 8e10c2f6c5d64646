"""Issues that lead to a problem without being its own.

Each was one before another took its place, or is an original that nobody has read yet.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from connector.models import EventKind, IssueCategory, IssueRef
from connector.store import deliveries
from connector.store.dialects import insert_missing
from connector.store.problem_tables import former_issues as table
from connector.store.schema import AnyRow


def keep(connection: Connection, group: AnyRow) -> None:
    """Remember the issue that a problem has now, before it gets another."""
    row = {
        "tracker": group.tracker,
        "issue_id": group.issue_id,
        "group_id": group.id,
        "key": group.issue_key,
        "category": group.issue_category or IssueCategory.UNKNOWN,
    }
    drop(connection, group.tracker, group.issue_id)
    insert_missing(connection, table, ["tracker", "issue_id"], [row])


def find(connection: Connection, tracker: str, issue_id: str) -> AnyRow | None:
    query = select(table).where(
        table.c.tracker == tracker, table.c.issue_id == issue_id
    )
    return connection.execute(query).one_or_none()


def seen(connection: Connection, row: AnyRow, category: IssueCategory) -> None:
    """Record how such an issue was last seen."""
    connection.execute(
        update(table)
        .where(table.c.tracker == row.tracker, table.c.issue_id == row.issue_id)
        .values(category=category)
    )


def drop(connection: Connection, tracker: str, issue_id: str) -> None:
    connection.execute(
        delete(table).where(table.c.tracker == tracker, table.c.issue_id == issue_id)
    )


# -- originals that nobody has read yet


def is_awaited(row: AnyRow) -> bool:
    """Tell whether this is an original that was not read yet."""
    return row.category is None


def wait_for(
    connection: Connection, group: AnyRow, ref: IssueRef, now: datetime
) -> None:
    """Ask for an original to be read, in place of any that was asked for before."""
    forget_awaited(connection, group.id, [ref.external_id])
    row = {
        "tracker": ref.source,
        "issue_id": ref.external_id,
        "group_id": group.id,
        "key": ref.key,
        "category": None,
    }
    insert_missing(connection, table, ["tracker", "issue_id"], [row])
    asked = (EventKind.ISSUE_CHANGED, ref.source, ref.external_id)
    deliveries.accept(connection, deliveries.refresh_rows([asked], now))


def forget_awaited(
    connection: Connection, group_id: int, but: Collection[str] = ()
) -> None:
    connection.execute(
        delete(table).where(
            table.c.group_id == group_id,
            table.c.category.is_(None),
            table.c.issue_id.not_in(list(but)),
        )
    )
