"""The status page: what the connector did, what waits, what needs a person.

Until there is a sign-in it answers only this machine, and it shows counts, keys and
reasons, never a customer's words or address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NoReturn

from flask import Blueprint, Response, abort, jsonify, render_template, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from connector import callbacks, demotion, health, imports, share, sweep
from connector.config import Config, channel_source
from connector.errors import StoreUnavailable
from connector.models import DeliveryState, OutboxState
from connector.rulebook import Rulebook, findings
from connector.store import (
    Store,
    broadcasts,
    deliveries,
    groups,
    locks,
    outbox,
    tasks,
    tickets,
)
from connector.store.broadcasts import BroadcastState
from connector.store.tasks import TaskState

LOOPBACK = frozenset({"127.0.0.1", "::1"})
#: What a browser on this machine asks for. Any other name that leads here is one a
#: proxy was given, or a stranger's that was pointed at this machine.
_OWN_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
#: Headers of proxies; each says that somebody else asks.
_FORWARDED = frozenset({"forwarded", "via", "x-real-ip", "true-client-ip"})
_FORWARDED_PREFIXES = ("x-forwarded-", "cf-")
SHOWN = 50

#: A page anybody could frame or script would be a door to the outbox later on.
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_blueprint(
    store: Store,
    config: Config,
    rulebook: Rulebook,
    clock: Callable[[], datetime],
) -> Blueprint:
    """Make ``/``, ``/status.json``, ``/metrics``, ``/healthz`` and ``/readyz``."""
    blueprint = Blueprint(
        "dashboard",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain")

    @blueprint.get("/readyz")
    def readyz() -> Response:
        try:
            with store.read() as connection:
                locks.all_facts(connection)
        except StoreUnavailable:
            return Response("no database\n", 503, content_type="text/plain")
        # With the rules of before it works on; to keep vendors out would help nobody.
        rulebook.look(clock())
        is_broken = rulebook.trouble is not None
        told = "ready, with the rules from before a mistake" if is_broken else "ready"
        return Response(f"{told}\n", content_type="text/plain")

    @blueprint.get("/metrics")
    def metrics() -> Response:
        _only_this_machine()
        rulebook.look(clock())
        with suppress(StoreUnavailable), store.read() as connection:
            callbacks.findings(connection, config)
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    @blueprint.get("/status.json")
    def status_json() -> Response:
        _only_this_machine()
        return jsonify(status(store, config, rulebook, clock()))

    @blueprint.get("/")
    def page() -> Response:
        _only_this_machine()
        try:
            shown = status(store, config, rulebook, clock())
        except StoreUnavailable:
            return Response("the database does not answer\n", 503)
        response = Response(render_template("status.html", s=shown))
        response.headers.update(SECURITY)
        return response

    return blueprint


def status(
    store: Store, config: Config, rulebook: Rulebook, now: datetime
) -> dict[str, Any]:
    """Gather what the page shows."""
    book = rulebook.look(now)
    with store.read() as connection:
        facts = locks.all_facts(connection)
        troubles = health.troubles(connection)
        parked = outbox.listing(connection, OutboxState.PARKED, SHOWN)
        asked = broadcasts.listing(connection, BroadcastState.WAITING, SHOWN)
        parked_in = deliveries.listing(connection, DeliveryState.PARKED, SHOWN)
        waiting = tasks.listing(connection, TaskState.OPEN, SHOWN)
        return {
            "now": now.replace(microsecond=0).isoformat(),
            "stopped": config.autonomy.stop or "stop" in facts,
            "autonomy": config.autonomy.model_dump(mode="json"),
            "sources": {
                name: {"kind": block.kind, **_condition(troubles.get(name))}
                for name, block in (
                    *config.sources.items(),
                    *(
                        (channel_source(name), channel)
                        for name, channel in config.notify.channels.items()
                    ),
                )
            },
            "findings": [
                {"source": one.subject, "message": one.message, "remedy": one.remedy}
                for one in (
                    *callbacks.findings(connection, config),
                    *sweep.findings(connection, config),
                    *findings(rulebook),
                    *demotion.findings(connection, demotion.in_force(book)),
                )
            ],
            "rules": {
                "version": book.version,
                "since": book.since.replace(microsecond=0).isoformat(),
                "count": len(book.rules.rules),
            },
            "imports": [
                {**_plain(asdict(one)), "state": one.state.value}
                for one in imports.standings(connection, config, now)
            ],
            "inbox": deliveries.counts(connection),
            "outbox": outbox.counts(connection),
            "tickets": tickets.counts(connection),
            "problems": [
                _plain(row) for row in groups.listing(connection, None, SHOWN)
            ],
            "alarms": list(share.alarms(connection).values()),
            "problem_states": groups.counts(connection),
            "tasks": [_plain(row) for row in waiting],
            "needs_you": {
                "outbox": [_without_words(row) for row in parked],
                "inbox": [_plain(row) for row in parked_in],
                "broadcasts": [_plain(row) for row in asked],
            },
            "activity": [
                _without_words(row) for row in outbox.listing(connection, None, SHOWN)
            ],
        }


def _condition(shut: health.Shut | None) -> dict[str, Any]:
    """Say how a source is, and if it is not well what to do."""
    if shut is None:
        return {"condition": "well"}
    return {
        "condition": shut.condition,
        "since": shut.since.replace(microsecond=0).isoformat(),
        "finding": health.sentence(shut),
        "remedy": shut.remedy,
        "next_try": shut.probe_at.replace(microsecond=0).isoformat(),
    }


def _without_words(row: Any) -> dict[str, Any]:
    """Leave out the reason of a write: it quotes the customer's deciding words."""
    return {key: value for key, value in _plain(row).items() if key != "reason"}


def _plain(row: Any) -> dict[str, Any]:
    return {
        key: value.replace(microsecond=0).isoformat()
        if isinstance(value, datetime)
        else value.total_seconds()
        if isinstance(value, timedelta)
        else value
        for key, value in row.items()
    }


def _only_this_machine() -> None:
    """Refuse everybody else, also those who come through a proxy on this machine."""
    if request.remote_addr not in LOOPBACK:
        _refuse("the request comes from another one")
    if any(_is_of_a_proxy(name.lower()) for name, _ in request.headers):
        _refuse("the request came through a proxy")
    if not _OWN_HOST.fullmatch(request.headers.get("Host", "")):
        _refuse("the request asks for another host; use http://127.0.0.1")


def _is_of_a_proxy(header: str) -> bool:
    return header in _FORWARDED or header.startswith(_FORWARDED_PREFIXES)


def _refuse(why: str) -> NoReturn:
    words = f"this page is for the connector's own machine: {why}\n"
    abort(Response(words, 403, content_type="text/plain"))
