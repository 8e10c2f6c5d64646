"""The registry of vendors: our own, and those that other packages register.

A package offers a vendor by an entry point in the group ``connector.adapters`` whose
object is an ``AdapterKind``. It cannot replace a built-in one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from pydantic import BaseModel

from adapters.base import Adapter, Channel, Directory
from connector.errors import ConnectorError
from connector.models import Topic

GROUP = "connector.adapters"
BUILT_IN = ("helpscout", "zendesk", "jira", "generic", "memory")


class Choice(NamedTuple):
    """Something that an answer can be: what is kept of it, and what people call it."""

    key: str
    name: str


#: Lists what can be chosen, given the answers so far. Raises ``VendorError``.
Offers = Callable[[Mapping[str, Any]], Iterable[Choice]]


@dataclass(frozen=True, slots=True)
class Question:
    """A setting that ``init`` cannot find out by itself.

    ``where`` says where to click for it. ``secret``: it goes into the secrets file.
    ``made``: nobody is asked, a random value of ``made`` hexadecimal digits is taken.
    ``only``: asked only if an earlier setting has that value. ``many``: a list, typed
    with commas; ``optional``: it may be empty. ``offers`` asks the vendor what there is
    to choose from; an answer that is not among it can be typed all the same.
    """

    key: str
    text: str
    where: str = ""
    example: str = ""
    choices: tuple[str, ...] = ()
    secret: bool = False
    made: int = 0
    only: tuple[str, str] | None = None
    many: bool = False
    optional: bool = False
    default: str = ""
    offers: Offers | None = None


@dataclass(frozen=True, slots=True)
class AdapterKind:
    """A vendor: the word in the configuration, its settings, and how to build one.

    A tracker's ``place`` asks where new issues go: ``project`` and ``issue_type``.

    A kind without ``questions`` is not offered by ``init``; ``is_tracker`` says for
    which of the two places it is. Of a source with given settings ``takes_writes``
    tells whether anything can be written there, and ``shows_issues`` whether issues are
    to be shown on its tickets (which takes a ``Shower``). ``gathers_tickets``: those of
    a problem get a ticket above them (which takes a ``Gatherer``). ``topics`` are those
    that fields of its tickets are to be kept at (which takes a ``FieldWriter``).
    ``plans_messages``: it is a ``Planner``; ``has_priorities``: a ``Hastener``;
    ``has_places``: a ``Router``.
    """

    kind: str
    config: type[BaseModel]
    build: Callable[[str, Any], Adapter]
    title: str = ""
    questions: tuple[Question, ...] = ()
    is_tracker: bool = False
    place: tuple[Question, ...] = ()
    takes_writes: Callable[[Any], bool] = lambda settings: True
    shows_issues: Callable[[Any], bool] = lambda settings: False
    gathers_tickets: Callable[[Any], bool] = lambda settings: False
    topics: Callable[[Any], Collection[Topic]] = lambda settings: ()
    plans_messages: bool = False
    has_priorities: bool = False
    has_places: bool = False


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """A way to reach people of the house: its word, its settings, how to build one."""

    kind: str
    config: type[BaseModel]
    build: Callable[[str, Any], Channel]


@dataclass(frozen=True, slots=True)
class DirectoryKind:
    """A way to look customers up: its word, its settings, how to build one."""

    kind: str
    config: type[BaseModel]
    build: Callable[[str, Any], Directory]


@cache
def directory_kinds() -> Mapping[str, DirectoryKind]:
    """Return every known kind of directory by its ``kind``."""
    offered = import_module("adapters.directory").KINDS
    return {kind.kind: kind for kind in offered}


@cache
def channel_kinds() -> Mapping[str, ChannelKind]:
    """Return every known kind of channel by its ``kind``."""
    offered = import_module("adapters.notify").KINDS
    return {kind.kind: kind for kind in offered}


@cache
def kinds() -> Mapping[str, AdapterKind]:
    """Return every known vendor by its ``kind``."""
    found: dict[str, AdapterKind] = {}
    for folder in BUILT_IN:
        found |= {kind.kind: kind for kind in _offered(folder)}
    for point in entry_points(group=GROUP):
        offered = point.load()
        if not isinstance(offered, AdapterKind):
            raise ConnectorError(
                f"entry point {point.name!r} ({point.value}) is not an AdapterKind"
            )
        if offered.kind in found:
            raise ConnectorError(
                f"entry point {point.name!r} ({point.value}) offers the kind "
                f"{offered.kind!r}, which is taken"
            )
        found[offered.kind] = offered
    return found


def _offered(folder: str) -> tuple[AdapterKind, ...]:
    """Return what a folder of ours offers: ``KINDS``, or the one ``KIND``."""
    module = import_module(f"adapters.{folder}")
    offered: tuple[AdapterKind, ...] = getattr(module, "KINDS", ()) or (module.KIND,)
    return offered
