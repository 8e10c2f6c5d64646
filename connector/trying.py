"""Rules tried on tickets that people made up, through the same judging as real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from connector.config import Config
from connector.judging import Judged, facts, judge_ticket, vip_source
from connector.models import Author, Comment, Customer, Ticket, TicketRef
from rules.cases import Case, Given
from rules.engine import RuleMatch, evaluate
from rules.judge import Judge
from rules.personas import CustomerHistory, Persona, personas
from rules.schema import RuleSet
from rules.words import customer_words, looks_like_html

#: When every such ticket was written, as far as a case says nothing else.
WRITTEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Difference(NamedTuple):
    what: str
    expected: Any
    found: Any


class Tried(NamedTuple):
    """What came of a case, and which words decided about its ticket."""

    differences: list[Difference]
    reasons: tuple[str, ...]


class Looked(NamedTuple):
    """What is found in a ticket that was made up, and the rules that are true of it."""

    judged: Judged
    personas: Sequence[Persona]
    vip: str
    facts: dict[str, Any]
    matches: Sequence[RuleMatch]


def look(given: Given, rules: RuleSet, judge: Judge, config: Config) -> Looked:
    """Judge a ticket that nobody has sent. Nothing of it is kept."""
    judged = _judged(given, judge)
    verdict, vip = judged.verdict, vip_source(judged.ticket, config)
    history = CustomerHistory(vip=bool(vip), vip_source=vip)
    is_theirs = verdict.complaint and not verdict.auto_reply
    found = personas(verdict, history) if is_theirs else ()
    said = facts(judged, found, vip) | dict(given.known)
    return Looked(judged, found, vip, said, evaluate(rules, said))


def try_case(case: Case, rules: RuleSet, judge: Judge, config: Config) -> Tried:
    """Judge the ticket of a case, and compare what follows with what is expected."""
    seen = look(case.ticket, rules, judge, config)
    asked = (action for match in seen.matches for action in match.actions)
    outcome = seen.facts | {
        "rules": [match.rule_id for match in seen.matches],
        "tags": list(dict.fromkeys(a.value for a in asked if a.kind == "add_tag")),
    }
    found = [
        Difference(what, wanted, outcome.get(what))
        for what, wanted in case.expect.items()
        if not _is_so(wanted, outcome.get(what))
    ]
    return Tried(found, seen.judged.verdict.reasons)


def _is_so(wanted: Any, found: Any) -> bool:
    if isinstance(found, list):
        if isinstance(wanted, str):
            return wanted in found
        return sorted(wanted) == sorted(found)
    return bool(wanted == found)


def _judged(given: Given, judge: Judge) -> Judged:
    judged = judge_ticket(_ticket(given), judge)
    if not given.lang:
        return judged
    words = customer_words(given.text, looks_like_html(given.text), given.subject)
    verdict = judge.judge_words(given.subject, words, given.lang)
    return replace(judged, verdict=verdict, language=given.lang)


def _ticket(given: Given) -> Ticket:
    someone = given.customer
    comment = Comment(
        external_id="1",
        author=Author.CUSTOMER,
        author_id=None,
        public=True,
        body=given.text,
        is_html=looks_like_html(given.text),
        created_at=WRITTEN,
        channel=given.channel,
    )
    return Ticket(
        ref=TicketRef(given.source, "1"),
        number="1",
        subject=given.subject,
        status=given.status,
        customer=Customer(
            external_id="1",
            email=someone.email.lower() or None,
            name=someone.name or None,
            organization=someone.organization or None,
            tags=frozenset(someone.tags),
        ),
        comments=(comment,),
        tags=frozenset(given.tags),
        created_at=WRITTEN,
        updated_at=WRITTEN,
        url="",
        channel=given.channel,
        fields=given.fields,
    )
