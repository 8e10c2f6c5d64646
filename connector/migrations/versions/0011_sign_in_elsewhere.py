"""who a user is to the provider that lets them in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("issuer", sa.String(length=300)))
    op.add_column("users", sa.Column("subject", sa.String(length=255)))
    op.create_index(
        op.f("ix_users_subject"), "users", ["issuer", "subject"], unique=True
    )


def downgrade() -> None:
    op.drop_index("ix_users_subject", "users")
    op.drop_column("users", "subject")
    op.drop_column("users", "issuer")
