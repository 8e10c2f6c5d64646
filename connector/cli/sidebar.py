"""``sidebar``: what a helpdesk needs to show agents our page."""

from __future__ import annotations

from pathlib import Path

import click

from adapters.base import Packager
from connector import callbacks
from connector.cli.common import config_option, end_with, read_config
from connector.config import open_adapters
from connector.errors import ConfigError, VendorRefused


@click.group()
def sidebar() -> None:
    """What agents see beside the open ticket, in the helpdesk."""


@sidebar.command()
@click.option("--source", required=True, help="Whose agents are to see it.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.",
)
@config_option
def package(source: str, out: Path, path: Path) -> None:
    """Write the app that an admin of the helpdesk uploads.

    Only Zendesk needs one; for Help Scout its README says where to click. The same
    configuration makes the same bytes.

    Example: complaint-connector sidebar package --source desk --out app.zip
    """
    config = read_config(path)
    try:
        with open_adapters(config) as adapters:
            adapter: object = adapters.get(source)
            if not isinstance(adapter, Packager):
                raise click.UsageError(f"{source}: no source whose sidebar is an app")
            address = callbacks.sidebar_of(config, source)
            out.write_bytes(adapter.sidebar_app(address))
    except ConfigError as err:
        end_with(err)
    except VendorRefused as err:
        end_with(ConfigError(str(path), [str(err)]))
    except OSError as err:
        raise click.UsageError(f"{out}: {err.strerror}") from err
    click.echo(f"{out}: upload it as a private app; the page is {address}")
