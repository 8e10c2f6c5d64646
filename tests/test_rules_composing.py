"""Packs are put together from the product's, a trade's and the house's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from connector.errors import ConfigError
from rules.judge import Judge
from rules.notation import mistake
from rules.pack import TRADES, load_packs, read_packs

BASE = """
language: en
covers: [en]
negators: [not]
groups:
  - name: broken
    effects: {complaint: 1.7, product_quality: 2.0}
    words: ["broken", "nightmare"]
  - name: praise
    effects: {praise: 1.0, complaint: -0.8}
    words: ["great"]
"""


of_trade = cache(load_packs)  # to compile all languages takes a while


def composed(addition: str) -> Judge:
    return Judge(read_packs({"en.yaml": BASE}, {"mine.yaml": addition}))


def complains(judge: Judge, text: str) -> bool:
    return judge.judge("", text, "en").complaint


def test_a_group_of_that_name_gets_more_words() -> None:
    text = "The pump is kaput."
    assert not complains(composed("language: en"), text)
    judge = composed("language: en\ngroups:\n  - {name: broken, words: [kaput]}")
    assert complains(judge, text)
    assert complains(judge, "It came broken.")


def test_a_new_group_is_added() -> None:
    judge = composed(
        "language: en\ngroups:\n"
        "  - {name: pumps, effects: {complaint: 2.0, delivery: 2.0}, words: [dry run]}"
    )
    assert judge.judge("", "Dry run once more", "en").types == ("delivery",)


def test_weights_are_changed_and_taken_away() -> None:
    judge = composed(
        "language: en\ngroups:\n"
        "  - {name: broken, effects: {product_quality: 0, other: 3.0}}"
    )
    assert judge.judge("", "It came broken.", "en").types == ("other",)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("I ordered the Nightmare mug.", False),
        ("I ordered the Nightmare mug and it is broken.", True),
        ("The mug is a nightmare", False),
    ],
)
def test_silenced_words_say_nothing(text: str, is_one: bool) -> None:
    assert complains(composed("language: en\nwithout: [nightmare]"), text) is is_one
    assert complains(composed("language: en"), text)


def test_silenced_for_all_languages() -> None:
    shared = {"shared.yaml": "language: shared\ncovers: []\ngroups: []"}
    added = {"mine.yaml": "language: shared\nwithout: [nightmare]"}
    judge = Judge(read_packs({"en.yaml": BASE} | shared, added))
    assert not complains(judge, "The mug is a nightmare")


@pytest.mark.parametrize(
    ("addition", "problem"),
    [
        ("language: xx", "language: 'xx' has no pack; known are en, shared"),
        ("groups: []", "language: Field required"),
        ("language: en\ngrups: []", "grups: Extra inputs are not permitted"),
        (
            "language: en\ngroups: [{name: brokn, words: [kaput]}]",
            "groups.0: no group is called 'brokn'; did you mean 'broken'?",
        ),
        (
            "language: en\ngroups: [{name: broken, effects: {complaints: 1}}]",
            "groups.0.effects: 'complaints' is no effect; did you mean 'complaint'?",
        ),
        (
            "language: en\ngroups: [{name: broken, effects: {complaint: 50}}]",
            "groups.0.effects: complaint: 50 is more than 5 either way",
        ),
        (
            "language: en\ngroups: [{name: broken, effects: {complaint: lots}}]",
            "groups.0.effects.complaint: Input should be a valid number",
        ),
        (
            "language: en\ngroups: [{name: broken, words: ['(a|b']}]",
            "groups.0.words.0: '(a|b': ')' is missing",
        ),
        (
            "language: en\nwithout: ['*']",
            "without.0: '*': it would be found everywhere",
        ),
        ("language: [", "not YAML"),
    ],
)
def test_a_mistake_names_file_and_key(addition: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        composed(addition)
    assert caught.value.path == "mine.yaml"
    assert any(one.startswith(problem) for one in caught.value.problems)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("damag* (goods|parcel)", False),
        ("order ... lost", False),
        ("[very] late", False),
        ("☹", False),
        ("a ((b|c) d)", True),
        ("a) b", True),
        ("(a||b)", True),
        ("[very]", True),
        ("a [b]", True),
        ("a ...", True),
        ("...", True),
        ("", True),
    ],
)
def test_words_in_a_wrong_notation_are_refused(words: str, wrong: bool) -> None:
    assert bool(mistake(words)) is wrong


def test_own_words_come_after_those_of_the_trade_and_change_the_version(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.yaml").write_text(
        "language: nn\ngroups:\n  - {name: levering, words: ['hjulspor*']}\n",
        encoding="utf-8",
    )
    versions = {of_trade(trade).version for trade in TRADES}
    packs = load_packs("saas", tmp_path)
    assert len(versions | {packs.version, of_trade("").version}) == len(TRADES) + 2
    # Nynorsk is judged by the words of Bokmål, so those are the ones added to.
    assert Judge(packs).judge("", "Berre hjulspor.", "nb").types == ("delivery",)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        load_packs("", tmp_path / "words")
    with pytest.raises(ConfigError, match="none of shop, saas, hospitality"):
        load_packs("bakery")


@pytest.mark.parametrize("trade", TRADES)
def test_every_trade_speaks_four_languages(trade: str) -> None:
    """Groups of a trade have the names of the product's, but for a slip."""
    base, packs = of_trade("").by_language, of_trade(trade).by_language
    for lang in ("en", "nb", "fi", "sv"):
        assert len(packs[lang].spec.groups) == len(base[lang].spec.groups)
        assert packs[lang].spec.groups != base[lang].spec.groups


TRADE_WORDS = [
    ("shop", "en", "The jumper is pilling and bobbly.", "product_quality"),
    ("shop", "nb", "Genseren er full av nupper, sømmen er raknet.", "product_quality"),
    ("shop", "fi", "Neule nyppyyntyi ja sauma on ratkennut.", "product_quality"),
    ("shop", "sv", "Tröjan är full av noppor efter två dagar.", "product_quality"),
    ("saas", "en", "Sev 1: the webhook integration throttles us.", "product_quality"),
    ("saas", "nb", "Nedetid på morgenen, og responstiden øker.", "product_quality"),
    ("saas", "fi", "Taas palvelukatko, ja vasteajat kasvavat.", "product_quality"),
    ("saas", "sv", "Driftstopp på morgonen och svarstiden ökar.", "product_quality"),
    ("hospitality", "en", "Hairs in the bath, and the lift under construction.",
     "product_quality"),
    ("hospitality", "nb", "Badstua var stengt og biffen var seig.", "product_quality"),
    ("hospitality", "fi", "Sauna oli suljettu ja pihvi sitkeää.", "product_quality"),
    ("hospitality", "sv", "Bastun var stängd och biffen seg.", "product_quality"),
]  # fmt: skip


@pytest.mark.parametrize("trade", TRADES)
def test_a_trade_knows_its_own_words(trade: str) -> None:
    base, judge = Judge(of_trade("")), Judge(of_trade(trade))
    for one, lang, text, kind in TRADE_WORDS:
        if one == trade:
            verdict = judge.judge("", text, lang)
            assert (verdict.complaint, verdict.types[:1]) == (True, (kind,)), text
            assert verdict.score > base.judge("", text, lang).score, text
