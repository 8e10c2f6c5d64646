"""Our lines in an issue's description, between two marks; all the rest is people's.

Pure. The marks are words a person can see, because nothing else survives the editors of
both flavours. Whoever takes one of them away has taken our lines away, for good. What
somebody wrote between them is moved below them when our lines are written again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from adapters.jira.text import adf, plain_text, wiki
from connector.models import Block, BlockKind

BEGIN = "▼ Complaint Connector ▼"
END = "▲ Complaint Connector ▲"

#: What our own part of a document consists of; anything else is somebody's.
PLAIN = frozenset({"paragraph", "bulletList", "listItem", "text", "hardBreak"})

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_DRESSING = re.compile(r"^[\s*#-]+|\\")


def framed(lines: Sequence[str]) -> tuple[Block, ...]:
    """Return lines with their marks, for the description of a new issue."""
    inside = (Block(BlockKind.BULLET, line) for line in lines)
    begin, end = (Block(BlockKind.PARAGRAPH, mark) for mark in (BEGIN, END))
    return (begin, *inside, end)


def renewed(
    description: object, lines: Sequence[str], known: Collection[str]
) -> Any | None:
    """Return a description with our lines renewed; None: there is nothing to write.

    ``known`` are lines that we may have written before. Nothing else is lost, and
    outside the marks nothing is touched.
    """
    ours = frozenset(map(_bare, (*lines, *known)))
    if isinstance(description, str):
        found: Any = _text(description, lines, ours)
    elif isinstance(description, dict):
        found = _document(description, lines, ours)
    else:
        return None
    return None if found == description else found


def _bare(text: str) -> str:
    """Return a line without what editors put around it."""
    return " ".join(_DRESSING.sub("", text).split())


def _between(places: Sequence[str]) -> tuple[int, int] | None:
    """Find the marks, which stand alone: the nearest two that belong together."""
    begin = None
    for place, text in enumerate(places):
        if text == BEGIN:
            begin = place
        elif text == END and begin is not None:
            return begin, place
    return None


# -- wiki markup --


def _text(text: str, lines: Sequence[str], ours: Collection[str]) -> str:
    # Line by line, ends included: browsers send other ends than we do.
    parts = _LINES.findall(text)
    found = _between([_bare(part) for part in parts])
    if found is None:
        return text
    begin, end = found
    inside = [part for part in parts[begin + 1 : end] if _bare(part)]
    if [_bare(part) for part in inside] == list(lines):
        return text
    stop = "\r\n" if parts[begin].endswith("\r\n") else "\n"
    fresh = wiki(framed(lines)).split("\n")[1:-1]
    theirs = [part for part in inside if _bare(part) not in ours]
    last = parts[end]
    if theirs and not last.endswith("\n"):
        last += stop
    return "".join(
        [
            *parts[: begin + 1],
            *(line + stop for line in fresh),
            last,
            *([stop] if theirs else []),
            *theirs,
            *parts[end + 1 :],
        ]
    )


# -- documents --


def _document(
    document: Mapping[str, Any], lines: Sequence[str], ours: Collection[str]
) -> Mapping[str, Any]:
    def renew(inside: list[Any]) -> tuple[list[Any], list[Any]]:
        if [line for node in inside for line in _said(node)] == list(lines):
            return inside, []
        fresh = adf(framed(lines))["content"][1:-1]
        theirs = [left for node in inside if (left := _left(node, ours))]
        return fresh, theirs

    return _renewed(document, renew) or document


def _renewed(
    node: Mapping[str, Any],
    renew: Callable[[list[Any]], tuple[list[Any], list[Any]]],
) -> Mapping[str, Any] | None:
    """Renew what is between the marks in ``node``, however deep; None: no marks."""
    content = node.get("content")
    if not isinstance(content, list):
        return None
    if found := _between([_mark(child) for child in content]):
        begin, end = found
        fresh, theirs = renew(content[begin + 1 : end])
        before, after = content[: begin + 1], content[end + 1 :]
        return {**node, "content": [*before, *fresh, content[end], *theirs, *after]}
    for place, child in enumerate(content):
        inner = _renewed(child, renew) if isinstance(child, dict) else None
        if inner is not None:
            return {**node, "content": [*content[:place], inner, *content[place + 1 :]]}
    return None


def _mark(node: Any) -> str:
    is_line = isinstance(node, dict) and node.get("type") == "paragraph"
    return _bare(plain_text(node)) if is_line else ""


def _said(node: Any) -> list[str]:
    if not _is_plain(node):
        return ["…"]  # no line of ours
    return [bare for line in plain_text(node).splitlines() if (bare := _bare(line))]


def _left(node: Any, ours: Collection[str]) -> Any | None:
    """Return what of a node is not ours."""
    if isinstance(node, dict) and node.get("type") == "bulletList":
        items = [item for item in node.get("content", ()) if not _is_ours(item, ours)]
        return {**node, "content": items} if items else None
    return None if _is_ours(node, ours) else node


def _is_ours(node: Any, ours: Collection[str]) -> bool:
    return _is_plain(node) and all(line in ours for line in _said(node))


def _is_plain(node: Any) -> bool:
    if not isinstance(node, dict) or node.get("type") not in PLAIN:
        return False
    content = node.get("content", ())
    return all(map(_is_plain, content)) if isinstance(content, (list, tuple)) else False
