"""Which words are the customer's own, and did a machine write them.

HTML to text, then quoted replies, signatures and device lines are cut. Everything is
linear in a bounded input: mail is hostile. What machines write is told apart in
``automatic``; what the words mean is no business of this module.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

import re2
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from rules.automatic import automatic, encodable

MAX_CHARS = 100_000
_HEADER_SPAN = 3  # mail programs wrap "On … wrote:" over up to three lines
_CLOSING_LINES = 8  # a closing further up than this is part of the story

_QUOTE_CLASSES = (
    "blockquote, .gmail_quote, .gmail_signature, .gmail_attr, .yahoo_quoted, "
    ".moz-cite-prefix, .moz-signature, .protonmail_quote, .zendesk_quoted, "
    "#Signature, #signature"
)
_DROPPED = ["script", "style", "head", "title", "template", "noscript", "svg", "iframe"]
# Outlook puts the answered mail beside this marker, not inside it.
_OUTLOOK_MARKS = (
    "#appendonsend, #divRplyFwdMsg, #mail-editor-reference-message-container"
)
_HIDDEN_STYLE = re2.compile(
    r"(?i)display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em)?"
    r"\s*(?:;|$|!)|mso-hide\s*:\s*all"
)
# Each looks no further than the next "<", and RE2 is slow where much is found.
_BLOCK_END = re.compile(
    r"(?i)(<(?:br|hr)\b[^<>]*>|</(?:p|div|li|ul|ol|tr|table|h[1-6]|blockquote|section)"
    r"\s*>|<(?:p|div|li|tr|table|h[1-6]|blockquote)\b)"
)
_TAG = re2.compile(
    r"(?i)<(?:p|div|br|span|html|body|table|blockquote|a|b|i|strong|em|ul|li|font)"
    r"(?:\s[^<>]*)?/?>"
)

# For mail that the parser does not take, or not in time.
_MAX_NESTING = 500
_ELEMENT = re.compile(r"(?i)<(/?)([a-z][a-z0-9]*)")
_NEVER_NESTED = frozenset(
    "area base br col embed hr img input link meta param source track wbr "
    "p li dt dd td th tr thead tbody tfoot option".split()
)
_UNREAD = re2.compile(
    r"(?is)<!--.*?-->|<script\b.*?</script\s*>|<style\b.*?</style\s*>"
    r"|<head\b.*?</head\s*>|<title\b.*?</title\s*>|<template\b.*?</template\s*>"
)
_ANY_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>?")

_INVISIBLE = dict.fromkeys(
    [0x00AD, 0x034F, 0x061C, 0x180E, 0x2060, 0xFEFF, 0xFFFC]
    + list(range(0x200B, 0x2010))
    + list(range(0x202A, 0x202F))
    + list(range(0x2066, 0x206A))
    + [code for code in range(0x20) if code not in (0x09, 0x0A)]
)

_UNSEEN = re.compile(f"[{''.join(map(chr, _INVISIBLE))}]")
_WROTE = re2.compile(
    r"(?i)^[>\s*]*(?:"
    r"on\s.+\swrote\s*:"
    r"|(?:den|på|måndag|mandag|tirsdag|tisdag|onsdag|torsdag|fredag|lørdag|lördag|"
    r"søndag|söndag|man|tir|ons|tor|fre|lør|søn|lön|mån|tis|tors|lør\.|søn\.)\W.+"
    r"\s(?:skrev|skreiv)\b.*:"
    r"|\d{1,4}[.\-/ ].+\s(?:skrev|skreiv|schrieb|kirjoitti|wrote)\b.*:"
    r"|\d{1,4}[.\-/ ].+<[^<>]+>\s?:"
    r"|am\s.+\sschrieb\b.*:"
    r"|(?:ma|ti|ke|to|pe|la|su|maanantai|tiistai|keskiviikko|torstai|perjantai|"
    r"lauantai|sunnuntai)\w{0,4}\W.+\skirjoitti\b.*:"
    r"|\S.{0,100}\skirjoitti\s.{0,30}\d.*:"  # Finnish puts the name first
    r")\s*$"
)
_SEPARATOR = re2.compile(
    r"(?i)^[>\s]*(?:[-_=*]{2,}\s*)?(?:original message|forwarded message|"
    r"opprinnelig melding|oprindelig meddelelse|opphavleg melding|videresendt melding|"
    r"vidaresend melding|videresendt meddelelse|ursprungligt meddelande|"
    r"vidarebefordrat meddelande|alkuperäinen viesti|välitetty viesti|"
    r"edelleenlähetetty viesti|ursprüngliche nachricht|weitergeleitete nachricht|"
    r"begin forwarded message|start på videresendt (?:melding|besked)|"
    r"videresendt besked|vidarebefordrat brev|välitetty viesti alkaa|"
    r"anfang der weitergeleiteten nachricht|please type your reply above this line|"
    r"##- .* -##|reply above this line)\W*$"
)
_FIELD = re2.compile(
    r"(?i)^[>\s*]*(?:from|sent|to|cc|subject|date|fra|frå|sendt|til|kopi|emne|dato|"
    r"från|skickat|till|kopia|ämne|datum|lähettäjä|lähetetty|vastaanottaja|kopio|"
    r"aihe|päivämäärä|päiväys|von|gesendet|an|betreff)\s?\*?:\*?\s?\S"
)
_OF_MAIL = re2.compile(
    r"(?i)@|^[>\s*]*(?:subject|emne|ämne|aihe|betreff)\s?\*?:|\d[:.]\d\d\b"
)
_RULE = re2.compile(r"^\s*_{10,}\s*$")
# What quotes something has one of these lines; most mails are told apart by that alone,
# and most lines of the others too.
_MAY_QUOTE = re2.compile(
    "(?m)^>|:$|" + "|".join(f"(?:{one.pattern})" for one in (_SEPARATOR, _FIELD, _RULE))
)
_MAY_END = re2.compile(
    r"(?i)(?:^|\n)\W*(?:sent |sendt? |get |last |hent |få |skaff |skick|hämta |lähe|"
    r"hanki |von meinem|gesendet|holen|outlook|this|denne|dett|diese|tämä|the info|"
    r"informa|oplys|der inhalt|die info|confiden)|(?:^|\n)\s*(?:--|—|––|__)"
)
_DRAWN = re.compile(r"\n[-_=*—–]{4,}\s*$")
_DASHES = re2.compile(r"^\s*(?:--|—|––|__)\s*$")
_DEVICE = re2.compile(
    r"(?i)^\W*(?:sent from (?:my|outlook|mail|yahoo|proton|samsung)\b.*"
    r"|get outlook for .*|sent via .*"
    r"|sendt? fr[aå] (?:min|outlook|mail|e-post|yahoo|samsung)\b.*"
    r"|(?:last ned|hent|få|skaff deg) outlook (?:for|til) .*"
    r"|skicka(?:t|des) från (?:min|outlook|mail|e-post|yahoo)\b.*|hämta outlook .*"
    r"|lähetetty .*(?:puhelimesta|iphonesta|ipadista|laitteesta|outlookista|"
    r"sähköpostista|sovelluksesta|samsung\w*|androidista)\w*.*"
    r"|hanki outlook .*"
    r"|von meinem .+ gesendet|gesendet von .+|(?:holen sie sich )?outlook für .+)\W*$"
)
_CLOSING = re2.compile(
    r"(?i)^\W*(?:(?:best|kind|warm|warmest|many)?\s?(?:regards|wishes)|sincerely|"
    r"yours (?:sincerely|faithfully|truly)|cheers|"
    r"(?:med )?(?:vennlig|venleg|beste|venlig|vänlig|bästa|hjertelig)\w*\s"
    r"(?:hilsen|helsing|hilsner|hälsning)\w*|hilsen|helsing|mvh|vh|"
    r"med vänliga hälsningar|hälsningar|med venlig hilsen|"
    r"(?:ystävällis\w*|parhain|lämpimin|kohteliaimmin)?\s?terveisin|terv|"
    r"(?:mit )?(?:freundlich\w*|beste\w*|viele\w*|liebe)\s(?:grüße\w*|grüssen|gruß)|"
    r"bedste hilsner|mfg|lg)\W*(?:\b\S+(?:\s\S+){0,4})?\W*$"
    r"|^\W*(?:best|(?:many )?thanks(?: again)?|thank you)\s?,\W*$"
)
_DISCLAIMER = re2.compile(
    r"(?i)^\W*(?:confidentiality notice|"
    r"(?:this|denne|dette|detta|diese|tämä) (?:e-?mail|mail|message|e-?post|melding|"
    r"besked|meddel|e-?postmeddel|nachricht|sähköposti|viesti)\w*\b.*"
    r"(?:confidential|privileged|konfiden|fortrolig|taushets|teieplikt|sekretess|"
    r"vertraulich|luottamuks)|"
    r"(?:the information (?:contained )?in|informasjonen i|informationen i|"
    r"oplysningerne i|der inhalt|die informationen in) "
    r"(?:this|denne|dette|detta|dieser) (?:e-?mail|mail|message|e-?post|melding|"
    r"besked|meddel|nachricht))"
)


class Words(NamedTuple):
    """The customer's new words. ``reason`` says why ``auto_reply`` is set."""

    text: str
    auto_reply: bool
    reason: str


def customer_words(body: str, is_html: bool, subject: str = "") -> Words:
    """Return what the customer newly wrote, without quotes and signatures."""
    body = body[:MAX_CHARS]
    plain = tidy(html_to_text(body) if is_html else body)
    text = cut_signature(cut_quotes(plain))
    reason = automatic(subject, text or plain)
    return Words(text, bool(reason), reason)


def looks_like_html(body: str) -> bool:
    """Tell whether a body is markup, where the source does not say."""
    head = body[:4000]
    return "<" in head and _TAG.search(encodable(head)) is not None


def html_to_text(body: str) -> str:
    """Render markup as plain lines, without what a reader would not see."""
    source = _BLOCK_END.sub("\n\\1", encodable(body))
    if _is_nested_deeply(source):
        return _stripped(source)
    try:
        # Where everything is quoted, as in a bare forward, the quote is the message.
        return _rendered(source, _QUOTE_CLASSES) or _rendered(source, without="")
    except (SelectolaxError, ValueError, RuntimeError):
        return _stripped(source)


def _is_nested_deeply(source: str) -> bool:
    """Tell what would take the parser time that grows with the square of the mail."""
    depth = 0
    for match in _ELEMENT.finditer(source):
        if match[2].lower() not in _NEVER_NESTED:
            depth = max(0, depth - 1) if match[1] else depth + 1
            if depth > _MAX_NESTING:
                return True
    return False


def _stripped(source: str) -> str:
    """Take the tags off without parsing; some of what nobody sees may stay."""
    text = _ANY_TAG.sub("", _UNREAD.sub("", source))
    return html.unescape(text).replace("\xa0", " ").strip()


def _rendered(source: str, without: str) -> str:
    tree = LexborHTMLParser(source)
    root = tree.body
    if root is None:
        return ""
    tree.strip_tags(_DROPPED, recursive=False)
    for node in _within(tree, "[style], [hidden]"):
        style = node.attributes.get("style") or ""
        if "hidden" in node.attributes or _HIDDEN_STYLE.search(style):
            node.decompose()
    if without:
        _drop_quotes(tree, without)
    return root.text(deep=True, separator="", strip=False).replace("\xa0", " ").strip()


def _drop_quotes(tree: LexborHTMLParser, quotes: str) -> None:
    for mark in _within(tree, _OUTLOOK_MARKS):
        later = mark.next
        while later is not None:
            following = later.next
            later.decompose()
            later = following
        mark.decompose()
    for node in _within(tree, quotes):
        node.decompose()


def _within(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    """Select nodes, the inner ones before those around them; never the page itself.

    The parser refuses to drop a page's ``html``, and text in ``body`` is all there is.
    """
    found = [node for node in tree.css(selector) if node.tag not in ("html", "body")]
    return found[::-1]


def tidy(text: str) -> str:
    """Normalise line ends and spaces; drop characters nobody sees."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    if _UNSEEN.search(text):
        text = text.translate(_INVISIBLE)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def cut_quotes(text: str) -> str:
    """Drop the mail that is being answered."""
    text = encodable(text)
    if not _MAY_QUOTE.search(text):
        return text.strip()
    lines = text.split("\n")
    kept: list[str] = []
    for index, line in enumerate(lines):
        if _starts_quote(lines, index):
            if any(one.strip() for one in kept):
                return _DRAWN.sub("", "\n".join(kept).strip()).strip()
            continue  # a bare forward: its text is all there is
        if not line.startswith(">"):
            kept.append(line)
    return "\n".join(kept).strip()


def _starts_quote(lines: list[str], index: int) -> bool:
    line = lines[index]
    if not line:
        return False
    if _SEPARATOR.match(line):
        return True
    if _FIELD.match(line) or _RULE.match(line):
        fields = [one for one in lines[index : index + 6] if _FIELD.match(one[:200])]
        # A journey has its from, to and date, too.
        return len(fields) >= 2 and any(_OF_MAIL.search(one[:200]) for one in fields)
    joined = line
    for extra in range(_HEADER_SPAN):
        if extra:
            following = lines[index + extra] if index + extra < len(lines) else ""
            if not following or joined.endswith((".", "!", "?")):
                return False
            joined = f"{joined} {following}"
        if len(joined) > 400:
            return False
        if joined.endswith(":") and _WROTE.match(joined):
            return True
    return False


def cut_signature(text: str) -> str:
    """Drop signature, device line and legal footer."""
    lines = text.split("\n")
    if _MAY_END.search(text):
        lines = _without_footer(lines)
    for index in range(max(1, len(lines) - _CLOSING_LINES), len(lines)):
        if len(lines[index]) <= 60 and _CLOSING.match(lines[index]):
            return "\n".join(lines[:index]).strip()
    return "\n".join(lines).strip()


def _without_footer(lines: list[str]) -> list[str]:
    for index, line in enumerate(lines):
        if _DASHES.match(line) or (line and _DISCLAIMER.match(line)):
            if any(lines[:index]):
                lines = lines[:index]
            break
    lines = [line for line in lines if not (line and _DEVICE.match(line))]
    while lines and not lines[-1]:
        lines.pop()
    return lines
