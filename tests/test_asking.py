"""Which facts a complaint lacks, so that an agent can ask for them."""

from __future__ import annotations

import time

import pytest

from rules.asking import FACTS, NEEDS, missing
from rules.verdict import TYPES


def test_every_type_needs_something() -> None:
    assert set(NEEDS) == set(TYPES)
    assert all(NEEDS.values())


@pytest.mark.parametrize(
    ("kind", "text", "lacks"),
    [
        ("delivery", "My parcel never arrived!", "order when place"),
        ("delivery", "Order 48213 has not come for three weeks.", "place"),
        ("delivery", "Pakken til 0150 Oslo er ikke her, ordre nr. 771.", "when"),
        ("delivery", "Tilaus 48213 ei ole tullut, tilasin viime viikolla.", "place"),
        ("product_quality", "It broke.", "product order when wish"),
        ("product_quality", "My Boil 200 broke yesterday, I want a refund.", "order"),
        ("customer_service", "Nobody is friendly.", "contact when wish"),
        ("customer_service", "I called on Monday and want an apology", ""),
        ("billing_invoice", "You charged me too much", "invoice amount when"),
        ("billing_invoice", "Invoice 20311 says 49 €, 2026-03-01", ""),
        ("billing_invoice", "Faktura nr 20311 på 490 kr fra i går er feil", ""),
        ("discount_pricing", "The code does not work", "code order when"),
        ("discount_pricing", "AUTUMN20 is refused since today", "order"),
        ("returns_refunds", "Haluan rahat takaisin.", "order when amount"),
        ("insufficient_information", "How does it work?", "product wish"),
        ("social_media", "I wrote a post about you", "link wish"),
        ("other", "Bad.", "when wish"),
    ],
)
def test_what_is_not_said_is_missing(kind: str, text: str, lacks: str) -> None:
    assert missing([kind], "", text) == tuple(lacks.split())


def test_facts_of_several_types_come_once_and_from_the_subject_too() -> None:
    kinds = ["delivery", "product_quality"]
    assert missing(kinds, "Order 48213", "It broke") == (
        "when",
        "place",
        "product",
        "wish",
    )


def test_of_words_that_are_not_known_nothing_is_missing() -> None:
    assert missing(["delivery"], "Parcel", " ") == ()
    assert missing(["something"], "", "words") == ()


@pytest.mark.timeout(20)  # a guard against hanging, not a measurement
@pytest.mark.parametrize("piece", ["order nr ", "A1", "1.", "-", "i ", "“a", "AAAA "])
def test_no_text_makes_looking_slow(piece: str) -> None:
    began = time.process_time()
    missing(list(NEEDS), piece * 20_000, piece * 20_000)
    assert time.process_time() - began < 1
    assert FACTS
