"""What a complaint usually has to say and does not: the facts an agent would ask for.

Which facts a type needs, and what shows that one is there, in any of our languages.
What to ask for them with is for others to word. Better ask one too few: whatever looks
like a fact is taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Facts that each type needs, those first without which nothing can be done.
NEEDS = {
    "delivery": ("order", "when", "place"),
    "product_quality": ("product", "order", "when", "wish"),
    "customer_service": ("contact", "when", "wish"),
    "billing_invoice": ("invoice", "amount", "when"),
    "discount_pricing": ("code", "order", "when"),
    "returns_refunds": ("order", "when", "amount", "wish"),
    "insufficient_information": ("product", "wish"),
    "social_media": ("link", "wish"),
    "other": ("when", "wish"),
}

FACTS = tuple(dict.fromkeys(fact for needs in NEEDS.values() for fact in needs))

_READ = 20_000

#: Short pieces only, so that no text makes matching slow.
_SHOWN_BY = {
    "order": r"#\s?\d{3,}|\b\d{5,}\b|\b[A-Z]{1,5}-?\d{3,}\b|"
    r"(?i:order|ordre|bestilling|beställning|bestellung|tilau)\w{0,12}\W{0,3}"
    r"(?i:no|nr|number|nummer|numero)?\W{0,3}[A-Z]*\d{2,}",
    "invoice": r"(?i:invoice|faktura|lasku|rechnung)\w{0,8}\W{0,3}"
    r"(?i:no|nr|number|nummer|numero)?\W{0,3}[A-Z]*-?\d{2,}|\b[A-Z]{2,4}-?\d{4,}\b",
    "amount": r"[€$£]\s?\d|\d\s?(?:€|\$|£|,-)|"
    r"\d\s?(?i:eur|euro|euros|euroa|kr|kroner|kronor|nok|sek|dkk|usd|gbp|pounds)\b",
    "when": r"\b\d{1,2}[./-]\d{1,2}\b|\b\d{4}-\d{2}-\d{2}\b|"
    r"(?i:\b(?:today|yesterday|since|ago|last (?:week|month|year)|weeks?|months?|days?|"
    r"i ?dag|i ?går|siden|sedan|forrige|förra|sidste|uker?|veckor|uger|måneder|dager|"
    r"dagar|dage|tänään|eilen|viime|sitten|viikko\w*|päivä\w*|kuukau\w*|"
    r"heute|gestern|seit|letzte\w?|wochen?|tagen?|monaten?|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:man|tirs|ons|tors|fre|lør|søn)dag|"
    r"(?:maanan|tiis|torsta|perjan|lauan|sunnun)\w*|"
    r"(?:jan|feb|mar|apr|jun|jul|aug|sep|oct|okt|nov|dec|des)[a-z]{0,7} \d{1,4}|"
    r"\d{1,2}\.? (?:jan|feb|mar|apr|mai|may|jun|jul|aug|sep|oct|okt|nov|dec|des)\w*))",
    "product": r"\b(?!(?i:order|ordre|invoice|faktura|tilau|bestill|lasku))"
    r"[A-Z][A-Za-z]{0,14}[ -]?[A-Z]?\d{1,5}\b|"
    r"(?i:\b(?:model|modell|malli|article|artikk?el|tuote\w{0,6}|product|produkt\w{0,4})"
    r"\W{1,3}\w)",
    "code": r"\b(?=[A-Z]*\d)[A-Z0-9]{4,20}\b|\b[A-Z]{5,20}\b|"
    r"[\"'“«][A-Za-z0-9-]{4,20}[\"'”»]",
    "place": r"\b\d{4,5} [A-ZÅÄÖØÆ]\w+|"
    r"(?i:\b(?:street|road|avenue|pick-?up|post office|address|adresse|adress|"
    r"osoite\w*|noutopiste\w*|hentested\w*|postkontor\w*|"
    r"paketautomat\w*|abholstation)\b)",
    "contact": r"(?i:\b(?:"
    r"chat|phone|telephone|called|spoke|talked|e-?mail\w*|rang|ringte|"
    r"ringde|snakket|pratade|chatt\w*|telefon\w*|soitin|puhelin\w*|puhelim\w*|"
    r"sähköpost\w*|angerufen|gesprochen)\b)",
    "wish": r"(?i:\b(?:refund\w*|replace\w*|money back|want|would like|i'd like|"
    r"i expect|cancel\w*|repair\w*|compensat\w*|jeg vil|jeg ønsker|jeg krever|penge\w*|"
    r"jag vill|erstat\w*|refusjon|ombytte|återbetal\w*|haluan|hyvity\w*|palautta\w*|"
    r"rahat|ich möchte|ich will|rückerstatt\w*|ersatz))",
    "link": r"https?://|www\.|(?<!\w)@\w{3,}",
}
_SHOWN = {fact: re.compile(pattern) for fact, pattern in _SHOWN_BY.items()}


def missing(types: Sequence[str], subject: str, text: str) -> tuple[str, ...]:
    """Return facts that types need and the words do not hold, the main type's first.

    Nothing is missing where nobody knows what was said.
    """
    if not text.strip():
        return ()
    said = f"{subject}\n{text}"[:_READ]
    needed = dict.fromkeys(fact for kind in types for fact in NEEDS.get(kind, ()))
    return tuple(fact for fact in needed if not _SHOWN[fact].search(said))
