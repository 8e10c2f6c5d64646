"""``webhooks``: have vendors call us, see whether they do, and undo it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from adapters.base import Adapter, Subscriber
from connector import callbacks, installation
from connector.cli.common import config_option, json_option, read_config
from connector.config import Config, open_adapters
from connector.errors import ConfigError, VendorError
from connector.models import Subscription

source_argument = click.argument("source", required=False)


@click.group()
def webhooks() -> None:
    """Make, look at and remove what lets the vendors call us.

    The address is `server.public_url` and the source's name. Nothing that others made
    is touched.
    """


@webhooks.command()
@source_argument
@config_option
@json_option
def register(source: str | None, path: Path, as_json: bool) -> None:
    """Make the webhooks of SOURCE, or of all; mend what is off. Safe to repeat.

    A secret that a vendor makes up is written into secrets.env.

    Example: complaint-connector webhooks register support
    """
    config = read_config(path)
    failed = False
    with _chosen(config, path, source) as chosen:
        for name, adapter in chosen.items():
            address = callbacks.address_of(config, name)
            try:
                done, written = installation.register(adapter, path, name, address)
            except VendorError as err:  # the others are not to wait for this one
                click.echo(f"{name}: {err}", err=True)
                failed = True
                continue
            _show(name, "made or mended", done.changed, as_json)
            _show(name, "in order", done.kept, as_json)
            if written and not as_json:
                click.echo(installation.news_of(name, written))
    sys.exit(failed)


@webhooks.command()
@source_argument
@config_option
@json_option
def status(source: str | None, path: Path, as_json: bool) -> None:
    """Show the webhooks of SOURCE, or of all. Ends with 1 if one is missing or off.

    Example: complaint-connector webhooks status
    """
    config = read_config(path)
    sound = True
    with _chosen(config, path, source) as chosen:
        for name, adapter in chosen.items():
            found = adapter.subscriptions(callbacks.address_of(config, name))
            _show(name, "is there", found, as_json)
            if not found and not as_json:
                click.echo(
                    f"{name}: none; complaint-connector webhooks register {name}"
                )
            sound &= bool(found)
            sound &= all(one.enabled and not one.missing for one in found)
    sys.exit(not sound)


@webhooks.command()
@click.argument("source")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@json_option
def remove(source: str, yes: bool, path: Path, as_json: bool) -> None:
    """Remove the webhooks of SOURCE that call us. Nothing comes in after that.

    Example: complaint-connector webhooks remove support
    """
    config = read_config(path)
    with _chosen(config, path, source) as chosen:
        for name, adapter in chosen.items():
            address = callbacks.address_of(config, name)
            if not yes:
                click.confirm(f"Remove what delivers to {address}?", abort=True)
            gone = adapter.unsubscribe(address)
            _show(name, "removed", gone, as_json)
            if not gone and not as_json:
                click.echo(f"{name}: nothing of ours was there")


@contextmanager
def _chosen(
    config: Config, path: Path, source: str | None
) -> Iterator[Mapping[str, Subscriber]]:
    """Give the sources meant; tell in one line what went wrong, and end with 1."""
    try:
        with open_adapters(config) as adapters:
            yield _select(adapters, path, source)
    except VendorError as err:
        raise click.ClickException(str(err)) from err
    except ConfigError as err:
        raise click.ClickException(f"{err.path}: {'; '.join(err.problems)}") from err


def _select(
    adapters: Mapping[str, Adapter], path: Path, source: str | None
) -> dict[str, Subscriber]:
    able: dict[str, Subscriber] = {
        name: adapter
        for name, adapter in adapters.items()
        if isinstance(adapter, Subscriber)
    }
    if source is None:
        return able
    if source not in adapters:
        known = ", ".join(sorted(adapters))
        raise click.UsageError(f"no source {source!r} in {path}; known: {known}")
    if source not in able:
        raise click.UsageError(
            f"webhooks of {source} are made by hand; see the README of its adapter"
        )
    return {source: able[source]}


def _show(name: str, what: str, found: Sequence[Subscription], as_json: bool) -> None:
    for one in found:
        if as_json:
            said = {
                "source": name,
                "what": what,
                "kind": one.kind,
                "id": one.external_id,
                "address": one.address,
                "enabled": one.enabled,
                "missing": sorted(one.missing),
                "remedy": one.remedy,
            }
            click.echo(json.dumps(said))
            continue
        lacks = f", lacks {', '.join(sorted(one.missing))}" if one.missing else ""
        off = "" if one.enabled else ", switched off"
        remedy = f". {one.remedy}" if one.remedy else ""
        click.echo(f"{name}: {one.kind} {one.external_id} {what}{off}{lacks}{remedy}")
