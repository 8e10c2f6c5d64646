"""What a resolution means, by id and by name."""

from __future__ import annotations

import pytest

from adapters.jira.resolutions import SPOKEN, judged, meaning_of, spoken
from connector.config_problems import Problems
from connector.models import Meaning

FIXED = Problems().fixed_resolutions

OURS = {
    Meaning.FIXED: ("10004", "Lanseert"),
    Meaning.WONT_DO: ("Done",),
    Meaning.CANNOT_REPRODUCE: ("Ei  löydy",),
}


def named(name: object, number: object = "1") -> dict[str, object]:
    return {"id": number, "name": name}


@pytest.mark.parametrize(
    ("resolution", "meaning"),
    [
        (named("Fixed"), Meaning.FIXED),
        (named("FIXED"), Meaning.FIXED),
        (named("Valmis"), Meaning.FIXED),
        (named("Won't Do"), Meaning.WONT_DO),
        (named("Won’t Fix"), Meaning.WONT_DO),
        (named("Declined"), Meaning.WONT_DO),
        (named("Duplicate"), Meaning.DUPLICATE),
        (named("Cannot Reproduce"), Meaning.CANNOT_REPRODUCE),
        (named("Later"), None),
        (named(None), None),
        (None, None),
        ("Fixed", None),
    ],
)
def test_usual_names_are_understood_without_settings(resolution, meaning):
    assert judged(resolution, {}, FIXED) is meaning
    assert meaning_of(resolution, {}) is None


@pytest.mark.parametrize(
    ("resolution", "word"),
    [
        (named("Korjattu", "10004"), "Fixed"),
        (named("Korjattu", 10004), "Fixed"),
        (named("lanseert"), "Fixed"),
        (named("Done"), "Won't Do"),
        (named("EI LÖYDY"), "Cannot Reproduce"),
        (named("Duplikat"), "Duplikat"),
        (named("Later"), "Later"),
        (None, ""),
        (named(7), ""),
    ],
)
def test_settings_give_one_word_and_leave_other_names_alone(resolution, word):
    assert spoken(resolution, OURS) == word


def test_id_goes_before_the_name():
    swapped = named("Done", "10004")
    assert meaning_of(swapped, OURS) is Meaning.FIXED


@pytest.mark.parametrize(
    ("resolution", "meaning"),
    [
        (named("released"), Meaning.FIXED),
        (named("Won't Do"), Meaning.FIXED),
        (named("Fixed"), None),
        (named("Declined"), Meaning.WONT_DO),
        (named("Korjattu", "10004"), Meaning.FIXED),
        (named("Done"), Meaning.WONT_DO),
    ],
)
def test_settings_go_before_the_names_for_fixed_and_those_before_what_is_usual(
    resolution, meaning
):
    assert judged(resolution, OURS, ["Released", "won't do", "done"]) is meaning


def test_our_words_for_what_is_not_fixed_are_no_names_for_fixed():
    assert SPOKEN[Meaning.FIXED].casefold() in FIXED
    others = {SPOKEN[one].casefold() for one in Meaning if one is not Meaning.FIXED}
    assert not others & set(FIXED)
