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
from connector.store import former, groups, timeline
from connector.store.schema import AnyRow

NO_STEP = "no step to or from done"


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
    if groups.is_declined(group):
        return _declined(connection, config, group, issue, now)
    is_ours = group.muted_from is None  # who muted it: we did, or a person
    if group.state == GroupState.MUTED and group.missing_since is not None and is_ours:
        reason = "the issue can be seen again"
        groups.change(connection, group.id, state=GroupState.FILED, reason=reason)
        timeline.note(connection, group.id, "seen again", reason, now)
        group, was_done = groups.get(connection, group.id), False
    if not is_done:
        return _not_done(connection, group, now) if was_done else NO_STEP
    meaning = meaning_of(config, issue)
    groups.change(connection, group.id, issue_meaning=meaning)
    if was_done and group.state not in (GroupState.FIXED, GroupState.WONT_DO):
        return NO_STEP
    stays = (meaning is Meaning.FIXED) is (group.state == GroupState.FIXED)
    if was_done and stays:
        return _announce(connection, config, group.id, issue, read_at, now)
    # Workflows may set the resolution in a step of its own, and people change it.
    return _done(connection, config, group, issue, read_at, now)


def _declined(
    connection: Connection, config: Config, group: AnyRow, issue: Issue, now: datetime
) -> str:
    """Take note of an issue of which a person said that nothing is done about it."""
    if issue.category is not IssueCategory.DONE:
        return NO_STEP
    meaning = meaning_of(config, issue)
    groups.change(connection, group.id, issue_meaning=meaning)
    said = f"the issue is done as {issue.resolution or 'done'}"
    words = f"{said}; nothing was to be done, and no customer is told"
    if group.issue_category != IssueCategory.DONE:
        timeline.note(connection, group.id, "done", words, now)
    return words


def _not_done(connection: Connection, group: AnyRow, now: datetime) -> str:
    """Follow an issue that was done; a problem that is over may have a successor."""
    if group.state == GroupState.MERGED:
        return _stays(connection, group, group.issue_key, now)
    reason = "the issue was reopened by a person"
    over = group.state == GroupState.CLOSED
    if over and group.successor_id is not None:
        later = groups.heir(connection, groups.get(connection, group.successor_id))
        words = f"{reason}; what came since is problem {later.id}"
        timeline.note(connection, group.id, "reopened", words, now)
        return "reopened, but another problem followed"
    if over or group.state in (GroupState.FIXED, GroupState.WONT_DO):
        open_again(connection, group, reason, now)
        return "reopened"
    return NO_STEP


def _done(
    connection: Connection,
    config: Config,
    group: AnyRow,
    issue: Issue,
    read_at: datetime,
    now: datetime,
) -> str:
    if group.state == GroupState.FIXED:  # somebody thought better of it
        end_episode(connection, group, now)
    elif group.state not in (GroupState.FILED, GroupState.WONT_DO):
        return f"done, but the problem is {group.state}"
    if meaning_of(config, issue) is not Meaning.FIXED:
        what = issue.resolution or "no resolution"
        reason = f"the issue is done with {what}, which does not mean fixed"
        groups.change(
            connection,
            group.id,
            state=GroupState.WONT_DO,
            reason=reason,
            done_at=now,
            done_customers=group.customers,
        )
        timeline.note(connection, group.id, "done", reason, now)
        return "done, but not as fixed: no customer is told"
    reason = f"the issue is done as {issue.resolution or 'done'}"
    groups.change(
        connection,
        group.id,
        state=GroupState.FIXED,
        reason=reason,
        done_at=_fixed_at(group, issue, now),
        announce_at=now + config.problems.fix_settle,
        announced_at=None,
        watch_until=now + max(config.problems.watch, config.problems.reopen_within),
    )
    timeline.note(connection, group.id, "fixed", reason, now)
    said = _announce(connection, config, group.id, issue, read_at, now)
    return f"fixed; {said}"


def _fixed_at(group: AnyRow, issue: Issue, now: datetime) -> datetime:
    """Say since when it is fixed: now, unless that was before it was this problem's.

    Whoever complained after such a fix does not have it, and is not told of it.
    """
    since = issue.resolved_at
    return since if since is not None and since < group.filed_at else now


def meaning_of(config: Config, issue: Issue) -> Meaning | None:
    """Return what it means that an issue is done; the tracker's settings go first.

    None is a resolution that nobody named, or none where that does not mean fixed.
    """
    if issue.meaning is not None:
        return issue.meaning
    if not issue.resolution:
        is_fixed = config.problems.fixed_without_resolution
        return Meaning.FIXED if is_fixed else None
    known = {name.casefold() for name in config.problems.fixed_resolutions}
    return Meaning.FIXED if issue.resolution.casefold() in known else issue.usually


def _announce(
    connection: Connection,
    config: Config,
    group_id: int,
    issue: Issue,
    read_at: datetime,
    now: datetime,
) -> str:
    """Tell the customers once the fix has stood for its settle time.

    What counts is a reading from after that time: an earlier one may be out of date. An
    issue that was open and done again between two readings starts anew.
    """
    group = groups.get(connection, group_id)
    if group.state != GroupState.FIXED or group.announce_at is None:
        return NO_STEP
    if group.announced_at is not None:
        return NO_STEP
    settled_at = group.announce_at
    if issue.resolved_at is not None and issue.resolved_at <= read_at:
        settled_at = max(settled_at, issue.resolved_at + config.problems.fix_settle)
        groups.change(connection, group.id, announce_at=settled_at)
    if read_at < settled_at:
        return "customers are told when it has stood for its settle time"
    done = followups.announce(connection, config, group, now)
    groups.change(connection, group.id, announced_at=now)
    said = "it has stood for its settle time"
    if done.is_cancelled:
        return f"{said}: a person decided that nobody is told"
    if done.waiting:
        return f"{said}: {followups.customers(done.waiting)} wait for an approval"
    out = f", {done.left_out} left out" if done.left_out else ""
    return f"{said}: {done.told} customers are told{out}"


def former_read(connection: Connection, issue: Issue, now: datetime) -> str:
    """Take note of an issue that a problem had before another took its place.

    The problem stays with the other one, whoever opens this one again.
    """
    known = former.find(connection, issue.ref.source, issue.ref.external_id)
    if known is None or former.is_awaited(known):
        return "not an issue of ours"
    if issue.category is IssueCategory.UNKNOWN:
        return NO_STEP
    former.seen(connection, known, issue.category)
    was_done = known.category == IssueCategory.DONE
    group = groups.get(connection, known.group_id)
    if groups.heir(connection, group).issue_id is None:
        return "its problem has no issue by now"
    if issue.category is IssueCategory.DONE or not was_done:
        return "the problem has another issue by now"
    return _stays(connection, group, issue.ref.key, now)


def _stays(connection: Connection, group: AnyRow, key: str, now: datetime) -> str:
    """Note that an issue was reopened whose problem has gone on with another one."""
    heir = groups.heir(connection, group)
    words = f"{key} was reopened by a person; the problem stays with {heir.issue_key}"
    timeline.note(connection, heir.id, "duplicate", words, now)
    return words


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
    if group.state == GroupState.MERGED:
        return "not to be seen, nor looked for: its problem is part of another"
    since = group.missing_since or now
    groups.change(connection, group.id, checked_at=now, missing_since=since)
    is_aside = group.state == GroupState.MUTED or groups.is_declined(group)
    if is_aside or now - since < config.problems.reread:
        return "not to be seen; looked for again before anything is concluded"
    reason = (
        f"the issue {group.issue_key} was deleted or hidden from us: file the problem "
        f"again with 'complaint-connector groups file {group.id}', or leave it muted"
    )
    groups.change(connection, group.id, state=GroupState.MUTED, reason=reason)
    timeline.note(connection, group.id, "issue gone", reason, now)
    end_episode(connection, group, now)
    return "the issue is gone; the problem is muted until it can be seen again"
