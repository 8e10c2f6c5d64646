"""Features: what a ticket is about, and what is not part of that."""

from __future__ import annotations

import json

import pytest

from rules.features import Features, features, own_words


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Hi,\nthe lamp is broken.\nBest regards\nAnna Berg", "the lamp is broken."),
        ("Hei!\nlampen er knust.\nMvh Kari", "lampen er knust."),
        ("Moi,\nlamppu on rikki.\nLähetetty iPhonesta", "lamppu on rikki."),
        ("the lamp is broken.\n> We have received your mail", "the lamp is broken."),
        ("the lamp is broken.\nSofia", "the lamp is broken."),
        ("Name: Bo\nOrder: 123\nMessage: it is broken", "it is broken"),
        ("Navn: Bo\nMelding: Hei,\nden er knust.", "den er knust."),
        ("Problem: it never came, why?", "Problem: it never came, why?"),
        (
            "It never came, and nobody can say why.\nOrder: 123",
            "It never came, and nobody can say why.",
        ),
        ("no greeting, no end", "no greeting, no end"),
        ("", ""),
    ],
)
def test_only_the_customers_own_words_count(text: str, kept: str) -> None:
    assert own_words(text) == kept


@pytest.mark.parametrize(
    ("concept", "texts"),
    [
        (
            "discount code",
            {
                "en": "the coupon is refused",
                "nb": "rabattkoden blir avvist",
                "fi": "alennuskoodi ei kelpaa",
                "de": "der Gutschein geht nicht",
            },
        ),
        (
            "checkout",
            {
                "en": "the checkout stops",
                "nb": "kassen stopper",
                "fi": "kassalla ei onnistu",
                "de": "die Kasse bricht ab",
            },
        ),
        (
            "parcel",
            {
                "en": "my parcel is late",
                "da": "min pakke er forsinket",
                "sv": "mitt paket är försenat",
                "fi": "pakettini on myöhässä",
            },
        ),
    ],
)
def test_words_of_all_languages_become_one_concept(
    concept: str, texts: dict[str, str]
) -> None:
    for lang, text in texts.items():
        assert concept in features("", text, lang).concepts, lang


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("it stops with E-4012 when I pay", "code:E-4012"),
        ("it stops with pay_0032 when I pay", "code:PAY-0032"),
        ("the code SPRING25 is refused", "code:SPRING25"),
        ("I see error 502 again", "code:502"),
        ("nothing loads on www.example.com today", "site:example.com"),
        ("my parcel with PostLink is late", "name:PostLink"),
        ("who won the #GreatRace tickets", "name:GreatRace"),
    ],
)
def test_what_has_a_name_is_found(text: str, entity: str) -> None:
    assert entity in features("", text, "en").entities


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("order 71090819 has not come", "en"),
        ("I paid 349,50 for it", "en"),
        ("It stopped. Then it smoked.", "en"),
        ("der Bildschirm ist schwarz", "de"),
    ],
)
def test_numbers_sentence_starts_and_german_nouns_are_no_names(
    text: str, lang: str
) -> None:
    assert features("", text, lang).entities == ()


def test_spelling_does_not_change_the_words() -> None:
    plain = features("", "pakkeboksen på Grünerløkka åpner ikke", "nb")
    ascii_only = features("", "PAKKEBOKSEN pa Grunerlokka apner ikke", "nb")
    assert plain.words == ascii_only.words


def test_a_typing_error_leaves_most_pieces_alike() -> None:
    right = set(features("", "the blender makes strange noises", "en").grams)
    wrong = set(features("", "the blednder makes strange noises", "en").grams)
    other = set(features("", "my invoice has no reference number", "en").grams)
    assert len(right & wrong) > len(right) / 2
    assert len(right & other) < len(right) / 10


def test_small_words_that_look_like_a_concept_are_not_one() -> None:
    assert features("", "det var ikke her", "nb").concepts == ()


def test_features_survive_being_stored() -> None:
    found = features("Broken", "my Nordlys 3 shows E-77", "en", ("product_quality",))
    assert found.types == ("product_quality",)
    stored = json.dumps(found.to_json())
    assert Features.from_json(json.loads(stored)) == found


def test_a_long_mail_takes_little_room() -> None:
    words = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(600))
    assert len(json.dumps(features("", words, "en").to_json())) < 3000


@pytest.mark.parametrize("text", ["", " ", "?!", "12345678", "\n>\n>", "🙂🙂"])
def test_a_text_without_words_has_no_evidence(text: str) -> None:
    assert features("", text, "en") == Features(lang="en")
