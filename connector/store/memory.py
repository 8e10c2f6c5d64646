"""What the grouper's memory is made of: memberships and corrections, in order.

And the memory itself as somebody kept it, so that a start replays only what came since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, select

from connector.store.dialects import GROUPING_LOCK, serialise
from connector.store.problem_tables import grouping_memory, members, regroupings
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
_LOG = (
    select(*_COLUMNS)
    .where(members.c.seq > bindparam("seq"))
    .order_by(members.c.seq)
    .limit(CHUNK)
)


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
    return int(connection.scalar(select(func.max(members.c.seq))) or 0)


def seq_before(connection: Connection, since: datetime) -> int:
    """Return after which membership all those are to be found that are so new."""
    query = select(members.c.seq).where(members.c.at >= since)
    first = connection.scalar(query.order_by(members.c.seq).limit(1))
    return last_seq(connection) if first is None else int(first) - 1


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


def placed(connection: Connection, tickets: Collection[int]) -> Sequence[AnyRow]:
    """Return the memberships of these tickets as they were made, in that order."""
    query: Select[*tuple[AnyRow, ...]] = select(*_COLUMNS)
    query = query.where(members.c.ticket_id.in_(list(tickets)))
    return connection.execute(query.order_by(members.c.seq)).all()


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
