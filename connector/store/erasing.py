"""Taking out what people said and who they are; what was decided about it stays.

Rows stay, so that counts, keys and the order of things stay; words go out of them. Why
and when is decided in ``connector.erasing`` and ``connector.retention``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from connector.models import DeliveryState, Operation, OutboxState
from connector.store import corrections, memory
from connector.store import deliveries as inbox
from connector.store.clocks import ClockState
from connector.store.problem_tables import (
    departures,
    former_issues,
    grouping_memory,
    groups,
    members,
)
from connector.store.schema import (
    AnyRow,
    carried,
    clocks,
    customer_keys,
    customers,
    decisions,
    deliveries,
    directory_entries,
    messages,
    outbox,
    tasks,
    ticket_fields,
    ticket_tags,
    tickets,
)
from connector.store.tasks import TaskState
from connector.store.wordless import bare, unquoted, untold, wordless

WHY = "its customer was erased"

#: What quotes the customers of a whole problem.
QUOTING = (Operation.CREATE_ISSUE, Operation.COMMENT_ISSUE, Operation.CREATE_PROBLEM)

#: What says something to a customer, or of what they said.
SAYING = (Operation.SEND_MESSAGE, Operation.ADD_NOTE)

_WAITING = (OutboxState.PENDING, OutboxState.PARKED)

#: A try whose answer was lost: what is there by now, the next one finds out.
_UNCERTAIN = (
    outbox.c.operation.in_(SAYING)
    & (outbox.c.state == OutboxState.PENDING)
    & outbox.c.uncertain_since.is_not(None)
)

_READ_LATER = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.PARKED)


# -- who it is about


def find(connection: Connection, key: str) -> int | None:
    """Return the customer who goes by a key."""
    known = select(customers.c.id).where(customers.c.key == key)
    further = select(customer_keys.c.customer_id).where(customer_keys.c.key == key)
    found: int | None = connection.scalar(known.union_all(further))
    return found


def keys_of(connection: Connection, customer_id: int) -> tuple[list[str], str]:
    """Return all keys of a customer, and their name."""
    row = connection.execute(
        select(customers.c.key, customers.c.name).where(customers.c.id == customer_id)
    ).one()
    further = select(customer_keys.c.key).where(
        customer_keys.c.customer_id == customer_id
    )
    return [row.key, *connection.scalars(further)], row.name


def tickets_of(connection: Connection, customer_id: int) -> Sequence[AnyRow]:
    query = select(
        tickets.c.id, tickets.c.source, tickets.c.external_id, tickets.c.url
    ).where(tickets.c.customer_id == customer_id)
    return connection.execute(query.order_by(tickets.c.id)).all()


def problems_of(connection: Connection, ticket_ids: Collection[int]) -> list[int]:
    """Return every problem these tickets are in, or have ever been in."""
    ids = list(ticket_ids)
    now = select(members.c.group_id).where(members.c.ticket_id.in_(ids))
    asked = select(outbox.c.group_id).where(
        outbox.c.ticket_id.in_(ids), outbox.c.group_id.is_not(None)
    )
    found = {*connection.scalars(now), *connection.scalars(asked)}
    traces = select(decisions.c.trace).where(decisions.c.ticket_id.in_(ids))
    for trace in connection.scalars(traces):
        if trace.get("group"):
            found.add(trace["group"]["group"])
    parts = select(groups.c.id).where(groups.c.merged_into.in_(list(found)))
    heirs = select(groups.c.merged_into).where(
        groups.c.id.in_(list(found)), groups.c.merged_into.is_not(None)
    )
    return sorted({*found, *connection.scalars(parts), *connection.scalars(heirs)})


def issues_of(connection: Connection, group_ids: Collection[int]) -> Sequence[AnyRow]:
    """Return the issues that these problems have or had."""
    ids = list(group_ids)
    now = select(groups.c.tracker, groups.c.issue_id, groups.c.issue_key.label("key"))
    before = select(
        former_issues.c.tracker, former_issues.c.issue_id, former_issues.c.key
    )
    query = now.where(groups.c.id.in_(ids), groups.c.issue_id.is_not(None)).union_all(
        before.where(former_issues.c.group_id.in_(ids))
    )
    return connection.execute(query).all()


def sent_to(connection: Connection, ticket_ids: Collection[int]) -> Sequence[AnyRow]:
    """Return what customers were sent on these tickets."""
    query = select(outbox.c.source, outbox.c.target, outbox.c.done_at).where(
        outbox.c.ticket_id.in_(list(ticket_ids)),
        outbox.c.operation == Operation.SEND_MESSAGE,
        outbox.c.state == OutboxState.DONE,
    )
    return connection.execute(query.order_by(outbox.c.id)).all()


# -- what they said


def silence(connection: Connection, ticket_ids: Collection[int], now: datetime) -> int:
    """Let nothing more be said to these tickets, nor be due on them.

    A reading from before is too old to decide on, and what it says is not read again.
    Returns how much was taken back that was to be said.
    """
    ids = list(ticket_ids)
    connection.execute(
        update(tickets)
        .where(tickets.c.id.in_(ids))
        .values(erased_until=now, decided_at=now, version=tickets.c.version + 1)
    )
    connection.execute(
        update(clocks)
        .where(clocks.c.ticket_id.in_(ids), clocks.c.state == ClockState.RUNNING)
        .values(state=ClockState.DROPPED, ended_at=now, reason=WHY, next_at=None)
    )
    result = connection.execute(
        update(outbox)
        .where(
            outbox.c.ticket_id.in_(ids),
            outbox.c.operation.in_(SAYING),
            outbox.c.state.in_(_WAITING),
            ~_UNCERTAIN,
        )
        .values(state=OutboxState.DISCARDED, error=WHY, done_at=now)
    )
    return int(result.rowcount)


def take_words(connection: Connection, ticket_ids: Collection[int]) -> None:
    """Take out what was said on these tickets, and all that quotes it."""
    ids = list(ticket_ids)
    own = select(tickets.c.id, tickets.c.verdict).where(tickets.c.id.in_(ids))
    _write(
        connection,
        tickets,
        [
            {"row": row.id, "subject": "", "text": "", "verdict": bare(row.verdict)}
            for row in connection.execute(own)
        ],
    )
    refs = select(tickets.c.source, tickets.c.external_id).where(tickets.c.id.in_(ids))
    theirs = tuple_(carried.c.source, carried.c.external_id)
    connection.execute(delete(carried).where(theirs.in_(refs)))
    take_reasons(connection, ids)


def take_reasons(connection: Connection, ticket_ids: Collection[int]) -> None:
    """Take out by which words it was decided about these tickets, and what quotes them.

    What is to be said to them yet stays.
    """
    ids = list(ticket_ids)
    decided = select(decisions.c.id, decisions.c.verdict, decisions.c.trace)
    _write(
        connection,
        decisions,
        [
            {
                "row": row.id,
                "verdict": bare(row.verdict),
                "trace": untold(row.trace),
            }
            for row in connection.execute(decided.where(decisions.c.ticket_id.in_(ids)))
        ],
    )
    placed = select(members.c.seq, members.c.features)
    _write(
        connection,
        members,
        [
            {"row": row.seq, "features": wordless(row.features), "reason": ""}
            for row in connection.execute(placed.where(members.c.ticket_id.in_(ids)))
        ],
    )
    for table in (ticket_tags, ticket_fields):
        connection.execute(
            update(table).where(table.c.ticket_id.in_(ids)).values(reason="")
        )
    unsaid = outbox.c.operation.in_(SAYING) & outbox.c.state.in_(_WAITING)
    _take_from_outbox(connection, outbox.c.ticket_id.in_(ids) & ~unsaid)


def take_quotes(connection: Connection, group_ids: Collection[int]) -> None:
    """Take the quotes out of what was asked for about these problems."""
    of_them = outbox.c.group_id.in_(list(group_ids))
    _take_from_outbox(connection, of_them & outbox.c.operation.in_(QUOTING))


def _take_from_outbox(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take words out of rows, but not out of one that is being sent."""
    query = select(outbox.c.id, outbox.c.operation, outbox.c.payload, outbox.c.reason)
    query = query.where(which, outbox.c.state != OutboxState.SENDING)
    changes = []
    for row in connection.execute(query):
        quoting = row.operation in QUOTING
        payload = unquoted(row.payload) if quoting else row.payload
        if row.operation in SAYING:
            payload = {**payload, "text": ""}
        reason = row.reason if quoting else ""
        if (payload, reason) != (row.payload, row.reason):
            changes.append({"row": row.id, "payload": payload, "reason": reason})
    _write(connection, outbox, changes)


def being_sent(
    connection: Connection, ticket_ids: Collection[int], group_ids: Collection[int]
) -> int:
    """Count what is on its way, or may have arrived, and cannot be changed."""
    query = select(func.count()).where(
        or_(outbox.c.state == OutboxState.SENDING, _UNCERTAIN),
        or_(
            outbox.c.ticket_id.in_(list(ticket_ids)),
            outbox.c.group_id.in_(list(group_ids)) & outbox.c.operation.in_(QUOTING),
        ),
    )
    return int(connection.scalar(query) or 0)


def forget_wording(connection: Connection, ticket_ids: Collection[int]) -> None:
    """Let every process remember the problems of these tickets without their words.

    The caller holds the grouping lock, and took the words out. What was kept of such a
    memory is dropped: the next start replays what is left. Who left a problem is still
    remembered there.
    """
    clusters = corrections.clusters_of(connection, ticket_ids)
    clusters |= set(problems_of(connection, ticket_ids))
    left = departures.c.ticket_id.in_(list(ticket_ids))
    clusters |= set(connection.scalars(select(departures.c.cluster_id).where(left)))
    connection.execute(delete(departures).where(left))
    if not clusters:
        return
    for cluster in sorted(clusters):
        newest = corrections.newest_of_cluster(connection, cluster)
        memory.correct(connection, cluster, newest)
    connection.execute(delete(grouping_memory))


# -- who they are


def prevent(connection: Connection, customer_id: int, now: datetime) -> None:
    """Let nothing more be sent to a customer, from now on."""
    connection.execute(
        update(customers).where(customers.c.id == customer_id).values(erased_at=now)
    )


def forget_entries(connection: Connection, keys: Collection[str]) -> None:
    """Drop what directories said of these addresses."""
    theirs = directory_entries.c.key.in_(list(keys))
    connection.execute(delete(directory_entries).where(theirs))


def take_name(connection: Connection, customer_id: int, now: datetime) -> None:
    """Take out by what a customer is known; there is nothing left to do about them."""
    connection.execute(
        update(customers)
        .where(customers.c.id == customer_id)
        .values(
            key=f"erased:{customer_id}",
            name="",
            organization="",
            opted_out_at=None,
            opted_out="",
            erased_at=now,
        )
    )
    # Agents may have entered anything there.
    connection.execute(
        update(tickets).where(tickets.c.customer_id == customer_id).values(details={})
    )
    theirs = customer_keys.c.customer_id == customer_id
    connection.execute(delete(customer_keys).where(theirs))
    connection.execute(
        update(tasks)
        .where(tasks.c.customer_id == customer_id, tasks.c.state == TaskState.OPEN)
        .values(state=TaskState.SETTLED, done_at=now)
    )


# -- what was delivered


def empty(connection: Connection, ids: Collection[int], now: datetime) -> list[int]:
    """Empty deliveries; return those that were not handled yet, and never will be."""
    waiting = (
        update(deliveries)
        .where(deliveries.c.id.in_(list(ids)), deliveries.c.state.in_(_READ_LATER))
        .values(
            state=DeliveryState.DISCARDED,
            reason="what it said was erased",
            claimed_by=None,
            handled_at=now,
        )
        .returning(deliveries.c.id)
    )
    found = list(connection.scalars(waiting))
    inbox.empty(connection, ids)
    return found


# -- how much there is


def extent(connection: Connection, customer_id: int) -> dict[str, int]:
    """Count what is held of a customer, to be asked about before it goes."""
    own = select(tickets.c.id).where(tickets.c.customer_id == customer_id)
    asked = {
        "tickets": select(func.count()).where(tickets.c.customer_id == customer_id),
        "decisions": select(func.count()).where(decisions.c.ticket_id.in_(own)),
        "writes": select(func.count()).where(outbox.c.ticket_id.in_(own)),
        "messages": select(func.count()).where(messages.c.customer_id == customer_id),
        "problems": select(func.count(members.c.group_id.distinct())).where(
            members.c.customer_id == customer_id
        ),
    }
    return {name: int(connection.scalar(query) or 0) for name, query in asked.items()}


def _write(connection: Connection, table: Table, rows: Sequence[Any]) -> None:
    if not rows:
        return
    (key,) = table.primary_key
    names = [name for name in rows[0] if name != "row"]
    connection.execute(
        update(table)
        .where(key == bindparam("row"))
        .values({name: bindparam(f"new_{name}") for name in names}),
        [
            {"row": row["row"], **{f"new_{name}": row[name] for name in names}}
            for row in rows
        ],
    )
