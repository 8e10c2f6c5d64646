"""Messaging conversations, whose words a ticket's comments do not hold."""

from __future__ import annotations

from typing import Any

from adapters.zendesk import payloads
from adapters.zendesk.account import Account, path
from adapters.zendesk.values import Json, as_object, identity, moment, text
from connector.models import Author, Comment

PAGE_SIZE = 100
CONVERSATION_PAGES = 10

CHAT_MESSAGE = "Messaging::ConversationMessage"
CHAT_AUTHOR = {"user": Author.CUSTOMER, "agent": Author.AGENT, "bot": Author.ROBOT}


def is_messaging(document: Json) -> bool:
    """Tell whether the words of a ticket are exchanged in a messaging conversation."""
    return document.get("from_messaging_channel") is True or (
        payloads.channel(document) == "native_messaging"
    )


def chat_comments(page: Json) -> list[Comment]:
    """Build comments of what was said in a conversation, which has none of its own."""
    rows = page.get("events")
    events = [as_object(row) for row in rows] if isinstance(rows, list) else []
    said = (_chat_comment(each) for each in events if each.get("type") == CHAT_MESSAGE)
    return [comment for comment in said if comment.body]


def _chat_comment(event: Json) -> Comment:
    author, content = as_object(event.get("author")), as_object(event.get("content"))
    # Pictures, forms and menus have no text; what a customer chose is a text again.
    html = text(content.get("body")) if content.get("type") == "html" else ""
    return Comment(
        external_id=str(event["id"]),
        author=CHAT_AUTHOR.get(text(author.get("type")), Author.UNKNOWN),
        author_id=identity(author.get("zen:support:user_id")) or None,
        public=True,
        body=html or text(content.get("text")),
        is_html=bool(html),
        created_at=moment(event["created_at"]),
        channel="messaging",
    )


def read_conversation(account: Account, document: Json) -> list[Comment]:
    """Read what was said in a messaging conversation; comments do not hold it."""
    if not is_messaging(document):
        return []
    where = path(text(document.get("id")), "/conversation_log")
    wish: dict[str, Any] = {"page[size]": PAGE_SIZE}
    said: list[Comment] = []
    for _ in range(CONVERSATION_PAGES):
        page = account.read_optional(where, wish)
        said += chat_comments(page)
        cursor = payloads.next_page(page)
        if not cursor:
            break
        wish["page[after]"] = cursor
    return said
