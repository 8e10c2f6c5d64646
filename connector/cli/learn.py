"""``learn``: fit to what people said of tickets, show what it gains, and use it."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from connector import lessons
from connector.cli.common import (
    PRIVATE,
    config_option,
    emit,
    json_option,
    open_store,
    read_config,
    read_rulebook,
)
from connector.config import Config
from connector.errors import LearningUnavailable, MalformedPayload
from connector.learning import LEAST, LEAST_OF_EACH, MOST, Figures, Learned
from connector.learning import learn as learn_from
from connector.samples import CUSTOMERS, Lesson
from connector.store import Store, learned
from rules.judge import default_judge
from rules.learned import Model


@click.command(
    help=f"""Learn from what people did with tags, and judge by it beside the packs.

    Tags that agents left, set or took off say which tickets are complaints, and of
    which type; so do the tags of a history that was imported. Tickets that an agent
    answered and ended without any are taken for no complaints. At least {LEAST}
    labelled ones are needed, with {LEAST_OF_EACH} of each kind.

    Each ticket is then judged by packs alone, by learning alone and by both together,
    with a model that was fitted without it. What is learned is used only if both
    together are better than the packs alone; the running connector takes it up by
    itself. It is made of words and parts of words that at least {CUSTOMERS} customers
    used, and holds no numbers, names that masking knows, or addresses.

    Exit status 1: nothing that helps was learned, and all stays as it was.

    Example: complaint-connector learn --days 365
    """
)
@click.option(
    "--days",
    type=click.IntRange(min=1, max=36_500),
    default=365,
    show_default=True,
    help="What people said in these last days.",
)
@click.option(
    "--file",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Learn from labelled tickets instead (JSON lines, or .gz).",
)
@click.option(
    "--out",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the model to a file for classify --model; use nothing.",
)
@click.option("--status", "wish", flag_value="status", help="Tell what is used.")
@click.option("--off", "wish", flag_value="off", help="Judge by packs alone again.")
@click.option("--back", "wish", flag_value="back", help="Use the model before.")
@config_option
@json_option
def learn(
    days: int,
    source: Path | None,
    target: Path | None,
    wish: str | None,
    path: Path,
    as_json: bool,
) -> None:
    if wish and (source or target):
        raise click.UsageError(f"--{wish} takes neither --file nor --out")
    if wish:
        with open_store(read_config(path)) as store:
            _WISHES[wish](store, as_json)
        return
    if source and target:
        found = _learned(_of_file(source), None, as_json)
        _write(target, _model(found))
        return
    config = read_config(path)
    with open_store(config) as store:
        now = datetime.now(UTC)
        taught = _of_file(source) if source else _of_store(store, config, now, days)
        found = _learned(taught, config, as_json)
        if target:
            _write(target, _model(found))
            return
        model = _model(found)
        figures = {one.task: one.to_dict() for one in found.figures}
        with store.write() as connection:
            learned.add(connection, model.version, model.to_json(), figures, now)
    if not as_json:
        click.echo("It is used from now on; 'learn --off' ends that.")


def _of_store(
    store: Store, config: Config, now: datetime, days: int
) -> Iterator[Lesson]:
    since = now - timedelta(days=days)
    with store.read() as connection:
        yield from lessons.of_tickets(connection, config.tags.prefix, since)


def _of_file(path: Path) -> Iterator[Lesson]:
    opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    with opened as lines:
        try:
            yield from lessons.of_file(lines)
        except (MalformedPayload, OSError, EOFError) as err:
            _end(f"{path}: {err}")


def _learned(taught: Iterable[Lesson], config: Config | None, as_json: bool) -> Learned:
    judge = read_rulebook(config).book.judge if config else default_judge()
    try:
        with _progress(as_json) as tell:
            found = learn_from(taught, judge, tell)
    except LearningUnavailable as err:
        _end(str(err))
    _show(found, as_json)
    return found


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True)
    if as_json or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("reading") as status:
        yield status.update


def _show(found: Learned, as_json: bool) -> None:
    """Print what was measured, and why what is not used is not."""
    if as_json:
        figures = [one.to_dict() for one in found.figures]
        version = found.model.version if found.model else None
        click.echo(
            json.dumps(
                {
                    "model": version,
                    "left_out": found.left_out,
                    "older": found.older,
                    "figures": figures,
                }
            )
        )
        return
    rows = [_row(one) for one in found.figures]
    emit(rows, ["task", "labelled", "packs_alone", "learned_alone", "both", ""], False)
    click.echo("Macro-F1 over tickets that were not learned from; 1 is best.")
    for one in found.figures:
        if one.refused:
            click.echo(f"{one.task}: {one.refused}")
    if found.left_out:
        click.echo(f"{found.left_out} left out: automatic, or in no covered language")
    if found.older:
        click.echo(f"{found.older} older ones teach nothing: the newest {MOST} do")


def _row(one: Figures) -> dict[str, Any]:
    row: dict[str, Any] = {"task": one.task, "labelled": one.labelled}
    scores = ("packs_alone", one.packs), ("learned_alone", one.learned)
    for name, score in (*scores, ("both", one.blend)):
        row[name] = None if one.refused else f"{score:.3f}"
    return row | {"": "helps" if one.helps else "too few" if one.refused else "no gain"}


def _model(found: Learned) -> Model:
    if found.model is None:
        _end("Nothing that helps was learned; all stays as it was.")
    return found.model


def _write(target: Path, model: Model) -> None:
    """Put the file in place whole, for its own user alone."""
    os.umask(PRIVATE)
    new = target.with_name(f"{target.name}.new")
    new.write_text(model.to_json(), encoding="utf-8")
    new.replace(target)


def _status(store: Store, as_json: bool) -> None:
    with store.read() as connection:
        rows = [dict(row._mapping) for row in learned.listing(connection)]
    columns = ["version", "fitted_at", "used"]
    for row in rows if not as_json else ():
        row |= {task: _told(found) for task, found in row["figures"].items()}
        columns = [*columns[:3], *row["figures"]]
    emit(rows, columns, as_json)


def _told(found: dict[str, Any]) -> str:
    if not found["helps"]:
        return "packs alone"
    return f"{found['blend']:.3f} (packs alone {found['packs']:.3f})"


def _off(store: Store, as_json: bool) -> None:
    with store.write() as connection:
        was_used = learned.stop(connection)
    _say({"was_used": was_used}, "Packs alone judge from now on.", as_json)


def _back(store: Store, as_json: bool) -> None:
    with store.write() as connection:
        version = learned.go_back(connection)
    if version is None:
        _end("There is no model before the one that is used.")
    _say({"version": version}, f"Model {version} is used from now on.", as_json)


def _say(plain: dict[str, Any], words: str, as_json: bool) -> None:
    click.echo(json.dumps(plain) if as_json else words)


def _end(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(1)


_WISHES = {"status": _status, "off": _off, "back": _back}
