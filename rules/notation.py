"""The small notation of a pack's words: what it means, and where it is worth trying."""

from __future__ import annotations

import re
from typing import NamedTuple

_GAP = r"(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+"
_BLANK = r"[\s\-]"
_TOKEN = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|(\.\.\.)|([^\s()\[\]]+)")


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
