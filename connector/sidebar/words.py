"""What the sidebar says, in the languages of agents: one file each in ``words``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from typing import Any

import yaml
from flask import Request

LANGUAGES = ("en", "nb", "fi")

#: What browsers ask for, and we have as something near to it.
NEAREST = {"no": "nb", "nn": "nb"}


def language(request: Request) -> str:
    """Return the language of the browser that asks, if we speak it."""
    known = [*LANGUAGES, *NEAREST]
    found = request.accept_languages.best_match(known, "en")
    return NEAREST.get(found, found)


def speaker(language: str) -> Callable[..., str]:
    return partial(say, language)


def say(language: str, name: str, **values: object) -> str:
    """Fill a text; ``part.name`` is one of a part, and if unknown its own word."""
    part, _, key = name.rpartition(".")
    spoken = all_words(language)
    text: str = spoken[part].get(key, key.replace("_", " ")) if part else spoken[key]
    return text.format(**values)


@cache
def all_words(language: str) -> dict[str, Any]:
    place = files("connector").joinpath("sidebar", "words", f"{language}.yaml")
    found: dict[str, Any] = yaml.safe_load(place.read_text(encoding="utf-8"))
    return found
