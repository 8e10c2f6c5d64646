"""Rule packs: what a language's words mean, read from YAML and compiled once.

A pack is a list of groups; a group is a name, effects and words. The words' small
notation (see ``notation``) is meant for people. Weighing hits is the job of ``judge``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from connector.errors import ConfigError
from rules.index import Hit, Index
from rules.packfile import Group, PackFile


class _Words(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """Reads every scalar as text: to YAML, the words no, on and 24 are not words."""


@dataclass(frozen=True)
class Pack:
    """A language's groups, ready to search. Safe to share between threads."""

    spec: PackFile
    shared: tuple[Group, ...]  #: groups of all languages

    @cached_property
    def _index(self) -> Index:
        return Index((*self.spec.groups, *self.shared))

    @cached_property
    def turning(self) -> re.Pattern[str]:
        """Match the words that deny or suppose what follows them."""
        words = map(re.escape, sorted(self.spec.negators | self.spec.conditions))
        return re.compile(r"\b(?:" + "|".join([*words, r"\w+n't"]) + r")\b")

    def compile(self) -> Pack:
        """Build the index now, so that threads only read."""
        _ = self._index, self.turning
        return self

    def search(self, folded: str) -> list[Hit]:
        """Find every group's words in folded text, in a stable order."""
        hits = self._index.search(folded)
        hits.sort(key=lambda hit: (hit.start, hit.end, hit.group.name))
        return hits


class Packs(NamedTuple):
    by_language: Mapping[str, Pack]
    version: str  #: short hash of the packs' text


def load_packs() -> Packs:
    """Read and compile the packs that come with the product."""
    folder = files("rules") / "packs"
    texts = {
        entry.name: entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }
    return read_packs(texts)


def read_packs(texts: Mapping[str, str]) -> Packs:
    """Compile packs from YAML texts by file name; ``shared.yaml`` goes into all."""
    specs = {name: _read(name, texts[name]) for name in sorted(texts)}
    shared: Sequence[Group] = ()
    if "shared.yaml" in specs:
        shared = specs.pop("shared.yaml").groups
    by_language: dict[str, Pack] = {}
    for spec in specs.values():
        pack = Pack(spec, tuple(shared)).compile()
        by_language.update(dict.fromkeys(spec.covers, pack))
    digest = hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()
    return Packs(by_language, digest[:12])


def _read(name: str, text: str) -> PackFile:
    try:
        return PackFile.model_validate(yaml.load(text, Loader=_Words))
    except yaml.YAMLError as err:
        raise ConfigError(name, [f"not YAML: {err}"]) from err
    except ValidationError as err:
        problems = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in err.errors()
        ]
        raise ConfigError(name, problems) from err
