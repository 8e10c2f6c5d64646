"""Putting questions to a person, with what there is to choose from where that is known.

Which questions there are, the vendors say; which of them count is decided in
``connector.questions``, and what the answers become in ``connector.installation``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

from adapters import Choice, Question
from connector.cli.choosing import choose, choose_several
from connector.errors import ConnectorError, CredentialsRejected
from connector.questions import is_asked, likely, listed, made, parts


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
        if not is_asked(question, answers):
            continue
        if question.made:
            answers[question.key] = known or made(question)
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
    """Ask where new issues go, from lists if the tracker let us in."""
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

    Raises ``CredentialsRejected``.
    """
    found, why = listed(question, answers)
    if why:
        click.echo(f"There is no list to choose from ({why}); please type it.")
    return found


def _prompt(
    question: Question, before: str | list[str] | None, offered: list[Choice]
) -> str | list[str]:
    known = ", ".join(before) if isinstance(before, list) else before
    default = likely(question, known, offered)
    if question.many and offered:
        return choose_several(question.text, offered, default)
    if offered:
        return choose(question.text, offered, default)
    answer = _typed(question, default)
    return parts(answer) if question.many else answer


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
