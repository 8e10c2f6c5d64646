"""What is wrong with an admin's own words: with its place, and what was meant.

What keeps words from being used is found where they are read; here it gets a line and
a column. The rest is words that add nothing, or more than they should.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from connector.mistakes import explain, meant
from rules.composing import compose, covering
from rules.folding import fold
from rules.marked import Marked, NotReadable, Path, read
from rules.notation import single_words
from rules.packfile import EFFECTS, AddedGroup, Addition, PackFile
from rules.remarks import Gravity, Remark

#: Three sure complaints in one word.
HEAVY = 3.0


class WordFile(NamedTuple):
    """A file of words as it was read."""

    name: str
    marked: Marked

    def remark(
        self, path: Path, what: str, remedy: str = "", level: Gravity = Gravity.ERROR
    ) -> Remark:
        return Remark(self.name, self.marked.place(path), level, what, remedy)


def lint_words(
    texts: Sequence[tuple[str, str]], known: Mapping[str, PackFile]
) -> list[Remark]:
    """Look through files by name and text, which add to ``known`` in their order."""
    found: list[Remark] = []
    packs = dict(known)
    for name, text in texts:
        try:
            file = WordFile(name, read(text, as_words=True))
            addition = Addition.model_validate(file.marked.value)
        except NotReadable as err:
            found.append(Remark(name, err.place, Gravity.ERROR, str(err)))
            continue
        except ValidationError as err:
            found += _refused(file, err)
            continue
        found += _weights(file, addition)
        found += _twice(file, addition, packs)
        packs, mistakes = compose(packs, {name: addition})
        found += [_composing(file, one) for one in mistakes.get(name, ())]
    return found


def _refused(file: WordFile, err: ValidationError) -> Iterator[Remark]:
    for place, advice in explain(err, Addition):
        key = str(place[-1]) if place else ""
        at = file.marked.place(place)
        if advice.startswith("unknown key"):
            at = file.marked.key(place)
        if place[-1:] == ("effects",):
            # All effects were refused together.
            key = next(
                (one for one in _effects(file, place) if repr(one) in advice), ""
            )
            if key and key not in EFFECTS:
                advice = f"is no effect; {meant(key, EFFECTS) or _KNOWN}"
                at = file.marked.key((*place, key))
        said = f"{key}: {advice}" if key and not key.isdigit() else advice
        yield Remark(file.name, at, Gravity.ERROR, said)


_KNOWN = f"use one of {', '.join(sorted(EFFECTS))}"


def _effects(file: WordFile, place: Path) -> list[str]:
    return [str(path[-1]) for path in file.marked.keys if path[:-1] == place]


def _composing(file: WordFile, mistake: str) -> Remark:
    """Give a mistake that shows only beside other words its place."""
    where, _, what = mistake.partition(": ")
    path = tuple(int(part) if part.isdigit() else part for part in where.split("."))
    return file.remark(path, what)


def _weights(file: WordFile, addition: Addition) -> Iterator[Remark]:
    for index, group in enumerate(addition.groups):
        for effect, weight in (group.effects or {}).items():
            if abs(weight) > HEAVY:
                what = f"{effect}: {weight:g} outweighs nearly everything else"
                path = ("groups", index, "effects", effect)
                remedy = "about 1 makes a complaint"
                yield file.remark(path, what, remedy, Gravity.WARNING)


def _twice(
    file: WordFile, addition: Addition, packs: Mapping[str, PackFile]
) -> Iterator[Remark]:
    """Find words that are there already, here or before, or are silenced."""
    pack = packs.get(covering(packs, addition.language) or "")
    groups = {group.name: [*group.words] for group in pack.groups} if pack else {}
    where = {_plain(word): name for name, words in groups.items() for word in words}
    without = pack.without if pack else ()
    silent = {_plain(word) for word in (*addition.without, *without)}
    for number, group in enumerate(addition.groups):
        for index, word in enumerate(group.words):
            what = _said(word, group, groups.get(group.name, []), where)
            if _plain(word) in silent:
                what = "says nothing, because it stands below 'without'"
            if what:
                path = ("groups", number, "words", index)
                said = f"{group.name}: {word!r} {what}"
                yield file.remark(path, said, "take it out", Gravity.WARNING)
            where.setdefault(_plain(word), group.name)
            groups.setdefault(group.name, []).append(word)


def _said(
    word: str, group: AddedGroup, before: Sequence[str], where: Mapping[str, str]
) -> str:
    """Say in what way a word is there already; empty if it is new."""
    name = where.get(_plain(word))
    if name == group.name:
        return "is in this group already"
    if name is not None:
        return f"is in the group {name!r} as well, and counts twice"
    wider = next((one for one in before if _covers(one, word)), None)
    return f"is found by {wider!r} already" if wider else ""


def _covers(wide: str, narrow: str) -> bool:
    """Tell whether single words are found by the beginnings that others name."""
    stems = [key for key in single_words(fold(wide)) if not key.endswith("$")]
    words = single_words(fold(narrow))
    return bool(words) and all(
        any(word.startswith(stem) for stem in stems) for word in words
    )


def _plain(word: str) -> str:
    return " ".join(fold(word).split())
