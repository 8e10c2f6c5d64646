"""The steps of a first start in order, and what of a source stands on one page."""

from __future__ import annotations

from typing import NamedTuple

from flask import url_for
from flask_babel import gettext

from adapters import Question
from connector.dashboard.first.draft import Draft


class Step(NamedTuple):
    key: str
    title: str
    url: str
    is_done: bool


def steps(draft: Draft) -> list[Step]:
    """Return every step there is after the answers so far."""
    answers, helpdesks = draft.answers, draft.helpdesks()
    found = [_step("helpdesks", gettext("Helpdesk"), bool(helpdesks))]
    found += [_source(draft, name) for name in helpdesks]
    is_said = answers.tracker is not None
    found.append(_step("tracker", gettext("Product team"), is_said))
    if answers.tracker:
        found.append(_source(draft, answers.tracker))
    found.append(_step("address", gettext("Address"), "address" in answers.passed))
    found.append(_step("mode", gettext("How far it goes"), "mode" in answers.passed))
    found.append(_step("finish", gettext("First user"), False))
    return found


def next_after(draft: Draft, key: str) -> str:
    """Return the address of the step that follows."""
    listed = steps(draft)
    at = next(at for at, step in enumerate(listed) if step.key == key)
    return listed[min(at + 1, len(listed) - 1)].url


def first_open(draft: Draft) -> str:
    """Return the address of the first step that is not done."""
    return next(step.url for step in steps(draft) if not step.is_done)


def pages(draft: Draft, name: str) -> list[list[Question]]:
    """Part what is asked about a source: what hangs on an answer has a page after it.

    What hangs on an answer that is not given yet is not among them.
    """
    said = draft.said(name)
    found: list[list[Question]] = [[]]
    for question in draft.asked(name):
        if question.made:
            continue
        here = {one.key for one in found[-1]}
        if question.only:
            key, wanted = question.only
            if key not in said:
                break
            if said[key] != wanted:
                continue
        if found[-1] and (question.offers or (question.only and key in here)):
            found.append([])
        found[-1].append(question)
    return found


def _step(key: str, title: str, is_done: bool) -> Step:
    return Step(key, title, url_for(f"dashboard.first_{key}"), is_done)


def _source(draft: Draft, name: str) -> Step:
    url = url_for("dashboard.first_source", name=name, number=1)
    title = draft.kind(name).title
    return Step(f"source:{name}", title, url, draft.is_complete(name))
