"""Markdown as the repository shows it, made into what the site's renderer reads.

The repository's pages are read as they are on the web too, so they keep to its dialect:
links lead to files, lists need no empty line before them and hang by their markers.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

LINK = re.compile(r"\[(?P<label>[^\[\]]*)\]\((?P<target>[^()\s]+)\)")
MARKER = re.compile(r"(?:[-*]|\d+\.) +")
HANG = 4  #: by how much the renderer wants what belongs to an item of a list


def for_site(text: str, source: str, pages: Mapping[str, str]) -> str:
    """Return a page for the site; ``pages`` says what became of each file."""
    shown = LINK.sub(lambda link: _link(link, source, pages), text)
    return "\n".join(_hung(shown.splitlines())) + "\n"


def outside(text: str) -> set[str]:
    """Return the addresses on the web that a page links to."""
    return {link["target"] for link in LINK.finditer(text) if "://" in link["target"]}


def _link(link: re.Match[str], source: str, pages: Mapping[str, str]) -> str:
    """Lead to the page of a file; what has none is in the repository, by its name."""
    label, (path, sign, heading) = link["label"], link["target"].partition("#")
    if "://" in path or not path:
        return link[0]
    folder = posixpath.dirname(source)
    file = posixpath.normpath(posixpath.join(folder, path))
    if file not in pages:
        named = label.strip("`") in file
        return f"`{file}`" if named else f"{label} (`{file}`)"
    here = posixpath.dirname(pages[source])
    return f"[{label}]({posixpath.relpath(pages[file], here)}{sign}{heading})"


def _hung(lines: list[str]) -> Iterator[str]:
    """Put an empty line before each list, and deeper in what belongs to its items."""
    width, fenced, loose, before = 0, False, False, ""
    for line in lines:
        marker = MARKER.match(line)
        if line.startswith("```"):
            fenced, width = not fenced, 0
        elif fenced:
            pass
        elif marker:
            if before and (loose or not width):
                yield ""
            width, loose = marker.end(), False
        elif line and not line.startswith(" "):
            # A line that goes on at the margin is still the item's.
            width = width if before else 0
        elif width and line.startswith(" " * width):
            loose = loose or not before
            line = " " * max(0, HANG - width) + line
        yield line
        before = line
