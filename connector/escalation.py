"""What should be true of a problem: when it is filed, told, watched and reopened.

``plan`` may be called at any time and any number of times: it looks at the group as it
stands and enqueues what is missing. Each effect has a key, so nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import (
    absorbing,
    declining,
    filing,
    incidents,
    ladder,
    muting,
    readiness,
    recurrence,
    resolution,
    sequel,
    showing,
    turns,
    unfixed,
    unlinking,
    upkeep,
)
from connector.config import Config
from connector.grouping import title
from connector.models import (
    GroupState,
    Issue,
    IssueCategory,
    IssueRef,
    Mode,
    Operation,
    OutboxState,
)
from connector.store import corrections, former, groups, members, outbox, timeline
from connector.store.schema import AnyRow
from rules.features import Features
from rules.thresholds import Crossing

#: The rule of a problem that a person wants filed, whatever the thresholds say.
ASKED_FOR = "asked_for"


def plan(
    connection: Connection,
    config: Config,
    group_id: int,
    now: datetime,
    ticket_id: int | None = None,
) -> None:
    """Bring a group to the state its members and its issue call for, and show it.

    If it is only for ``ticket_id``, no other ticket is looked for that lacks a link.
    """
    _advance(connection, config, group_id, now, ticket_id)
    showing.keep_up(connection, config, groups.get(connection, group_id), now)


def _advance(
    connection: Connection,
    config: Config,
    group_id: int,
    now: datetime,
    ticket_id: int | None,
) -> None:
    group = groups.get(connection, group_id, lock=True)
    if muting.is_over(group, now):
        unmute(connection, config, group, "", now)
    elif group.state != GroupState.MERGED:
        _plan(connection, config, group, now, ticket_id)


def unmute(
    connection: Connection, config: Config, group: AnyRow, who: str, now: datetime
) -> str:
    """End a mute and catch up; return in words what came meanwhile."""
    group = unlinking.settle(connection, group, now, at_once=True)
    came = muting.end(connection, config, group, who, now)
    newest = corrections.newest_complaint(connection, group.id)
    if newest is not None:
        recurrence.complained(
            connection, config, group.id, newest.ticket_id, newest.at, now
        )
    _plan(connection, config, groups.get(connection, group.id), now)
    return came


def _plan(
    connection: Connection,
    config: Config,
    group: AnyRow,
    now: datetime,
    ticket_id: int | None = None,
) -> None:
    group_id = group.id
    if group.state == GroupState.EMERGING:
        if not (
            readiness.check(connection, config, group, now)
            or sequel.check(connection, config, group, now)
        ):
            return
        group = groups.get(connection, group_id)
    elif group.state == GroupState.FILED and group.issue_id is None:
        _check_filing(connection, config, group, now)
        return
    elif _is_over(group, now):
        groups.change(
            connection, group_id, state=GroupState.CLOSED, reason="it did not come back"
        )
        timeline.note(connection, group_id, "closed", "it did not come back", now)
        group = groups.get(connection, group_id)
    if group.state == GroupState.READY and (
        group.file_at is None or group.file_at <= now
    ):
        _file(connection, config, group, now)
    elif groups.is_declined(group):
        group = declining.settle(connection, group, now)
        unfixed.remind(connection, config, group, now)
    elif groups.is_held(group):
        unlinking.settle(connection, group, now)
    elif group.state == GroupState.WONT_DO:
        unfixed.weigh(connection, config, group, now)
        group = groups.get(connection, group_id)
    is_muted = group.state == GroupState.MUTED or turns.muted(config, group.type, now)
    if group.issue_id is not None and not is_muted:
        upkeep.keep_up(connection, config, group, now, ticket_id)
        ladder.keep_up(connection, config, group, now)
        incidents.keep_up(connection, config, group, now)
        absorbing.keep_up(connection, config, group, now)


def _is_over(group: AnyRow, now: datetime) -> bool:
    """Tell whether a fix has stood for its watch, and those affected know of it."""
    return bool(
        group.state == GroupState.FIXED
        and group.watch_until <= now
        and group.announced_at is not None
    )


def issue_created(
    connection: Connection,
    config: Config,
    group_id: int,
    ref: IssueRef,
    now: datetime,
    follows: Mapping[str, Any] | None = None,
) -> None:
    """Record the issue of a group, then link its tickets.

    If it follows another, the two are linked, and from now on it is the one that
    counts. Of a group that became part of another one meanwhile, that one is told.
    """
    if follows:
        group = groups.get(connection, group_id, lock=True)
        outbox.enqueue(
            connection, recurrence.succession(config, group, ref, follows), now
        )
        if not recurrence.is_to_follow(group, follows):
            return
        outbox.enqueue(
            connection, recurrence.relinking(connection, config, group, ref), now
        )
        reason = f"came back; {ref.key} follows {group.issue_key}"
        groups.change(connection, group_id, reason=reason)
        former.keep(connection, group)
    _take_issue(connection, group_id, ref, now)
    timeline.note(connection, group_id, "filed", f"filed as {ref.key}", now)
    if not follows:
        group = groups.get(connection, group_id)
        effects = sequel.link_to_past(connection, config, group, ref)
        outbox.enqueue(connection, effects, now)
    heir = groups.get(connection, group_id).merged_into
    plan(connection, config, heir or group_id, now)


def linked(
    connection: Connection,
    config: Config,
    group: AnyRow,
    ref: IssueRef,
    who: str,
    now: datetime,
) -> None:
    """Take an issue that was there before for that of a group, in place of its last.

    A person named it, or the last one is a duplicate of it. Its priority is its own.
    """
    is_aside = group.state == GroupState.MUTED or groups.is_declined(group)
    unlinking.take_back(connection, group, ref.external_id, now)
    if groups.is_held(group):
        groups.change(connection, group.id, reason=f"{ref.key} is its issue now")
        is_aside = False
    if not is_aside and group.state in (GroupState.FIXED, GroupState.WONT_DO):
        resolution.open_again(connection, group, f"{ref.key} is its issue now", now)
    state = (
        {"muted_from": GroupState.FILED} if is_aside else {"state": GroupState.FILED}
    )
    former.drop(connection, ref.source, ref.external_id)
    if group.issue_id is not None:
        former.keep(connection, group)
    _take_issue(connection, group.id, ref, now)
    groups.change(
        connection,
        group.id,
        file_at=None,
        missing_since=None,
        priority=None,
        **state,
    )
    timeline.note(connection, group.id, "linked", f"{ref.key} is its issue", now, who)
    if group.issue_id is not None:
        effects = [
            effect
            for row in members.tickets_of(connection, group.id)
            for effect in upkeep.links(
                config,
                groups.get(connection, group.id),
                row,
                ref,
                f":{ref.external_id}",
            )
        ]
        outbox.enqueue(connection, effects, now)
    plan(connection, config, group.id, now)


def _take_issue(
    connection: Connection, group_id: int, ref: IssueRef, now: datetime
) -> None:
    """Record which issue is a group's.

    It counts as never read: until now somebody may have moved it, and what was
    delivered about it then was not about an issue we knew.
    """
    groups.change(
        connection,
        group_id,
        tracker=ref.source,
        issue_id=ref.external_id,
        issue_key=ref.key,
        issue_url=ref.url,
        issue_category=IssueCategory.TODO,
        issue_resolution="",
        issue_meaning=None,
        filed_at=now,
        checked_at=None,
    )


def issue_read(
    connection: Connection,
    config: Config,
    issue: Issue,
    read_at: datetime,
    now: datetime,
) -> str:
    """Follow an issue that was read at ``read_at``; return in words what it meant.

    Only the step from not done to done, and back, means anything: an issue that stays
    done, or is edited, is no news.
    """
    group = groups.by_issue(connection, issue.ref.source, issue.ref.external_id)
    if group is None:
        return resolution.former_read(connection, issue, now)
    if group.checked_at is not None and read_at < group.checked_at:
        return "an older reading than the last one"
    groups.change(
        connection,
        group.id,
        issue_key=issue.ref.key,
        issue_url=issue.ref.url,
        checked_at=read_at,
        missing_since=None,
    )
    ladder.seen(connection, group, issue)
    if issue.ref.key != group.issue_key:  # it was moved to another project
        words = f"{group.issue_key} became {issue.ref.key}"
        timeline.note(connection, group.id, "moved", words, now)
    if issue.category is IssueCategory.UNKNOWN:
        return "the tracker does not say whether it is done"
    groups.change(
        connection,
        group.id,
        issue_category=issue.category,
        issue_resolution=issue.resolution,
    )
    said = resolution.follow(connection, config, group, issue, read_at, now)
    plan(connection, config, group.id, now)
    return said


# -- before there is an issue


def _file(connection: Connection, config: Config, group: AnyRow, now: datetime) -> None:
    problems = config.problems
    if problems.tracker is None:
        # Stays ready; filed at the next complaint once there is a tracker.
        groups.change(connection, group.id, file_at=None)
        return
    group = _name(connection, group)
    if group.rule != ASKED_FOR and not _is_its_turn(connection, config, group, now):
        return
    group = groups.get(connection, group.id)
    effect = filing.creation(
        config,
        group,
        problems.tracker,
        f"issue:{group.id}",
        sequel.with_past(
            connection, config, group, filing.draft(connection, config, group)
        ),
        f"problems.{group.rule}",
        group.reason,
    )
    outbox.enqueue(connection, [effect], now)
    if config.autonomy.issues is not Mode.OBSERVE:
        groups.change(connection, group.id, state=GroupState.FILED, file_at=None)
    else:
        # Stays ready, and is filed at the first look after the mode was changed.
        groups.change(connection, group.id, file_at=now + problems.reread)


def _is_its_turn(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> bool:
    """Tell whether a ready problem is still over its threshold, and may go next."""
    crossing = _crossing(connection, config, group, now)
    if crossing is None:  # members left while it settled
        groups.change(
            connection,
            group.id,
            state=GroupState.EMERGING,
            file_at=None,
            waiting_since=None,
            reason="",
        )
        return False
    if turns.has_to_wait(connection, config, group, crossing, now):
        return False
    reason = crossing.reason + turns.meanwhile(connection, config, group, now)
    groups.change(
        connection, group.id, rule=crossing.rule, reason=reason, waiting_since=None
    )
    return True


def _crossing(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> Crossing | None:
    """Return the threshold that a ready problem crosses, if it still does."""
    for moment in turns.moments(config, group, now):
        found = readiness.crossing(
            connection, config, group.id, moment
        ) or sequel.crossing(connection, config, group, moment)
        if found is not None:
            return found
    return None


def _check_filing(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """See what became of the request to file, if it did not end in an issue."""
    ids = outbox.untried(connection, group.id, Operation.CREATE_ISSUE)
    if ids and not group.customers:
        outbox.unask(connection, ids, "nobody complains of it any more", now)
        groups.change(connection, group.id, state=GroupState.EMERGING, reason="")
        return
    state = outbox.state_of(connection, f"issue:{group.id}")
    if state == OutboxState.DISCARDED:
        reason = "a person decided not to file it"
        groups.change(connection, group.id, state=GroupState.MUTED, reason=reason)
        timeline.note(connection, group.id, "not filed", reason, now)
    elif state == OutboxState.OBSERVED and config.autonomy.issues is not Mode.OBSERVE:
        outbox.revive(connection, f"issue:{group.id}", now)


def _name(connection: Connection, group: AnyRow) -> AnyRow:
    """Name the problem by all its members, now that it is about to be read.

    A name that a person gave it stays.
    """
    found = members.features(connection, group.id)
    kind, name = title([Features.from_json(one) for one in found])
    name = group.title if group.is_named else name
    groups.change(connection, group.id, type=kind, title=name)
    return groups.get(connection, group.id)
