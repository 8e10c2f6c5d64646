"""Who wrote: one row for each person, however many addresses they have.

Which key a ticket's customer goes by is told in ``connector.judging``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, or_, select, true, update

from connector.store import broadcasts
from connector.store import messages as ledger
from connector.store.dialects import insert_missing
from connector.store.problem_tables import members
from connector.store.schema import AnyRow, customer_keys, customers, tasks, tickets

#: How it begins that somebody is opted out by a tag, and not by a person.
TAG = "the tag "


@dataclass(frozen=True, slots=True)
class Person:
    """A ticket's customer. ``others`` are their further keys, if any."""

    key: str
    others: tuple[str, ...] = ()
    name: str = ""
    organization: str = ""


class Known(NamedTuple):
    """Customers by their keys, and the problems whose customers are fewer now."""

    ids: dict[str, int]
    regrouped: frozenset[int] = frozenset()


def known(connection: Connection, people: Sequence[Person], now: datetime) -> Known:
    """Return the ids of these people; add the new, rename the renamed.

    Who was taken for several until one of them showed the other's address becomes one.
    """
    found = _by_key(connection, people)
    added: list[dict[str, Any]] = [
        {"key": one.key, "name": one.name, "created_at": now}
        for one in {one.key: one for one in people}.values()
        if not any(key in found for key in (one.key, *one.others))
    ]
    if added:
        insert_missing(connection, customers, ["key"], added)
        found |= _by_key(connection, people)
    ids = {key: int(row.id) for key, row in found.items()}
    regrouped: set[int] = set()
    for one in people:
        regrouped |= _gather(connection, one, ids, now)
    _describe(connection, people, ids, {int(row.id): row for row in found.values()})
    return Known({one.key: ids[one.key] for one in people}, frozenset(regrouped))


def _by_key(connection: Connection, people: Iterable[Person]) -> dict[str, AnyRow]:
    keys = list({key for one in people for key in (one.key, *one.others)})
    said = (customers.c.id, customers.c.name, customers.c.organization)
    first = select(customers.c.key, *said).where(customers.c.key.in_(keys))
    further = select(customer_keys.c.key, *said).select_from(
        customer_keys.join(customers)
    )
    query = first.union_all(further.where(customer_keys.c.key.in_(keys)))
    return {row.key: row for row in connection.execute(query)}


def _gather(
    connection: Connection, one: Person, ids: dict[str, int], now: datetime
) -> set[int]:
    """Let all keys of a person lead to one customer, the one known longest.

    ``ids`` is brought up to date. Returns the problems that lost a customer by it.
    """
    keys = (one.key, *one.others)
    theirs = {ids[key] for key in keys if key in ids}
    first = min(theirs)
    regrouped: set[int] = set()
    for other in sorted(theirs - {first}):
        regrouped |= _join(connection, other, first, now)
        ids |= {key: first for key, owner in ids.items() if owner == other}
    further = [key for key in keys if key not in ids]
    rows = [{"key": key, "customer_id": first} for key in further]
    insert_missing(connection, customer_keys, ["key"], rows)
    ids |= dict.fromkeys(further, first)
    return regrouped


def _describe(
    connection: Connection,
    people: Iterable[Person],
    ids: Mapping[str, int],
    rows: Mapping[int, AnyRow],
) -> None:
    """Write down names; those are what excerpts are masked by, so the newest count."""
    for one in people:
        row = rows[ids[one.key]]
        said = {"name": one.name, "organization": one.organization}
        news = {k: word for k, word in said.items() if word and word != getattr(row, k)}
        if news:
            connection.execute(
                update(customers).where(customers.c.id == row.id).values(**news)
            )


def _join(connection: Connection, other: int, first: int, now: datetime) -> set[int]:
    """Make two customers one; return the problems both may have been counted in."""
    mine = members.c.customer_id == other
    regrouped = set(connection.scalars(select(members.c.group_id).where(mine)))
    ledger.join(connection, other, first, now)
    broadcasts.join(connection, other, first)
    for table in (tickets, members, customer_keys, tasks):
        connection.execute(
            update(table).where(table.c.customer_id == other).values(customer_id=first)
        )
    gone = delete(customers).where(customers.c.id == other)
    keys = customers.c.key, customers.c.opted_out_at, customers.c.opted_out
    key, opted_out_at, by = connection.execute(gone.returning(*keys)).one()
    if opted_out_at is not None:
        opt_out(connection, first, by, opted_out_at)
    insert_missing(
        connection, customer_keys, ["key"], [{"key": key, "customer_id": first}]
    )
    return regrouped


def by_key(connection: Connection, key: str) -> AnyRow | None:
    """Return the customer with this address, or other key, if there is one."""
    further = select(customer_keys.c.customer_id).where(customer_keys.c.key == key)
    query = select(customers).where(
        or_(customers.c.key == key, customers.c.id.in_(further))
    )
    return connection.execute(query).one_or_none()


def get(connection: Connection, customer_id: int) -> AnyRow:
    query = select(customers).where(customers.c.id == customer_id)
    return connection.execute(query).one()


# -- who asked not to be written to


def opt_out(connection: Connection, customer_id: int, by: str, now: datetime) -> bool:
    """Write down that a customer is not written to; False if it was known.

    A person's word takes the place of a tag's: it holds when the tag is taken off.
    """
    by_tag = customers.c.opted_out.startswith(TAG)
    known = customers.c.opted_out_at.is_not(None)
    is_news = ~known if by.startswith(TAG) else ~known | by_tag
    result = connection.execute(
        update(customers)
        .where(customers.c.id == customer_id, is_news)
        .values(opted_out_at=now, opted_out=by)
    )
    return bool(result.rowcount)


def opt_in(
    connection: Connection, customer_id: int, by: Collection[str] | None = None
) -> bool:
    """Let a customer be written to again; with ``by`` only if it was for one of these.

    False if nothing changed.
    """
    result = connection.execute(
        update(customers)
        .where(
            customers.c.id == customer_id,
            customers.c.opted_out_at.is_not(None),
            customers.c.opted_out.in_(list(by)) if by is not None else true(),
        )
        .values(opted_out_at=None, opted_out="")
    )
    return bool(result.rowcount)


def opted_out(connection: Connection, limit: int) -> Sequence[RowMapping]:
    """Return who is not written to, the latest first."""
    query = (
        select(customers.c.key, customers.c.opted_out_at, customers.c.opted_out)
        .where(customers.c.opted_out_at.is_not(None))
        .order_by(customers.c.opted_out_at.desc(), customers.c.id)
    )
    return connection.execute(query.limit(limit)).mappings().all()
