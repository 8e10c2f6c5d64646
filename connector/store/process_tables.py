"""Tables of what processes agree on: locks, facts, and how it goes with each vendor."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Integer, String, Table, Text

from connector.store.schema import Moment, Words, metadata

locks = Table(
    "locks",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("holder", String(100), nullable=False),
    Column("until", Moment, nullable=False),
)


facts = Table(
    "facts",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", Moment, nullable=False),
)


cursors = Table(
    "cursors",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("purpose", String(20), primary_key=True),  # Purpose
    Column("since", Moment, nullable=False),  # where a walk without a cursor begins
    Column("until", Moment),  # where it is to end; null: at its start
    Column("cursor", Text),  # the vendor's word for where to go on
    Column("started_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),  # nobody goes on before
    Column("ended_at", Moment),  # when there was nothing more
    Column("found", JSON, nullable=False),
    Column("error", Words, nullable=False, default="", server_default=""),
)


budgets = Table(
    "budgets",
    metadata,
    Column("account", String(255), primary_key=True),
    Column("bucket", String(150), primary_key=True),
    Column("allowed", Integer),  # units in a window; null: nobody knows
    Column("seconds", Float, nullable=False),  # how long a window is
    Column("spent", JSON, nullable=False),  # units by slot of the window
    Column("remaining", Integer),  # what the vendor told last, less what went since
    Column("remaining_until", Float, nullable=False),  # how long that is believed
    Column("held_until", Float, nullable=False),  # the vendor said: not before
)


health = Table(
    "health",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("side", String(20), primary_key=True),  # Side
    Column("state", String(20), nullable=False),  # Condition; well: no row
    Column("since", Moment, nullable=False),
    Column("words", Words, nullable=False),  # the vendor's own
    Column("remedy", Words, nullable=False),
    Column("probes", Integer, nullable=False),  # tries since then
    Column("probe_at", Moment, nullable=False),  # nobody calls before
)
