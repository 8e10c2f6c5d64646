"""Problems that are one, as people say, or as an issue does that is a duplicate.

Which tickets belong to a problem is put right in ``connector.correcting``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import absorbing, followups, muting
from connector.config import Config
from connector.correcting import (
    Done,
    Refused,
    count_tickets,
    go_over,
    open_problems,
    take_in,
)
from connector.models import GroupState, Operation
from connector.store import (
    bonds,
    corrections,
    dialects,
    groups,
    members,
    outbox,
    timeline,
)
from connector.store.schema import AnyRow

#: As what a problem goes on that was this before a merge; not named: filed, if it is.
#: One that was closed may have members who came since.
_BACK = {
    GroupState.FIXED: GroupState.FIXED,
    GroupState.CLOSED: GroupState.FIXED,
    GroupState.WONT_DO: GroupState.WONT_DO,
}


#: What a person may have said of a problem, which stands whatever becomes of others.
_ASIDE = {
    GroupState.MUTED: "muted",
    GroupState.WONT_DO: "not to be done",
}


def merge(
    connection: Connection,
    config: Config,
    group_id: int,
    other_id: int,
    who: str,
    now: datetime,
) -> Done:
    """Make one problem of two.

    The one named first stays, unless only the other has got further towards an issue:
    at most one issue is kept up to date, and what was written on it, and to whom, is
    tied to its problem. What stands of the one that stays:

    - Its issue. One of the other gets a link and a comment, and is left as it is; a
      request to file it that nobody sent yet is taken back.
    - Its state. Fixed: complaints from after the fix that come with the other reopen
      it, and who complained before is told, unless the other's fix was told to them.
      Both fixed: the later fix counts. Won't do, muted: stays so, and counts more.
      Emerging: the thresholds decide anew.
    - Its name; but a name that a person gave goes before one that is ours.
    """
    first, other = open_problems(connection, group_id, other_id)
    stays, goes = first, other
    if _progress(connection, other) > _progress(connection, first):
        stays, goes = other, first
    if stays.state == GroupState.CLOSED:
        raise Refused(f"problems {group_id} and {other_id} are both closed")
    bonds.release(connection, stays.id, goes.id)
    bonds.inherit(connection, goes.id, stays.id)
    came = [row.id for row in members.tickets_of(connection, goes.id, archived=True)]
    _end(connection, goes, stays, who, now)
    _carry_over(connection, stays, goes)
    members.recount(connection, goes.id)
    members.recount(connection, stays.id)
    timeline.note(
        connection, stays.id, "merged", f"problem {goes.id} became part of it", now, who
    )
    take_in(connection, config, stays.id, came, now)
    return Done(
        stays.id,
        f"problem {goes.id} is part of problem {stays.id} now, with "
        f"{count_tickets(came)}; newcomers of both go there",
        tuple(_after_merging(first, stays, goes)),
        f"groups split {stays.id} --part {goes.id}",
    )


def _end(
    connection: Connection, goes: AnyRow, stays: AnyRow, who: str, now: datetime
) -> None:
    """Take back what a problem still asked for, and make it part of another one."""
    ids = outbox.untried(connection, goes.id, Operation.CREATE_ISSUE)
    why = f"its problem became part of problem {stays.id}"
    outbox.unask(connection, ids, why, now)
    followups.untell(connection, goes.id, None, why, now)
    corrections.absorb(connection, goes.id, stays.id)
    groups.change(
        connection,
        goes.id,
        reason=f"became part of problem {stays.id}",
        merged_with=stays.id,
        merged_from=goes.state,
        file_at=None,
        missing_since=None,
    )
    words = f"became part of problem {stays.id}"
    timeline.note(connection, goes.id, "merged", words, now, who)


def _carry_over(connection: Connection, stays: AnyRow, goes: AnyRow) -> None:
    # What came after it while it was closed is not after it now; and what was doubtful
    # of it alone need not be of both.
    groups.change(connection, stays.id, successor_id=None, doubt="")
    if goes.is_named and not stays.is_named:
        groups.change(connection, stays.id, title=goes.title, is_named=True)
    if stays.state == goes.state == GroupState.FIXED and goes.done_at > stays.done_at:
        groups.change(
            connection,
            stays.id,
            done_at=goes.done_at,
            watch_until=max(stays.watch_until, goes.watch_until),
        )


def _progress(connection: Connection, group: AnyRow) -> int:
    """Say how far a problem has got towards an issue of its own."""
    if group.state == GroupState.CLOSED:
        return -1
    if group.issue_id is not None:
        return 3
    if outbox.is_under_way(connection, group.id, Operation.CREATE_ISSUE):
        return 2
    return 0 if group.state == GroupState.EMERGING else 1


def _after_merging(first: AnyRow, stays: AnyRow, goes: AnyRow) -> list[str]:
    said = []
    if stays.id != first.id:
        said.append(f"{stays.id} stays: it has got further towards an issue")
    if goes.issue_id is not None and stays.issue_id is not None:
        said.append(
            f"{goes.issue_key} gets a link to {stays.issue_key} and a comment, and is "
            "left as it is"
        )
    for group, fate in ((stays, "stays so"), (goes, "is not any more")):
        if group.state == GroupState.MUTED or groups.is_declined(group):
            aside = _ASIDE[GroupState(group.state)]
            said.append(f"problem {group.id} was {aside}, and {fate}")
    return said


# -- taken back


def undo(
    connection: Connection,
    config: Config,
    group_id: int,
    part_id: int,
    who: str,
    now: datetime,
) -> Done:
    """Let a problem that became part of another one be itself again, and keep them so.

    It has the tickets it brought, and those that came in its words since; its issue,
    which is read anew; its mute; its fix, and who was told of that. If it was fixed,
    complaints from after that reopen it.
    """
    dialects.serialise(connection, dialects.GROUPING_LOCK)
    found = groups.find(connection, part_id)
    if found is None or found["merged_into"] != group_id:
        raise Refused(f"problem {group_id} has nothing of problem {part_id}")
    # In this order: an issue that turns up late locks them so, without the other lock.
    part = groups.get(connection, part_id, lock=True)
    (whole,) = open_problems(connection, group_id)
    parts = corrections.parts(connection, part.id, whole.id)
    ticket_ids = corrections.of_clusters(connection, whole.id, parts)
    if not ticket_ids:
        raise Refused(f"problem {group_id} has nothing of problem {part_id} any more")
    if len(ticket_ids) == whole.tickets + whole.archived:
        raise Refused(
            f"all tickets of problem {group_id} came with problem {part_id}; nothing "
            "would be left of it"
        )
    told = absorbing.take_back(connection, part.id, now)
    for one in parts[1:]:  # their issues may have been told of the other one's
        absorbing.take_back(connection, one, now)
    corrections.release(connection, part.id, whole.id)
    _go_on(connection, part, whole, now)
    bonds.keep_apart(connection, whole.id, part.id, who, now)
    words = f"not part of problem {whole.id} any more"
    timeline.note(connection, part.id, "split off", words, now, who)
    follows = go_over(connection, config, ticket_ids, whole, part, who, now)
    return Done(
        part.id,
        f"problem {part.id} is itself again, with {count_tickets(ticket_ids)} of "
        f"problem {whole.id}; newcomers follow them",
        (
            *follows,
            *_after_undoing(groups.get(connection, part.id), whole, told),
            f"problems {whole.id} and {part.id} are kept apart",
        ),
        f"groups merge {whole.id} {part.id}",
    )


def _go_on(connection: Connection, part: AnyRow, whole: AnyRow, now: datetime) -> None:
    """Let a problem be what it was before it became part of another one."""
    before = GroupState(part.merged_from)
    # We mute for a lost issue only, which is looked for anew.
    a_person_did = part.muted_from is not None or part.issue_id is None
    if before in _ASIDE and a_person_did:
        reason = f"{_ASIDE[before]}, as before the merge"
        groups.change(connection, part.id, state=before, reason=reason)
    else:
        back = _BACK.get(before, GroupState.FILED)
        muting.resume(connection, part, back, now)
    groups.change(connection, part.id, doubt="")
    if part.successor_id is not None:
        later = groups.get(connection, part.successor_id)
        if groups.heir(connection, later).id == whole.id:
            # Kept apart, the one is not the return of the other.
            groups.change(connection, part.id, successor_id=None)


def _after_undoing(part: AnyRow, whole: AnyRow, told: bool) -> list[str]:
    said = []
    if part.state == GroupState.MUTED or groups.is_declined(part):
        aside = _ASIDE[GroupState(part.state)]
        said.append(f"problem {part.id} is {aside} again")
    elif part.issue_id is not None:
        said.append(f"{part.issue_key} is its issue again, and is read anew")
    elif part.state == GroupState.EMERGING:
        said.append(
            f"problem {part.id} has a count of its own, and is filed at its own "
            "threshold"
        )
    if told:
        said.append(
            f"what {part.issue_key} was told of the merge stays there; take it off by "
            "hand"
        )
    if part.is_named and part.title == whole.title:
        said.append(f"problem {whole.id} keeps the name too; groups rename changes it")
    return said
