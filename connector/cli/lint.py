"""``rules lint``: rules looked over before they are in force."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from connector import linting
from connector.cli import switch
from connector.cli.common import config_option, json_option
from connector.cli.rule_files import chosen_files, files_argument
from connector.config import Config, load
from connector.errors import ConfigError
from rules.remarks import Gravity, Remark
from rules.rulefile import check


@click.command()
@files_argument
@click.option("--strict", is_flag=True, help="End with 1 for warnings, too.")
@config_option
@json_option
def lint(files: tuple[Path, ...], strict: bool, path: Path, as_json: bool) -> None:
    """Say what is wrong with rules and words: file, line, column, what was meant.

    FILEs are looked over together, folders with all their *.yaml. Without any it is the
    rules and the own words of the configuration. What the helpdesks in it would refuse
    is said as well.

    Ends with 1 if there is an error: something cannot be used, or can never happen.

    Example: complaint-connector rules lint rules.yaml
    """
    chosen = chosen_files(files, path)
    config, unread = _config(path)
    remarks = [*linting.look_over(chosen, config, linting.trade(path)), *unread]
    remarks += [] if files or config is None else _switched(chosen, path)
    for remark in remarks:
        click.echo(_json(remark) if as_json else str(remark))
    errors = sum(one.gravity is Gravity.ERROR for one in remarks)
    warnings = len(remarks) - errors
    if not as_json:
        click.echo(f"{chosen.extent}: {errors} errors, {warnings} warnings.")
    sys.exit(bool(errors or (strict and warnings)))


def _config(path: Path) -> tuple[Config | None, list[Remark]]:
    """Load what is known of the installation, as far as it can be used."""
    if not path.exists():
        return None, []
    try:
        return load(path), []
    except ConfigError as err:
        # Those of rules are told with their places; where rules are tested the secrets
        # may well be missing.
        others = [one for one in err.problems if not one.startswith("rules: ")]
        return None, [linting.unknown(path, others[0])] if others else []


def _switched(chosen: linting.Chosen, path: Path) -> list[Remark]:
    """Remark on rules that go as far as a person says, and not their file."""
    found = switch.known(path)
    return [
        entry.remark(
            ("mode",),
            f"the file says {entry.rule.mode}, and it is in {switch.told(one)}",
            f"write it here, or: complaint-connector rules switch {one.rule} "
            "as-written",
            Gravity.WARNING,
        )
        for file in chosen.rules
        for entry in check(file)[0]
        if (one := switch.of(entry.rule, found))
    ]


def _json(remark: Remark) -> str:
    return json.dumps(remark.as_dict(), ensure_ascii=False)
