"""Problems that are muted: they count, but file nothing and comment nothing.

Until a person ends it, or a time that was said. What came meanwhile is told in one go.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import filing, followups, issue_text
from connector.config import Config
from connector.models import GroupState, IssueCategory, Operation
from connector.store import corrections, groups, outbox, timeline
from connector.store.schema import AnyRow

#: Where a mute leads back to, by the state it began in; not named: to that state.
_BACK = {GroupState.READY: GroupState.EMERGING}


def begin(
    connection: Connection,
    group: AnyRow,
    until: datetime | None,
    who: str,
    now: datetime,
) -> None:
    """Mute a problem, until then or until a person ends it."""
    set_aside(connection, group, GroupState.MUTED, "the problem is muted", now)
    span = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until a person ends it"
    reason = f"muted by {who} {span}"
    groups.change(connection, group.id, muted_until=until, reason=reason)
    timeline.note(connection, group.id, timeline.MUTED, f"muted {span}", now, who)


def set_aside(
    connection: Connection, group: AnyRow, state: GroupState, why: str, now: datetime
) -> None:
    """Let a problem be in ``state`` because a person said so, whatever it was before.

    A request to file it that nobody sent yet is taken back.
    """
    back = origin(group)
    if group.state == GroupState.FILED and group.issue_id is None:
        ids = outbox.untried(connection, group.id, Operation.CREATE_ISSUE)
        if not outbox.is_under_way(connection, group.id, Operation.CREATE_ISSUE):
            outbox.unask(connection, ids, why, now)
            back = GroupState.EMERGING
    followups.untell(connection, group.id, None, why, now)
    groups.change(
        connection,
        group.id,
        state=state,
        muted_from=_BACK.get(back, back),
        muted_until=None,
        file_at=None,
    )


def origin(group: AnyRow) -> GroupState:
    """Return the state that a problem is in, but for what a person set it aside as.

    One that we muted was filed: as a person's mute, that ends by asking again.
    """
    state = GroupState(group.muted_from or group.state)
    return GroupState.FILED if state is GroupState.MUTED else state


def is_over(group: AnyRow, now: datetime) -> bool:
    return bool(
        group.state == GroupState.MUTED
        and group.muted_until is not None
        and group.muted_until <= now
    )


def end(
    connection: Connection, config: Config, group: AnyRow, who: str, now: datetime
) -> str:
    """End a mute; return in words what came meanwhile, empty if nothing did.

    With an issue that is said there in a comment, without one in the issue that is
    filed later.
    """
    # Without a state before it we muted it: its issue was gone, or not to be filed.
    back = GroupState(group.muted_from or GroupState.FILED)
    groups.change(connection, group.id, muted_from=None, muted_until=None)
    is_open = resume(connection, group, back, now) is GroupState.FILED
    mute = timeline.last_mute(connection, group.id)
    since = now if mute is None else mute[0]
    came = corrections.came_between(connection, group.id, since, now)
    who_came = issue_text.customers("en", came)
    words = f"{who_came} wrote while it was muted, from {since:%Y-%m-%d} on"
    said = words if came else "the mute ended"
    timeline.note(connection, group.id, timeline.UNMUTED, said, now, who)
    if not came:
        return ""
    if is_open and group.issue_id is not None:
        effect = _summary(config, group, came, since)
        outbox.enqueue(connection, [effect], now)
    return words


def resume(
    connection: Connection, group: AnyRow, back: GroupState, now: datetime
) -> GroupState:
    """Let a problem go on from the state it was in; return the one it is in.

    What became of its issue meanwhile was not acted on: its next reading is one like
    the first.
    """
    if back is GroupState.FILED and group.issue_id is None:
        if not outbox.is_under_way(connection, group.id, Operation.CREATE_ISSUE):
            outbox.free(connection, f"issue:{group.id}")  # it was taken back
            back = GroupState.EMERGING
    is_open = back is GroupState.FILED
    groups.change(
        connection,
        group.id,
        state=back,
        reason="",
        issue_category=None if is_open else group.issue_category and IssueCategory.DONE,
        checked_at=None,
        missing_since=None,
    )
    if back is GroupState.FIXED:  # who was not told before, or came meanwhile
        groups.change(connection, group.id, announce_at=now, announced_at=None)
    return back


def _summary(
    config: Config, group: AnyRow, came: int, since: datetime
) -> outbox.Effect:
    """Ask for the one comment on what came; a step reached meanwhile gets no other."""
    language = config.problems.language
    text = issue_text.say(
        language,
        "while_muted",
        came=issue_text.customers(language, came),
        since=f"{since:%Y-%m-%d}",
        customers=issue_text.customers(language, group.customers),
        tickets=group.tickets,
    )
    return filing.issue_effect(
        config,
        group,
        Operation.COMMENT_ISSUE,
        f"told:{group.id}:muted {since:%Y-%m-%dT%H:%M:%S}",
        {"body": issue_text.paragraph(text), "customers": group.customers},
        "its mute ended",
    )
