"""What is asked of a tracker about a problem: its issue, and what happens to that.

What an issue says is in ``connector.issue_text``, how it is kept true in
``connector.upkeep``; when something is filed is decided in ``connector.escalation``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import counts, issue_text, launches
from connector.config import Config
from connector.config_problems import Route
from connector.grouping import subject
from connector.models import (
    Block,
    BlockKind,
    IssueRef,
    Mode,
    Operation,
    OutboxState,
)
from connector.store import groups, members, outbox
from connector.store.schema import AnyRow
from rules.features import Features

STATES = {
    Mode.OBSERVE: OutboxState.OBSERVED,
    Mode.SUGGEST: OutboxState.PARKED,
    Mode.ACT: OutboxState.PENDING,
}
NOTES = {
    Mode.OBSERVE: "autonomy.issues is observe",
    Mode.SUGGEST: "waits for an approval: autonomy.issues is suggest",
    Mode.ACT: "",
}


def draft(connection: Connection, config: Config, group: AnyRow) -> dict[str, Any]:
    """Write the issue down; excerpts are masked before they get here."""
    where = place(config, group.type)
    return {
        **where,
        "labels": [*where["labels"], *launches.labels(config, group.rule)],
        "summary": title(connection, config, group),
        "description": issue_text.description(
            connection, config.problems.language, group
        ),
        "priority": priority(config, group.customers),
        **counts.as_of_now(connection, config, group),
    }


def title(connection: Connection, config: Config, group: AnyRow) -> str:
    """Return the name of a problem for its issue; one that a person gave stands."""
    language = config.problems.language
    if group.is_named or language == "en":
        return str(group.title)
    found = members.features(connection, group.id)
    return issue_text.title(
        language, subject([Features.from_json(one) for one in found])
    )


def priority(config: Config, customers: int) -> str | None:
    """Return the priority that so many customers call for, if any."""
    ladder = config.problems.priorities
    reached = [step for step in ladder if step <= customers]
    return ladder[max(reached)] if reached else None


def place(config: Config, kind: str) -> dict[str, Any]:
    """Say where an issue about this type of complaint goes."""
    problems = config.problems
    route = problems.routes.get(kind) or Route()
    return {
        "project": route.project or problems.project,
        "issue_type": route.issue_type or problems.issue_type,
        "labels": [*problems.labels, *route.labels],
        "components": list(route.components),
        "assignee": route.assignee,
    }


def creation(
    config: Config,
    group: AnyRow,
    tracker: str,
    key: str,
    payload: dict[str, Any],
    rule: str,
    reason: str,
) -> outbox.Effect:
    """Ask for an issue, as far as ``autonomy.issues`` goes."""
    mode = config.autonomy.issues
    return outbox.Effect(
        source=tracker,
        operation=Operation.CREATE_ISSUE,
        target=payload["project"],
        dedup_key=f"observed:{key}" if mode is Mode.OBSERVE else key,
        ordering_key=f"group:{group.id}",
        payload=payload,
        state=STATES[mode],
        group_id=group.id,
        rule=rule,
        reason=reason,
        note=NOTES[mode],
    )


def look_for_doubles(
    connection: Connection, config: Config, row: AnyRow, ref: IssueRef, now: datetime
) -> None:
    """Ask whether the issue that ``row`` created is the only one with its mark."""
    group = groups.get(connection, row.group_id)
    key = f"doubles:{group.id}:{ref.external_id}"
    effect = issue_effect(
        config,
        group,
        Operation.LINK_ISSUES,
        key,
        {"project": row.payload["project"], "mark": row.mark},
        "an answer to its creation was lost: there may be another one",
        issue_id=ref.external_id,
    )
    # In a line of its own: it waits for the search, and nothing is to wait for it.
    outbox.enqueue(connection, [replace(effect, ordering_key=key)], now)


def tell_of_doubles(
    connection: Connection,
    config: Config,
    row: AnyRow,
    doubles: Iterable[Sequence[str]],
    now: datetime,
) -> None:
    """Ask for a comment, on the issue that ``row`` is about, that names the others."""
    blocks = [
        Block(
            BlockKind.PARAGRAPH,
            issue_text.say(config.problems.language, "doubles"),
        ),
        *(Block(BlockKind.BULLET, key, url) for key, url in doubles),
        Block(
            BlockKind.PARAGRAPH,
            issue_text.say(config.problems.language, "doubles_left"),
        ),
    ]
    effect = issue_effect(
        config,
        groups.get(connection, row.group_id),
        Operation.COMMENT_ISSUE,
        f"doubles:{row.group_id}:{row.target}:told",
        {"body": issue_text.stored(blocks)},
        "more than one issue carries its mark",
        issue_id=row.target,
    )
    outbox.enqueue(connection, [effect], now)


def issue_effect(
    config: Config,
    group: AnyRow,
    operation: Operation,
    key: str,
    payload: dict[str, Any],
    reason: str,
    ticket_id: int | None = None,
    issue_id: str = "",
) -> outbox.Effect:
    """Ask for something to be done to the group's issue, or to ``issue_id``."""
    # Whoever let the issue be filed wants it kept true: suggest asks once, not again.
    observe = config.autonomy.issues is Mode.OBSERVE
    return outbox.Effect(
        source=group.tracker,
        operation=operation,
        target=issue_id or group.issue_id,
        dedup_key=f"observed:{key}" if observe else key,
        ordering_key=f"group:{group.id}",
        payload=payload,
        state=OutboxState.OBSERVED if observe else OutboxState.PENDING,
        group_id=group.id,
        ticket_id=ticket_id,
        rule="problems",
        reason=reason,
        note=NOTES[Mode.OBSERVE] if observe else "",
    )


def is_untried(row: AnyRow) -> bool:
    """Tell whether something that was asked for cannot have been done yet."""
    return row.state == OutboxState.PENDING and row.uncertain_since is None
