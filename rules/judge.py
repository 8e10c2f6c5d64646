"""Weigh the words of a ticket and say why: complaint, types, emotion, urgency.

Pure: packs in, text in, verdict out. What words mean is in the packs, who wrote them is
decided in ``words``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from string import ascii_lowercase
from typing import NamedTuple

from rules.clauses import Clauses
from rules.folding import fold
from rules.index import Hit
from rules.language import detect
from rules.learned import Model
from rules.pack import Pack, Packs, load_packs
from rules.packfile import Group
from rules.verdict import (
    ORIGINS,
    PERSONAS,
    TYPES,
    Sentiment,
    Urgency,
    Verdict,
    band_of,
    heard,
    score_of,
)
from rules.words import Words, customer_words, looks_like_html

JUDGED_CHARS = 12_000  # a longer message has said it by then
_SECONDARY_SHARE = 0.5
_BARE_CHARS = 60
_WORTH_TELLING = 0.05
_HEARD_CHARS = 300  # who shouts does so from the beginning
_TYPE_MINIMUM = 0.7
_TOPIC_MINIMUM = 0.4  # what a complaint is about, where nothing says what is wrong
_PERSONA_MINIMUM = 1.0
_NAMES = {"no": "nb", "nb-no": "nb", "nn-no": "nn"}
VAGUE = "insufficient_information"  # what nothing else is said of, never added up
_SAID = tuple(name for name in TYPES if name != VAGUE)
_ORIGINS = {name: f"origin_{name}" for name in ORIGINS}
_UNTOLD = frozenset((*TYPES, *_ORIGINS.values()))
_NAMING = frozenset((*_SAID, *_ORIGINS.values()))
_REPLY = re.compile(r"(?i)^\s*(?:re|sv|vs|aw|fw|fwd|vl|wg|ang)\s*:")
_SHOUTED = re.compile(r"\b[A-ZÆØÅÄÖ]{4,}\b")
_CAPITALS = re.compile("[A-ZÆØÅÄÖ]{4}")
_SMALL = ascii_lowercase.encode()
_TWO_SIGNS = ("!!", "??", "!?", "?!")
_BANGS = re.compile(r"!{2,}|\?{2,}|!\?|\?!")
_WORD = re.compile(r"\w+(?:'\w+)?")


@dataclass(slots=True)
class Tally:
    """Evidence of one text, gathered by effect."""

    weights: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    reasons: list[tuple[float, str, str, float]] = field(default_factory=list)
    bare: bool = False  #: says that something is wrong, and nothing of what
    topical: bool = False  #: its types are what it is about, complaint or not

    def add(self, effect: str, weight: float) -> None:
        self.weights[effect] += weight

    def explain(self, name: str, words: str, moved: Mapping[str, float]) -> None:
        """Say what words moved: the score if they did, else what they moved most."""
        weight = moved.get("complaint")
        rank = 100.0 if weight else 0.0
        if not weight:
            told = (moved[key] for key in moved if key not in _UNTOLD)
            weight = max(told, key=abs, default=0.0)
        if abs(weight) >= _WORTH_TELLING:
            rank += abs(weight)
            self.reasons.append((rank, name, words, weight))


class Gathered(NamedTuple):
    """What there is to say about a text before it is judged."""

    lang: str
    text: str
    said: str  #: with its subject, if that is the customer's
    folded: str
    tally: Tally
    shouted: float


class Judge:
    """Judges tickets by a set of packs, and by what was learned if there is a model.

    Safe to share between threads.
    """

    def __init__(
        self, packs: Packs | None = None, learned: Model | None = None
    ) -> None:
        self._packs = packs or load_packs()
        self._learned = learned

    @property
    def version(self) -> str:
        learned = f"+{self._learned.version}" if self._learned else ""
        return self._packs.version + learned

    @property
    def added(self) -> Mapping[str, str]:
        """The texts of the packs that were added to the product's, by file."""
        return self._packs.added

    def with_packs(self, packs: Packs) -> Judge:
        """Return a judge by other packs that uses the same model, if any."""
        return Judge(packs, self._learned)

    def with_learned(self, learned: Model | None) -> Judge:
        """Return a judge by the same packs that uses this model, or none."""
        return self if learned is self._learned else Judge(self._packs, learned)

    def judge(
        self,
        subject: str,
        text: str,
        lang: str | None = None,
        *,
        is_html: bool | None = None,
    ) -> Verdict:
        """Judge one message; ``is_html`` is looked up in the text if it is None."""
        html = looks_like_html(text) if is_html is None else is_html
        return self.judge_words(subject, customer_words(text, html, subject), lang)

    def judge_words(
        self, subject: str, words: Words, lang: str | None = None
    ) -> Verdict:
        """Judge a message whose own words were already taken out of it."""
        lang = self._language(subject, words.text, lang)
        if words.auto_reply:
            return Verdict(
                lang=lang,
                auto_reply=True,
                urgency="low",
                reasons=(f"auto reply: {words.reason}",),
                pack_version=self.version,
            )
        pack = self._packs.by_language.get(lang)
        if pack is None:
            reason = f"language: {lang} is not covered" if lang else "language: unknown"
            return Verdict(lang="", reasons=(reason,), pack_version=self.version)
        return self.conclude(_gather(pack, lang, subject, words.text))

    def gathered(self, subject: str, words: Words) -> Gathered | None:
        """Return what packs find in a message; None if it is not one to be judged."""
        lang = self._language(subject, words.text, None)
        pack = self._packs.by_language.get(lang)
        if words.auto_reply or pack is None:
            return None
        return _gather(pack, lang, subject, words.text)

    def conclude(self, found: Gathered) -> Verdict:
        """Judge by what was found, which is used up by it."""
        if self._learned:
            self._learned.weigh(found.tally, found.folded, found.shouted)
        return conclude(
            found.tally, found.lang, found.text, found.shouted, self.version
        )

    def _language(self, subject: str, text: str, given: str | None) -> str:
        if given:
            name = given.casefold().replace("_", "-")
            name = _NAMES.get(name, name)
            return name if name in self._packs.by_language else name.split("-")[0]
        return detect(text) or detect(f"{subject}\n{text}") or self._by_words(text)

    def _by_words(self, text: str) -> str:
        """Choose the language whose pack knows most of a very short text."""
        folded = fold(text[:200])
        if len(folded) > 60:
            return ""
        best = max(
            self._packs.by_language.items(),
            key=lambda item: sum(hit.end - hit.start for hit in item[1].search(folded)),
        )
        known = any(hit.group in best[1].spec.groups for hit in best[1].search(folded))
        return best[0] if known else ""


@cache
def default_judge() -> Judge:
    """Return the judge with the product's own packs, built once per process."""
    return Judge()


def _gather(pack: Pack, lang: str, subject: str, text: str) -> Gathered:
    subject, text = subject[:500], text[:JUDGED_CHARS]
    said = f"{'' if _REPLY.match(subject) else subject}\n{text}"
    folded = fold(said)
    return Gathered(lang, text, said, folded, gather(pack, folded), shouting(said))


def gather(pack: Pack, folded: str) -> Tally:
    """Add up what the words of a text mean in their clause."""
    found: dict[str, list[tuple[float, Hit]]] = {}
    reading = pack.read(folded)
    clauses = Clauses(pack.spec, folded, reading.turns)
    for hit in reading.hits:
        name = hit.group.name
        before = found.get(name)
        if before is None:
            found[name] = [(clauses.share(hit), hit)]
        elif before[-1][1].start != hit.start:
            before.append((clauses.share(hit), hit))
    tally = Tally(bare=_is_bare(folded, found.values()))
    for hits in found.values():
        _count(tally, folded, hits)
    return tally


def _is_bare(folded: str, found: Iterable[list[tuple[float, Hit]]]) -> bool:
    """Tell whether each longer word of a very short text only says "it is wrong"."""
    if len(folded) > _BARE_CHARS:
        return False
    groups = [hits for hits in found if not _names_a_type(hits[0][1].group)]
    said = {
        at for hits in groups for _, hit in hits for at in range(hit.start, hit.end)
    }
    words = [match for match in _WORD.finditer(folded) if len(match[0]) >= 4]
    return bool(said) and all(match.start() in said for match in words)


def _names_a_type(group: Group) -> bool:
    return not _NAMING.isdisjoint(group.effects)


def _count(tally: Tally, folded: str, hits: list[tuple[float, Hit]]) -> None:
    """Count a group once, and repetitions a little (they never outweigh it)."""
    straight = [hit for hit in hits if hit[0] > 0]
    if straight:
        share, hit = (
            straight[0] if len(straight) == 1 else max(straight, key=itemgetter(0))
        )
        factor = share * (1.5 - 0.5 ** len(straight))
        _move(tally, hit.group.name, folded, hit, hit.group.effects, factor)
    if len(straight) < len(hits):
        hit = next(hit for share, hit in hits if share < 0)
        factor = 1.5 - 0.5 ** (len(hits) - len(straight))
        name = f"not {hit.group.name}"
        _move(tally, name, folded, hit, _turned(hit.group), factor)


def _move(
    tally: Tally,
    name: str,
    folded: str,
    hit: Hit,
    effects: dict[str, float],
    factor: float,
) -> None:
    if factor != 1.0:
        effects = {effect: weight * factor for effect, weight in effects.items()}
    for effect, weight in effects.items():
        tally.weights[effect] += weight
    words = folded[hit.start : hit.end].replace("\n", " ")
    tally.explain(name, words, effects)


def _turned(group: Group) -> dict[str, float]:
    """Say what negated words mean: denied praise is a complaint."""
    effects = group.effects
    if effects.get("praise", 0) > 0:
        return {"complaint": 1.0}
    if effects.get("complaint", 0) > 0:
        return {"complaint": -0.3 * effects["complaint"]}
    return {}


def shouting(text: str) -> float:
    """Measure capitals and exclamation marks, from 0 to about 1.5."""
    loud = 0.0
    if _CAPITALS.search(text):
        loud = 0.4 * min(2, len(_SHOUTED.findall(text)))
    if _is_in_capitals(text[:_HEARD_CHARS]):
        loud = 1.2
    if any(signs in text for signs in _TWO_SIGNS):
        loud += 0.25 * min(2, len(_BANGS.findall(text)))
    return min(1.5, loud)


def _is_in_capitals(head: str) -> bool:
    plain = head.encode("ascii", "ignore")
    if len(plain) - len(plain.translate(None, _SMALL)) >= 0.4 * len(head):
        return False  # as nearly always, and counting takes long
    letters = sum(map(str.isalpha, head))
    return letters > 20 and sum(map(str.isupper, head)) > 0.6 * letters


def conclude(
    tally: Tally, lang: str, text: str, shouted: float, version: str
) -> Verdict:
    """Turn evidence into a verdict."""
    weights = tally.weights
    score = score_of(weights["complaint"] + heard(shouted))
    complaint = score >= 0.5
    emotion = _emotion(weights["emotion"], shouted, complaint)
    praise = weights["praise"] >= 1.0
    types = _types(tally, text) if complaint or tally.topical else ()
    return Verdict(
        lang=lang,
        complaint=complaint,
        score=round(score, 6),
        band=band_of(score),
        types=types if complaint else (),
        topics=types,
        emotion=emotion,
        sentiment=_sentiment(complaint, praise, weights),
        praise=praise,
        urgency=_urgency(weights, complaint, praise),
        personas=_personas(weights, emotion) if complaint else (),
        origin=_origin(weights) if complaint else "",
        reasons=_reasons(tally.reasons),
        pack_version=version,
    )


def _types(tally: Tally, text: str) -> tuple[str, ...]:
    found = sorted(
        ((tally.weights[name], -place, name) for place, name in enumerate(_SAID)),
        reverse=True,
    )
    best = found[0][0]
    if tally.bare or (best < _TOPIC_MINIMUM and len(text.split()) <= 40):
        return (VAGUE,)
    if best < _TOPIC_MINIMUM:
        return ("other",)
    least = min(best, max(_TYPE_MINIMUM, _SECONDARY_SHARE * best))
    return tuple(name for weight, _, name in found if weight >= least)[:3]


def _origin(weights: Mapping[str, float]) -> str:
    """Return in whose hands it went wrong; of two that are as likely, none."""
    first, second, *_ = sorted(
        ((weights.get(effect, 0.0), name) for name, effect in _ORIGINS.items()),
        reverse=True,
    )
    return first[1] if first[0] > second[0] else ""


def _emotion(weight: float, shouted: float, complaint: bool) -> int:
    total = weight + (shouted if complaint or weight > 0 else 0.0)
    return 3 if total >= 2.6 else 2 if total >= 1.6 else 1 if total >= 0.8 else 0


def _sentiment(complaint: bool, praise: bool, weights: dict[str, float]) -> Sentiment:
    if complaint or weights["emotion"] >= 1.0:
        return "negative"
    return "positive" if praise else "neutral"


def _urgency(weights: dict[str, float], complaint: bool, praise: bool) -> Urgency:
    balance = weights["urgent"] - weights["relaxed"]
    if balance >= 1.0:
        return "high"
    if balance <= -1.0 or (praise and not complaint):
        return "low"
    return "normal"


def _personas(weights: dict[str, float], emotion: int) -> tuple[str, ...]:
    found = {name for name in PERSONAS if weights[name] >= _PERSONA_MINIMUM}
    if emotion == 3:
        found.add("outspoken")
    if "outspoken" in found:
        found.discard("quiet")
    return tuple(name for name in PERSONAS if name in found)


def _reasons(reasons: Iterable[tuple[float, str, str, float]]) -> tuple[str, ...]:
    ranked = sorted(reasons, key=lambda reason: -reason[0])[:5]
    return tuple(
        f'{name}: "{words}" ({weight:+.1f})' for _, name, words, weight in ranked
    )
