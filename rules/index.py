"""Where a pack's words are in a text: few patterns tried at few places, once through.

Measured against an RE2 set of the same patterns: the set's automaton grows with every
new text and thrashes its memory; these dictionaries stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

from rules.folding import fold
from rules.notation import beginnings, single_words, stretch, to_regex
from rules.packfile import Group

_WORD = re.compile(r"\w+")
_REMEMBERED = 20_000  # words of a language that were looked up
_REMEMBERED_CHARS = 40


class Hit(NamedTuple):
    """A group's words found in a text; ``start`` and ``end`` count in folded text."""

    group: Group
    start: int
    end: int


class _Pattern:
    """Words that take a regular expression, which is made when it is first tried."""

    def __init__(self, group: Group, words: str) -> None:
        self.group = group
        self.words = words

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(to_regex(self.words))


_Patterns = tuple[_Pattern, ...]


class _Known(NamedTuple):
    """What a word says by itself, and which patterns to try where it stands."""

    groups: tuple[Group, ...]
    keys: tuple[str, ...]  #: those that patterns ask for after another word
    alone: _Patterns  #: whatever follows
    before: Mapping[str, _Patterns]  #: by a key of the word that follows


class Index:
    """Patterns by the words that their matches begin with. Threads may share it."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups: dict[str, list[Group]] = {}
        self.alone: dict[str, list[_Pattern]] = {}
        self.before: dict[str, dict[str, list[_Pattern]]] = {}
        self.signs: dict[str, list[_Pattern]] = {}
        self.anywhere: list[tuple[str, _Pattern]] = []
        self.keys: set[str] = set()
        for group in groups:
            for words in group.words:
                self._add(group, fold(words))
        known = [*self.groups, *self.alone, *self.before, *self.keys]
        beginnings = [len(key) for key in known if not key.endswith("$")]
        self.shortest = min(beginnings, default=1)
        self.longest = max(beginnings, default=0)
        self.words = _Words(self)

    def _add(self, group: Group, words: str) -> None:
        if alone := single_words(words):
            for key in alone:
                self.groups.setdefault(key, []).append(group)
            return
        ways = beginnings(words)
        pattern = _Pattern(group, words)
        if not ways:
            self.anywhere.append((stretch(words), pattern))
        for first, second in ways:
            if not _WORD.match(first):
                self.signs.setdefault(first, []).append(pattern)
            elif second:
                by_next = self.before.setdefault(first, {})
                by_next.setdefault(second, []).append(pattern)
                self.keys.add(second)
            else:
                self.alone.setdefault(first, []).append(pattern)

    def search(self, folded: str) -> list[Hit]:
        """Find every group's words in folded text."""
        hits: list[Hit] = []
        places: list[tuple[int, _Pattern]] = []  # in the order of the text
        waiting: Mapping[str, _Patterns] = {}
        last = 0
        for match in _WORD.finditer(folded):
            known = self.words[match[0]]
            if known is None:
                waiting = {}
                continue
            groups, keys, alone, before = known
            start = match.start()
            for group in groups:
                hits.append(Hit(group, start, match.end()))
            if waiting:
                for key in keys:
                    for pattern in waiting.get(key, ()):
                        places.append((last, pattern))
            for pattern in alone:
                places.append((start, pattern))
            waiting, last = before, start
        if at_signs := self._at_signs(folded):
            places = sorted([*places, *at_signs], key=itemgetter(0))
        self._try(folded, places, hits)
        return hits

    def _at_signs(self, folded: str) -> list[tuple[int, _Pattern]]:
        return [
            (at, pattern)
            for sign in self.signs
            if sign in folded
            for at, char in enumerate(folded)
            if char == sign
            for pattern in self.signs[sign]
        ]

    def _try(
        self, folded: str, places: list[tuple[int, _Pattern]], hits: list[Hit]
    ) -> None:
        """Add the matches of patterns, those of one never overlapping."""
        ends: dict[_Pattern, int] = {}
        for start, pattern in places:
            if start < ends.get(pattern, 0):
                continue
            if found := pattern.regex.match(folded, start):
                ends[pattern] = end = found.end()
                hits.append(Hit(pattern.group, start, end))
        for sure, pattern in self.anywhere:
            if sure in folded:
                for found in pattern.regex.finditer(folded):
                    hits.append(Hit(pattern.group, found.start(), found.end()))

    def look_up(self, word: str) -> _Known | None:
        """Say what a word of a text is to these patterns; most say nothing."""
        ends = range(self.shortest, min(len(word), self.longest) + 1)
        forms = (word + "$", *(word[:end] for end in ends))
        named = {
            group.name: group for form in forms for group in self.groups.get(form, ())
        }
        keys = tuple(form for form in forms if form in self.keys)
        alone = dict.fromkeys(p for form in forms for p in self.alone.get(form, ()))
        before: dict[str, dict[_Pattern, None]] = {}
        for form in forms:
            for second, patterns in self.before.get(form, {}).items():
                before.setdefault(second, {}).update(dict.fromkeys(patterns))
        if not (named or keys or alone or before):
            return None
        following = {second: tuple(patterns) for second, patterns in before.items()}
        return _Known(tuple(named.values()), keys, tuple(alone), following)


class _Words(dict[str, _Known | None]):
    """Languages repeat themselves: most words of a ticket have been seen before."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self._index = index

    def __missing__(self, word: str) -> _Known | None:
        known = self._index.look_up(word)
        if len(self) >= _REMEMBERED:
            self.clear()
        if len(word) <= _REMEMBERED_CHARS:
            self[word] = known
        return known
