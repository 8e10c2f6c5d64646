"""What a webhook delivery says, as pure functions: its signature, what to read again.

A delivery never says more than "this changed"; what a conversation means is read in
``tickets``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.helpscout.shapes import (
    Json,
    as_object,
    conversation_in,
    embedded,
    identifier,
    load,
)
from adapters.signatures import hmac_base64
from connector.errors import MalformedPayload
from connector.models import EventKind, TicketEvent

TEST_EVENT = "helpscout.test"
RATING_EVENT = "satisfaction.ratings"
MOVED_EVENT = "convo.moved"

#: Beginning of an event's name -> why it changes no ticket.
IGNORED_EVENTS = {
    TEST_EVENT: "a test delivery",
    "customer.": "a customer's profile; it is read again with the next ticket",
    "tag.": "the account's list of tags, not the tags of a ticket",
    "organization.": "an organization's profile; read again with the next ticket",
    "beacon.chat.": "a chat; its conversation has events of its own",
    "message.survey.": "an answer to a message campaign, not to a ticket",
    "user.": "an agent's presence",
}

# A version 1 body shares names with version 2 but not their meaning.
_VERSION_1 = ("mailbox", "owner", "threadCount", "isDraft", "ticketId", "ticket")

_EVENT_NAME = re.compile(r"[a-z][a-z0-9._-]{0,60}")


def sign(secret: str, body: bytes) -> str:
    """Return the signature header: base64 of HMAC-SHA1 over the exact bytes.

    Not over re-written JSON: the vendor escapes ``/`` and every non-ASCII letter.
    """
    return hmac_base64(secret, body, "sha1")


def infer_event(body: Json) -> str:
    """Guess from a body's shape which event it belongs to; empty if it is unclear."""
    keys = body.keys()
    if keys == {"id"}:
        return "convo.deleted"
    if "rating" in keys and keys & {"conversationId", "threadId", "ticketId"}:
        return RATING_EVENT
    if "subject" in keys or {"threads", "mailboxId"} <= keys:
        return "convo.created"
    if "id" not in keys and conversation_in(_uri(body)):
        return "convo.created"
    if "conversationCount" in keys and "domains" in keys:
        return "organization.created"
    if keys & {"firstName", "lastName"}:
        return "customer.created"
    if {"name", "slug", "color"} <= keys:
        return "tag.created"
    return ""


def parse(
    source: str, event: str, raw: bytes, mailboxes: Sequence[int] = ()
) -> tuple[TicketEvent, ...]:
    """Say which conversations a delivery is about; never more than "read it again"."""
    if event == TEST_EVENT:  # its body is not described anywhere
        return (_ignored(source, IGNORED_EVENTS[TEST_EVENT]),)
    body = load(raw)
    name = event or infer_event(body)
    if reason := _reason_to_ignore(name, body, mailboxes):
        return (_ignored(source, reason),)
    return tuple(
        TicketEvent(EventKind.TICKET_CHANGED, source, ident)
        for ident in _conversations(name, body)
    )


def _reason_to_ignore(name: str, body: Json, mailboxes: Sequence[int]) -> str:
    for beginning, reason in IGNORED_EVENTS.items():
        if name.startswith(beginning):
            return reason
    if "mailboxId" not in body and any(key in body for key in _VERSION_1):
        return "a version 1 body; create the webhook again with payloadVersion V2"
    if name != RATING_EVENT and not name.startswith("convo."):
        return _unknown(name, body)
    if "id" not in body and _uri(body) and not conversation_in(_uri(body)):
        return "a bare address that is not a conversation; set notification to false"
    mailbox = body.get("mailboxId")
    if name == MOVED_EVENT:
        return ""  # it may have been ours until now, and reading it tells
    if mailboxes and isinstance(mailbox, int) and mailbox not in mailboxes:
        return f"inbox {mailbox} is not one of the configured inboxes"
    return ""


def _unknown(name: str, body: Json) -> str:
    if "id" not in body and not _uri(body):
        raise MalformedPayload("the body has neither an id nor an address")
    if not name:
        return "a body of unknown shape, and no event name"
    # The header is not signed, so only a name that looks like one is repeated.
    return f"unknown event {name}" if _EVENT_NAME.fullmatch(name) else "unknown event"


def _conversations(name: str, body: Json) -> list[str]:
    field = "conversationId" if name == RATING_EVENT else "id"
    ident = identifier(body.get(field)) or conversation_in(_uri(body))
    if ident is None:
        raise MalformedPayload(f"{field} is missing or not a conversation's id")
    found = [ident]
    if name == "convo.merged":
        # Told so that the merged ones are read too, and found to live on elsewhere.
        found += [old for old in _merged_ids(body) if old not in found]
    return found


def _merged_ids(body: Json) -> list[str]:
    found = []
    for thread in embedded(body, "threads"):
        action = as_object(thread.get("action"))
        if action.get("type") == "merged":
            entities = as_object(action.get("associatedEntities"))
            found.append(identifier(entities.get("originalConversation")))
    return [ident for ident in found if ident]


def _uri(body: Json) -> str:
    """Return the address a notification consists of; the key's name is undocumented."""
    links = as_object(as_object(body.get("_links")).get("self"))
    candidates = [*body.values(), links.get("href")] if "id" not in body else []
    for value in candidates:
        if isinstance(value, str) and value.startswith(("https://", "http://")):
            return value
    return ""


def _ignored(source: str, reason: str) -> TicketEvent:
    return TicketEvent(EventKind.IGNORED, source, reason=reason)
