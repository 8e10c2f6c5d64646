"""What should be true of a problem: when it is filed, told, watched and reopened.

``plan`` may be called at any time and any number of times: it looks at the group as it
stands and enqueues what is missing. Each effect has a key, so nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import followups
from connector.config import Config
from connector.grouping import title
from connector.models import (
    Block,
    BlockKind,
    GroupState,
    Issue,
    IssueCategory,
    IssueRef,
    Mode,
    Operation,
    OutboxState,
)
from connector.store import groups, outbox
from connector.store.schema import AnyRow
from rules.features import Features
from rules.masking import excerpt
from rules.thresholds import Sighting, crossed

EXCERPTS = 5
TICKETS_LISTED = 20
PROPERTY = "complaint-connector"


def plan(connection: Connection, config: Config, group_id: int, now: datetime) -> None:
    """Bring a group to the state its members and its issue call for."""
    group = groups.get(connection, group_id, lock=True)
    if group.state == GroupState.EMERGING:
        _check_threshold(connection, config, group, now)
        group = groups.get(connection, group_id)
    if group.state == GroupState.READY and (
        group.file_at is None or group.file_at <= now
    ):
        _file(connection, config, group, now)
    elif group.state == GroupState.FIXED and group.watch_until <= now:
        groups.change(
            connection, group_id, state=GroupState.CLOSED, reason="it did not come back"
        )
    if group.issue_id is not None:
        _update_issue(connection, config, group, now)


def joined(
    connection: Connection,
    config: Config,
    group_id: int,
    ticket_id: int,
    at: datetime,
    now: datetime,
) -> None:
    """React to a new member: a problem complained of after its fix is back.

    A complaint written before the fix and only seen now is no such thing; its customer
    is told like the others.
    """
    group = groups.get(connection, group_id, lock=True)
    if group.state != GroupState.FIXED:
        return
    if at <= group.done_at:
        if group.announced_at is not None:
            followups.announce(connection, config, group, now)
        return
    groups.change(
        connection,
        group_id,
        state=GroupState.FILED,
        reason="a customer complained again after the fix",
        episode=group.episode + 1,
        announce_at=None,
        announced_at=None,
        watch_until=None,
    )
    effects = [
        _issue_effect(
            config,
            group,
            Operation.REOPEN_ISSUE,
            f"reopen:{group_id}:{group.episode}",
            {},
            "complained of again after the fix",
            ticket_id,
        ),
        _issue_effect(
            config,
            group,
            Operation.COMMENT_ISSUE,
            f"returned:{group_id}:{group.episode}",
            {"body": _returned(connection, group_id, ticket_id)},
            "complained of again after the fix",
            ticket_id,
        ),
    ]
    outbox.enqueue(connection, effects, now)


def issue_created(
    connection: Connection, config: Config, group_id: int, ref: IssueRef, now: datetime
) -> None:
    """Record the issue of a group, then link its tickets.

    It counts as never read: between its creation and now somebody may have moved it,
    and what was delivered about it then was not about an issue we knew.
    """
    groups.change(
        connection,
        group_id,
        tracker=ref.source,
        issue_id=ref.external_id,
        issue_key=ref.key,
        issue_url=ref.url,
        issue_category=IssueCategory.TODO,
        filed_at=now,
        checked_at=None,
    )
    plan(connection, config, group_id, now)


def issue_read(
    connection: Connection, config: Config, issue: Issue, now: datetime
) -> str:
    """Follow an issue that was just read; return in words what it meant.

    Only the step from not done to done, and back, means anything: an issue that stays
    done, or is edited, or had only its resolution changed, is no news.
    """
    group = groups.by_issue(connection, issue.ref.source, issue.ref.external_id)
    if group is None:
        return "not an issue of ours"
    was_done = group.issue_category == IssueCategory.DONE
    is_done = issue.category is IssueCategory.DONE
    groups.change(
        connection,
        group.id,
        issue_key=issue.ref.key,
        issue_url=issue.ref.url,
        issue_category=issue.category,
        issue_resolution=issue.resolution,
        checked_at=now,
    )
    said = "no step to or from done"
    if is_done and not was_done:
        said = _done(connection, config, group, issue, now)
    elif (
        was_done
        and not is_done
        and group.state
        in (
            GroupState.FIXED,
            GroupState.WONT_DO,
        )
    ):
        said = _reopened_by_hand(connection, group)
    elif is_done:
        said = _maybe_announce(connection, config, group, now) or said
    plan(connection, config, group.id, now)
    return said


def issue_gone(
    connection: Connection, tracker: str, issue_id: str, now: datetime
) -> str:
    """Record that an issue cannot be seen any more; nobody is told anything."""
    group = groups.by_issue(connection, tracker, issue_id)
    if group is None:
        return "not an issue of ours"
    groups.change(
        connection,
        group.id,
        state=GroupState.MUTED,
        reason=f"the issue {group.issue_key} was deleted or hidden from us",
        checked_at=now,
        announce_at=None,
    )
    return "the issue is gone; the problem is muted until a person decides"


def reopen_done(connection: Connection, group_id: int, moved: bool) -> None:
    """Record the outcome of our own reopening."""
    if moved:
        groups.change(connection, group_id, issue_category=IssueCategory.IN_PROGRESS)
    else:
        groups.change(
            connection,
            group_id,
            reason="came back, but the workflow offers no way to reopen the issue",
        )


def _check_threshold(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    crossing = crossed(
        sightings := _sightings(connection, group.id),
        config.problems,
        now,
        _usual(sightings, config, now),
    )
    if crossing:
        groups.change(
            connection,
            group.id,
            state=GroupState.READY,
            rule=crossing.rule,
            reason=crossing.reason,
            file_at=now + config.problems.settle,
        )


def _sightings(connection: Connection, group_id: int) -> list[Sighting]:
    return [
        Sighting(str(row.customer_id), row.at)
        for row in groups.sightings(connection, group_id)
    ]


def _usual(sightings: Sequence[Sighting], config: Config, now: datetime) -> float:
    """Return how many customers this problem had per window before this window."""
    window = config.problems.window
    before = [sighting for sighting in sightings if sighting.at <= now - window]
    if not before:
        return 0.0
    span = now - window - min(sighting.at for sighting in before)
    return len({sighting.customer for sighting in before}) / max(span / window, 1.0)


def _file(connection: Connection, config: Config, group: AnyRow, now: datetime) -> None:
    problems = config.problems
    if problems.tracker is None:
        # Stays ready; filed at the next complaint once there is a tracker.
        groups.change(connection, group.id, file_at=None)
        return
    crossing = crossed(
        sightings := _sightings(connection, group.id),
        problems,
        now,
        _usual(sightings, config, now),
    )
    if crossing is None:  # members left while it settled
        groups.change(
            connection, group.id, state=GroupState.EMERGING, file_at=None, reason=""
        )
        return
    group = _name(connection, group)
    mode = config.autonomy.issues
    draft = _draft(connection, config, group, now)
    key = f"issue:{group.id}"
    outbox.enqueue(
        connection,
        [
            outbox.Effect(
                source=problems.tracker,
                operation=Operation.CREATE_ISSUE,
                target=draft["project"],
                dedup_key=f"observed:{key}" if mode is Mode.OBSERVE else key,
                ordering_key=f"group:{group.id}",
                payload=draft,
                state=_STATES[mode],
                group_id=group.id,
                rule=f"problems.{crossing.rule}",
                reason=crossing.reason,
                note=_NOTES[mode],
            )
        ],
        now,
    )
    if mode is not Mode.OBSERVE:
        groups.change(connection, group.id, state=GroupState.FILED, file_at=None)
    else:
        # Stays ready, and is filed at the first look after the mode was changed.
        groups.change(connection, group.id, file_at=now + problems.reread)


def _name(connection: Connection, group: AnyRow) -> AnyRow:
    """Name the problem by all its members, now that it is about to be read."""
    found = groups.member_features(connection, group.id)
    kind, name = title([Features.from_json(one) for one in found])
    groups.change(connection, group.id, type=kind, title=name)
    return groups.get(connection, group.id)


_STATES = {
    Mode.OBSERVE: OutboxState.OBSERVED,
    Mode.SUGGEST: OutboxState.PARKED,
    Mode.ACT: OutboxState.PENDING,
}
_NOTES = {
    Mode.OBSERVE: "autonomy.issues is observe",
    Mode.SUGGEST: "waits for an approval: autonomy.issues is suggest",
    Mode.ACT: "",
}


def _draft(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> dict[str, Any]:
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
        Block(BlockKind.HEADING, "In the customers' words"),
        *(Block(BlockKind.QUOTE, text) for text in _excerpts(rows)),
        Block(BlockKind.HEADING, "Tickets"),
        *(
            Block(BlockKind.BULLET, f"{row.source} {row.number}", row.url)
            for row in rows[:TICKETS_LISTED]
        ),
    ]
    return [[block.kind, block.text, block.href] for block in blocks]


def _excerpts(rows: Sequence[AnyRow]) -> list[str]:
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


def _update_issue(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """Link new tickets, keep the counts, and say so at steps."""
    effects = [
        _issue_effect(
            config,
            group,
            Operation.LINK_TICKET,
            f"link:{group.id}:{row.id}",
            {
                "global_id": f"system={row.source}&id={row.id}",
                "url": row.url,
                "title": f"{row.source} {row.number}",
            },
            "a ticket about this problem",
            row.id,
        )
        for row in groups.unlinked_tickets(connection, group.id)
    ]
    effects += _count_effects(connection, config, group, now)
    reached = [step for step in config.problems.steps if step <= group.customers]
    if reached and group.state == GroupState.FILED:
        text = (
            f"{group.customers} customers have written about this by now, in "
            f"{group.tickets} tickets."
        )
        effects.append(
            _issue_effect(
                config,
                group,
                Operation.COMMENT_ISSUE,
                f"step:{group.id}:{reached[-1]}",
                {"body": [[BlockKind.PARAGRAPH, text, ""]]},
                f"{reached[-1]} customers",
            )
        )
    outbox.enqueue(connection, effects, now)


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
    if last is not None and last.payload == payload:
        return []
    # Counts that were not sent yet are out of date now.
    outbox.supersede(connection, group.id, Operation.UPDATE_ISSUE, now)
    key = f"count:{group.id}:{group.customers}:{group.tickets}"
    after = last.id if last is not None else 0
    return [
        _issue_effect(
            config,
            group,
            Operation.UPDATE_ISSUE,
            f"{key}:after:{after}",
            payload,
            "the counts have changed",
        )
    ]


def _returned(connection: Connection, group_id: int, ticket_id: int) -> list[list[str]]:
    rows = [
        row
        for row in groups.member_tickets(connection, group_id)
        if row.id == ticket_id
    ]
    blocks = [
        Block(
            BlockKind.PARAGRAPH,
            "It came back: a customer complained of it again after the fix.",
        )
    ]
    for row in rows:
        blocks += [
            Block(BlockKind.QUOTE, excerpt(row.text, names=row.customer_name.split())),
            Block(BlockKind.BULLET, f"{row.source} {row.number}", row.url),
        ]
    return [[block.kind, block.text, block.href] for block in blocks if block.text]


def _issue_effect(
    config: Config,
    group: AnyRow,
    operation: Operation,
    key: str,
    payload: dict[str, Any],
    reason: str,
    ticket_id: int | None = None,
) -> outbox.Effect:
    # Whoever let the issue be filed wants it kept true: suggest asks once, not again.
    observe = config.autonomy.issues is Mode.OBSERVE
    return outbox.Effect(
        source=group.tracker,
        operation=operation,
        target=group.issue_id,
        dedup_key=f"observed:{key}" if observe else key,
        ordering_key=f"group:{group.id}",
        payload=payload,
        state=OutboxState.OBSERVED if observe else OutboxState.PENDING,
        group_id=group.id,
        ticket_id=ticket_id,
        rule="problems",
        reason=reason,
        note=_NOTES[Mode.OBSERVE] if observe else "",
    )


def _done(
    connection: Connection,
    config: Config,
    group: AnyRow,
    issue: Issue,
    now: datetime,
) -> str:
    if group.state not in (GroupState.FILED, GroupState.MUTED):
        return f"done, but the problem is {group.state}"
    if not _is_fixed(config, issue.resolution):
        what = issue.resolution or "no resolution"
        groups.change(
            connection,
            group.id,
            state=GroupState.WONT_DO,
            reason=f"the issue is done with {what}, which does not mean fixed",
            done_at=now,
        )
        return "done, but not as fixed: no customer is told"
    groups.change(
        connection,
        group.id,
        state=GroupState.FIXED,
        reason=f"the issue is done as {issue.resolution or 'done'}",
        done_at=now,
        announce_at=now + config.problems.fix_settle,
        announced_at=None,
        watch_until=now + config.problems.watch,
    )
    fresh = groups.get(connection, group.id)
    _maybe_announce(connection, config, fresh, now)
    return "fixed"


def _is_fixed(config: Config, resolution: str) -> bool:
    if not resolution:
        return config.problems.fixed_without_resolution
    known = {name.casefold() for name in config.problems.fixed_resolutions}
    return resolution.casefold() in known


def _maybe_announce(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> str:
    """Tell the customers once the fix has stood for its settle time.

    Only called with an issue that was read as done a moment ago.
    """
    if (
        group.state != GroupState.FIXED
        or group.announced_at is not None
        or group.announce_at is None
        or group.announce_at > now
    ):
        return ""
    told = followups.announce(connection, config, group, now)
    groups.change(connection, group.id, announced_at=now)
    return f"fixed and settled: {told} customers are told"


def _reopened_by_hand(connection: Connection, group: AnyRow) -> str:
    groups.change(
        connection,
        group.id,
        state=GroupState.FILED,
        reason="the issue was reopened by a person",
        # A fix taken back before anybody heard of it never happened.
        episode=group.episode + (1 if group.announced_at else 0),
        announce_at=None,
        announced_at=None,
        watch_until=None,
    )
    return "reopened"
