"""Which of the covered languages a text is in, or none.

Only language; nothing here looks at meaning. An answer of ``""`` means "not covered, or
too short to tell", and callers must say so instead of guessing.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import cache
from typing import Any

from py3langid.langid import MODEL_FILE, LanguageIdentifier

COVERED = ("en", "nb", "nn", "fi", "sv", "da", "de")
_MODEL_NAMES = {"nb": "no"}
_OUR_NAMES = {"no": "nb"}
# Neighbours that would otherwise be mistaken for one of ours.
_FOREIGN = (
    "fr es it pt nl pl cs sk hu ro et lv lt ru uk bg el tr ar fa he zh ja ko vi so is"
).split()
_WINDOW = 300
_FOREIGN_CHARS = 25  # below this a foreign verdict is noise
_SURE = 0.60
_HINT_WORDS = 12  # up to this many words the small words decide
_BEYOND_LATIN = re.compile("[\u0250-\U0010ffff]")
_lock = threading.Lock()

# Words that are frequent in short mail and belong to few of these languages.
_HINTS: dict[str, str] = {
    "en": "the and my your is are not it this with what when please i you was have "
    "doesn't don't can't hello thanks broken order refund problem complaint how does",
    "nb": "ikke jeg dere hva hvor når fra det er og på ikkje takk virker samme igjen "
    "feil bestilling hvordan noe mye deg meg hei fungerer klage min mitt mine",
    "nn": "ikkje eg dykk dykkar kva korleis kvar frå noko mykje ein eit vart vore kome "
    "framleis saman berre meir",
    "fi": "ei ja on että se mitä miten kun en oli ole olen teillä minun tilaus toimi "
    "kiitos hei moi missä taas sama vika ongelma tämä onko jos lasku reklamaatio",
    "sv": "inte jag och är ni hur vad när från på det att har fungerar tack samma igen "
    "hej klagomål er min mitt mina något mycket men",
    "da": "ikke jeg og er i hvad hvor når fra det har virker tak samme igen hej klage "
    "jer min mit mine noget meget af hvordan fejl",
    "de": "nicht ich und ist sie wie was wann von das die der habe funktioniert danke "
    "gleiche wieder hallo beschwerde mein meine ein eine fehler es",
}


def detect(text: str) -> str:
    """Return the language of ``text``, or an empty string."""
    sample = text[:_WINDOW]
    letters = sum(map(str.isalpha, sample))
    if letters < 3 or not _mostly_latin(sample, letters):
        return ""
    words = _words(sample)
    hinted = _hinted(words) if len(words) <= _HINT_WORDS else ""
    if hinted:
        return hinted
    if len(words) < 3:
        return ""
    return _modelled(sample, letters)


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    return [
        word for word in (w.strip(".,;:!?()\"«»”“'") for w in folded.split()) if word
    ]


def _mostly_latin(text: str, letters: int) -> bool:
    if not _BEYOND_LATIN.search(text):
        return True
    latin = sum(1 for char in text if char.isalpha() and char < "\u0250")
    return latin * 2 > letters


@cache
def _hint_table() -> dict[str, tuple[tuple[str, float], ...]]:
    owners: dict[str, list[str]] = {}
    for lang, words in _HINTS.items():
        for word in words.split():
            if lang not in owners.setdefault(word, []):
                owners[word].append(lang)
    return {
        word: tuple((lang, 1 / len(langs)) for lang in langs)
        for word, langs in owners.items()
    }


def _hinted(words: list[str]) -> str:
    votes: dict[str, float] = {}
    for word in words:
        for lang, weight in _hint_table().get(word, ()):
            votes[lang] = votes.get(lang, 0.0) + weight
    ranked = sorted(votes.items(), key=lambda item: -item[1])
    if not ranked or ranked[0][1] < max(0.5, 0.2 * len(words)):
        return ""
    if len(ranked) > 1 and ranked[1][1] > 0.6 * ranked[0][1]:
        return ""
    return ranked[0][0]


@cache
def _model() -> Any:
    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages({_MODEL_NAMES.get(one, one) for one in COVERED} | set(_FOREIGN))
    return model


def _modelled(sample: str, letters: int) -> str:
    with _lock:  # loading takes half a second; do it once
        model = _model()
    clean = sample.encode("utf-8", "replace").decode("utf-8")
    ranked = model.rank(clean)
    best, sure = ranked[0]
    if best in _FOREIGN:
        if sure >= _SURE and letters >= _FOREIGN_CHARS:
            return ""
        best = next(lang for lang, _ in ranked if lang not in _FOREIGN)
    return _OUR_NAMES.get(best, str(best))
