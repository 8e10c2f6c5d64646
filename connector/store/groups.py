"""Groups (problems), their members, and who was told about a fix."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    String,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)

from connector.models import GroupState, TicketStatus
from connector.store.schema import (
    AnyRow,
    customers,
    former_issues,
    group_bonds,
    groups,
    members,
    outbox,
    tickets,
)

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
_MEMBERSHIP = select(members).where(members.c.ticket_id == bindparam("ticket_id"))
_ADD_MEMBER = members.insert().returning(members.c.seq)


def _of_group(value: Any, *conditions: Any) -> Any:
    query = select(value).where(members.c.group_id == bindparam("of_group"))
    return query.where(*conditions).scalar_subquery()


_COUNTED = ~members.c.archived
_OVER = (TicketStatus.CLOSED, TicketStatus.SPAM, TicketStatus.DELETED)


_RECOUNT = (
    update(groups)
    .where(groups.c.id == bindparam("of_group"))
    .values(
        customers=_of_group(func.count(members.c.customer_id.distinct()), _COUNTED),
        tickets=_of_group(func.count(), _COUNTED),
        archived=_of_group(func.count(), members.c.archived),
        # What an issue says was seen between these is what is counted above.
        first_at=func.coalesce(
            _of_group(func.min(members.c.at), _COUNTED),
            _of_group(func.min(members.c.at)),
            groups.c.first_at,
        ),
        last_at=func.coalesce(
            _of_group(func.max(members.c.at), _COUNTED),
            _of_group(func.max(members.c.at)),
            groups.c.last_at,
        ),
    )
)


_AT = bindparam("seen_at", type_=members.c.at.type)
_HAS_SAME_CUSTOMER = exists().where(
    members.c.customer_id == bindparam("of_customer"),
    members.c.group_id == bindparam("of_group"),
    members.c.ticket_id != bindparam("of_ticket"),
    _COUNTED,
)


def _seen(is_first: Any) -> dict[str, Any]:
    first, last = groups.c.first_at, groups.c.last_at
    return {
        "first_at": case((or_(is_first, first > _AT), _AT), else_=first),
        "last_at": case((or_(is_first, last < _AT), _AT), else_=last),
    }


_COUNT_IN = (
    update(groups)
    .where(groups.c.id == bindparam("of_group"))
    .values(
        customers=groups.c.customers + case((_HAS_SAME_CUSTOMER, 0), else_=1),
        tickets=groups.c.tickets + 1,
        **_seen(groups.c.tickets == 0),
    )
)
_NOBODY = (groups.c.tickets == 0) & (groups.c.archived == 0)
_COUNT_IN_ARCHIVED = (
    update(groups)
    .where(groups.c.id == bindparam("of_group"))
    .values(
        archived=groups.c.archived + 1,
        **{
            name: case((groups.c.tickets > 0, groups.c[name]), else_=value)
            for name, value in _seen(_NOBODY).items()
        },
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


def membership(connection: Connection, ticket_id: int) -> AnyRow | None:
    return connection.execute(_MEMBERSHIP, {"ticket_id": ticket_id}).one_or_none()


def add_member(connection: Connection, values: dict[str, Any]) -> int:
    return int(connection.execute(_ADD_MEMBER, values).scalar_one())


def remove_member(connection: Connection, ticket_id: int) -> int | None:
    """Take a ticket out of its group; return the group's id."""
    statement = (
        delete(members)
        .where(members.c.ticket_id == ticket_id)
        .returning(members.c.group_id)
    )
    return connection.execute(statement).scalar_one_or_none()


def move_member(connection: Connection, old_ticket: int, new_ticket: int) -> bool:
    """Let a membership pass to another ticket, unless that one has its own."""
    if membership(connection, new_ticket) is not None:
        return False
    result = connection.execute(
        update(members)
        .where(members.c.ticket_id == old_ticket)
        .values(ticket_id=new_ticket)
    )
    return bool(result.rowcount)


def recount(connection: Connection, group_id: int) -> None:
    """Count a group's distinct customers and its tickets again, and its archive."""
    connection.execute(_RECOUNT, {"of_group": group_id})


def count_in(
    connection: Connection,
    group_id: int,
    ticket_id: int,
    customer_id: int,
    at: datetime,
    archived: bool,
) -> None:
    """Count a ticket that was just added to a group, however many it has."""
    values = {
        "of_group": group_id,
        "of_ticket": ticket_id,
        "of_customer": customer_id,
        "seen_at": at,
    }
    connection.execute(_COUNT_IN_ARCHIVED if archived else _COUNT_IN, values)


def sightings(
    connection: Connection, group_ids: Collection[int], since: datetime
) -> Sequence[AnyRow]:
    """Return who complained when, of all these problems, imported or not."""
    query = (
        select(
            members.c.group_id,
            members.c.customer_id,
            members.c.at,
            members.c.archived,
            members.c.vip,
            customers.c.key,
            customers.c.organization,
        )
        .select_from(members.join(customers))
        .where(members.c.group_id.in_(list(group_ids)), members.c.at > since)
        .order_by(members.c.at, members.c.seq)
    )
    return connection.execute(query).all()


def complaints(
    connection: Connection, group_id: int, since: datetime
) -> Sequence[AnyRow]:
    """Return who complained of what and when, without what was imported."""
    query = select(members.c.customer_id, members.c.at, members.c.features).where(
        members.c.group_id == group_id, members.c.at > since, _COUNTED
    )
    return connection.execute(query.order_by(members.c.at, members.c.seq)).all()


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


def complained_after(
    connection: Connection, group_id: int, customer_id: int, at: datetime | None
) -> bool:
    """Tell whether a customer complained of a problem after that time."""
    query = select(members.c.seq).where(
        members.c.group_id == group_id,
        members.c.customer_id == customer_id,
        members.c.at > at,
        _COUNTED,
    )
    return connection.scalar(query.limit(1)) is not None


def mark_vip(connection: Connection, ticket_id: int, vip: bool) -> None:
    """Write down whether a member's customer is a VIP, as it is by now."""
    connection.execute(
        update(members).where(members.c.ticket_id == ticket_id).values(vip=vip)
    )


def vips(connection: Connection, group_id: int) -> int:
    """Count a group's distinct customers who are VIPs."""
    query = select(func.count(members.c.customer_id.distinct())).where(
        members.c.group_id == group_id, members.c.vip, _COUNTED
    )
    return int(connection.scalar(query) or 0)


def member_features(connection: Connection, group_id: int) -> list[dict[str, Any]]:
    """Return what each member is about, in the order they came."""
    query = select(members.c.features).where(members.c.group_id == group_id)
    return list(connection.scalars(query.order_by(members.c.seq)))


def member_tickets(
    connection: Connection,
    group_id: int,
    ticket_id: int | None = None,
    archived: bool = False,
) -> Sequence[AnyRow]:
    """Return a group's tickets, or one of them, with their customers, oldest first.

    What was imported is left out, unless ``archived`` asks for it too.
    """
    query = (
        select(
            tickets,
            customers.c.key.label("customer_key"),
            customers.c.name.label("customer_name"),
            members.c.joined_at,
            members.c.at.label("complained_at"),
            members.c.reason.label("joined_because"),
            members.c.placed_by,
            members.c.archived,
        )
        .select_from(members.join(tickets).join(customers))
        .where(members.c.group_id == group_id)
        .order_by(members.c.seq)
    )
    if ticket_id is not None:
        query = query.where(tickets.c.id == ticket_id)
    if not archived:
        query = query.where(_COUNTED)
    return connection.execute(query).all()


def seen_again(
    connection: Connection,
    ticket_id: int,
    customer_id: int,
    at: datetime | None,
    now: datetime,
    archived: bool,
) -> bool:
    """Bring a membership up to date; tell whether there is a complaint newer than it.

    An ``archived`` complaint is none. Customers change too: profiles are merged,
    addresses learned.
    """
    known = membership(connection, ticket_id)
    assert known is not None
    is_newer = at is not None and at > known.at
    if is_newer or known.customer_id != customer_id:
        connection.execute(
            update(members)
            .where(members.c.ticket_id == ticket_id)
            .values(
                customer_id=customer_id,
                at=at if is_newer else known.at,
                placed_at=known.placed_at or (known.at if is_newer else None),
                joined_at=now if is_newer else known.joined_at,
                archived=archived if is_newer else known.archived,
            )
        )
        recount(connection, known.group_id)
    return is_newer and not archived


def unlinked_tickets(
    connection: Connection, group_id: int, ticket_id: int | None
) -> Sequence[AnyRow]:
    """Return member tickets, or this one, whose link was not enqueued yet."""
    key = literal(f"link:{group_id}:") + cast(tickets.c.id, String)
    query = (
        select(
            tickets.c.id,
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.number,
            tickets.c.url,
        )
        .select_from(members.join(tickets, members.c.ticket_id == tickets.c.id))
        .where(
            members.c.group_id == group_id,
            _COUNTED,
            ~exists().where(outbox.c.dedup_key == key),
        )
        .order_by(tickets.c.id)
    )
    if ticket_id is not None:
        query = query.where(tickets.c.id == ticket_id)
    return connection.execute(query).all()


def ungathered_tickets(
    connection: Connection, group_id: int, source: str
) -> Sequence[AnyRow]:
    """Return member tickets of a source that may still be put under another one.

    Those are left out that are over, or for which that was enqueued before.
    """
    key = literal(f"incident:{group_id}:") + cast(tickets.c.id, String)
    query = (
        select(tickets.c.id, tickets.c.external_id)
        .select_from(members.join(tickets, members.c.ticket_id == tickets.c.id))
        .where(
            members.c.group_id == group_id,
            _COUNTED,
            tickets.c.source == source,
            tickets.c.status.not_in(_OVER),
            ~exists().where(outbox.c.dedup_key == key),
        )
        .order_by(tickets.c.id)
    )
    return connection.execute(query).all()


def due(connection: Connection, now: datetime) -> list[int]:
    """Return groups whose settle time, watch or mute has ended, largest first."""
    query = select(groups.c.id).where(
        or_(
            (groups.c.state == GroupState.READY) & (groups.c.file_at <= now),
            (groups.c.state == GroupState.FIXED)
            & (groups.c.watch_until <= now)
            & groups.c.announced_at.is_not(None),
            (groups.c.state == GroupState.MUTED) & (groups.c.muted_until <= now),
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
