"""``checkins``: which solved tickets are asked about, and why others are not."""

from __future__ import annotations

from pathlib import Path

import click

from connector.cli.common import (
    config_option,
    emit,
    json_option,
    limit_option,
    open_store,
    read_config,
    state_option,
)
from connector.store import checkins as rows
from connector.store.checkins import CheckinState


@click.group()
def checkins() -> None:
    """Questions whether a solution helped: planned, asked, or taken back and why."""


@checkins.command("list")
@state_option(CheckinState)
@limit_option
@config_option
@json_option
def checkins_list(state: str | None, limit: int, path: Path, as_json: bool) -> None:
    """List check-ins, the newest first, each with why it was taken back.

    Example: complaint-connector checkins list --state cancelled
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        found = rows.listing(connection, state, limit)
    emit(found, ["source", "ticket", "state", "due_at", "reason"], as_json)
