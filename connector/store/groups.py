"""Groups (problems): what each is, and which of them want something done.

Who is in them is in ``connector.store.members``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    exists,
    func,
    or_,
    select,
    union_all,
    update,
)

from connector.models import GroupState
from connector.store.problem_tables import former_issues, group_bonds, groups
from connector.store.schema import AnyRow

#: Built once: making a statement costs as much as running it.
_CREATE = groups.insert().returning(groups.c.id)
_GET = select(groups).where(groups.c.id == bindparam("group_id"))
_GET_LOCKED = _GET.with_for_update()
_PART = groups.alias("part")
_FOLLOWED_BY = select(groups).where(
    groups.c.successor_id.in_(
        union_all(
            select(bindparam("of_group", type_=groups.c.id.type)),
            select(_PART.c.id).where(_PART.c.merged_into == bindparam("of_group")),
        )
    )
)


def create(connection: Connection, values: dict[str, Any]) -> int:
    return int(connection.execute(_CREATE, values).scalar_one())


def get(connection: Connection, group_id: int, lock: bool = False) -> AnyRow:
    statement = _GET_LOCKED if lock else _GET
    return connection.execute(statement, {"group_id": group_id}).one()


def find(connection: Connection, group_id: int) -> RowMapping | None:
    query = select(groups).where(groups.c.id == group_id)
    return connection.execute(query).mappings().one_or_none()


def heir(connection: Connection, group: AnyRow) -> AnyRow:
    """Return the problem that this one became part of; itself if it did not."""
    while group.merged_into is not None:
        group = get(connection, group.merged_into)
    return group


def change(connection: Connection, group_id: int, **values: Any) -> None:
    connection.execute(update(groups).where(groups.c.id == group_id).values(**values))


def is_declined(group: AnyRow) -> bool:
    """Tell whether a person said that nothing is done about a problem."""
    return group.state == GroupState.WONT_DO and group.muted_from is not None


def is_held(group: AnyRow) -> bool:
    """Tell whether a person said that a problem has no issue, until one files it."""
    return (
        group.state == GroupState.MUTED
        and group.muted_from is None
        and group.issue_id is None
    )


def declined(connection: Connection) -> Sequence[AnyRow]:
    """Return the problems that a person said nothing is done about."""
    query = select(groups).where(
        groups.c.state == GroupState.WONT_DO, groups.c.muted_from.is_not(None)
    )
    return connection.execute(query.order_by(groups.c.id)).all()


def by_issue(connection: Connection, tracker: str, issue_id: str) -> AnyRow | None:
    query = select(groups).where(
        groups.c.tracker == tracker, groups.c.issue_id == issue_id
    )
    return connection.execute(query.with_for_update()).one_or_none()


def predecessor(connection: Connection, group_id: int) -> AnyRow | None:
    """Return the problem that was fixed and closed before this one began."""
    found = [
        row
        for row in _followed_by(connection, group_id)
        if row.issue_id is not None and row.done_at is not None
    ]
    return max(found, key=lambda row: row.id, default=None)


def _followed_by(connection: Connection, group_id: int) -> Sequence[AnyRow]:
    """Return the problems whose successor is this one, or became part of it."""
    return connection.execute(_FOLLOWED_BY, {"of_group": group_id}).all()


def is_known_issue(connection: Connection, tracker: str, issue_id: str) -> bool:
    """Tell whether an issue is a problem's, or was before another took its place."""
    query = union_all(
        select(groups.c.id).where(
            groups.c.tracker == tracker, groups.c.issue_id == issue_id
        ),
        select(former_issues.c.group_id).where(
            former_issues.c.tracker == tracker, former_issues.c.issue_id == issue_id
        ),
    )
    return connection.scalar(query) is not None


def issues_read(
    connection: Connection, tracker: str, issue_ids: Collection[str]
) -> dict[str, datetime | None]:
    """Return when each of these issues was last read, as far as they are ours."""
    query = select(groups.c.issue_id, groups.c.checked_at).where(
        groups.c.tracker == tracker, groups.c.issue_id.in_(list(issue_ids))
    )
    return {row.issue_id: row.checked_at for row in connection.execute(query)}


def predecessors(connection: Connection, group_id: int) -> list[int]:
    """Return the closed problems whose return this is, and theirs."""
    found: list[int] = []
    newest = [group_id]
    while newest:
        before = {row.id for one in newest for row in _followed_by(connection, one)}
        newest = sorted(before - {group_id, *found})
        found += newest
    return found


def alerted(connection: Connection, but: int, since: datetime) -> Sequence[AnyRow]:
    """Return the clusters of filed problems, and of ones about to be, busy ``since``.

    Left out is ``but``, and what a person keeps apart from it.
    """
    one, other = group_bonds.c.one_id, group_bonds.c.other_id
    apart = or_(
        (one == but) & (other == groups.c.id), (other == but) & (one == groups.c.id)
    )
    busy = select(groups.c.id).where(
        groups.c.state.in_([GroupState.READY, GroupState.FILED]),
        groups.c.last_at > since,
        groups.c.id != but,
        ~exists().where(apart),
    )
    problem = func.coalesce(groups.c.merged_into, groups.c.id)
    query = select(groups.c.id.label("cluster_id"), problem.label("group_id"))
    query = query.where(problem.in_(busy)).order_by(groups.c.id)
    return connection.execute(query).all()


def due(connection: Connection, now: datetime) -> list[int]:
    """Return groups that wait no more, for whatever they did, largest first."""
    query = select(groups.c.id).where(
        or_(
            (groups.c.state == GroupState.READY) & (groups.c.file_at <= now),
            (groups.c.state == GroupState.FIXED)
            & (groups.c.watch_until <= now)
            & groups.c.announced_at.is_not(None),
            (groups.c.state == GroupState.MUTED) & (groups.c.muted_until <= now),
            (groups.c.state == GroupState.WONT_DO) & (groups.c.announce_at <= now),
            (groups.c.state == GroupState.MUTED)
            & groups.c.muted_from.is_(None)
            & groups.c.issue_id.is_(None)
            & (groups.c.announce_at <= now),
        )
    )
    return list(
        connection.scalars(query.order_by(groups.c.customers.desc(), groups.c.id))
    )


def issues_to_read(
    connection: Connection, now: datetime, read_before: datetime
) -> Sequence[AnyRow]:
    """Return open issues not read yet or for a while, and fixes that have settled."""
    announce = (
        (groups.c.state == GroupState.FIXED)
        & (groups.c.announce_at <= now)
        & groups.c.announced_at.is_(None)
        & (groups.c.checked_at <= groups.c.announce_at)
    )
    live = or_(
        groups.c.state.in_([GroupState.FILED, GroupState.FIXED, GroupState.WONT_DO]),
        groups.c.missing_since.is_not(None),
    )
    stale = live & or_(groups.c.checked_at.is_(None), groups.c.checked_at < read_before)
    query = select(groups.c.id, groups.c.tracker, groups.c.issue_id).where(
        groups.c.issue_id.is_not(None), or_(announce, stale)
    )
    return connection.execute(query.order_by(groups.c.id)).all()


def listing(
    connection: Connection, state: str | None, limit: int
) -> Sequence[RowMapping]:
    """Return the newest problems; ones that became part of another only if asked."""
    query = select(groups).order_by(groups.c.last_at.desc(), groups.c.id.desc())
    if state:
        query = query.where(groups.c.state == state)
    else:
        query = query.where(groups.c.state != GroupState.MERGED)
    return connection.execute(query.limit(limit)).mappings().all()


def counts(connection: Connection) -> dict[str, int]:
    query = select(groups.c.state, func.count()).group_by(groups.c.state)
    return {state: int(count) for state, count in connection.execute(query)}
