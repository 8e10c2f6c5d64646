"""Commands that stay: the whole connector, or single parts of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from connector import app
from connector.cli.common import (
    PRIVATE,
    config_option,
    end_with,
    open_store,
    read_config,
)
from connector.cli.first import ensure_set_up
from connector.config import Config
from connector.earlier import open_rulebook
from connector.errors import ConfigError
from connector.rulebook import Rulebook


@click.command()
@config_option
def run(path: Path) -> None:
    """Run everything in one process: webhooks, worker, senders, scheduler, page.

    Without a configuration it is made first, in a browser on this machine.

    Example: complaint-connector run --config config.yaml
    """
    os.umask(PRIVATE)
    ensure_set_up(path)
    app.serve(path, _checked(path), app.ALL_ROLES)


@click.command()
@config_option
def serve(path: Path) -> None:
    """Run only the webhook door and the dashboard.

    Several machines need PostgreSQL; with SQLite, use `run`. Without a configuration
    it is made first, in a browser on this machine.

    Example: complaint-connector serve --config config.yaml
    """
    os.umask(PRIVATE)
    ensure_set_up(path)
    app.serve(path, _checked(path), frozenset({app.SERVE}))


@click.command()
@config_option
def work(path: Path) -> None:
    """Run only the worker and the senders.

    Example: complaint-connector work --config config.yaml
    """
    os.umask(PRIVATE)
    app.run_threads(_checked(path), frozenset({app.WORK}))


@click.command()
@config_option
def schedule(path: Path) -> None:
    """Run only the scheduler; a second one does no harm.

    Example: complaint-connector schedule --config config.yaml
    """
    os.umask(PRIVATE)
    app.run_threads(_checked(path), frozenset({app.SCHEDULE}))


def _checked(path: Path) -> Config:
    """Read what will be needed, so that a mistake is told here and not in a child."""
    config, now = read_config(path), datetime.now(UTC)
    try:
        Rulebook(config, now)
    except ConfigError as err:
        _go_on(config, err, now)
    return config


def _go_on(config: Config, err: ConfigError, now: datetime) -> None:
    """Start all the same where rules from before will do; say what is wrong."""
    with open_store(config) as store:
        try:
            open_rulebook(config, store, now)
        except ConfigError:
            end_with(err)
    for problem in err.problems:
        click.echo(f"{err.path}: {problem}", err=True)
    click.echo("Starting with the rules of the last decision.", err=True)
