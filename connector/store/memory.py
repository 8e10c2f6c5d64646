"""What the grouper's memory is made of: memberships and corrections, in order.

A membership that has ended since is part of it: whoever replays it now comes to the
same as who was there.

And the memory itself as somebody kept it, so that a start replays only what came since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    func,
    select,
    union_all,
)

from connector.store.dialects import GROUPING_LOCK, serialise
from connector.store.problem_tables import (
    departures,
    grouping_memory,
    members,
    regroupings,
)
from connector.store.schema import AnyRow

#: Rows in memory at a time while a long log is replayed.
CHUNK = 1000

#: The newest of what was kept, and one more in case that one cannot be read.
KEPT = 2

_PLACED_AT = func.coalesce(members.c.placed_at, members.c.at)
_COLUMNS = (
    members.c.seq,
    members.c.ticket_id,
    func.coalesce(members.c.placed_in, members.c.cluster_id, members.c.group_id).label(
        "cluster_id"
    ),
    _PLACED_AT.label("at"),
    members.c.features,
)


def _chunk(*columns: ColumnElement[Any]) -> Select[Any]:
    """Return the first after a number; each half by itself is found by its index."""
    seq = columns[0]
    after = bindparam("seq", type_=seq.type)
    query = select(*columns).where(seq > after).order_by(seq).limit(CHUNK)
    return select(query.subquery())


_LOG = union_all(_chunk(*_COLUMNS), _chunk(*departures.c)).order_by("seq").limit(CHUNK)


def log_after(connection: Connection, seq: int) -> Iterator[AnyRow]:
    """Return memberships as they were made, in that order, for replaying the grouper.

    A member that was moved since is returned with the cluster it was placed in; where
    it is now, the corrections tell.
    """
    while True:
        rows = connection.execute(_LOG, {"seq": seq}).all()
        yield from rows
        if len(rows) < CHUNK:
            return
        seq = rows[-1].seq


def last_seq(connection: Connection) -> int:
    """Return the number of the newest membership, 0 if there is none."""
    newest = (select(func.max(table.c.seq)) for table in (members, departures))
    return max(int(connection.scalar(query) or 0) for query in newest)


def seq_before(connection: Connection, since: datetime) -> int:
    """Return after which membership all those are to be found that are so new."""
    oldest = (
        select(table.c.seq).where(table.c.at >= since).order_by(table.c.seq).limit(1)
        for table in (members, departures)
    )
    firsts = [seq for query in oldest if (seq := connection.scalar(query)) is not None]
    return int(min(firsts)) - 1 if firsts else last_seq(connection)


def depart(connection: Connection, ticket_id: int) -> None:
    """Keep what a membership that ends now has left in memory."""
    ended = select(*_COLUMNS).where(members.c.ticket_id == ticket_id)
    columns = [column.name for column in departures.c]
    connection.execute(departures.insert().from_select(columns, ended))


def forget_departures(connection: Connection, before: datetime) -> None:
    """Drop what is older than anybody remembers."""
    connection.execute(delete(departures).where(departures.c.at < before))


def correct(connection: Connection, cluster_id: int, tickets: Collection[int]) -> None:
    """Say that from now on a cluster consists of these tickets; of none: it is gone.

    The caller holds the grouping lock, so no membership is written meanwhile.
    """
    connection.execute(
        regroupings.insert(),
        {
            "after_seq": last_seq(connection),
            "cluster_id": cluster_id,
            "tickets": sorted(tickets),
        },
    )


def corrections_after(connection: Connection, correction_id: int) -> Sequence[AnyRow]:
    """Return corrections in the order they were made."""
    query = select(regroupings).where(regroupings.c.id > correction_id)
    return connection.execute(query.order_by(regroupings.c.id)).all()


def last_correction(connection: Connection, before_seq: int) -> int:
    """Return the newest correction of what was placed before a membership, or 0."""
    query = select(func.max(regroupings.c.id)).where(
        regroupings.c.after_seq < before_seq
    )
    return int(connection.scalar(query) or 0)


def placed(
    connection: Connection, tickets: Collection[int], until: int
) -> Sequence[AnyRow]:
    """Return the memberships of these tickets as they were made, in that order.

    Of a ticket that left and came again the newest one counts, up to number ``until``.
    """
    ids = list(tickets)
    query = union_all(
        select(*_COLUMNS).where(members.c.ticket_id.in_(ids), members.c.seq <= until),
        select(departures).where(
            departures.c.ticket_id.in_(ids), departures.c.seq <= until
        ),
    )
    newest = {row.ticket_id: row for row in connection.execute(query.order_by("seq"))}
    return sorted(newest.values(), key=lambda row: row.seq)


def keep(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a memory, and of older ones only the newest.

    One that does not know of a correction yet is not kept: somebody may have been
    erased by that, whose words it still has.
    """
    serialise(connection, GROUPING_LOCK)
    if corrections_after(connection, values["regrouping_id"]):
        return
    kept = grouping_memory.c
    connection.execute(grouping_memory.insert(), dict(values))
    newest = select(kept.id).order_by(kept.seq.desc(), kept.id.desc()).limit(KEPT)
    ids = list(connection.scalars(newest))
    connection.execute(delete(grouping_memory).where(kept.id.not_in(ids)))


def kept(connection: Connection, version: str) -> Iterator[AnyRow]:
    """Return the memories of a version, the newest first."""
    query = select(grouping_memory).where(grouping_memory.c.version == version)
    newest = query.order_by(grouping_memory.c.seq.desc(), grouping_memory.c.id.desc())
    yield from connection.execute(newest)


def kept_until(connection: Connection, version: str) -> int:
    """Return up to which membership a memory of a version is kept."""
    query = select(func.max(grouping_memory.c.seq))
    return int(
        connection.scalar(query.where(grouping_memory.c.version == version)) or 0
    )
