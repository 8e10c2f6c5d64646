"""What was judged about one ticket: the value, and its plain-dict form.

How it is found out is in ``judge``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Band = Literal["high", "medium", "low"]
Sentiment = Literal["negative", "neutral", "positive"]
Urgency = Literal["low", "normal", "high"]

TYPES = (
    "delivery",
    "product_quality",
    "customer_service",
    "billing_invoice",
    "discount_pricing",
    "returns_refunds",
    "insufficient_information",
    "social_media",
    "other",
)
#: In whose hands it went wrong, as far as the words say.
ORIGINS = ("website", "carrier", "goods", "staff", "terms", "customer")

PERSONAS = ("outspoken", "premium", "frequent", "quiet")

_LISTS = ("types", "topics", "personas", "reasons")

#: Evidence of this weight makes a complaint; the steeper, the surer one is of more.
ENOUGH = 0.55
STEEPNESS = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of one message.

    ``lang`` is empty where no covered language was recognised: nothing else was then
    looked at. ``score`` is how sure we are that it is a complaint, ``band`` says the
    same in words: ``high`` 0.8 and up, ``low`` below 0.4, ``medium`` is worth a look.
    ``types`` are those of a complaint, the main one first; ``topics`` are the same, and
    also what another message is about, as far as that was learned. ``emotion`` goes
    from 0 (none) to 3 (furious). ``origin`` is in whose hands it went wrong, empty if
    no word says. ``reasons`` quote the deciding words. ``pack_version`` tells which
    packs judged.
    """

    lang: str = ""
    complaint: bool = False
    score: float = 0.0
    band: Band = "low"
    types: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    emotion: int = 0
    sentiment: Sentiment = "neutral"
    praise: bool = False
    urgency: Urgency = "normal"
    personas: tuple[str, ...] = ()
    origin: str = ""
    auto_reply: bool = False
    reasons: tuple[str, ...] = ()
    pack_version: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        plain = asdict(self)
        for name in _LISTS:
            plain[name] = list(plain[name])
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Verdict:
        """Build a verdict from ``to_dict``; unknown keys are ignored."""
        known = {key: plain[key] for key in cls.__slots__ if key in plain}
        for name in _LISTS:
            if name in known:
                known[name] = tuple(known[name])
        return cls(**known)


def band_of(score: float) -> Band:
    """Put a score into words."""
    return "high" if score >= 0.8 else "medium" if score >= 0.4 else "low"


def score_of(evidence: float) -> float:
    """Turn the weight of evidence into a score from 0 to 1."""
    return 1 / (1 + math.exp(-STEEPNESS * (evidence - ENOUGH)))


def heard(shouted: float) -> float:
    """Return how much evidence of a complaint there is in shouting."""
    return 0.2 * min(shouted, 1.0)
