"""Problems that are one, as people say, or as an issue does that is a duplicate.

Which tickets belong to a problem is put right in ``connector.correcting``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import followups
from connector.config import Config
from connector.correcting import Done, Refused, open_problems, take_in
from connector.models import GroupState, Operation
from connector.store import bonds, corrections, groups, outbox, timeline
from connector.store.schema import AnyRow


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
    came = [row.id for row in groups.member_tickets(connection, goes.id, archived=True)]
    _end(connection, goes, stays, who, now)
    _carry_over(connection, stays, goes)
    groups.recount(connection, goes.id)
    groups.recount(connection, stays.id)
    timeline.note(
        connection, stays.id, "merged", f"problem {goes.id} became part of it", now, who
    )
    take_in(connection, config, stays.id, came, now)
    return Done(
        stays.id,
        f"problem {goes.id} is part of problem {stays.id} now, with "
        f"{len(came)} tickets; newcomers of both go there",
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
        if group.state == GroupState.MUTED:
            said.append(f"problem {group.id} was muted, and {fate}")
    return said
