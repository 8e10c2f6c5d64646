"""Rules: what tickets are judged by, how that goes, and trying it on any words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from connector import demotion, precision, trying
from connector.correcting import Refused
from connector.dashboard import acting
from connector.dashboard.desk import Desk
from connector.dashboard.guard import needs
from connector.dashboard.pages import kinds, page, state
from connector.dashboard.tickets import highlighted
from connector.models import Mode, Role
from connector.precision import Figure
from connector.rulebook import Book
from connector.store import demotions
from connector.store.demotions import Unit
from connector.store.hits import Hits, hits
from connector.store.switches import Switch
from connector.switched import written
from connector.tagging import PACK_PERSONA, PACK_TYPE
from rules.cases import Given, Person
from rules.engine import describe
from rules.verdict import PERSONAS, TYPES

#: Days of which it is counted what rules did.
DAYS = 30

#: Of longer words the beginning is tried: nobody types so much.
LONGEST = 20_000


class Found(NamedTuple):
    """What a pack finds: its name, and the word for it."""

    name: str
    word: str


class Line(NamedTuple):
    """A rule in force, or what the packs find of one kind."""

    name: str
    mode: Mode
    version: str
    when: str
    then: str
    file_mode: Mode
    switch: Switch | None
    hits: int | None  #: tickets it was true of; None: not counted here
    figures: Sequence[Figure]
    held_back: Sequence[Unit]
    finds: Sequence[Found] = ()


class Counted(NamedTuple):
    """What rules did of late, and what people did about it."""

    hits: Hits
    figures: Sequence[Figure]


def register(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/rules")
    def rules() -> ResponseReturnValue:
        return _page(desk)

    @blueprint.post("/rules/try")
    def rules_try() -> ResponseReturnValue:
        tried = _tried(desk, request.form)
        if request.headers.get("HX-Request"):
            return page("tried.html", **tried)
        return _page(desk, tried=tried)

    @blueprint.post("/rules/switch")
    @needs(Role.ADMIN)
    def rules_switch() -> ResponseReturnValue:
        rule, mode = request.form.get("rule", ""), request.form.get("mode", "")
        return _do(desk, ["rules", "switch", rule, mode])

    @blueprint.post("/rules/promote")
    @needs(Role.ADMIN)
    def rules_promote() -> ResponseReturnValue:
        rule, tag = request.form.get("rule", ""), request.form.get("tag", "")
        return _do(desk, ["rules", "promote", rule, "--tag", tag])


def _do(desk: Desk, words: list[str]) -> ResponseReturnValue:
    try:
        return acting.do(desk, words, url_for("dashboard.rules"))
    except Refused as err:
        return _page(desk, refused=str(err)), 409


def _page(desk: Desk, refused: str = "", tried: Mapping[str, Any] | None = None) -> str:
    now = desk.clock()
    book = desk.rulebook.look(now)
    since = now - timedelta(days=DAYS)
    with desk.store.read() as connection:
        counted = None
        if request.args.get("counted"):
            counted = Counted(
                hits(connection, since), precision.figures(connection, since)
            )
        held_back = demotions.demoted(connection)
    return page(
        "rules.html",
        did=acting.deed(desk, request.args.get("did")),
        refused=refused,
        lines=_rules(book, counted, held_back),
        packs=_packs(book, counted, held_back),
        book=book,
        trade=desk.config.judging.trade,
        counted=counted,
        asked_since=since,
        days=DAYS,
        modes=list(Mode),
        trouble=desk.rulebook.trouble,
        tried=tried,
    )


def _rules(
    book: Book, counted: Counted | None, held_back: frozenset[Unit]
) -> list[Line]:
    switches = {one.rule: one for one in book.switches}
    return [
        Line(
            rule.id,
            rule.mode,
            rule.version,
            describe(rule.when),
            ", ".join(action.brief for action in rule.then),
            written(rule, book.switches).mode,
            switches.get(rule.id),
            *_seen(rule.id, rule.version, counted, held_back),
        )
        for rule in book.rules.rules
    ]


def _packs(
    book: Book, counted: Counted | None, held_back: frozenset[Unit]
) -> list[Line]:
    version = demotion.in_force(book)[PACK_TYPE]
    found = {
        PACK_TYPE: [Found(one, kinds([one])) for one in TYPES],
        PACK_PERSONA: [Found(one, state(one)) for one in PERSONAS],
    }
    return [
        Line(
            name,
            Mode.ACT,
            version,
            "",
            "",
            Mode.ACT,
            None,
            *_seen(name, version, counted, held_back),
            finds,
        )
        for name, finds in found.items()
    ]


def _seen(
    name: str, version: str, counted: Counted | None, held_back: frozenset[Unit]
) -> tuple[int | None, list[Figure], list[Unit]]:
    this = (name, version)
    back = sorted(one for one in held_back if (one.rule, one.rule_version) == this)
    if counted is None:
        return None, [], back
    figures = [
        one for one in counted.figures if (one.unit.rule, one.unit.rule_version) == this
    ]
    return counted.hits.tickets.get(name, 0), figures, back


def _tried(desk: Desk, form: Mapping[str, str]) -> dict[str, Any]:
    """Judge what somebody types. Nothing of it is written down anywhere."""
    given = Given(
        subject=form.get("subject", "")[:LONGEST],
        text=form.get("text", "")[:LONGEST],
        customer=Person(email=form.get("email", "").strip()[:400]),
    )
    book = desk.rulebook.look(desk.clock())
    seen = trying.look(given, book.rules, book.judge, desk.config)
    verdict = seen.judged.verdict
    return {
        "given": given,
        "is_empty": not (given.subject + given.text).strip(),
        "v": verdict,
        "subject": highlighted(given.subject, verdict.reasons),
        "words": highlighted(seen.judged.text, verdict.reasons),
        "personas": seen.personas,
        "vip": seen.vip,
        "matches": seen.matches,
    }
