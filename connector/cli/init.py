"""``init``: from nothing to a connector that vendors call, by a few questions."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from adapters import AdapterKind
from connector import installation, questions, secrets
from connector.cli.asking import AskAgain, ask, ask_place
from connector.cli.common import config_option, read_config
from connector.cli.setup import show
from connector.config import Config
from connector.doctor import findings_of
from connector.errors import ConfigError
from connector.models import Level

NONE = "none"


@click.command()
@config_option
def init(path: Path) -> None:
    """Set everything up by a few questions: configuration, secrets, webhooks.

    Asks only what cannot be found out, tries each answer at once, and begins in
    observe: nothing is written to tickets until you say so. Run again, it leaves the
    configuration alone, mends the webhooks and checks everything. `webhooks remove`
    takes back what was made at a vendor.

    Example: complaint-connector init --config config.yaml
    """
    if path.exists():
        click.echo(f"{path} is there and stays as it is.")
    else:
        try:
            installation.make_room(path)
        except ConfigError as err:
            raise click.ClickException(f"{err.path}: {err.problems[0]}") from err
        _ask_all(path)
    _register_all(read_config(path), path)
    click.echo("\nWhat doctor says:")
    # Read again: a vendor may have made a secret. Nothing serves yet, so no delivery
    # could make its way.
    findings = findings_of(path, read_config(path), round_trips=False)
    show(findings, as_json=False)
    click.echo(
        "\nNext: complaint-connector run, then complaint-connector doctor again for a "
        "test delivery through your proxy."
    )
    sys.exit(any(finding.level is Level.PROBLEM for finding in findings))


def _ask_all(path: Path) -> None:
    sources: dict[str, dict[str, Any]] = {}
    hidden: dict[str, str] = {}
    problems: dict[str, Any] = {}
    helpdesk = _ask_kind("Which helpdesk do you have?", is_tracker=False)
    assert helpdesk is not None
    _ask_source(helpdesk, "support", sources, hidden)
    tracker = _ask_kind("Where does the product team work?", is_tracker=True)
    if tracker:
        answers, is_let_in = _ask_source(tracker, tracker.kind, sources, hidden)
        place = ask_place(questions.place_of(tracker), answers, is_let_in)
        problems = {"tracker": tracker.kind, **place}
    public_url = click.prompt(
        "Public address of this server, https://… (empty: later)",
        default="",
        show_default=False,
    ).strip()
    text = installation.configuration(sources, public_url or None, problems)
    installation.write(path, text, hidden)
    click.echo(f"Wrote {path}, and {secrets.FILE} for its owner alone.")


def _ask_kind(text: str, is_tracker: bool) -> AdapterKind | None:
    offered = questions.offered(is_tracker)
    choices = [*offered, NONE] if is_tracker else list(offered)
    chosen = click.prompt(text, type=click.Choice(choices), default=choices[0])
    return offered.get(chosen)


def _ask_source(
    kind: AdapterKind,
    name: str,
    sources: dict[str, dict[str, Any]],
    hidden: dict[str, str],
) -> tuple[dict[str, Any], bool]:
    """Ask until the vendor lets us in, or the person wants to go on without.

    Returns the answers, and whether we were let in.
    """
    click.echo(f"\n{kind.title}")
    answers: dict[str, Any] = {}
    while True:
        try:
            ask(kind.questions, answers)
        except AskAgain:
            continue
        first = questions.attempt(kind, name, answers, datetime.now(UTC))
        show(first, as_json=False)
        wrong = any(finding.level is Level.PROBLEM for finding in first)
        if not wrong or not click.confirm("Answer again?", default=True):
            break
    block, own = installation.split(name, kind.questions, answers)
    sources[name] = {"kind": kind.kind, **block}
    hidden |= own
    return answers, not wrong


def _register_all(config: Config, path: Path) -> None:
    if config.server.public_url is None:
        click.echo("No public address: the webhooks can be made later.")
        return
    for called in installation.register_all(config, path):
        name = called.name
        if called.error:
            click.echo(f"{name}: no webhook could be made: {called.error}", err=True)
            continue
        click.echo(f"{name}: {called.made} made or mended, {called.kept} in order")
        if called.written:
            click.echo(installation.news_of(name, called.written))
