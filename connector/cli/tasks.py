"""``tasks``: what only a person can do."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from connector.cli.common import (
    NUMBER,
    by_option,
    config_option,
    emit,
    json_option,
    limit_option,
    open_store,
    read_config,
)
from connector.store import tasks as rows
from connector.store.tasks import TaskState


@click.group()
def tasks() -> None:
    """What only a person can do: ratings without a reason, and quiet customers.

    Nobody is written to because of a task.
    """


@tasks.command("list")
@click.option(
    "--state",
    type=click.Choice([str(state) for state in TaskState]),
    default=str(TaskState.OPEN),
    show_default=True,
    help="Only these.",
)
@limit_option
@config_option
@json_option
def tasks_list(state: str, limit: int, path: Path, as_json: bool) -> None:
    """List tasks, the newest first.

    Example: complaint-connector tasks list
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        found = rows.listing(connection, state, limit)
    emit(found, ["id", "kind", "source", "ticket", "made_at", "reason"], as_json)


@tasks.command("done")
@click.argument("task_id", metavar="ID", type=NUMBER)
@by_option
@config_option
def tasks_done(task_id: int, who: str, path: Path) -> None:
    """Say that a task was done.

    Example: complaint-connector tasks done 7 --by olga
    """
    now = datetime.now(UTC)
    with open_store(read_config(path)) as store, store.write() as connection:
        is_done = rows.done(connection, task_id, who, now)
    if not is_done:
        click.echo(f"no task {task_id} is open; tasks list shows which are", err=True)
        sys.exit(1)
    click.echo(f"Task {task_id} was done by {who}.")
