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
from connector.models import Block, BlockKind, IssueChange

BEGIN = "▼ Complaint Connector ▼"
END = "▲ Complaint Connector ▲"

#: What our own part of a document consists of; anything else is somebody's.
PLAIN = frozenset({"panel", "paragraph", "bulletList", "listItem", "text", "hardBreak"})

#: What a panel may stand in; in anything else somebody moved us to, there is none.
ROOMS = frozenset({"doc", "expand", "layoutColumn", "tableCell", "tableHeader"})

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_DRESSING = re.compile(r"^[\s*#-]+|\\")
_LINKED = re.compile(r"\[([^\]|]*)\|[^\]|]*\]")
_PANEL = re.compile(r"\{panel(:[^}]*)?\}")


def framed(
    lines: Sequence[str],
    address: str = "",
    as_of: str = "",
    kind: BlockKind = BlockKind.FACT,
) -> tuple[Block, ...]:
    """Return lines with their marks, for the description of a new issue."""
    first, *others = (Block(kind, line) for line in (*lines, as_of) if line)
    begin, end = (Block(BlockKind.PARAGRAPH, mark) for mark in (BEGIN, END))
    return (begin, first._replace(href=address), *others, end)


def renewed(description: object, change: IssueChange) -> Any | None:
    """Return a description with our lines renewed; None: there is nothing to write.

    Nothing but lines of ours, of now or before, is lost, and outside the marks nothing
    is touched.
    """
    written = (*change.counts, change.as_of, *change.known_counts)
    ours = frozenset(map(_bare, written))
    if isinstance(description, str):
        found: Any = _text(description, change, ours)
    elif isinstance(description, dict):
        found = _document(description, change, ours)
    else:
        return None
    return None if found == description else found


def _fresh(change: IssueChange, has_room: bool) -> tuple[Block, ...]:
    """Return our lines, in a panel where there is room for one."""
    kind = BlockKind.FACT if has_room else BlockKind.BULLET
    return framed(change.counts, change.address, change.as_of, kind)


def _are_there(said: Sequence[str], change: IssueChange) -> bool:
    """Tell whether our lines are those, whatever the last says of when they are."""
    *before, last = said or [""]
    name, _, _ = change.as_of.partition(":")
    is_when = bool(name) and last.startswith(f"{name}:")
    return (before if is_when else list(said)) == list(change.counts)


def _bare(text: str) -> str:
    """Return a line without what editors put around it."""
    return " ".join(_DRESSING.sub("", _LINKED.sub(r"\1", text)).split())


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


def _text(text: str, change: IssueChange, ours: Collection[str]) -> str:
    # Line by line, ends included: browsers send other ends than we do.
    parts = _LINES.findall(text)
    found = _between([_bare(part) for part in parts])
    if found is None:
        return text
    begin, end = found
    inside = [part for part in parts[begin + 1 : end] if _bare(part)]
    said = [bare for part in inside if not _PANEL.fullmatch(bare := _bare(part))]
    if _are_there(said, change):
        return text
    stop = "\r\n" if parts[begin].endswith("\r\n") else "\n"
    # One panel ends another: in somebody's there is no room for ours.
    has_room = len(_PANEL.findall("".join(parts[:begin]))) % 2 == 0
    fresh = wiki(_fresh(change, has_room)).split("\n")[1:-1]
    theirs = _others(inside, ours)
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


def _others(inside: Sequence[str], ours: Collection[str]) -> list[str]:
    """Return what is not ours; a panel in which nothing else is left goes with it."""
    left: list[str] = []
    begun: int | None = None
    for part in inside:
        bare = _bare(part)
        is_edge = _PANEL.fullmatch(bare)
        if is_edge and begun == len(left):
            left.pop()
        elif is_edge or bare not in ours:
            left.append(part)
        if is_edge:
            begun = len(left) if begun is None else None
    return left[:-1] if begun is not None and begun == len(left) else left


# -- documents --


def _document(
    document: Mapping[str, Any], change: IssueChange, ours: Collection[str]
) -> Mapping[str, Any]:
    def renew(inside: list[Any], room: str) -> tuple[list[Any], list[Any]]:
        if _are_there([line for node in inside for line in _said(node)], change):
            return inside, []
        fresh = adf(_fresh(change, room in ROOMS))["content"][1:-1]
        theirs = [left for node in inside if (left := _left(node, ours))]
        return fresh, theirs

    return _renewed(document, renew) or document


def _renewed(
    node: Mapping[str, Any],
    renew: Callable[[list[Any], str], tuple[list[Any], list[Any]]],
) -> Mapping[str, Any] | None:
    """Renew what is between the marks in ``node``, however deep; None: no marks."""
    content = node.get("content")
    if not isinstance(content, list):
        return None
    if found := _between([_mark(child) for child in content]):
        begin, end = found
        fresh, theirs = renew(content[begin + 1 : end], str(node.get("type")))
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
    if isinstance(node, dict) and node.get("type") in ("panel", "bulletList"):
        left = [_left(one, ours) for one in node.get("content", ())]
        items = [one for one in left if one]
        return {**node, "content": items} if items else None
    return None if _is_ours(node, ours) else node


def _is_ours(node: Any, ours: Collection[str]) -> bool:
    return _is_plain(node) and all(line in ours for line in _said(node))


def _is_plain(node: Any) -> bool:
    if not isinstance(node, dict) or node.get("type") not in PLAIN:
        return False
    content = node.get("content", ())
    return all(map(_is_plain, content)) if isinstance(content, (list, tuple)) else False
