"""check-ins after a solution"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ids = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "checkins",
        sa.Column("id", ids, nullable=False),
        sa.Column("ticket_id", ids, nullable=False),
        sa.Column("wrote_at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_checkins_ticket_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkins")),
        sa.UniqueConstraint(
            "ticket_id", "wrote_at", "number", name=op.f("uq_checkins_ticket_id")
        ),
    )
    op.create_index(op.f("ix_checkins_state"), "checkins", ["state", "due_at"])
    op.create_index(op.f("ix_messages_customer"), "messages", ["customer_id", "at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_messages_customer"), "messages")
    op.drop_table("checkins")
