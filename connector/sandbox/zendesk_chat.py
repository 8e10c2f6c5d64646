"""Zendesk's messaging: what is said in a conversation never becomes a comment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flask import Flask
from flask.typing import ResponseReturnValue

from connector.sandbox.stage import AGENT, CUSTOMER, Json, stamp
from connector.sandbox.zendesk_desk import Ticket, User, ZendeskDesk
from connector.sandbox.zendesk_more import cursor_page

if TYPE_CHECKING:
    from connector.sandbox.world import World

MESSAGE_ADDED = "zen:event-type:messaging_ticket.message_added"
AUTHORS = {CUSTOMER: "user", AGENT: "agent"}


def say(
    desk: ZendeskDesk,
    user: User,
    text: str,
    ticket: Ticket | None = None,
    actor: str = CUSTOMER,
) -> Ticket:
    """Say something in a conversation, or begin one; an agent or a bot may, too."""
    if ticket is None:
        # All that comments ever hold of it: a private line without the words.
        line = f"Conversation with {user.name}"
        stub = {"body": line, "public": False, "author_id": user.id}
        ticket = desk.open(user, line, stub, CUSTOMER, channel="native_messaging")
    number = desk.stage.number("zendesk.chat")
    ticket.chat.append(
        {
            "id": f"01SANDBOXCHAT{number:013d}",
            "type": "Messaging::ConversationMessage",
            "reference": f"zen:sunco:conversation_message:{number:024x}",
            "created_at": stamp(desk.stage.clock()),
            "author": {
                "type": AUTHORS.get(actor, "bot"),
                "display_name": user.name,
                "zen:support:user_id": user.id if actor == CUSTOMER else -1,
            },
            "content": {"type": "text", "text": text},
            "metadata": {"system": {}, "custom": {}},
            "attachments": [],
        }
    )
    ticket.touched_at = desk.stage.clock()
    _fire(desk, ticket, actor, user)
    return ticket


def _fire(desk: ZendeskDesk, ticket: Ticket, actor: str, user: User) -> None:
    """Tell of a message; nothing but the ticket's number is in it."""
    kind = {"user": "end_user"}.get(
        AUTHORS.get(actor, ""), AUTHORS.get(actor, "system")
    )
    envelope = {
        "account_id": 2_000_000,
        "detail": {"id": str(ticket.id)},
        "event": {"actor": {"id": str(user.id), "type": kind, "name": user.name}},
        "id": f"01SANDBOXEVENT{desk.stage.number('zendesk.chat_event'):012d}",
        "subject": f"zen:messaging_ticket:{ticket.id}",
        "time": stamp(desk.stage.clock()),
        "type": MESSAGE_ADDED,
        "zendesk_event_version": "2022-11-06",
    }
    body = (json.dumps(envelope, indent=3, ensure_ascii=False) + "\n").encode()
    desk.send(MESSAGE_ADDED, body)


def add_routes(app: Flask, world: World) -> None:
    @app.get("/api/v2/tickets/<int:number>/conversation_log")
    def conversation_log(number: int) -> ResponseReturnValue:
        with world.lock:
            ticket = world.zendesk.get(number)
            said: list[Json] = list(ticket.chat) if ticket else []
        page = cursor_page("events", said)
        # Unlike other lists, this one leaves out a cursor that it does not have.
        meta = page.get("meta", {})
        page["meta"] = {key: value for key, value in meta.items() if value is not None}
        return page
