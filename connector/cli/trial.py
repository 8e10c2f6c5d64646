"""``rules test``: the cases beside the rules, tried without any ticket at hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from connector.cli.common import config_option, json_option, read_rulebook
from connector.cli.rule_files import chosen_files, files_argument
from connector.config import Config, beside, check
from connector.config_file import read_raw
from connector.errors import ConfigError
from connector.trying import Tried, try_case
from rules.rulefile import Trial, check_tests
from rules.rulefile import check as check_rules
from rules.schema import RuleSet

#: What says who is a VIP; for whom else that matters is no question here.
_WHO = ("addresses", "domains", "organizations", "tags")


@click.command("test")
@files_argument
@config_option
@json_option
def test(files: tuple[Path, ...], path: Path, as_json: bool) -> None:
    """Try rules on the tickets that are made up below 'tests:' in the same files.

    Without FILEs it is those of the configuration. Ends with 1 if something comes out
    otherwise than expected, or if there is nothing to try.

    Tickets are judged by packs alone: what was learned is in the database, and a case
    comes out alike on every machine.

    Example: complaint-connector rules test rules.yaml
    """
    found, _, remarks = chosen_files(files, path)
    rules, trials = RuleSet(), list[Trial]()
    for file in found:
        entries, wrong = check_rules(file)
        more, strange = check_tests(file)
        remarks += [*wrong, *strange]
        rules = RuleSet(rules=(*rules.rules, *(one.rule for one in entries)))
        trials += more
    for remark in remarks:
        click.echo(str(remark), err=True)
    config = _config(path)
    judge = read_rulebook(config).book.judge
    failed = 0
    for trial in trials:
        tried = try_case(trial.case, rules, judge, config)
        failed += bool(tried.differences)
        _tell(trial, tried, as_json)
    if not as_json:
        count = f"{len(trials)} tests of {len(rules.rules)} rules"
        click.echo(f"{count}, judged by packs alone, {failed} failed.")
    sys.exit(bool(remarks or failed or not trials))


def _config(path: Path) -> Config:
    """Return what a configuration says of VIPs and words; secrets may be elsewhere."""
    try:
        raw = read_raw(path) if path.exists() else {}
        vip = raw.get("vip") or {}
        known = {
            "sources": {"support": {"kind": "memory"}},
            "vip": {key: vip[key] for key in _WHO if key in vip},
            "judging": raw.get("judging"),
        }
        return check(beside(known, path.parent), str(path))
    except ConfigError as err:
        raise click.ClickException("; ".join(err.problems)) from err


def _tell(trial: Trial, tried: Tried, as_json: bool) -> None:
    if as_json:
        told = {
            "test": trial.case.name,
            "file": trial.file.name,
            "line": trial.file.marked.place(trial.path).line,
            "failed": bool(tried.differences),
            "differences": [one._asdict() for one in tried.differences],
            "reasons": tried.reasons,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    elif tried.differences:
        click.echo("\n".join([f"FAILED {trial}", *_lines(tried)]))


def _lines(tried: Tried) -> Iterator[str]:
    """Show what differs as two versions of a text do."""
    for what, expected, found in tried.differences:
        yield f"  - {what}: {_shown(expected)}"
        yield f"  + {what}: {_shown(found)}"
    for reason in tried.reasons:
        yield f"    judged by {reason}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(sorted(value)) or "none"
    return json.dumps(value) if isinstance(value, bool) else str(value)
