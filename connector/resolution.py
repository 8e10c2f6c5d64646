"""What a reading of an issue means for its problem: done, fixed, open again, gone.

Each conclusion is drawn from the step between two readings. When a problem is filed,
and what else should be true of it, is decided in ``connector.escalation``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import followups
from connector.config import Config
from connector.models import GroupState, Issue, IssueCategory, Meaning
from connector.store import groups, timeline
from connector.store.schema import AnyRow


def follow(
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
        open_again(connection, group, "the issue was reopened by a person", now)
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


def open_again(
    connection: Connection, group: AnyRow, reason: str, now: datetime
) -> None:
    """Go back to filed, and take back what no customer has been sent yet."""
    end_episode(connection, group, now)
    groups.change(connection, group.id, state=GroupState.FILED, reason=reason)
    timeline.note(connection, group.id, "reopened", reason, now)


def end_episode(connection: Connection, group: AnyRow, now: datetime) -> None:
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


def gone(
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
    end_episode(connection, group, now)
    return "the issue is gone; the problem is muted until it can be seen again"
