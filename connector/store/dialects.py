"""The only file in which the two databases differ."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Table,
    column,
    event,
    literal_column,
    table,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

#: Advisory lock under which all workers decide about groups, one after the other.
GROUPING_LOCK = 0x0CC0_0001
MIGRATION_LOCK = 0x0CC0_0002
ACCOUNTS_LOCK = 0x0CC0_0003

#: How long rewriting a file of SQLite waits for whoever writes, or reads what was.
PATIENCE_MS = 30_000

#: By which SQLite finds tickets; kept up by triggers.
tickets_words = table("tickets_words", column("rowid"))


def is_sqlite(bind: Engine | Connection) -> bool:
    return bind.dialect.name == "sqlite"


def prepare(engine: Engine) -> None:
    """Set what each new connection needs, once per engine."""
    if is_sqlite(engine):
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)


def _sqlite_connect(connection: Any, record: object) -> None:
    # Transactions are begun by _sqlite_begin; the driver's guessing is off.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Of a new file only. A delivery fills most of a small page, and leaves the rest.
    cursor.execute("PRAGMA page_size=16384")
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: a commit is on the disk before it is acknowledged.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA temp_store=MEMORY")
    # Moving the log into the file makes somebody wait: so seldom, with such pages.
    cursor.execute("PRAGMA wal_autocheckpoint=1000")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("connector_alone", False):
        return
    # A deferred transaction that writes later can fail at once instead of waiting.
    write = options.get("connector_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def alone(connection: Connection) -> Connection:
    """Let each statement be a transaction of its own, committed when it returns."""
    if is_sqlite(connection):
        return connection.execution_options(connector_alone=True)
    return connection.execution_options(isolation_level="AUTOCOMMIT")


def unmoved(connection: Connection) -> Connection:
    """Let all of this transaction read the same state, whatever others commit."""
    if is_sqlite(connection):
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ")


def clock(connection: Connection) -> datetime:
    """Return the time by the database's clock; with SQLite that is this machine's."""
    if is_sqlite(connection):
        return datetime.now(UTC)
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now.astimezone(UTC)


def insert(dialect: str, table: Table) -> Any:
    """An INSERT with ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def insert_missing(
    connection: Connection, table: Table, keys: Sequence[str], rows: Sequence[Any]
) -> None:
    """Insert the rows whose ``keys`` are not there yet; leave the others alone."""
    if rows:
        statement = _insert_missing(connection.dialect.name, table, tuple(keys))
        connection.execute(statement, list(rows))


@cache
def _insert_missing(dialect: str, table: Table, keys: tuple[str, ...]) -> Any:
    return insert(dialect, table).on_conflict_do_nothing(index_elements=list(keys))


def insert_plain(
    connection: Connection,
    table: Table,
    given: Mapping[str, str],
    derived: Mapping[str, str],
    rows: Sequence[Sequence[Any]],
    wake: str = "",
    may_be_there: bool = True,
) -> None:
    """Insert many rows by one statement, leaving alone what is there already.

    Without ``may_be_there`` nothing is looked for: half the time with PostgreSQL.
    ``given`` names the columns of ``rows`` and their types in PostgreSQL's words;
    values are the driver's own (text, int, bytes). ``derived`` are further columns,
    each an expression of those. ``wake`` is the channel to notify with it.
    """
    if is_sqlite(connection):
        marks = ", ".join(["(" + ", ".join("?" * len(given)) + ")"] * len(rows))
        values, source = tuple(chain.from_iterable(rows)), f"VALUES {marks}"
    else:
        # Binary, so that bodies are not spelled out and read again.
        arrays = ", ".join(f"%b::{kind}[]" for kind in given.values())
        values = tuple(list(column) for column in zip(*rows, strict=True))
        source = f"SELECT * FROM unnest({arrays})"
    begin = f"WITH given({', '.join(given)}) AS ({source})"
    insert = (
        f"INSERT INTO {table.name} ({', '.join((*given, *derived))}) "
        f"SELECT {', '.join((*given, *derived.values()))} FROM given"
    )
    if may_be_there:
        # SQLite would take ON for a join's, were there no WHERE.
        insert += " WHERE true ON CONFLICT DO NOTHING"
    statement = f"{begin} {insert}"
    if wake and not is_sqlite(connection):
        statement = f"{begin}, added AS ({insert}) SELECT pg_notify('{wake}', '')"
    connection.exec_driver_sql(statement, values)


def for_claiming(connection: Connection, query: Select[Any]) -> Select[Any]:
    """Let several processes pick different rows at the same time.

    SQLite needs nothing: a writing transaction is alone.
    """
    return query if is_sqlite(connection) else query.with_for_update(skip_locked=True)


#: As the index has it, to the letter.
_WORDS = (
    "to_tsvector('simple', translate(left("
    "tickets.subject || ' ' || tickets.text, 50000),"
    " 'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŠŽ-./@_:+<>=&~%?#',"
    " 'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþšž               '))"
)


def saying(
    connection: Connection,
    query: Select[Any],
    words: Sequence[str],
    among: Sequence[int] | None = None,
) -> Select[Any]:
    """Find, in the order of their ids, tickets that say words beginning like these.

    The words are of small letters and digits only. ``among`` are all the tickets there
    can be, if they are few: PostgreSQL sees that by itself, SQLite does not.
    """
    if is_sqlite(connection):
        asked = " AND ".join(f'"{word}" *' for word in words)
        found = text("tickets_words MATCH :asked").bindparams(asked=asked)
        place = tickets_words.c.rowid
        query = query.join(tickets_words, place == literal_column("tickets.id"))
        if among is not None:
            # By the sign it asks who says the words once, not for each ticket.
            query = query.where(literal_column("+tickets_words.rowid").in_(among))
        return query.where(found).order_by(place.desc())
    asked = " & ".join(f"'{word}':*" for word in words)
    found = text(f"{_WORDS} @@ to_tsquery('simple', :asked)").bindparams(asked=asked)
    return query.where(found).order_by(literal_column("tickets.id").desc())


def serialise(connection: Connection, lock: int) -> None:
    """Wait until this transaction is the only one under ``lock``."""
    if not is_sqlite(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": lock})


def notify(connection: Connection, channel: str) -> None:
    """Wake listeners in other processes once this transaction is committed."""
    if not is_sqlite(connection):
        connection.execute(text("SELECT pg_notify(:c, '')"), {"c": channel})


def rewrite(engine: Engine) -> bool:
    """Leave nothing in SQLite's files of what was removed; False if readers hold it.

    Others read meanwhile and wait with what they write. PostgreSQL clears away old
    versions of rows by itself.
    """
    with engine.connect() as connection:
        alone(connection)
        # Only now and here: in memory there may be no room for a whole database.
        connection.exec_driver_sql("PRAGMA temp_store=FILE")
        connection.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE_MS}")
        # What was said stays in the index of words until its parts are put together.
        connection.exec_driver_sql(
            "INSERT INTO tickets_words(tickets_words) VALUES ('optimize')"
        )
        connection.exec_driver_sql("VACUUM")
        said = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        connection.invalidate()  # with what was set on it
        return not said[0]


def sqlite_version() -> str:
    return sqlite3.sqlite_version
