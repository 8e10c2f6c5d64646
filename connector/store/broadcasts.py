"""Messages about fixes as a whole: whether a person has to approve one, and did; and
who is left out of it.

Who was told is in ``connector.store.messages``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    ScalarSelect,
    Table,
    delete,
    func,
    select,
    update,
)

from connector.models import Operation
from connector.store.dialects import insert
from connector.store.problem_tables import groups
from connector.store.schema import (
    AnyRow,
    broadcasts,
    customers,
    left_out,
    messages,
    outbox,
    tickets,
)


class BroadcastState(StrEnum):
    OBSERVED = (
        "observed"  #: nobody was told: the mode was observe; a person may approve
    )
    WAITING = "waiting"  #: for a person, because so many would be told
    APPROVED = "approved"  #: goes out once the issue was read again as still done
    SENT = "sent"  #: went out; without a person if there is none in ``decided_by``
    CANCELLED = "cancelled"  #: a person decided that nobody, or nobody else, is told
    WITHDRAWN = "withdrawn"  #: it was not true any more, or the problem was muted


AWAITED = (BroadcastState.WAITING, BroadcastState.APPROVED)
#: Nobody was told by it yet.
OPEN = (BroadcastState.OBSERVED, *AWAITED)


def find(connection: Connection, group_id: int, episode: int) -> AnyRow | None:
    """Return the one of a fix."""
    query = select(broadcasts).where(
        broadcasts.c.group_id == group_id, broadcasts.c.episode == episode
    )
    return connection.execute(query).one_or_none()


def get(connection: Connection, broadcast_id: int, lock: bool = False) -> AnyRow | None:
    query = select(broadcasts).where(broadcasts.c.id == broadcast_id)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def ask(
    connection: Connection,
    group_id: int,
    episode: int,
    now: datetime,
    state: BroadcastState = BroadcastState.WAITING,
) -> None:
    """Let a fix wait for a person; an earlier decision counts no more."""
    new = {
        "state": state,
        "asked_at": now,
        "decided_at": None,
        "decided_by": "",
    }
    _put(connection, group_id, episode, new, new)


def sent(connection: Connection, group_id: int, episode: int, now: datetime) -> None:
    """Record that it went out; who approved it stays."""
    state = {"state": BroadcastState.SENT}
    _put(connection, group_id, episode, {**state, "asked_at": now}, state)


def _put(
    connection: Connection,
    group_id: int,
    episode: int,
    new: dict[str, Any],
    known: dict[str, Any],
) -> None:
    statement = insert(connection.dialect.name, broadcasts)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["group_id", "episode"], set_=known
        ),
        {"group_id": group_id, "episode": episode, **new},
    )


def decide(
    connection: Connection,
    broadcast_id: int,
    state: BroadcastState,
    who: str,
    now: datetime,
) -> None:
    connection.execute(
        update(broadcasts)
        .where(broadcasts.c.id == broadcast_id)
        .values(state=state, decided_at=now, decided_by=who)
    )


def withdraw(connection: Connection, group_id: int) -> bool:
    """Take back what nobody was told by yet; tell if there was such."""
    result = connection.execute(
        update(broadcasts)
        .where(broadcasts.c.group_id == group_id, broadcasts.c.state.in_(OPEN))
        .values(state=BroadcastState.WITHDRAWN)
    )
    return bool(result.rowcount)


def listing(
    connection: Connection, state: str | None, limit: int
) -> Sequence[RowMapping]:
    """Return the newest, with their problems and how many were entered as told."""
    query = (
        select(
            broadcasts,
            groups.c.title,
            groups.c.issue_key,
            _count(messages).label("recipients"),
            _count(left_out).label("left_out"),
        )
        .join(groups, groups.c.id == broadcasts.c.group_id)
        .order_by(broadcasts.c.asked_at.desc(), broadcasts.c.id.desc())
        .limit(limit)
    )
    if state:
        query = query.where(broadcasts.c.state == state)
    return connection.execute(query).mappings().all()


def _count(table: Table) -> ScalarSelect[int]:
    of_fix = table.c.group_id == broadcasts.c.group_id
    same = of_fix & (table.c.episode == broadcasts.c.episode)
    return select(func.count()).select_from(table).where(same).scalar_subquery()


def told(connection: Connection, group_id: int, episode: int) -> Sequence[AnyRow]:
    """Return what was to be sent of a fix, to whom, and what became of it."""
    query = (
        select(
            tickets.c.source,
            tickets.c.external_id,
            tickets.c.number,
            tickets.c.subject,
            tickets.c.url,
            customers.c.key.label("customer_key"),
            messages.c.language,
            outbox.c.state,
            outbox.c.error,
            outbox.c.payload,
        )
        .select_from(
            messages.join(tickets, tickets.c.id == messages.c.ticket_id)
            .join(customers, customers.c.id == messages.c.customer_id)
            .join(outbox, outbox.c.ticket_id == messages.c.ticket_id)
        )
        .where(
            messages.c.group_id == group_id,
            messages.c.episode == episode,
            outbox.c.operation == Operation.SEND_MESSAGE,
            outbox.c.dedup_key.startswith(f"fixed:{group_id}:{episode}:"),
            ~outbox.c.dedup_key.contains("#"),  # not asked for, in the end
        )
        .order_by(messages.c.id, outbox.c.id)
    )
    return connection.execute(query).all()


# -- left out


def leave_out(
    connection: Connection,
    group_id: int,
    episode: int,
    reasons: Mapping[int, str],
    now: datetime,
) -> None:
    """Write down which customers are not told of a fix, and why; nobody else is."""
    connection.execute(
        delete(left_out).where(
            left_out.c.group_id == group_id, left_out.c.episode == episode
        )
    )
    place = {"group_id": group_id, "episode": episode, "at": now}
    rows = [
        {**place, "customer_id": customer_id, "reason": reason}
        for customer_id, reason in reasons.items()
    ]
    if rows:
        connection.execute(left_out.insert(), rows)


def left_out_of(
    connection: Connection, group_id: int, episode: int
) -> Sequence[AnyRow]:
    """Return who was left out of a fix, and why."""
    query = (
        select(left_out, customers.c.key.label("customer_key"))
        .join(customers, customers.c.id == left_out.c.customer_id)
        .where(left_out.c.group_id == group_id, left_out.c.episode == episode)
        .order_by(left_out.c.customer_id)
    )
    return connection.execute(query).all()


def why_left_out(
    connection: Connection, group_id: int, episode: int, customer_id: int
) -> str:
    """Say why a customer is not told of a fix, or return an empty string."""
    query = select(left_out.c.reason).where(
        left_out.c.group_id == group_id,
        left_out.c.episode == episode,
        left_out.c.customer_id == customer_id,
    )
    return connection.scalar(query) or ""


def join(connection: Connection, other: int, first: int) -> None:
    """Enter who was left out as another customer, who turned out to be the same."""
    mine = left_out.alias("mine")
    both = select(mine.c.group_id, mine.c.episode).where(mine.c.customer_id == first)
    known = connection.execute(both).all()
    for row in connection.execute(
        select(left_out).where(left_out.c.customer_id == other)
    ).all():
        this = delete(left_out).where(
            left_out.c.group_id == row.group_id,
            left_out.c.episode == row.episode,
            left_out.c.customer_id == other,
        )
        connection.execute(this)
        if (row.group_id, row.episode) not in known:
            connection.execute(
                left_out.insert(), {**row._asdict(), "customer_id": first}
            )
