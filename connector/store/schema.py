"""Tables of the one database. Changes to them go through ``connector.migrations``.

Here are the kinds of columns, and what tickets, their customers and the outbox are kept
in; families of other tables have modules beside this one, all named in ``tables``.
Times are stored as whole microseconds since 1970 (UTC) so that both databases compare
and index them alike.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.types import TypeDecorator

#: A row whose columns are named where it is read.
AnyRow = Row[*tuple[Any, ...]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def microseconds(moment: datetime) -> int:
    """Return a time as it is stored."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, stored as microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Words(TypeDecorator[str]):
    """Text of any origin: what no database takes is left out, not refused.

    PostgreSQL has no NUL, UTF-8 has no halves of surrogate pairs; vendors send both.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return value.replace("\0", "").encode("utf-8", "ignore").decode()


#: SQLite counts up only for the type INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(100), nullable=False),
    Column("delivery_key", String(255)),  # the vendor's own id, null if it has none
    Column("received_at", Moment, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Words, nullable=False, default="", server_default=""),
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),
    Column("due_at", Moment, nullable=False),
    Column("claimed_by", String(100)),
    Column("lease_until", Moment),
    Column("handled_at", Moment),
    UniqueConstraint("source", "delivery_key"),
    Index("ix_deliveries_state", "state", "due_at"),
    sqlite_autoincrement=True,
    # A usual body, two or three KB, stays in its row as it is: packing it, and a second
    # table for what is long, cost twice the time of the rest.
    postgresql_with={"toast_tuple_target": 8160},
)

carried = Table(
    "carried",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("external_id", String(100), primary_key=True),
    Column("at", Moment, nullable=False),  # when the ticket stood like that
    Column("delivery_id", Id, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

customers = Table(
    "customers",
    metadata,
    Column("id", Id, primary_key=True),
    # e-mail address, or "source:external id" where the helpdesk has no address
    Column("key", Words, nullable=False, unique=True),
    Column("name", Words, nullable=False, default="", server_default=""),
    Column("created_at", Moment, nullable=False),
    # the organisation as the helpdesk names it, empty if it names none
    Column("organization", Words, nullable=False, default="", server_default=""),
    # asked not to be written to, and by what words or whom we know
    Column("opted_out_at", Moment),
    Column("opted_out", Words, nullable=False, default="", server_default=""),
    Column("erased_at", Moment),
)

customer_keys = Table(
    "customer_keys",
    metadata,
    # a further address of somebody
    Column("key", Words, primary_key=True),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Index("ix_customer_keys_customer", "customer_id"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(100), nullable=False),
    Column("external_id", String(100), nullable=False),
    # counts decisions and our own finished writes: a reading that began before either
    # is too old to decide on
    Column("version", Integer, nullable=False, default=0, server_default="0"),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("number", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("text", Words, nullable=False),  # the customer's own words
    Column("status", String(20), nullable=False),
    Column("url", Words, nullable=False),
    Column("language", String(10), nullable=False, default="", server_default=""),
    Column("complaint", Boolean, nullable=False, default=False, server_default=false()),
    Column("verdict", JSON, nullable=False),
    # of the verdict, to be counted and filtered by: its first type, and if it praises
    Column("kind", String(40), nullable=False, default="", server_default=""),
    Column("praise", Boolean, nullable=False, default=False, server_default=false()),
    Column("tags", JSON, nullable=False),  # as last read, sorted
    Column("merged_into", String(100)),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("decided_at", Moment, nullable=False),
    # what its customer wrote up to here is history; null: none of it was imported
    Column("archived_until", Moment),
    # what its customer wrote up to here was erased; null: none of it was
    Column("erased_until", Moment),
    Column("channel", String(20), nullable=False, default="", server_default=""),
    Column("wrote_at", Moment),  # the customer's last words, but automatic replies
    # of an agent after the customer's first words
    Column("first_answer_at", Moment),
    Column("answered_at", Moment),  # and of an agent last
    Column("solved_at", Moment),
    Column("closed_at", Moment),
    Column("rating", String(20), nullable=False, default="", server_default=""),
    # what custom fields say for the register: origin, remedy, cost
    Column("details", JSON, nullable=False, default=dict, server_default="{}"),
    UniqueConstraint("source", "external_id"),
    Index("ix_tickets_customer", "customer_id", "created_at"),
    Index("ix_tickets_merged", "source", "merged_into"),
    Index("ix_tickets_number", "number"),
    # Days are counted by these alone: without the tickets' rows.
    Index(
        "ix_tickets_opened",
        "created_at",
        "complaint",
        "kind",
        "praise",
        "status",
        "merged_into",
    ),
    # The newest that are rare, too, are found at once.
    Index("ix_tickets_kind", "kind", "id"),
    Index("ix_tickets_language", "language", "id"),
    Index("ix_tickets_status", "status", "id"),
    # What subject and text are found by differs: connector.store.dialects.saying.
)

ticket_tags = Table(
    "ticket_tags",
    metadata,
    Column("ticket_id", Id, ForeignKey("tickets.id"), primary_key=True),
    Column("tag", String(255), primary_key=True),
    Column("state", String(20), nullable=False),  # TagState
    Column("rule", Words, nullable=False),
    Column("rule_version", String(40), nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

ticket_fields = Table(
    "ticket_fields",
    metadata,
    Column("ticket_id", Id, ForeignKey("tickets.id"), primary_key=True),
    Column("topic", String(20), primary_key=True),  # Topic
    Column("state", String(20), nullable=False),  # FieldState
    Column("wanted", JSON, nullable=False),  # words last asked for; null: none were
    Column("place", String(100)),  # the vendor's id of the field we wrote; null: never
    Column("value", Words),  # what our last write left there, in the vendor's spelling
    Column("rule", Words, nullable=False),
    Column("rule_version", String(40), nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Moment, nullable=False),
)


directory_entries = Table(
    "directory_entries",
    metadata,
    # what a directory said of an address when it was last asked
    Column("directory", String(100), primary_key=True),
    Column("key", Words, primary_key=True),
    Column("known", Boolean, nullable=False),
    Column("vip", Boolean),  # null: it did not say
    Column("fields", JSON, nullable=False),
    Column("asked_at", Moment),  # when it said that; null: it never answered
    Column("fresh_until", Moment, nullable=False),
    # since when it is to be asked (again); who was decided without it is decided again
    Column("waiting_since", Moment),
    Index("ix_directory_entries_waiting", "waiting_since"),
)


messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("group_id", Id, ForeignKey("groups.id"), nullable=False),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("episode", Integer, nullable=False),
    Column("ticket_id", Id, ForeignKey("tickets.id"), nullable=False),
    Column("language", String(10), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("group_id", "customer_id", "episode"),
    Index("ix_messages_customer", "customer_id", "at"),
)

checkins = Table(
    "checkins",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, ForeignKey("tickets.id"), nullable=False),
    Column("wrote_at", Moment, nullable=False),  # the customer's last words
    Column("number", Integer, nullable=False),  # after those words, from 0
    Column("planned_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", String(20), nullable=False),  # CheckinState
    Column("reason", Words, nullable=False, default="", server_default=""),
    UniqueConstraint("ticket_id", "wrote_at", "number"),
    Index("ix_checkins_state", "state", "due_at"),
)

# Larger messages wait for a person; one row says what that person decided.
broadcasts = Table(
    "broadcasts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("group_id", Id, ForeignKey("groups.id"), nullable=False),
    Column("episode", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("decided_at", Moment),
    Column("decided_by", Words, nullable=False, default="", server_default=""),
    UniqueConstraint("group_id", "episode"),
)

# Who is affected, is not told, and why.
left_out = Table(
    "left_out",
    metadata,
    Column("group_id", Id, ForeignKey("groups.id"), primary_key=True),
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("episode", Integer, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

clocks = Table(
    "clocks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, ForeignKey("tickets.id"), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("wrote_at", Moment, nullable=False),  # the words that started it
    Column("due_at", Moment, nullable=False),
    Column("state", String(20), nullable=False),
    Column("step", Integer, nullable=False, default=0, server_default="0"),
    Column("next_at", Moment),  # when it is looked at again; null: never
    Column("ended_at", Moment),
    Column("reason", Words, nullable=False, default="", server_default=""),
    UniqueConstraint("ticket_id", "kind", "wrote_at"),
    Index("ix_clocks_next", "next_at"),
    Index("ix_clocks_ended", "ended_at", "state"),
)

# What only a person can do.
tasks = Table(
    "tasks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("kind", String(30), nullable=False),
    Column("customer_id", Id, ForeignKey("customers.id")),
    Column("ticket_id", Id, ForeignKey("tickets.id")),
    Column("reason", Words, nullable=False),
    Column("state", String(20), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("done_by", Words, nullable=False, default="", server_default=""),
    Index("ix_tasks_state", "state", "kind"),
)

# Reports that were made, so that none goes out twice.
reports = Table(
    "reports",
    metadata,
    Column("kind", String(30), primary_key=True),
    Column("period", String(20), primary_key=True),
    Column("made_at", Moment, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(100), nullable=False),
    Column("operation", String(30), nullable=False),
    Column("target", String(100), nullable=False),  # ticket or issue id, or project
    Column("dedup_key", String(255), nullable=False, unique=True),
    Column("ordering_key", String(255), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("mark", String(40), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),
    # since when the vendor may have done it without our knowing
    Column("uncertain_since", Moment),
    Column("due_at", Moment, nullable=False),
    Column("claimed_by", String(100)),
    Column("result", JSON),
    Column("error", Words, nullable=False, default="", server_default=""),
    Column("ticket_id", Id),
    Column("group_id", Id),
    Column("delivery_id", Id),
    Column("rule", Words, nullable=False, default="", server_default=""),
    Column("rule_version", String(40), nullable=False, default="", server_default=""),
    Column("reason", Words, nullable=False, default="", server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    Index("ix_outbox_state", "state", "source", "due_at"),
    Index("ix_outbox_order", "ordering_key", "state"),
    Index("ix_outbox_ticket", "ticket_id"),
    Index("ix_outbox_group", "group_id", "operation", "id"),
    sqlite_autoincrement=True,
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, ForeignKey("tickets.id"), nullable=False),
    Column("delivery_id", Id),
    Column("at", Moment, nullable=False),
    Column("rules_version", String(40), nullable=False),
    Column("verdict", JSON, nullable=False),
    Column("trace", JSON, nullable=False),  # every tag, note and group with its reason
    Index("ix_decisions_ticket", "ticket_id", "at"),
)
