"""Text as it may leave a vendor: what we keep of tickets, what we repeat of errors.

Pure functions over strings, for every vendor alike. What a vendor's words mean is said
in its ``payloads.py``.
"""

from __future__ import annotations

import re

#: An error text longer than this is a dump; nobody reads on.
_READ = 4000

# Databases refuse both: NUL, and halves of characters that JSON lets pass.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_QUOTED = re.compile(
    r"\"[^\"]*(?:\"|$)|[“„”][^“”]*(?:[“”]|$)|«[^»]*(?:»|$)|‘[^‘’]*’(?!\w)"
    r"|(?<!\w)'.*?'(?!\w)|`[^`]*`",
    re.DOTALL,
)
# Not within words or identifiers: log references and names of fields help support.
_NUMBER = re.compile(
    r"(?<![\w-])\+?\d(?:[ .()/-]{0,2}\d){4,}(?![\w-])|(?<![\d_-])\d{8,}"
)


def plain(text: str) -> str:
    """Drop characters that no database takes."""
    return _UNSTORABLE.sub("", text)


def masked(words: str) -> str:
    """Return a vendor's error text on one line, without what may be a customer's.

    Vendors repeat what was sent: addresses, numbers, and anything in quotes.
    """
    text = _QUOTED.sub("…", plain(words[:_READ]))
    said = ("…" if "@" in word else word for word in text.split())
    return _NUMBER.sub("…", " ".join(said))
