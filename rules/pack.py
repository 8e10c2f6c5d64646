"""Rule packs: what a language's words mean, read from YAML and compiled once.

A pack is a list of groups; a group is a name, effects and words. The words' small
notation (see ``to_regex``) is meant for people. Weighing hits is the job of ``judge``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import NamedTuple

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
    if text.isascii():
        text = text.lower().replace("`", "'")
    else:
        text = unicodedata.normalize("NFC", text).casefold().translate(_PLAIN)
    text = _SMILE.sub("☺", _FROWN.sub("☹", text))
    if not text.isascii() and _FOREIGN_LOOKALIKE.search(text):
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
    words = words.strip()
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


class Needs(NamedTuple):
    """What has to be in a text before a pattern is worth trying.

    Every one of ``words`` asks for one of several word beginnings or whole words (those
    end in ``$``). ``loose`` is a stretch that may begin inside a word.
    """

    words: tuple[frozenset[str], ...]
    loose: str


def needs(words: str) -> Needs:
    """Say what every match of ``words`` contains."""
    asked: list[frozenset[str]] = []
    loose = ""
    for either, _, _, literal in _TOKEN.findall(words):
        for place in _places(either) if either else [[literal]] if literal else []:
            keys = [_key(word) for word in place]
            if all(keys):
                asked.append(frozenset(keys))
            elif not either:
                loose = max(literal.split("*"), key=len)
    return Needs(tuple(asked), "" if asked else loose)


def _places(either: str) -> list[list[str]]:
    """Take from each choice its most telling word, which is enough to ask for."""
    return [[max(choice.split(), key=len) for choice in either.split("|")]]


def _key(word: str) -> str:
    """Return the longest part of a word that begins at a word boundary."""
    found = [
        match[1] + ("" if word[match.end() : match.end() + 1] == "*" else "$")
        for match in _ANCHORED.finditer(word)
    ]
    return max(found, key=len, default="")


_ANCHORED = re.compile(r"(?<![\w*])(\w+)")
_WORD = re.compile(r"\w+")


def openings(words: str) -> frozenset[str]:
    """Return the keys of the words a match can begin with; empty if it can be any."""
    first = _TOKEN.match(words.strip())
    if first is None or not (first[1] or first[4]):
        return frozenset()
    starts = [_ANCHORED.match(choice) for choice in (first[1] or first[4]).split("|")]
    if not all(starts):
        return frozenset()
    return frozenset(
        match[1] + ("" if match.string[match.end() : match.end() + 1] == "*" else "$")
        for match in starts
        if match
    )


def single_words(words: str) -> tuple[str, ...]:
    """Return the keys of words that are found by looking at one word, if all are.

    That is what most words of a pack are, and no regular expression is asked then.
    """
    inner = _ALL_EITHER.fullmatch(words.strip())
    choices = inner[1].split("|") if inner else [words.strip()]
    if not all(_ONE_WORD.fullmatch(choice) for choice in choices):
        return ()
    return tuple(one[:-1] if one.endswith("*") else f"{one}$" for one in choices)


_ALL_EITHER = re.compile(r"\(([^()]*)\)")
_ONE_WORD = re.compile(r"\w+\*?")


Present = Mapping[str, list[int]]  # keys of a text's words, and where those begin


class _Pattern(NamedTuple):
    group: Group
    regex: re.Pattern[str]
    loose: str  #: a stretch every match contains, where no whole word is asked for
    others: tuple[frozenset[str], ...]  #: words asked for besides the one it is under
    openings: frozenset[str]

    def find(self, folded: str, present: Present, hits: list[Hit]) -> None:
        """Add matches, looking only where one can begin if that is known."""
        if not self.openings:
            for match in self.regex.finditer(folded):
                hits.append(Hit(self.group, match.start(), match.end()))
            return
        places = [place for key in self.openings for place in present.get(key, ())]
        if len(places) > 1:
            places = sorted(set(places))
        end = 0
        for start in places:
            if start >= end and (found := self.regex.match(folded, start)):
                end = found.end()
                hits.append(Hit(self.group, start, end))


class _Seen(NamedTuple):
    """What a word of a text says by itself, and which patterns it calls for."""

    groups: tuple[Group, ...]
    keys: tuple[str, ...]
    patterns: tuple[_Pattern, ...]


class _Index:
    """Patterns by a word that they need, so that a text meets only a few of them.

    Measured against an RE2 set of the same patterns: the set's automaton grows with
    every new text and thrashes its memory; these dictionaries stay as they are.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self.loose: list[_Pattern] = []
        self.by_key: dict[str, list[_Pattern]] = {}
        self.by_word: dict[str, list[Group]] = {}
        self.keys: set[str] = set()
        found = [
            (group, fold(words), needs(fold(words)))
            for group in groups
            for words in group.words
        ]
        # Words that a pack needs often are words that its language uses often.
        used = Counter(key for *_, need in found for keys in need.words for key in keys)
        for group, words, need in found:
            self._add(group, words, need, used)
        known = self.keys | self.by_word.keys()
        beginnings = [len(key) for key in known if not key.endswith("$")]
        self.shortest = min(beginnings, default=1)
        self.longest = max(beginnings, default=0)
        # Languages repeat themselves: most words of a ticket have been seen before.
        self.seen = lru_cache(maxsize=20_000)(self._seen)

    def _add(self, group: Group, words: str, need: Needs, used: Counter[str]) -> None:
        if alone := single_words(words):
            for key in alone:
                self.by_word.setdefault(key, []).append(group)
            return
        asked, loose = need
        rarest: frozenset[str] = min(
            asked, key=lambda keys: sum(used[key] for key in keys), default=frozenset()
        )
        others = tuple(keys for keys in asked if keys is not rarest)
        regex, starts = re.compile(to_regex(words)), openings(words)
        pattern = _Pattern(group, regex, loose, others, starts)
        self.keys.update(starts, *asked)
        if not asked:
            self.loose.append(pattern)
        for key in rarest:
            self.by_key.setdefault(key, []).append(pattern)

    def search(self, folded: str) -> list[Hit]:
        """Try the patterns whose needs a text fulfils, each once."""
        hits: list[Hit] = []
        called: dict[int, _Pattern] = {}
        present: dict[str, list[int]] = {}
        for match in _WORD.finditer(folded):
            groups, keys, patterns = self.seen(match[0])
            if not keys and not groups:
                continue
            start, end = match.span()
            for group in groups:
                hits.append(Hit(group, start, end))
            for key in keys:
                present.setdefault(key, []).append(start)
            for pattern in patterns:
                called[id(pattern)] = pattern
        keys_here = present.keys()
        for pattern in called.values():
            if not any(map(keys_here.isdisjoint, pattern.others)):
                pattern.find(folded, present, hits)
        for pattern in self.loose:
            if pattern.loose in folded:
                pattern.find(folded, present, hits)
        return hits

    def _seen(self, word: str) -> _Seen:
        ends = range(self.shortest, min(len(word), self.longest) + 1)
        forms = (word + "$", *(word[:end] for end in ends))
        named = {
            group.name: group for form in forms for group in self.by_word.get(form, ())
        }
        keys = tuple(form for form in forms if form in self.keys)
        patterns = tuple(one for key in keys for one in self.by_key.get(key, ()))
        return _Seen(tuple(named.values()), keys, patterns)


@dataclass(frozen=True)
class Pack:
    """A language's groups, ready to search. Safe to share between threads."""

    spec: PackFile
    shared: tuple[Group, ...]  #: groups of all languages

    @cached_property
    def _index(self) -> _Index:
        return _Index((*self.spec.groups, *self.shared))

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
