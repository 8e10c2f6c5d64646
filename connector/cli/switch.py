"""``rules switch``: how far a rule goes, whatever its file says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from connector.cli.common import (
    by_option,
    config_option,
    open_store,
    read_config,
    read_rulebook,
)
from connector.config import load
from connector.correcting import Refused
from connector.errors import ConfigError, StoreUnavailable
from connector.store import Store, accounts, switches
from connector.store.switches import Switch
from connector.switching import CHOICES
from connector.switching import switch as put
from rules.schema import Rule


@click.command()
@click.argument("rule", metavar="RULE")
@click.argument("mode", type=click.Choice(CHOICES))
@by_option
@config_option
def switch(rule: str, mode: str, who: str, path: Path) -> None:
    """Let a rule observe, suggest or act from now on, whatever its file says.

    It counts in every process within seconds, until the rule is changed in its file;
    as-written ends it.

    Example: complaint-connector rules switch late act
    """
    config, now = read_config(path), datetime.now(UTC)
    rulebook = read_rulebook(config)
    try:
        with open_store(config) as store:
            rulebook.follow(store)
            book = rulebook.look(now)
            with store.write() as connection:
                done = put(connection, book, rule, mode, who, now)
                said = ". ".join([done.did, *done.follows])
                subject = f"rule {rule}"
                accounts.record(
                    connection, who, "rules switch", subject, said, now, done.undo
                )
    except Refused as err:
        click.echo(str(err), err=True)
        sys.exit(1)
    click.echo(f"{said[0].upper()}{said[1:]}.")


def known(path: Path) -> Sequence[Switch]:
    """Return the switches of an installation; none where they cannot be read.

    Rules can be looked over where there is no database.
    """
    try:
        url = load(path).database.url
    except ConfigError:
        return ()
    file = url.partition("sqlite:///")[2]
    if file and not Path(file).exists():  # to open it would make it
        return ()
    store = Store(url, pool_size=1)
    try:
        with store.read() as connection:
            return switches.listing(connection)
    except StoreUnavailable:
        return ()
    finally:
        store.close()


def of(rule: Rule, found: Sequence[Switch]) -> Switch | None:
    """Return the switch of a rule as its file has it."""
    this = (rule.id, rule.version)
    return next((one for one in found if (one.rule, one.rule_version) == this), None)


def told(switch: Switch) -> str:
    return f"{switch.mode} since {switch.at:%Y-%m-%d}, {switch.who} says"
