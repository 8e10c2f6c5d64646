"""``clocks``: what is due, and what customers are promised."""

from __future__ import annotations

import json
from pathlib import Path

import click

from connector.cli.common import (
    config_option,
    emit,
    json_option,
    limit_option,
    open_store,
    read_config,
)
from connector.packs import Pack, packs
from connector.store import clocks as rows


@click.group()
def clocks() -> None:
    """Deadlines of complaints."""


@clocks.command("list")
@limit_option
@config_option
@json_option
def clocks_list(limit: int, path: Path, as_json: bool) -> None:
    """List what is due, the most urgent first.

    Example: complaint-connector clocks list
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        found = rows.running(connection, limit)
    columns = ["due_at", "source", "number", "kind", "wrote_at", "step"]
    emit([row._mapping for row in found], columns, as_json)


@clocks.command("packs")
@json_option
def clocks_packs(as_json: bool) -> None:
    """Show the packs of promises there are. None of them is legal advice.

    Example: complaint-connector clocks packs
    """
    for name, pack in packs().items():
        if as_json:
            said = {"name": name, **pack.model_dump(mode="json", exclude_none=True)}
            click.echo(json.dumps(said, ensure_ascii=False))
        else:
            _print(name, pack)


def _print(name: str, pack: Pack) -> None:
    click.echo(f"{name} ({pack.advice}): {pack.about}")
    for promise in pack.promises:
        other = pack.promise(promise.gives_way_to)
        also = f", or else {other.title}" if other else ""
        also += ", again and again" if promise.every else ""
        click.echo(f"  {promise.title}: {promise.length}{also}")
    if pack.complaint_return:
        needs = ", ".join(pack.complaint_return.needs)
        click.echo(f"  Return each {pack.complaint_return.every}: {needs}")
