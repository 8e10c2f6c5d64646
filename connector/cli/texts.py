"""``texts``: what customers are written, looked over before they read it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from connector import followups, text_lint
from connector import texts as built
from connector.cli.common import (
    TicketWord,
    config_option,
    json_option,
    open_store,
    read_config,
)
from connector.models import TicketRef
from connector.store import Store, groups, members, tickets
from connector.store.schema import AnyRow


@click.group()
def texts() -> None:
    """Texts to customers: what they may use, what is wrong with them, how they look."""


@texts.command("list")
@json_option
def texts_list(as_json: bool) -> None:
    """List the texts there are, and the variables each may use.

    Example: complaint-connector texts list
    """
    if as_json:
        for kind, variables in built.KINDS.items():
            click.echo(json.dumps({"text": kind, "variables": dict(variables)}))
        return
    for kind, variables in built.KINDS.items():
        click.echo(kind)
        for name, meaning in variables.items():
            click.echo(f"  {{{{ {name} }}}}  {meaning}")
    click.echo(f"Languages: {', '.join(built.LANGUAGES)}.")
    own = ", ".join(f"fixed.{persona}" for persona in built.PERSONAS)
    click.echo(f"A text for one persona has its name behind the kind: {own}.")


@texts.command("lint")
@click.argument(
    "folder",
    required=False,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@click.option(
    "--lang",
    "languages",
    multiple=True,
    type=click.Choice(built.LANGUAGES),
    help="What your customers write; several times for several.  [default: all]",
)
@config_option
def texts_lint(folder: Path | None, languages: tuple[str, ...], path: Path) -> None:
    """Say what is wrong with texts: file, line, and what to do.

    Without FOLDER it is that of the configuration, and without one the built-in texts.

    Example: complaint-connector texts lint texts --lang nb --lang en
    """
    place = folder or _folder(path)
    found = text_lint.lint(place, languages or built.LANGUAGES)
    for remark in found:
        click.echo(f"{place / remark.file}:{str(remark).partition(':')[2]}")
    if found:
        sys.exit(1)
    click.echo(f"Nothing is wrong with the texts in {place}.")


def _folder(path: Path) -> Path:
    configured = read_config(path).texts if path.exists() else ""
    return Path(configured or str(built.built_in()))


@texts.command("preview")
@click.argument("kind", type=click.Choice(list(built.KINDS)))
@click.option(
    "--ticket", "ref", required=True, type=TicketWord(), help="One we know: SOURCE:ID."
)
@click.option(
    "--lang",
    "language",
    type=click.Choice(built.LANGUAGES),
    help="[default: what its customer wrote last]",
)
@click.option(
    "--persona",
    "personas",
    multiple=True,
    type=click.Choice(built.PERSONAS),
    help="[default: what is known of the customer]",
)
@config_option
def texts_preview(
    kind: str,
    ref: TicketRef,
    language: str | None,
    personas: tuple[str, ...],
    path: Path,
) -> None:
    """Show a text as the customer of a ticket would read it; nothing is sent.

    What is not known before it is sent stands there in brackets.

    Example: complaint-connector texts preview checkin --ticket support:1042 --lang nb
    """
    config = read_config(path)
    with open_store(config) as store:
        row, known, group = _read(store, ref)
    if row is None:
        click.echo(f"{ref} was never decided about", err=True)
        sys.exit(1)
    language = language or built.text_language(row.language)
    values = {
        "subject": row.subject,
        "number": row.number,
        "signature": config.messages.signature,
    }
    if group is not None and followups.is_fixed(group):
        values["said_did"] = followups.said_did(config, group, language)
    filled = {name: values.get(name, f"[{name}]") for name in built.KINDS[kind]}
    text = built.fill(config.texts, kind, language, personas or known, **filled)
    click.echo(f"# {text.version}\n{text.words}")


def _read(
    store: Store, ref: TicketRef
) -> tuple[AnyRow | None, list[str], AnyRow | None]:
    """Return a ticket, the personas of its customer, and its problem."""
    with store.read() as connection:
        row = tickets.find(connection, tickets.named(connection, ref))
        if row is None:
            return None, [], None
        member = members.find(connection, row.id)
        group = groups.get(connection, member.group_id) if member else None
        return row, tickets.personas(connection, row.id), group
