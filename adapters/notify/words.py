"""A notice in plain text, for what shows text as it is."""

from __future__ import annotations

from adapters.words import plain
from connector.models import Block, BlockKind, Notice

_BEFORE = {BlockKind.BULLET: "- ", BlockKind.QUOTE: "> "}


def text(notice: Notice) -> str:
    """Return what a notice says, line by line; a link stands behind its words."""
    return "\n".join(line(block) for block in notice.body)


def line(block: Block) -> str:
    said = " ".join(plain(block.text).split())
    link = f" {block.href}" if block.href else ""
    return f"{_BEFORE.get(block.kind, '')}{said}{link}"


def one_line(said: str) -> str:
    """Return words without what would end a header or a heading."""
    return " ".join(plain(said).split())
