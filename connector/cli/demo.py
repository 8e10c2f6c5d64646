"""``demo``: the whole loop on this machine, without any account."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click
from rich.console import Console

from connector.cli.common import PRIVATE
from connector.demo import DemoFailed, play
from connector.sandbox import Running


@click.command()
@click.option("--once", is_flag=True, help="End after the story.")
@click.option("--port", default=8800, show_default=True, help="Of the connector.")
@click.option("--sandbox-port", default=8820, show_default=True, help="Of the vendors.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/demo"),
    show_default=True,
    help="For configuration, database and log.",
)
@click.option("--pace", default=0.15, show_default=True, help="Seconds between mails.")
def demo(once: bool, port: int, sandbox_port: int, folder: Path, pace: float) -> None:
    """Play the whole loop with sandbox vendors and sample customers.

    Nothing leaves this machine. Keeps serving until Ctrl-C, so that you can look
    around, unless --once is given.

    Example: complaint-connector demo
    """
    console = Console()

    def keep(sandbox: Running, url: str) -> None:
        console.print("\n[bold]The loop is closed.[/bold] Look around:")
        console.print(f"    {sandbox.url}/helpscout/   tickets with tags and notes")
        console.print(f"    {sandbox.url}/zendesk/     the other helpdesk")
        console.print(f"    {sandbox.url}/jira/        the issue")
        console.print(f"    {url}/             what the connector did and why")
        if not once:
            console.print("Ctrl-C ends it.")
            threading.Event().wait()

    os.umask(PRIVATE)
    # However it is ended, the connector's process has to end with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        play(
            folder, console, port=port, sandbox_port=sandbox_port, pace=pace, then=keep
        )
    except DemoFailed as err:
        console.print(f"[bold red]The demo failed[/bold red]: {err}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped.")
