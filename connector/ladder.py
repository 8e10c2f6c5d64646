"""How urgent an issue is by the number of customers, raised one step at a time.

What a person makes of a priority stands: it is raised only while it is as we left it,
or as it was when we first saw it. Once it was found otherwise it is left alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import filing
from connector.config import Config
from connector.models import GroupState, Issue, Operation
from connector.store import groups, outbox
from connector.store.schema import AnyRow


def keep_up(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """Ask for the priority that the number of customers calls for, if it is higher."""
    wanted = filing.priority(config, group.customers)
    if wanted is None or group.priority is None or group.state != GroupState.FILED:
        return
    names = [name for _, name in sorted(config.problems.priorities.items())]
    if group.priority in names and names.index(group.priority) >= names.index(wanted):
        return
    prefix = f"priority:{group.id}:{group.issue_id}:"
    asked = outbox.beginning(connection, group.id, Operation.RAISE_PRIORITY, prefix)
    if any(row.result and not row.result["raised"] for row in asked):
        return  # a person decided
    key = f"{prefix}{wanted}"
    if any(row.dedup_key == key for row in asked):
        return
    late = [row.id for row in asked if filing.is_untried(row)]
    outbox.discard(connection, late, "it is to be raised further by now", now)
    effect = filing.issue_effect(
        config,
        group,
        Operation.RAISE_PRIORITY,
        key,
        {"priority": wanted},
        f"{group.customers} customers",
    )
    outbox.enqueue(connection, [effect], now)


def filed(connection: Connection, row: AnyRow, issue_id: str) -> None:
    """Remember which priority a new issue was given, if any and if it is the one."""
    if groups.get(connection, row.group_id).issue_id != issue_id:
        return  # it was to follow another, which somebody opened again meanwhile
    made = outbox.get(connection, row.id)
    assert made is not None
    given = made["payload"].get("priority")
    groups.change(connection, row.group_id, priority=given)


def seen(connection: Connection, group: AnyRow, issue: Issue) -> None:
    """Remember the priority that an issue had when we first read it."""
    if group.priority is None and issue.priority:
        groups.change(connection, group.id, priority=issue.priority)


def raised(connection: Connection, row: AnyRow, result: dict[str, Any]) -> None:
    """Remember what we made of a priority, unless the issue is another one by now."""
    group = groups.get(connection, row.group_id)
    if result["raised"] and group.issue_id == row.target:
        groups.change(connection, group.id, priority=row.payload["priority"])
