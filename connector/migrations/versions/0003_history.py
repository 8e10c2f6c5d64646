"""history: cursors of what was read, and what of it is archived"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cursors",
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("source", "purpose", name=op.f("pk_cursors")),
    )
    # Added one by one: a batch would write SQLite's tables anew.
    op.add_column("tickets", sa.Column("archived_until", sa.BigInteger()))
    op.add_column(
        "groups",
        sa.Column("archived", sa.Integer(), server_default="0", nullable=False),
    )
    op.add_column(
        "members",
        sa.Column("archived", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("members", "archived")
    op.drop_column("groups", "archived")
    op.drop_column("tickets", "archived_until")
    op.drop_table("cursors")
