"""The command line. Exit codes: 0 fine, 1 a problem was found, 2 wrong usage.

Each command prints for people, or JSON lines with ``--json``. What commands do is done
elsewhere; here is only asking and telling.
"""

from __future__ import annotations

import click

from connector.cli.backfill import backfill
from connector.cli.broadcasts import broadcasts
from connector.cli.checkins import checkins
from connector.cli.classify import classify
from connector.cli.clocks import clocks
from connector.cli.customers import customers
from connector.cli.demo import demo
from connector.cli.erase import erase
from connector.cli.explain import explain
from connector.cli.group import group
from connector.cli.groups import groups
from connector.cli.init import init
from connector.cli.learn import learn
from connector.cli.process import run, schedule, serve, work
from connector.cli.report import report
from connector.cli.rows import inbox, outbox
from connector.cli.rules import rules
from connector.cli.sandbox import sandbox
from connector.cli.send import send
from connector.cli.setup import doctor
from connector.cli.sidebar import sidebar
from connector.cli.stop import resume, stop
from connector.cli.tasks import tasks
from connector.cli.texts import texts
from connector.cli.undo import undo
from connector.cli.user import user
from connector.cli.webhooks import webhooks


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="complaint-connector")
def cli() -> None:
    """Closes the loop between a helpdesk, a product team and the customers."""


for command in (
    demo,
    run,
    serve,
    work,
    schedule,
    sandbox,
    send,
    classify,
    group,
    explain,
    learn,
    undo,
    rules,
    erase,
    inbox,
    outbox,
    groups,
    checkins,
    clocks,
    tasks,
    texts,
    report,
    broadcasts,
    customers,
    doctor,
    init,
    webhooks,
    sidebar,
    backfill,
    stop,
    resume,
    user,
):
    cli.add_command(command)
