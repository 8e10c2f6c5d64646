"""What an issue says: its description, the quotes in it, the words of comments.

Texts are neutral blocks; excerpts and names are masked by what is called from here.
What is asked of a tracker, and when, is decided in ``connector.filing`` and
``connector.upkeep``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from sqlalchemy import Connection

from connector.grouping import Subject
from connector.models import Block, BlockKind
from connector.spans import in_words
from connector.store import corrections, members, timeline
from connector.store.schema import AnyRow
from rules.masking import excerpt

EXCERPTS = 5
TICKETS_LISTED = 20


#: A language we have no texts for, and the one its readers know best.
NEAREST = {"nn": "nb"}


@cache
def _words(language: str) -> dict[str, Any]:
    place = files("connector").joinpath("texts", "issue", f"{language}.yaml")
    found: dict[str, Any] = yaml.safe_load(place.read_text(encoding="utf-8"))
    return found


def say(language: str, name: str, **values: object) -> str:
    """Fill a text of an issue in the team's language."""
    text: str = _words(NEAREST.get(language, language))[name]
    return text.format(**values)


def customers(language: str, count: int) -> str:
    """Say how many customers, one of them too."""
    return say(
        language, "one_customer" if count == 1 else "some_customers", count=count
    )


def span(language: str, length: timedelta) -> str:
    """Say a time as people say it who speak the language."""
    number, _, unit = in_words(length).partition(" ")
    return f"{number} {_words(NEAREST.get(language, language))['units'][unit]}"


def kind(language: str, name: str) -> str:
    """Name a type of complaint."""
    return str(_words(NEAREST.get(language, language))["types"][name])


def paragraph(text: str) -> list[list[str]]:
    return stored([Block(BlockKind.PARAGRAPH, text)])


def title(language: str, found: Subject) -> str:
    """Name a problem in the team's language: its type, what it is about, and codes."""
    words = _words(NEAREST.get(language, language))
    named = [words["concepts"].get(one, one) for one in found.concepts]
    about = ", ".join([*named, *found.codes])
    return (
        f"{words['types'][found.kind]}: {about}"
        if about
        else words["types"][found.kind]
    )


def description(
    connection: Connection, language: str, group: AnyRow
) -> list[list[str]]:
    rows = members.tickets_of(connection, group.id)
    languages = sorted({row.language for row in rows if row.language})
    blocks = [
        Block(
            BlockKind.PARAGRAPH,
            # True for ever: later counts are fields, properties and comments.
            say(
                language,
                "filed",
                customers=customers(language, group.customers),
                tickets=group.tickets,
                first=f"{group.first_at:%Y-%m-%d %H:%M}",
                last=f"{group.last_at:%Y-%m-%d %H:%M}",
            ),
        ),
        Block(
            BlockKind.PARAGRAPH,
            say(language, "languages", languages=", ".join(languages))
            if languages
            else "",
        ),
        Block(BlockKind.PARAGRAPH, say(language, "because", reason=group.reason)),
        *_while_muted(connection, language, group),
        *evidence(language, rows),
    ]
    return stored(block for block in blocks if block.text)


def _while_muted(connection: Connection, language: str, group: AnyRow) -> list[Block]:
    """Say how many came while the problem was muted, if it was and any did."""
    began, end = timeline.last_mute(connection, group.id) or (None, None)
    if began is None or end is None or end.kind != timeline.UNMUTED:
        return []
    came = corrections.came_between(connection, group.id, began, end.at)
    if not came:
        return []
    text = say(
        language,
        "was_muted",
        came=customers(language, came),
        since=f"{began:%Y-%m-%d}",
    )
    return [Block(BlockKind.PARAGRAPH, text)]


def evidence(language: str, rows: Sequence[AnyRow]) -> list[Block]:
    """Quote the customers of these tickets, and list the tickets."""
    return [
        Block(BlockKind.HEADING, say(language, "quotes")),
        *(Block(BlockKind.QUOTE, text) for text in excerpts(rows)),
        Block(BlockKind.HEADING, say(language, "listed")),
        *(
            Block(BlockKind.BULLET, f"{row.source} {row.number}", row.url)
            for row in rows[:TICKETS_LISTED]
        ),
    ]


def excerpts(rows: Sequence[AnyRow]) -> list[str]:
    """Choose masked excerpts of different customers, languages taking turns."""
    by_language: dict[str, list[str]] = {}
    seen: set[int] = set()
    for row in rows:
        found = by_language.setdefault(row.language, [])
        if row.customer_id in seen or len(found) == EXCERPTS:
            continue  # masking takes its time, and there may be thousands
        seen.add(row.customer_id)
        text = excerpt(row.text, names=row.customer_name.split())
        if text:
            found.append(text)
    by_language = {language: found for language, found in by_language.items() if found}
    chosen: list[str] = []
    while by_language and len(chosen) < EXCERPTS:
        for language in list(by_language):
            chosen.append(by_language[language].pop(0))
            if not by_language[language]:
                del by_language[language]
    return chosen[:EXCERPTS]


def stored(blocks: Iterable[Block]) -> list[list[str]]:
    return [[block.kind, block.text, block.href] for block in blocks]
