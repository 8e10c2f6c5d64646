"""``inbox`` and ``outbox``: look at what is stored, retry, discard."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import RowMapping

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
from connector.models import DeliveryState, OutboxState
from connector.store import deliveries, sending
from connector.store import outbox as outbox_rows


@click.group()
def inbox() -> None:
    """Deliveries that vendors sent."""


@inbox.command("list")
@state_option(DeliveryState)
@limit_option
@config_option
@json_option
def inbox_list(state: str | None, limit: int, path: Path, as_json: bool) -> None:
    """List the newest deliveries.

    Example: complaint-connector inbox list --state parked
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        rows = deliveries.listing(connection, state, limit)
    emit(rows, ["id", "source", "received_at", "state", "attempts", "reason"], as_json)


@inbox.command("show")
@click.argument("delivery_id", type=NUMBER)
@config_option
@json_option
def inbox_show(delivery_id: int, path: Path, as_json: bool) -> None:
    """Show one delivery with its body.

    The body may hold a customer's words; it is shown to you and not logged.

    Example: complaint-connector inbox show 12
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        row = deliveries.get(connection, delivery_id)
    show(row, f"no delivery {delivery_id}", as_json)


@inbox.command("retry")
@click.argument("ids", nargs=-1, required=True, type=NUMBER)
@config_option
def inbox_retry(ids: tuple[int, ...], path: Path) -> None:
    """Handle deliveries again; that is safe for any of them.

    Example: complaint-connector inbox retry 12 13
    """
    with (
        open_store(read_config(path)) as store,
        store.write(wake=deliveries.WAKE) as connection,
    ):
        _tell(deliveries.replay(connection, ids, _now()), len(ids), "will be handled")


@inbox.command("discard")
@click.argument("ids", nargs=-1, required=True, type=NUMBER)
@config_option
def inbox_discard(ids: tuple[int, ...], path: Path) -> None:
    """Mark parked deliveries as not needed.

    Example: complaint-connector inbox discard 12
    """
    with open_store(read_config(path)) as store, store.write() as connection:
        _tell(deliveries.discard(connection, ids, _now()), len(ids), "discarded")


@click.group()
def outbox() -> None:
    """Writes to helpdesks and trackers."""


@outbox.command("list")
@state_option(OutboxState)
@limit_option
@config_option
@json_option
def outbox_list(state: str | None, limit: int, path: Path, as_json: bool) -> None:
    """List the newest writes, without a customer's words.

    Example: complaint-connector outbox list --state parked
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        rows = outbox_rows.listing(connection, state, limit)
    emit(
        [_without_reason(row) for row in rows],
        ["id", "source", "operation", "target", "state", "attempts", "rule", "error"],
        as_json,
    )


@outbox.command("show")
@click.argument("row_id", type=NUMBER)
@config_option
@json_option
def outboxshow(row_id: int, path: Path, as_json: bool) -> None:
    """Show one write with what it says and why.

    Both may hold a customer's words; they are shown to you and not logged.

    Example: complaint-connector outbox show 7
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        row = outbox_rows.get(connection, row_id)
    show(row, f"no outbox row {row_id}", as_json)


@outbox.command("retry")
@click.argument("ids", nargs=-1, required=True, type=NUMBER)
@config_option
def outbox_retry(ids: tuple[int, ...], path: Path) -> None:
    """Send parked writes; this is also how you approve them.

    Example: complaint-connector outbox retry 7 8
    """
    with (
        open_store(read_config(path)) as store,
        store.write(wake=outbox_rows.WAKE) as connection,
    ):
        _tell(outbox_rows.retry(connection, ids, _now()), len(ids), "will be sent")


@outbox.command("discard")
@click.argument("ids", nargs=-1, required=True, type=NUMBER)
@config_option
def outbox_discard(ids: tuple[int, ...], path: Path) -> None:
    """Take back writes that were not sent.

    Example: complaint-connector outbox discard 7
    """
    with open_store(read_config(path)) as store, store.write() as connection:
        done = outbox_rows.discard(connection, ids, "discarded by a person", _now())
        _tell(done, len(ids), "discarded")


@outbox.command("doubt")
@config_option
def outbox_doubt(path: Path) -> None:
    """After a restore: look for what waits at its vendor before it is made.

    The copy does not know what was sent after it was made.

    Example: complaint-connector outbox doubt
    """
    with open_store(read_config(path)) as store, store.write() as connection:
        done = sending.doubt(connection, _now())
    click.echo(f"{done} will be looked for first.")


def _without_reason(row: RowMapping) -> dict[str, Any]:
    """Leave out why a write was decided: it quotes the customer's deciding words."""
    return {key: value for key, value in row.items() if key != "reason"}


def _tell(done: int, asked: int, what: str) -> None:
    click.echo(f"{done} {what}.")
    if done < asked:
        click.echo(
            f"{asked - done} left alone: unknown, or not in a state for that.", err=True
        )
        sys.exit(1)


def _now() -> datetime:
    return datetime.now(UTC)
