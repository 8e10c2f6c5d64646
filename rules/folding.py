"""The form of a text that packs are matched in."""

from __future__ import annotations

import re
import unicodedata


def fold(text: str) -> str:
    """Bring text to the form packs are matched in: NFC, casefolded, plain marks."""
    if text.isascii():
        text = text.lower().replace("`", "'")
    else:
        text = text.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
        text = unicodedata.normalize("NFC", text).casefold()
        text = _MARK.sub(lambda mark: _PLAIN[mark[0]], text)
    if ":" in text or ";" in text or "=" in text:
        text = _SMILE.sub("☺", _FROWN.sub("☹", text))
    if not text.isascii() and _FOREIGN_LOOKALIKE.search(text):
        text = _MIXED.sub(lambda match: match[0].translate(_LOOKALIKES), text)
    return _SPACES.sub(lambda match: "\n" if "\n" in match[0] else " ", text)


_PLAIN = {
    "’": "'",
    "‘": "'",
    "´": "'",
    "`": "'",
    "“": '"',
    "”": '"',
    "«": '"',
    "»": '"',
} | {"„": '"', "–": "-", "—": "-", "‑": "-", "…": "...", "\xa0": " "}
# Most texts hold few or none, and to look for them is cheaper than to translate all.
_MARK = re.compile(f"[{''.join(_PLAIN)}]")
# Brackets belong to the packs' notation, so emoticons become faces first.
_FROWN = re.compile(r"[:;=]'?-?[(\[/\\|](?![\w/])")
_SMILE = re.compile(r"[:;=]-?[)\]d](?!\w)")
_SPACES = re.compile(r"\s(?:\s+|(?<![ \n]))")
_FOREIGN_LOOKALIKE = re.compile("[а-яіјѕαερτυιοκν]")
# A word of mixed scripts is meant to be read as Latin.
_MIXED = re.compile(r"\b(?=\w{0,40}[a-z])[\wа-яіјѕαερτυιοκν]{2,40}\b")
_LOOKALIKES = str.maketrans("аеорсухіјѕкмтвнαερτυιοκν", "aeopcyxijskmtbhaeptuiokv")
