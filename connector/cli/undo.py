"""``undo``: take back what a rule did, as far as it is still ours."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from connector import undoing
from connector.cli.common import (
    by_option,
    config_option,
    json_option,
    moment,
    open_store,
    read_config,
)
from connector.store.schema import AnyRow

#: So many tickets are named to people; with --json all of them are.
NAMED = 20


@click.command()
@click.option("--rule", required=True, help="Its id, as `explain` names it.")
@click.option(
    "--since", required=True, callback=moment, help="Date or time (UTC) to begin at."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be taken back.")
@by_option
@config_option
@json_option
def undo(
    rule: str, since: datetime, dry_run: bool, who: str, path: Path, as_json: bool
) -> None:
    """Take back what a rule did since some time.

    Its tags are taken off as far as nobody else decided about them, and do not come
    back while the rule is the same; what waits is not sent. What was said, raised or
    told stays, and is named. Take the rule out or change its mode first: what it does
    from now on is not taken back.

    Example: complaint-connector undo --rule vip-delivery --since 2026-11-20 --dry-run
    """
    now = datetime.now(UTC)
    with open_store(read_config(path)) as store:
        if dry_run:
            with store.read() as connection:
                found = undoing.look(connection, rule, since)
        else:
            found = undoing.undo(store, rule, since, who, now)
    if as_json:
        _print_json(found)
        return
    would = "would be " if dry_run else ""
    _tell(f"tags {would}taken off", [_tag(line) for line in found.tags])
    _tell(f"{would}not sent any more", [_row(row) for row in found.waiting])
    _tell("cannot be taken back", [_row(row) for row in found.out])


def _print_json(found: undoing.Deeds) -> None:
    for what, lines in found._asdict().items():
        for line in lines:
            ticket = {
                "what": what,
                "source": line.source,
                "id": getattr(line, "external_id", None) or line.target,
                "did": getattr(line, "tag", None) or line.operation,
            }
            click.echo(json.dumps(ticket, ensure_ascii=False))


def _tell(what: str, lines: Sequence[tuple[str, str]]) -> None:
    click.echo(f"{len(lines)} {what}")
    for did, count in sorted(Counter(did for did, _ in lines).items()):
        where = [ticket for word, ticket in lines if word == did]
        more = f" and {count - NAMED} more" if count > NAMED else ""
        click.echo(f"  {did}: {', '.join(where[:NAMED])}{more}")


def _tag(line: AnyRow) -> tuple[str, str]:
    return line.tag, f"{line.source}:{line.external_id}"


def _row(row: AnyRow) -> tuple[str, str]:
    perhaps = " (may have been done)" if row.uncertain_since else ""
    return row.operation + perhaps, f"{row.source}:{row.target}"
