"""What an issue says and shows: its draft, its links, its counts, its comments.

Texts are neutral blocks; excerpts and names are masked before they get here or by what
is called from here. When something is filed is decided in ``connector.escalation``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector.config import Config
from connector.models import (
    Block,
    BlockKind,
    GroupState,
    IssueRef,
    Mode,
    Operation,
    OutboxState,
)
from connector.store import groups, outbox
from connector.store.schema import AnyRow
from rules.masking import excerpt

EXCERPTS = 5
TICKETS_LISTED = 20
PROPERTY = "complaint-connector"

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
    problems = config.problems
    route = problems.routes.get(group.type)
    fields: dict[str, Any] = {}
    if problems.customers_field:
        fields[problems.customers_field] = group.customers
    return {
        "project": (route and route.project) or problems.project,
        "issue_type": (route and route.issue_type) or problems.issue_type,
        "summary": group.title,
        "description": _description(connection, group),
        "labels": list(problems.labels),
        "properties": {PROPERTY: _property(group)},
        "fields": fields,
    }


def _property(group: AnyRow) -> dict[str, Any]:
    return {
        "problem": group.id,
        "type": group.type,
        "customers": group.customers,
        "tickets": group.tickets,
    }


def _description(connection: Connection, group: AnyRow) -> list[list[str]]:
    rows = groups.member_tickets(connection, group.id)
    languages = sorted({row.language for row in rows if row.language})
    blocks = [
        Block(
            BlockKind.PARAGRAPH,
            # True for ever: later counts are fields, properties and comments.
            f"When this was filed, {group.customers} customers had written "
            f"{group.tickets} tickets about it, between "
            f"{group.first_at:%Y-%m-%d %H:%M} and "
            f"{group.last_at:%Y-%m-%d %H:%M} UTC"
            + (f", in {', '.join(languages)}." if languages else "."),
        ),
        Block(BlockKind.PARAGRAPH, f"Filed because of: {group.reason}."),
        *evidence(rows),
    ]
    return stored(blocks)


def evidence(rows: Sequence[AnyRow]) -> list[Block]:
    """Quote the customers of these tickets, and list the tickets."""
    return [
        Block(BlockKind.HEADING, "In the customers' words"),
        *(Block(BlockKind.QUOTE, text) for text in excerpts(rows)),
        Block(BlockKind.HEADING, "Tickets"),
        *(
            Block(BlockKind.BULLET, f"{row.source} {row.number}", row.url)
            for row in rows[:TICKETS_LISTED]
        ),
    ]


def stored(blocks: Iterable[Block]) -> list[list[str]]:
    return [[block.kind, block.text, block.href] for block in blocks]


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
            "There is more than one issue with the mark of this one: an answer to its "
            "creation was lost, or somebody cloned it.",
        ),
        *(Block(BlockKind.BULLET, key, url) for key, url in doubles),
        Block(
            BlockKind.PARAGRAPH,
            "Only this one is kept up to date. The others are linked to it as "
            "duplicates, where that is possible, and were left as they are.",
        ),
    ]
    effect = issue_effect(
        config,
        groups.get(connection, row.group_id),
        Operation.COMMENT_ISSUE,
        f"doubles:{row.group_id}:{row.target}:told",
        {"body": stored(blocks)},
        "more than one issue carries its mark",
        issue_id=row.target,
    )
    outbox.enqueue(connection, [effect], now)


def excerpts(rows: Sequence[AnyRow]) -> list[str]:
    """Choose masked excerpts of different customers, languages taking turns."""
    by_language: dict[str, list[str]] = {}
    seen: set[int] = set()
    for row in rows:
        if row.customer_id in seen:
            continue
        seen.add(row.customer_id)
        text = excerpt(row.text, names=row.customer_name.split())
        if text:
            by_language.setdefault(row.language, []).append(text)
    chosen: list[str] = []
    while by_language and len(chosen) < EXCERPTS:
        for language in list(by_language):
            chosen.append(by_language[language].pop(0))
            if not by_language[language]:
                del by_language[language]
    return chosen[:EXCERPTS]


def keep_up(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """Link new tickets, keep the counts, and say so at steps."""
    ref = IssueRef(group.tracker, group.issue_id, group.issue_key, group.issue_url)
    effects = [
        effect
        for row in groups.unlinked_tickets(connection, group.id)
        for effect in links(config, group, row, ref)
    ]
    effects += _count_effects(connection, config, group, now)
    reached = [step for step in config.problems.steps if step <= group.customers]
    if reached and group.state == GroupState.FILED:
        text = (
            f"{group.customers} customers have written about this by now, in "
            f"{group.tickets} tickets."
        )
        effects.append(
            issue_effect(
                config,
                group,
                Operation.COMMENT_ISSUE,
                f"step:{group.id}:{reached[-1]}",
                {"body": [[BlockKind.PARAGRAPH, text, ""]]},
                f"{reached[-1]} customers",
            )
        )
    outbox.enqueue(connection, effects, now)


def links(
    config: Config, group: AnyRow, row: AnyRow, ref: IssueRef, again: str = ""
) -> list[outbox.Effect]:
    """Ask for a ticket to be shown on the issue, and the issue on the ticket."""
    effects = []
    if row.url:  # a form or a survey may have no page to link to
        payload = {
            "global_id": f"system={row.source}&id={row.id}",
            "url": row.url,
            "title": f"{row.source} {row.number}",
        }
        effects.append(
            issue_effect(
                config,
                group,
                Operation.LINK_TICKET,
                f"link:{group.id}:{row.id}{again}",
                payload,
                "a ticket about this problem",
                row.id,
                ref.external_id,
            )
        )
    if config.shows_issues(row.source):
        effects.append(_showing(config, group, row, ref, again))
    return effects


def _showing(
    config: Config, group: AnyRow, row: AnyRow, ref: IssueRef, again: str
) -> outbox.Effect:
    key = f"show:{group.id}:{row.id}{again}"
    observe = config.autonomy.notes is Mode.OBSERVE
    return outbox.Effect(
        source=row.source,
        operation=Operation.SHOW_ISSUE,
        target=row.external_id,
        dedup_key=f"observed:{key}" if observe else key,
        ordering_key=f"ticket:{row.id}",
        payload=ref._asdict(),
        state=OutboxState.OBSERVED if observe else OutboxState.PENDING,
        group_id=group.id,
        ticket_id=row.id,
        rule="problems",
        reason="the issue about this problem",
        note="autonomy.notes is observe" if observe else "",
    )


def _count_effects(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> list[outbox.Effect]:
    """Ask for the counts on the issue to be set, if they are not what was last asked.

    Counts go down as well as up, so the key names what came before.
    """
    field = config.problems.customers_field
    payload = {
        "properties": {PROPERTY: _property(group)},
        "fields": {field: group.customers} if field else {},
    }
    last = outbox.latest(connection, group.id, Operation.UPDATE_ISSUE)
    told = (last.target, last.payload) if last is not None else None
    if told == (group.issue_id, payload):
        return []
    # Counts that were not sent yet are out of date now.
    outbox.supersede(connection, group.id, Operation.UPDATE_ISSUE, now)
    key = f"count:{group.id}:{group.customers}:{group.tickets}"
    after = last.id if last is not None else 0
    return [
        issue_effect(
            config,
            group,
            Operation.UPDATE_ISSUE,
            f"{key}:after:{after}",
            payload,
            "the counts have changed",
        )
    ]


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
