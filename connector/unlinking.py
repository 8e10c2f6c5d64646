"""Problems whose issue a person let go: it was another one's, or came too early.

Such a problem counts and is held, muted, until a person links or files one, or ends
that. Nothing of the issue is deleted or closed: it gets one comment, after a time in
which the person may think better of it; then agents read it on the tickets, too.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from connector import filing, issue_text, resolution
from connector.config import Config
from connector.models import GroupState, Operation
from connector.store import former, groups, outbox, timeline
from connector.store.schema import AnyRow

#: What is asked of the issue of a problem, and on tickets about it.
_ABOUT_ISSUE = (
    Operation.UPDATE_ISSUE,
    Operation.COMMENT_ISSUE,
    Operation.LINK_TICKET,
    Operation.LINK_ISSUES,
    Operation.REOPEN_ISSUE,
    Operation.RAISE_PRIORITY,
    Operation.ADD_WATCHER,
    Operation.SHOW_ISSUE,
)


def begin(
    connection: Connection, config: Config, group: AnyRow, who: str, now: datetime
) -> None:
    """Let a problem have no issue, nor one that was asked for and not made yet."""
    key = group.issue_key or "its issue"
    why = f"{who} let {key} go"
    for operation in (Operation.CREATE_ISSUE, *_ABOUT_ISSUE):
        ids = outbox.untried(connection, group.id, operation)
        outbox.unask(connection, ids, why, now)
    if group.issue_id is not None:
        _leave_issue(connection, config, group, now)
    hold: dict[str, object] = {"muted_from": GroupState.EMERGING}
    if group.muted_from is None:  # no person set it aside: that it is held is all
        hold = {"state": GroupState.MUTED, "reason": f"{why}; it is not filed"}
    groups.change(connection, group.id, file_at=None, **hold)
    timeline.note(connection, group.id, "unlinked", f"{key} is let go", now, who)


def _leave_issue(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    is_ours = _is_ours(connection, group)
    if (is_ours or _is_written_to(connection, group)) and group.missing_since is None:
        outbox.enqueue(connection, [_comment(config, group, now)], now)
    give_up_issue(connection, group)
    former.forget_awaited(connection, group.id)
    if not is_ours:
        # One of other people's is theirs again; what duplicates it is not ours.
        former.drop(connection, group.tracker, group.issue_id)
    if groups.is_declined(group):
        return  # agents read of that, whatever issue there is
    is_set_aside = group.muted_from is not None
    is_over = {group.state, group.muted_from} & {GroupState.FIXED, GroupState.WONT_DO}
    if is_over:  # what was done there was not about this problem
        groups.change(connection, group.id, done_at=None)
    if is_over or is_set_aside:
        resolution.end_episode(connection, group, now)
    if not is_set_aside:
        settled_at = now + config.problems.fix_settle
        groups.change(connection, group.id, announce_at=settled_at)


def _is_ours(connection: Connection, group: AnyRow) -> bool:
    """Tell whether we filed the issue that a problem has."""
    filed = outbox.done(connection, group.id, Operation.CREATE_ISSUE)
    ours = {(row.source, row.result["id"]) for row in filed}
    return (group.tracker, group.issue_id) in ours


def _is_written_to(connection: Connection, group: AnyRow) -> bool:
    """Tell whether anything of ours is to be read on the issue of a problem."""
    written = [outbox.latest(connection, group.id, one) for one in _ABOUT_ISSUE]
    return any(row is not None and row.target == group.issue_id for row in written)


def _comment(config: Config, group: AnyRow, now: datetime) -> outbox.Effect:
    """Ask for the one comment; in a line of its own, for nothing is to wait for it."""
    key = f"{_prefix(group.id)}{group.issue_id}:{now:%Y-%m-%dT%H:%M:%S}"
    text = issue_text.say(config.problems.language, "unlinked")
    body = {"body": issue_text.paragraph(text)}
    why = "a person said that it is not the issue of the problem"
    effect = filing.issue_effect(config, group, Operation.COMMENT_ISSUE, key, body, why)
    due_at = now + config.problems.fix_settle
    return replace(effect, ordering_key=key, due_at=due_at)


def _prefix(group_id: int) -> str:
    return f"unlinked:{group_id}:"


def take_back(
    connection: Connection, group: AnyRow, issue_id: str, now: datetime
) -> None:
    """Prepare a problem for the issue that it gets, be it the same again."""
    asked = outbox.beginning(
        connection, group.id, Operation.COMMENT_ISSUE, _prefix(group.id)
    )
    ids = {row.id for row in asked if row.target == issue_id}
    ids &= set(outbox.untried(connection, group.id, Operation.COMMENT_ISSUE))
    outbox.unask(connection, ids, "it is the issue of the problem again", now)
    if groups.is_held(group):
        groups.change(connection, group.id, announce_at=None)


def settle(
    connection: Connection, group: AnyRow, now: datetime, at_once: bool = False
) -> AnyRow:
    """Let agents read what nobody has taken back in the settle time."""
    is_due = group.announce_at is not None and (at_once or group.announce_at <= now)
    if not groups.is_held(group) or not is_due:
        return group
    groups.change(connection, group.id, announce_at=None, episode=group.episode + 1)
    return groups.get(connection, group.id)


def give_up_issue(connection: Connection, group: AnyRow) -> None:
    """Let a problem be filed anew, as if it had never had an issue."""
    former.keep(connection, group)
    outbox.ask_anew(
        connection,
        group.id,
        [Operation.CREATE_ISSUE, Operation.LINK_TICKET, Operation.SHOW_ISSUE],
    )
    groups.change(
        connection,
        group.id,
        tracker=None,
        issue_id=None,
        issue_key=None,
        issue_url=None,
        issue_category=None,
        missing_since=None,
        priority=None,
    )
