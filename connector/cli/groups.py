"""``groups``: what people put right about problems.

What a correction means is in ``connector.correcting`` and its like; here is only asking
and telling. What problems are is shown by ``connector.cli.groups_shown``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec

import click
from sqlalchemy import Connection

from adapters.base import Tracker
from connector import correcting, merging, steering
from connector.cli.common import (
    NUMBER,
    TicketWord,
    by_option,
    config_option,
    json_option,
    open_store,
    read_config,
)
from connector.cli.groups_shown import groups_list, groups_show
from connector.config import Config, open_adapters
from connector.correcting import Done, Refused
from connector.errors import VendorError
from connector.models import Issue, TicketRef
from connector.spans import parse_duration
from connector.store import outbox as outbox_rows
from connector.store import tickets as ticket_rows

P = ParamSpec("P")

#: What a correction does, in one transaction.
Act = Callable[[Connection, Config, datetime], Sequence[Done]]


class Asked(NamedTuple):
    """What every correction is asked with."""

    who: str
    path: Path
    as_json: bool


class Until(click.ParamType[datetime]):
    """A moment as a date, a time, or how long from now."""

    name = "date or duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        try:
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            pass
        try:
            span = parse_duration(value)
        except ValueError:
            self.fail(f"{value!r}: write 2026-12-01 (UTC) or 14d", param, ctx)
        assert isinstance(span, timedelta)
        return _now() + span


def correction(command: Callable[Concatenate[Asked, P], Act]) -> Callable[..., None]:
    """Make a command of what returns a correction: ask what all ask, and do it."""

    @wraps(command)
    def run(
        who: str, path: Path, as_json: bool, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        asked = Asked(who, path, as_json)
        _correct(asked, command(asked, *args, **kwargs))

    return by_option(config_option(json_option(run)))


@click.group()
def groups() -> None:
    """Problems: complaints that belong together, and putting that right.

    What you say here is binding: later complaints follow it, and nothing undoes it but
    another of these commands. They work while the connector runs, and without it.
    """


for command in (groups_list, groups_show):
    groups.add_command(command)


@groups.command("merge")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@click.argument("other_ids", metavar="OTHER…", type=NUMBER, nargs=-1, required=True)
@correction
def groups_merge(asked: Asked, group_id: int, other_ids: tuple[int, ...]) -> Act:
    """Make one problem of several.

    GROUP stays, unless only another of them has an issue; its issue, state and name
    stay too. An issue of the others gets a link and a comment, and is left as it is.
    Later complaints in the words of any of them go to the one.

    Example: complaint-connector groups merge 3 5
    """

    def act(connection: Connection, config: Config, now: datetime) -> list[Done]:
        done: list[Done] = []
        stays = group_id
        for other in other_ids:
            done += [merging.merge(connection, config, stays, other, asked.who, now)]
            stays = done[-1].group_id
        return done

    return act


@groups.command("split")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@click.argument("tickets", metavar="TICKET…", type=TicketWord(), nargs=-1)
@click.option(
    "--into", type=NUMBER, help="A problem that exists, instead of a new one."
)
@click.option(
    "--part", type=NUMBER, help="A problem that became part of it, to be itself again."
)
@correction
def groups_split(
    asked: Asked,
    group_id: int,
    tickets: tuple[TicketRef, ...],
    into: int | None,
    part: int | None,
) -> Act:
    """Take tickets out of a problem, into a new one.

    TICKET is SOURCE:ID, with the number that agents see or the helpdesk's own id. The
    two are never grouped together again, and later complaints go where the tickets went
    that are most like them.

    With --part a merge is taken back: the other problem is what it was before, with
    what it brought and who came in its words since.

    Example: complaint-connector groups split 3 support:1042 desk:77
    """
    if bool(tickets) == (part is not None):
        raise click.UsageError("name tickets, or --part of a merge")
    if part is not None and into is not None:
        raise click.UsageError("--part makes a problem of its own; leave out --into")

    if part is not None:
        return lambda connection, config, now: [
            merging.undo(connection, config, group_id, part, asked.who, now)
        ]

    def act(connection: Connection, config: Config, now: datetime) -> list[Done]:
        refs = [ticket_rows.named(connection, ticket) for ticket in tickets]
        return [
            correcting.split(connection, config, group_id, refs, asked.who, now, into)
        ]

    return act


@groups.command("move")
@click.argument("ticket", type=TicketWord())
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@correction
def groups_move(asked: Asked, ticket: TicketRef, group_id: int) -> Act:
    """Put one ticket into another problem; it stays there.

    Example: complaint-connector groups move support:1042 5
    """

    def act(connection: Connection, config: Config, now: datetime) -> list[Done]:
        ref = ticket_rows.named(connection, ticket)
        return [correcting.move(connection, config, ref, group_id, asked.who, now)]

    return act


@groups.command("rename")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@click.argument("title")
@correction
def groups_rename(asked: Asked, group_id: int, title: str) -> Act:
    """Give a problem a title of yours, which is not changed any more.

    An issue that is filed later gets it. That of one which is filed is left to people.

    Example: complaint-connector groups rename 3 "Payment app crashes on Android"
    """
    return lambda connection, config, now: [
        steering.rename(connection, group_id, title, asked.who, now)
    ]


@groups.command("mute")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@click.option("--until", type=Until(), help="Such as 2026-12-01 (UTC), or 14d.")
@correction
def groups_mute(asked: Asked, group_id: int, until: datetime | None) -> Act:
    """Let a problem count, but file nothing, comment nothing and tell nobody.

    When it ends, what came meanwhile is told in one go.

    Example: complaint-connector groups mute 3 --until 14d
    """
    return lambda connection, config, now: [
        steering.mute(connection, group_id, until, asked.who, now)
    ]


@groups.command("unmute")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@correction
def groups_unmute(asked: Asked, group_id: int) -> Act:
    """End a mute, whoever began it; what came meanwhile is told in one go.

    Example: complaint-connector groups unmute 3
    """
    return lambda connection, config, now: [
        steering.unmute(connection, config, group_id, asked.who, now)
    ]


@groups.command("wont-do")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@correction
def groups_wont_do(asked: Asked, group_id: int) -> Act:
    """Let nothing be done about a problem: it counts, and agents read so.

    Nothing is filed, and no customer is told of a fix. An issue that there is stays
    open or done as it is. When there are twice as many customers, doctor says so.

    Example: complaint-connector groups wont-do 3
    """
    return lambda connection, config, now: [
        steering.wont_do(connection, config, group_id, asked.who, now)
    ]


@groups.command("reconsider")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@correction
def groups_reconsider(asked: Asked, group_id: int) -> Act:
    """Take back `wont-do`: the problem goes on as before, and its issue is read anew.

    Example: complaint-connector groups reconsider 3
    """
    return lambda connection, config, now: [
        steering.reconsider(connection, config, group_id, asked.who, now)
    ]


@groups.command("file")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@correction
def groups_file(asked: Asked, group_id: int) -> Act:
    """File a problem now, whatever the thresholds say.

    Example: complaint-connector groups file 3
    """
    return lambda connection, config, now: [
        steering.file_now(connection, config, group_id, asked.who, now)
    ]


@groups.command("link")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@click.argument("key")
@correction
def groups_link(asked: Asked, group_id: int, key: str) -> Act:
    """Make an issue that exists the one of a problem.

    KEY is what people call it in the tracker. It is read, and has to be open.

    Example: complaint-connector groups link 3 SHOP-42
    """
    issue = _read_issue(read_config(asked.path), key)
    return lambda connection, config, now: [
        steering.link(connection, config, group_id, issue, asked.who, now)
    ]


@groups.command("unlink")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@correction
def groups_unlink(asked: Asked, group_id: int) -> Act:
    """Take back `link` or `file`: the problem has no issue, and is not filed.

    The issue is left as it is, but for one comment. The problem counts, and is muted
    until you link an issue, file it or unmute it. An issue not made yet is not made.

    Example: complaint-connector groups unlink 3
    """
    return lambda connection, config, now: [
        steering.unlink(connection, config, group_id, asked.who, now)
    ]


@groups.command("never")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@click.argument("other_id", metavar="OTHER", type=NUMBER)
@correction
def groups_never(asked: Asked, group_id: int, other_id: int) -> Act:
    """Say that two problems are never the same; `allow` takes it back.

    Example: complaint-connector groups never 3 5
    """
    return lambda connection, config, now: [
        correcting.keep_apart(connection, group_id, other_id, asked.who, now)
    ]


@groups.command("allow")
@click.argument("group_id", metavar="GROUP", type=NUMBER)
@click.argument("other_id", metavar="OTHER", type=NUMBER)
@correction
def groups_allow(asked: Asked, group_id: int, other_id: int) -> Act:
    """Take back that two problems are never the same.

    Example: complaint-connector groups allow 3 5
    """
    return lambda connection, config, now: [
        correcting.allow(connection, group_id, other_id, asked.who, now)
    ]


def _correct(asked: Asked, act: Act) -> None:
    """Do it in one transaction and say what was done; end with 1 if it is refused."""
    config = read_config(asked.path)
    try:
        with (
            open_store(config) as store,
            store.write(wake=outbox_rows.WAKE) as connection,
        ):
            done = act(connection, config, _now())
    except Refused as err:
        click.echo(str(err), err=True)
        sys.exit(1)
    for one in done:
        if asked.as_json:
            click.echo(json.dumps(one._asdict(), ensure_ascii=False))
            continue
        click.echo(f"{one.did}.")
        for line in one.follows:
            click.echo(f"  {line}.")
        if one.undo:
            click.echo(f"  To take it back: complaint-connector {one.undo}")


def _read_issue(config: Config, key: str) -> Issue:
    """Read an issue from the tracker that problems are filed in."""
    name = config.problems.tracker
    if name is None:
        raise click.ClickException("problems.tracker is not set: there is no tracker")
    with open_adapters(config) as adapters:
        tracker = adapters[name]
        if not isinstance(tracker, Tracker):
            raise click.ClickException(f"{name} is not a tracker")
        try:
            return tracker.fetch_issue(key)
        except VendorError as err:
            raise click.ClickException(f"{key} could not be read: {err}") from err


def _now() -> datetime:
    return datetime.now(UTC)
