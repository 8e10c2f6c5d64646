"""finding tickets by words and numbers, and counting them by what was understood

The words are kept by the database itself, also of tickets that are there: whoever
writes a text or takes it out changes what it is found by.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_tickets_number": ["number"],
    "ix_tickets_opened": [
        "created_at",
        "complaint",
        "kind",
        "praise",
        "status",
        "merged_into",
    ],
    "ix_tickets_kind": ["kind", "id"],
    "ix_tickets_language": ["language", "id"],
    "ix_tickets_status": ["status", "id"],
}

_SQLITE = (
    "CREATE VIRTUAL TABLE tickets_words USING fts5(subject, text,"
    " content='tickets', content_rowid='id', detail=none, columnsize=0,"
    " tokenize='unicode61 remove_diacritics 0')",
    "CREATE TRIGGER tickets_words_in AFTER INSERT ON tickets BEGIN"
    " INSERT INTO tickets_words(rowid, subject, text)"
    " VALUES (new.id, new.subject, new.text); END",
    "CREATE TRIGGER tickets_words_out AFTER DELETE ON tickets BEGIN"
    " INSERT INTO tickets_words(tickets_words, rowid, subject, text)"
    " VALUES ('delete', old.id, old.subject, old.text); END",
    "CREATE TRIGGER tickets_words_new AFTER UPDATE OF subject, text ON tickets"
    " WHEN old.subject IS NOT new.subject OR old.text IS NOT new.text BEGIN"
    " INSERT INTO tickets_words(tickets_words, rowid, subject, text)"
    " VALUES ('delete', old.id, old.subject, old.text);"
    " INSERT INTO tickets_words(rowid, subject, text)"
    " VALUES (new.id, new.subject, new.text); END",
    "INSERT INTO tickets_words(tickets_words) VALUES ('rebuild')",
)

# Its parser takes an address for one word, and where the locale is C it knows no
# capitals but ASCII's. A text without end would not fit into an index.
_POSTGRESQL = (
    "CREATE INDEX ix_tickets_words ON tickets USING gin"
    " (to_tsvector('simple', translate(left(subject || ' ' || text, 50000),"
    " 'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŠŽ-./@_:+<>=&~%?#',"
    " 'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþšž               ')))",
)


def upgrade() -> None:
    op.add_column(
        "tickets",
        sa.Column("kind", sa.String(length=40), server_default="", nullable=False),
    )
    op.add_column(
        "tickets",
        sa.Column("praise", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    tickets = sa.table(
        "tickets", sa.column("verdict", sa.JSON), sa.column("kind"), sa.column("praise")
    )
    verdict = tickets.c.verdict
    op.execute(
        tickets.update().values(
            kind=sa.func.coalesce(verdict[("types", 0)].as_string(), ""),
            praise=sa.func.coalesce(verdict["praise"].as_boolean(), sa.false()),
        )
    )
    for name, columns in _INDEXES.items():
        op.create_index(op.f(name), "tickets", columns)
    op.create_index(op.f("ix_clocks_ended"), "clocks", ["ended_at", "state"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("in", "out", "new"):
            op.execute(f"DROP TRIGGER tickets_words_{name}")
        op.execute("DROP TABLE tickets_words")
    else:
        op.execute("DROP INDEX ix_tickets_words")
    op.drop_index("ix_clocks_ended", "clocks")
    for name in _INDEXES:
        op.drop_index(name, "tickets")
    op.drop_column("tickets", "praise")
    op.drop_column("tickets", "kind")
