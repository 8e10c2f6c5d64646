"""``doctor``: is everything as it must be before customers depend on it?"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from connector.cli.common import config_option, json_option, read_config
from connector.config import Config, build_adapters
from connector.errors import StoreUnavailable
from connector.models import Finding, Level, Mode
from connector.store import Store

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
    config = read_config(path)
    findings = [Finding(Level.OK, str(path), "the configuration can be used")]
    findings += _check_database(config)
    findings += _check_autonomy(config)
    for adapter in build_adapters(config).values():
        findings += adapter.check(datetime.now(UTC))
        adapter.close()
    for finding in findings:
        if as_json:
            click.echo(json.dumps(finding._asdict(), ensure_ascii=False))
            continue
        click.echo(f"{SIGNS[finding.level]}  {finding.subject}: {finding.message}")
        if finding.remedy and finding.level is not Level.OK:
            click.echo(f"         → {finding.remedy}")
    sys.exit(any(finding.level is Level.PROBLEM for finding in findings))


def _check_database(config: Config) -> list[Finding]:
    store = Store(config.database.url, pool_size=1)
    try:
        store.upgrade()
    except StoreUnavailable as err:
        return [
            Finding(
                Level.PROBLEM,
                "database",
                str(err),
                "start the database, or correct database.url",
            )
        ]
    finally:
        store.close()
    kind = "SQLite" if store.is_sqlite else "PostgreSQL"
    return [Finding(Level.OK, "database", f"{kind} answers and has our schema")]


def _check_autonomy(config: Config) -> list[Finding]:
    findings = []
    if config.autonomy.stop:
        findings.append(
            Finding(
                Level.WARNING,
                "autonomy.stop",
                "the global stop is on: nothing is written anywhere",
                "set it to false when you want the connector to work",
            )
        )
    if config.problems.tracker is None:
        findings.append(
            Finding(
                Level.WARNING,
                "problems.tracker",
                "no tracker is named: problems are shown but never filed",
                "add a source of kind jira and name it here",
            )
        )
    if config.autonomy.messages is Mode.ACT:
        findings.append(
            Finding(
                Level.OK,
                "autonomy.messages",
                "customers are written to without a draft",
            )
        )
    return findings
