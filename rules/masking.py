"""Take out what could tell who a customer is, before text leaves the helpdesk.

Masks shapes (checked where a checksum exists), long digit runs whatever they are, and
the names it is given. It does not find names by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date

MAX_CHARS = 100_000

_LINK = re.compile(r"(?i)\b(?:https?://|ftp://|www\.)[^\s<>\"'\])}]{1,2000}")
_HOST = re.compile(r"(?i)(?:[a-z]{3,5}://)?(?:[^/@\s]*@)?([a-z0-9.\-]+)")
_EMAIL = re.compile(r"[\w.%+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){0,5}")
_IBAN = re.compile(r"(?i)(?<!\w)[a-z]{2}\d{2}(?:[ ]?[a-z0-9]){11,30}(?!\w)")
_CARD = re.compile(r"(?<![\w])\d(?:[ \-]?\d){12,18}(?![\w])")
_FNR = re.compile(r"(?<!\d)\d{6}[ ]?\d{5}(?!\d)")
_HETU = re.compile(r"(?i)(?<!\w)\d{6}[+\-ABCDEFYXWVU]\d{3}[0-9A-Y](?!\w)")
_PHONE = re.compile(
    r"(?<![\w.,/\-])(?:"
    r"(?:\+|00)\d{1,3}[ .\-]?(?:\(0?\d{1,4}\)[ .\-]?)?\d(?:[ .\-]?\d){5,12}"
    r"|\(?0\d{1,4}\)?[ .\-/]?\d(?:[ .\-]?\d){4,9}"
    r"|[2-9]\d(?:[ ]\d{2}){3}|[49]\d{2}[ ]\d{2}[ ]\d{3})(?![\w])"
)
_REFERENCE = re.compile(
    r"(?i)(?<![\w\-])(?=[\w\-]{0,24}\d{3})[a-zåäöæø]{1,6}[\-#]?\d[\w\-]{2,20}(?![\w])"
)
_OWNED = re.compile(
    r"(?i)(?:order|ordre|bestilling|beställning|bestellung|tilau|invoice|faktura"
    r"|rechnung|lasku|customer|kund|asiakas|account|konto|booking|varau|case|ticket"
    r"|reference|ref)[^.!?\n]{0,12}$"
)
_DIGITS = re.compile(r"(?<!\w)#?\d(?:[ \-]?\d){4,}(?!\w)")
_DATE = re.compile(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")

_HETU_CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def mask(text: str, names: Iterable[str] = ()) -> str:
    """Replace personal data and references by neutral marks such as ``<email>``."""
    text = text[:MAX_CHARS]
    text = _LINK.sub(_host_only, text)
    text = _EMAIL.sub("<email>", text)
    text = _IBAN.sub(_without_iban, text)
    text = _HETU.sub(_if(_is_hetu, "<id>"), text)
    text = _FNR.sub(_if(_is_fnr, "<id>"), text)
    text = _CARD.sub(_if(_is_card, "<card>"), text)
    text = _PHONE.sub(_if(_is_phone, "<phone>"), text)
    text = _REFERENCE.sub(_without_reference, text)
    text = _DIGITS.sub(_if(lambda found: not _DATE.fullmatch(found), "<num>"), text)
    return _without_names(text, names)


def excerpt(text: str, limit: int = 240, names: Iterable[str] = ()) -> str:
    """Return one masked line of at most ``limit`` characters, cut between words."""
    line = " ".join(mask(text, names).split())
    line = "".join(char for char in line if char.isprintable())
    if len(line) <= limit:
        return line
    cut = line[: max(0, limit - 1)]
    at_word = cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut
    return at_word.rstrip(" ,.;:-") + "…"


def _if(check: Callable[[str], bool], mark: str) -> Callable[[re.Match[str]], str]:
    return lambda match: mark if check(match[0]) else match[0]


def _host_only(match: re.Match[str]) -> str:
    host = _HOST.match(match[0])
    return f"<link {host[1].lower().strip('.')}>" if host else "<link>"


def _digits(text: str) -> list[int]:
    return [int(char) for char in text if char.isdecimal()]


def _is_card(text: str) -> bool:
    digits = _digits(text)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return 13 <= len(digits) <= 19 and total % 10 == 0


def _without_iban(match: re.Match[str]) -> str:
    """Mask the longest beginning that is an IBAN: other numbers may follow it."""
    found = match[0]
    for end in range(len(found), 14, -1):
        if found[end - 1 : end] != " " and _is_iban(found[:end]):
            return "<iban>" + found[end:]
    return found


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "").upper()
    if not compact.isascii() or not 15 <= len(compact) <= 34:
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _is_fnr(text: str) -> bool:
    """Check a Norwegian fødselsnummer or D-number by its two control digits."""
    d = _digits(text)
    first = 11 - sum(
        a * b for a, b in zip((3, 7, 6, 1, 8, 9, 4, 5, 2), d, strict=False)
    )
    second = 11 - sum(
        a * b for a, b in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), d, strict=False)
    )
    return first % 11 == d[9] and second % 11 == d[10]


def _is_hetu(text: str) -> bool:
    """Check a Finnish henkilötunnus by its date and its control character."""
    text = text.upper()
    day, month, year = int(text[:2]), int(text[2:4]), int(text[4:6])
    century = 1800 if text[6] == "+" else 2000 if text[6] in "ABCDEF" else 1900
    try:
        date(century + year, month, day)
    except ValueError:
        return False
    return _HETU_CHECK[int(text[:6] + text[7:10]) % 31] == text[10]


def _without_reference(match: re.Match[str]) -> str:
    # Up to four digits are an error code or a model, which developers need, unless the
    # words before say whose number it is.
    few = sum(map(str.isdigit, match[0])) <= 4
    if few and not _OWNED.search(match.string[: match.start()][-30:]):
        return match[0]
    return "<ref>"


def _is_phone(text: str) -> bool:
    if _DATE.fullmatch(text.strip()):
        return False
    return 7 <= len(_digits(text)) <= 15


def _without_names(text: str, names: Iterable[str]) -> str:
    parts = {
        part
        for name in names
        for part in re.split(r"[\s,]+", name)
        if len(part) >= 2 and not part.isdigit()
    }
    for part in sorted(parts, key=len, reverse=True):
        # The ending covers genitives and the cases of Finnish.
        pattern = rf"(?i)(?<!\w){re.escape(part)}(?:'?s|[a-zäö]{{1,5}})?(?!\w)"
        if len(part) <= 3:
            pattern = rf"(?i)(?<!\w){re.escape(part)}(?:'?s)?(?!\w)"
        text = re.sub(pattern, "<name>", text)
    return text
