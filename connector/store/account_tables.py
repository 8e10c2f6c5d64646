"""Tables of those who sign in: people, their sessions, and what they did."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from connector.store.schema import Id, Moment, Words, metadata

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),  # case folded
    Column("role", String(10), nullable=False),
    Column("password", Text, nullable=False, server_default=""),  # its hash
    Column("subject", String(300), unique=True),  # who that is to an OIDC provider
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
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
