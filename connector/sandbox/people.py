"""Sample customers and their mail, for the demo and for tests. The text is data."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

INCIDENT = "incident-discount"


class Letter(BaseModel):
    """One mail. ``kind`` and ``type`` say how a careful reader would file it.

    ``group`` is set where several mails are about one and the same problem.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    lang: Literal["en", "nb", "nn", "fi"]
    kind: Literal["complaint", "thanks", "question", "auto_reply", "other"]
    type: str = ""
    email: str
    name: str
    subject: str
    text: str
    group: str = ""
    organization: str = ""
    hints: tuple[str, ...] = ()


@cache
def all_letters() -> tuple[Letter, ...]:
    """Return every letter, in the order of the file."""
    source = files("connector.sandbox").joinpath("letters.yaml")
    rows = yaml.safe_load(source.read_text(encoding="utf-8"))
    return tuple(Letter.model_validate(row) for row in rows)


def letters(seed: int) -> Iterator[Letter]:
    """Yield every letter that belongs to no incident once, shuffled."""
    mixed = [letter for letter in all_letters() if not letter.group]
    random.Random(seed).shuffle(mixed)
    yield from mixed


def incident(group: str = INCIDENT) -> tuple[Letter, ...]:
    """Return the mails about one problem, in the order they should arrive."""
    return tuple(letter for letter in all_letters() if letter.group == group)
