"""The steps about sources: which there are, signing in there, what to choose."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from adapters import Choice, Question
from connector import questions
from connector.config_blocks import NAME
from connector.dashboard.first.draft import Block
from connector.dashboard.first.state import Start, show
from connector.dashboard.first.steps import next_after, pages
from connector.errors import CredentialsRejected
from connector.mistakes import explain
from connector.models import Finding, Level

#: What a typed answer is called, beside what was chosen from a list.
TYPED = "-typed"


class Field(NamedTuple):
    """A question as it stands on a page."""

    question: Question
    value: str
    chosen: tuple[str, ...]  #: from the list
    choices: list[Choice]
    why: str  #: there is no list
    is_given: bool  #: it is secret, and known
    wrong: str


def register(blueprint: Blueprint, start: Start) -> None:
    draft = start.draft

    @blueprint.route("/first-start/helpdesks", methods=["GET", "POST"])
    def first_helpdesks() -> ResponseReturnValue:
        said = _add(start) if request.method == "POST" else ""
        if request.method == "POST" and not said:
            name = list(draft.answers.sources)[-1]
            return redirect(url_for("dashboard.first_source", name=name, number=1), 303)
        return _helpdesks(start, said)

    @blueprint.post("/first-start/helpdesks/<name>/remove")
    def first_remove(name: str) -> ResponseReturnValue:
        if name not in draft.helpdesks():
            abort(404)
        draft.remove(name)
        draft.keep()
        return redirect(url_for("dashboard.first_helpdesks"), 303)

    @blueprint.route("/first-start/tracker", methods=["GET", "POST"])
    def first_tracker() -> ResponseReturnValue:
        return _tracker(start)

    @blueprint.route("/first-start/source/<name>/<int:number>", methods=["GET", "POST"])
    def first_source(name: str, number: int) -> ResponseReturnValue:
        if name not in draft.answers.sources:
            abort(404)
        if not 1 <= number <= len(pages(draft, name)):
            return redirect(url_for("dashboard.first_source", name=name, number=1))
        if request.method == "GET":
            return _page(start, name, number, {})
        return _taken(start, name, number)


def _helpdesks(start: Start, said: str) -> ResponseReturnValue:
    draft, helpdesks = start.draft, start.draft.helpdesks()
    return show(
        start,
        "first_helpdesks.html",
        "helpdesks",
        said=said,
        typed=request.form,
        kinds=questions.offered(False),
        helpdesks=[
            (name, draft.kind(name).title, draft.is_complete(name))
            for name in helpdesks
        ],
        name="support" if not helpdesks else "",
        onward=_onward(start),
    ), 422 if said else 200


def _tracker(start: Start) -> ResponseReturnValue:
    """Ask which tracker there is to be, or take the answer; it replaces another."""
    draft, offered = start.draft, questions.offered(True)
    chosen, before = request.form.get("kind"), draft.answers.tracker
    if chosen is None or (chosen and chosen not in offered):
        said = "kind: choose one of the list" if request.method == "POST" else ""
        return show(
            start,
            "first_tracker.html",
            "tracker",
            said=said,
            kinds=offered,
            chosen=before,
        ), 422 if said else 200
    if before and before != chosen:
        draft.remove(before)
    if chosen:
        draft.answers.sources.setdefault(chosen, Block(kind=chosen))
    draft.answers.tracker = chosen
    draft.keep()
    return redirect(next_after(draft, "tracker"), 303)


def _onward(start: Start) -> str:
    """Return the address of the first helpdesk that is not complete, else past them."""
    draft = start.draft
    for name in draft.helpdesks():
        if not draft.is_complete(name):
            return url_for("dashboard.first_source", name=name, number=1)
    return url_for("dashboard.first_tracker")


def _add(start: Start) -> str:
    """Begin a helpdesk; return what is wrong with its name or kind."""
    draft, name = start.draft, request.form.get("name", "").strip()
    kind = request.form.get("kind", "")
    if kind not in questions.offered(False):
        return "kind: choose one of the list"
    if not NAME.fullmatch(name):
        return "name: use lower-case letters, digits, '-' and '_'; such as support"
    if name in draft.answers.sources or name in questions.offered(True):
        return f"name: {name} is taken; choose another"
    draft.answers.sources[name] = Block(kind=kind)
    draft.keep()
    return ""


def _taken(start: Start, name: str, number: int) -> ResponseReturnValue:
    """Take the answers of a page, try them, and go on if they will do."""
    draft = start.draft
    here = pages(draft, name)[number - 1]
    fresh = {question.key: _answer(question) for question in here}
    again = draft.take(name, fresh)
    draft.keep()
    wrong = {
        question.key: "missing; fill it in"
        for question in here
        if question.key in again
        or (not question.secret and not question.optional and not fresh[question.key])
    }
    wrong = {**_mistakes(start, name, set(fresh)), **wrong}
    if wrong:
        return _page(start, name, number, wrong), 422
    is_anyway = bool(request.form.get("anyway"))
    finding = None if is_anyway else _try(start, name, number)
    if finding is not None:
        return _page(start, name, number, {}, finding), 422
    if draft.is_answered(name):
        draft.answers.sources[name].is_tried = True
        draft.keep()
    if number < len(pages(draft, name)):
        return redirect(
            url_for("dashboard.first_source", name=name, number=number + 1), 303
        )
    if name in draft.helpdesks():
        return redirect(url_for("dashboard.first_helpdesks"), 303)
    return redirect(next_after(draft, f"source:{name}"), 303)


def _answer(question: Question) -> str | list[str]:
    """Read what was chosen and what was typed."""
    typed = request.form.get(question.key + TYPED, "").strip()
    if question.many:
        return list(
            dict.fromkeys(
                [*request.form.getlist(question.key), *questions.parts(typed)]
            )
        )
    return typed or request.form.get(question.key, "").strip()


def _mistakes(start: Start, name: str, keys: set[str]) -> dict[str, str]:
    """Say what cannot be a setting, of those with ``keys``."""
    kind = start.draft.kind(name)
    try:
        kind.config.model_validate(start.draft.settings(name))
    except ValidationError as err:
        found = explain(err, kind.config)
        return {
            str(place[0]): advice
            for place, advice in found
            if place and place[0] in keys
        }
    return {}


def _try(start: Start, name: str, number: int) -> Finding | None:
    """Return why the answers so far will not do; a refusal is not asked for twice."""
    draft = start.draft
    block, kind = draft.answers.sources[name], draft.kind(name)
    refused = Finding(
        Level.PROBLEM,
        name,
        "the credentials were not taken",
        "correct the answers; more attempts with these would lock the account",
    )
    if draft.is_refused(name):
        return refused
    if draft.is_answered(name):
        if block.is_tried:
            return None
        found = questions.attempt(kind, name, draft.settings(name), start.clock())
        return next((one for one in found if one.level is Level.PROBLEM), None)
    rest = pages(draft, name)[number:]
    try:
        for question in rest[0][:1] if rest else ():
            draft.choices(name, question)
    except CredentialsRejected as err:
        return refused._replace(message=str(err))
    return None


def _page(
    start: Start,
    name: str,
    number: int,
    wrong: dict[str, str],
    finding: Finding | None = None,
) -> str:
    draft = start.draft
    every = pages(draft, name)
    fields = [
        _field(start, name, question, wrong.get(question.key, ""))
        for question in every[number - 1]
    ]
    back = url_for("dashboard.first_source", name=name, number=number - 1)
    if number == 1:
        is_helpdesk = name in draft.helpdesks()
        back = url_for(f"dashboard.first_{'helpdesks' if is_helpdesk else 'tracker'}")
    return show(
        start,
        "first_source.html",
        f"source:{name}",
        name=name,
        title=draft.kind(name).title,
        fields=fields,
        finding=finding,
        back=back,
        typed_ending=TYPED,
    )


def _field(start: Start, name: str, question: Question, wrong: str) -> Field:
    draft = start.draft
    said = draft.said(name).get(question.key)
    if question.secret:
        return Field(question, "", (), [], "", said is not None, wrong)
    choices, why = _choices(start, name, question)
    keys = {choice.key for choice in choices}
    known = said if isinstance(said, list) else [said] if said else []
    if not known and said is None:
        likely = questions.likely(question, None, choices)
        known = [likely] if likely else []
    chosen = tuple(one for one in known if one in keys)
    typed = ", ".join(one for one in known if one not in keys)
    return Field(question, typed, chosen, choices, why, False, wrong)


def _choices(start: Start, name: str, question: Question) -> tuple[list[Choice], str]:
    if not question.offers:
        return [], ""
    try:
        return start.draft.choices(name, question)
    except CredentialsRejected as err:
        return [], str(err)
