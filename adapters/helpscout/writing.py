"""What we write into conversations, and how it is found again by its mark. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

from adapters.helpscout.people import primary_customer
from adapters.helpscout.shapes import (
    Json,
    embedded,
    identifier,
    text_of,
)


def note_html(text: str, mark: str) -> str:
    """Write a note's text with our reference as its small last line."""
    return f"{_html(text)}<br><br><small>{_html(reference(mark))}</small>"


def message_html(text: str, mark: str) -> str:
    """Write a message's text with our reference as its last line."""
    return f"{_html(text)}<br><br>{_html(reference(mark))}"


def follow_up(conversation: Json, text: str, draft: bool) -> dict[str, Any]:
    """Build a new conversation that carries on one which takes no more messages.

    It keeps the old status, so that a message alone gives nobody work; a draft makes
    it active, because somebody has to find it.
    """
    person = {"id": int(primary_customer(conversation) or 0)}
    reply = {"type": "reply", "customer": person, "text": text}
    subject = text_of(conversation.get("subject"))
    return {
        "subject": f"{subject} {back_reference(conversation)}".strip(),
        "customer": person,
        "mailboxId": conversation.get("mailboxId"),
        "type": "email",
        "status": "active" if draft else conversation.get("status"),
        "threads": [{**reply, "draft": True} if draft else reply],
    }


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


def find_mark(threads: Iterable[Json], mark: str) -> str | None:
    """Return the id of the note, draft or message that ends with our reference.

    Customers' threads do not count: their mail programs quote what we wrote.
    """
    wanted = re.compile(rf"(?<!\S){re.escape(reference(mark))}(?!\S)")
    for thread in threads:
        if thread.get("type") not in ("message", "note"):
            continue
        text = html.unescape(re.sub(r"<[^>]*>", " ", text_of(thread.get("body"))))
        if wanted.search(" ".join(text.split())):
            return identifier(thread.get("id")) or ""
    return None


def back_reference(conversation: Json) -> str:
    return f"(#{text_of(conversation.get('number'))})"


def reference(mark: str) -> str:
    return f"Ref. {mark}"


def _html(text: str) -> str:
    lines = html.escape(text, quote=False).splitlines()
    return "<br>".join(lines)
