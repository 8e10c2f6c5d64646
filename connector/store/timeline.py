"""What happened to a problem, in the order it happened, and who did it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from connector.store.schema import AnyRow, group_events

#: How the beginning and the end of a mute are called.
MUTED, UNMUTED = "muted", "unmuted"


def note(
    connection: Connection,
    group_id: int,
    kind: str,
    words: str,
    now: datetime,
    who: str = "",
) -> None:
    """Write down what happened; ``who`` is a person, or empty for the connector.

    ``words`` are ours: never a customer's.
    """
    connection.execute(
        group_events.insert(),
        {"group_id": group_id, "at": now, "who": who, "kind": kind, "words": words},
    )


def of(connection: Connection, group_id: int) -> Sequence[AnyRow]:
    """Return what happened to a problem, oldest first."""
    query = select(group_events).where(group_events.c.group_id == group_id)
    return connection.execute(query.order_by(group_events.c.id)).all()


def newest(connection: Connection, group_id: int, kind: str) -> AnyRow | None:
    """Return the last time that such a thing happened."""
    query = select(group_events).where(
        group_events.c.group_id == group_id, group_events.c.kind == kind
    )
    newest = query.order_by(group_events.c.id.desc()).limit(1)
    return connection.execute(newest).one_or_none()
