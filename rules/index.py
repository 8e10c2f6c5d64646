"""Where a pack's words are in a text: a few patterns tried, instead of all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rules.folding import fold
from rules.notation import Needs, needs, openings, single_words, to_regex
from rules.packfile import Group

_WORD = re.compile(r"\w+")


class Hit(NamedTuple):
    """A group's words found in a text; ``start`` and ``end`` count in folded text."""

    group: Group
    start: int
    end: int


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


class Index:
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
