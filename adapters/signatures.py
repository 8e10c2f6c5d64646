"""Comparing signatures in constant time; every vendor's scheme is built from this."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

Algorithm = Literal["sha1", "sha256"]


def hmac_base64(secret: str, message: bytes, algorithm: Algorithm) -> str:
    """Sign ``message``; the secret's UTF-8 bytes are the key."""
    digest = hmac.new(secret.encode(), message, getattr(hashlib, algorithm)).digest()
    return base64.b64encode(digest).decode("ascii")


def hmac_hex(secret: str, message: bytes, algorithm: Algorithm) -> str:
    """Like ``hmac_base64``, in lower-case hexadecimal digits."""
    return hmac.new(secret.encode(), message, getattr(hashlib, algorithm)).hexdigest()


def matches(presented: str, expected: Iterable[str]) -> bool:
    """Tell whether ``presented`` is one of ``expected`` without leaking by time.

    Several values are allowed so that a secret can be rotated. An empty value never
    matches, because an empty key is one that anybody can use.
    """
    given = presented.encode("utf-8", "surrogateescape")
    found = False
    for value in expected:
        found |= bool(value) and hmac.compare_digest(given, value.encode())
    return found


def origin(address: str) -> str:
    """Return what a browser calls the place of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
