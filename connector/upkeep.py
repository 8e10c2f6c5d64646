"""Keeping an issue true: links to new tickets, its counts, a comment at steps.

What is asked of a tracker beside that is in ``connector.filing``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector import counts, filing, issue_panel, issue_text
from connector.config import Config
from connector.models import (
    GroupState,
    IssueRef,
    Mode,
    Operation,
    OutboxState,
)
from connector.store import members, outbox
from connector.store.schema import AnyRow

DAY = timedelta(days=1)


def keep_up(
    connection: Connection,
    config: Config,
    group: AnyRow,
    now: datetime,
    ticket_id: int | None = None,
) -> None:
    """Link new tickets, or this one, keep the counts, and say so at steps."""
    ref = IssueRef(group.tracker, group.issue_id, group.issue_key, group.issue_url)
    effects = [
        effect
        for row in members.unlinked(connection, group.id, ticket_id)
        for effect in links(config, group, row, ref)
    ]
    effects += _count_effects(connection, config, group, now)
    if group.state == GroupState.FILED:
        effects += _progress(connection, config, group, now)
    outbox.enqueue(connection, effects, now)


def invite(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """Ask for the watchers of a new issue; nothing waits for them."""
    route = config.problems.routes.get(group.type)
    effects = []
    for who in route.watchers if route else ():
        key = f"watch:{group.id}:{group.issue_id}:{who}"
        why = f"watches what is about {group.type}"
        effect = filing.issue_effect(
            config, group, Operation.ADD_WATCHER, key, {"who": who}, why
        )
        effects.append(replace(effect, ordering_key=key))
    outbox.enqueue(connection, effects, now)


def _progress(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> list[outbox.Effect]:
    """Ask for a comment on how many there are by now: at a step, else once a day.

    Steps that were jumped over share one comment, as do those that wait for the
    tracker; what the issue said when it was filed is not said again.
    """
    prefix = f"told:{group.id}:"
    asked = outbox.beginning(connection, group.id, Operation.COMMENT_ISSUE, prefix)
    waiting = [row for row in asked if filing.is_untried(row)]
    told = [row for row in asked if not filing.is_untried(row)]
    filed = outbox.latest(connection, group.id, Operation.CREATE_ISSUE)
    known = max(counts.at_filing(filed), *(row.payload["customers"] for row in told), 0)
    reached = [one for one in config.problems.steps if known < one <= group.customers]
    since = max([group.filed_at, *(row.done_at or row.created_at for row in told)])
    if reached:
        name = str(max(reached))
    elif config.problems.daily and group.customers > known and now - since >= DAY:
        name = f"{now:%Y-%m-%d}"
    else:
        return []
    if any(
        row.dedup_key == f"{prefix}{name}"
        or row.payload["customers"] >= group.customers
        for row in waiting
    ):
        return []
    untrue = [row.id for row in waiting]
    outbox.discard(connection, untrue, "a later one says how many there are", now)
    text = issue_text.say(
        config.problems.language,
        "progress",
        customers=group.customers,
        tickets=group.tickets,
    )
    payload = {
        "body": issue_text.paragraph(text),
        "customers": group.customers,
    }
    return [
        filing.issue_effect(
            config,
            group,
            Operation.COMMENT_ISSUE,
            f"{prefix}{name}",
            payload,
            f"{group.customers} customers",
        )
    ]


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
            filing.issue_effect(
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

    Counts go down as well as up, so the key names what came before. They are written
    once in a while, in a line of their own: nothing else waits for that time to come.
    """
    payload = counts.as_of_now(connection, config, group)
    last = outbox.latest(connection, group.id, Operation.UPDATE_ISSUE)
    if last is not None and last.target == group.issue_id:
        # That time has passed is no change.
        told = {name: said for name, said in last.payload.items() if name != "as_of"}
        if told == payload:
            return []
    payload["as_of"] = issue_panel.as_of(config.problems.language, now)
    # Counts that were not sent yet are out of date now.
    outbox.supersede(connection, group.id, Operation.UPDATE_ISSUE, now)
    key = f"count:{group.id}:{group.customers}:{group.tickets}"
    effect = filing.issue_effect(
        config,
        group,
        Operation.UPDATE_ISSUE,
        f"{key}:after:{last.id if last is not None else 0}",
        payload,
        "the counts have changed",
    )
    # What is left of them was written, or may have been.
    before = outbox.latest(connection, group.id, Operation.UPDATE_ISSUE)
    due_at = now
    if before is not None and before.target == group.issue_id:
        due_at = (before.done_at or now) + config.problems.counts_every
    ordering_key = f"counts:{group.id}"
    return [replace(effect, ordering_key=ordering_key, due_at=max(due_at, now))]
