"""The blocks of the configuration that begin with ``kind:``: sources and channels.

Which kinds there are, and what their settings are, is said beside the adapters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from adapters import channel_kinds, directory_kinds, kinds
from connector.config_clocks import ALWAYS
from connector.mistakes import describe
from connector.section import Section

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class Source(Section):
    """One block: the word for its kind, its calendar and its checked settings."""

    kind: str
    calendar: str = ALWAYS
    settings: Any


class Kind(Protocol):
    """What is known of a kind as far as its settings go."""

    @property
    def config(self) -> type[BaseModel]: ...


def sources(raw: object, problems: list[str]) -> dict[str, Source]:
    """Check the helpdesks and trackers; add what is wrong with them."""
    if raw is None or raw == {}:
        problems.append(
            "sources: missing; name at least one helpdesk, for example "
            "'sources: {support: {kind: helpscout, …}}'"
        )
        return {}
    if not isinstance(raw, dict):
        problems.append("sources: expected blocks such as 'support: {kind: helpscout}'")
        return {}
    use = "a source's name is part of its webhook address"
    blocks, calendars = {}, {}
    for name, block in raw.items():
        blocks[name] = dict(block) if isinstance(block, dict) else block
        # Not the vendor's: when people work is the house's own.
        if isinstance(block, dict) and "calendar" in block:
            calendars[str(name)] = blocks[name].pop("calendar")
            if not isinstance(block["calendar"], str):
                problems.append(f"sources.{name}.calendar: expected the name of one")
    checked = _blocks("sources", blocks, kinds(), use, problems)
    return {
        name: source.model_copy(update={"calendar": calendars.get(name, ALWAYS)})
        for name, source in checked.items()
    }


def notify(raw: object, problems: list[str]) -> object:
    """Check the channels; return the section with them, for the rest to be checked."""
    if not isinstance(raw, dict):
        return {} if raw is None else raw
    channels = raw.get("channels")
    if not isinstance(channels, dict):
        return {key: value for key, value in raw.items() if value is not None}
    use = "a channel's name is kept with what is sent"
    checked = _blocks("notify.channels", channels, channel_kinds(), use, problems)
    return {**raw, "channels": checked}


def directories(raw: object, problems: list[str]) -> object:
    """Check the directories of customers."""
    if not isinstance(raw, dict):
        return {} if raw is None else raw
    use = "a directory's name is shown to agents"
    return _blocks("directories", raw, directory_kinds(), use, problems)


def beside(block: object, folder: Path) -> object:
    """Let the path in a block begin where the configuration lies."""
    if isinstance(block, dict) and isinstance(block.get("path"), str):
        return {**block, "path": folder / block["path"]}
    return block


def _blocks(
    where: str,
    raw: Mapping[Any, object],
    known: Mapping[str, Kind],
    use: str,
    problems: list[str],
) -> dict[str, Source]:
    checked: dict[str, Source] = {}
    for name, block in raw.items():
        place = f"{where}.{name}"
        if not NAME.fullmatch(str(name)):
            problems.append(
                f"{place}: {use}; use lower-case letters, digits, '-' and '_'"
            )
        elif found := _block(place, block, known, problems):
            checked[str(name)] = found
    return checked


def _block(
    where: str, block: object, known: Mapping[str, Kind], problems: list[str]
) -> Source | None:
    if not isinstance(block, dict):
        problems.append(f"{where}: expected settings, beginning with 'kind:'")
        return None
    settings = dict(block)
    kind = settings.pop("kind", None)
    if not isinstance(kind, str) or kind not in known:
        said = "missing" if kind is None else f"{kind!r} is not known"
        problems.append(f"{where}.kind: {said}; use one of {', '.join(sorted(known))}")
        return None
    try:
        return Source(kind=kind, settings=known[kind].config.model_validate(settings))
    except ValidationError as err:
        problems += describe(err, where, known[kind].config)
        return None
