"""The way of a browser to a provider and back, as far as we remember it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self
from urllib.parse import quote, unquote

#: Pages below the dashboard's address: who comes here is sent there, and comes back.
START = "/sign-in/oidc"
CALLBACK = f"{START}/callback"

#: Time for somebody to sign in there.
PATIENCE = timedelta(minutes=10)


class Journey(NamedTuple):
    """A way to the provider and back. Only the browser keeps it, in a cookie.

    What the provider is told follows from the cookie, and the cookie not from that. So
    nobody comes in but with the browser that began, and only for a while: a cookie with
    another time is another journey.
    """

    cookie: str
    back: str  #: the page to show at the end

    @classmethod
    def begin(cls, back: str, now: datetime) -> Self:
        secret = secrets.token_urlsafe(32)
        return cls(f"{int(now.timestamp())}.{secret}.{quote(back, safe='')}", back)

    @classmethod
    def read(cls, cookie: str, now: datetime) -> Self | None:
        """Read what a browser brought back; None if it is nothing, or too old."""
        begun, _, rest = cookie.partition(".")
        if not begun.isdecimal() or not begun.isascii() or len(begun) > 10:
            return None
        age = now - datetime.fromtimestamp(int(begun), UTC)
        return cls(cookie, unquote(rest.partition(".")[2])) if age < PATIENCE else None

    def told(self, what: str) -> str:
        """Return the ``state``, ``nonce`` or ``verifier`` of this journey."""
        key = self.cookie.encode("utf-8", "replace")
        return hmac.new(key, what.encode(), hashlib.sha256).hexdigest()
