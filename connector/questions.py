"""What is asked about a source while it is set up, in whatever way people are asked.

Which questions there are, the vendors say. Here is which of them count after the
answers so far, what there is to choose from, and whether the vendor lets us in. Putting
them to a person is the part of the command line and of the pages.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from adapters import AdapterKind, Choice, Question, kinds
from connector.errors import CredentialsRejected, VendorError
from connector.mistakes import describe
from connector.models import Finding, Level

#: Where new issues go, of a tracker that does not ask in its own way.
PLACE = (
    Question("project", "Key of the project for new issues"),
    Question("issue_type", "Type of a new issue", default="Bug"),
)


def offered(is_tracker: bool) -> dict[str, AdapterKind]:
    """Return the vendors that can be set up by questions, for one of the two places."""
    return {
        kind.kind: kind
        for kind in kinds().values()
        if kind.questions and kind.is_tracker is is_tracker
    }


def place_of(tracker: AdapterKind) -> tuple[Question, ...]:
    """Return what a tracker asks about where new issues go."""
    return tracker.place or PLACE


def is_asked(question: Question, answers: Mapping[str, Any]) -> bool:
    """Tell whether a question counts after the answers so far."""
    only = question.only
    return only is None or answers.get(only[0]) == only[1]


def made(question: Question) -> str:
    """Make up what nobody is asked for."""
    return randomness.token_hex(question.made)[: question.made]


def listed(question: Question, answers: Mapping[str, Any]) -> tuple[list[Choice], str]:
    """Return what there is to choose from; with nothing, also why.

    Raises ``CredentialsRejected``: more attempts would lock the account.
    """
    if question.offers is None:
        return [], ""
    try:
        found = list(question.offers(answers))
    except CredentialsRejected:
        raise
    except VendorError as err:
        return [], str(err)
    except ValidationError:
        return [], "something above is not right yet"
    return found, "" if found else "our account is shown none"


def likely(
    question: Question, known: str | None, choices: Sequence[Choice]
) -> str | None:
    """Return what is probably meant: what was said before, else what there is."""
    if question.optional:
        return known or ""
    # What is secret is not offered again.
    wanted = None if question.secret else known or question.default or None
    keys = [choice.key for choice in choices]
    if known is None and keys and wanted not in keys:
        wanted = keys[0] if len(keys) == 1 else None
    return wanted


def parts(answer: str) -> list[str]:
    """Part an answer that is a list."""
    return [part.strip() for part in answer.split(",") if part.strip()]


def attempt(
    kind: AdapterKind, name: str, answers: Mapping[str, Any], now: datetime
) -> list[Finding]:
    """Build the source and let it look at its vendor: does it let us in?

    Only that counts here; what is not set up yet is not a wrong answer.
    """
    try:
        settings = kind.config.model_validate(dict(answers))
    except ValidationError as err:
        lines = describe(err, name, kind.config)
        return [
            Finding(Level.PROBLEM, kind.title, one, "answer again") for one in lines
        ]
    adapter = kind.build(name, settings)
    try:
        return adapter.check(now)[:1]
    finally:
        adapter.close()
