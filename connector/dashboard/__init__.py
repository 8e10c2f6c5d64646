"""The dashboard: server-rendered pages over the same functions as the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import NotFound

from adapters.base import Adapter, Directory
from connector import oidc
from connector.config import Config
from connector.dashboard import (
    activity,
    backtests,
    elsewhere,
    followups,
    gauges,
    guard,
    languages,
    overview,
    pages,
    problems,
    rules,
    setup,
    signing,
    tickets,
)
from connector.dashboard.desk import Desk
from connector.dashboard.languages import LANGUAGES, TRANSLATIONS
from connector.dashboard.pages import page
from connector.dashboard.status import status
from connector.errors import StoreUnavailable
from connector.rulebook import Rulebook
from connector.store import Store, locks

__all__ = ["LANGUAGES", "TRANSLATIONS", "create_blueprint", "status"]

#: For programs on this machine; the first two for whoever watches from outside.
_FOR_PROGRAMS = frozenset(
    f"dashboard.{name}" for name in ("healthz", "readyz", "metrics", "status_json")
)


def create_blueprint(
    store: Store,
    config: Config,
    rulebook: Rulebook,
    clock: Callable[[], datetime],
    adapters: Mapping[str, Adapter] | None = None,
    directories: Sequence[Directory] = (),
    path: Path = Path("config.yaml"),
) -> Blueprint:
    """Make the pages, and ``/status.json``, ``/metrics``, ``/healthz``, ``/readyz``."""
    vendors = adapters or {}, directories
    desk = Desk(store, config, rulebook, clock, *vendors, path, oidc.build(config))
    blueprint = Blueprint(
        "dashboard",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    blueprint.record_once(lambda state: languages.set_up(state.app))
    for wording in (pages.when, pages.number, pages.state, pages.kinds):
        blueprint.add_app_template_filter(wording)
    blueprint.add_app_template_global(pages.csrf)
    _guarded(blueprint, desk)
    _refusals(blueprint, desk)
    _for_programs(blueprint, desk)
    for part in (
        signing,
        elsewhere,
        overview,
        problems,
        tickets,
        rules,
        backtests,
        activity,
        followups,
        setup,
    ):
        part.register(blueprint, desk)
    return blueprint


def _guarded(blueprint: Blueprint, desk: Desk) -> None:
    """Let in who may come in, and give each page the headers that keep it ours."""

    @blueprint.before_request
    def admit() -> ResponseReturnValue | None:
        if request.endpoint in _FOR_PROGRAMS or request.endpoint == "dashboard.static":
            return None
        try:
            return guard.admit(desk)
        except StoreUnavailable:
            return Response("the database does not answer\n", 503)

    @blueprint.after_app_request
    def harden(response: Response) -> Response:
        # What leads nowhere is nobody's page, so that it is one of ours.
        is_ours = request.endpoint is None or request.blueprint == blueprint.name
        return guard.harden(response) if is_ours else response


def _refusals(blueprint: Blueprint, desk: Desk) -> None:
    """Answer for what is not there, and without the database."""

    @blueprint.errorhandler(404)
    def not_here(_: NotFound) -> ResponseReturnValue:
        return _not_here()

    @blueprint.app_errorhandler(404)
    def nowhere(error: NotFound) -> ResponseReturnValue:
        # The sidebar has answers of its own, and so has what asks for no page.
        accepted = request.accept_mimetypes
        is_reader = accepted["text/html"] > accepted["application/json"]
        if request.endpoint is not None or not is_reader:
            return error
        guard.recognise(desk)
        return _not_here()

    @blueprint.errorhandler(StoreUnavailable)
    def no_database(_: StoreUnavailable) -> ResponseReturnValue:
        return Response("the database does not answer\n", 503)


def _not_here() -> ResponseReturnValue:
    title, said = gettext("Not found"), gettext("It is not here, or not any more")
    return page("refused.html", title=title, said=said), 404


def _for_programs(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain")

    @blueprint.get("/readyz")
    def readyz() -> Response:
        try:
            with desk.store.read() as connection:
                locks.all_facts(connection)
        except StoreUnavailable:
            return Response("no database\n", 503, content_type="text/plain")
        # With the rules of before it works on; to keep vendors out would help nobody.
        desk.rulebook.look(desk.clock())
        is_broken = desk.rulebook.trouble is not None
        told = "ready, with the rules from before a mistake" if is_broken else "ready"
        return Response(f"{told}\n", content_type="text/plain")

    @blueprint.get("/metrics")
    def metrics() -> Response:
        guard.only_who_measures(desk)
        desk.rulebook.look(desk.clock())
        told = gauges.exposition(desk)
        return Response(told, content_type=CONTENT_TYPE_LATEST)

    @blueprint.get("/status.json")
    def status_json() -> Response:
        guard.only_this_machine()
        now, known = desk.clock(), desk.directories
        return jsonify(status(desk.store, desk.config, desk.rulebook, now, known))
