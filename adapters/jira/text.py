"""Neutral blocks as Jira text: ADF documents for Cloud, wiki markup for Data Center.

Whatever a customer wrote stays text: it mentions nobody, embeds nothing, links nowhere
and cannot leave its quote. Reading marks back out of comments is here too; calls are
not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from connector.models import Block, BlockKind

#: Jira takes 32 767 characters and does not say how it counts them.
BODY_LIMIT = 30_000
LINE_LIMIT = 255
HREF_LIMIT = 2_000
CUT = "…"

#: Begins and ends a panel in wiki markup.
PANEL = "{panel}"

Built = TypeVar("Built")

# What XML and databases refuse, and halves of characters that are none alone.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_BREAKS = re.compile(r"\r\n?|[\x85\u2028\u2029]")

# Marks between two letters are no markup (e-mail, snake_case): left readable.
_MARKUP = re.compile(
    r"""
      (?P<entity> \\                    # two of them would be a line break
        | & (?= \#? \w+ ; )
        | : (?= // ) | (?<= mailto ) :  # bare addresses become links
        | (?<= ^h[1-6] ) \. | (?<= ^bq ) \.
      )
    | [{}\[\]!*^~|\#]
    | (?<! \w ) [-_+] | [-_+] (?! \w )
    | \? (?= \? ) | (?<= \? ) \?
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_UNSAFE_IN_ALIAS = re.compile(r"[\[\]{}|\\^~!]")


def mark_block(mark: str) -> Block:
    """Return the visible line by which a comment of ours is found again."""
    return Block(BlockKind.PARAGRAPH, f"Ref. {mark}")


def has_mark(body: object, mark: str) -> bool:
    """Tell whether a comment, in either form, has a line with just the mark."""
    block = mark_block(mark)
    lines = {line.strip() for line in plain_text(body).splitlines()}
    return bool(lines & {block.text, _wiki((block,))})


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """Make one line of at most ``limit`` characters, as Jira counts them."""
    return _cut(" ".join(_clean(text).split()), limit)


def adf(blocks: Sequence[Block], tail: Sequence[Block] = ()) -> dict[str, Any]:
    """Render for Cloud. ``tail`` is kept whole when the rest has to be cut."""
    return _within(
        blocks,
        lambda kept: _adf((*kept, *tail)),
        lambda document: length(json.dumps(document, ensure_ascii=False)),
    )


def wiki(blocks: Sequence[Block], tail: Sequence[Block] = ()) -> str:
    """Render for Data Center. ``tail`` is kept whole when the rest has to be cut."""
    return _within(blocks, lambda kept: _wiki((*kept, *tail)), length)


# -- length --


def _within(
    blocks: Sequence[Block],
    build: Callable[[Sequence[Block]], Built],
    size: Callable[[Built], int],
) -> Built:
    """Build from as much of ``blocks`` as fits: escaping can double a text."""
    cleaned = [block._replace(text=_clean(block.text).strip()) for block in blocks]
    kept = [block for block in cleaned if block.text]
    budget = sum(length(block.text) for block in kept)
    while True:
        built = build(kept)
        measured = size(built)
        if measured <= BODY_LIMIT or not kept:
            return built
        budget = min(budget * BODY_LIMIT // measured, budget - 1)
        kept = _shorten(kept, budget)


#: What is cut first, and what only if there is no other way: links lead to the rest.
_CUT_ORDER: tuple[Callable[[Block], bool], ...] = (
    lambda block: block.kind is BlockKind.QUOTE,
    lambda block: not block.href,
    lambda block: True,
)


def _shorten(blocks: Sequence[Block], budget: int) -> list[Block]:
    for may_cut in _CUT_ORDER:
        room = budget - sum(length(each.text) for each in blocks if not may_cut(each))
        if room > 0:
            return _cut_some(blocks, may_cut, room)
    return []


def _cut_some(
    blocks: Iterable[Block], may_cut: Callable[[Block], bool], room: int
) -> list[Block]:
    kept: list[Block] = []
    for block in blocks:
        if not may_cut(block):
            kept.append(block)
        elif room > 0:
            kept.append(block._replace(text=_cut(block.text, room)))
            room -= length(block.text)
    return kept


def _cut(text: str, limit: int) -> str:
    if length(text) <= limit:
        return text
    room = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)]
    return room.decode("utf-16-le", "ignore").rstrip() + CUT


def length(text: str) -> int:
    """Count characters as Jira may: one outside the basic plane is two to Java."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("", _BREAKS.sub("\n", text))


def _safe_href(href: str) -> str:
    """Return ``href`` if it may be linked, else nothing."""
    if len(href) > HREF_LIMIT or _UNWRITABLE.search(href) or re.search(r"[\s\\]", href):
        return ""
    try:
        parts = urlsplit(href)
    except ValueError:
        return ""
    return href if parts.scheme in ("http", "https") and parts.netloc else ""


# -- ADF --


def _adf(blocks: Sequence[Block]) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for kind, group in groupby(blocks, key=lambda block: block.kind):
        nodes = [_ADF[kind](block) for block in group]
        if kind in (BlockKind.BULLET, BlockKind.FACT):
            nodes = [{"type": "bulletList", "content": nodes}]
        if kind is BlockKind.FACT:
            attrs = {"panelType": "info"}
            nodes = [{"type": "panel", "attrs": attrs, "content": nodes}]
        content.extend(nodes)
    return {"type": "doc", "version": 1, "content": content}


def _adf_heading(block: Block) -> dict[str, Any]:
    line = block._replace(text=" ".join(block.text.split()))
    return {"type": "heading", "attrs": {"level": 3}, "content": _adf_inline(line)}


def _adf_paragraph(block: Block) -> dict[str, Any]:
    return {"type": "paragraph", "content": _adf_inline(block)}


def _adf_bullet(block: Block) -> dict[str, Any]:
    return {"type": "listItem", "content": [_adf_paragraph(block)]}


def _adf_quote(block: Block) -> dict[str, Any]:
    return {"type": "blockquote", "content": [_adf_paragraph(block)]}


_ADF = {
    BlockKind.HEADING: _adf_heading,
    BlockKind.PARAGRAPH: _adf_paragraph,
    BlockKind.BULLET: _adf_bullet,
    BlockKind.QUOTE: _adf_quote,
    BlockKind.FACT: _adf_bullet,
}


def _adf_inline(block: Block) -> list[dict[str, Any]]:
    href = _safe_href(block.href)
    marks = {"marks": [{"type": "link", "attrs": {"href": href}}]} if href else {}
    nodes: list[dict[str, Any]] = []
    for number, line in enumerate(block.text.split("\n")):
        if number:
            nodes.append({"type": "hardBreak"})
        if line:  # Jira refuses a text node without text
            nodes.append({"type": "text", "text": line, **marks})
    return nodes


# -- wiki markup --


def _wiki(blocks: Sequence[Block]) -> str:
    parts: list[str] = []
    for kind, group in groupby(blocks, key=lambda block: block.kind):
        glue = "\n" if kind in (BlockKind.BULLET, BlockKind.FACT) else "\n\n"
        part = glue.join(_WIKI[kind](block) for block in group)
        parts.append(f"{PANEL}\n{part}\n{PANEL}" if kind is BlockKind.FACT else part)
    return "\n\n".join(parts)


def _wiki_line(block: Block) -> str:
    return _wiki_paragraph(block._replace(text=" ".join(block.text.split())))


def _wiki_paragraph(block: Block) -> str:
    href = _safe_href(block.href)
    if not href:
        return _escape(block.text)
    alias = _escape(" ".join(_UNSAFE_IN_ALIAS.sub(" ", block.text).split())) or "link"
    return f"[{alias}|{quote(href, safe=_URL_SAFE)}]"


def _wiki_quote(block: Block) -> str:
    # Inside noformat nothing is markup but its own end. Breaking every brace also
    # breaks macros that older renderers look for there; Data Center tells people
    # about mentions from the raw text, whatever surrounds them.
    text = block.text.replace("{", "{ ").replace("[~", "[ ~")
    return "{noformat}\n" + text + "\n{noformat}"


_WIKI: dict[BlockKind, Callable[[Block], str]] = {
    BlockKind.HEADING: lambda block: "h3. " + _wiki_line(block),
    BlockKind.PARAGRAPH: _wiki_paragraph,
    BlockKind.BULLET: lambda block: "* " + _wiki_line(block),
    BlockKind.QUOTE: _wiki_quote,
    BlockKind.FACT: lambda block: "* " + _wiki_line(block),
}

# Everything an address may hold, but for what ends or starts markup.
_URL_SAFE = "%:/?#@$&'()+,;=-._"


def _escape(text: str) -> str:
    # Markup at the start of a line may be indented.
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return _MARKUP.sub(_escaped, lines)


def _escaped(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};" if match["entity"] else f"\\{match[0]}"


# -- reading --


def plain_text(body: object) -> str:
    """Return the text of an ADF document or a wiki body, one block a line."""
    if isinstance(body, str):
        return body
    parts: list[str] = []
    waiting: list[Any] = [body]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        text = node.get("text")
        parts.append(text if isinstance(text, str) else "\n")
        content = node.get("content")
        waiting.extend(reversed(content) if isinstance(content, list) else ())
    return "".join(parts)
