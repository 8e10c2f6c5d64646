"""Listens in on what adapters send and sandboxes answer, and has it judged.

Requests are taken where they leave, so that what is answered by a double counts too;
answers where a sandbox makes them, so that a fault put in their way does not. Only what
happens in the process of the tests is heard.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import flask
import pytest
import requests
from contract_kit import (
    Answered,
    Fault,
    Sent,
    document,
    document_of,
    is_described,
    judge,
    path_of,
)
from kit import ROOT

from adapters.http import USER_AGENT
from connector.sandbox import jira, zendesk
from connector.sandbox.world import World

DESCRIPTIONS = ROOT.parent / "shared" / "vendors" / "openapi"

#: Vendors take no more than this at a time.
MANY = 100


class Heard(NamedTuple):
    sent: Sent
    answered: Answered | None


class Recorder:
    """What was heard, judged once for each distinct kind of exchange."""

    def __init__(self) -> None:
        self._waiting: list[Heard] = []
        self._known: dict[Hashable, list[Fault]] = {}
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0

    def hear(self, sent: Sent, answered: Answered | None) -> None:
        self._waiting.append(Heard(sent, answered))

    def faults(self) -> list[Fault]:
        """Judge what was heard since the last time; each fault once."""
        heard, self._waiting = self._waiting, []
        begin = time.thread_time()
        found: dict[Fault, None] = {}
        for one in heard:
            found.update(dict.fromkeys(self._judged(one)))
        self._seconds += time.thread_time() - begin
        return list(found)

    def summary(self) -> str:
        """Say in a line how much was judged, and what that took."""
        shares = [f"{name} {count}" for name, count in sorted(self._counts.items())]
        return (
            f"contract: {', '.join(shares) or 'nothing heard'}; "
            f"{len(self._known)} kinds, judged in {self._seconds:.1f} s of CPU"
        )

    def _judged(self, heard: Heard) -> list[Fault]:
        name = document_of(heard.sent)
        if name is None:
            self._counts["no description"] += 1
            return []
        kind = name, _kind(heard, document(name).words)
        if kind not in self._known:
            self._known[kind] = judge(*heard)
        side = "requests" if heard.answered is None else "answers"
        known = is_described(heard.sent)
        self._counts[f"{side} {'described' if known else 'of unknown paths'}"] += 1
        return self._known[kind]


def _kind(heard: Heard, words: frozenset[str]) -> Hashable:
    """What two exchanges have in common if one verdict is good for both."""
    sent, answered = heard
    kind: tuple[Hashable, ...] = (
        sent.method,
        re.sub(r"\d+", "0", path_of(sent.url)),
        # Of a query only what is no count of things: numbers of tickets, moments.
        re.sub(r"\d{5,}", "0", urlsplit(sent.url).query),
        "Authorization" in sent.headers,
        sent.headers.get("Content-Type"),
    )
    if answered is None:
        return (*kind, _shape_of(sent.body, words))
    about = answered.status, answered.content_type
    return (*kind, *about, _shape_of(answered.body, words))


def _shape_of(body: bytes, words: frozenset[str]) -> Hashable:
    try:
        return shape(json.loads(body), words) if body else None
    except ValueError:
        return body


def shape(value: Any, words: frozenset[str]) -> Hashable:
    """Reduce JSON to what a schema can tell apart; ``words`` are those it may name."""
    if isinstance(value, dict):
        return frozenset((key, shape(one, words)) for key, one in value.items())
    if isinstance(value, list):
        few = len(value) <= MANY
        return ("list", few, frozenset(shape(one, words) for one in value))
    if isinstance(value, str):
        if value in words or not value:
            return value
        # A moment or a number in text is told apart by its pattern.
        return ("text", re.sub(r"\d", "0", value[:40]) if value[0].isdigit() else "")
    if isinstance(value, int) and not isinstance(value, bool):
        return ("number", value < 0, value == 0, abs(value) > MANY, abs(value) >= 2**31)
    return (type(value).__name__, value if isinstance(value, bool) else None)


# -- listening


def listen(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    """Hear every request of an adapter and every answer of a sandbox."""
    patch.setattr(
        requests.Session, "send", _listening_send(requests.Session.send, recorder)
    )
    for module in (jira, zendesk):
        patch.setattr(module, "create_app", _listening_app(module.create_app, recorder))


def _listening_send(send: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
    def listening(
        session: requests.Session, request: requests.PreparedRequest, **how: Any
    ) -> requests.Response:
        if request.headers.get("User-Agent") == USER_AGENT:
            recorder.hear(_sent_by(request), None)
        answer: requests.Response = send(session, request, **how)
        return answer

    return listening


def _sent_by(request: requests.PreparedRequest) -> Sent:
    body = request.body or b""
    raw = body.encode() if isinstance(body, str) else body
    return Sent(request.method or "", request.url or "", request.headers, raw)


def _listening_app(
    create_app: Callable[[World], flask.Flask], recorder: Recorder
) -> Callable[[World], flask.Flask]:
    def create(world: World) -> flask.Flask:
        app = create_app(world)

        @app.after_request
        def hear(response: flask.Response) -> flask.Response:
            sent = _received(world)
            if document_of(sent) and not response.is_streamed:
                recorder.hear(sent, _answered(response))
            return response

        return app

    return create


def _received(world: World) -> Sent:
    request = flask.request
    return Sent(
        request.method,
        request.url,
        request.headers,
        request.get_data(),
        world.jira.cloud,
    )


def _answered(response: flask.Response) -> Answered:
    body = response.get_data()
    return Answered(response.status_code, response.content_type or "", body)
