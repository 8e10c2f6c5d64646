"""``customers``: who is not to be written to."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from connector.cli.common import (
    CUSTOMER,
    by_option,
    config_option,
    emit,
    json_option,
    limit_option,
    open_store,
    read_config,
)
from connector.store import customers as rows
from connector.store.customers import Person


@click.group()
def customers() -> None:
    """Customers, and whether we may write to them.

    Somebody who is opted out gets no message of ours: not that something is fixed, no
    question whether it helped, no receipt. Agents can write to them as ever.
    """


@customers.command("opted-out")
@limit_option
@config_option
@json_option
def opted_out(limit: int, path: Path, as_json: bool) -> None:
    """List who is not written to, and by whom we know that; the latest first.

    Example: complaint-connector customers opted-out
    """
    with open_store(read_config(path)) as store, store.read() as connection:
        found = rows.opted_out(connection, limit)
    emit(found, ["key", "opted_out_at", "opted_out"], as_json)


@customers.command("opt-out")
@click.argument("key", metavar="ADDRESS", type=CUSTOMER)
@by_option
@config_option
def opt_out(key: str, who: str, path: Path) -> None:
    """Send a customer no messages any more; what waits is not sent.

    ADDRESS may be one that never wrote yet, or SOURCE:ID where a helpdesk knows no
    address. A message that is at the vendor already cannot be called back.

    Example: complaint-connector customers opt-out kari@example.com
    """
    now = datetime.now(UTC)
    with open_store(read_config(path)) as store, store.write() as connection:
        known = rows.known(connection, [Person(key)], now).ids[key]
        done = rows.opt_out(connection, known, who, now)
    click.echo(f"{key} gets no messages{'' if done else '; that was known'}.")


@customers.command("opt-in")
@click.argument("key", metavar="ADDRESS", type=CUSTOMER)
@config_option
def opt_in(key: str, path: Path) -> None:
    """Let a customer get messages again; none is made up for.

    A tag of the helpdesk that says otherwise has to be taken off there, or it counts
    again the next time its ticket changes.

    Example: complaint-connector customers opt-in kari@example.com
    """
    with open_store(read_config(path)) as store, store.write() as connection:
        known = rows.by_key(connection, key)
        done = known is not None and rows.opt_in(connection, known.id)
    if not done:
        click.echo(
            f"{key} is not opted out; customers opted-out shows who is", err=True
        )
        sys.exit(1)
    click.echo(f"{key} gets messages again.")
