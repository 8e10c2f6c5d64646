"""Reports that go out by themselves: last week's digest, last month's register.

Each is asked for once, whoever looks and how often. Of several that nobody was there
to ask for only the latest goes out; and a digest that still waits when the next one is
due is not sent any more. A register stands for its month, so it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connector import notices
from connector.config import Config
from connector.models import Block, BlockKind
from connector.reports import digest, register
from connector.reports.periods import Period, last_month, last_week, month
from connector.reports.words import say
from connector.store import Store, outbox, reports

RULE = "reports"

#: Under which name the month of a register is kept with its notice.
REGISTER = "register"


class Said(NamedTuple):
    title: str
    body: list[Block]


class _Report(NamedTuple):
    """A report for a role; ``supersedes`` those of its kind that still wait."""

    kind: str
    role: str
    period: Period
    write: Callable[[Connection, Config, Period], Said]
    supersedes: bool


def queue_due(store: Store, config: Config, now: datetime) -> int:
    """Ask for the reports whose hour has come; return how many there were."""
    settings = config.reports
    zone = ZoneInfo(settings.timezone)
    # Before that hour a period counts as not over.
    over = now - timedelta(hours=settings.hour)
    week, of = last_week(over, zone), last_month(over, zone)
    asked = [
        _Report("digest", settings.digest_to, week, _digest, supersedes=True),
        _Report(REGISTER, settings.register_to, of, _register, supersedes=False),
    ]
    return sum(_post(store, config, one, now) for one in asked if one.role)


def files(
    connection: Connection, config: Config, payload: Mapping[str, str]
) -> dict[str, str]:
    """Return what goes along with a notice: a register, as it is when that is sent.

    It is not kept with the notice: what is erased is not to stay there.
    """
    if REGISTER not in payload:
        return {}
    of = month(payload[REGISTER], ZoneInfo(config.reports.timezone))
    form = config.reports.format
    write = register.as_csv if form == "csv" else register.as_json
    lines = register.lines(connection, config, of)
    return {f"register-{of.name}.{form}": write(lines)}


def _post(store: Store, config: Config, one: _Report, now: datetime) -> bool:
    """Make a report unless it was made; writing it takes nobody's turn to write."""
    with store.read() as connection:
        if not reports.is_wanted(
            connection, one.kind, one.period.name, one.period.until
        ):
            return False
        said = one.write(connection, config, one.period)
    key = f"report:{one.kind}:"
    with store.write(wake=outbox.WAKE) as connection:
        if not reports.begin(connection, one.kind, one.period.name, now):
            return False
        if one.supersedes:
            waiting = reports.waiting(connection, f"notice:{key}")
            outbox.discard(connection, waiting, "a later one takes its place", now)
        notices.tell(
            connection,
            config,
            one.role,
            f"{key}{one.period.name}",
            said.title,
            said.body,
            now,
            rule=RULE,
            reason=f"the {one.kind} of {one.period.name}",
            about={REGISTER: one.period.name} if one.kind == REGISTER else {},
        )
    return True


def _digest(connection: Connection, config: Config, week: Period) -> Said:
    return Said(*digest.digest(connection, config, week))


def _register(connection: Connection, config: Config, of: Period) -> Said:
    count = len(register.lines(connection, config, of))
    language = config.problems.language
    said = say(language, "received", count=count, month=of.name)
    title = say(language, "register", month=of.name)
    return Said(title, [Block(BlockKind.PARAGRAPH, said)])
