"""Jira's two kinds of text: strings (version 2) and documents (version 3). Pure."""

from __future__ import annotations

from typing import Any

from connector.sandbox.stage import Json

CONTAINERS = frozenset(
    "paragraph heading bulletList orderedList listItem blockquote codeBlock panel"
    " table tableRow tableCell tableHeader expand".split()
)
LEAVES = frozenset(
    "text hardBreak rule inlineCard mention emoji date status mediaSingle".split()
)
MARKS = frozenset(
    "link strong em code strike underline subsup textColor backgroundColor".split()
)
#: What may not hold text without a block around it.
BLOCKS_ONLY = frozenset("doc bulletList orderedList listItem blockquote panel".split())


def is_document(value: Any) -> bool:
    """Tell whether ``value`` is a document Jira would take."""
    if not isinstance(value, dict) or value.get("type") != "doc":
        return False
    return value.get("version") == 1 and _content_fits(value)


def _content_fits(node: Json) -> bool:
    content = node.get("content", [])
    if not isinstance(content, list):
        return False
    if node["type"] in BLOCKS_ONLY and any(_is_text(child) for child in content):
        return False
    return all(_node_fits(child) for child in content)


def _is_text(node: Any) -> bool:
    return isinstance(node, dict) and node.get("type") == "text"


def _node_fits(node: Any) -> bool:
    if not isinstance(node, dict):
        return False
    kind = node.get("type")
    if kind == "text":
        text, marks = node.get("text"), node.get("marks", [])
        known = all(mark.get("type") in MARKS for mark in marks)
        return isinstance(text, str) and text != "" and known
    if kind == "heading" and node.get("attrs", {}).get("level") not in range(1, 7):
        return False
    return kind in LEAVES or (kind in CONTAINERS and _content_fits(node))


def document_text(node: Json) -> str:
    """What a person reads, one line for each block."""
    kind = node.get("type")
    if kind == "text":
        href = next(
            (
                mark["attrs"]["href"]
                for mark in node.get("marks", [])
                if mark["type"] == "link"
            ),
            "",
        )
        words = str(node["text"])
        return f"{words} ({href})" if href and href != words else words
    if kind == "hardBreak":
        return "\n"
    if kind == "inlineCard":
        return str(node.get("attrs", {}).get("url", ""))
    inner = "".join(document_text(child) for child in node.get("content", []))
    if kind in ("paragraph", "heading", "codeBlock"):
        return inner + "\n"
    return f"- {inner}" if kind == "listItem" else inner


def as_document(value: Any) -> Json | None:
    """Show stored text as version 3 does."""
    if value is None or isinstance(value, dict):
        return value
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}]}
        for line in str(value).splitlines()
        if line
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}


def as_string(value: Any) -> str | None:
    """Show stored text as version 2 and webhooks do."""
    if value is None:
        return None
    return document_text(value).strip() if isinstance(value, dict) else str(value)
