"""Issues that a problem had before another one took their place."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from connector.models import IssueCategory
from connector.store.dialects import insert_missing
from connector.store.schema import AnyRow
from connector.store.schema import former_issues as table


def keep(connection: Connection, group: AnyRow) -> None:
    """Remember the issue that a problem has now, before it gets another."""
    row = {
        "tracker": group.tracker,
        "issue_id": group.issue_id,
        "group_id": group.id,
        "key": group.issue_key,
        "category": group.issue_category,
    }
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
