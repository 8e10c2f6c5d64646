"""What several commands share: the configuration option, and ways of printing."""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import RowMapping

from connector import logs
from connector.config import Config, load
from connector.errors import ConfigError, StoreUnavailable
from connector.judging import key_of
from connector.models import TicketRef
from connector.rulebook import Rulebook
from connector.store import Store

F = TypeVar("F", bound=Callable[..., Any])

CONFIG_VARIABLE = "COMPLAINT_CONNECTOR_CONFIG"

#: For ``umask``: what a command that stays writes is for its own user alone.
PRIVATE = 0o077


def config_option(command: F) -> F:
    return click.option(
        "--config",
        "-c",
        "path",
        type=click.Path(path_type=Path, dir_okay=False),
        default=lambda: Path(os.environ.get(CONFIG_VARIABLE, "config.yaml")),
        help="The configuration file.  [default: config.yaml]",
    )(command)


def json_option(command: F) -> F:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON lines for programs."
    )(command)


def moment(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> datetime | None:
    """Read a date or time; what names no zone is UTC."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as err:
        raise click.BadParameter("expected a date, such as 2026-01-01") from err


def by_option(command: F) -> F:
    return click.option(
        "--by",
        "who",
        default=getpass.getuser,
        help="Who says so.  [default: the name you are logged in by]",
    )(command)


class Number(click.ParamType[int]):
    """The number of a row, or of rows; what no database takes is refused here."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        number = int(value) if re.fullmatch(r"\d{1,10}", str(value)) else 0
        if not 0 < number < 2**31:
            self.fail(f"{value!r}: expected a number, such as 3", param, ctx)
        return number


NUMBER = Number()


class TicketWord(click.ParamType[TicketRef]):
    """A ticket as SOURCE:ID: the number that agents see, or the helpdesk's own id."""

    name = "ticket"

    def convert(self, value: Any, param: Any, ctx: Any) -> TicketRef:
        source, _, external_id = str(value).partition(":")
        if not source or not external_id:
            self.fail("name a ticket as SOURCE:ID, such as support:1042", param, ctx)
        return TicketRef(source, external_id)


class CustomerWord(click.ParamType[str]):
    """The key of a customer. What else may stand in a text is nobody's, and refused:
    erasing would take it out of everything."""

    name = "customer"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        key = key_of(str(value))
        if not re.fullmatch(r"[^@\s]+@[^@\s]+|[^:@\s]+:\S.*", key):
            said = "write an address, or SOURCE:ID where the helpdesk has none"
            self.fail(f"{value!r}: {said}", param, ctx)
        return key


CUSTOMER = CustomerWord()

limit_option = click.option(
    "--limit", type=NUMBER, default=50, show_default=True, help="Rows."
)


def state_option(states: Any) -> Callable[[Any], Any]:
    return click.option(
        "--state",
        type=click.Choice([str(state) for state in states]),
        help="Only these.",
    )


def read_config(path: Path) -> Config:
    """Load the configuration, or tell every mistake and end with 1."""
    logs.configure(os.environ.get("COMPLAINT_CONNECTOR_LOG", "info"))
    try:
        return load(path)
    except ConfigError as err:
        end_with(err)


def read_rulebook(config: Config) -> Rulebook:
    """Read rules and words, or tell every mistake and end with 1."""
    try:
        return Rulebook(config, datetime.now(UTC))
    except ConfigError as err:
        end_with(err)


def end_with(err: ConfigError) -> NoReturn:
    """Tell every mistake and end with 1."""
    for problem in err.problems:
        click.echo(f"{err.path}: {problem}", err=True)
    count = len(err.problems)
    click.echo(f"{count} mistake{'s' if count != 1 else ''} found.", err=True)
    sys.exit(1)


@contextmanager
def open_store(config: Config) -> Iterator[Store]:
    """Open the database of a configuration with its schema up to date."""
    store = Store(config.database.url, pool_size=2)
    try:
        store.upgrade()
        yield store
    except StoreUnavailable as err:
        click.echo(f"database.url: {err}", err=True)
        sys.exit(1)
    finally:
        store.close()


def emit(
    rows: Sequence[Mapping[str, Any] | RowMapping],
    columns: Sequence[str],
    as_json: bool,
) -> None:
    """Print rows as a table, or as JSON lines with all their keys."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(dict(row), default=_plain, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    Console().print(table if rows else "nothing here")


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def show(row: Any, missing: str, as_json: bool) -> None:
    """Print one row with all its keys, or say that it is missing and end with 1."""
    if row is None:
        click.echo(missing, err=True)
        sys.exit(1)
    if as_json:
        emit([row], [], True)
        return
    lines = [
        {"key": key, "value": _text(value)}
        for key, value in row.items()
        if value not in (None, "")
    ]
    emit(lines, ["key", "value"], False)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
