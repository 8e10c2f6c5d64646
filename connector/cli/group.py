"""``group``: put recorded tickets into groups and say when one becomes ready.

JSON lines in, JSON lines out, in order; no database, no vendor. The contract is kept
for measurements, so a change of a key is a breaking change.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple

import click
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ValidationError

from connector.errors import ConfigError
from connector.spans import parse_duration
from rules.doubts import doubt
from rules.duplicates import Grouper
from rules.features import features
from rules.judge import Judge, default_judge
from rules.thresholds import Crossing, Sighting, Thresholds, crossed
from rules.verdict import Verdict
from rules.words import customer_words, looks_like_html

EXAMPLE = """\b
Example:
  complaint-connector group --alerts alerts.jsonl --customers 5 --window 24h \\
      < tickets.jsonl
"""


def _in_utc(value: object) -> object:
    """Take a time without an offset as UTC, as exports usually mean it."""
    if not isinstance(value, str):
        return value
    at = datetime.fromisoformat(value)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _or_nothing(value: object) -> object:
    """Take null for no text, as exports write it."""
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_or_nothing)]


class TicketLine(BaseModel):
    """One line of input; other keys are ignored."""

    id: str | int
    ts: Annotated[AwareDatetime, BeforeValidator(_in_utc)]
    subject: Words = ""
    text: Words = ""
    customer: str | int | None = None
    lang: str | None = None


def span(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> timedelta | None:
    """Read a length of time that is not nothing."""
    if value is None:
        return None
    try:
        length = parse_duration(value)
    except ValueError as err:
        raise click.BadParameter(str(err)) from err
    if not isinstance(length, timedelta) or length <= timedelta(0):
        raise click.BadParameter("must be longer than nothing")
    return length


@click.command(epilog=EXAMPLE)
@click.option(
    "--alerts",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write one line here when a group first becomes ready.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take thresholds and words from this configuration.",
)
@click.option("--customers", type=click.IntRange(0), help="Distinct customers; 0: off.")
@click.option("--window", callback=span, help="Within so long, for example 7d.")
@click.option("--fast-customers", type=click.IntRange(0), help="Fast lane; 0: off.")
@click.option("--fast-window", callback=span, help="Window of the fast lane.")
def group(
    alerts: Path | None,
    config: Path | None,
    customers: int | None,
    window: timedelta | None,
    fast_customers: int | None,
    fast_window: timedelta | None,
) -> None:
    """Read tickets ordered by time, write the group of each.

    There is one alert per problem: a group that says in other words what a busy group
    with an alert already says gets none, nor does one whose words come no more often
    than they usually do, nor one in which people praise more than they complain. What
    comes up beside a problem that had its alert needs more customers.

    With --customers or --window the fast lane is off unless it is asked for too.
    """
    base, judge = _configured(config) if config else (Thresholds(), default_judge())
    thresholds = _thresholds(base, customers, window, fast_customers, fast_window)
    with ExitStack() as stack:
        bad = _run(
            sys.stdin.buffer,
            sys.stdout.buffer,
            stack.enter_context(alerts.open("wb")) if alerts else None,
            TicketStream(thresholds, judge),
        )
    sys.exit(1 if bad else 0)


def _thresholds(
    base: Thresholds,
    customers: int | None,
    window: timedelta | None,
    fast_customers: int | None,
    fast_window: timedelta | None,
) -> Thresholds:
    given: dict[str, Any] = {"customers": customers, "window": window}
    fast: dict[str, Any] = {
        "fast_customers": fast_customers,
        "fast_window": fast_window,
    }
    if _is_any_given(given) and not _is_any_given(fast):
        fast["fast_customers"] = 0
    chosen = {k: v for k, v in (given | fast).items() if v is not None}
    return base.model_copy(update=chosen)


def _configured(path: Path) -> tuple[Thresholds, Judge]:
    """Return the thresholds, and who judges by the words of the trade and the house."""
    # Imported late: they bring in every vendor, and most runs need none.
    from connector.config import load
    from connector.rulebook import Rulebook

    try:
        config = load(path)
        return config.problems, Rulebook(config, datetime.now(UTC)).book.judge
    except ConfigError as err:
        raise click.UsageError(str(err)) from err


def _is_any_given(options: dict[str, Any]) -> bool:
    return any(value is not None for value in options.values())


def _run(
    lines: Iterable[bytes],
    out: BinaryIO,
    alerts: BinaryIO | None,
    stream: TicketStream,
) -> int:
    """Handle every line; return how many could not be read."""
    bad = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            ticket = TicketLine.model_validate_json(line)
        except ValidationError as err:
            bad += 1
            click.echo(f"line {number}: {_what_is_wrong(err)}", err=True)
            continue
        placed, alert = stream.place(ticket)
        _write(out, placed)
        if alerts and alert:
            _write(alerts, alert)
    return bad


def _what_is_wrong(err: ValidationError) -> str:
    """Name the keys and the mistakes, never the values: they are a customer's."""
    mistakes = err.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        ".".join([str(part) for part in mistake["loc"]] or ["JSON"])
        + f": {mistake['type'].replace('_', ' ')}"
        for mistake in mistakes
    )


def _write(out: BinaryIO, value: dict[str, Any]) -> None:
    out.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
    out.flush()


class Heard(NamedTuple):
    """A counted ticket, and whether it only praises or complains."""

    sighting: Sighting
    praises: bool
    complains: bool


class TicketStream:
    """Groups and counts the tickets of one run; memory follows the window."""

    def __init__(self, thresholds: Thresholds, judge: Judge) -> None:
        self._thresholds = thresholds
        self._kept = max(thresholds.window, thresholds.fast_window)
        self._grouper = Grouper()
        self._judge = judge
        self._groups = 0
        self._ready: set[str] = set()
        self._busy: dict[str, datetime] = {}  # ready, with tickets in the window
        self._heard: dict[str, list[Heard]] = {}  # least recently active first

    def __len__(self) -> int:
        """How many groups are being counted."""
        return len(self._heard)

    def place(self, ticket: TicketLine) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Return the line for a ticket, and an alert if its group became ready."""
        text = customer_words(
            ticket.text, looks_like_html(ticket.text), ticket.subject
        ).text
        verdict = self._judge.judge(ticket.subject, text, ticket.lang, is_html=False)
        lang = ticket.lang or verdict.lang
        found = features(ticket.subject, text, lang, verdict.types)
        proposal = self._grouper.propose(found, ticket.ts)
        name = proposal.group or self._new_group()
        self._grouper.add(name, str(ticket.id), found, ticket.ts)
        placed = {
            "id": ticket.id,
            "group": name,
            "new": proposal.group is None,
            "reasons": list(proposal.reasons),
        }
        crossing = self._count(name, ticket, verdict)
        if crossing is None:
            return placed, None
        return placed, {
            "group": name,
            "ts": ticket.ts.isoformat().replace("+00:00", "Z"),
            "id": ticket.id,
            "customers": crossing.customers,
            "tickets": crossing.tickets,
            "rule": crossing.rule,
        }

    def _new_group(self) -> str:
        self._groups += 1
        return f"g{self._groups}"

    def _count(
        self, name: str, ticket: TicketLine, verdict: Verdict
    ) -> Crossing | None:
        horizon = ticket.ts - self._kept
        self._forget(horizon)
        if name in self._ready:
            self._busy[name] = ticket.ts
            return None
        heard = [h for h in self._heard.pop(name, []) if h.sighting.at > horizon]
        # Somebody unknown counts as somebody new.
        who = f"ticket {ticket.id}" if ticket.customer is None else str(ticket.customer)
        praises = verdict.praise and not verdict.complaint
        heard.append(Heard(Sighting(who, ticket.ts), praises, verdict.complaint))
        crossing = crossed([h.sighting for h in heard], self._thresholds, ticket.ts)
        if crossing is None or _is_applause(heard):
            self._heard[name] = heard
            return None
        against = doubt(self._grouper, name, self._busy, crossing.times)
        if against and not against.tells:
            self._heard[name] = heard
            return None
        self._ready.add(name)
        self._busy[name] = ticket.ts
        return None if against else crossing

    def _forget(self, horizon: datetime) -> None:
        while self._heard:
            oldest = next(iter(self._heard))
            if self._heard[oldest][-1].sighting.at > horizon:
                break
            del self._heard[oldest]
        for name in [name for name, at in self._busy.items() if at <= horizon]:
            del self._busy[name]


def _is_applause(heard: list[Heard]) -> bool:
    """Say whether people are glad about something together.

    Not all who are glad say so in words the judge knows, so a third is enough, if
    fewer complain.
    """
    praise = sum(h.praises for h in heard)
    complaints = sum(h.complains for h in heard)
    return 3 * praise >= len(heard) and praise > complaints
