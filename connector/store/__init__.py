"""The database: one file of SQLite, or PostgreSQL. Rows in, rows out; no decisions.

Query functions live beside their tables in this package's modules and take a
``Connection``; who calls them opens the transaction, so that what belongs together is
committed together.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

from connector.errors import StoreUnavailable
from connector.store import dialects
from connector.store.signals import CHANNEL, Listener, Signals, listener

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


#: What the drivers say, in lower case, and what we say; the first that fits.
_CAUSES = {
    "authentication failed": "user or password were not accepted",
    "no password supplied": "it wants a password, and the address has none",
    "resolve host": "the name of its host is not known",
    "translate host name": "the name of its host is not known",
    "refused": "nobody listens at its host and port",
    "no route to host": "its host cannot be reached",
    "network is unreachable": "its host cannot be reached",
    "no such file or directory": "there is no socket of a server",
    "timeout": "it took too long",
    "timed out": "it took too long",
    "ssl": "no encrypted connection could be agreed on",
    "too many": "it has too many connections",
    "remaining connection slots": "it has too many connections",
    "starting up": "it is starting",
    "shutting down": "it is shutting down",
    "terminating connection": "it ended the connection",
    "closed the connection": "it ended the connection",
    "pg_hba.conf": "it lets nobody in from this address",
    "does not exist": "the database, user or table does not exist",
    "permission denied": "the user may not do that",
    "database is locked": "another process holds the file locked",
    "unable to open database file": "the file cannot be opened",
    "readonly": "the file cannot be written",
    "disk is full": "the disk is full",
    "disk i/o error": "the disk reports an error",
    "malformed": "the file is damaged",
    "no such": "a table or column is missing; is another version at work?",
}


class Store:
    """Opens transactions; ``write`` is exclusive on SQLite, not on PostgreSQL."""

    def __init__(self, url: str, pool_size: int = 20) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                _make_folder(Path(parsed.database).parent)
                _make_private_file(Path(parsed.database))
        elif parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.engine: Engine = create_engine(
            parsed, pool_size=pool_size, max_overflow=pool_size, hide_parameters=True
        )
        dialects.prepare(self.engine)
        self.signals = Signals()
        self._listener: Listener | None = None
        # Waiting for SQLite's own lock means sleeping and asking again; in one process
        # a queue is fairer and faster.
        self._gate = threading.Lock() if dialects.is_sqlite(self.engine) else None

    @property
    def is_sqlite(self) -> bool:
        return dialects.is_sqlite(self.engine)

    @contextmanager
    def write(self, wake: str = "") -> Iterator[Connection]:
        """Open a writing transaction; commit at the end, roll back on any error.

        ``wake`` names who is woken after the commit.
        """
        with self._guard():
            if self._gate is None:
                with self._transaction(wake) as connection:
                    yield connection
            else:
                with self._gate, self._transaction(wake) as connection:
                    yield connection
        if wake:
            self.signals.ring(wake)

    @contextmanager
    def append(self, wake: str) -> Iterator[Connection]:
        """Give a connection on which each statement is committed when it returns.

        For one statement under load. Beginning and committing are statements too; at
        each of them a thread gives up the interpreter lock, and a busy server is slow
        to hand it back.
        """
        with self._guard(), self._gate or nullcontext():
            with self.engine.connect() as connection:
                yield dialects.alone(connection)
        self.signals.ring(wake)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a reading transaction."""
        with self._guard(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _transaction(self, wake: str) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            connection = connection.execution_options(connector_write=True)
            with connection.begin():
                yield connection
                if wake:
                    dialects.notify(connection, CHANNEL)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, TimeoutError) as err:
            raise StoreUnavailable(f"the database did not answer: {_why(err)}") from err
        except DBAPIError as err:
            if err.connection_invalidated:
                raise StoreUnavailable("the database connection was lost") from err
            raise

    def upgrade(self) -> None:
        """Bring the schema to this version; safe when several processes start at once.

        Raises ``StoreUnavailable``.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.write() as connection:
            dialects.serialise(connection, dialects.MIGRATION_LOCK)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def rewrite(self) -> bool:
        """Leave nothing in SQLite's files of what was removed; tell if that worked."""
        with self._guard(), self._gate or nullcontext():
            return dialects.rewrite(self.engine)

    def listen(self) -> None:
        """Start waking this process's threads when another process writes."""
        self._listener = listener(self.engine, self.signals)
        if self._listener:
            self._listener.start()

    def close(self) -> None:
        if self._listener:
            self._listener.stop()
            self._listener.join(timeout=3)
        self.engine.dispose()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise StoreUnavailable(
            f"the folder {folder} cannot be made ({err.strerror})"
        ) from err


def _make_private_file(path: Path) -> None:
    """Create a new database for its own user alone; SQLite's side files follow it."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
    except OSError:
        return  # SQLite will say so, when it is asked for


def _why(err: Exception) -> str:
    """Name the cause in words of our own.

    The driver's text may hold parts of the address, and with them of the password.
    """
    origin = getattr(err, "orig", None) or err
    text = str(origin).lower()
    for sign, words in _CAUSES.items():
        if sign in text:
            return words
    state = getattr(origin, "sqlstate", None)
    return f"{type(origin).__name__} {state}" if state else type(origin).__name__
