"""``stop`` and ``resume``: the global stop, for every process on this database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from connector.cli.common import config_option, open_store, read_config
from connector.store import locks
from connector.store import outbox as outbox_rows

STOPPED = """\
Stopped: nothing more is written to helpdesks, trackers or customers. Check-ins that a
vendor would send later are taken back within minutes.
What was already on its way may still arrive. Deliveries are still taken and judged;
writes are kept and wait.
Look at them with:   complaint-connector outbox list --state pending
Take one back with:  complaint-connector outbox discard ID
Go on with:          complaint-connector resume"""


@click.command()
@config_option
def stop(path: Path) -> None:
    """Stop all writing at once, in every process, until `resume`.

    Deliveries are still taken and judged. It needs no restart and outlives one.

    Example: complaint-connector stop --config config.yaml
    """
    now = datetime.now(UTC)
    with open_store(read_config(path)) as store, store.write() as connection:
        locks.put_fact(connection, locks.STOP, now.isoformat(), now)
    click.echo(STOPPED)


@click.command()
@config_option
def resume(path: Path) -> None:
    """End the global stop; what waits is written now.

    Example: complaint-connector resume --config config.yaml
    """
    config = read_config(path)
    with (
        open_store(config) as store,
        store.write(wake=outbox_rows.WAKE) as connection,
    ):
        locks.drop_fact(connection, locks.STOP)
    if config.autonomy.stop:
        raise click.ClickException(
            "still stopped: the configuration says autonomy.stop; set it to false and "
            "start the connector again"
        )
    click.echo("Resumed: what waits is written now.")
