"""``user``: who may sign in to the dashboard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import Connection

from connector import accounts
from connector.cli.common import (
    by_option,
    config_option,
    emit,
    json_option,
    open_store,
    read_config,
)
from connector.models import Role
from connector.store import accounts as rows

_role = click.Choice([str(role) for role in Role])


@click.group()
def user() -> None:
    """People who may sign in to the dashboard.

    A viewer looks; an agent also says what belongs together and does tasks; an admin
    does everything. Until there is a user, the dashboard answers only its own machine.
    """


@user.command()
@click.argument("name")
@click.option("--role", type=_role, default=str(Role.VIEWER), show_default=True)
@click.password_option(
    envvar="COMPLAINT_CONNECTOR_PASSWORD",
    help="Asked for if left out; what stands here others may see in the shell.",
)
@by_option
@config_option
def add(name: str, role: str, password: str, who: str, path: Path) -> None:
    """Add a user.

    Example: complaint-connector user add kari --role admin
    """
    _do(path, lambda c, now: accounts.add(c, name, Role(role), password, who, now))
    click.echo(f"{name.strip().casefold()} may sign in as {role}.")


@user.command()
@click.argument("name")
@click.password_option(envvar="COMPLAINT_CONNECTOR_PASSWORD", help="Asked for.")
@by_option
@config_option
def password(name: str, password: str, who: str, path: Path) -> None:
    """Give a user another password; they have to sign in again everywhere.

    Example: complaint-connector user password kari
    """
    _do(path, lambda c, now: accounts.set_password(c, name, password, who, now))
    click.echo(f"{name} has another password; open sessions have ended.")


@user.command()
@click.argument("name")
@click.argument("role", type=_role)
@by_option
@config_option
def role(name: str, role: str, who: str, path: Path) -> None:
    """Give a user another role, from their next page on.

    Example: complaint-connector user role kari agent
    """
    _do(path, lambda c, now: accounts.set_role(c, name, Role(role), who, now))
    click.echo(f"{name} is {role} now.")


@user.command()
@click.argument("name")
@by_option
@config_option
def disable(name: str, who: str, path: Path) -> None:
    """Let a user sign in no more, and end their sessions.

    Example: complaint-connector user disable kari
    """
    _do(path, lambda c, now: accounts.disable(c, name, who, now))
    click.echo(f"{name} cannot sign in any more.")


@user.command()
@click.argument("name")
@by_option
@config_option
def enable(name: str, who: str, path: Path) -> None:
    """Let a user sign in again who was disabled.

    Example: complaint-connector user enable kari
    """
    _do(path, lambda c, now: accounts.enable(c, name, who, now))
    click.echo(f"{name} can sign in again.")


@user.command("list")
@config_option
@json_option
def listing(path: Path, as_json: bool) -> None:
    """List the users: role, where they sign in, and when they last had a page.

    Without an issuer they have a password here.

    Example: complaint-connector user list
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        found = rows.listing(connection)
    emit(
        found,
        ["name", "role", "issuer", "created_at", "seen_at", "disabled_at"],
        as_json,
    )


@user.command()
@click.option("--limit", type=int, default=50, show_default=True, help="Rows.")
@config_option
@json_option
def audit(limit: int, path: Path, as_json: bool) -> None:
    """List what people did on the dashboard, the latest first.

    Example: complaint-connector user audit --limit 20
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        found = rows.recorded(connection, limit)
    emit(found, ["at", "who", "action", "subject", "said"], as_json)


def _do(path: Path, change: Callable[[Connection, datetime], object]) -> None:
    with open_store(read_config(path)) as store, store.write() as connection:
        try:
            change(connection, datetime.now(UTC))
        except accounts.NotAccepted as err:
            click.echo(str(err), err=True)
            sys.exit(1)
