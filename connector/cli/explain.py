"""``explain``: why a ticket has its tags, its note and its group.

Rules are told as they were on that day, which may be long ago.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from connector import earlier
from connector.cli.common import (
    TicketWord,
    config_option,
    json_option,
    moment,
    open_store,
    read_config,
)
from connector.cli.switch import told
from connector.config import Config
from connector.earlier import Earlier
from connector.errors import ConfigError
from connector.models import TicketRef
from connector.rulebook import Book, Rulebook
from connector.store import Store, tickets
from connector.store.schema import AnyRow
from rules.engine import describe

#: By version.
Books = Mapping[str, Earlier | None]


@click.command()
@click.argument("ticket", type=TicketWord())
@click.option("--all", "everything", is_flag=True, help="Each decision, oldest first.")
@click.option("--at", callback=moment, help="What held at that time (UTC).")
@config_option
@json_option
def explain(
    ticket: TicketRef, everything: bool, at: datetime | None, path: Path, as_json: bool
) -> None:
    """Say what was decided about a ticket and why, as recorded at that time.

    TICKET is SOURCE:ID, with the number that agents see or the helpdesk's own id. Rules
    are told as they were then, and whether they are still in force.

    Example: complaint-connector explain support:1042 --at 2026-03-01
    """
    config = read_config(path)
    with open_store(config) as store, store.read() as connection:
        row = tickets.find(connection, tickets.named(connection, ticket))
        if row is None:
            click.echo(f"{ticket} was never decided about", err=True)
            sys.exit(1)
        found = tickets.decisions_of(connection, row.id)
        ledger = tickets.ledger(connection, row.id)
        if at is not None:
            found = [decision for decision in found if decision.at <= at]
        chosen = found if everything else found[-1:]
        versions = {decision.rules_version for decision in chosen}
        books = {
            one: next(iter(earlier.find(connection, one)), None) for one in versions
        }
        today = _in_force(config, store)
    if not chosen:
        click.echo(f"{ticket} was not decided about by then", err=True)
        sys.exit(1)
    for decision in chosen:
        rules = _rules(decision, books, today)
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
                        "rules": rules,
                    },
                    ensure_ascii=False,
                )
            )
        else:
            _print(row, decision, books[decision.rules_version])
            _print_rules(rules)
    if not as_json and at is None:
        for line in ledger.values():
            click.echo(f"  tag {line.tag}: {line.state} since {line.at:%Y-%m-%d %H:%M}")


def _in_force(config: Config, store: Store) -> Book | None:
    """Return what is in force now, if it can be read."""
    now = datetime.now(UTC)
    try:
        rulebook = Rulebook(config, now)
    except ConfigError:
        return None  # what was decided can be told all the same
    rulebook.follow(store)
    return rulebook.look(now)


def _rules(decision: Any, books: Books, today: Book | None) -> list[dict[str, str]]:
    """Return the rules that matched, with what they said then."""
    book = books[decision.rules_version]
    told = []
    for said in decision.trace["rules"]:
        rule = book.rule(said["rule"]) if book else None
        when = {"when": describe(rule.when)} if rule else {}
        told.append({**said, **when, "now": _now(said, today)})
    return told


def _now(said: Mapping[str, str], today: Book | None) -> str:
    """Say what became of a rule."""
    if today is None:
        return "the rules of today cannot be read"
    versions = {rule.id: rule.version for rule in today.rules.rules}
    version = versions.get(said["rule"])
    if version is None:
        return "gone by now"
    by = next((one for one in today.switches if one.rule == said["rule"]), None)
    switched = f"; in {told(by)}" if by else ""
    is_same = version == said["version"]
    return ("still in force" if is_same else "changed since") + switched


def _print_rules(rules: list[dict[str, str]]) -> None:
    for rule in rules:
        click.echo(f"  rule {rule['rule']} {rule['version']}: {rule['reason']}")
        if "when" in rule:
            click.echo(f"    when {rule['when']}")
        if "then" in rule:  # it was not written down at first
            click.echo(f"    then {rule['then']} ({rule['mode']})")
        click.echo(f"    {rule['now']}")


def _print(ticket: AnyRow, decision: Any, book: Earlier | None) -> None:
    verdict, trace = decision.verdict, decision.trace
    since = f" (in force from {book.since:%Y-%m-%d %H:%M})" if book else ""
    click.echo(
        f"{ticket.source}:{ticket.external_id} (number {ticket.number}), "
        f"decided {decision.at:%Y-%m-%d %H:%M:%S} UTC, "
        f"rules {decision.rules_version}{since}, delivery {decision.delivery_id}"
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
    for one in trace.get("directories", ()):
        click.echo(f"  directory {one['directory']}: {one['said']}")
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
