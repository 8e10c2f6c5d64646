"""What the issue of a problem that became part of another one is still told.

It is not kept up to date any more, and never closed by us: whoever works on it reads
once where the matter went on.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import filing, issue_text
from connector.config import Config
from connector.models import BlockKind, Operation
from connector.store import corrections, outbox
from connector.store.schema import AnyRow

#: How the keys begin of what such an issue is told.
_KEY = "absorbed"


def keep_up(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """Ask for a link and one comment on each issue that this problem's stands for now.

    Called at any time and any number of times: an issue whose creation was under way
    when its problem became part of this one turns up late.
    """
    effects = []
    for part in corrections.absorbed(connection, group.id):
        if part.issue_id is not None:
            effects += _farewell(config, part, group)
    outbox.enqueue(connection, effects, now)


def take_back(connection: Connection, group_id: int, now: datetime) -> bool:
    """Take back what an issue was to be told; tell whether it may have been told."""
    told = False
    for operation in (Operation.COMMENT_ISSUE, Operation.LINK_ISSUES):
        prefix = f"{_KEY}:{group_id}:"
        asked = outbox.beginning(connection, group_id, operation, prefix)
        untried = outbox.untried(connection, group_id, operation)
        late = [row.id for row in asked if row.id in untried]
        outbox.unask(connection, late, "its problem is one of its own again", now)
        told = told or len(late) < len(asked)
    return told


def _farewell(config: Config, part: AnyRow, group: AnyRow) -> list[outbox.Effect]:
    key = f"{_KEY}:{part.id}:{part.issue_id}"
    why = f"its problem became part of the one of {group.issue_key}"
    body = [
        *issue_text.paragraph(
            issue_text.say(config.problems.language, "absorbed", key=group.issue_key)
        ),
        [BlockKind.BULLET, group.issue_key, group.issue_url],
    ]
    effects = [
        filing.issue_effect(
            config, part, Operation.COMMENT_ISSUE, f"{key}:told", {"body": body}, why
        )
    ]
    if part.tracker == group.tracker:
        other = {"other": group.issue_id, "is_duplicate": True}
        effects.append(
            filing.issue_effect(config, part, Operation.LINK_ISSUES, key, other, why)
        )
    return effects
