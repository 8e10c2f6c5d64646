"""Tags of a conversation: how they are read, and the whole list to write. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adapters.helpscout.shapes import (
    Json,
    as_object,
    text_of,
)
from adapters.words import plain


def tags_of(conversation: Json) -> list[str] | None:
    """Return the tags as they are spelled; None if they cannot be told for certain.

    None must stop a write: the vendor takes whole lists, so a tag that was not
    understood would be removed by it.
    """
    items = conversation.get("tags")
    if not isinstance(items, list):
        return None
    names = [_tag_name(item) for item in items]
    return None if "" in names else names


def refused_tags(tags: Iterable[str]) -> dict[str, str]:
    """Return which tags Help Scout would take for two."""
    why = "contains a comma, which parts tags"
    return {tag: why for tag in sorted(tags) if "," in tag}


def merge_tags(
    existing: Sequence[str], add: Iterable[str], remove: Iterable[str]
) -> list[str]:
    """Return the whole list to write; keeps the spelling of what is there already.

    New ones are written in lower case, as the vendor's own pages do. So what is to be
    removed and is spelled otherwise is not what we wrote: a person's, and it stays.
    """
    ours = {_one_line(tag).lower() for tag in remove}
    kept = [tag for tag in existing if _one_line(tag) not in ours]
    taken = {_fold(tag) for tag in (*ours, *kept)}
    return kept + sorted({tag.lower() for tag in add if _fold(tag) not in taken})


def _tag_name(item: object) -> str:
    if isinstance(item, str):
        return plain(item)
    tag = as_object(item)
    return text_of(tag.get("tag") or tag.get("name") or tag.get("slug"))


def _one_line(tag: str) -> str:
    return " ".join(tag.split())


def _fold(tag: str) -> str:
    return _one_line(tag).casefold()
