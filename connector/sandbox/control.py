"""The control interface: the same as ``World``'s methods, as JSON over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from connector.sandbox.stage import Json
from connector.sandbox.world import Unknown, World


def body_of_request() -> Json:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise TypeError("one JSON object is expected")
    return body


def create_app(world: World) -> Flask:
    """Build the control interface of ``world``."""
    app = Flask("connector.sandbox.control", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]

    def refuse(err: Exception) -> ResponseReturnValue:
        return {"error": str(err)}, 404 if isinstance(err, Unknown) else 400

    for kind in (Unknown, TypeError, ValueError, KeyError):
        app.register_error_handler(kind, refuse)
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
