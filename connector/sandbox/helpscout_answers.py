"""What Help Scout's answers have in common: refusals, ids, looking things up."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from connector.sandbox.helpscout_desk import Conversation, Customer, Thread
from connector.sandbox.stage import Json, Refusal
from connector.sandbox.world import World

ABOUT = "http://developer.helpscout.net/mailbox-api/overview/errors"


def invalid(path: str, message: str, code: str = "NotEmpty") -> Refusal:
    """A 400 in Help Scout's words; the code is the fragment of a link."""
    error = {
        "path": path,
        "message": message,
        "source": "JSON",
        "_links": {"about": {"href": f"{ABOUT}#{code}"}},
    }
    body = {
        "logRef": "00000000-0000-4000-8000-000000000000",
        "message": "Bad request",
        "_embedded": {"errors": [error]},
        "_links": {"about": {"href": ABOUT}},
    }
    return Refusal(400, body)


def refusal(status: int, message: str) -> Refusal:
    return Refusal(status, {"message": message, "_embedded": {}})


def body_of_request() -> Json:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise invalid("", "expected one JSON object", "InvalidJson")
    return body


def page_number() -> int:
    return max(1, request.args.get("page", 1, type=int))


def created(number: int) -> Response:
    """201 says the id in a header and nothing in the body."""
    return Response(status=201, headers={"Resource-ID": str(number)})


def done() -> Response:
    return Response(status=204)


def find(world: World, number: int) -> Conversation:
    """Only a conversation that still is its own; merged and deleted ones are 404."""
    found = world.helpscout.get(number)
    if found is None:
        raise refusal(404, "Not Found")
    return found


def find_thread(conversation: Conversation, number: int) -> Thread:
    for thread in conversation.threads:
        if thread.id == number:
            return thread
    raise refusal(404, "Not Found")


def customer_named(world: World, given: Any) -> Customer:
    if isinstance(given, dict) and given.get("id") in world.helpscout.customers:
        return world.helpscout.customers[given["id"]]
    if isinstance(given, dict) and given.get("email"):
        return world.helpscout.ensure_customer(str(given["email"]))
    raise invalid("customer", "needs an id or an email")
