"""``doctor``: is everything as it must be before customers depend on it?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from connector.cli.common import config_option, json_option, read_config
from connector.doctor import findings_of
from connector.models import Finding, Level

SIGNS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.PROBLEM: "PROBLEM"}


@click.command()
@config_option
@json_option
def doctor(path: Path, as_json: bool) -> None:
    """Check configuration, secrets, database, vendors and clocks. Writes nothing
    outside.

    Ends with 1 if there is a problem.

    Example: complaint-connector doctor --config config.yaml
    """
    findings = findings_of(path, read_config(path))
    show(findings, as_json)
    sys.exit(any(finding.level is Level.PROBLEM for finding in findings))


def show(findings: Sequence[Finding], as_json: bool) -> None:
    for finding in findings:
        if as_json:
            click.echo(json.dumps(finding._asdict(), ensure_ascii=False))
            continue
        click.echo(f"{SIGNS[finding.level]}  {finding.subject}: {finding.message}")
        if finding.remedy and finding.level is not Level.OK:
            click.echo(f"         → {finding.remedy}")
