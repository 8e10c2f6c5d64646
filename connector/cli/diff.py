"""``rules diff``: what two sets of rules say differently, and do differently."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import click

from connector import earlier
from connector.backtest import Side, compare
from connector.cli.backtest import (
    EXAMPLES,
    change_line,
    print_changes,
    read_set,
    told,
    until_option,
)
from connector.cli.common import (
    config_option,
    json_option,
    open_store,
    read_config,
    read_rulebook,
)
from connector.comparison import changing
from connector.earlier import Earlier
from connector.rulebook import Book
from connector.store import Store
from rules.differences import Difference, differences
from rules.schema import RuleSet

#: What is in force, in place of a file.
RUNNING = "running"

MARKS = {"added": "+", "removed": "-", "changed": "~", "order": "~"}

#: Kept versions named where none is meant.
NAMED = 5


class Named(NamedTuple):
    """Rules, and by which words was judged with them where that is known."""

    rules: RuleSet
    words: str = ""
    added: Mapping[str, str] = MappingProxyType({})


@click.command()
@click.argument("old")
@click.argument("new", default=RUNNING)
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    help="Name the tickets of so many days whose tags would differ, too.",
)
@until_option
@click.option(
    "--examples",
    type=click.IntRange(0, 1000),
    default=EXAMPLES,
    show_default=True,
    help="So many for each tag.",
)
@config_option
@json_option
def diff(
    old: str,
    new: str,
    days: int | None,
    until: datetime | None,
    examples: int,
    path: Path,
    as_json: bool,
) -> None:
    """Say what differs between the rules OLD and NEW; ends with 1 if anything does.

    Each is a file or folder, the word running for those in force, or the beginning of a
    version that decided about tickets before, as 'explain' names it. Tickets are judged
    by the words in force.

    Example: complaint-connector rules diff running new-rules.yaml --days 30
    """
    config = read_config(path)
    rulebook = read_rulebook(config)
    with open_store(config) as store:
        rulebook.follow(store)
        book = rulebook.look(datetime.now(UTC))
        before, after = (_find(store, book, word) for word in (old, new))
        found = differences(before.rules.rules, after.rules.rules)
        report = None
        if days is not None:
            end = until or datetime.now(UTC)
            with told(as_json) as tell:
                report = compare(
                    store,
                    Side(config, before.rules, book.judge),
                    Side(config, after.rules, book.judge),
                    end - timedelta(days=days),
                    end,
                    examples,
                    tell,
                )
    words = before.words and after.words and before.words != after.words
    if as_json:
        _emit([{"kind": "rule", **one._asdict()} for one in found])
        if words:
            lines = [": ".join(one) for one in _words(before, after)]
            versions = {"old": before.words, "new": after.words}
            _emit([{"kind": "words", **versions, "lines": lines}])
        _emit([change_line(one) for one in changing(report)] if report else [])
    else:
        for one in found:
            _print(one)
        if words:
            click.echo(f"~ words: {before.words} became {after.words}")
            for file, line in _words(before, after):
                click.echo(f"    {file}: {line}")
        if not found and not words:
            click.echo("They say the same.")
        if report:
            click.echo(f"{report.changed} of {report.tickets} tickets would differ.")
            print_changes(report)
    differs = bool(found or words or (report and report.changed))
    sys.exit(1 if differs else 0)


def _find(store: Store, book: Book, word: str) -> Named:
    """Return the rules that a word stands for."""
    if word == RUNNING:
        return Named(book.rules, book.judge.version, earlier.added(book.judge))
    if Path(word).exists():
        return Named(read_set(Path(word)))
    with store.read() as connection:
        kept = earlier.find(connection, word)
        known = kept or earlier.find(connection, "")
    if len(kept) == 1:
        return _kept(kept[0])
    what = (
        "is the beginning of several versions" if kept else "is no file and no version"
    )
    named = "; ".join(f"{one.version} of {one.since:%Y-%m-%d}" for one in known[:NAMED])
    raise click.UsageError(f"{word} {what}; kept are: {named or 'none'}")


def _words(old: Named, new: Named) -> Iterator[tuple[str, str]]:
    """Return the lines that differ in the words of the house, with their files."""
    for file in sorted({*old.added, *new.added}):
        was, is_ = (side.added.get(file, "").splitlines() for side in (old, new))
        for line in islice(unified_diff(was, is_, n=0), 2, None):
            if not line.startswith("@@"):
                yield file, line


def _kept(one: Earlier) -> Named:
    if one.unread:
        said = ", ".join(one.unread)
        click.echo(f"{one.version}: of a form not known any more: {said}", err=True)
    return Named(RuleSet(rules=one.rules), one.words, one.added)


def _emit(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False))


def _print(one: Difference) -> None:
    name = f" {one.rule}" if one.rule else ""
    click.echo(f"{MARKS[one.what]}{name} {one.what}")
    for line in one.words:
        click.echo(f"    {line}")
