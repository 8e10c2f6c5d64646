"""Members of problems: which ticket is in which, who complained in it, and when.

Problems themselves are in ``connector.store.groups``, what people put right about
members in ``connector.store.corrections``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
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
    update,
)

from connector.models import TicketStatus
from connector.store import memory
from connector.store.problem_tables import groups
from connector.store.problem_tables import members as table
from connector.store.schema import AnyRow, customers, outbox, tickets

#: Built once: making a statement costs as much as running it.
_FIND = select(table).where(table.c.ticket_id == bindparam("ticket_id"))
_ADD = table.insert().returning(table.c.seq)


def _of_group(value: Any, *conditions: Any) -> Any:
    query = select(value).where(table.c.group_id == bindparam("of_group"))
    return query.where(*conditions).scalar_subquery()


_COUNTED = ~table.c.archived
_OVER = (TicketStatus.CLOSED, TicketStatus.SPAM, TicketStatus.DELETED)

_RECOUNT = (
    update(groups)
    .where(groups.c.id == bindparam("of_group"))
    .values(
        customers=_of_group(func.count(table.c.customer_id.distinct()), _COUNTED),
        tickets=_of_group(func.count(), _COUNTED),
        archived=_of_group(func.count(), table.c.archived),
        # What an issue says was seen between these is what is counted above.
        first_at=func.coalesce(
            _of_group(func.min(table.c.at), _COUNTED),
            _of_group(func.min(table.c.at)),
            groups.c.first_at,
        ),
        last_at=func.coalesce(
            _of_group(func.max(table.c.at), _COUNTED),
            _of_group(func.max(table.c.at)),
            groups.c.last_at,
        ),
    )
)


_AT = bindparam("seen_at", type_=table.c.at.type)
_HAS_SAME_CUSTOMER = exists().where(
    table.c.customer_id == bindparam("of_customer"),
    table.c.group_id == bindparam("of_group"),
    table.c.ticket_id != bindparam("of_ticket"),
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


def find(connection: Connection, ticket_id: int) -> AnyRow | None:
    return connection.execute(_FIND, {"ticket_id": ticket_id}).one_or_none()


def add(connection: Connection, values: dict[str, Any]) -> int:
    return int(connection.execute(_ADD, values).scalar_one())


def remove(connection: Connection, ticket_id: int) -> int | None:
    """Take a ticket out of its group; return the group's id."""
    memory.depart(connection, ticket_id)
    statement = (
        delete(table).where(table.c.ticket_id == ticket_id).returning(table.c.group_id)
    )
    return connection.execute(statement).scalar_one_or_none()


def pass_on(connection: Connection, old_ticket: int, new_ticket: int) -> bool:
    """Let a membership pass to another ticket, unless that one has its own."""
    if find(connection, new_ticket) is not None:
        return False
    result = connection.execute(
        update(table)
        .where(table.c.ticket_id == old_ticket)
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
            table.c.group_id,
            table.c.customer_id,
            table.c.at,
            table.c.archived,
            table.c.vip,
            customers.c.key,
            customers.c.organization,
        )
        .select_from(table.join(customers))
        .where(table.c.group_id.in_(list(group_ids)), table.c.at > since)
        .order_by(table.c.at, table.c.seq)
    )
    return connection.execute(query).all()


def complaints(
    connection: Connection, group_id: int, since: datetime
) -> Sequence[AnyRow]:
    """Return who complained of what and when, without what was imported."""
    query = select(table.c.customer_id, table.c.at, table.c.features).where(
        table.c.group_id == group_id, table.c.at > since, _COUNTED
    )
    return connection.execute(query.order_by(table.c.at, table.c.seq)).all()


def newest_read(
    connection: Connection, group_id: int, now: datetime
) -> datetime | None:
    """Return when the newest of the complaints was written that are read just now."""
    query = select(func.max(table.c.at)).where(
        table.c.group_id == group_id, table.c.joined_at == now, _COUNTED
    )
    found: datetime | None = connection.scalar(query)
    return found


def complained_after(
    connection: Connection, group_id: int, customer_id: int, at: datetime | None
) -> bool:
    """Tell whether a customer complained of a problem after that time."""
    query = select(table.c.seq).where(
        table.c.group_id == group_id,
        table.c.customer_id == customer_id,
        table.c.at > at,
        _COUNTED,
    )
    return connection.scalar(query.limit(1)) is not None


def mark_vip(connection: Connection, ticket_id: int, vip: bool) -> None:
    """Write down whether a member's customer is a VIP, as it is by now."""
    connection.execute(
        update(table).where(table.c.ticket_id == ticket_id).values(vip=vip)
    )


def vips(connection: Connection, group_id: int) -> int:
    """Count a group's distinct customers who are VIPs."""
    query = select(func.count(table.c.customer_id.distinct())).where(
        table.c.group_id == group_id, table.c.vip, _COUNTED
    )
    return int(connection.scalar(query) or 0)


def about(connection: Connection, group_id: int, limit: int) -> Sequence[AnyRow]:
    """Return what the newest complaints are about, and in which languages."""
    query = (
        select(tickets.c.kind, tickets.c.language)
        .select_from(table.join(tickets, table.c.ticket_id == tickets.c.id))
        .where(table.c.group_id == group_id, _COUNTED)
        .order_by(table.c.at.desc(), table.c.seq.desc())
    )
    return connection.execute(query.limit(limit)).all()


def complainers(
    connection: Connection, group_id: int, after: datetime, until: datetime
) -> int:
    """Count the customers who last complained of a problem within that time."""
    query = select(func.count(table.c.customer_id.distinct())).where(
        table.c.group_id == group_id, table.c.at > after, table.c.at <= until, _COUNTED
    )
    return int(connection.scalar(query) or 0)


def features(connection: Connection, group_id: int) -> list[dict[str, Any]]:
    """Return what each member is about, in the order they came."""
    query = select(table.c.features).where(table.c.group_id == group_id)
    return list(connection.scalars(query.order_by(table.c.seq)))


def tickets_of(
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
            customers.c.opted_out_at,
            customers.c.erased_at,
            table.c.joined_at,
            table.c.at.label("complained_at"),
            table.c.reason.label("joined_because"),
            table.c.placed_by,
            table.c.archived,
        )
        .select_from(table.join(tickets).join(customers))
        .where(table.c.group_id == group_id)
        .order_by(table.c.seq)
    )
    if ticket_id is not None:
        query = query.where(tickets.c.id == ticket_id)
    if not archived:
        query = query.where(_COUNTED)
    return connection.execute(query).all()


def newest(connection: Connection, group_id: int, limit: int) -> Sequence[AnyRow]:
    """Return a group's tickets that complained last, imported ones too."""
    query = (
        select(
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.number,
            tickets.c.language,
            tickets.c.status,
            table.c.at.label("complained_at"),
            table.c.reason.label("joined_because"),
            table.c.placed_by,
            table.c.archived,
        )
        .select_from(table.join(tickets, table.c.ticket_id == tickets.c.id))
        .where(table.c.group_id == group_id)
        .order_by(table.c.at.desc(), table.c.seq.desc())
    )
    return connection.execute(query.limit(limit)).all()


def count(connection: Connection, group_id: int) -> int:
    query = select(func.count()).where(table.c.group_id == group_id)
    return int(connection.scalar(query) or 0)


def seen_again(
    connection: Connection,
    ticket_id: int,
    customer_id: int,
    at: datetime | None,
    said_at: datetime | None,
    now: datetime,
    archived: bool,
) -> bool:
    """Bring a membership up to date; tell whether there is a complaint newer than it.

    ``said_at`` is set if it is dated ahead. An ``archived`` complaint is none.
    Customers change too: profiles are merged, addresses learned.
    """
    known = find(connection, ticket_id)
    assert known is not None
    is_newer = at is not None and at > known.at
    if is_newer or known.customer_id != customer_id:
        connection.execute(
            update(table)
            .where(table.c.ticket_id == ticket_id)
            .values(
                customer_id=customer_id,
                at=at if is_newer else known.at,
                said_at=said_at if is_newer else known.said_at,
                placed_at=known.placed_at or (known.at if is_newer else None),
                joined_at=now if is_newer else known.joined_at,
                archived=archived if is_newer else known.archived,
            )
        )
        recount(connection, known.group_id)
    return is_newer and not archived


def unlinked(
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
        .select_from(table.join(tickets, table.c.ticket_id == tickets.c.id))
        .where(
            table.c.group_id == group_id,
            _COUNTED,
            ~exists().where(outbox.c.dedup_key == key),
        )
        .order_by(tickets.c.id)
    )
    if ticket_id is not None:
        query = query.where(tickets.c.id == ticket_id)
    return connection.execute(query).all()


def ungathered(connection: Connection, group_id: int, source: str) -> Sequence[AnyRow]:
    """Return member tickets of a source that may still be put under another one.

    Those are left out that are over, or for which that was enqueued before.
    """
    key = literal(f"incident:{group_id}:") + cast(tickets.c.id, String)
    query = (
        select(tickets.c.id, tickets.c.external_id)
        .select_from(table.join(tickets, table.c.ticket_id == tickets.c.id))
        .where(
            table.c.group_id == group_id,
            _COUNTED,
            tickets.c.source == source,
            tickets.c.status.not_in(_OVER),
            ~exists().where(outbox.c.dedup_key == key),
        )
        .order_by(tickets.c.id)
    )
    return connection.execute(query).all()
