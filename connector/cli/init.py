"""``init``: from nothing to a connector that vendors call, by a few questions."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from adapters import AdapterKind, kinds
from adapters.base import Subscriber
from connector import callbacks, installation, secrets
from connector.cli.asking import AskAgain, ask, ask_place
from connector.cli.common import config_option, read_config
from connector.cli.setup import show
from connector.config import Config, build_adapters
from connector.doctor import findings_of
from connector.errors import ConfigError, VendorError
from connector.mistakes import describe
from connector.models import Finding, Level

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
        _make_room(path)
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


def _make_room(path: Path) -> None:
    """Find out before the questions whether their answers can be kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as err:
        raise click.ClickException(
            f"{path.parent}: nothing can be written there ({err.strerror}); make the "
            "folder, or name another with --config"
        ) from err


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
        place = ask_place(tracker.place, answers, is_let_in)
        problems = {"tracker": tracker.kind, **place}
    public_url = click.prompt(
        "Public address of this server, https://… (empty: later)",
        default="",
        show_default=False,
    ).strip()
    text = installation.configuration(sources, public_url or None, problems)
    # Secrets first: a configuration without them could not be read again.
    secrets.write(secrets.beside(path), hidden)
    path.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {path}, and {secrets.FILE} for its owner alone.")


def _ask_kind(text: str, is_tracker: bool) -> AdapterKind | None:
    offered = {
        kind.kind: kind
        for kind in kinds().values()
        if kind.questions and kind.is_tracker is is_tracker
    }
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
        # Only whether it lets us in; what is not set up yet is not a wrong answer.
        first = _try(kind, name, answers)[:1]
        show(first, as_json=False)
        wrong = any(finding.level is Level.PROBLEM for finding in first)
        if not wrong or not click.confirm("Answer again?", default=True):
            break
    block, own = installation.split(name, kind.questions, answers)
    sources[name] = {"kind": kind.kind, **block}
    hidden |= own
    return answers, not wrong


def _try(kind: AdapterKind, name: str, answers: Mapping[str, Any]) -> list[Finding]:
    """Build the source and let it look at its vendor."""
    try:
        settings = kind.config.model_validate(dict(answers))
    except ValidationError as err:
        return [
            Finding(Level.PROBLEM, kind.title, problem, "answer again")
            for problem in describe(err, name, kind.config)
        ]
    adapter = kind.build(name, settings)
    try:
        return adapter.check(datetime.now(UTC))
    finally:
        adapter.close()


def _register_all(config: Config, path: Path) -> None:
    if config.server.public_url is None:
        click.echo("No public address: the webhooks can be made later.")
        return
    adapters = build_adapters(config)
    for name, adapter in adapters.items():
        if not isinstance(adapter, Subscriber):
            continue
        address = callbacks.address_of(config, name)
        try:
            done, written = installation.register(adapter, path, name, address)
        except (VendorError, ConfigError) as err:
            click.echo(f"{name}: no webhook could be made: {err}", err=True)
            continue
        made = len(done.changed)
        click.echo(f"{name}: {made} made or mended, {len(done.kept)} in order")
        if written:
            click.echo(installation.news_of(name, written))
    for adapter in adapters.values():
        adapter.close()
