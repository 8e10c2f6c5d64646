"""What else could judge tickets: a list of keywords, VADER, a trained linear model.

Measured on the rows that the packs are measured on. The trained model sees the labels
of the other folds of the same source, which the packs do not: it is what thousands of
labelled rows of one's own are worth.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bench.quality import macro_f1

FOLDS = 5
#: Fewer rows of the rarest class train nothing.
LEAST = 2 * FOLDS

COMPLAINT_WORDS = {
    "en": "complain* disappoint* terrible awful worst unacceptable broken damaged "
    "missing late refund wrong rude problem never",
    "nb": "klage* skuffet dårlig elendig uakseptabel ødelagt skadet mangler forsinket "
    "refusjon feil frekk problem aldri",
    "nn": "klage* skuffa dårleg elendig øydelagd skadd manglar forseinka feil frekk "
    "problem aldri",
    "fi": "valit* pettyn* huono* surkea* rikki vaurioit* puuttu* myöhässä hyvitys "
    "väärä* töykeä ongelma* koskaan",
    "sv": "klag* besviken dålig* usel* oacceptabel* trasig* skadad saknas försenad "
    "återbetalning fel otrevlig problem aldrig",
    "da": "klage* skuffet dårlig* elendig* uacceptabel* ødelagt beskadiget mangler "
    "forsinket refusion forkert uforskammet problem aldrig",
    "de": "beschwer* enttäusch* schlecht* schrecklich* inakzeptabel* kaputt* defekt* "
    "fehlt verspätet rückerstattung falsch* unfreundlich* problem* nie",
}
TYPE_WORDS = {
    "delivery": "deliver* late delayed parcel package arrive* flight* luggage",
    "product_quality": "broken damaged defect* quality faulty seat* wifi",
    "customer_service": "rude service staff agent* answer* phone hold",
    "billing_invoice": "invoice* charged billed payment* fee*",
    "discount_pricing": "price* discount* coupon* expensive",
    "returns_refunds": "refund* return* money",
    "other": "booking* reservation* privacy",
}

Text = tuple[str, str]  # a language and what was written in it
Judge = Callable[[Sequence[Text], Sequence[str]], Sequence[str]]


class Task(NamedTuple):
    """Rows with the label that is looked for."""

    texts: list[Text]
    labels: list[str]
    packs: list[str]  #: what the packs said


class Missing(Exception):
    """A library of this peer is not installed."""


def keywords(texts: Sequence[Text], labels: Sequence[str]) -> list[str]:
    """Judge by a short list of words, as most helpdesks' own rules do."""
    if set(labels) <= {"True", "False"}:
        lists = {lang: _any_of(words) for lang, words in COMPLAINT_WORDS.items()}
        return [str(bool(lists[lang].search(text))) for lang, text in texts]
    kinds = {kind: _any_of(words) for kind, words in TYPE_WORDS.items()}
    return [
        max(kinds, key=lambda kind: len(kinds[kind].findall(text))) for _, text in texts
    ]


def _any_of(words: str) -> re.Pattern[str]:
    each = (re.escape(word).replace(r"\*", r"\w*") for word in words.split())
    return re.compile(rf"(?i)\b(?:{'|'.join(each)})\b")


def vader(texts: Sequence[Text], labels: Sequence[str]) -> list[str]:
    """Take a negative mood for a complaint; English only."""
    if not set(labels) <= {"True", "False"} or {lang for lang, _ in texts} != {"en"}:
        return []
    module = _library("vaderSentiment.vaderSentiment", "vaderSentiment")
    moods = module.SentimentIntensityAnalyzer()
    return [str(moods.polarity_scores(text)["compound"] <= -0.05) for _, text in texts]


def trained(texts: Sequence[Text], labels: Sequence[str]) -> list[str]:
    """Train on words and stretches of letters, and judge what was held out."""
    if min(map(labels.count, set(labels))) < LEAST:
        return []
    make = _library("sklearn.pipeline", "scikit-learn")
    selection = importlib.import_module("sklearn.model_selection")
    svm = importlib.import_module("sklearn.svm")
    model = make.make_pipeline(seen(), svm.LinearSVC(class_weight="balanced"))
    folds = selection.StratifiedKFold(FOLDS, shuffle=True, random_state=7)
    said = selection.cross_val_predict(
        model, [text for _, text in texts], list(labels), cv=folds
    )
    return [str(one) for one in said]


def seen() -> Any:
    """Return what turns texts into words, pairs and stretches of letters."""
    make = _library("sklearn.pipeline", "scikit-learn")
    vectors = importlib.import_module("sklearn.feature_extraction.text")
    return make.make_union(
        vectors.TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        vectors.TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), min_df=3, sublinear_tf=True
        ),
    )


def _library(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as err:
        raise Missing(f"pip install {package}") from err


PEERS: dict[str, Judge] = {"keywords": keywords, "VADER": vader, "trained": trained}


def compare(task: Task) -> dict[str, float | str]:
    """Return the macro F1 of each peer and the packs, or what has to be installed."""
    found: dict[str, float | str] = {}
    for name, judge in PEERS.items():
        try:
            said = judge(task.texts, task.labels)
        except Missing as err:
            found[name] = str(err)
            continue
        if said:
            found[name] = macro_f1(list(zip(said, task.labels, strict=True)))
    found["packs"] = macro_f1(list(zip(task.packs, task.labels, strict=True)))
    return found
