"""Texts to customers: whole in every language, for every persona, and in one's own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from connector import texts
from rules.verdict import TYPES

DAY = date(2026, 3, 2)

NAMES = {f"{kind}.{one}" for kind in texts.KINDS for one in texts.PERSONAS}


def filled(kind: str, language: str, *personas: str, folder: str = "") -> texts.Text:
    values = dict.fromkeys(texts.KINDS[kind], "Ware 7") | {"signature": ""}
    return texts.fill(folder, kind, language, personas, **values)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_language_has_every_text(language: str) -> None:
    known = texts.all_texts("")[language]
    assert set(known) == {*texts.KINDS, *NAMES}
    assert len(set(known.values())) == len(known)
    for kind in texts.KINDS:
        words = filled(kind, language).words
        assert "Ware 7" in words
        assert "{" not in words


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Returns and refunds, reported by 5 customers, fixed on 2 March 2026."),
        ("nn", "Retur og refusjon, meldt av 5 kundar, retta 2.3.2026."),
        ("fi", "Palautukset ja hyvitykset, ilmoittajia 5, korjattu 2.3.2026."),
        ("sv", "Retur och återbetalning, anmält av 5 kunder, åtgärdat 2026-03-02."),
    ],
)
def test_what_was_said_and_done_is_told_as_customers_say_it(
    language: str, expected: str
) -> None:
    said = texts.said_did(language, "returns_refunds", 5, DAY)
    assert said.partition(": ")[2] == expected


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_what_was_said_and_done_is_told_in_every_language(language: str) -> None:
    said = {
        texts.said_did(language, kind, count, DAY) for kind in TYPES for count in (1, 2)
    }
    # Of "other", and of what was only said on social media, there is nothing to tell.
    assert len(said - {""}) == 2 * (len(TYPES) - 2)
    assert not [line for line in said if "{" in line]


@pytest.mark.parametrize(
    ("personas", "name"),
    [
        ((), "fixed"),
        (("frequent", "quiet"), "fixed"),
        (("outspoken",), "fixed.outspoken"),
        (("outspoken", "premium"), "fixed.premium"),
    ],
)
def test_persona_decides_which_text_it_is(personas: tuple[str, ...], name: str) -> None:
    version = filled("fixed", "fi", *personas).version
    assert version.partition("@")[0] == f"fi/{name}"


def test_version_tells_which_words_were_sent(tmp_path: Path) -> None:
    places = [tmp_path / "old", tmp_path / "new", tmp_path / "same"]
    for place, words in zip(places, ["Old", "New", "Old"], strict=True):
        place.mkdir()
        (place / "en.yaml").write_text(f"fixed: {words} {{{{ subject }}}}\n")
    old, new, same = (filled("fixed", "en", folder=str(one)) for one in places)
    assert (old.words, new.words) == ("Old Ware 7", "New Ware 7")
    assert old.version == same.version != new.version


def test_own_text_goes_before_ours_for_every_persona(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text(
        "fixed: Mine\ncheckin.premium: Mine for the best\n"
    )
    own = str(tmp_path)
    assert filled("fixed", "en", "premium", folder=own).words == "Mine"
    assert filled("checkin", "en", "premium", folder=own).words == "Mine for the best"
    assert filled("checkin", "en", folder=own) == filled("checkin", "en")
    assert filled("fixed", "nb", folder=own) == filled("fixed", "nb")


def test_language_without_texts_is_answered_in_english() -> None:
    assert [texts.text_language(one) for one in ("nn", "fr", "")] == ["nn", "en", "en"]
