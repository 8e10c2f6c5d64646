"""The first start in a browser: the steps of ``init``, until it is configured.

Whoever takes these steps decides what the connector does. So they are answered only on
this machine, and only to the browser that brought the code from the terminal. With the
configuration they are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    g,
    make_response,
    redirect,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from connector import accounts
from connector.dashboard import guard, languages, pages
from connector.dashboard.first import ending, settings, sources
from connector.dashboard.first.draft import Draft
from connector.dashboard.first.state import Start, show
from connector.dashboard.first.steps import first_open
from connector.models import Role

__all__ = ["Start", "begin", "create_app"]

COOKIE = "cc_first_start"

#: Answered without the code.
_OPEN = frozenset(f"dashboard.{name}" for name in ("first_code", "preferences"))
#: Answered when the configuration is written, to who had it written.
_LAST = frozenset(f"dashboard.{name}" for name in ("first_done", "first_go"))


def begin(path: Path, clock: Callable[[], datetime]) -> Start:
    """Begin, or go on where it was left."""
    return Start(path, clock, Draft(path))


def create_app(start: Start) -> Flask:
    """Build the pages. They borrow the frame and the looks of the dashboard's."""
    app = Flask("connector", static_folder=None)
    blueprint = Blueprint(
        "dashboard",
        "connector.dashboard",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    blueprint.add_app_template_filter(pages.state, "state")
    blueprint.add_app_template_global(pages.csrf, "csrf")

    @blueprint.before_request
    def admit() -> ResponseReturnValue | None:
        return None if request.endpoint == "dashboard.static" else _admit(start)

    # The looks are kept by the browser: the last page has nobody to ask for them.
    app.after_request(guard.harden)

    @blueprint.get("/")
    def overview() -> ResponseReturnValue:
        return redirect(first_open(start.draft))

    @blueprint.route("/first-start", methods=["GET", "POST"])
    def first_code() -> ResponseReturnValue:
        if g.visitor is not None:
            return redirect(url_for("dashboard.overview"))
        said = ""
        if request.method == "POST":
            token = start.let_in(request.form.get("code", ""))
            if token:
                response = make_response(redirect(url_for("dashboard.overview"), 303))
                response.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
                return response
            said = "code: this is not the one that the terminal shows; copy it again"
        is_used = not start.code
        page = show(start, "first_code.html", "code", said=said, is_used=is_used)
        return page, 403 if said else 200

    @blueprint.post("/preferences")
    def preferences() -> ResponseReturnValue:
        return languages.chosen()

    @app.get("/healthz")
    @app.get("/readyz")
    @app.route("/webhooks/<path:source>", methods=["GET", "POST", "HEAD"])
    def not_yet(source: str = "") -> ResponseReturnValue:
        # A vendor tries again; anything else could make it switch the webhook off.
        return Response("not set up yet\n", 503, content_type="text/plain")

    for part in (sources, settings, ending):
        part.register(blueprint, start)
    app.register_blueprint(blueprint)
    languages.set_up(app)
    return app


def _admit(start: Start) -> ResponseReturnValue | None:
    """Let a request in that has brought the code, or send it to where it is asked."""
    g.visitor = None
    guard.only_this_machine()
    is_last = request.endpoint in _LAST
    if start.outcome is None if is_last else start.path.exists():
        abort(404)
    token = request.cookies.get(COOKIE, "")
    if start.is_known(token):
        code = accounts.csrf(token)
        g.visitor = guard.Visitor("this machine", Role.ADMIN, code, True)
    if request.method not in ("GET", "HEAD"):
        is_open = request.endpoint in _OPEN
        has_code = g.visitor is not None and not is_open
        guard.ensure_own_form(g.visitor.csrf if has_code else None)
    if g.visitor is None and request.endpoint not in _OPEN:
        return redirect(url_for("dashboard.first_code"), 303)
    return None
