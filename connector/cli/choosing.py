"""Letting a person choose from a list: by number, by key, or by a part of the name.

What there is to choose from comes from elsewhere. What is not in the list can be typed
all the same: not everything shows itself to our account.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from adapters import Choice

#: More than this is nobody's list to read; the rest is found by searching.
SHOWN = 15


def choose(text: str, choices: Sequence[Choice], default: str | None) -> str:
    """Let one of ``choices`` be chosen; return its key, or what was typed instead."""
    _show(choices, choices)
    while True:
        question = f"{text} (number, key or a part of the name)"
        typed = str(click.prompt(question, default=default)).strip()
        picked = pick(choices, typed)
        if picked is not None:
            return picked.key
        if not _narrowed(choices, typed) and _is_meant(typed):
            return typed


def choose_several(
    text: str, choices: Sequence[Choice], default: str | None
) -> list[str]:
    """Let some of ``choices`` be chosen, with commas between them; return their keys.

    None at all can be chosen where ``default`` is the empty string.
    """
    _show(choices, choices)
    while True:
        question = f"{text} (numbers, keys or names, with commas)"
        typed = str(click.prompt(question, default=default, show_default=bool(default)))
        parts = [part.strip() for part in typed.split(",") if part.strip()]
        picked = {part: pick(choices, part) for part in parts}
        strange = [part for part in parts if picked[part] is None]
        if len(parts) == 1 and strange and _narrowed(choices, parts[0]):
            continue
        if (parts or default == "") and all(_is_meant(part) for part in strange):
            found = ((picked[part], part) for part in parts)
            return list(dict.fromkeys(one.key if one else part for one, part in found))


def pick(choices: Sequence[Choice], typed: str) -> Choice | None:
    """Return what ``typed`` names beyond doubt: a key, a whole name, a number.

    A key goes before a number, because keys can be numbers too.
    """
    wanted = typed.casefold()
    keyed = [one for one in choices if one.key.casefold() == wanted]
    named = keyed or [one for one in choices if one.name.casefold() == wanted]
    if len(named) == 1:
        return named[0]
    if typed.isdecimal() and 1 <= int(typed) <= len(choices):
        return choices[int(typed) - 1]
    return None


def search(choices: Sequence[Choice], typed: str) -> list[Choice]:
    """Return what has ``typed`` in its key or name."""
    wanted = typed.casefold()
    return [
        one
        for one in choices
        if wanted in one.key.casefold() or wanted in one.name.casefold()
    ]


def lines(choices: Sequence[Choice], among: Sequence[Choice]) -> list[str]:
    """Write out ``among``, each with its number in ``choices``, but not too many."""
    numbers = {one: number for number, one in enumerate(choices, 1)}
    shown = among[:SHOWN]
    width = max((len(one.key) for one in shown), default=0)
    written = [
        f"{numbers[one]:>4}  {_plain(one.key):<{width}}  {_called(one)}".rstrip()
        for one in shown
    ]
    if len(among) > SHOWN:
        more = len(among) - SHOWN
        written.append(f"      … and {more} more; type a part of the name to search")
    return written


def _narrowed(choices: Sequence[Choice], typed: str) -> bool:
    """Show what ``typed`` is a part of; tell whether there is anything."""
    found = search(choices, typed) if typed else []
    _show(choices, found)
    return bool(found)


def _show(choices: Sequence[Choice], among: Sequence[Choice]) -> None:
    for line in lines(choices, among):
        click.echo(line)


def _is_meant(typed: str) -> bool:
    return bool(typed) and click.confirm(
        f"{typed} is not in the list. Take it all the same?", default=False
    )


def _called(choice: Choice) -> str:
    name = _plain(choice.name)
    return "" if name.casefold() == choice.key.casefold() else name


def _plain(text: str) -> str:
    """A name is somebody's: nothing of it may steer the terminal."""
    return "".join(filter(str.isprintable, text))
