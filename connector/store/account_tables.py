"""Tables of those who look at our pages: users, sessions, visits, what they did."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from connector.store.schema import Id, Moment, Words, metadata

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),  # case folded
    Column("role", String(10), nullable=False),
    Column("password", Text, nullable=False, server_default=""),  # its hash
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
    # of who signs in elsewhere: where, and who they are there
    Column("issuer", String(300)),
    Column("subject", String(255)),
    Index("ix_users_subject", "issuer", "subject", unique=True),
)

#: The token itself is in the browser only.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

#: Sign-ins that failed, for as long as they slow down the next.
failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("address", String(64), nullable=False),
    Column("at", Moment, nullable=False, index=True),
)

#: Tickets that agents look at in the sidebar of their helpdesk, which says who it is;
#: gone some hours later. The token itself is in the page only.
visits = Table(
    "visits",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("source", String(100), nullable=False),
    Column("ticket", String(100), nullable=False),  # empty until the page says which
    Column("who", String(80), nullable=False),  # the vendor's id of the agent
    # what the vendor's proof can be used only once by, as far as it says so
    Column("proof", String(64)),
    Column("at", Moment, nullable=False, index=True),
    UniqueConstraint("source", "proof"),
)

#: What people did on the dashboard and about users: who, what, to what.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("who", String(80), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(120), nullable=False, server_default=""),
    Column("said", Words, nullable=False, server_default=""),
    # the words of the command that takes it back; empty if none does
    Column("undo", Words, nullable=False, server_default=""),
    # when that was done
    Column("undone_at", Moment),
    Index("ix_audit_subject", "subject", "id"),
)
