"""``erase``: take a customer out of everything that is held, and tell what is left."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from connector import erasing
from connector.cli.common import (
    CUSTOMER,
    by_option,
    config_option,
    json_option,
    open_store,
    read_config,
)
from connector.config import open_adapters
from connector.erasing import Erasing, Receipt
from connector.store import Store
from connector.store import erasing as rows


@click.command()
@click.argument("customer", type=CUSTOMER)
@by_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@json_option
def erase(customer: str, who: str, yes: bool, path: Path, as_json: bool) -> None:
    """Erase a customer: name, addresses and words, wherever they are held here.

    CUSTOMER is an e-mail address; where the helpdesk has none, SOURCE:ID with its own
    id of the person. Problems keep their counts. Nothing more is sent to them, and
    nothing that was held is read again; whoever writes anew is a new customer.

    It works while the connector runs, and can be called again at any time: what was
    cut off is brought to its end. The receipt says what lies in systems that are not
    ours. A file of SQLite is written anew, and nobody else writes to it meanwhile.

    Example: complaint-connector erase kari@example.com
    """
    config = read_config(path)
    with open_store(config) as store:
        if not yes:
            _ask(store, customer)
        with open_adapters(config) as adapters:
            means = Erasing(store, adapters, _now)
            receipts = erasing.erase(means, customer, who)
    for receipt in receipts:
        if as_json:
            said = {**asdict(receipt), "at": receipt.at.isoformat()}
            click.echo(json.dumps(said, ensure_ascii=False))
        else:
            _print(receipt)
    if not all(receipt.is_done for receipt in receipts):
        sys.exit(1)


def _ask(store: Store, customer: str) -> None:
    with store.read() as connection:
        found = rows.find(connection, customer)
        extent = rows.extent(connection, found) if found is not None else {}
    if extent:
        click.echo(
            f"{extent['tickets']} tickets in {extent['problems']} problems, "
            f"{extent['messages']} messages about fixes."
        )
    else:
        click.echo("No customer goes by that; whatever still names them is emptied.")
    click.confirm("Erase? It cannot be taken back", abort=True, err=True)


def _print(receipt: Receipt) -> None:
    who = f"customer {receipt.customer}" if receipt.customer else "no customer"
    click.echo(f"{receipt.at:%Y-%m-%d %H:%M:%S} UTC: {who}, asked for by {receipt.who}")
    click.echo("Erased here:" if receipt.removed else "Nothing was held here.")
    for what, count in receipt.removed.items():
        click.echo(f"  {count} {what}")
    if receipt.files:
        click.echo(f"  {receipt.files}")
    if receipt.problems:
        numbers = ", ".join(map(str, receipt.problems))
        click.echo(f"Counts stay as they are, of problem {numbers}.")
    if receipt.waiting:
        click.echo(
            f"{receipt.waiting} writes are on their way and could not be changed; "
            "call this again."
        )
    click.echo("Not ours to erase; see to it there:")
    for ticket, url in receipt.tickets:
        click.echo(f"  the ticket {ticket} {url}".rstrip())
    for ticket, at in receipt.sent:
        click.echo(f"  what was sent on {ticket} at {at[:16]}")
    for tracker, key in receipt.issues:
        click.echo(f"  {key} in {tracker}: links to the tickets, and masked excerpts")
    click.echo("  backups of this database, and whatever was copied from it")


def _now() -> datetime:
    return datetime.now(UTC)
