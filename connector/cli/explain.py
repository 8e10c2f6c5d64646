"""``explain``: why a ticket has its tags, its note and its group."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from connector.cli.common import (
    config_option,
    json_option,
    open_store,
    read_config,
)
from connector.models import TicketRef
from connector.store import tickets


@click.command()
@click.argument("ticket")
@click.option("--all", "everything", is_flag=True, help="Each decision, oldest first.")
@config_option
@json_option
def explain(ticket: str, everything: bool, path: Path, as_json: bool) -> None:
    """Say what was decided about a ticket and why, as recorded at that time.

    TICKET is SOURCE:ID, with the helpdesk's own id.

    Example: complaint-connector explain support:1042
    """
    source, _, external_id = ticket.partition(":")
    if not external_id:
        raise click.UsageError("name the ticket as SOURCE:ID, such as support:1042")
    with open_store(read_config(path)) as store, store.read() as connection:
        row = tickets.find(connection, TicketRef(source, external_id))
        if row is None:
            click.echo(f"{ticket} was never decided about", err=True)
            sys.exit(1)
        found = tickets.decisions_of(connection, row.id)
        ledger = tickets.ledger(connection, row.id)
    chosen = found if everything else found[-1:]
    for decision in chosen:
        if as_json:
            click.echo(
                json.dumps(
                    {
                        "ticket": ticket,
                        "at": decision.at.isoformat(),
                        "delivery": decision.delivery_id,
                        "rules_version": decision.rules_version,
                        "verdict": decision.verdict,
                        **decision.trace,
                    },
                    ensure_ascii=False,
                )
            )
        else:
            _print(ticket, row.number, decision)
    if not as_json:
        for line in ledger.values():
            click.echo(f"  tag {line.tag}: {line.state} since {line.at:%Y-%m-%d %H:%M}")


def _print(ticket: str, number: str, decision: Any) -> None:
    verdict, trace = decision.verdict, decision.trace
    click.echo(
        f"{ticket} (number {number}), decided {decision.at:%Y-%m-%d %H:%M:%S} UTC, "
        f"rules {decision.rules_version}, delivery {decision.delivery_id}"
    )
    kind = "a complaint" if verdict["complaint"] else "not a complaint"
    click.echo(
        f"  {kind}: score {verdict['score']:.2f} ({verdict['band']}), "
        f"language {verdict['lang'] or 'not covered'}"
    )
    for reason in verdict["reasons"]:
        click.echo(f"    {reason}")
    if trace.get("archived"):
        click.echo("  imported: recorded and grouped, without effects")
    if trace["vip"]:
        click.echo(f"  VIP by {trace['vip']}")
    if before := trace.get("before"):
        click.echo(f"  complained before: {before['ticket']} of {before['on']}")
    for persona in trace["personas"]:
        click.echo(f"  persona {persona['name']}: {persona['evidence']}")
    for tag in trace["tags"]:
        why = f": {tag['reason']}" if tag["reason"] else ""
        rule = f" by {tag['rule']} {tag['version']}".rstrip() if tag["rule"] else ""
        click.echo(f"  {tag['outcome']} {tag['tag']}{rule}{why}")
    for field in trace.get("fields", ()):
        said = f"{field['outcome']} field {field['topic']} {field['words']}".rstrip()
        why = f": {field['reason']}" if field["reason"] else ""
        click.echo(f"  {said}{why}")
    for clock in trace.get("clocks", ()):
        click.echo(f"  {clock['title']} due {clock['due']}")
    if trace["group"]:
        click.echo(f"  problem {trace['group']['group']}: {trace['group']['reason']}")
    if trace.get("shown"):
        click.echo(f"  shown as {trace['shown']}")
    for rule in trace["rules"]:
        click.echo(f"  rule {rule['rule']} {rule['version']}: {rule['reason']}")
        if "then" in rule:  # it was not written down at first
            click.echo(f"    then {rule['then']} ({rule['mode']})")
