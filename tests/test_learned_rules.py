"""What was learned moves verdicts by words, says which, and hangs on nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from math import nan
from typing import Any

import pytest

from rules.judge import Judge, default_judge
from rules.learned import BadModel, Model, read

WORDS = {
    "zebra": (2.0, 3.0, 1.0, -1.0),
    "loaf": (1.0, -2.5, -1.0, 1.0),
    "blue zebra": (2.0, 2.0, 0.0, 0.0),
}
GRAMS = {"<hip": (1.5, 1.0, 0.0, 0.0), "po>": (1.5, 1.0, 0.0, 0.0)}


def fitted(**changes: Any) -> Model:
    model = Model(
        version="",
        packs="",
        outcomes=("complaint", "social_media", "other"),
        bias=(-1.0, 0.0, 0.0),
        words=WORDS,
        grams=GRAMS,
        groups={"thanks": (-0.5, 0.0, 0.0)},
        evidence={"complaint": (1.6, 0.0, 0.0), "shouted": (0.3, 0.0, 0.0)},
        last=(),
    )
    model = replace(model, **changes)
    return replace(model, version=model.fingerprint())


@pytest.fixture(scope="module")
def judge() -> Judge:
    return default_judge().with_learned(fitted())


def test_learned_words_make_a_complaint_of_what_packs_do_not_know(judge: Judge) -> None:
    text = "I saw a zebra today."
    assert not default_judge().judge("", text, "en").complaint
    verdict = judge.judge("", text, "en")
    assert verdict.complaint
    assert any(one.startswith('learned: "zebra" (+') for one in verdict.reasons)


def test_learned_words_can_speak_against_a_complaint(judge: Judge) -> None:
    text = "The handle is broken."
    with_loaf = f"{text} It is a loaf of bread, really, and a loaf it stays."
    before, after = judge.judge("", text, "en"), judge.judge("", with_loaf, "en")
    assert before.complaint
    assert after.score < before.score
    assert any(one.startswith('learned: "loaf" (-') for one in after.reasons)


@pytest.mark.parametrize("word", ["zebra", "loaf", "blue zebra", "hippo"])
def test_taking_out_a_named_word_changes_the_score(judge: Judge, word: str) -> None:
    text = f"Today the {word} came to us and it was a fine day."
    verdict = judge.judge("", text, "en")
    assert any(f'learned: "{word}"' in one for one in verdict.reasons)
    assert judge.judge("", text.replace(word, ""), "en").score != verdict.score


def test_parts_of_words_tell_about_words_never_seen(judge: Judge) -> None:
    seen, unseen = (
        judge.judge("", f"Today a {word} came to us.", "en").score
        for word in ("hippopo", "horse")
    )
    assert seen > unseen


def test_numbers_weigh_nothing(judge: Judge) -> None:
    numbered = default_judge().with_learned(
        fitted(
            words={"4711": (2.0, 9.0, 9.0, 9.0)}, grams={"471": (2.0, 9.0, 9.0, 9.0)}
        )
    )
    assert not numbered.judge("", "Our meeting is at 4711 today.", "en").complaint


def test_learned_type_comes_first_where_it_is_sure() -> None:
    text = "My order is late, says the zebra."
    assert default_judge().judge("", text, "en").types == ("delivery",)
    sure = fitted(words={"zebra": (2.0, 3.0, 9.0, -9.0)})
    verdict = default_judge().with_learned(sure).judge("", text, "en")
    assert verdict.types == ("social_media", "delivery")


def test_what_may_be_a_complaint_has_topics_and_only_a_complaint_has_types() -> None:
    outcomes = {"zebra": (2.0, 0.0, 1.0, -1.0), "loaf": (2.0, -9.0, 1.0, -1.0)}
    judge = default_judge().with_learned(fitted(words=outcomes))
    text = "I saw a zebra today."
    verdict = judge.judge("", text, "en")
    assert (verdict.complaint, verdict.types) == (False, ())
    assert verdict.topics == ("social_media",)
    surely_none = judge.judge("", f"{text} And a loaf of bread.", "en")
    assert (surely_none.complaint, surely_none.topics) == (False, ())
    assert default_judge().judge("", text, "en").topics == ()


def test_type_that_nobody_gives_comes_after_the_learned_ones() -> None:
    unused = default_judge().with_learned(fitted(last=("delivery",)))
    verdict = unused.judge("", "My order is late, says the zebra.", "en")
    assert verdict.types == ("social_media", "delivery")


def test_emotion_praise_and_urgency_stay_those_of_the_packs(judge: Judge) -> None:
    text = "I am furious, zebra! Answer today or I call my lawyer."
    plain, learned = default_judge().judge("", text, "en"), judge.judge("", text, "en")
    for name in ("emotion", "praise", "urgency", "lang"):
        assert getattr(learned, name) == getattr(plain, name)


def test_version_names_the_model_too(judge: Judge) -> None:
    verdict = judge.judge("", "hello there", "en")
    assert verdict.pack_version == f"{default_judge().version}+{fitted().version}"
    assert len(verdict.pack_version) <= 40  # as much as the database takes


def test_model_is_read_as_it_was_written() -> None:
    model = fitted()
    again = read(model.to_json())
    assert again.to_json() == model.to_json()
    text = "A blue zebra and a hippo."
    one, other = (
        default_judge().with_learned(m).judge("", text) for m in (model, again)
    )
    assert one == other


def test_a_model_that_is_none_is_refused() -> None:
    plain = json.loads(fitted().to_json())
    for text, why in (
        ("{}", "not what learn writes"),
        ("[1]", "not what learn writes"),
        ("not json", "not what learn writes"),
        (json.dumps(plain | {"format": 9}), "format is 9"),
        (json.dumps(plain | {"bias": [9, 0, 0]}), "changed after"),
        (fitted(words={"zebra": (1.0, 1e300, 0.0, 0.0)}).to_json(), "more than learn"),
        (fitted(words={"zebra": (1.0, nan, 0.0, 0.0)}).to_json(), "more than learn"),
    ):
        with pytest.raises(BadModel, match=why):
            read(text)
