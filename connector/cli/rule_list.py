"""``rules list``: which rules there are, and where they stand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from connector.cli import switch
from connector.cli.common import config_option, emit, json_option
from connector.cli.rule_files import chosen_files, files_argument
from connector.store.switches import Switch
from rules.engine import describe
from rules.rulefile import check
from rules.schema import Rule

COLUMNS = ("rule", "mode", "switched", "version", "place", "then")


@click.command("list")
@files_argument
@config_option
@json_option
def rule_list(files: tuple[Path, ...], path: Path, as_json: bool) -> None:
    """List rules in the order they count: what they do, and where they stand.

    Without FILEs it is those of the configuration, also with how far people let them
    go whatever the files say.

    Example: complaint-connector rules list
    """
    found, _, remarks = chosen_files(files, path)
    switches = () if files else switch.known(path)
    rows = []
    for file in found:
        entries, wrong = check(file)
        remarks += wrong
        rows += [
            {
                "rule": entry.rule.id,
                "mode": str(entry.rule.mode),
                "switched": _switched(entry.rule, switches),
                "version": entry.rule.version,
                "place": f"{file.name}:{entry.place().line}",
                "when": describe(entry.rule.when),
                "then": ", ".join(action.brief for action in entry.rule.then),
            }
            for entry in entries
        ]
    emit(rows, COLUMNS, as_json)
    for remark in remarks:
        click.echo(str(remark), err=True)
    sys.exit(bool(remarks))


def _switched(rule: Rule, found: Sequence[Switch]) -> str:
    one = switch.of(rule, found)
    return switch.told(one) if one else ""
