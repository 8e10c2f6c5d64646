"""What we write into conversations, and how it is found again by its mark. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from adapters.helpscout.people import recipient
from adapters.helpscout.shapes import (
    Json,
    embedded,
    identifier,
    strings,
    text_of,
)


def note_html(text: str, mark: str) -> str:
    """Write a note's text with our reference as its small last line."""
    return f"{_html(text)}<br><br><small>{_html(reference(mark))}</small>"


def message_html(text: str, mark: str) -> str:
    """Write a message's text with our reference as its last line."""
    return f"{_html(text)}<br><br>{_html(reference(mark))}"


def reply(conversation: Json, text: str, status: str, draft: bool) -> dict[str, Any]:
    """Build a reply. Copies go to whom they went before.

    Whether leaving them out would take people off the conversation is not documented.
    """
    said: dict[str, Any] = {
        "customer": recipient(conversation),
        "text": text,
        "status": status,
    }
    for key in ("cc", "bcc"):
        if listed := strings(conversation.get(key)):
            said[key] = listed
    return {**said, "draft": True} if draft else said


def schedule(when: datetime) -> dict[str, Any]:
    """Build the order to send a draft later, unless the customer writes before."""
    return {
        "scheduledFor": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "unscheduleOnCustomerReply": True,
    }


def follow_up(
    conversation: Json, text: str, status: str, draft: bool
) -> dict[str, Any]:
    """Build a new conversation that carries on one which takes no more messages.

    It keeps the old status, so that a message alone gives nobody work; a draft makes
    it active, because somebody has to find it.
    """
    person = recipient(conversation)
    thread = {"type": "reply", "customer": person, "text": text}
    subject = text_of(conversation.get("subject"))
    return {
        "subject": f"{subject} {back_reference(conversation)}".strip(),
        "customer": person,
        "mailboxId": conversation.get("mailboxId"),
        "type": "email",
        "status": "active" if draft else status,
        "threads": [{**thread, "draft": True} if draft else thread],
    }


def query_of_customer(conversation: Json) -> str | None:
    """Return what finds all conversations of the customer, if one is known."""
    person = recipient(conversation)
    if person is None:
        return None
    if "id" in person:
        return f"(customerIds:{person['id']})"
    address = re.sub(r'["\\]', "", person["email"])
    return f'(email:"{address}")'


def follow_ups(conversation: Json, page: object) -> list[str]:
    """Return the ids of those listed that carry on this conversation."""
    own, ending = conversation.get("id"), back_reference(conversation)
    listed = embedded(page, "conversations")
    return [
        str(one["id"])
        for one in listed
        if identifier(one.get("id"))
        and one.get("id") != own
        and text_of(one.get("subject")).endswith(ending)
    ]


def marked(threads: Iterable[Json], mark: str) -> dict[str, Any] | None:
    """Return the note, draft or message that ends with our reference.

    Customers' threads do not count: their mail programs quote what we wrote. What was
    created as a reply is read back as a message.
    """
    wanted = re.compile(rf"(?<!\S){re.escape(reference(mark))}(?!\S)")
    for thread in threads:
        if thread.get("type") not in ("message", "note"):
            continue
        text = html.unescape(re.sub(r"<[^>]*>", " ", text_of(thread.get("body"))))
        if wanted.search(" ".join(text.split())):
            return dict(thread)
    return None


def waits_to_be_planned(thread: Json) -> bool:
    """Tell whether a draft has neither been sent nor been given a time."""
    return thread.get("state") == "draft" and not thread.get("scheduled")


def back_reference(conversation: Json) -> str:
    return f"(#{text_of(conversation.get('number'))})"


def reference(mark: str) -> str:
    return f"Ref. {mark}"


def _html(text: str) -> str:
    lines = html.escape(text, quote=False).splitlines()
    return "<br>".join(lines)
