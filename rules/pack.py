"""Rule packs: what a language's words mean, read from YAML and compiled once.

A pack is a list of groups; a group is a name, effects and words. The words' small
notation (see ``notation``) is meant for people. Weighing hits is the job of ``judge``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import yaml
from pydantic import ValidationError

from connector.errors import ConfigError
from rules.composing import SHARED, compose
from rules.index import Hit, Index
from rules.packfile import Addition, Group, PackFile

_SILENCED = "says nothing here"
_TURNING = "(turning)"
_NOT = re.compile(r"\b\w+n't\b")


class _Words(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """Reads every scalar as text: to YAML, the words no, on and 24 are not words."""


class Reading(NamedTuple):
    """What a pack finds in a text."""

    hits: list[Hit]
    turns: list[tuple[int, int]]  #: places of words that deny or suppose what follows


@dataclass(frozen=True)
class Pack:
    """A language's groups, ready to search. Safe to share between threads."""

    spec: PackFile
    shared: tuple[Group, ...]  #: groups of all languages
    without: tuple[str, ...] = ()  #: what says nothing in any language

    @cached_property
    def _index(self) -> Index:
        groups = (*self.spec.groups, *self.shared, *self._silencing, *self._turning)
        return Index(groups)

    @cached_property
    def _silencing(self) -> tuple[Group, ...]:
        words = (*self.spec.without, *self.without)
        return (Group(name=_SILENCED, effects={}, words=words),) if words else ()

    @cached_property
    def _turning(self) -> tuple[Group, ...]:
        words = tuple(sorted(self.spec.negators | self.spec.conditions))
        return (Group(name=_TURNING, effects={}, words=words),) if words else ()

    def compile(self) -> Pack:
        """Build the index now, so that threads only read."""
        _ = self._index
        return self

    def search(self, folded: str) -> list[Hit]:
        """Find every group's words in folded text, in a stable order."""
        return self.read(folded).hits

    def read(self, folded: str) -> Reading:
        """Find every group's words, and those that turn what follows them."""
        hits = self._index.search(folded)
        hits.sort(key=lambda hit: (hit.start, hit.end, hit.group.name))
        turns = [hit[1:] for hit in hits if hit.group.name == _TURNING]
        if turns:
            hits = [hit for hit in hits if hit.group.name != _TURNING]
        if "n't" in folded:
            turns += [match.span() for match in _NOT.finditer(folded)]
            turns.sort()
        return Reading(_heard(hits) if self._silencing else hits, turns)


def _heard(hits: list[Hit]) -> list[Hit]:
    """Leave out what begins or ends in words that say nothing here."""
    silent = [hit for hit in hits if hit.group.name == _SILENCED]
    if not silent:
        return hits
    return [
        hit
        for hit in hits
        if not any(
            one.start <= hit.start < one.end or one.start < hit.end <= one.end
            for one in silent
        )
    ]


class Packs(NamedTuple):
    by_language: Mapping[str, Pack]
    version: str  #: short hash of the packs' text
    added: Mapping[str, str] = MappingProxyType({})  #: to the product's, by file


TRADES = ("shop", "saas", "hospitality")


def load_packs(trade: str = "", own: Path | None = None) -> Packs:
    """Read and compile the product's packs, a trade's words and those of a folder.

    Raises ``ConfigError``, which names the file and the key.
    """
    product = files("rules") / "packs"
    added = {}
    if trade:
        if trade not in TRADES:
            raise ConfigError("trade", [f"{trade!r} is none of {', '.join(TRADES)}"])
        texts = _texts(product / "trades" / trade)
        added = {f"{trade}/{name}": text for name, text in texts.items()}
    if own is not None:
        if not own.is_dir():
            raise ConfigError(str(own), ["is no folder; make it, or correct the path"])
        added |= {str(own / name): text for name, text in _texts(own).items()}
    return read_packs(_texts(product), added)


def packs_with(added: Mapping[str, str]) -> Packs:
    """Compile the product's packs with texts that were added to them, by file."""
    # A house has the last word over its trade.
    ours = sorted(added, key=lambda name: Path(name).parent.name not in TRADES)
    product = _texts(files("rules") / "packs")
    return read_packs(product, {name: added[name] for name in ours})


def words_before(trade: str) -> dict[str, PackFile]:
    """Return by language what an own folder adds to: the product's words, a trade's."""
    product = files("rules") / "packs"
    bases = [_read(*named, PackFile) for named in sorted(_texts(product).items())]
    added = _texts(product / "trades" / trade) if trade in TRADES else {}
    additions = {name: _read(name, text, Addition) for name, text in added.items()}
    return compose({base.language: base for base in bases}, additions)[0]


def _texts(folder: Traversable) -> dict[str, str]:
    return {
        entry.name: _text(entry)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    }


def _text(file: Traversable) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as err:
        raise ConfigError(str(file), ["is not UTF-8 text; save it as UTF-8"]) from err
    except OSError as err:
        raise ConfigError(str(file), [f"cannot be read: {err.strerror}"]) from err


def read_packs(
    texts: Mapping[str, str], added: Mapping[str, str] | None = None
) -> Packs:
    """Compile packs from YAML texts by file name, with what other files add to them.

    ``shared.yaml`` goes into all.
    """
    added = added or {}
    bases = [_read(name, texts[name], PackFile) for name in sorted(texts)]
    additions = {name: _read(name, added[name], Addition) for name in added}
    specs, mistakes = compose({base.language: base for base in bases}, additions)
    for name, wrong in mistakes.items():
        raise ConfigError(name, wrong)
    shared = specs.pop(SHARED, None)
    by_language: dict[str, Pack] = {}
    for spec in specs.values():
        of_all = (shared.groups, shared.without) if shared else ((), ())
        pack = Pack(spec, *of_all).compile()
        by_language.update(dict.fromkeys(spec.covers, pack))
    # By names alone: another machine may keep them in another folder.
    own = sorted((Path(name).name, text) for name, text in added.items())
    said = repr((sorted(texts.items()), own))
    return Packs(by_language, hashlib.sha256(said.encode()).hexdigest()[:12], added)


File = TypeVar("File", PackFile, Addition)


def _read(name: str, text: str, kind: type[File]) -> File:
    try:
        given = yaml.load(text, Loader=_Words)
    except (yaml.YAMLError, RecursionError) as err:
        raise ConfigError(name, [f"not YAML: {err}"]) from err
    try:
        return kind.model_validate(given)
    except ValidationError as err:
        problems = [
            f"{'.'.join(map(str, one['loc']))}: "
            f"{one['msg'].removeprefix('Value error, ')}"
            for one in err.errors()
        ]
        raise ConfigError(name, problems) from err
