"""Putting questions to a person, with what there is to choose from where that is known.

Which questions there are, the vendors say; what the answers become is decided in
``init``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click
from pydantic import ValidationError

from adapters import Choice, Question
from connector import installation
from connector.cli.choosing import choose, choose_several
from connector.errors import ConnectorError, CredentialsRejected, VendorError

#: Where new issues go, of a tracker that does not ask in its own way.
PLACE = (
    Question("project", "Key of the project for new issues"),
    Question("issue_type", "Type of a new issue", default="Bug"),
)


class AskAgain(ConnectorError):
    """Earlier answers were wrong, and the person wants to give them again."""


def ask(questions: tuple[Question, ...], answers: dict[str, Any]) -> None:
    """Put answers to all questions into ``answers``, which may hold earlier ones.

    Raises ``AskAgain``.
    """
    before = dict(answers)
    answers.clear()
    for question in questions:
        known = before.get(question.key)
        if question.only and answers.get(question.only[0]) != question.only[1]:
            continue
        if question.made:
            answers[question.key] = known or installation.made(question)
            continue
        try:
            offered = _offered(question, answers)
        except CredentialsRejected as err:
            click.echo(f"The credentials were not taken: {err}")
            if click.confirm("Answer again?", default=True):
                raise AskAgain("the credentials were not taken") from err
            offered = []
        answers[question.key] = _prompt(question, known, offered)


def ask_place(
    questions: tuple[Question, ...], answers: Mapping[str, Any], is_let_in: bool
) -> dict[str, Any]:
    """Ask where new issues go, from lists if the tracker let us in.

    ``questions`` are the tracker's own; without any it is asked in a plain way.
    """
    questions = questions or PLACE
    given = dict(answers)
    for question in questions:
        offered: list[Choice] = []
        if is_let_in:
            with suppress(CredentialsRejected):
                offered = _offered(question, given)
        given[question.key] = _prompt(question, None, offered)
    return {question.key: given[question.key] for question in questions}


def _offered(question: Question, answers: Mapping[str, Any]) -> list[Choice]:
    """Return what there is to choose from; say why if there is nothing.

    Raises ``CredentialsRejected``: more attempts would lock the account.
    """
    if question.offers is None:
        return []
    try:
        found = list(question.offers(answers))
        why = "our account is shown none"
    except CredentialsRejected:
        raise
    except VendorError as err:
        found, why = [], str(err)
    except ValidationError:
        found, why = [], "something above is not right yet"
    if not found:
        click.echo(f"There is no list to choose from ({why}); please type it.")
    return found


def _prompt(
    question: Question, before: str | list[str] | None, offered: list[Choice]
) -> str | list[str]:
    known = ", ".join(before) if isinstance(before, list) else before
    default = _default(question, known, offered)
    if question.many and offered:
        return choose_several(question.text, offered, default)
    if offered:
        return choose(question.text, offered, default)
    answer = _typed(question, default)
    return _parts(answer) if question.many else answer


def _default(
    question: Question, known: str | None, offered: list[Choice]
) -> str | None:
    """Say what is taken if only Enter is pressed."""
    if question.optional:
        return known or ""
    # What is secret is not offered again.
    wanted = None if question.secret else known or question.default or None
    keys = [choice.key for choice in offered]
    if known is None and keys and wanted not in keys:
        wanted = keys[0] if len(keys) == 1 else None
    return wanted


def _typed(question: Question, default: str | None) -> str:
    text = question.text
    if question.where:
        text += f" ({question.where})"
    elif question.example:
        text += f" (such as {question.example})"
    if question.choices:
        wanted = click.Choice(question.choices)
        return str(
            click.prompt(text, type=wanted, default=default or question.choices[0])
        )
    # What is secret is not echoed either.
    answer = click.prompt(
        text,
        default=default,
        hide_input=question.secret,
        show_default=bool(default),
    )
    return str(answer).strip()


def _parts(answer: str) -> list[str]:
    return [part.strip() for part in answer.split(",") if part.strip()]
