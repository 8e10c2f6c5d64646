"""What customers are written: texts by kind, language and persona.

The built-in ones are in ``connector/texts``; a folder of an admin's own goes before
them. What is said to whom, and when, is decided elsewhere; what makes a text a poor one
is ``connector.text_lint``'s part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

FALLBACK = "en"

#: Languages that customers are answered in, if they write them.
LANGUAGES = ("en", "nb", "nn", "fi", "sv", "da", "de")

#: Personas that may have a text of their own, the first one that is true of somebody.
PERSONAS = ("premium", "outspoken")

#: What every text may use.
COMMON: Mapping[str, str] = {
    "subject": "the subject of the customer's ticket",
    "number": "the ticket's number, as agents and customers see it",
    "signature": "messages.signature of the configuration; may be empty",
}

#: The kinds of texts, and what each may use.
KINDS: Mapping[str, Mapping[str, str]] = {
    "fixed": {
        **COMMON,
        "said_did": "“You said – we did”: the type of the problem, how many customers "
        "told us of it, the day of the fix; empty for a type that says nothing",
    },
    "checkin": COMMON,
    "acknowledged": {
        **COMMON,
        "hours": "whole hours until the answer; empty if it is said in days",
        "days": "whole days until the answer, if they are more than two; else empty",
    },
}


class Text(NamedTuple):
    """A text with its gaps filled. ``version`` says which one it was, word for word."""

    words: str
    version: str


Texts = Mapping[str, Mapping[str, str]]

environment = SandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)


def fill(
    folder: str,
    kind: str,
    language: str,
    personas: Collection[str] = (),
    **values: str,
) -> Text:
    """Fill a text; a variable it does not know is an error, not a gap.

    ``folder`` holds an admin's own texts; empty: there are none. ``language`` is one
    that ``text_language`` returned.
    """
    known = all_texts(folder)[language]
    named = (f"{kind}.{one}" for one in PERSONAS if one in personas)
    name = next((one for one in named if one in known), kind)
    source = known[name]
    words = environment.from_string(source).render(**values).strip()
    content = hashlib.sha256(source.encode()).hexdigest()[:12]
    return Text(words, f"{language}/{name}@{content}")


def said_did(language: str, kind: str, customers: int, day: date) -> str:
    """Say in a customer's language what customers said, and when it was put right.

    Only what any customer may know: neither the words of one, nor ours about it.
    ``language`` is one that ``text_language`` returned.
    """
    words = _said(language)
    if kind not in words["types"]:
        return ""
    many = words["one_customer"] if customers == 1 else words["some_customers"]
    line: str = words["line"]
    return line.format(
        what=words["types"][kind],
        customers=many.format(count=customers),
        day=words["day"].format(day),
    )


@cache
def _said(language: str) -> dict[str, Any]:
    file = built_in().joinpath("said", f"{language}.yaml")
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def text_language(language: str) -> str:
    """Return the language to write in for a customer who wrote ``language``."""
    return language if language in LANGUAGES else FALLBACK


@cache
def all_texts(folder: str) -> Texts:
    """Return every text by language and name, an admin's own before ours.

    Who writes a text of a kind anew has written it for all personas, but for those they
    name themselves.
    """
    found = {name: dict(texts) for name, texts in _read(built_in())}
    for language, theirs in _read(Path(folder)) if folder else ():
        texts = found.setdefault(language, {})
        anew = {name for name in theirs if "." not in name}
        for name in [one for one in texts if one.partition(".")[0] in anew]:
            del texts[name]
        texts.update(theirs)
    return found


def _read(folder: Traversable) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each language's texts in a folder; ``text_lint`` has found them sound."""
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".yaml"):
            texts = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            named = {str(name): str(words) for name, words in texts.items()}
            yield file.name.removesuffix(".yaml"), named


def built_in() -> Traversable:
    """Return the folder of our own texts."""
    return files("connector").joinpath("texts")
