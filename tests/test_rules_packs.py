"""Packs of words: what their notation finds, what they must hold, what is refused."""

from __future__ import annotations

import re

import pytest
from complaints import COMPLAINTS

from connector.errors import ConfigError
from rules.folding import fold
from rules.judge import Judge
from rules.language import COVERED
from rules.notation import beginnings, to_regex
from rules.pack import load_packs, read_packs
from rules.verdict import PERSONAS, TYPES


def test_packs_cover_the_languages_and_only_types_that_exist() -> None:
    packs = load_packs()
    assert set(packs.by_language) == set(COVERED)
    for pack in packs.by_language.values():
        effects = {effect for one in pack.spec.groups for effect in one.effects}
        assert {"complaint", "emotion", "praise", *PERSONAS} <= effects
        assert effects & set(TYPES) >= set(TYPES) - {
            "insufficient_information",
        }


def test_the_index_lets_through_what_the_patterns_find() -> None:
    text = fold(" ".join(text for _, _, text in COMPLAINTS) + " ødelagt så å bli")
    text += " 12 euro mehr, 5 € mehr. #fail #sobad a 3 hour delay premiumkunder 😡"
    text += " tupla laskutus not yet not good out of out of luck"
    packs = load_packs().by_language
    for lang in set(packs) - {"nn"}:  # nn and nb have one pack
        pack = packs[lang]
        found = {(hit.group.name, hit.start, hit.end) for hit in pack.search(text)}
        groups = (*pack.spec.groups, *pack.shared)
        expected = {
            (group.name, match.start(), match.end())
            for group in groups
            for words in group.words
            for match in re.compile(to_regex(fold(words))).finditer(text)
        }
        assert found == expected


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        ("never arrived", {("never$", "arrived$")}),
        ("damag* (goods|in transit)", {("damag", "goods$"), ("damag", "in$")}),
        ("not [at all] good", {("not$", "good$"), ("not$", "at$")}),
        ("[very] poor show", {("very$", "poor$"), ("poor$", "show$")}),
        ("parcel* ... late", {("parcel", "")}),
        ("doesn't work", {("doesn$", "t$")}),
        ("premium(kunde|medlem)*", {("premiumkunde", ""), ("premiummedlem", "")}),
        ("wait (for *|long)", {("wait$", "for$"), ("wait$", "long$")}),
        ("to (*er|fix) it", {("to$", ""), ("to$", "fix$")}),
        ("(euro|€) more", {("euro$", "more$"), ("€", "")}),
        ("#fail*", {("#", "")}),
        ("*hour late", set()),
        ("... late", set()),
    ],
)
def test_a_match_begins_with_words_that_are_known(
    words: str, begins: set[tuple[str, str]]
) -> None:
    assert beginnings(words) == begins


def test_no_word_of_a_pack_ends_in_something_optional() -> None:
    for pack in load_packs().by_language.values():
        for group in pack.spec.groups:
            for words in group.words:
                assert not words.rstrip().endswith(("]", "...")), (group.name, words)


@pytest.mark.parametrize(
    ("words", "yes", "no"),
    [
        ("broken", "is broken.", "unbroken"),
        ("damag*", "damaged", "undamaged"),
        ("never arrived", "never arrived", "never has arrived"),
        ("not [yet] here", "not here; not yet here", "not really here"),
        ("(late|lost) again", "lost again", "again"),
        ("took ... account", "took 5 from my account", "took it. my account"),
        ("refund ... late", "refund is late", "refund of the big sum i paid was late"),
        ("øde*", "ødelagt", "søde"),
        ("lost (in the post|at sea)", "lost in the post", "lost post"),
        ("😡", "x😡x", "x"),
    ],
)
def test_the_notation_of_packs(words: str, yes: str, no: str) -> None:
    pattern = re.compile(to_regex(words))
    assert pattern.search(yes)
    assert not pattern.search(no)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("language: [", "not YAML"),
        ("language: en", "covers"),
        (
            "{language: x, covers: [en], groups: "
            "[{name: a, effects: {compliant: 1}, words: [b]}]}",
            "'compliant' is no effect",
        ),
        (
            "{language: x, covers: [en], groups: "
            "[{name: a, effects: {complaint: much}, words: [b]}]}",
            "groups.0.effects.complaint",
        ),
    ],
)
def test_a_bad_pack_is_refused_with_the_key(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_packs({"mine.yaml": text})


def test_other_packs_have_another_version() -> None:
    text = (
        "{language: x, covers: [en], groups: "
        "[{name: a, effects: {complaint: 2}, words: [moonbeam]}]}"
    )
    packs = read_packs({"mine.yaml": text})
    assert packs.version != load_packs().version
    assert Judge(packs).judge("", "a moonbeam", "en").complaint
