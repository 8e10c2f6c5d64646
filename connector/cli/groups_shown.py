"""``groups list`` and ``groups show``: problems, what is in them and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from connector.cli.common import (
    NUMBER,
    config_option,
    emit,
    json_option,
    limit_option,
    open_store,
    read_config,
    show,
    state_option,
)
from connector.models import GroupState
from connector.store import bonds, members, timeline
from connector.store import groups as group_rows


@click.command("list")
@state_option(GroupState)
@limit_option
@config_option
@json_option
def groups_list(state: str | None, limit: int, path: Path, as_json: bool) -> None:
    """List problems, the latest first.

    What became part of another one is listed with --state merged.

    Example: complaint-connector groups list --state filed
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        rows = group_rows.listing(connection, state, limit)
    emit(
        rows,
        ["id", "title", "state", "customers", "tickets", "issue_key", "reason"],
        as_json,
    )


@click.command("show")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@config_option
@json_option
def groups_show(group_id: int, path: Path, as_json: bool) -> None:
    """Show a problem: its tickets, why each is in it, and what happened to it.

    Example: complaint-connector groups show 3
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        row = group_rows.find(connection, group_id)
        inside = _members(connection, group_id)
        happened = [
            {"at": one.at, "who": one.who, "kind": one.kind, "what": one.words}
            for one in timeline.of(connection, group_id)
        ]
        others = bonds.apart_from(connection, group_id)
    show(row, f"no problem {group_id}; groups list shows which there are", as_json)
    columns = ["source", "ticket", "language", "status", "written_at", "because"]
    emit(inside, columns, as_json)
    if happened:
        emit(happened, ["at", "who", "kind", "what"], as_json)
    if others and not as_json:
        click.echo(f"never the same as: {', '.join(map(str, others))}")


def _members(connection: Connection, group_id: int) -> list[dict[str, Any]]:
    rows = members.tickets_of(connection, group_id, archived=True)
    return [
        {
            "source": row.source,
            "id": row.external_id,
            "ticket": row.number,
            "language": row.language,
            "status": row.status,
            "written_at": row.created_at,
            "imported": row.archived,
            "because": row.joined_because,
            "placed_by": row.placed_by,
            "url": row.url,
        }
        for row in rows
    ]
