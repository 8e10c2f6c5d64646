"""From a row of the outbox to the issue, its change, or the notice that it asks for.

What a payload holds is decided in ``connector.filing``, ``connector.counts``,
``connector.recurrence``, ``connector.notices`` and ``connector.reports``; how it gets
to somebody, in ``connector.effects``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import clocks, counts, filing, recurrence, sequel
from connector.config import Config
from connector.models import (
    Block,
    BlockKind,
    IssueCategory,
    IssueChange,
    IssueDraft,
    Notice,
)
from connector.reports import posting
from connector.store import groups, sending
from connector.store.schema import AnyRow


def issue(connection: Connection, config: Config, row: AnyRow) -> IssueDraft:
    """Draft the issue as of now: the row may have waited for long.

    What it says from now on is kept in the row.
    """
    said: dict[str, Any] = dict(row.payload)
    if row.group_id is not None:
        said = _as_of_now(connection, config, row)
    if row.uncertain_since is not None:
        # An earlier try may show up yet, and is looked for where it was made.
        said["project"] = row.payload["project"]
    sending.rewrite(connection, row, said)
    return IssueDraft(
        project=said["project"],
        issue_type=said["issue_type"],
        summary=said["summary"],
        description=blocks(said["description"]),
        mark=row.mark,
        labels=tuple(said["labels"]),
        priority=said.get("priority"),
        components=tuple(said["components"]),
        assignee=said["assignee"],
        properties=said["properties"],
        fields=said["fields"],
        moments=_moments(said),
        counts=tuple(said["counts"]),
        address=said.get("address", ""),
    )


def _as_of_now(connection: Connection, config: Config, row: AnyRow) -> dict[str, Any]:
    group = groups.get(connection, row.group_id)
    if "follows" in row.payload:
        return recurrence.return_draft(connection, config, group) or dict(row.payload)
    return sequel.with_past(
        connection, config, group, filing.draft(connection, config, group)
    )


def notice(connection: Connection, config: Config, row: AnyRow) -> Notice:
    """Return what is to be told to people of the house."""
    subject, body = row.payload["subject"], blocks(row.payload["body"])
    if "clocks" in row.payload:
        subject, found = clocks.as_of_now(connection, config, row.payload)
        body = tuple(found)
    return Notice(
        subject=subject,
        body=body,
        mark=row.mark,
        at=row.created_at,
        files=posting.files(connection, config, row.payload),
    )


def change(connection: Connection, row: AnyRow) -> IssueChange:
    return IssueChange(
        properties=row.payload["properties"],
        fields=row.payload["fields"],
        moments=_moments(row.payload),
        counts=tuple(row.payload["counts"]),
        # Those of an earlier version of ours may wait for their turn.
        address=row.payload.get("address", ""),
        as_of=row.payload.get("as_of", ""),
        known_counts=counts.known_lines(connection, row.group_id),
    )


def is_done(connection: Connection, row: AnyRow) -> bool:
    """Tell whether the issue that a row is about was done when it was last read."""
    group = groups.get(connection, row.group_id)
    return bool(group.issue_category == IssueCategory.DONE)


def blocks(stored: list[list[str]]) -> tuple[Block, ...]:
    return tuple(Block(BlockKind(kind), text, href) for kind, text, href in stored)


def _moments(payload: Mapping[str, Any]) -> dict[str, datetime]:
    found: Mapping[str, str] = payload["moments"]
    return {place: datetime.fromisoformat(at) for place, at in found.items()}
