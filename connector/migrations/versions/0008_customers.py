"""what customers are promised: clocks, approvals, who is left out, tasks, reports

And what tickets were judged by.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def ids() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("customers", sa.Column("opted_out_at", sa.BigInteger()))
    op.add_column(
        "customers",
        sa.Column("opted_out", sa.Text(), server_default="", nullable=False),
    )
    op.add_column("customers", sa.Column("erased_at", sa.BigInteger()))
    op.add_column("tickets", sa.Column("erased_until", sa.BigInteger()))
    op.add_column(
        "tickets",
        sa.Column("channel", sa.String(length=20), server_default="", nullable=False),
    )
    op.add_column("tickets", sa.Column("wrote_at", sa.BigInteger()))
    op.add_column("tickets", sa.Column("first_answer_at", sa.BigInteger()))
    op.add_column("tickets", sa.Column("answered_at", sa.BigInteger()))
    op.add_column("tickets", sa.Column("solved_at", sa.BigInteger()))
    op.add_column("tickets", sa.Column("closed_at", sa.BigInteger()))
    op.add_column(
        "tickets",
        sa.Column("rating", sa.String(length=20), server_default="", nullable=False),
    )
    op.add_column(
        "tickets",
        sa.Column("details", sa.JSON(), server_default="{}", nullable=False),
    )
    op.add_column("group_events", sa.Column("ticket_id", ids()))
    _broadcasts()
    _clocks()
    _tasks()
    _reports()
    _learning()
    _directories()
    _rulebooks()
    _learned_models()


def _broadcasts() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("id", ids(), nullable=False),
        sa.Column("group_id", ids(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_broadcasts_group_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
        sa.UniqueConstraint("group_id", "episode", name=op.f("uq_broadcasts_group_id")),
    )
    op.create_table(
        "left_out",
        sa.Column("group_id", ids(), nullable=False),
        sa.Column("customer_id", ids(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_left_out_group_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_left_out_customer_id")
        ),
        sa.PrimaryKeyConstraint(
            "group_id", "customer_id", "episode", name=op.f("pk_left_out")
        ),
    )


def _clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", ids(), nullable=False),
        sa.Column("ticket_id", ids(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("wrote_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("step", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_clocks_ticket_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clocks")),
        sa.UniqueConstraint(
            "ticket_id", "kind", "wrote_at", name=op.f("uq_clocks_ticket_id")
        ),
    )
    op.create_index(op.f("ix_clocks_next"), "clocks", ["next_at"])


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", ids(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("customer_id", ids()),
        sa.Column("ticket_id", ids()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger()),
        sa.Column("done_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_tasks_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_tasks_ticket_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("key", name=op.f("uq_tasks_key")),
    )
    op.create_index(op.f("ix_tasks_state"), "tasks", ["state", "kind"])


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "period", name=op.f("pk_reports")),
    )


def _learning() -> None:
    op.create_table(
        "labels",
        sa.Column("ticket_id", ids(), nullable=False),
        sa.Column("tag", sa.String(length=255), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_labels_ticket_id")
        ),
        sa.PrimaryKeyConstraint("ticket_id", "tag", name=op.f("pk_labels")),
    )
    op.create_index(op.f("ix_labels_at"), "labels", ["at"])
    op.create_table(
        "demotions",
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("tag", sa.String(length=255), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("demoted_at", sa.BigInteger(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("promoted_at", sa.BigInteger()),
        sa.Column("promoted_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint(
            "rule", "tag", "language", "rule_version", name=op.f("pk_demotions")
        ),
    )


def _directories() -> None:
    op.create_table(
        "directory_entries",
        sa.Column("directory", sa.String(length=100), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("vip", sa.Boolean()),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.BigInteger()),
        sa.Column("fresh_until", sa.BigInteger(), nullable=False),
        sa.Column("waiting_since", sa.BigInteger()),
        sa.PrimaryKeyConstraint("directory", "key", name=op.f("pk_directory_entries")),
    )
    op.create_index(
        op.f("ix_directory_entries_waiting"), "directory_entries", ["waiting_since"]
    )


def _rulebooks() -> None:
    op.create_table(
        "rulebooks",
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rulebooks")),
    )


def _learned_models() -> None:
    op.create_table(
        "learned_models",
        sa.Column("id", ids(), nullable=False),
        sa.Column("version", sa.String(length=12), nullable=False),
        sa.Column("fitted_at", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned_models")),
    )


def downgrade() -> None:
    op.drop_table("learned_models")
    op.drop_table("rulebooks")
    op.drop_table("directory_entries")
    op.drop_table("demotions")
    op.drop_table("labels")
    op.drop_table("reports")
    op.drop_table("tasks")
    op.drop_table("clocks")
    op.drop_table("left_out")
    op.drop_table("broadcasts")
    for column in (
        "details",
        "rating",
        "closed_at",
        "solved_at",
        "wrote_at",
        "first_answer_at",
        "answered_at",
        "channel",
        "erased_until",
    ):
        op.drop_column("tickets", column)
    op.drop_column("group_events", "ticket_id")
    for column in ("erased_at", "opted_out", "opted_out_at"):
        op.drop_column("customers", column)
