"""budgets: the pace all processes share; health: which vendor is not to be called"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("bucket", sa.String(length=150), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("spent", sa.JSON(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=True),
        sa.Column("remaining_until", sa.Float(), nullable=False),
        sa.Column("held_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("account", "bucket", name=op.f("pk_budgets")),
    )
    op.create_table(
        "health",
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("side", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("probe_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "side", name=op.f("pk_health")),
    )
    # One finding a source used to be a fact; it is found again if it still holds.
    op.execute("DELETE FROM facts WHERE name LIKE 'credentials:%'")
