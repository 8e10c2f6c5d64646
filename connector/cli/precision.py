"""``rules precision`` and ``rules promote``: what people think of what rules tag."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from connector import precision as figures
from connector.cli.common import (
    by_option,
    config_option,
    emit,
    json_option,
    open_store,
    read_config,
)
from connector.store import demotions

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
    with open_store(read_config(path)) as store, store.write() as connection:
        found = demotions.promote(connection, rule, tag, who, now)
    if not found:
        said = f"rule {rule} is not held back"
        click.echo(f"{said}; rules precision shows which are", err=True)
        sys.exit(1)
    for unit in found:
        where = f" in {unit.language}" if unit.language else ""
        click.echo(f"Rule {unit.rule} writes {unit.tag}{where} again, {who} says.")
