"""what memberships that ended left in the grouper's memory"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ids = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "departures",
        sa.Column("seq", ids, autoincrement=False, nullable=False),
        sa.Column("ticket_id", ids, nullable=False),
        sa.Column("cluster_id", ids, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_departures")),
    )
    op.create_index(op.f("ix_departures_ticket"), "departures", ["ticket_id"])
    op.create_index(op.f("ix_departures_at"), "departures", ["at"])


def downgrade() -> None:
    op.drop_table("departures")
