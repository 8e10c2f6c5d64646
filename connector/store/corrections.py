"""Members and problems as people put them right: who goes where, and what it was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, tuple_, update

from connector.models import GroupState, TicketRef
from connector.store.problem_tables import groups, members
from connector.store.schema import AnyRow, tickets

#: The newest tickets of a cluster say what it is about; more would only cost.
SPOKEN_FOR = 200

#: The cluster of the grouper's memory in which a member is.
_CLUSTER = func.coalesce(members.c.cluster_id, members.c.group_id)


def find_members(
    connection: Connection, refs: Iterable[TicketRef]
) -> dict[TicketRef, AnyRow]:
    """Return the memberships of those of these tickets that have one."""
    query = (
        select(members, tickets.c.source, tickets.c.external_id)
        .select_from(members.join(tickets, members.c.ticket_id == tickets.c.id))
        .where(tuple_(tickets.c.source, tickets.c.external_id).in_(list(refs)))
        .order_by(members.c.seq)
    )
    return {
        TicketRef(row.source, row.external_id): row for row in connection.execute(query)
    }


def of_clusters(
    connection: Connection, group_id: int, clusters: Collection[int]
) -> Sequence[int]:
    """Return the tickets of a problem that came to it from others, or with them."""
    query = select(members.c.ticket_id).where(
        members.c.group_id == group_id, _CLUSTER.in_(list(clusters))
    )
    return connection.scalars(query.order_by(members.c.seq)).all()


def clusters_of(connection: Connection, ticket_ids: Collection[int]) -> set[int]:
    query = select(_CLUSTER).where(members.c.ticket_id.in_(list(ticket_ids)))
    return set(connection.scalars(query))


def newest_of_cluster(connection: Connection, cluster_id: int) -> list[int]:
    """Return the tickets by which a cluster is remembered after a correction."""
    # Only such a group can hold members of the cluster: by that they are found.
    holders = select(groups.c.merged_into).where(groups.c.id == cluster_id)
    query = (
        select(members.c.ticket_id)
        .where(
            or_(
                members.c.group_id == cluster_id,
                members.c.group_id == holders.scalar_subquery(),
            ),
            _CLUSTER == cluster_id,
        )
        .order_by(members.c.seq.desc())
        .limit(SPOKEN_FOR)
    )
    return list(connection.scalars(query))


def move(
    connection: Connection,
    ticket_ids: Collection[int],
    group_id: int,
    who: str,
    reason: str,
) -> None:
    """Put members into a problem and into the cluster it began as."""
    connection.execute(
        update(members)
        .where(members.c.ticket_id.in_(list(ticket_ids)))
        .values(
            group_id=group_id,
            cluster_id=None,
            # Memory is replayed as it came about.
            placed_in=func.coalesce(members.c.placed_in, _CLUSTER),
            placed_by=who,
            reason=reason,
        )
    )


def absorb(connection: Connection, group_id: int, into: int) -> None:
    """Let a problem, and all that became part of it, be part of another one.

    Each member stays in its cluster: newcomers of every wording find their way.
    """
    connection.execute(
        update(members)
        .where(members.c.group_id == group_id)
        .values(group_id=into, cluster_id=_CLUSTER)
    )
    connection.execute(
        update(groups)
        .where(or_(groups.c.id == group_id, groups.c.merged_into == group_id))
        .values(merged_into=into, state=GroupState.MERGED)
    )


def parts(connection: Connection, group_id: int, into: int) -> list[int]:
    """Return a problem that became part of another, and what had become part of it."""
    rows = absorbed(connection, into)
    found: list[int] = []
    newest = [group_id]
    while newest:
        found += newest
        newest = [row.id for row in rows if row.merged_with in newest]
    return found


def release(connection: Connection, group_id: int, of: int) -> None:
    """Let a problem be one of its own again, with all it brought and who followed.

    As by ``absorb`` each member stays in its cluster, so nothing is remembered anew.
    """
    clusters = parts(connection, group_id, of)
    connection.execute(
        update(members)
        .where(members.c.group_id == of, _CLUSTER.in_(clusters))
        .values(group_id=group_id, cluster_id=_CLUSTER)
    )
    connection.execute(
        update(groups).where(groups.c.id.in_(clusters)).values(merged_into=group_id)
    )
    connection.execute(
        update(groups)
        .where(groups.c.id == group_id)
        .values(merged_into=None, merged_with=None, merged_from=None)
    )


def absorbed(connection: Connection, group_id: int) -> Sequence[AnyRow]:
    """Return the problems that became part of this one."""
    query = select(groups).where(groups.c.merged_into == group_id)
    return connection.execute(query.order_by(groups.c.id)).all()


def newest_complaint(
    connection: Connection, group_id: int, ticket_ids: Collection[int] | None = None
) -> AnyRow | None:
    """Return the newest counted member of a problem, or of these tickets of it."""
    query = select(members).where(members.c.group_id == group_id, ~members.c.archived)
    if ticket_ids is not None:
        query = query.where(members.c.ticket_id.in_(list(ticket_ids)))
    newest = query.order_by(members.c.at.desc(), members.c.seq.desc()).limit(1)
    return connection.execute(newest).one_or_none()


def came_between(
    connection: Connection, group_id: int, since: datetime, until: datetime
) -> int:
    """Count the customers whose complaint of a problem came in within that time."""
    query = select(func.count(members.c.customer_id.distinct())).where(
        members.c.group_id == group_id,
        ~members.c.archived,
        members.c.joined_at > since,
        members.c.joined_at <= until,
    )
    return int(connection.scalar(query) or 0)
