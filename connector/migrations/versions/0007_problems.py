"""corrections of groups by people, their timeline, and the grouper's memory"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ids = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column(
        "customers",
        sa.Column("organization", sa.Text(), server_default="", nullable=False),
    )
    op.create_table(
        "customer_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("customer_id", ids, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_keys_customer_id"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_customer_keys")),
    )
    op.create_index(op.f("ix_customer_keys_customer"), "customer_keys", ["customer_id"])
    op.add_column("groups", sa.Column("issue_meaning", sa.String(length=20)))
    op.add_column("groups", sa.Column("priority", sa.Text()))
    op.add_column("groups", sa.Column("waiting_since", sa.BigInteger()))
    op.add_column(
        "groups", sa.Column("doubt", sa.Text(), server_default="", nullable=False)
    )
    op.add_column("groups", sa.Column("merged_into", ids))
    op.add_column("groups", sa.Column("merged_with", ids))
    op.add_column("groups", sa.Column("merged_from", sa.String(length=20)))
    op.add_column("groups", sa.Column("muted_until", sa.BigInteger()))
    op.add_column("groups", sa.Column("muted_from", sa.String(length=20)))
    op.add_column(
        "groups",
        sa.Column("is_named", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_index(op.f("ix_groups_merged"), "groups", ["merged_into"])
    op.add_column("groups", sa.Column("done_customers", sa.Integer()))
    op.create_index(op.f("ix_groups_successor"), "groups", ["successor_id"])
    op.create_table(
        "former_issues",
        sa.Column("tracker", sa.String(length=100), nullable=False),
        sa.Column("issue_id", sa.String(length=100), nullable=False),
        sa.Column("group_id", ids, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=20)),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_former_issues_group_id")
        ),
        sa.PrimaryKeyConstraint("tracker", "issue_id", name=op.f("pk_former_issues")),
    )
    op.create_index(op.f("ix_former_issues_group"), "former_issues", ["group_id"])
    op.add_column("members", sa.Column("cluster_id", ids))
    op.add_column("members", sa.Column("placed_at", sa.BigInteger()))
    op.add_column(
        "members",
        sa.Column("vip", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "members",
        sa.Column("placed_by", sa.Text(), server_default="", nullable=False),
    )
    op.add_column(
        "members",
        sa.Column("shown", sa.Text(), server_default="", nullable=False),
    )
    op.create_index(op.f("ix_members_at"), "members", ["at"])
    op.create_index(op.f("ix_members_customer"), "members", ["customer_id", "group_id"])
    op.drop_index(op.f("ix_members_group"), "members")
    op.create_index(
        op.f("ix_members_group"),
        "members",
        ["group_id", "at", "archived", "customer_id", "vip"],
    )
    op.drop_index(op.f("ix_outbox_group"), "outbox")
    op.create_index(op.f("ix_outbox_group"), "outbox", ["group_id", "operation", "id"])
    op.create_table(
        "group_events",
        sa.Column("id", ids, nullable=False),
        sa.Column("group_id", ids, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_events_group_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_events")),
    )
    op.create_index(op.f("ix_group_events_group"), "group_events", ["group_id", "at"])
    op.create_table(
        "group_bonds",
        sa.Column("one_id", ids, nullable=False),
        sa.Column("other_id", ids, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["one_id"], ["groups.id"], name=op.f("fk_group_bonds_one_id")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["groups.id"], name=op.f("fk_group_bonds_other_id")
        ),
        sa.PrimaryKeyConstraint("one_id", "other_id", name=op.f("pk_group_bonds")),
    )
    op.create_table(
        "regroupings",
        sa.Column("id", ids, nullable=False),
        sa.Column("after_seq", ids, nullable=False),
        sa.Column("cluster_id", ids, nullable=False),
        sa.Column("tickets", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regroupings")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "grouping_memory",
        sa.Column("id", ids, nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("seq", ids, nullable=False),
        sa.Column("regrouping_id", ids, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grouping_memory")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("grouping_memory", "regroupings", "group_bonds", "group_events"):
        op.drop_table(table)
    op.drop_index(op.f("ix_outbox_group"), "outbox")
    op.create_index(op.f("ix_outbox_group"), "outbox", ["group_id"])
    op.drop_index(op.f("ix_members_group"), "members")
    op.create_index(op.f("ix_members_group"), "members", ["group_id", "at"])
    op.drop_index(op.f("ix_members_customer"), "members")
    op.drop_index(op.f("ix_members_at"), "members")
    for column in ("shown", "placed_by", "vip", "placed_at", "cluster_id"):
        op.drop_column("members", column)
    op.drop_table("former_issues")
    op.drop_index(op.f("ix_groups_successor"), "groups")
    op.drop_column("groups", "done_customers")
    op.drop_index(op.f("ix_groups_merged"), "groups")
    for column in (
        "is_named",
        "muted_from",
        "muted_until",
        "merged_from",
        "merged_with",
        "merged_into",
        "doubt",
        "waiting_since",
        "priority",
        "issue_meaning",
    ):
        op.drop_column("groups", column)
    op.drop_table("customer_keys")
    op.drop_column("customers", "organization")
