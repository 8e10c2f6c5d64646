"""What a ticket is about, as a small typed value to compare and to store.

Text in, evidence out; nothing here knows other tickets, so whether a word is rare is
asked in ``rules.duplicates``. What words of several languages mean the same stands in
``rules.concepts``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

from rules.concepts import CONCEPTS

WORDS_KEPT = 60  # of a long mail; the first words say what it is about
WORDS_GRAMMED = 24
GRAMS_KEPT = 64  # smallest hashes, so that two tickets keep the same ones
_LINES_READ = 60
_CHARS_READ = 4000
_CHARS_SCANNED = 20_000


@dataclass(frozen=True, slots=True)
class Features:
    """The evidence of one ticket.

    ``words`` are stems of its own language; ``concepts`` and ``entities`` mean the same
    in any language. An entity is ``kind:value`` with kind code, site, name or tag.
    ``grams`` are hashes of four-letter pieces and forgive typing errors and dialect.
    So many of the first ``words`` and ``entities`` are the subject's as
    ``subject_words`` and ``subject_entities`` say.
    """

    lang: str = ""
    types: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    grams: tuple[int, ...] = ()
    subject_words: int = 0
    subject_entities: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give a compact plain value; short keys, because one is kept per ticket."""
        return {
            "l": self.lang,
            "t": list(self.types),
            "e": list(self.entities),
            "c": list(self.concepts),
            "w": " ".join(self.words),
            "g": list(self.grams),
            "s": [self.subject_words, self.subject_entities],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Features:
        """Read what ``to_json`` gave, now or before it told subjects apart."""
        subject_words, subject_entities = value.get("s", (0, 0))
        return cls(
            lang=value["l"],
            types=tuple(value["t"]),
            entities=tuple(value["e"]),
            concepts=tuple(value["c"]),
            words=tuple(value["w"].split()),
            grams=tuple(value["g"]),
            subject_words=subject_words,
            subject_entities=subject_entities,
        )


def features(subject: str, text: str, lang: str, types: Sequence[str] = ()) -> Features:
    """Read the evidence out of a ticket; ``types`` are the complaint types found."""
    own = f"{subject}\n{own_words(text)}"[:_CHARS_READ]
    # Where there is no subject, helpdesks write the first words there.
    is_subject = not text.lstrip().startswith(subject.strip(" .…") or "\0")
    of_subject = list(_unique(_entities(subject[:_CHARS_READ], lang)))
    entities = tuple(_unique([*of_subject, *_entities(own, lang)]))
    every = _tokens(own)
    tokens = [token for token in every if token not in _STOP]
    return Features(
        lang=lang,
        types=tuple(types),
        entities=entities,
        concepts=tuple(_unique(_concepts(every))),
        words=tuple(_unique(_stem(token) for token in tokens))[:WORDS_KEPT],
        grams=_grams(tokens[:WORDS_GRAMMED]),
        subject_words=min(WORDS_KEPT, len({*_said(subject[:_CHARS_READ])}))
        if is_subject
        else 0,
        subject_entities=len(of_subject) if is_subject else 0,
    )


# --- which lines are the customer's own -----------------------------------------

_QUOTED = re.compile(r"\s*(>|-{3,}\s*\w|_{5,}|(on|den|am) .{5,80}:$)", re.I)
_FORM_LINE = re.compile(r"[A-ZÅÄÖØÆa-zåäöøæ -]{2,20}:\s+(?P<value>.*)$")
_FORM_MESSAGE = re.compile(
    r"(message|description|melding|meddelande|besked|viesti|nachricht|beskrivelse)$",
    re.I,
)
_GREETING = re.compile(
    r"\s*((hi|hello|hey|dear|good (morning|day|evening)|hei|heisann|hej|hejsan|moi|"
    r"terve|hallo|god ?dag|goddag|god morgen|guten (tag|morgen)|hyvää päivää|"
    r"sehr geehrte|lieber?|kjære|bästa|kära|kære|hyvä)\b[^.!?\n]{0,40}[,!.]?\s*$)",
    re.I,
)
_SIGN_OFF = re.compile(
    r"\s*(--\s*$|(best|kind|warm) regards|regards|sincerely|yours|cheers|thanks,?$|"
    r"thank you,?$|m?vh\b|mvh|med (vennlig|venlig|vänlig)|(vennlig|venlig) hilsen|"
    r"hilsen|hälsning|terveisin|ystävällisin|t\.|mit freundlichen|freundliche gr|"
    r"gruß|viele grüße|lg\b|sent from my|sendt fra min|skickat från|lähetetty |"
    r"von meinem|gesendet von)",
    re.I,
)
_LONE_NAME = re.compile(r"\s*[^\W\d_]{2,15}( [^\W\d_]{2,20})?\s*$")


def own_words(text: str) -> str:
    """Drop greetings, sign-offs, quoted lines and the fields of web forms."""
    kept: list[str] = []
    lines = text[:_CHARS_SCANNED].splitlines()[:_LINES_READ]
    for line in lines:
        if _QUOTED.match(line) or _GREETING.match(line):
            continue
        form = _FORM_LINE.match(line)
        if form and _FORM_MESSAGE.match(line.partition(":")[0]):
            line = form["value"]
            if _GREETING.match(line):
                continue
        elif form and 2 * len(line) < len(text):
            continue  # a field; most of the text is somebody's own: "No discount: why?"
        if kept and _SIGN_OFF.match(line):
            break
        kept.append(line)
    while len(kept) > 1 and (not kept[-1].strip() or _LONE_NAME.match(kept[-1])):
        kept.pop()
    return "\n".join(kept)


# --- words, stems, pieces -------------------------------------------------------

_FOLD = str.maketrans(
    {
        "å": "a", "ä": "a", "æ": "a", "ö": "o", "ø": "o", "ü": "u", "ß": "ss",
        "é": "e", "è": "e", "ó": "o", "ò": "o", "ô": "o", "’": "'",
    }
)  # fmt: skip
_DOUBLED = re.compile(r"([a-z])\1")
_TOKEN = re.compile(r"[a-z][a-z0-9_']*|\d{1,3}(?![\d,.])")
_LINK = re.compile(r"https?://\S+|www\.\S+", re.I)
_LONG_NUMBER = re.compile(r"\d{4,}|\d+[.,]\d+")
_STOP_WORDS = """
a an the i me my we our you your he she it its they them this that these those is am are
was were be been being have has had having do does did doing will would shall should can
could may might must to of in on at by for with from up out as if or and but not no so
than then too very just about into over after before again there here when where why how
what which who all any both each more most other some such only own same s t don dont
im ive id isnt didnt cant wont please help need want know get got thanks thank hi hello
also now really still like make made one anyone someone something anything because any
jeg eg e æ ikke er var har hadde det den de dere du vi han hun en et ei og i på til av
for fra med om som at å men så kan kunne vil ville skal skulle må hva hvorfor hvor når
her der meg min mitt mine mi din ditt dette denne disse være vært bli blir ble noe noen
bare også nå etter ved mot enn eller ut opp inn da jo hver alle sæ mæ seg
jag inte är hade ni hon ett och att till från men kunde ska måste vad varför var när här
där mig mitt mina detta denna dessa vara varit blir blev något någon bara också efter
vid eller upp ner då ju varje alla sig
jeg havde I hvad hvorfor hvornår mig være været bliver blev noget nogen kun nu efter
eller op ind hver sig
minä sinä hän me te he se ne tämä tuo on ovat oli olla ollut olen olet en et ei emme ja
tai mutta kun kuin että jos niin nyt vain myös mitä miksi missä milloin minun sinun sen
ole olette kuka joka jotka
ich du er sie es wir ihr der die das ein eine einen einem einer ist sind war waren sein
hat habe haben hatte und oder aber nicht kein keine mit von zu zum zur im in an am auf
für bei aus nach als wie was warum wann wo hier da dass wenn so auch nur noch schon mir
mich mein meine dem den des sich wird werden wurde kann können muss soll bitte
monday tuesday wednesday thursday friday saturday sunday mandag tirsdag onsdag torsdag
fredag lørdag søndag måndag tisdag torsdag lördag söndag maanantai tiistai keskiviikko
torstai perjantai lauantai sunnuntai montag dienstag mittwoch donnerstag freitag samstag
sonntag
"""
_ENDINGS = re.compile(
    r"(?<=[a-z]{4})(ing|edly|ed|es|ies|s|ly|ene|ane|en|et|ar|er|or|erna|arna|orna|na|"
    r"ens|ets|n|t|a|e|ssa|sta|lla|lta|lle|ksi|aan|in)$"
)


def fold(text: str) -> str:
    """Write ``text`` so that spellings of one word are equal."""
    return _DOUBLED.sub(r"\1", text.casefold().translate(_FOLD))


_STOP = frozenset(fold(_STOP_WORDS).replace("'", "").split())


def _tokens(text: str) -> list[str]:
    plain = _LONG_NUMBER.sub(" ", _LINK.sub(" ", text))
    found = _TOKEN.findall(fold(plain))
    return [token.replace("'", "") for token in found]


def _said(text: str) -> Iterable[str]:
    return (_stem(token) for token in _tokens(text) if token not in _STOP)


@lru_cache(maxsize=20_000)
def _stem(token: str) -> str:
    return _ENDINGS.sub("", token)


def name_word(name: str) -> str:
    """Give the entry of ``Features.words`` that belongs to a name."""
    return _stem(fold(name).replace("'", ""))


def _grams(tokens: Iterable[str]) -> tuple[int, ...]:
    hashes = set()
    for token in tokens:
        padded = f" {token} "
        for start in range(max(1, len(padded) - 3)):
            hashes.add(crc32(padded[start : start + 4].encode()))
    return tuple(sorted(hashes)[:GRAMS_KEPT])


def _unique(values: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(values)


# --- concepts -------------------------------------------------------------------


def _read_concepts() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    exact: dict[str, str] = {}
    prefix: dict[str, str] = {}
    phrase: dict[str, str] = {}
    for concept, entries in CONCEPTS.items():
        for entry in fold(entries).replace("-", "_").split():
            key = entry.strip("_*")
            table = phrase if "_" in key else prefix if entry.endswith("*") else exact
            table.setdefault(key, concept)
    return exact, prefix, phrase


_EXACT, _PREFIX, _PHRASE = _read_concepts()
_SHORTEST = min(map(len, _PREFIX))
_LONGEST = max(map(len, _PREFIX))


@lru_cache(maxsize=20_000)
def _concept(token: str) -> str | None:
    if token in _EXACT:
        return _EXACT[token]
    for length in range(min(len(token), _LONGEST), _SHORTEST - 1, -1):
        if token[:length] in _PREFIX:
            return _PREFIX[token[:length]]
    return None


def _concepts(tokens: Sequence[str]) -> Iterable[str]:
    for token, following in zip(tokens, [*tokens[1:], ""], strict=False):
        phrase = _PHRASE.get(f"{token}_{following}")
        if phrase:
            yield phrase
        concept = None if token in _STOP else _concept(token)
        if concept:
            yield concept


# --- entities -------------------------------------------------------------------

_CODE = re.compile(r"\b([A-Za-z]{1,6})[-_](\d{2,6})\b|\b([A-Z]{3,12}\d{1,5})\b")
_NUMBERED = re.compile(
    r"\b(?:error|code|feil|feilkode|fel|felkod|fejl|fejlkode|virhe|virhekoodi|fehler|"
    r"fehlercode|status)\s*:?\s*#?(\d{2,5})\b",
    re.I,
)
_SITE = re.compile(
    r"\b(?:https?://)?(?:www\.)?((?:[a-z0-9_-]{1,63}\.){1,8}[a-z]{2,10})\b", re.I
)
_TAG = re.compile(r"([#@])(\w{3,30})")
_NAME = re.compile(r"(?<=[\w,;:(] )[A-ZÅÄÖØÆ][\w-]*\w")
_NOUNS_CAPITALISED = frozenset({"de"})


def _entities(text: str, lang: str) -> Iterable[str]:
    for match in _CODE.finditer(text):
        code = match[3] or f"{match[1]}-{match[2]}"
        yield f"code:{code.upper()}"
    for match in _NUMBERED.finditer(text):
        yield f"code:{match[1]}"
    for match in _SITE.finditer(text):
        yield f"site:{match[1].lower()}"
    marked = [(match[1], match[2]) for match in _TAG.finditer(text)]
    written_to = [name.casefold() for mark, name in marked if mark == "@"]
    for mark, name in marked:
        yield f"name:{name}"
        tag = name.casefold()
        # One that names whom they write to does not say what it is about.
        if mark == "#" and not any(name in tag for name in written_to):
            yield f"tag:{tag}"
    if lang not in _NOUNS_CAPITALISED:
        for match in _NAME.finditer(text):
            if fold(match[0]) not in _STOP:
                yield f"name:{match[0]}"
