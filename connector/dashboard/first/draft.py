"""What was answered so far, kept beside the configuration until that is written.

Secrets are held in memory only: after a restart they are asked for again. Which steps
there are, and what is asked on a page, is the part of ``steps``.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from adapters import AdapterKind, Choice, Question
from connector import installation, questions
from connector.config import Config
from connector.config_blocks import NAME
from connector.config_problems import Problems
from connector.errors import CredentialsRejected
from connector.models import Mode

#: Follows the name of the configuration.
ENDING = ".draft"


class Block(BaseModel):
    """A source as far as it is known. ``is_tried``: the vendor lets us in, or the
    person goes on all the same."""

    kind: str
    answers: dict[str, str | list[str]] = {}
    is_tried: bool = False


class Answers(BaseModel):
    """All that is kept. ``tracker`` is the source that takes issues; empty: there is
    none; not yet said: None."""

    model_config = ConfigDict(extra="forbid")

    sources: dict[str, Block] = {}
    tracker: str | None = None
    public_url: str = ""
    language: str = Problems().language
    autonomy: dict[str, Mode] = installation.OBSERVING
    passed: list[str] = []


class Draft:
    """The answers, and what of them is nobody's to read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.with_name(path.name + ENDING)
        self.answers = _read(self.file)
        self._hidden: dict[str, dict[str, str]] = {}
        self._choices: dict[tuple[str, str, str], tuple[list[Choice], str]] = {}
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    def keep(self) -> None:
        """Write down what may be, for its owner alone."""
        fresh = self.file.with_name(self.file.name + ".new")
        with self._lock:  # two pages may be sent at once
            fresh.unlink(missing_ok=True)  # of who was stopped here; or a link
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.answers.model_dump_json(indent=1))
            fresh.replace(self.file)

    def end(self) -> None:
        """Leave nothing behind: the configuration holds it all now."""
        self.file.unlink(missing_ok=True)
        self._hidden.clear()

    def helpdesks(self) -> dict[str, Block]:
        tracker = self.answers.tracker
        return {n: block for n, block in self.answers.sources.items() if n != tracker}

    def kind(self, name: str) -> AdapterKind:
        block = self.answers.sources[name]
        return {**questions.offered(False), **questions.offered(True)}[block.kind]

    def asked(self, name: str) -> tuple[Question, ...]:
        """Return what is asked about a source; of a tracker also where issues go."""
        kind = self.kind(name)
        place = questions.place_of(kind) if kind.is_tracker else ()
        return (*kind.questions, *place)

    def said(self, name: str) -> dict[str, Any]:
        """Return every answer about a source that counts, secrets too."""
        block, hidden = self.answers.sources[name], self._hidden.get(name, {})
        found: dict[str, Any] = {}
        for question in self.asked(name):
            key = question.key
            if not questions.is_asked(question, found):
                continue
            if question.made:
                made = hidden.get(key) or questions.made(question)
                found[key] = self._hidden.setdefault(name, {}).setdefault(key, made)
            elif question.secret and key in hidden:
                found[key] = hidden[key]
            elif key in block.answers:
                found[key] = block.answers[key]
        return found

    def settings(self, name: str) -> dict[str, Any]:
        """Return what of the answers is the source's own."""
        own = {question.key for question in self.kind(name).questions}
        return {key: value for key, value in self.said(name).items() if key in own}

    def is_answered(self, name: str) -> bool:
        """Tell whether all is said that the source itself needs."""
        return _are_answered(self.kind(name).questions, self.settings(name))

    def is_complete(self, name: str) -> bool:
        block = self.answers.sources[name]
        return block.is_tried and _are_answered(self.asked(name), self.said(name))

    def take(self, name: str, fresh: Mapping[str, str | list[str]]) -> list[str]:
        """Take answers about a source; return which secrets have to be given again.

        A secret goes only where it was meant for: it is forgotten when an answer
        changes that was given before it.
        """
        block, hidden = self.answers.sources[name], self._hidden.setdefault(name, {})
        before = self.said(name), self.settings(name)
        is_other = False
        for question in self.asked(name):
            key = question.key
            if question.secret and not question.made:
                if is_other:
                    hidden.pop(key, None)
                if fresh.get(key):
                    hidden[key] = str(fresh[key])
            elif key in fresh:
                is_other |= block.answers.get(key, fresh[key]) != fresh[key]
                block.answers[key] = fresh[key]
        if self.said(name) != before[0]:
            self._forget(name)
        block.is_tried &= self.settings(name) == before[1]
        secret = {question.key for question in self.asked(name) if question.secret}
        return [key for key in fresh if key in secret and key not in hidden]

    def is_refused(self, name: str) -> bool:
        """Tell whether these credentials were shown, and not taken."""
        return name in self._refused

    def choices(self, name: str, question: Question) -> tuple[list[Choice], str]:
        """Return what there is to choose from, asked for once; and if nothing, why.

        Raises ``CredentialsRejected``, and not again before an answer changes.
        """
        if name in self._refused:
            return [], "the credentials were not taken"
        said = self.said(name)
        public = {k: said[k] for k in said if k in self.answers.sources[name].answers}
        key = name, question.key, json.dumps(public, sort_keys=True)
        if key not in self._choices:
            try:
                self._choices[key] = questions.listed(question, said)
            except CredentialsRejected:
                self._refused.add(name)
                raise
        return self._choices[key]

    def remove(self, name: str) -> None:
        self.answers.sources.pop(name, None)
        self._hidden.pop(name, None)
        self._forget(name)

    def compose(self) -> tuple[str, dict[str, str], Config]:
        """Return the configuration's text, its secrets, and what it amounts to.

        Raises ``ConfigError``.
        """
        answers, hidden = self.answers, dict[str, str]()
        blocks: dict[str, dict[str, Any]] = {}
        for name in answers.sources:
            kind, said = self.kind(name), self.said(name)
            block, own = installation.split(name, kind.questions, said)
            blocks[name] = {"kind": kind.kind, **block}
            hidden |= own
        problems: dict[str, Any] = {}
        if answers.tracker:
            said = self.said(answers.tracker)
            place = questions.place_of(self.kind(answers.tracker))
            problems = {"tracker": answers.tracker}
            problems |= {one.key: said[one.key] for one in place if one.key in said}
        if answers.language != Problems().language:
            problems["language"] = answers.language
        text = installation.configuration(
            blocks, answers.public_url or None, problems, answers.autonomy
        )
        return text, hidden, installation.understood(text, hidden, self.path)

    def _forget(self, name: str) -> None:
        self._refused.discard(name)
        for key in [key for key in self._choices if key[0] == name]:
            del self._choices[key]


def _are_answered(asked: tuple[Question, ...], said: Mapping[str, Any]) -> bool:
    return all(
        question.key in said for question in asked if questions.is_asked(question, said)
    )


def _read(file: Path) -> Answers:
    """Read what was kept; what cannot be used any more is asked for again."""
    try:
        found = Answers.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no text, or of other answers than these
        return Answers()
    known = {**questions.offered(False), **questions.offered(True)}
    can_be = all(
        block.kind in known and NAME.fullmatch(name)
        for name, block in found.sources.items()
    )
    is_whole = not found.tracker or found.tracker in found.sources
    return found if can_be and is_whole else Answers()
