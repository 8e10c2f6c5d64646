"""The small notation of a pack's words: what it means, and where it is worth trying."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|(\.\.\.)|([^\s()\[\]]+)")
_BLANK, _OTHERS = " ", "…"
_REGEX = {
    "": "",
    _BLANK: r"[\s\-]",
    _OTHERS: r"(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+",
}


class _Part(NamedTuple):
    glue: str  #: what stands before it: nothing, one blank, or other words
    choices: list[str]
    optional: bool  #: may be missing, and brings the blank after it


def _parts(words: str) -> Iterator[_Part]:
    end, glue = 0, ""
    for token in _TOKEN.finditer(words.strip()):
        either, maybe, gap, literal = token.groups()
        if gap:
            glue = _OTHERS
            continue
        if not glue and 0 < end < token.start():
            glue = _BLANK
        choices = [literal] if literal else (either or maybe or "").split("|")
        yield _Part(glue, choices, maybe is not None)
        end = 0 if maybe is not None else token.end()
        glue = ""


def to_regex(words: str) -> str:
    """Translate the notation of packs into a regular expression.

    ``damag*`` any ending · ``(a|b c)`` either · ``[very]`` may be missing · ``...`` up
    to four other words · everything else literally, at word boundaries.
    """
    words, out, blank = words.strip(), "", _REGEX[_BLANK]
    for glue, choices, optional in _parts(words):
        either = "|".join(
            blank.join(_word(word) for word in choice.split()) for choice in choices
        )
        out += _REGEX[glue] + (
            f"(?:(?:{either}){blank})?" if optional else f"(?:{either})"
        )
    left = r"(?<!\w)" if re.match(r"[\w(\[]", words) else ""
    right = r"(?!\w)" if re.search(r"[\w)\]]$", words) else ""
    return f"{left}{out}{right}"


def _word(word: str) -> str:
    return r"\w*".join(re.escape(part) for part in word.split("*"))


class Beginning(NamedTuple):
    """How a match can begin: with a word by its key, or with a sign as it is.

    A key is the first letters of a word, or all of them and ``$``.
    """

    first: str
    second: str = ""  #: key of the next word, where something is known of it


def beginnings(words: str) -> frozenset[Beginning]:
    """Return every way a match can begin; none if it may begin within a word."""
    ways = {""}
    for glue, choices, optional in _parts(words):
        more = [glue + _BLANK.join(choice.split()) for choice in choices]
        if optional:
            more = [glue, *(f"{choice}{_BLANK}" for choice in more)]
        # What comes after two words makes no difference, and would be very much.
        ways = {
            way if _TOLD.match(way) else way + choice for way in ways for choice in more
        }
    if any(way[:1] in ("", "*", _OTHERS) for way in ways):
        return frozenset()
    return frozenset(map(_beginning, ways))


def _beginning(way: str) -> Beginning:
    match = _BEGINNING.match(way)
    if match is None:
        return Beginning(way[0])
    return Beginning(_key(match[1], match[2]), _key(match[3], match[4]))


def _key(letters: str | None, more: str | None) -> str:
    return f"{letters}{'' if more else '$'}" if letters else ""


_BEGINNING = re.compile(rf"(\w+)(\*[\w*]*)?(?:[^\w*{_OTHERS}]+(\w+)(\*[\w*]*)?)?")
_TOLD = re.compile(rf"[^\w*]|[\w*]+[^\w*]*?(?:{_OTHERS}|[^\w*]+[\w*]+[^\w*])")


def stretch(words: str) -> str:
    """Return letters or signs that are in every match, as many as is easily seen."""
    sure = [
        piece
        for _, choices, optional in _parts(words)
        if len(choices) == 1 and not optional
        for piece in re.split(r"[*\s]", choices[0])
    ]
    return max(sure, key=len, default="")


def single_words(words: str) -> tuple[str, ...]:
    """Return the keys of words that are found by looking at one word, if all are.

    That is what most words of a pack are, and no regular expression is asked then.
    """
    parts = list(_parts(words))
    if len(parts) != 1 or parts[0].optional:
        return ()
    choices = [_ONE_WORD.fullmatch(choice) for choice in parts[0].choices]
    return tuple(_key(one[1], one[2]) for one in choices if one) if all(choices) else ()


_ONE_WORD = re.compile(r"(\w+)(\*?)")


def mistake(words: str) -> str:
    """Say what is wrong with words in this notation; nothing if nothing is."""
    depth = ""
    for char in words:
        if char in "([":
            if depth:
                return "brackets cannot stand in brackets"
            depth = ")" if char == "(" else "]"
        elif char in ")]":
            if char != depth:
                return f"{char!r} closes nothing"
            depth = ""
    if depth:
        return f"{depth!r} is missing"
    parts = _TOKEN.findall(words)
    for either, maybe, *_ in parts:
        if (either or maybe) and not all(map(str.strip, (either or maybe).split("|"))):
            return "a choice between bars is empty"
    if not any(_LETTER.search(either or literal) for either, _, _, literal in parts):
        return "it would be found everywhere; write at least one word"
    if words.rstrip().endswith(("]", "...")):
        return "its end may be missing, so end it with the word before"
    return ""


_LETTER = re.compile(r"[^\W_]|[^\s\w*.]")
