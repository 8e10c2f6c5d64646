"""Acme Desk, as far as it answers: a made-up vendor for the worked example."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
import responses

from adapters import AdapterKind
from adapters.stages import WAIT, Failure, HelpdeskStage
from connector.models import WebhookRequest

BASE = "https://acme.example"
SECRET = "acme-webhook-secret"
TOKEN = "acme-api-token"
SETTINGS = {"base_url": BASE, "token": TOKEN, "webhook_secret": SECRET}

Answer = tuple[int, dict[str, str], str]


def answer(status: int, said: object) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(said)


def failed(failure: Failure) -> Answer:
    if failure is Failure.BUSY:
        return 429, {"Retry-After": str(WAIT)}, '{"error": "too many"}'
    if failure is Failure.DOWN:
        return answer(503, {"error": "back soon"})
    if failure is Failure.CREDENTIALS:
        return answer(401, {"error": "unknown token"})
    return 200, {"Content-Type": "text/html"}, "<html>hello</html>"


class AcmeStage(HelpdeskStage):
    """Acme Desk in front of the worked example's adapter."""

    secrets = ("webhook_secret",)
    settings = SETTINGS

    def __init__(self, kind: AdapterKind, web: responses.RequestsMock) -> None:
        self.kind = kind
        self.adapter = kind.build("acme", kind.config(**SETTINGS))  # type: ignore[assignment]
        self.desk: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []
        self.written = 0
        self.failure: Failure | None = None
        self._ids = itertools.count(1)
        for method in ("GET", "POST"):
            web.add_callback(method, re.compile(f"{BASE}/.*"), self._answer)

    # -- people --

    def make_ticket(self, text: str, email: str) -> str:
        number, now = f"T-{next(self._ids)}", self._stamp()
        self.desk[number] = {
            "id": number,
            "subject": "",
            "state": "open",
            "customer": {"id": f"C-{email}", "email": email},
            "labels": [],
            "messages": [],
            "created": now,
            "changed": now,
            "link": f"{BASE}/app/{number}",
        }
        self._say(number, "customer", text, private=False)
        return number

    def tags(self, external_id: str) -> Sequence[str]:
        return list(self.desk[external_id]["labels"])

    def add_tag(self, external_id: str, tag: str) -> None:
        self.desk[external_id]["labels"].append(tag)

    def status(self, external_id: str) -> str:
        return str(self.desk[external_id]["state"])

    def notes(self, external_id: str) -> Sequence[str]:
        return self._read(external_id, private=True)

    def messages(self, external_id: str) -> Sequence[str]:
        return self._read(external_id, private=False)

    def delete(self, external_id: str) -> None:
        self.desk[external_id]["state"] = "binned"

    # -- webhooks --

    def delivery(self, external_id: str) -> WebhookRequest:
        return self._signed({"event": "ticket.changed", "ticket": external_id})

    def strange_delivery(self) -> WebhookRequest:
        return self._signed({"event": "invoice.paid"})

    def _signed(self, said: object) -> WebhookRequest:
        body = json.dumps(said).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-acme-signature": signature}
        return WebhookRequest(headers | {"x-acme-delivery": str(next(self._ids))}, body)

    # -- failures --

    def writes(self) -> int:
        return self.written

    def fail(self, failure: Failure) -> None:
        self.failure = failure

    def heal(self) -> None:
        self.failure = None

    # -- the interface --

    def _answer(self, request: requests.PreparedRequest) -> Answer:
        parts = urlsplit(request.url or "")
        writes = request.method == "POST"
        if self.failure in (Failure.CUT, Failure.LOST):
            if writes and self.failure is Failure.LOST:
                self._perform(parts.path, request)
            if writes:
                raise requests.ConnectionError("torn down")
        elif self.failure is not None:
            return failed(self.failure)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return failed(Failure.CREDENTIALS)
        if parts.path == "/changes":
            return answer(200, self._changes(parse_qs(parts.query)))
        return self._perform(parts.path, request)

    def _perform(self, path: str, request: requests.PreparedRequest) -> Answer:
        if path == "/me":
            return answer(200, {"name": "Connector"})
        _, _, number, *tail = path.split("/")
        ticket = self.desk.get(unquote(number))
        if ticket is None:
            return answer(404, {"error": "no such ticket"})
        if request.method == "GET":
            return answer(200, ticket)
        said = json.loads(request.body or b"")
        self.written += 1
        if tail == ["labels"]:
            kept = [one for one in ticket["labels"] if one not in said["remove"]]
            ticket["labels"] = kept + said["add"]
            return answer(200, {"labels": ticket["labels"]})
        self._say(ticket["id"], "agent", said["body"], private=said["private"])
        return answer(201, {"id": ticket["messages"][-1]["id"]})

    def _changes(self, wish: dict[str, list[str]]) -> object:
        """Tell two at a time."""
        start = int(wish["after"][0]) if "after" in wish else 0
        end = min(start + 2, len(self.changes))
        more = end < len(self.changes)
        return {"ids": self.changes[start:end], "next": str(end), "more": more}

    # -- inside --

    def _say(self, number: str, author: str, text: str, *, private: bool) -> None:
        message = {"id": f"M-{next(self._ids)}", "by": author, "body": text}
        stamped = {**message, "private": private, "at": self._stamp()}
        self.desk[number]["messages"].append(stamped)
        self.changes.append(number)

    def _read(self, number: str, *, private: bool) -> list[str]:
        said = self.desk[number]["messages"]
        ours = [one for one in said if one["by"] == "agent"]
        return [one["body"] for one in ours if one["private"] is private]

    def _stamp(self) -> str:
        return datetime.now(UTC).isoformat()
