"""The first start: without a configuration, a browser is asked for one."""

from __future__ import annotations

import logging
import os
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.serving import make_server

from connector import installation, logs, secrets
from connector.config import Server
from connector.config_database import Database
from connector.dashboard import first
from connector.dashboard.first import Start
from connector.dashboard.first.draft import ENDING
from connector.errors import ConfigError, StoreUnavailable
from connector.store import Store, tickets
from connector.store import accounts as rows

#: How often it is looked whether somebody else wrote the configuration.
LOOK = 1.0


def ensure_set_up(path: Path) -> None:
    """If there is no configuration, wait until one was made in a browser."""
    # A link that leads nowhere is one: its volume may come back.
    if os.path.lexists(path):
        return
    if left := _left_of_another(path):
        raise click.ClickException(
            f"{path} is not there, but {left} is: put the configuration back that "
            "belongs to it, or have another asked here: complaint-connector init"
        )
    logs.configure(os.environ.get("COMPLAINT_CONNECTOR_LOG", "info"))
    try:
        installation.make_room(path)
    except ConfigError as err:
        raise click.ClickException(f"{err.path}: {err.problems[0]}") from err
    server = Server()
    offer(path, _listening(server.host, server.port))


def offer(path: Path, listening: socket.socket) -> None:
    """Serve the pages of a first start until there is a configuration."""
    host, port = listening.getsockname()[:2]
    start = first.begin(path, lambda: datetime.now(UTC))
    # One line for each request says nothing that its page does not.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = first.create_app(start)
    server = make_server(host, port, app, threaded=True, fd=listening.fileno())
    listening.close()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    click.echo(
        f"{path} is not there yet. Set everything up in a browser on this machine,\n"
        f"at http://{host}:{port}/ with this code, which is good for one browser:\n\n"
        f"    {start.code}\n\n"
        "Or press Ctrl-C and have the same asked here: complaint-connector init"
    )
    try:
        _wait(start)
    finally:
        server.shutdown()
        server.server_close()
    click.echo(f"{path} is there; the connector starts.")


def _left_of_another(path: Path) -> str:
    """Name what is there of a set-up whose configuration is gone; empty: nothing.

    Of a first start that was stopped there is a draft, and it goes on.
    """
    if path.with_name(path.name + ENDING).exists():
        return ""
    if secrets.beside(path).exists():
        return str(secrets.beside(path))
    database = Path(make_url(Database().url).database or "")
    return str(database) if database.is_file() and _was_used() else ""


def _was_used() -> bool:
    """Tell whether anything is in the database of who names no other."""
    store = Store(Database().url, pool_size=1)
    try:
        with store.read() as connection:
            return rows.is_anybody(connection) or any(
                tickets.counts(connection).values()
            )
    except (StoreUnavailable, SQLAlchemyError):  # of another version, or broken
        return True
    finally:
        store.close()


def _wait(start: Start) -> None:
    while not start.is_over.wait(LOOK):
        # Written elsewhere, such as by ``init``: there is nothing left to ask.
        is_written = start.path.exists() and not start.lock.locked()
        if is_written and start.outcome is None:
            return


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(32)
    except OSError as err:
        made.close()
        raise click.ClickException(
            f"{host}:{port}: cannot be listened on ({err.strerror}); end what uses it, "
            "or set everything up in the terminal: complaint-connector init"
        ) from err
    return made
