"""What other rules or thresholds would have done to the tickets that are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from connector import rulefiles
from connector.backtest import Side, compare
from connector.comparison import Report, changing, pairs
from connector.config import Config
from connector.dashboard.desk import Desk
from connector.dashboard.errands import Errands, Tell
from connector.dashboard.guard import needs
from connector.dashboard.pages import page, row_number
from connector.errors import ConfigError
from connector.models import Role
from connector.store import accounts

DAYS = 30
LONGEST = 365

#: Rules that are tried are no longer than this.
LONGEST_TEXT = 200_000

#: Problems in the picture; of more the first.
SHOWN = 50


class Filed(NamedTuple):
    """A problem with how far into the days it would have been filed, from 0 to 1."""

    title: str
    customers: int
    before: datetime | None
    after: datetime | None
    before_part: float
    after_part: float


class _Refused(Exception):
    """What was asked for cannot be tried; each line says why."""


def register(blueprint: Blueprint, desk: Desk) -> None:
    runs: Errands[Report] = Errands()
    asked: dict[str, str] = {}  # for the last one, to go on from

    @blueprint.get("/rules/backtest")
    @needs(Role.ADMIN)
    def rules_backtest() -> ResponseReturnValue:
        return _page(desk, runs, asked or {"rules": _in_force(desk.config)})

    @blueprint.post("/rules/backtest")
    @needs(Role.ADMIN)
    def rules_backtest_begin() -> ResponseReturnValue:
        form, who, now = request.form, g.visitor.name, desk.clock()
        try:
            days = _number(form, "days", DAYS, LONGEST)
            before, after = _sides(desk, form)
        except _Refused as err:
            return _page(desk, runs, form, str(err)), 422
        since = now - timedelta(days=days)

        def work(tell: Tell) -> Report:
            return compare(desk.store, before, after, since, now, tell=tell)

        if runs.begin(who, now, work) is None:
            return _page(desk, runs, form, "another backtest is under way"), 409
        asked.update(form.items())
        with desk.store.write() as connection:
            said = f"over {days} days"
            accounts.record(connection, who, "rules backtest", "rules", said, now)
        return redirect(url_for("dashboard.rules_backtest"), 303)

    @blueprint.post("/rules/backtest/cancel")
    @needs(Role.ADMIN)
    def rules_backtest_cancel() -> ResponseReturnValue:
        if runs.last is not None:
            runs.last.cancel()
        return redirect(url_for("dashboard.rules_backtest"), 303)


def _page(
    desk: Desk, runs: Errands[Report], form: Mapping[str, Any], refused: str = ""
) -> str:
    run = runs.last
    report = run.result if run else None
    return page(
        "backtest.html",
        form=form,
        refused=refused,
        problems=desk.config.problems,
        days=DAYS,
        run=run,
        report=report,
        changes=changing(report) if report else [],
        filed=_filed(report) if report else [],
    )


def _in_force(config: Config) -> str:
    """Return the text of the file of rules, if there is one and no more."""
    given = config.rules
    found = rulefiles.files(given) if isinstance(given, Path) else []
    try:
        return rulefiles.read_text(found[0]) if len(found) == 1 else ""
    except ConfigError:
        return ""


def _sides(desk: Desk, form: Mapping[str, str]) -> tuple[Side, Side]:
    """Return what is in force, and what is to be tried."""
    book, config = desk.rulebook.look(desk.clock()), desk.config
    text = form.get("rules", "")[:LONGEST_TEXT].replace("\r\n", "\n")
    rules = book.rules
    if text.strip():
        try:
            rules = rulefiles.understood("rules", {"rules": text})
        except ConfigError as err:
            raise _Refused("; ".join(err.problems)) from err
    known = config.problems
    customers = _number(form, "customers", known.customers, 10_000)
    hours = _number(form, "hours", int(known.window / timedelta(hours=1)), 24 * 365)
    window = timedelta(hours=hours) if form.get("hours") else known.window
    problems = known.model_copy(update={"customers": customers, "window": window})
    tried = config.model_copy(update={"problems": problems})
    before = Side(config, book.rules, book.judge)
    return before, Side(tried, rules, book.judge)


def _number(form: Mapping[str, str], name: str, usual: int, most: int) -> int:
    word = form.get(name, "").strip()
    if not word:
        return usual
    number = row_number(word)
    if not 0 < number <= most:
        raise _Refused(f"{name}: expected a number from 1 to {most}")
    return number


def _filed(report: Report) -> Sequence[Filed]:
    """Return what would have been filed, in order of time."""
    whole = report.until - report.since

    def part(at: datetime | None) -> float:
        return round((at - report.since) / whole, 4) if at else 0.0

    found = []
    for before, after in pairs(report)[:SHOWN]:
        one = after or before
        assert one is not None
        was, is_ = (side.filed_at if side else None for side in (before, after))
        found.append(
            Filed(one.title, len(one.customers), was, is_, part(was), part(is_))
        )
    return found
