"""Take out what could tell who a customer is, before text leaves the helpdesk.

Masks shapes (checked where a checksum exists), long digit runs whatever they are, the
names it is given in the forms people write them, and what follows "my name is". It does
not find other names by itself. When in doubt it masks: a lost word is a nuisance, a
shown number is a leak. Every pattern is linear in a bounded input.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache

MAX_CHARS = 100_000
_NAME_PARTS = 12  # a name with more of them is no name

_DASHES = dict.fromkeys(
    [*range(0x2010, 0x2016), 0x2043, 0x2212, 0x2E3A, 0x2E3B, 0x301C], "-"
)

# Ends at white space only: whatever is glued to an address may be its secret half.
_LINK = re.compile(
    r"(?i)(?:\b(?:https?|hxxps?|ftps?)\s?(?:\[:\]|:)//|(?<![:/\w])//(?=[\w\[])"
    r"|\bwww\.)\S+"
    r"|(?<![\w.@\-])(?:[a-z0-9\-]{1,63}\.){1,6}[a-z]{2,24}[/?]\S+"
)
_HOST = re.compile(
    r"(?i)(?:(?:[a-z]{3,5}\s?(?:\[:\]|:))?//)?+(?:[^/?#@\s]*@)?([a-z0-9.\-]+)"
)

_LOCAL = (
    r"(?:\"[^\"\s]{1,64}(?: [^\"\s]{1,64}){0,5}\""
    r"|(?<![\w.+\-'&!#$*^~])[\w.+\-'&!#$*^~]++)"
)
_DOT = r"(?:\.|\s?[(\[{]\s?(?:\.|dot|punkt|punktum|prikk|piste)\s?[)\]}]\s?)"
_EMAIL = re.compile(
    rf"(?i){_LOCAL}(?:@|%40)[\w\-]++(?:{_DOT}[\w\-]{{1,63}}){{0,8}}"
    rf"|{_LOCAL}(?:\s?@\s?"
    r"|\s?[(\[{]\s?(?:@|at|a|ät|krøllalfa|alfakrøll|snabel-?a)\s?[)\]}]\s?)"
    rf"[\w\-]++(?:{_DOT}[\w\-]{{1,63}}){{1,8}}"
)

_SECRET_WORD = (
    r"(?:password|passphrase|passord|passwort|kennwort|kodeord|adgangskode|lösenord"
    r"|salasana|tunnusluku|pwd|pin-?(?:code|kode|kod|koodi)|engangskode|otp|cvc|cvv"
    r"|api[-_ ]?key|secret|token)"
)
_SECRET = re.compile(
    rf"(?i)(?<![^\W_])({_SECRET_WORD}[a-zåäöøæ]{{0,4}}[\"']?"
    r"(?:\s{1,3}(?:is|was|er|var|on|oli|är|ist|war))?)"
    r"(?:(\s{0,3}(?:[:=]|->)\s{0,3})\S+|(\s{1,3})(?=\S{0,200}[\d@#$%^&*])\S+)"
)
_TOKEN = re.compile(
    r"(?<![^\W_])(?:eyJ[\w\-]{5,}\.[\w\-.]*"
    r"|(?:gh[a-z]_|github_pat_|glpat-|sk[-_]|pk[-_]|rk[-_]|xox[a-z]-)[\w\-]{8,})"
    r"|(?<![\w\-])[\w\-]{20,}+"
)
_READABLE = re.compile(r"(?:[^\W\d_]+|\d{1,4})(?:[_\-]+(?:[^\W\d_]+|\d{1,4}))*[_\-]*")

_CAPITAL = "[A-ZÅÄÖØÆÜÉ]"
_DOOR = (
    r" \d{1,4}(?: ?[A-Za-z]{1,2}(?: ?\d{1,3})?)?(?!\w)"
    rf"(?:,? (?:[A-Z]{{1,2}}-)?\d{{3}} ?\d{{1,2}}(?!\d)(?: {_CAPITAL}[\w\-]{{1,30}})?)?"
)
_ADDRESS = re.compile(
    r"(?<!\w)(?:"
    rf"(?:{_CAPITAL}[^\W\d_]{{1,20}} ){{1,2}}"
    r"(?i:gate|vei|veg|vej|gade|plass|allé|street|st\.|road|rd\.|avenue|ave\.?|lane"
    rf"|drive){_DOOR}"
    rf"|(?:{_CAPITAL}[^\W\d_]{{1,20}} ){{0,2}}[^\W\d_]{{2,30}}"
    r"(?i:gata|gaten|gaden|veien|vegen|vejen|gatan|vägen|katu|kuja|polku|straße"
    rf"|strasse){_DOOR}"
    rf"|{_CAPITAL}[^\W\d_]{{2,30}}(?:gate|vei|veg|vej|gade|allé|väg|tie){_DOOR}"
    rf"|(?i:postboks|postbox|postilokero){_DOOR}"
    rf"|{_CAPITAL}[^\W\d_]{{2,30}}(?: [^\W\d_]{{2,20}}){{0,2}}"
    r" \d{1,4}(?: ?[A-Za-z]{1,2}(?: ?\d{1,3})?)?,? (?:[A-Z]{1,2}-)?\d{4,5}"
    rf" {_CAPITAL}[\w\-]{{1,30}}"
    r")"
)
_INTRODUCED = re.compile(
    r"(?i)(?<!\w)(jeg heter|eg heiter|jeg hedder|jag heter|ich heiße|ich heisse"
    r"|mitt navn er|navnet mitt er|mit navn er|namnet mitt er|mitt namn är"
    r"|mein name ist|my name is|my name's|nimeni on"
    r"|regards|sincerely|hilsen|helsing|mvh|hälsningar|hälsning|terveisin|terv"
    r"|grüße|grüßen|gruß|mfg)([\s,.:!\-]{1,4}(?:(?:fra|frå|från|from)\s)?)"
    # A full stop ends the name, unless it follows an initial.
    r"((?:[^\W\d_](?:\.|[\w'’\-]{0,40}))"
    r"(?:[ \n][^\W\d_](?:\.|[\w'’\-]{0,40})){0,3})"
)

_IBAN = re.compile(r"(?i)(?<!\w)[a-z]{2}\d{2}(?:[\s.\-]?[a-z0-9]){11,30}(?!\w)")
_CARD = re.compile(r"(?<!\w)\d(?:[\s.\-]{0,3}\d){12,18}(?!\w)")
_FNR = re.compile(r"(?<!\d)\d{6}[\s.\-]?\d{5}(?!\d)")
_HETU = re.compile(
    r"(?i)(?<!\w)(\d{6})\s?([+\-ABCDEFYXWVU]?)\s?(\d{3})\s?([0-9A-Y])(?!\w)"
)
# Sweden writes the year first, and the century perhaps.
_PERSONNUMMER = re.compile(r"(?<![\d\-])(?:\d{2})?(\d{6})\s?[\-+]?\s?(\d{4})(?!\d)")
_PHONE = re.compile(
    r"(?<![\w.,/\-])(?:"
    r"(?:\+|00)\d{1,3}[\s.\-]?(?:\(0?\d{1,4}\)[\s.\-]?)?\d(?:[\s.\-]{0,2}\d){5,12}"
    r"|\(?0\d{1,4}\)?[\s.\-/]?\d(?:[\s.\-]?\d){4,9}"
    r"|[2-9]\d(?:[\s.\-]\d{2}){3}|[49]\d{2}[\s.\-]\d{2}[\s.\-]\d{3})(?!\w)"
)
_REFERENCE = re.compile(
    r"(?i)(?<![\w\-])(?=[\w\-]{0,24}\d{3})[a-zåäöæø]{1,6}[\-#_]?\d[\w\-]{2,20}(?![\w])"
)
_OWNED = re.compile(
    r"(?i)(?:order|ordre|bestilling|beställning|bestellung|tilau|invoice|faktura"
    r"|rechnung|lasku|customer|kund|asiakas|account|konto|booking|varau|case|ticket"
    r"|reference|ref)[^.!?\n]{0,12}$"
)
# Of an order also a short number tells whose it is; five digits and more go anyway.
_SHORT_NUMBER = re.compile(
    r"(?i)(?<![^\W_])((?:order|ordre|bestilling|beställning|bestellung|tilau|invoice"
    r"|faktura|rechnung|lasku)[^\W\d_]{0,12}"
    r"(?:[ .\-]{1,2}(?:number|nummer|numero|num|nro|nr|no|id)\b)?[ .:#]{1,4})"
    r"\d{2,4}(?![\w%€$]|[.,:]\d| (?:kr|nok|sek|dkk|eur|usd)\b)"
)
_DATE = (
    r"(?:(?:19|20)\d\d[\-./](?:0?[1-9]|1[0-2])[\-./](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[\-./](?:0?[1-9]|1[0-2])[\-./](?:(?:19|20)\d\d|\d\d))"
    r"(?![.\-/]?\d)"
)
_IS_DATE = re.compile(_DATE)
# A date goes first and stays; also digits glued to a word are somebody's number.
_DIGITS = re.compile(
    rf"(?<![^\W_])(?P<date>{_DATE})"
    r"|(?<![^\W_])#?\d(?:(?:[ \-]?\d){4,}|(?:[\s.\-/]{0,2}\d){6,})(?![^\W_])"
    r"|\d{7,}"
)

_HETU_CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"

# How one letter of a name may be written by others.
_SPELLINGS = {
    **dict.fromkeys(["å", "aa"], "(?:aa|[aå])"),
    **dict.fromkeys(["ä", "æ", "ae"], "(?:ae|[aäæ])"),
    **dict.fromkeys(["ö", "ø", "oe"], "(?:oe|[oöø])"),
    **dict.fromkeys(["ü", "ue"], "(?:ue|[uü])"),
    "a": "[aàáâãäå]",
    "e": "[eèéêë]",
    "i": "[iìíîï]",
    "o": "[oòóôõöø]",
    "u": "[uùúûü]",
}
_LETTERS = re.compile("aa|ae|oe|ue|.", re.DOTALL)
_CASES = r"\w{0,3}(?:n|a|ä|lle|lta|ltä|lla|llä|ssa|ssä|sta|stä|ksi)"


def mask(text: str, names: Iterable[str] = ()) -> str:
    """Replace personal data and references by neutral marks such as ``<email>``.

    Widths, dashes and characters nobody sees are normalised on the way.
    """
    text = _normalised(text)
    text = _LINK.sub(_host_only, text)
    text = _EMAIL.sub("<email>", text)
    text = _SECRET.sub(r"\1\2\3<secret>", text)
    text = _TOKEN.sub(_without_token, text)
    text = _ADDRESS.sub("<address>", text)
    text = _IBAN.sub(_without_iban, text)
    text = _HETU.sub(_without_hetu, text)
    text = _FNR.sub(_if(_is_fnr, "<id>"), text)
    text = _PERSONNUMMER.sub(_without_personnummer, text)
    text = _CARD.sub(_if(_is_card, "<card>"), text)
    text = _PHONE.sub(_if(_is_phone, "<phone>"), text)
    text = _SHORT_NUMBER.sub(r"\1<num>", text)
    text = _REFERENCE.sub(_without_reference, text)
    text = _DIGITS.sub(lambda found: found["date"] or "<num>", text)
    text = _INTRODUCED.sub(_without_introduction, text)
    return _without_names(text, names)


def excerpt(text: str, limit: int = 240, names: Iterable[str] = ()) -> str:
    """Return one masked line of at most ``limit`` characters, cut between words."""
    # First one line, then masked: numbers and addresses are wrapped over lines.
    line = mask(" ".join(_normalised(text).split()), names)
    if len(line) <= limit:
        return line
    cut = line[: max(0, limit - 1)]
    at_word = cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut
    return at_word.rstrip(" ,.;:-") + "…"


def _normalised(text: str) -> str:
    text = unicodedata.normalize("NFKC", text[:MAX_CHARS])[:MAX_CHARS]
    text = "\n".join(text.translate(_DASHES).splitlines())
    return "".join(char for char in text if char.isprintable() or char in "\n\t")


def _if(check: Callable[[str], bool], mark: str) -> Callable[[re.Match[str]], str]:
    return lambda match: mark if check(match[0]) else match[0]


def _host_only(match: re.Match[str]) -> str:
    host = _HOST.match(match[0])
    name = host[1].lower().strip(".-") if host else ""
    # Without a letter it is somebody's address in the network.
    return f"<link {name}>" if any(map(str.isalpha, name)) else "<link>"


def _without_token(match: re.Match[str]) -> str:
    """Mask long mixtures of letters and digits, not words joined by hyphens."""
    return match[0] if _READABLE.fullmatch(match[0]) else "<secret>"


def _digits(text: str) -> list[int]:
    return [int(char) for char in text if char.isdecimal()]


def _is_card(text: str) -> bool:
    digits = _digits(text)
    return 13 <= len(digits) <= 19 and _luhn(digits) == 0


def _luhn(digits: Sequence[int]) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10


def _without_iban(match: re.Match[str]) -> str:
    """Mask the longest beginning that is an IBAN: other numbers may follow it."""
    found = match[0]
    for end in range(len(found), 14, -1):
        if found[end - 1].isalnum() and _is_iban(found[:end]):
            return "<iban>" + found[end:]
    return found


def _is_iban(text: str) -> bool:
    compact = "".join(filter(str.isalnum, text)).upper()
    if not compact.isascii() or not 15 <= len(compact) <= 34:
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _is_fnr(text: str) -> bool:
    """Check a Norwegian fødselsnummer or D-number by its two control digits.

    Numbers given from 2032 on may leave 0 to 3 by the first; the second stays exact.
    """
    digits = _digits(text)
    first = _weighed(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    second = _weighed(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    return second == 0 and (first == 0 or (first <= 3 and _is_norwegian_day(digits)))


def _weighed(digits: Sequence[int], weights: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(digits, weights, strict=False)) % 11


def _is_norwegian_day(digits: Sequence[int]) -> bool:
    """Read the date; D-numbers add 40 to the day, others 40, 65 or 80 to the month."""
    day, month = digits[0] * 10 + digits[1], digits[2] * 10 + digits[3]
    day -= 40 if day > 40 else 0
    month -= next((more for more in (80, 65, 40) if month > more), 0)
    return _is_day(f"{day:02}{month:02}")


def _without_personnummer(match: re.Match[str]) -> str:
    """Mask a Swedish personnummer with a right check digit."""
    written, number = match.groups()
    # A samordningsnummer adds 60 to the day.
    day = int(written[4:])
    day -= 60 if day > 60 else 0
    if not _is_day(f"{day:02}{written[2:4]}"):
        return match[0]
    return "<id>" if _luhn(_digits(written + number)) == 0 else match[0]


def _without_hetu(match: re.Match[str]) -> str:
    """Mask a Finnish henkilötunnus: its date suffices where a sign follows it."""
    day, sign, number, check = match[1], match[2], match[3], match[4].upper()
    if not _is_day(day):
        return match[0]
    if sign or _HETU_CHECK[int(day + number) % 31] == check:
        return "<id>"
    return match[0]


def _is_day(digits: str) -> bool:
    try:
        # Of a leap year: 29 February must pass whatever the century.
        date(2000, int(digits[2:4]), int(digits[:2]))
    except ValueError:
        return False
    return True


def _without_reference(match: re.Match[str]) -> str:
    # Up to four digits are an error code or a model, which developers need, unless the
    # words before say whose number it is.
    few = sum(map(str.isdigit, match[0])) <= 4
    before = match.string[max(0, match.start() - 30) : match.start()]
    if few and not _OWNED.search(before):
        return match[0]
    return "<ref>"


def _is_phone(text: str) -> bool:
    if _IS_DATE.fullmatch(text.strip()):
        return False
    return 7 <= len(_digits(text)) <= 15


def _without_introduction(match: re.Match[str]) -> str:
    words = re.split(r"([ \n])", match[3])
    count = next((at for at, word in enumerate(words) if word[:1].islower()), None)
    named, left = words[:count], words[len(words) if count is None else count :]
    if not named:
        return match[0]
    gap = named.pop() if named[-1].isspace() else ""
    return f"{match[1]}{match[2]}<name>{gap}{''.join(left)}"


def _without_names(text: str, names: Iterable[str]) -> str:
    parts = {
        part
        for name in names
        for part in re.split(r"[\s,]+", _normalised(name)[:400])
        if len(part) >= 2 and not part.isdigit()
    }
    for part in sorted(parts, key=len, reverse=True)[:_NAME_PARTS]:
        text = _name_pattern(part.casefold()).sub("<name>", text)
        if len(part) >= 5:
            text = _stem_pattern(part.casefold()).sub(_if_capital, text)
    return text


def _if_capital(match: re.Match[str]) -> str:
    return "<name>" if match[0][0].isupper() else match[0]


@lru_cache(maxsize=512)
def _name_pattern(part: str) -> re.Pattern[str]:
    # The ending covers genitives and the cases of Finnish.
    ending = "(?:'?s)?" if len(part) <= 3 else "(?:'?s|[a-zäö]{1,5})?"
    return re.compile(rf"(?i)(?<![\w<]){_spelled(part)}{ending}(?!\w)")


@lru_cache(maxsize=512)
def _stem_pattern(part: str) -> re.Pattern[str]:
    """Match Finnish cases that change the stem: Virtanen, Virtasen; Pekka, Pekan."""
    long, short = _spelled(part[: max(4, len(part) - 3)]), _spelled(part[:3])
    return re.compile(rf"(?i)(?<![\w<])(?:{long}\w{{0,8}}|{short}{_CASES})(?!\w)")


def _spelled(part: str) -> str:
    return "".join(
        _SPELLINGS.get(letter) or _plain_or_marked(letter)
        for letter in _LETTERS.findall(part)
    )


def _plain_or_marked(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0]
    return f"[{re.escape(letter)}{re.escape(base)}]"
