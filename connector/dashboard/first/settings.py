"""The steps about the house: its public address, its language, how far it goes."""

from __future__ import annotations

from typing import get_args

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from connector.config import Autonomy, Server
from connector.config_problems import Problems
from connector.dashboard.first.state import Start, show
from connector.dashboard.first.steps import next_after
from connector.installation import OBSERVING
from connector.mistakes import describe
from connector.models import Mode

#: Languages that issues can be written in, as those call them who speak them.
LANGUAGES = {
    "en": "English",
    "nb": "Norsk bokmål",
    "nn": "Norsk nynorsk",
    "fi": "Suomi",
    "sv": "Svenska",
    "da": "Dansk",
    "de": "Deutsch",
}


def register(blueprint: Blueprint, start: Start) -> None:
    answers = start.draft.answers

    @blueprint.route("/first-start/address", methods=["GET", "POST"])
    def first_address() -> ResponseReturnValue:
        said, typed = "", request.form.get("public_url", answers.public_url).strip()
        if request.method == "POST":
            answers.public_url = typed
            said = _wrong_address(typed)
            if not said:
                return _passed(start, "address")
        page = show(
            start,
            "first_address.html",
            "address",
            said=said,
            typed=typed,
            names=list(answers.sources),
            port=Server().port,
        )
        return page, 422 if said else 200

    @blueprint.route("/first-start/mode", methods=["GET", "POST"])
    def first_mode() -> ResponseReturnValue:
        said = ""
        if request.method == "POST":
            said = _wrong_mode(start)
            if not said:
                return _passed(start, "mode")
        page = show(
            start,
            "first_mode.html",
            "mode",
            said=said,
            answers=answers,
            languages=LANGUAGES,
            modes={name: possible(name) for name in OBSERVING},
        )
        return page, 422 if said else 200


def possible(name: str) -> list[Mode]:
    """Return how far the connector can go with a kind of write."""
    annotation = Autonomy.model_fields[name].annotation
    return [Mode(one) for one in get_args(annotation)] or list(Mode)


def _wrong_address(typed: str) -> str:
    try:
        Server.model_validate({"public_url": typed or None})
    except ValidationError as err:
        return describe(err, "server", Server)[0]
    return ""


def _wrong_mode(start: Start) -> str:
    """Take language and modes; return what is wrong with them."""
    answers, form = start.draft.answers, request.form
    answers.autonomy = {
        name: Mode(form[name]) if form.get(name) in possible(name) else mode
        for name, mode in answers.autonomy.items()
    }
    language = form.get("language", answers.language)
    try:
        Problems.model_validate({"language": language})
    except ValidationError as err:
        return describe(err, "problems", Problems)[0]
    answers.language = language
    return ""


def _passed(start: Start, key: str) -> ResponseReturnValue:
    passed = start.draft.answers.passed
    if key not in passed:
        passed.append(key)
    start.draft.keep()
    return redirect(next_after(start.draft, key), 303)
