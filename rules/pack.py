"""Rule packs: what a language's words mean, read from YAML and compiled once.

A pack is a list of groups; a group is a name, effects and words. The words' small
notation (see ``to_regex``) is meant for people. Weighing hits is the job of ``judge``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, NamedTuple

import re2
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from connector.errors import ConfigError
from rules.verdict import PERSONAS, TYPES

EFFECTS = frozenset(
    (*TYPES, *PERSONAS, "complaint", "emotion", "praise", "urgent", "relaxed")
)
_GAP = r"(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+"
_BLANK = r"[\s\-]"
_TOKEN = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|(\.\.\.)|([^\s()\[\]]+)")


class _Words(yaml.BaseLoader):
    """Reads every scalar as text: to YAML, the words no, on and 24 are not words."""


class Group(BaseModel):
    """Words that mean the same. ``firm`` words mean it whatever stands before them:
    no negation turns them, no "if" weakens them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    effects: dict[str, float]
    words: tuple[str, ...] = Field(min_length=1)
    firm: bool = False

    @field_validator("effects")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(value) - EFFECTS)
        if unknown:
            known = ", ".join(sorted(EFFECTS))
            raise ValueError(f"{unknown[0]!r} is no effect; known are {known}")
        return value


class PackFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    covers: tuple[str, ...]
    negators: frozenset[str] = frozenset()
    breaks: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    questions: frozenset[str] = frozenset()
    groups: tuple[Group, ...]


class Hit(NamedTuple):
    """A group's words found in a text; ``start`` and ``end`` count in folded text."""

    group: Group
    start: int
    end: int


def fold(text: str) -> str:
    """Bring text to the form packs are matched in: NFC, casefolded, plain marks."""
    text = text.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
    text = unicodedata.normalize("NFC", text).casefold()
    text = _SMILE.sub("☺", _FROWN.sub("☹", text.translate(_PLAIN)))
    if _FOREIGN_LOOKALIKE.search(text):
        text = _MIXED.sub(lambda match: match[0].translate(_LOOKALIKES), text)
    return _SPACES.sub(lambda match: "\n" if "\n" in match[0] else " ", text)


_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "´": "'", "`": "'", "“": '"', "”": '"', "«": '"', "»": '"'}
    | {"„": '"', "–": "-", "—": "-", "‑": "-", "…": ".", "\xa0": " "}
)
# Brackets belong to the packs' notation, so emoticons become faces first.
_FROWN = re.compile(r"[:;=]'?-?[(\[/\\|](?![\w/])")
_SMILE = re.compile(r"[:;=]-?[)\]d](?!\w)")
_SPACES = re.compile(r"\s{2,}|[^\S \n]")
_FOREIGN_LOOKALIKE = re.compile("[а-яіјѕαερτυιοκν]")
# A word of mixed scripts is meant to be read as Latin.
_MIXED = re.compile(r"\b(?=\w{0,40}[a-z])[\wа-яіјѕαερτυιοκν]{2,40}\b")
_LOOKALIKES = str.maketrans("аеорсухіјѕкмтвнαερτυιοκν", "aeopcyxijskmtbhaeptuiokv")


def to_regex(words: str) -> str:
    """Translate the notation of packs into a regular expression.

    ``damag*`` any ending · ``(a|b c)`` either · ``[very]`` may be missing · ``...`` up
    to four other words · everything else literally, at word boundaries.
    """
    out, end, glue = "", 0, ""
    for token in _TOKEN.finditer(words):
        either, maybe, gap, literal = token.groups()
        if gap:
            glue = _GAP
            continue
        if not glue and 0 < end < token.start():
            glue = _BLANK
        if maybe is not None:
            out += f"{glue}(?:(?:{_either(maybe)}){_BLANK})?"
            end = 0  # the optional part brings its own blank
        else:
            out += glue + (f"(?:{_either(either)})" if either else _word(literal))
            end = token.end()
        glue = ""
    return _bounded(out, words)


def _either(choices: str) -> str:
    return "|".join(
        _BLANK.join(_word(word) for word in choice.split())
        for choice in choices.split("|")
    )


def _word(word: str) -> str:
    return r"\w*".join(re.escape(part) for part in word.split("*"))


def _bounded(regex: str, words: str) -> str:
    left = r"(?<!\w)" if re.match(r"[\w(\[]", words) else ""
    right = r"(?!\w)" if re.search(r"[\w)\]]$", words) else ""
    return f"{left}(?:{regex}){right}"


def anchor(words: str) -> str:
    """Return an RE2 expression that every match of ``words`` contains.

    Only the most telling part, and without boundaries: as a filter for thousands of
    patterns it stays a small automaton, and RE2's ASCII-only ``\\b`` does not matter.
    """
    parts = [
        _anchor_choices(either) if either else [_longest(literal)]
        for either, _, _, literal in _TOKEN.findall(words)
        if either or literal
    ]
    best = max(parts, key=lambda choices: min(map(len, choices)))
    return "|".join(re2.escape(choice) for choice in best)


def _anchor_choices(choices: str) -> list[str]:
    return [
        max((_longest(word) for word in choice.split()), key=len)
        for choice in choices.split("|")
    ]


def _longest(word: str) -> str:
    return max(word.split("*"), key=len)


@dataclass(frozen=True)
class Pack:
    """A language's groups, ready to search. Safe to share between threads."""

    spec: PackFile
    shared: tuple[Group, ...]  #: groups of all languages

    @cached_property
    def _patterns(self) -> list[tuple[Group, re.Pattern[str]]]:
        return [
            (group, re.compile(to_regex(fold(words))))
            for group in (*self.spec.groups, *self.shared)
            for words in group.words
        ]

    @cached_property
    def _filter(self) -> Any:
        options = re2.Options()
        options.max_mem = 64 << 20
        options.log_errors = False
        found = re2.Set.SearchSet(options)
        for group in (*self.spec.groups, *self.shared):
            for words in group.words:
                found.Add(anchor(fold(words)))
        found.Compile()
        return found

    def compile(self) -> Pack:
        """Build the automata now, so that threads only read."""
        _ = self._filter, self._patterns
        return self

    def search(self, folded: str) -> Iterator[Hit]:
        """Find every group's words in folded text."""
        for index in self._filter.Match(folded) or ():
            group, pattern = self._patterns[index]
            for match in pattern.finditer(folded):
                yield Hit(group, match.start(), match.end())


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
