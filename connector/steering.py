"""What people say is to become of a problem: its name, its issue, whether it is muted.

Which tickets belong to it is put right in ``connector.correcting``.
"""

from __future__ import annotations

import shlex
from datetime import datetime

from sqlalchemy import Connection

from connector import declining, escalation, issue_text, muting, unlinking
from connector.config import Config
from connector.correcting import Done, Refused, open_problems
from connector.models import GroupState, Issue, IssueCategory, Mode, Operation
from connector.spans import in_words
from connector.store import groups, outbox, timeline
from connector.store.schema import AnyRow

TITLE_LIMIT = 200


def rename(
    connection: Connection, group_id: int, name: str, who: str, now: datetime
) -> Done:
    """Give a problem a name that we do not change any more."""
    (group,) = open_problems(connection, group_id)
    name = " ".join(name.split())
    if not name or len(name) > TITLE_LIMIT:
        raise Refused(f"a title has 1 to {TITLE_LIMIT} characters")
    groups.change(connection, group.id, title=name, is_named=True)
    words = f"called {name!r}, before {group.title!r}"
    timeline.note(connection, group.id, "renamed", words, now, who)
    filed = group.issue_id is not None
    kept = (f"the title of {group.issue_key} is left to people",) if filed else ()
    return Done(
        group.id,
        f"problem {group.id} is called {name!r}",
        kept,
        shlex.join(["groups", "rename", str(group.id), group.title]),
    )


def mute(
    connection: Connection,
    group_id: int,
    until: datetime | None,
    who: str,
    now: datetime,
) -> Done:
    """Let a problem count, but file and comment nothing."""
    (group,) = open_problems(connection, group_id)
    if group.state == GroupState.CLOSED:
        raise Refused(f"problem {group.id} is closed; there is nothing to mute")
    if until is not None and until <= now:
        raise Refused(f"{until:%Y-%m-%d %H:%M} UTC is over already")
    undo = f"groups unmute {group.id}"
    if group.state == GroupState.MUTED:
        undo = _mute_of(group)
        unlinking.settle(connection, group, now, at_once=True)
    elif groups.is_declined(group):
        undo = f"groups wont-do {group.id}"
        declining.leave(connection, group, now)
    muting.begin(connection, group, until, who, now)
    end = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until you unmute it"
    return Done(
        group.id,
        f"problem {group.id} is muted {end}: it counts, but nothing is filed, "
        "commented or told",
        undo=undo,
    )


def unmute(
    connection: Connection, config: Config, group_id: int, who: str, now: datetime
) -> Done:
    """End a mute, whoever began it, and catch up."""
    (group,) = open_problems(connection, group_id)
    if group.state != GroupState.MUTED:
        raise Refused(f"problem {group.id} is not muted")
    came = escalation.unmute(connection, config, group, who, now)
    state = groups.get(connection, group.id).state
    return Done(
        group.id,
        f"problem {group.id} is not muted any more, and is {state}",
        (came,) if came else (),
        _mute_of(group),
    )


def wont_do(
    connection: Connection, config: Config, group_id: int, who: str, now: datetime
) -> Done:
    """Let nothing be done about a problem but to count."""
    (group,) = open_problems(connection, group_id)
    if muting.origin(group) in (GroupState.FIXED, GroupState.CLOSED):
        raise Refused(f"problem {group.id} is fixed: there is nothing left to do")
    if groups.is_declined(group) and group.customers == group.done_customers:
        raise Refused(f"that nothing is done about problem {group.id} was said already")
    is_muted = group.state == GroupState.MUTED
    declining.begin(connection, config, group, who, now)
    escalation.plan(connection, config, group.id, now)
    filed = group.issue_id is not None
    kept = (f"{group.issue_key} is left open or done as it is",) if filed else ()
    return Done(
        group.id,
        f"nothing is done about problem {group.id}: it counts, but is not filed, and "
        "no customer is told of a fix",
        (
            *kept,
            "agents read it on their tickets after "
            f"{in_words(config.problems.fix_settle)}",
            "twice as many customers are shown as a finding",
        ),
        _mute_of(group) if is_muted else f"groups reconsider {group.id}",
    )


def reconsider(
    connection: Connection, config: Config, group_id: int, who: str, now: datetime
) -> Done:
    """Take back that nothing is done about a problem; it goes on as before."""
    (group,) = open_problems(connection, group_id)
    if not groups.is_declined(group):
        closed = group.state == GroupState.WONT_DO
        how = f"; open {group.issue_key} again in the tracker" if closed else ""
        raise Refused(f"nobody said that nothing is done about problem {group.id}{how}")
    declining.end(connection, group, who, now)
    escalation.plan(connection, config, group.id, now)
    state = groups.get(connection, group.id).state
    return Done(
        group.id,
        f"something may be done about problem {group.id} again, and it is {state}",
        (f"{group.issue_key} is read anew",) if group.issue_id is not None else (),
        f"groups wont-do {group.id}",
    )


def file_now(
    connection: Connection, config: Config, group_id: int, who: str, now: datetime
) -> Done:
    """File a problem, whatever the thresholds say."""
    (group,) = open_problems(connection, group_id)
    if config.problems.tracker is None:
        raise Refused("problems.tracker is not set: there is nowhere to file it")
    if group.missing_since is not None and group.state == GroupState.MUTED:
        unlinking.give_up_issue(connection, group)
        groups.change(connection, group.id, muted_from=None, muted_until=None)
    elif group.issue_id is not None:
        raise Refused(f"problem {group.id} is filed already, as {group.issue_key}")
    elif groups.is_held(group):
        unlinking.settle(connection, group, now, at_once=True)
        outbox.free(connection, f"issue:{group.id}")
    elif group.state == GroupState.MUTED:
        raise Refused(f"problem {group.id} is muted; unmute it first")
    elif groups.is_declined(group):
        raise Refused(f"nothing is done about problem {group.id}; reconsider it first")
    if group.state == GroupState.FILED:
        raise Refused(f"the issue of problem {group.id} waits in the outbox already")
    if group.state == GroupState.CLOSED:
        raise Refused(f"problem {group.id} is closed")
    if not group.customers:
        raise Refused(f"nobody counts in problem {group.id}; imports do not")
    so_far = issue_text.customers("en", group.customers)
    words = f"{who} asked for it, with {so_far} so far"
    groups.change(
        connection,
        group.id,
        state=GroupState.READY,
        rule=escalation.ASKED_FOR,
        reason=words,
        file_at=now,
    )
    timeline.note(connection, group.id, "asked for", "to be filed now", now, who)
    escalation.plan(connection, config, group.id, now)
    mode = config.autonomy.issues
    then = {
        Mode.OBSERVE: "autonomy.issues is observe: it is only recorded",
        Mode.SUGGEST: "it waits for an approval: complaint-connector outbox retry ID",
        Mode.ACT: "it is filed within moments",
    }
    return Done(
        group.id,
        f"problem {group.id} is to be filed in {config.problems.tracker}",
        (then[mode],),
        f"groups unlink {group.id}",
    )


def link(
    connection: Connection,
    config: Config,
    group_id: int,
    issue: Issue,
    who: str,
    now: datetime,
) -> Done:
    """Make an issue that exists the one of a problem; ``issue`` was just read."""
    (group,) = open_problems(connection, group_id)
    known = groups.by_issue(connection, issue.ref.source, issue.ref.external_id)
    if known is not None:
        whose = "this one" if known.id == group.id else f"problem {known.id}"
        raise Refused(f"{issue.ref.key} is the issue of {whose} already")
    if issue.category is IssueCategory.DONE:
        raise Refused(f"{issue.ref.key} is done; open it again, then link it")
    if group.state == GroupState.CLOSED:
        raise Refused(f"problem {group.id} is closed")
    ids = outbox.untried(connection, group.id, Operation.CREATE_ISSUE)
    if outbox.is_under_way(connection, group.id, Operation.CREATE_ISSUE):
        raise Refused(f"an issue for problem {group.id} is just being filed; wait")
    outbox.unask(connection, ids, f"it has {issue.ref.key}", now)
    escalation.linked(connection, config, group, issue.ref, who, now)
    follows: tuple[str, ...] = ()
    undo = f"groups unlink {group.id}"
    if group.issue_id is not None:
        follows = (f"{group.issue_key} is left as it is, and not followed any more",)
        undo = f"groups link {group.id} {group.issue_key}"
    if groups.is_declined(group):
        follows += ("still nothing is done about the problem but to count",)
    return Done(
        group.id, f"{issue.ref.key} is the issue of problem {group.id}", follows, undo
    )


def unlink(
    connection: Connection, config: Config, group_id: int, who: str, now: datetime
) -> Done:
    """Let a problem have no issue, nor be filed before a person says so."""
    (group,) = open_problems(connection, group_id)
    if group.state == GroupState.CLOSED:
        raise Refused(f"problem {group.id} is closed")
    is_asked = group.state in (GroupState.READY, GroupState.FILED)
    if group.issue_id is None and not is_asked:
        raise Refused(f"problem {group.id} has no issue")
    # First: none of these is begun by another process from here on.
    outbox.untried(connection, group.id, Operation.CREATE_ISSUE)
    if outbox.is_under_way(connection, group.id, Operation.CREATE_ISSUE):
        raise Refused(f"an issue for problem {group.id} is just being filed; wait")
    unlinking.begin(connection, config, group, who, now)
    escalation.plan(connection, config, group.id, now)
    follows: tuple[str, ...] = (
        "it counts, but is not filed before you file it, link an issue or end its mute",
    )
    if groups.is_declined(group):
        follows = ("still nothing is done about the problem but to count",)
    if group.issue_id is None:
        did = f"no issue is made for problem {group.id}"
        return Done(group.id, did, follows, f"groups file {group.id}")
    undo = f"groups link {group.id} {group.issue_key}"
    if group.issue_category == IssueCategory.DONE:
        undo = ""
        follows += (f"to link {group.issue_key} again, open it first",)
    settled = in_words(config.problems.fix_settle)
    return Done(
        group.id,
        f"{group.issue_key} is not the issue of problem {group.id} any more",
        (
            f"{group.issue_key} is left as it is, and says so in a comment after "
            f"{settled} if we wrote there",
            *follows,
        ),
        undo,
    )


def _mute_of(group: AnyRow) -> str:
    """Return the command that mutes a problem as it was muted before."""
    until = f" --until {group.muted_until.isoformat()}" if group.muted_until else ""
    return f"groups mute {group.id}{until}"
