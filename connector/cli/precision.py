"""``rules precision``, ``promote``, ``hold``: what people think of what rules tag."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from connector import precision as figures
from connector import switching
from connector.cli.common import (
    by_option,
    config_option,
    emit,
    json_option,
    open_store,
    read_config,
)
from connector.correcting import Done, Refused
from connector.store import accounts, demotions

COLUMNS = (
    *("rule", "tag", "language", "version"),
    *("kept", "confirmed", "removed", "missed"),
    *("right", "at_least", "at_most", "only_suggested"),
)


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="Labels of so many days.",
)
@config_option
@json_option
def precision(days: int, path: Path, as_json: bool) -> None:
    """Show how often each rule is right about its tags, by what people did with them.

    Of a tag that was kept, set by a person too (confirmed) or removed it is known; with
    95 % certainty the share that is right lies between the two last figures. Missed
    are tags that a person set and the rule would not have.

    Example: complaint-connector rules precision --days 30
    """
    since = datetime.now(UTC) - timedelta(days=days)
    with open_store(read_config(path)) as store, store.read() as connection:
        found = figures.figures(connection, since)
        held_back = demotions.demoted(connection)
    rows = [{**one.as_dict(), "only_suggested": one.unit in held_back} for one in found]
    emit(rows if as_json else [_told(row) for row in rows], COLUMNS, as_json)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    shares = {name: _share(row[name]) for name in ("right", "at_least", "at_most")}
    suggested = "yes" if row["only_suggested"] else ""
    return {**row, **shares, "only_suggested": suggested}


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


@click.command()
@click.argument("rule", metavar="RULE")
@click.option("--tag", help="Only for this tag.")
@by_option
@config_option
def promote(rule: str, tag: str | None, who: str, path: Path) -> None:
    """Let a rule write tags again that it only suggests because people removed them.

    It is looked at again once there are enough new labels of people.

    Example: complaint-connector rules promote pack.type --tag cc-delivery
    """
    now = datetime.now(UTC)
    _do(
        path,
        "promote",
        rule,
        who,
        now,
        lambda connection: switching.promote(connection, rule, tag, who, now),
    )


@click.command()
@click.argument("rule", metavar="RULE")
@click.option("--tag", help="Only for this tag.")
@by_option
@config_option
def hold(rule: str, tag: str | None, who: str, path: Path) -> None:
    """Take back the last `promote`: the rule only suggests these tags, as before.

    Example: complaint-connector rules hold pack.type --tag cc-delivery
    """
    _do(
        path,
        "hold",
        rule,
        who,
        datetime.now(UTC),
        lambda connection: switching.hold(connection, rule, tag),
    )


def _do(
    path: Path,
    verb: str,
    rule: str,
    who: str,
    now: datetime,
    act: Callable[[Connection], Done],
) -> None:
    """Do it, write down who did, and say how to take it back; end with 1 if refused."""
    try:
        with open_store(read_config(path)) as store, store.write() as connection:
            done = act(connection)
            said = ". ".join([done.did, *done.follows])
            verb, subject = f"rules {verb}", f"rule {rule}"
            accounts.record(connection, who, verb, subject, said, now, done.undo)
    except Refused as err:
        click.echo(str(err), err=True)
        sys.exit(1)
    click.echo(f"{said[0].upper()}{said[1:]}.")
    click.echo(f"  To take it back: complaint-connector {done.undo}")
