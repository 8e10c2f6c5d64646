"""``rules backtest``: what other rules or thresholds would have done to old tickets.

Replaying is done in ``connector.backtest``; here is asking, and telling.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from connector import rulefiles
from connector.backtest import Side, Tell, compare
from connector.cli.common import (
    config_option,
    end_with,
    json_option,
    moment,
    open_store,
    read_config,
    read_rulebook,
)
from connector.cli.group import span
from connector.comparison import Change, Count, Outcome, Report, changing, pairs
from connector.config import Config
from connector.errors import ConfigError
from connector.replay import Problem
from connector.spans import in_words
from connector.store.schema import AnyRow
from rules.pack import TRADES, Packs, load_packs
from rules.schema import RuleSet

FAILURES: Mapping[str, Callable[[Report], bool]] = {
    "change": lambda report: report.differs,
    "precision-drop": lambda report: any(one.drops for one in report.changes),
    "more-issues": lambda report: report.after.issues > report.before.issues,
}

#: Tickets named for each tag.
EXAMPLES = 5

until_option = click.option(
    "--until", callback=moment, help="When these days end (UTC).  [default: now]"
)


@click.command()
@click.option(
    "--rules",
    "candidate",
    type=click.Path(exists=True, path_type=Path),
    help="Rules to try: a file or a folder.  [default: those in force]",
)
@click.option("--trade", type=click.Choice(TRADES), help="Try as judging.trade.")
@click.option(
    "--packs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Try as judging.packs: a folder of your own words.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=30,
    show_default=True,
    help="Tickets of so many days.",
)
@until_option
@click.option("--customers", type=click.IntRange(0), help="Try as problems.customers.")
@click.option("--window", callback=span, help="Try as problems.window.")
@click.option("--fast-customers", type=click.IntRange(0), help="And the fast lane's.")
@click.option("--fast-window", callback=span, help="And its window.")
@click.option(
    "--fail-on",
    type=click.Choice(list(FAILURES)),
    multiple=True,
    help="End with 1 if so; may be given more than once.",
)
@config_option
@json_option
def backtest(
    candidate: Path | None,
    trade: str | None,
    packs: Path | None,
    days: int,
    until: datetime | None,
    fail_on: Sequence[str],
    path: Path,
    as_json: bool,
    **thresholds: Any,
) -> None:
    """Judge the tickets of the last weeks again, by the rules in force and by others.

    Tells which tags would change, how far people agree with them, and which problems
    would have been filed when. Nothing is written or sent. What was imported counts as
    if it had come then; fixes are not replayed, so a filed problem stays filed; tickets
    whose words are no longer kept are left out and counted.

    Example: complaint-connector rules backtest --rules new.yaml --days 90
    """
    config = read_config(path)
    rulebook = read_rulebook(config)
    changes = {name: value for name, value in thresholds.items() if value is not None}
    problems = config.problems.model_copy(update=changes)
    tried = config.model_copy(update={"problems": problems})
    given = read_set(candidate) if candidate else None
    words = read_words(config, trade, packs) if trade or packs else None
    end = until or datetime.now(UTC)
    with open_store(config) as store, told(as_json) as tell:
        rulebook.follow(store)
        book = rulebook.look(datetime.now(UTC))
        report = compare(
            store,
            Side(config, book.rules, book.judge),
            Side(
                tried,
                given or book.rules,
                book.judge.with_packs(words) if words else book.judge,
            ),
            end - timedelta(days=days),
            end,
            EXAMPLES,
            tell,
        )
    for line in lines(report) if as_json else ():
        click.echo(json.dumps(line, ensure_ascii=False))
    if not as_json:
        _print(report)
    failed = [name for name in fail_on if FAILURES[name](report)]
    for name in failed:
        click.echo(f"failed: {name}", err=True)
    sys.exit(1 if failed else 0)


def read_set(place: Path) -> RuleSet:
    """Read rules to try, or tell every mistake and end with 1."""
    try:
        return rulefiles.read_set(place)
    except ConfigError as err:
        end_with(err)


def read_words(config: Config, trade: str | None, packs: Path | None) -> Packs:
    """Read words to try, where nothing else is said with those in force."""
    own = packs or (Path(config.judging.packs) if config.judging.packs else None)
    try:
        return load_packs(trade or config.judging.trade, own)
    except ConfigError as err:
        end_with(err)


@contextmanager
def told(as_json: bool) -> Iterator[Tell]:
    """Show how far it is: a bar in a terminal, else nothing."""
    console = Console(stderr=True)
    if as_json or not console.is_terminal:
        yield lambda done, of: None
        return
    columns = BarColumn(), TextColumn("{task.completed} of {task.total} tickets")
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


# -- for programs


def lines(report: Report) -> Iterator[dict[str, Any]]:
    """Lay out a report, one line for each thing it tells."""
    yield {
        "kind": "summary",
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "tickets": report.tickets,
        "without_words": report.without_words,
        "complaints": _both(*report.complaints),
        "changed": report.changed,
        "issues": _both(report.before.issues, report.after.issues),
        "messages": _both(report.before.messages, report.after.messages),
        "not_kept": report.unknown,
    }
    for change in report.changes:
        yield change_line(change)
    for before, after in pairs(report):
        yield {"kind": "problem", **_problem(report, before, after)}
    for side, outcome in (("before", report.before), ("after", report.after)):
        for alarm in outcome.alarms:
            yield {
                "kind": "alarm",
                "side": side,
                "type": alarm.kind,
                "at": alarm.at.isoformat(),
                "share": round(alarm.share, 3),
                "complaints": alarm.complaints,
            }


def change_line(change: Change) -> dict[str, Any]:
    return {
        "kind": "action" if change.what.rule else "tag",
        **change.what._asdict(),
        "mode": str(change.mode),
        "before": _count(change.before),
        "after": _count(change.after),
        "added": change.added,
        "removed": change.removed,
        "examples": {"added": change.more, "removed": change.less},
    }


def _both(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _count(count: Count) -> dict[str, Any]:
    return {
        "tickets": count.tickets,
        "right": count.right,
        "wrong": count.wrong,
        "precision": count.precision,
    }


def _problem(
    report: Report, before: Problem | None, after: Problem | None
) -> dict[str, Any]:
    one = after or before
    assert one is not None
    live = report.live.get(one.in_database or 0)
    delay = _delay(one, live)
    return {
        "title": one.title,
        "type": one.kind,
        "before": _filed(before),
        "after": _filed(after),
        "live": live and {"issue": live.issue_key, "filed": live.filed_at.isoformat()},
        "delay_seconds": delay.total_seconds() if delay is not None else None,
        "tickets": one.shown,
    }


def _filed(problem: Problem | None) -> dict[str, Any] | None:
    if problem is None or problem.filed_at is None:
        return None
    return {
        "filed": problem.filed_at.isoformat(),
        "rule": problem.rule,
        "reason": problem.reason,
        "customers": len(problem.customers),
        "tickets": problem.tickets,
    }


# -- for people


def _print(report: Report) -> None:
    before, after = report.complaints
    counted = f"{before} complaints" if before == after else f"{before} → {after}"
    click.echo(
        f"{report.since:%Y-%m-%d} to {report.until:%Y-%m-%d %H:%M} UTC: "
        f"{report.tickets} tickets, {counted}; {report.without_words} without words "
        "left out"
    )
    for rule, fields in report.unknown.items():
        click.echo(f"Rule {rule} asks for {', '.join(fields)}, which nobody keeps.")
    print_changes(report)
    _print_problems(report)
    for side, outcome in (("now", report.before), ("then", report.after)):
        for alarm in outcome.alarms:
            click.echo(
                f"Alarm {side}: {alarm.kind} was {alarm.share:.0%} of "
                f"{alarm.complaints} complaints at {alarm.at:%Y-%m-%d %H:%M}"
            )
    click.echo(f"Jira issues: {_arrow(report, lambda side: side.issues)}")
    told = _arrow(report, lambda side: side.messages)
    click.echo(f"Customers to be told once all is fixed: {told}")


def _arrow(report: Report, figure: Callable[[Outcome], int]) -> str:
    before, after = figure(report.before), figure(report.after)
    return str(before) if before == after else f"{before} → {after}"


def print_changes(report: Report) -> None:
    """Show what changes, with tickets to look at."""
    shown = changing(report)
    if not shown:
        click.echo("No ticket would get or lose anything.")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("what", "mode", "now", "then", "+", "-", "right now", "right then"):
        table.add_column(column, overflow="fold")
    for one in shown:
        table.add_row(*map(escape, _row(one)))
    Console().print(table)
    for one in shown:
        for sign, named, of in (
            ("+", one.more, one.added),
            ("-", one.less, one.removed),
        ):
            if named:
                rest = f" and {of - len(named)} more" if of > len(named) else ""
                click.echo(f"  {sign} {_name(one)}: {', '.join(named)}{rest}")


def _row(change: Change) -> list[str]:
    return [
        _name(change),
        str(change.mode),
        str(change.before.tickets),
        str(change.after.tickets),
        str(change.added),
        str(change.removed),
        _right(change.before),
        _right(change.after),
    ]


def _name(change: Change) -> str:
    rule = f" by {change.what.rule}" if change.what.rule else ""
    return change.what.name + rule


def _right(count: Count) -> str:
    """Say how often people agreed, of the times they said anything."""
    said = count.right + count.wrong
    return f"{count.right} of {said}" if said else ""


def _print_problems(report: Report) -> None:
    found = pairs(report)
    if not found:
        return
    table = Table(box=None, pad_edge=False)
    for column in ("filed now", "filed then", "than really", "customers"):
        table.add_column(column, no_wrap=True)
    table.add_column("problem", overflow="fold")
    for before, after in found:
        one = after or before
        assert one is not None
        live = report.live.get(one.in_database or 0)
        table.add_row(
            _when(before.filed_at if before else None),
            _when(after.filed_at if after else None),
            _than_really(one, live),
            str(len(one.customers)),
            escape(one.title),
        )
    Console().print(table)


def _delay(one: Problem, live: AnyRow | None) -> timedelta | None:
    """Return how much later than it really was a problem would have been filed."""
    if live is None or one.filed_at is None:
        return None
    filed: datetime = live.filed_at
    return one.filed_at - filed


def _than_really(one: Problem, live: AnyRow | None) -> str:
    delay = _delay(one, live)
    if delay is None:
        return "never filed"
    rounded = timedelta(minutes=round(abs(delay) / timedelta(minutes=1)))
    if not rounded:
        return "the same"
    return f"{in_words(rounded)} {'later' if delay > timedelta(0) else 'earlier'}"


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "never"
