"""``rules``: what tickets are judged by, and how well that does."""

from __future__ import annotations

import click

from connector.cli.backtest import backtest
from connector.cli.diff import diff
from connector.cli.lint import lint
from connector.cli.precision import hold, precision, promote
from connector.cli.rule_list import rule_list
from connector.cli.switch import switch
from connector.cli.trial import test


@click.group()
def rules() -> None:
    """What tickets are judged by, and how well that does."""


for command in (
    *(backtest, diff, lint, rule_list, switch, test),
    *(precision, promote, hold),
):
    rules.add_command(command)
