"""The words that a verdict names as its reasons are what decided it."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from rules.folding import fold
from rules.judge import default_judge
from rules.pack import load_packs
from rules.verdict import Verdict
from rules.words import customer_words, looks_like_html

ROOT = Path(__file__).resolve().parent.parent
CERTAIN = 0.9999
DATA = ROOT.parent / "shared" / "data" / "classification"
REASON = re.compile(r'^(.+?): "(.+)" \(([+-][\d.]+)\)$')

OURS = [
    ("en", "Where is my parcel? It was due on Monday and nobody answers the phone."),
    ("en", "I was charged twice. Please refund one of the payments, this is awful."),
    ("en", "Thank you so much, it works now."),
    ("nb", "Pakken kom aldri, og ingen svarer på e-post. Dette er elendig."),
    ("nb", "Jeg pleier ikke å klage, men lampen er ødelagt."),
    ("nn", "Varene er ikkje komne, og eg får ikkje svar. Det er for dårleg."),
    ("fi", "Paketti ei ole tullut, ja kukaan ei vastaa. Todella huonoa palvelua."),
    ("fi", "Laskutitte minua kahdesti. Haluan rahat takaisin heti."),
    ("sv", "Paketet kom aldrig och ingen svarar. Det är under all kritik."),
    ("da", "Varen er i stykker, og I svarer ikke. Det er for dårligt."),
    ("de", "Die Lampe ist kaputt und niemand antwortet. Das ist eine Frechheit."),
]


def judged(lang: str, text: str) -> Verdict:
    return default_judge().judge("", text, lang)


@cache
def weighed(lang: str) -> frozenset[str]:
    """Name the groups that move the score; others say how urgent it is, or who asks."""
    pack = load_packs().by_language[lang]
    return frozenset(
        prefix + group.name
        for group in (*pack.spec.groups, *pack.shared)
        for prefix in ("", "not ")
        if group.effects.get("complaint")
    )


def named(verdict: Verdict) -> Iterator[tuple[str, float]]:
    """Yield the words that moved the score, with what they moved it by."""
    for reason in verdict.reasons:
        found = REASON.match(reason)
        if found and found[1] in weighed(verdict.lang):
            yield found[2], float(found[3])


def idle(lang: str, text: str) -> list[str]:
    """Return the named words that could be taken away without changing the score.

    Of a score that is rounded to certainty one word more or less is not seen.
    """
    text = fold(text).replace("\n", " ")
    whole = judged(lang, text)
    return [
        words
        for words, _ in named(whole)
        if whole.score < CERTAIN
        and judged(lang, text.replace(words, " . ")).score == whole.score
    ]


def bare(lang: str, text: str) -> str:
    """Take away all words named as speaking for a complaint."""
    text = fold(text).replace("\n", " ")
    for words, weight in named(judged(lang, text)):
        text = text.replace(words, " . ") if weight > 0 else text
    return text


@pytest.mark.parametrize(("lang", "text"), OURS)
def test_without_a_word_it_names_the_score_is_another(lang: str, text: str) -> None:
    assert [*named(judged(lang, text))]
    assert idle(lang, text) == []


@pytest.mark.parametrize(("lang", "text"), OURS)
def test_without_all_of_them_less_of_a_complaint_is_left(lang: str, text: str) -> None:
    whole = judged(lang, fold(text))
    left = judged(lang, bare(lang, text))
    assert left.score < whole.score or not whole.complaint


@pytest.mark.shared
def test_so_it_is_with_tickets_of_others() -> None:
    path = DATA / "handwritten.jsonl.gz"
    if not path.exists():
        pytest.skip("no labelled tickets beside the repository")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::3]
    tickets = [
        (row["lang"], customer_words(row["text"], looks_like_html(row["text"])).text)
        for row in rows
    ]
    strange = [(text, words) for lang, text in tickets if (words := idle(lang, text))]
    assert strange == []
    for lang, text in tickets:
        if judged(lang, text).complaint:
            assert judged(lang, bare(lang, text)).score < judged(lang, text).score
