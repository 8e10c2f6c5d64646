"""``report``: complaints as a whole. What is in each is decided in its own module."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from connector.cli.common import (
    config_option,
    emit,
    json_option,
    open_store,
    read_config,
)
from connector.config import Config
from connector.packs import packs
from connector.reports import (
    digest,
    effect,
    periods,
    recovery,
    register,
    supervision,
)
from connector.reports.periods import Period
from connector.reports.words import as_markdown, as_text


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


form_option = click.option(
    "--format", "form", type=click.Choice(["csv", "json"]), default="csv"
)
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file for it; one that is there is replaced.",
)


def _zone(config: Config) -> ZoneInfo:
    return ZoneInfo(config.reports.timezone)


@click.group()
def report() -> None:
    """Complaints as a whole: nobody's name or words are in a report.

    Made twice from the same data a report is the same.
    """


@report.command("digest")
@click.option(
    "--week",
    type=PeriodWord("week", periods.week),
    help="Such as 2026-W46.  [default: the last one]",
)
@click.option("--markdown", is_flag=True, help="Write it in Markdown.")
@config_option
def report_digest(
    week: Callable[[ZoneInfo], Period] | None, markdown: bool, path: Path
) -> None:
    """Tell about a week: what came, what was done about it, what waits for people.

    Example: complaint-connector report digest --week 2026-W46
    """
    config = read_config(path)
    zone = _zone(config)
    chosen = week(zone) if week else periods.last_week(datetime.now(UTC), zone)
    with open_store(config) as store, store.read() as connection:
        title, body = digest.digest(connection, config, chosen)
    written = as_markdown(title, body) if markdown else as_text(title, body)
    click.echo(written, nl=False)


@report.command("effect")
@config_option
@json_option
def report_effect(path: Path, as_json: bool) -> None:
    """Tell what each fix did: complaints of its problem before and after.

    An empty cell is a time that is not over yet.

    Example: complaint-connector report effect
    """
    config = read_config(path)
    with open_store(config) as store, store.read() as connection:
        found = effect.effects(connection, config, datetime.now(UTC))
    rows = [
        {
            "problem": one.group_id,
            "title": one.title,
            "issue": one.issue,
            "fixed_at": one.fixed_at,
            "said": effect.you_said_we_did(config, one),
            **{f"{span.days}_days_before": span.before for span in one.spans},
            **{f"{span.days}_days_after": span.after for span in one.spans},
        }
        for one in found
    ]
    spans = [
        f"{days}_days_{side}" for days in effect.SPANS for side in ("before", "after")
    ]
    emit(rows, ["problem", "title", "issue", "fixed_at", *spans], as_json)


@report.command("recovery")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="Of complaints received in the last so many days.",
)
@config_option
@json_option
def report_recovery(days: int, path: Path, as_json: bool) -> None:
    """Hold how soon complaints were answered against ratings and new complaints.

    AGAIN counts customers who opened another complaint within 30 days.

    Example: complaint-connector report recovery --days 180
    """
    now = datetime.now(UTC)
    with open_store(read_config(path)) as store, store.read() as connection:
        found = recovery.bands(connection, now - timedelta(days=days), now)
    emit([one._asdict() for one in found], recovery.Band._fields, as_json)


@report.command("register")
@click.option(
    "--month",
    type=PeriodWord("month", periods.month),
    help="Such as 2026-10.  [default: the last one]",
)
@form_option
@out_option
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
    _put(written, out, f"{len(lines)} complaints received in {chosen.name}")


@report.command("return")
@click.option(
    "--pack",
    type=click.Choice([name for name, one in packs().items() if one.complaint_return]),
    help="What the supervisor wants.  [default: clocks.pack]",
)
@click.option(
    "--period",
    "name",
    metavar="PERIOD",
    help="Such as 2025, or 2026-1 for half a year.  [default: the last one]",
)
@form_option
@out_option
@config_option
def report_return(
    pack: str | None, name: str | None, form: str, out: Path | None, path: Path
) -> None:
    """Write the complaint return of a pack: complaints received, in numbers.

    It is not legal advice: hold it against what your supervisor asks for.

    Example: complaint-connector report return --pack fi_finance --period 2026-1
    """
    config = read_config(path)
    chosen = pack or config.clocks.pack
    promises = packs().get(chosen)
    if promises is None or promises.complaint_return is None:
        what = f"clocks.pack is {chosen}, which has no return; name one with --pack"
        raise click.UsageError(what)
    wanted = promises.complaint_return
    try:
        of = supervision.period(wanted, name, datetime.now(UTC), _zone(config))
    except ValueError as err:
        raise click.BadParameter(str(err), param_hint="--period") from err
    with open_store(config) as store, store.read() as connection:
        found = supervision.numbers(connection, config, wanted, of)
    if form == "csv":
        written = supervision.as_csv(found)
    else:
        written = supervision.as_json(chosen, promises, of, found)
    _put(written, out, f"the return of {of.name}; {promises.advice}")


def _put(written: str, out: Path | None, about: str) -> None:
    """Write a table to a file and say so, or to where commands write."""
    if out is None:
        click.echo(written.encode(), nl=False)  # lines end as they are
        return
    try:
        out.write_bytes(written.encode())
    except OSError as err:
        raise click.FileError(os.fspath(out), err.strerror) from err
    click.echo(f"{out}: {about}")
