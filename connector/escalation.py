"""What should be true of a problem: when it is filed, told, watched and reopened.

``plan`` may be called at any time and any number of times: it looks at the group as it
stands and enqueues what is missing. Each effect has a key, so nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import filing, followups, incidents
from connector.config import Config
from connector.grouping import title
from connector.models import (
    EventKind,
    GroupState,
    Issue,
    IssueCategory,
    IssueRef,
    Meaning,
    Mode,
    OutboxState,
    Topic,
)
from connector.store import deliveries, groups, outbox
from connector.store.schema import AnyRow
from rules.features import Features
from rules.thresholds import Crossing, Sighting, crossed


def plan(connection: Connection, config: Config, group_id: int, now: datetime) -> None:
    """Bring a group to the state its members and its issue call for."""
    group = groups.get(connection, group_id, lock=True)
    if group.state == GroupState.EMERGING:
        if not _check_threshold(connection, config, group, now):
            return
        group = groups.get(connection, group_id)
    elif group.state == GroupState.FILED and group.issue_id is None:
        _check_filing(connection, config, group, now)
        return
    elif group.state == GroupState.FIXED and group.watch_until <= now:
        groups.change(
            connection, group_id, state=GroupState.CLOSED, reason="it did not come back"
        )
        group = groups.get(connection, group_id)
    if group.state == GroupState.READY and (
        group.file_at is None or group.file_at <= now
    ):
        _file(connection, config, group, now)
    if group.issue_id is not None and group.state != GroupState.MUTED:
        filing.keep_up(connection, config, group, now)
        incidents.keep_up(connection, config, group, now)


def complained(
    connection: Connection,
    config: Config,
    group_id: int,
    ticket_id: int,
    at: datetime,
    now: datetime,
) -> None:
    """React to a complaint of a member, new or known: after a fix, it is back.

    A complaint written before the fix and only seen now is no such thing; its customer
    is told like the others, once the issue was read again as still done.
    """
    group = groups.get(connection, group_id, lock=True)
    if group.state != GroupState.FIXED:
        return
    if at <= group.done_at:
        if group.announced_at is not None:
            groups.change(connection, group_id, announce_at=now, announced_at=None)
        return
    _open_again(connection, group, "a customer complained again after the fix", now)
    effects = filing.reopening(connection, config, group, ticket_id)
    outbox.enqueue(connection, effects, now)


def issue_created(
    connection: Connection,
    config: Config,
    group_id: int,
    ref: IssueRef,
    now: datetime,
    follows: Mapping[str, Any] | None = None,
) -> None:
    """Record the issue of a group, then link its tickets.

    It counts as never read: between its creation and now somebody may have moved it,
    and what was delivered about it then was not about an issue we knew. If it follows
    another, the two are linked, and from now on it is the one that counts.
    """
    if follows:
        group = groups.get(connection, group_id, lock=True)
        outbox.enqueue(connection, filing.succession(config, group, ref, follows), now)
        if not is_to_follow(group, follows):
            return
        outbox.enqueue(
            connection, filing.relinking(connection, config, group, ref), now
        )
        reason = f"came back; {ref.key} follows {group.issue_key}"
        groups.change(connection, group_id, reason=reason)
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
    _read_tickets_again(connection, config, group_id, now)


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
        return "not an issue of ours"
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
    if issue.ref.key != group.issue_key:  # it was moved to another project
        _read_tickets_again(connection, config, group.id, now)
    if issue.category is IssueCategory.UNKNOWN:
        return "the tracker does not say whether it is done"
    groups.change(
        connection,
        group.id,
        issue_category=issue.category,
        issue_resolution=issue.resolution,
    )
    said = _follow(connection, config, group, issue, read_at, now)
    plan(connection, config, group.id, now)
    return said


def issue_gone(
    connection: Connection,
    config: Config,
    tracker: str,
    issue_id: str,
    now: datetime,
) -> str:
    """Record that an issue cannot be seen; nobody is told anything.

    Trackers do not tell deleted from hidden, and permissions flicker: only an issue
    that is still missing when it is looked for again mutes its problem.
    """
    group = groups.by_issue(connection, tracker, issue_id)
    if group is None:
        return "not an issue of ours"
    since = group.missing_since or now
    groups.change(connection, group.id, checked_at=now, missing_since=since)
    if group.state == GroupState.MUTED or now - since < config.problems.reread:
        return "not to be seen; looked for again before anything is concluded"
    groups.change(
        connection,
        group.id,
        state=GroupState.MUTED,
        reason=f"the issue {group.issue_key} was deleted or hidden from us",
    )
    _end_episode(connection, group, now)
    return "the issue is gone; the problem is muted until it can be seen again"


def reopen_done(
    connection: Connection,
    config: Config,
    group_id: int,
    issue_id: str,
    moved: bool,
    now: datetime,
    can_link: bool,
) -> None:
    """Record the outcome of our own reopening of ``issue_id``.

    Where there was no way, a new issue is filed for the return, if the tracker
    ``can_link`` it to the old one.
    """
    group = groups.get(connection, group_id, lock=True)
    if group.issue_id != issue_id:
        return  # another one follows it by now
    if moved:
        groups.change(connection, group_id, issue_category=IssueCategory.IN_PROGRESS)
        return
    groups.change(
        connection,
        group_id,
        reason="came back, but the workflow offers no way to reopen the issue",
    )
    if can_link and group.state == GroupState.FILED:
        _file_return(connection, config, group, now)


def is_to_follow(group: AnyRow, follows: Mapping[str, Any]) -> bool:
    """Tell whether a new issue is still to take the place of the one it ``follows``.

    Somebody may have opened that one again, deleted it, or muted the problem.
    """
    return bool(
        group.state == GroupState.FILED
        and group.issue_id == follows["id"]
        and group.episode == follows["episode"]
        and group.issue_category == IssueCategory.DONE
    )


def _read_tickets_again(
    connection: Connection, config: Config, group_id: int, now: datetime
) -> None:
    """Let tickets be decided again of which a field has to name the issue."""
    refs = [
        (EventKind.TICKET_CHANGED, row.source, row.external_id)
        for row in groups.member_tickets(connection, group_id)
        if config.keeps_field(row.source, Topic.PROBLEM)
    ]
    deliveries.accept(connection, deliveries.refresh_rows(refs, now))


# -- before there is an issue


def _check_threshold(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> bool:
    """Make a group ready if it crosses a threshold now."""
    needed = (config.problems.customers, config.problems.fast_customers)
    if group.customers < min((one for one in needed if one), default=0):
        return False  # too few whatever the window; most groups are never more
    crossing = _crossing(connection, config, group.id, now)
    if crossing:
        groups.change(
            connection,
            group.id,
            state=GroupState.READY,
            rule=crossing.rule,
            reason=crossing.reason,
            file_at=now + config.problems.settle,
        )
    return crossing is not None


def _crossing(
    connection: Connection, config: Config, group_id: int, now: datetime
) -> Crossing | None:
    sightings = [
        Sighting(str(row.customer_id), row.at)
        for row in groups.sightings(connection, group_id)
    ]
    usual = _usual(sightings, config, now)
    return crossed(sightings, config.problems, now, usual)


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
    crossing = _crossing(connection, config, group.id, now)
    if crossing is None:  # members left while it settled
        groups.change(
            connection, group.id, state=GroupState.EMERGING, file_at=None, reason=""
        )
        return
    group = _name(connection, group)
    effect = filing.creation(
        config,
        group,
        problems.tracker,
        f"issue:{group.id}",
        filing.draft(connection, config, group),
        f"problems.{crossing.rule}",
        crossing.reason,
    )
    outbox.enqueue(connection, [effect], now)
    if config.autonomy.issues is not Mode.OBSERVE:
        groups.change(connection, group.id, state=GroupState.FILED, file_at=None)
    else:
        # Stays ready, and is filed at the first look after the mode was changed.
        groups.change(connection, group.id, file_at=now + problems.reread)


def _file_return(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """File the return of a problem whose issue stays done, once for each episode."""
    draft = filing.return_draft(connection, config, group)
    if draft is None:  # who complained again was deleted or merged since
        return
    effect = filing.creation(
        config,
        group,
        group.tracker,
        f"issue:{group.id}:{group.episode}",
        draft,
        "problems.returned",
        f"complained of again after the fix, and {group.issue_key} cannot be reopened",
    )
    outbox.enqueue(connection, [effect], now)


def _check_filing(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """See what became of the request to file, if it did not end in an issue."""
    state = outbox.state_of(connection, f"issue:{group.id}")
    if state == OutboxState.DISCARDED:
        groups.change(
            connection,
            group.id,
            state=GroupState.MUTED,
            reason="a person decided not to file it",
        )
    elif state == OutboxState.OBSERVED and config.autonomy.issues is not Mode.OBSERVE:
        outbox.revive(connection, f"issue:{group.id}", now)


def _name(connection: Connection, group: AnyRow) -> AnyRow:
    """Name the problem by all its members, now that it is about to be read."""
    found = groups.member_features(connection, group.id)
    kind, name = title([Features.from_json(one) for one in found])
    groups.change(connection, group.id, type=kind, title=name)
    return groups.get(connection, group.id)


# -- following the issue


def _follow(
    connection: Connection,
    config: Config,
    group: AnyRow,
    issue: Issue,
    read_at: datetime,
    now: datetime,
) -> str:
    """Draw the conclusion of a reading; ``group`` is as it was before it."""
    is_done = issue.category is IssueCategory.DONE
    was_done = group.issue_category == IssueCategory.DONE
    if group.state == GroupState.MUTED and group.missing_since is not None:
        groups.change(
            connection,
            group.id,
            state=GroupState.FILED,
            reason="the issue can be seen again",
        )
        group, was_done = groups.get(connection, group.id), False
    if is_done and not was_done:
        return _done(connection, config, group, issue, read_at, now)
    if is_done and group.state == GroupState.WONT_DO:
        # Workflows may set the resolution in a step of its own.
        if issue.resolution != group.issue_resolution:
            return _done(connection, config, group, issue, read_at, now)
    elif is_done:
        return _announce(connection, config, group.id, read_at, now)
    elif was_done and group.state in (GroupState.FIXED, GroupState.WONT_DO):
        _open_again(connection, group, "the issue was reopened by a person", now)
        return "reopened"
    return "no step to or from done"


def _done(
    connection: Connection,
    config: Config,
    group: AnyRow,
    issue: Issue,
    read_at: datetime,
    now: datetime,
) -> str:
    if group.state not in (GroupState.FILED, GroupState.WONT_DO):
        return f"done, but the problem is {group.state}"
    if not _is_fixed(config, issue):
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
    return f"fixed; {_announce(connection, config, group.id, read_at, now)}"


def _is_fixed(config: Config, issue: Issue) -> bool:
    """Tell whether an issue that is done is fixed; the tracker's settings go first."""
    if issue.meaning is not None:
        return issue.meaning is Meaning.FIXED
    if not issue.resolution:
        return config.problems.fixed_without_resolution
    known = {name.casefold() for name in config.problems.fixed_resolutions}
    return issue.resolution.casefold() in known


def _announce(
    connection: Connection,
    config: Config,
    group_id: int,
    read_at: datetime,
    now: datetime,
) -> str:
    """Tell the customers once the fix has stood for its settle time.

    What counts is a reading from after that time: an earlier one may be out of date.
    """
    group = groups.get(connection, group_id)
    if group.state != GroupState.FIXED or group.announce_at is None:
        return "no step to or from done"
    if group.announced_at is not None:
        return "no step to or from done"
    if read_at < group.announce_at:
        return "customers are told when it has stood for its settle time"
    told, unreachable = followups.announce(connection, config, group, now)
    groups.change(connection, group.id, announced_at=now)
    said = f"it has stood for its settle time: {told} customers are told"
    return said + (f", {unreachable} cannot be reached" if unreachable else "")


def _open_again(
    connection: Connection, group: AnyRow, reason: str, now: datetime
) -> None:
    """Go back to filed, and take back what no customer has been sent yet."""
    _end_episode(connection, group, now)
    groups.change(connection, group.id, state=GroupState.FILED, reason=reason)


def _end_episode(connection: Connection, group: AnyRow, now: datetime) -> None:
    """End the present fix; customers may be told again of the next one.

    Its number goes up even if nobody was told: what was enqueued under it stays tied
    to it for ever.
    """
    followups.withdraw(connection, group.id, now)
    groups.change(
        connection,
        group.id,
        episode=group.episode + 1,
        announce_at=None,
        announced_at=None,
        watch_until=None,
    )
