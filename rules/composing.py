"""Packs put together: the product's, a trade's and the house's own.

A later file adds to an earlier one, group by group. What a file may hold is in
``packfile``; reading and compiling it is ``pack``'s part.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from rules.packfile import AddedGroup, Addition, Group, PackFile

SHARED = "shared"  #: what stands for all languages at once


def compose(
    bases: Mapping[str, PackFile], additions: Mapping[str, Addition]
) -> tuple[dict[str, PackFile], dict[str, list[str]]]:
    """Add files to the packs in their order; return those, and mistakes by file.

    Packs go by their language, and ``shared`` is one of them.
    """
    packs = dict(bases)
    mistakes: dict[str, list[str]] = {}
    for name, addition in additions.items():
        language = covering(packs, addition.language)
        if language is None:
            known = ", ".join(
                sorted({SHARED}.union(*(p.covers for p in bases.values())))
            )
            what = f"language: {addition.language!r} has no pack; known are {known}"
            mistakes[name] = [what]
            continue
        added, wrong = _added(packs[language], addition)
        packs[language] = added
        if wrong:
            mistakes[name] = wrong
    return packs, mistakes


def covering(packs: Mapping[str, PackFile], language: str) -> str | None:
    """Return the pack a language is judged by: Nynorsk by that of Bokmål."""
    if language == SHARED:
        return language if language in packs else None
    return next((key for key, one in packs.items() if language in one.covers), None)


def _added(pack: PackFile, addition: Addition) -> tuple[PackFile, list[str]]:
    groups = {group.name: group for group in pack.groups}
    mistakes = []
    for place, added in enumerate(addition.groups):
        try:
            groups[added.name] = _merged(groups.get(added.name), added, groups)
        except ValueError as err:
            mistakes.append(f"groups.{place}: {err}")
    update = {
        "groups": tuple(groups.values()),
        "without": (*pack.without, *addition.without),
        "negators": pack.negators | addition.negators,
        "breaks": pack.breaks | addition.breaks,
        "conditions": pack.conditions | addition.conditions,
    }
    return pack.model_copy(update=update), mistakes


def _merged(old: Group | None, added: AddedGroup, known: Mapping[str, Group]) -> Group:
    if old is None:
        return _new(added, known)
    effects = old.effects | (added.effects or {})
    return Group(
        name=old.name,
        # A weight of nothing takes an effect away.
        effects={name: weight for name, weight in effects.items() if weight},
        words=tuple(dict.fromkeys((*old.words, *added.words))),
        firm=old.firm if added.firm is None else added.firm,
    )


def _new(added: AddedGroup, known: Mapping[str, Group]) -> Group:
    if added.effects is None or not added.words:
        near = get_close_matches(added.name, known, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"no group is called {added.name!r}{meant}; "
            "a new one needs both effects and words"
        )
    return Group(
        name=added.name,
        effects=added.effects,
        words=added.words,
        firm=bool(added.firm),
    )
