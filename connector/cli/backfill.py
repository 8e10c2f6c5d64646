"""``backfill``: import what was written before the connector began to listen."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.base import Adapter
from connector.cli.common import (
    config_option,
    json_option,
    moment,
    open_store,
    read_config,
    read_rulebook,
)
from connector.config import Config, open_adapters
from connector.errors import VendorError
from connector.grouping import Grouping
from connector.history import (
    Found,
    ImportBusy,
    Importing,
    Step,
    can_be_imported,
    import_history,
)
from connector.pacing import Budgets
from connector.pipeline import Pipeline
from connector.rulebook import Rulebook
from connector.store import Store, tickets

#: Lines for people come this often, in seconds.
EVERY = 5.0

AGAIN = "The same command goes on where this one ended."


@click.command()
@click.argument("source")
@click.option(
    "--since", required=True, callback=moment, help="Date or time (UTC) to begin at."
)
@click.option(
    "--until", callback=moment, help="Leave out what changed later.  [default: now]"
)
@click.option("--limit", type=click.IntRange(1), help="End after so many tickets.")
@config_option
@json_option
def backfill(
    source: str,
    since: datetime,
    until: datetime | None,
    limit: int | None,
    path: Path,
    as_json: bool,
) -> None:
    """Import the history of SOURCE: tickets that changed since a date.

    Imported tickets are judged and put together into problems, so that past problems
    are known. Nothing is written anywhere because of them: no tag, no note, no issue,
    no message; and they never count towards a threshold. Once its customer writes
    again, an imported ticket is one like any other.

    It may run beside the connector, leaves a fifth of the vendor's rate budget free
    for others, and may be stopped at any time: the same command goes on.

    Example: complaint-connector backfill support --since 2026-01-01
    """
    now = datetime.now(UTC)
    if since >= (until or now):
        raise click.UsageError("--since must be earlier than now, and than --until")
    config = read_config(path)
    rulebook = read_rulebook(config)
    # A service manager's stop is one like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _adapter(config, source) as adapter, open_store(config) as store:
        rulebook.follow(store)
        tale = Tale(since, until or now)
        with _shown(tale, as_json) as show:
            end, error = _import(
                store, adapter, config, rulebook, show, (since, until), limit
            )
        with store.read() as connection:
            archive = tickets.archive(connection, source)
    _sum_up(source, tale.found, archive, end, error, as_json)
    sys.exit(1 if error or end == "stopped" or tale.found.unreadable else 0)


@contextmanager
def _adapter(config: Config, source: str) -> Iterator[Adapter]:
    """Give the source's adapter; only a helpdesk that can be asked will do."""
    if source not in config.sources:
        known = ", ".join(sorted(config.sources))
        raise click.UsageError(f"there is no source {source!r}; known: {known}")
    with open_adapters(config) as adapters:
        if not can_be_imported(adapters[source]):
            raise click.UsageError(
                f"{source} has no history to import: it is no helpdesk, or cannot be "
                "asked what changed"
            )
        yield adapters[source]


def _import(
    store: Store,
    adapter: Adapter,
    config: Config,
    rulebook: Rulebook,
    show: Callable[[Step], None],
    span: tuple[datetime, datetime | None],
    limit: int | None,
) -> tuple[str, str]:
    """Run the import; return how it ended in a word, and what went wrong."""
    means = Importing(
        store=store,
        adapter=adapter,
        pipeline=Pipeline(config, rulebook, Grouping()),
        config=config,
        holder=f"{os.getpid()}-{uuid.uuid4().hex[:8]}",
        clock=lambda: datetime.now(UTC),
        tell=show,
        pace=Budgets(store),
    )
    try:
        is_over = import_history(means, *span, limit)
    except KeyboardInterrupt:
        return "stopped", ""
    except (VendorError, ImportBusy) as err:
        return "failed", str(err)
    return ("done" if is_over else "limit"), ""


# -- how it is going --


class Tale:
    """How far an import is, how fast, and in words; ``found`` is what it has so far."""

    def __init__(
        self,
        since: datetime,
        until: datetime,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._since = since
        self._span = until - since
        self._clock = clock
        self._began = clock()
        self._before: int | None = None  # tickets of earlier runs
        self._step = Step(Found())

    @property
    def found(self) -> Found:
        return self._step.found

    def take(self, step: Step) -> None:
        """Take note of a step."""
        if self._before is None and not step.wait:
            self._before = step.found.tickets
        self._step = step if step.reached else step._replace(reached=self._step.reached)

    @property
    def share(self) -> float:
        """How much of the time to be imported is done, from 0 to 1."""
        if self._step.reached is None:
            return 0.0
        return min(1.0, max(0.0, (self._step.reached - self._since) / self._span))

    @property
    def rate(self) -> float:
        """How many tickets a second this run has recorded."""
        seconds = self._clock() - self._began
        added = self.found.tickets - (self._before or 0)
        return added / seconds if seconds > 0 else 0.0

    def __str__(self) -> str:
        found, step = self.found, self._step
        words = [
            f"{found.tickets:,} tickets, {found.complaints:,} complaints, "
            f"{self.rate:.1f} a second"
        ]
        if step.reached:
            words.append(f"up to {step.reached:%Y-%m-%d}")
        if step.wait:
            words.append(f"waiting {step.wait:.0f} s: {step.reason}")
        return "; ".join(words)

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self.found),
            "reached": self._step.reached and self._step.reached.isoformat(),
            "share": round(self.share, 3),
            "rate": round(self.rate, 1),
            "wait": round(self._step.wait, 1),
            "reason": self._step.reason,
        }


@contextmanager
def _shown(tale: Tale, as_json: bool) -> Iterator[Callable[[Step], None]]:
    """Show a tale as it goes: a bar in a terminal, else lines."""
    console = Console()
    if as_json or not console.is_terminal:
        yield _lines(tale, as_json)
        return
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("beginning", total=1.0)

        def show(step: Step) -> None:
            tale.take(step)
            progress.update(task, completed=tale.share, description=escape(str(tale)))

        yield show


def _lines(
    tale: Tale, as_json: bool, clock: Callable[[], float] = time.monotonic
) -> Callable[[Step], None]:
    """Print each step for programs, and one now and then for people."""
    last: float | None = None

    def show(step: Step) -> None:
        nonlocal last
        tale.take(step)
        if as_json:
            click.echo(json.dumps({"event": "progress", **tale.as_dict()}))
        elif last is None or clock() - last >= EVERY:
            last = clock()
            click.echo(str(tale))

    return show


# -- what was found --

ENDS = {
    "done": "All of it is imported.",
    "limit": f"Ended at the limit. {AGAIN}",
    "stopped": f"Stopped. {AGAIN}",
    "failed": f"Could not go on. {AGAIN}",
}
LEFT_OUT = {
    "known": "known already",
    "live": "written to since the connector listens, which looks after them",
    "later": "changed later",
    "gone": "deleted, merged, or in a part that is not ours",
    "unreadable": "could not be read; the log names them, the same command tries again",
}


def _sum_up(
    source: str,
    found: Found,
    archive: dict[str, int],
    end: str,
    error: str,
    as_json: bool,
) -> None:
    if as_json:
        said = {"event": end, "error": error, **asdict(found), "archive": archive}
        click.echo(json.dumps(said))
        return
    click.echo(f"{found.tickets:,} tickets, {found.complaints:,} of them complaints:")
    by_count = sorted(found.types.items(), key=lambda pair: (-pair[1], pair[0]))
    for kind, count in by_count:
        click.echo(f"  {count:>7,} {kind.replace('_', ' ')}")
    for key, words in LEFT_OUT.items():
        if getattr(found, key):
            click.echo(f"  {getattr(found, key):>7,} left out: {words}")
    click.echo(
        f"The history of {source} now has {archive['complaints']:,} complaints of "
        f"{archive['customers']:,} customers about {archive['problems']:,} problems; "
        "look at them with: complaint-connector groups list"
    )
    if error:
        click.echo(error, err=True)
    click.echo(ENDS[end], err=bool(error))
