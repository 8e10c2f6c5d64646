"""``classify``: one verdict per ticket, JSON lines in and out, nothing stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from connector.errors import ConfigError
from rules.judge import Judge, default_judge
from rules.learned import BadModel, Model, read
from rules.pack import TRADES, load_packs

FIELDS = (
    "lang", "complaint", "score", "band", "types", "emotion", "sentiment", "praise",
    "urgency", "personas", "origin", "auto_reply", "reasons",
)  # fmt: skip


@click.command(
    epilog="Example: complaint-connector classify < tickets.jsonl > verdicts.jsonl"
)
@click.option(
    "--trade",
    type=click.Choice(TRADES),
    help="Whose words to know besides, as `judging.trade` says it.",
)
@click.option(
    "--packs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of your own words, as `judging.packs` names it.",
)
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that 'learn --out' wrote.",
)
@click.argument("tickets", type=click.File("rb"), default="-")
@click.pass_context
def classify(
    context: click.Context,
    trade: str | None,
    packs: Path | None,
    model: Path | None,
    tickets: Any,
) -> None:
    """Judge tickets from TICKETS (JSON lines; standard input if not given).

    Each line needs "text", and may have "id", "subject" and "lang". One verdict per
    line comes out, in the same order. A line that cannot be read is reported and the
    rest goes on; the exit status is then 1.
    """
    try:
        known = trade or packs
        judge = Judge(load_packs(trade or "", packs)) if known else default_judge()
    except ConfigError as err:
        raise click.ClickException(str(err)) from err
    judge = judge.with_learned(_model(model) if model else None)
    bad = 0
    for number, line in enumerate(tickets, start=1):
        if not line.strip():
            continue
        try:
            answer = answer_line(judge, line)
        except ValueError as err:
            bad += 1
            click.echo(f"line {number}: {err}", err=True)
            answer = {"id": None, "error": str(err)}
        _write(answer)
    if bad:
        context.exit(1)


def _model(path: Path) -> Model:
    try:
        return read(path.read_text(encoding="utf-8"))
    except (BadModel, UnicodeDecodeError) as err:
        raise click.BadParameter(f"{path}: {err}", param_hint="--model") from err


def answer_line(judge: Judge, line: bytes) -> dict[str, Any]:
    """Judge one line; raise ``ValueError`` without quoting the customer's text."""
    ticket = _read(line)
    verdict = judge.judge(
        _text(ticket, "subject"), _text(ticket, "text"), _text(ticket, "lang") or None
    )
    plain = verdict.to_dict()
    told = {name: plain[name] for name in FIELDS}
    # What it is about is worth knowing of other tickets too; "complaint" tells them.
    return {"id": ticket.get("id")} | told | {"types": plain["topics"]}


def _read(line: bytes) -> dict[str, Any]:
    try:
        ticket = json.loads(line)
    except (UnicodeDecodeError, RecursionError) as err:
        raise ValueError("not readable as JSON in UTF-8") from err
    except json.JSONDecodeError as err:
        raise ValueError(f"not JSON: {err.msg} at column {err.colno}") from err
    if not isinstance(ticket, dict):
        raise ValueError("expected a JSON object")
    if "text" not in ticket and "subject" not in ticket:
        raise ValueError('expected a "text"')
    return ticket


def _text(ticket: dict[str, Any], name: str) -> str:
    value = ticket.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f'"{name}": expected a string')
    return value


def _write(answer: dict[str, Any]) -> None:
    text = json.dumps(answer, ensure_ascii=False)
    # A lone surrogate in an id is legal JSON, but cannot be written as UTF-8.
    click.echo(text.encode("utf-8", "backslashreplace"))
