"""The sample letters are what the demo and the measurements take them for."""

from collections import Counter

import pytest

from connector.sandbox.people import INCIDENT, all_letters, incident, letters


def test_complaints_have_the_shares_the_product_was_planned_with():
    mixed = [one for one in letters(1) if one.kind == "complaint"]
    assert Counter(one.type for one in mixed) == {
        "delivery": 35,
        "product_quality": 25,
        "customer_service": 20,
        "discount_pricing": 10,
        "returns_refunds": 5,
        "social_media": 3,
        "other": 2,
    }


def test_every_language_has_every_kind():
    seen = {(one.lang, one.kind) for one in all_letters()}
    kinds = {"complaint", "thanks", "question", "auto_reply"}
    assert {(lang, kind) for lang in ("en", "nb", "fi") for kind in kinds} <= seen
    assert "nn" in {one.lang for one in all_letters()}


def test_letters_are_all_different_and_nobody_is_real():
    every = all_letters()
    assert len({one.id for one in every}) == len(every)
    assert len({one.text for one in every}) == len(every)
    assert all(one.email.endswith(".example") for one in every)


@pytest.mark.parametrize("group", [INCIDENT, f"{INCIDENT}-again"])
def test_incident_is_one_problem_told_by_different_people(group):
    told = incident(group)
    assert {one.lang for one in told} >= {"en", "nb", "fi"}
    assert len({one.email for one in told}) == len(told)
    for one in told:
        assert "E-4012" in one.subject + one.text
    if group == INCIDENT:
        assert len(told) >= 12


def test_stream_is_shuffled_by_its_seed_and_holds_no_incident():
    first, again, other = list(letters(1)), list(letters(1)), list(letters(2))
    assert first == again
    assert first != other
    assert not any(one.group for one in first)
