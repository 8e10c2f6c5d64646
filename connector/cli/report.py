"""``report``: complaints as a whole. What is in each is decided in its own module."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from connector.cli.common import config_option, open_store, read_config
from connector.config import Config
from connector.reports import periods, register
from connector.reports.periods import Period


class PeriodWord(click.ParamType[Callable[[ZoneInfo], Period]]):
    """A week or a month by its name; where it begins depends on the time zone."""

    def __init__(self, name: str, read: Callable[[str, ZoneInfo], Period]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: Any, ctx: Any) -> Callable[[ZoneInfo], Period]:
        try:
            self._read(value, ZoneInfo("UTC"))
        except ValueError as err:
            self.fail(str(err), param, ctx)
        return partial(self._read, value)


def _zone(config: Config) -> ZoneInfo:
    return ZoneInfo(config.reports.timezone)


@click.group()
def report() -> None:
    """Complaints as a whole: nobody's name or words are in a report.

    Made twice from the same data a report is the same.
    """


@report.command("register")
@click.option(
    "--month",
    type=PeriodWord("month", periods.month),
    help="Such as 2026-10.  [default: the last one]",
)
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file for it; one that is there is replaced.",
)
@config_option
def report_register(
    month: Callable[[ZoneInfo], Period] | None, form: str, out: Path | None, path: Path
) -> None:
    """Write the complaint register of a month: a line for each complaint received.

    Example: complaint-connector report register --month 2026-10 --out register.csv
    """
    config = read_config(path)
    zone = _zone(config)
    chosen = month(zone) if month else periods.last_month(datetime.now(UTC), zone)
    with open_store(config) as store, store.read() as connection:
        lines = register.lines(connection, config, chosen)
    written = register.as_csv(lines) if form == "csv" else register.as_json(lines)
    if out is None:
        click.echo(written.encode(), nl=False)  # lines end as they are
        return
    try:
        out.write_bytes(written.encode())
    except OSError as err:
        raise click.FileError(os.fspath(out), err.strerror) from err
    click.echo(f"{out}: {len(lines)} complaints received in {chosen.name}")
