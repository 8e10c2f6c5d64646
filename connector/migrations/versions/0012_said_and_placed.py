"""what is remembered of a member beside how it counts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ids = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("members", sa.Column("said_at", sa.BigInteger()))
    op.add_column("members", sa.Column("placed_in", ids))


def downgrade() -> None:
    op.drop_column("members", "placed_in")
    op.drop_column("members", "said_at")
