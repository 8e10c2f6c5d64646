"""The words of the tables that pages show, so that they are translated like the rest.

Texts of templates and of code are found where they stand; these come out of the
database or the configuration, and only here is it known which there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, get_args

from adapters import Question
from connector import callbacks, imports, packs, questions
from connector.config import Autonomy
from connector.dashboard.errands import State
from connector.dashboard.pages import MENU, spoken
from connector.models import (
    DeliveryState,
    GroupState,
    Level,
    Mode,
    Operation,
    OutboxState,
    Role,
    TicketStatus,
)
from connector.store.broadcasts import BroadcastState
from connector.store.checkins import CheckinState
from connector.store.clocks import ClockState
from connector.store.tasks import TaskKind
from connector.store.tickets import TagState
from rules.verdict import PERSONAS, Band, Urgency

_STATES: tuple[type[StrEnum], ...] = (
    BroadcastState,
    CheckinState,
    ClockState,
    DeliveryState,
    GroupState,
    Level,
    Mode,
    Operation,
    OutboxState,
    Role,
    State,
    TagState,
    TaskKind,
    TicketStatus,
    imports.State,
)

#: What may have happened to a problem.
EVENTS = (
    "allowed",
    "approval",
    "approved",
    "asked for",
    "came",
    "cancelled",
    "closed",
    "declined",
    "done",
    "duplicate",
    "erased",
    "filed",
    "fixed",
    "issue gone",
    "kept apart",
    "left",
    "linked",
    "merged",
    "moved",
    "muted",
    "not filed",
    "reconsidered",
    "renamed",
    "reopened",
    "returned",
    "seen again",
    "split off",
    "unlinked",
    "unmuted",
)


def _asked() -> set[str]:
    """Return what vendors ask while they are set up."""
    known = {**questions.offered(False), **questions.offered(True)}
    asked: list[Question] = list(questions.PLACE)
    for kind in known.values():
        asked += [one for one in (*kind.questions, *kind.place) if not one.made]
    texts = {text for one in asked for text in (one.text, one.where) if text}
    return texts | {spoken(choice) for one in asked for choice in one.choices}


def words() -> list[str]:
    """Return the words as they stand in the catalogues."""
    promised = (
        promise.kind for pack in packs.packs().values() for promise in pack.promises
    )
    found = {
        *(str(one) for states in _STATES for one in states),
        *(name for name in Autonomy.model_fields if name != "stop"),
        *get_args(Band),
        *get_args(Urgency),
        *EVENTS,
        *PERSONAS,
        *(callbacks.WELL, callbacks.UNSEEN, callbacks.UNWATCHED),
        *promised,
    }
    return sorted({*map(spoken, found), *_asked(), *(title for _, title in MENU)})


def extract(*_: Any, **__: Any) -> Iterator[tuple[int, str, str, list[str]]]:
    """Give the words to Babel, which is told of this in ``pyproject.toml``."""
    yield from ((0, "gettext", word, []) for word in words())
