"""One ticket in the helpdesk for a whole problem, and the problem's tickets under it.

For agents, who see in their own tool what belongs together. When a problem is filed is
decided in ``connector.escalation``, and what its issue says in ``connector.filing``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import issue_text
from connector.config import Config
from connector.models import GroupState, Mode, Operation, OutboxState
from connector.store import members, outbox
from connector.store.schema import AnyRow


def keep_up(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """Ask for the ticket of a problem that has an issue, then for its incidents.

    Not before there is an issue: until then the group may still fall apart, and agents
    could do nothing for it but wait. Called at any time and any number of times; each
    effect has a key, so what a person undoes is not done again.
    """
    for source in config.sources:
        if config.gathers_tickets(source):
            _gather(connection, config, group, source, now)


def _gather(
    connection: Connection, config: Config, group: AnyRow, source: str, now: datetime
) -> None:
    rows = members.ungathered(connection, group.id, source)
    if not rows:
        return
    made = outbox.result_of(connection, _problem_key(group, source))
    if made is not None:
        effects = [_adding(config, group, source, row, made["id"]) for row in rows]
        outbox.enqueue(connection, effects, now)
    elif group.state == GroupState.FILED:
        _create(connection, config, group, source, now)


def _create(
    connection: Connection, config: Config, group: AnyRow, source: str, now: datetime
) -> None:
    """Ask for the problem's ticket, unless that was done."""
    key = _problem_key(group, source)
    observe = config.autonomy.notes is Mode.OBSERVE
    if outbox.state_of(connection, f"observed:{key}" if observe else key) is None:
        text = _text(connection, group)
        effect = _creation(group, source, key, text, observe)
        outbox.enqueue(connection, [effect], now)
    elif not observe:  # what kept it from being sent when it was due is no more
        outbox.revive(connection, key, now)


def _problem_key(group: AnyRow, source: str) -> str:
    return f"problem:{group.id}:{source}"


def _creation(
    group: AnyRow, source: str, key: str, text: str, observe: bool
) -> outbox.Effect:
    return outbox.Effect(
        source=source,
        operation=Operation.CREATE_PROBLEM,
        target=group.issue_key,
        dedup_key=f"observed:{key}" if observe else key,
        ordering_key=key,
        payload={"subject": group.title, "text": text},
        state=OutboxState.OBSERVED if observe else OutboxState.PENDING,
        group_id=group.id,
        rule="problems",
        reason=f"stands for the problem of {group.issue_key}",
        note="autonomy.notes is observe" if observe else "",
    )


def _adding(
    config: Config, group: AnyRow, source: str, row: AnyRow, problem: str
) -> outbox.Effect:
    observe = config.autonomy.notes is Mode.OBSERVE
    key = f"incident:{group.id}:{row.id}"
    return outbox.Effect(
        source=source,
        operation=Operation.ADD_INCIDENT,
        target=row.external_id,
        dedup_key=f"observed:{key}" if observe else key,
        ordering_key=f"ticket:{row.id}",
        payload={"problem": problem},
        state=OutboxState.OBSERVED if observe else OutboxState.PENDING,
        group_id=group.id,
        ticket_id=row.id,
        rule="problems",
        reason=f"a ticket about the problem of {group.issue_key}",
        note="autonomy.notes is observe" if observe else "",
    )


def _text(connection: Connection, group: AnyRow) -> str:
    """Say what the ticket is for; the customers' words are masked."""
    quotes = issue_text.excerpts(members.tickets_of(connection, group.id))
    return "\n\n".join(
        [
            f"This ticket stands for a problem: {group.issue_key} {group.issue_url}",
            f"When it was made, {group.customers} customers had written "
            f"{group.tickets} tickets about it. Those in this helpdesk become its "
            "incidents.",
            "Solving this ticket solves its incidents too. One that does not belong "
            "here can be taken out, and stays out.",
            *(["In the customers' words:"] if quotes else []),
            *(f"> {quote}" for quote in quotes),
        ]
    )
