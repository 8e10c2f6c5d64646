"""``broadcasts``: messages about fixes, and the approval that larger ones wait for.

What a decision means is in ``connector.broadcasts``; here is only asking and telling.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from connector import broadcasts as lists
from connector.cli.common import (
    NUMBER,
    config_option,
    emit,
    json_option,
    limit_option,
    open_store,
    read_config,
    state_option,
)
from connector.cli.groups import Act, Asked, correction
from connector.store.broadcasts import BroadcastState


@click.group()
def broadcasts() -> None:
    """Messages that something is fixed: who is told, and who is not.

    One that goes to more than messages.approve_above customers waits until a person
    approves it. If the issue is opened again before, it is withdrawn by itself.
    """


@broadcasts.command("list")
@state_option(BroadcastState)
@limit_option
@config_option
@json_option
def broadcasts_list(state: str | None, limit: int, path: Path, as_json: bool) -> None:
    """List them, the latest first: one for each fix of a problem.

    Example: complaint-connector broadcasts list --state waiting
    """
    config = read_config(path)
    with open_store(config) as store, store.read() as connection:
        found = lists.listed(connection, config, state, limit)
    columns = ["id", "group_id", "issue_key", "title", "state", "recipients"]
    emit(found, [*columns, "left_out", "asked_at", "decided_by"], as_json)


@broadcasts.command("show")
@click.argument("broadcast_id", metavar="BROADCAST", type=NUMBER)
@config_option
@json_option
def broadcasts_show(broadcast_id: int, path: Path, as_json: bool) -> None:
    """Show who is told, on which ticket, in which words; who is not, and why.

    While it waits, that is as it would be now. Each text is the one to its first
    reader.

    Example: complaint-connector broadcasts show 3
    """
    config = read_config(path)
    with open_store(config) as store, store.read() as connection:
        found = lists.shown(connection, config, broadcast_id)
    if found is None:
        click.echo(f"no broadcast {broadcast_id}; broadcasts list shows them", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(_as_json(found), ensure_ascii=False))
        return
    row, group = found.row, found.group
    by = f" by {row.decided_by}" if row.decided_by else ""
    click.echo(f"{group.issue_key}, problem {group.id}: {group.title}")
    click.echo(f"{row.state}{by}, asked for {row.asked_at:%Y-%m-%d %H:%M} UTC\n")
    columns = ["source", "ticket", "customer", "language", "state"]
    emit([one._asdict() for one in found.recipients], columns, False)
    if found.came_since:
        click.echo(f"{found.came_since} came after the approval was asked for.")
    for version, words in found.words.items():
        click.echo(f"\nThe text {version}:\n\n{words}")
    if found.left_out:
        click.echo("\nLeft out:\n")
        out = [{"customer": who, "because": why} for who, why in found.left_out]
        emit(out, ["customer", "because"], False)


def _as_json(found: lists.Shown) -> dict[str, object]:
    return {
        "id": found.row.id,
        "problem": found.group.id,
        "issue": found.group.issue_key,
        "state": found.row.state,
        "asked_at": found.row.asked_at.isoformat(),
        "decided_by": found.row.decided_by,
        "recipients": [one._asdict() for one in found.recipients],
        "came_since": found.came_since,
        "texts": dict(found.words),
        "left_out": [{"customer": who, "because": why} for who, why in found.left_out],
    }


@broadcasts.command("approve")
@click.argument("broadcast_id", metavar="BROADCAST", type=NUMBER)
@correction
def broadcasts_approve(asked: Asked, broadcast_id: int) -> Act:
    """Let the customers be told, once the issue was read again as still done.

    Look at the list first: who came since you did is told, too.

    Example: complaint-connector broadcasts approve 3
    """
    return lambda connection, config, now: [
        lists.approve(connection, config, broadcast_id, asked.who, now)
    ]


@broadcasts.command("cancel")
@click.argument("broadcast_id", metavar="BROADCAST", type=NUMBER)
@correction
def broadcasts_cancel(asked: Asked, broadcast_id: int) -> Act:
    """Let nobody be told of this fix; a later one is asked about anew.

    While it goes out, what was not sent yet is taken back.

    Example: complaint-connector broadcasts cancel 3
    """
    return lambda connection, config, now: [
        lists.cancel(connection, broadcast_id, asked.who, now)
    ]
