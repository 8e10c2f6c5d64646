"""The words of reports, in the team's language; and reports as text people can read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from connector.issue_text import NEAREST
from connector.models import Block, BlockKind


@cache
def _words(language: str) -> dict[str, Any]:
    place = files("connector").joinpath("texts", "report", f"{language}.yaml")
    found: dict[str, Any] = yaml.safe_load(place.read_text(encoding="utf-8"))
    return found


def say(language: str, name: str, /, **values: object) -> str:
    """Fill a text of a report in the team's language."""
    text: str = _words(NEAREST.get(language, language))[name]
    return text.format(**values)


def promise(language: str, kind: str) -> str:
    """Name what customers are promised; a kind no pack has any more names itself."""
    return str(_words(NEAREST.get(language, language))["promises"].get(kind, kind))


def as_text(title: str, body: Iterable[Block]) -> str:
    lines = [title, "=" * len(title)]
    for block in body:
        if block.kind is BlockKind.HEADING:
            lines += ["", block.text, "-" * len(block.text)]
        else:
            before = "- " if block.kind is BlockKind.BULLET else ""
            after = f" {block.href}" if block.href else ""
            lines.append(f"{before}{block.text}{after}")
    return "\n".join(lines) + "\n"


def as_markdown(title: str, body: Iterable[Block]) -> str:
    """Write a report in Markdown; whatever signs a name has in it are only signs."""
    lines = [f"# {_plain(title)}", ""]
    for block in body:
        text = _plain(block.text)
        if block.href:
            text = f"[{text}](<{block.href}>)"
        if block.kind is BlockKind.HEADING:
            lines += ["", f"## {text}", ""]
        else:
            lines.append(f"- {text}" if block.kind is BlockKind.BULLET else text)
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    marked = "".join(f"\\{sign}" if sign in "\\`*_[]<>#|~" else sign for sign in text)
    return " ".join(marked.split())
