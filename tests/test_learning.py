"""Learning: only with enough labels, only if it helps, only words of several customers.

The lessons are made up of words that no pack knows, so that what is learned shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from connector.fitting import fit
from connector.learning import (
    LEAST,
    PARTS,
    Figures,
    Learned,
    learn,
    macro_f1,
    newest,
)
from connector.samples import CUSTOMERS, Features, Lesson, Sheet, sample
from rules.judge import default_judge
from rules.learned import COMPLAINT, Model, words_of
from rules.words import Words

KINDS = ("delivery", "product_quality")
TALKS = ("the {} is here now", "we saw our {} today", "this {} came to us again")


def lesson(number: int) -> Lesson:
    """Three of four complain, of one of two things, in words of this company's."""
    complains, quality = number % 4 != 3, number % 2 == 0
    word = ("gadzook" if quality else "humdrum") if complains else "sunflower"
    text = TALKS[number % 3].format(word)
    kind = KINDS[quality] if complains else ""
    return Lesson("", f"{text}, number {number}", f"customer {number}", complains, kind)


def lessons(count: int = 280) -> list[Lesson]:
    return [lesson(number) for number in range(count)]


def laid_out(taught: Sequence[tuple[str, str]]) -> Features:
    """Lay out texts with their customers."""
    sheet = Sheet()
    for text, customer in taught:
        found = default_judge().gathered("", Words(text, False, ""))
        if found is not None:
            sheet.add(sample(customer, found))
    return sheet.features()


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn(lessons(), default_judge())


@pytest.fixture(scope="module")
def model(learned: Learned) -> Model:
    assert learned.model is not None
    return learned.model


def test_learning_finds_what_packs_do_not_know(learned: Learned, model: Model) -> None:
    complaint, kind = learned.figures
    assert complaint.packs < 0.5 < 0.95 < complaint.blend
    assert complaint.won == PARTS
    assert kind.packs < 0.5 < 0.95 < kind.blend
    verdict = default_judge().with_learned(model).judge("", "our gadzook again", "en")
    assert verdict.complaint
    assert verdict.types[0] == "product_quality"
    assert any("gadzook" in one for one in verdict.reasons)


def test_same_lessons_make_the_same_model(model: Model) -> None:
    again = learn(lessons(), default_judge()).model
    assert again is not None
    assert again.to_json() == model.to_json()


def test_what_was_fitted_is_what_is_applied(model: Model) -> None:
    """A verdict follows from the columns that were fitted, in each of their blocks."""
    judge = default_judge()
    text = "THE GADZOOK is broken again, thanks!! 4711"
    words = Words(text, False, "")
    found = judge.gathered("", words)
    assert found is not None
    taught = [one._replace(text=text) for one in lessons(CUSTOMERS)]
    columns = laid_out([(one.text, one.customer) for one in taught])
    fitted = columns.model(
        "", ["complaint"], [], [[0.01] * columns.matrix.shape[1]], [0.3]
    )
    expected = 0.3 + 0.01 * float(columns.matrix[0].sum())
    score = judge.with_learned(fitted).judge_words("", words).score
    assert score == pytest.approx(1 / (1 + 2.718281828**-expected), abs=2e-4)


def test_labels_the_other_way_round_make_weights_the_other_way_round() -> None:
    taught = lessons(80)
    columns = laid_out([(one.text, one.customer) for one in taught])
    truth = [one.complaint for one in taught]
    weights, bias = fit(columns.matrix, truth, columns.said)
    turned, turned_bias = fit(columns.matrix, [not one for one in truth], columns.said)
    assert turned_bias[0] == pytest.approx(-bias[0], abs=0.01)
    assert turned[0].tolist() == pytest.approx((-weights[0]).tolist(), abs=0.01)
    named = [f"{one}" for one in truth]
    both, _ = fit(columns.matrix, named, columns.said)
    assert both[0].tolist() == pytest.approx((-both[1]).tolist())


@pytest.mark.parametrize(
    ("text", "learned_from"),
    [
        ("Still waiting for it… again?", {"...", "?"}),
        ("Still waiting for it. Once more", set()),
        ("We saw it here: https://shop.example/a?b=c", {"https"}),
        ("We saw it here: <url>", {"url"}),
        ("We wrote to kari@shop.example about it", set()),
    ],
)
def test_signs_and_links_are_learned_from_as_they_are_judged(
    text: str, learned_from: set[str]
) -> None:
    found = default_judge().gathered("", Words(text, False, ""))
    assert found is not None
    said = sample("", found).words
    assert set(said) <= set(words_of(found.folded))
    watched = {"...", ".", "?", "https", "url", "link", "shop", "kari", "email"}
    assert watched & set(said) == learned_from


def test_words_of_few_customers_and_numbers_are_not_kept() -> None:
    few, many = CUSTOMERS - 1, CUSTOMERS
    taught = [
        *(("quokkaville came to us", f"{one} a") for one in range(few)),
        *(("quokkaville came to us", "0 a") for _ in range(9)),
        *(("marzipan order AB4711 came", f"{one} b") for one in range(many)),
        *(("write to kari.nordmann@mail.example", f"{one} c") for one in range(many)),
    ]
    kept = laid_out(taught)
    known = " ".join([*kept.words, *kept.grams])
    assert "marzipan" in kept.words
    for gone in ("quokka", "4711", "ab4", "nordmann", "mail"):
        assert gone not in known


@pytest.mark.parametrize(
    ("taught", "why"),
    [
        (lambda: lessons(LEAST - 1), "150 complaints and 49 others; needed are 200"),
        (
            lambda: [one._replace(complaint=True) for one in lessons()],
            "280 complaints and 0 others; needed are 200 labelled and 40 of each",
        ),
        (lambda: [], "0 complaints and 0 others"),
    ],
)
def test_too_few_labels_teach_nothing_and_it_says_what_is_missing(
    taught: Callable[[], list[Lesson]], why: str
) -> None:
    few = [one._replace(kind="") for one in taught()]
    found = learn(few, default_judge())
    complaint, kind = found.figures
    assert found.model is None
    assert why in complaint.refused
    assert "0 complaints with a type (none)" in kind.refused


def test_what_does_not_help_stays_off() -> None:
    """Labels that packs know already cannot be bettered."""
    said = ("My parcel never arrived, I want a refund.", "Thank you, all is fine.")
    same = [
        Lesson("", said[one % 2], str(one), one % 2 == 0, "") for one in range(LEAST)
    ]
    found = learn(same, default_judge())
    assert found.figures[0].packs == 1.0
    assert not found.figures[0].helps
    assert found.model is None


def test_what_helps_in_one_part_only_may_be_chance() -> None:
    figures = Figures(COMPLAINT, LEAST, packs=0.90, blend=0.91, won=1)
    assert not figures.helps
    assert replace(figures, won=PARTS).helps
    assert not replace(figures, won=PARTS, packs=0.92).helps


def test_tickets_that_are_not_judged_teach_nothing() -> None:
    strange = Lesson(
        "", "これは苦情ではありません。ありがとうございます。", "x", True, ""
    )
    assert learn([strange], default_judge()).left_out == 1


def test_macro_f1_counts_rare_classes_as_much_as_frequent_ones() -> None:
    pairs = [("a", "a")] * 8 + [("a", "b")] * 2
    assert macro_f1(pairs) == pytest.approx((16 / 18 + 0) / 2)
    assert macro_f1([]) == 0.0


def test_of_very_many_the_newest_of_each_label_teach_and_rare_ones_stay() -> None:
    many = [Lesson("", f"{one}", "", one % 10 != 0, "") for one in range(6000)]
    rare = [Lesson("", "rare", "", True, "delivery") for _ in range(LEAST // 2)]
    chosen, older = newest([*rare, *many], most=3000)
    assert len(chosen) + older == 6000 + len(rare)
    assert chosen[: len(rare)] == rare
    others = [int(one.text) for one in chosen if one.complaint is False]
    assert others == list(range(0, 6000, 10))[-len(others) :]
    assert len(others) == pytest.approx(300, abs=10)
    assert newest(many)[1] == 0
