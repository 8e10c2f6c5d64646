"""A problem that follows one that was fixed long ago: its own issue, linked to the old.

Until ``problems.reopen_within`` is over a return is one of the same problem; that is
``connector.recurrence``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import issue_text, readiness, recurrence
from connector.config import Config
from connector.models import Block, BlockKind, IssueRef
from connector.store import groups, members, outbox, timeline
from connector.store.schema import AnyRow
from rules.thresholds import Crossing, Sighting


def crossing(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> Crossing | None:
    """Say whether a problem that follows one that was fixed is a return of that.

    Who complained of that one after its fix, too late to reopen it, counts as well.
    """
    before = groups.predecessor(connection, group.id)
    if before is None:
        return None
    own = [
        Sighting(str(row.customer_id), row.at)
        for row in members.sightings(connection, [group.id], before.done_at)
        if not row.archived
    ]
    found = recurrence.returns(
        config, [*recurrence.after_fix(connection, before), *own], now
    )
    if found is None:
        return None
    reason = f"{found.reason}, the return of a problem that was fixed"
    return found._replace(reason=reason)


def check(connection: Connection, config: Config, group: AnyRow, now: datetime) -> bool:
    """Make a group ready if it is the return of one that was fixed."""
    found = crossing(connection, config, group, now)
    if found is None:
        return False
    readiness.make_ready(connection, config, group.id, found, now)
    timeline.note(connection, group.id, "returned", found.reason, now)
    return True


def with_past(
    connection: Connection, config: Config, group: AnyRow, draft: dict[str, Any]
) -> dict[str, Any]:
    """Let a new issue say which one it follows, if the problem was fixed before."""
    before = groups.predecessor(connection, group.id)
    if before is None:
        return draft
    blocks = [
        Block(
            BlockKind.PARAGRAPH,
            issue_text.say(
                config.problems.language,
                "follows",
                key=before.issue_key,
                day=f"{before.done_at:%Y-%m-%d}",
            ),
        ),
        Block(BlockKind.BULLET, before.issue_key, before.issue_url),
    ]
    description = [*issue_text.stored(blocks), *draft["description"]]
    return {**draft, "description": description}


def link_to_past(
    connection: Connection, config: Config, group: AnyRow, ref: IssueRef
) -> list[outbox.Effect]:
    """Ask for the link from a new issue to the one of the problem before it."""
    before = groups.predecessor(connection, group.id)
    if before is None or before.tracker != ref.source:
        return []
    return recurrence.succession(config, group, ref, {"id": before.issue_id})
