"""The control interface: the same as ``World``'s methods, as JSON over HTTP.

It is for programs on this machine. A web page that is open in a browser here must not
be able to use it, nor to point webhooks anywhere else.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from connector.sandbox.stage import Json
from connector.sandbox.world import Unknown, World

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Unwelcome(Exception):
    """A request such as a foreign web page could send; its status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def check_request() -> None:
    """Refuse what a page of another site can make a browser send."""
    # A name that was pointed at this machine makes a foreign page "same origin".
    if not _is_loopback(f"//{request.host}"):
        raise Unwelcome(403, "the control interface is asked as localhost only")
    # A form cannot send JSON, and a script of another site has to ask before.
    if request.method in ("POST", "DELETE") and request.mimetype != "application/json":
        raise Unwelcome(415, "send Content-Type: application/json, also without a body")


def _is_loopback(address: str) -> bool:
    try:
        return urlsplit(address).hostname in LOOPBACK
    except ValueError:
        return False


def body_of_request() -> Json:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise TypeError("one JSON object is expected")
    return body


def create_app(world: World) -> Flask:
    """Build the control interface of ``world``."""
    app = Flask("connector.sandbox.control", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]

    def refuse(err: Exception) -> ResponseReturnValue:
        return {"error": str(err)}, 404 if isinstance(err, Unknown) else 400

    def turn_away(err: Unwelcome) -> ResponseReturnValue:
        return {"error": str(err)}, err.status

    for kind in (Unknown, TypeError, ValueError, KeyError):
        app.register_error_handler(kind, refuse)
    app.register_error_handler(Unwelcome, turn_away)
    app.before_request(check_request)
    _witness_routes(app, world)
    _acting_routes(app, world)
    _trouble_routes(app, world)
    return app


def _witness_routes(app: Flask, world: World) -> None:
    @app.get("/state")
    def state() -> ResponseReturnValue:
        return world.state()

    @app.get("/log")
    def log() -> ResponseReturnValue:
        return jsonify(world.log(request.args.get("after", 0, type=int)))

    @app.post("/reset")
    def reset() -> ResponseReturnValue:
        world.reset()
        return {}


def _acting_routes(app: Flask, world: World) -> None:
    @app.post("/write")
    def write() -> ResponseReturnValue:
        given = body_of_request()
        return {"ticket": world.write(given.pop("vendor"), **given)}

    @app.post("/agent")
    def agent() -> ResponseReturnValue:
        given = body_of_request()
        vendor, ticket = given.pop("vendor"), given.pop("ticket")
        world.agent(vendor, ticket, given.pop("act"), **given)
        return {}

    @app.post("/issue")
    def issue() -> ResponseReturnValue:
        given = body_of_request()
        name: Any = given.pop("key", None) or given.pop("id")
        given.pop("id", None)
        world.issue(str(name), given.pop("act"), **given)
        return {}

    @app.post("/rating")
    def rating() -> ResponseReturnValue:
        given = body_of_request()
        world.rate(given.pop("vendor"), given.pop("ticket"), **given)
        return {}


def _trouble_routes(app: Flask, world: World) -> None:
    @app.route("/faults", methods=["GET", "POST", "DELETE"])
    def faults() -> ResponseReturnValue:
        if request.method == "POST":
            world.fail(**body_of_request())
        elif request.method == "DELETE":
            world.faults.clear()
        return jsonify(world.faults.listed())

    @app.post("/webhooks")
    def subscribe() -> ResponseReturnValue:
        given = body_of_request()
        given.setdefault("secret", "")
        if not _is_loopback(given["url"]):
            raise ValueError("webhooks of the sandbox go to this machine only")
        return world.subscribe(**given).as_json(), 201

    @app.post("/webhooks/chaos")
    def chaos() -> ResponseReturnValue:
        world.chaos(**body_of_request())
        return {}

    @app.post("/webhooks/pause")
    def pause() -> ResponseReturnValue:
        world.deliveries.pause(True)
        return {}

    @app.post("/webhooks/resume")
    def resume() -> ResponseReturnValue:
        world.deliveries.pause(False)
        return {}

    @app.get("/webhooks/pending")
    def pending() -> ResponseReturnValue:
        return {"pending": world.deliveries.pending()}
