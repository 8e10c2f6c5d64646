"""Proof of a dynamic webhook: a bearer token signed with the OAuth app's secret.

Jira signs neither the body nor the address with it, so it proves who called and when,
and nothing about what was said. A delivery only says "look again", so that is enough.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.signatures import hmac_base64, matches
from connector.errors import SignatureRejected

HEADER = "authorization"

#: How far Jira's clock and ours may be apart.
LEEWAY = timedelta(minutes=1)
#: How long a token is good that says when it was made and not when it ends.
LIFE = timedelta(minutes=15)


def verify(headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> None:
    """Return if the token is signed with one of ``secrets`` and good at this time.

    The algorithm is ours to choose: what the token says of it can only be wrong.
    """
    scheme, _, token = headers.get(HEADER, "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise SignatureRejected("neither X-Hub-Signature nor a bearer token")
    message, _, signature = token.strip().rpartition(".")
    # Anybody can sign with an empty key.
    expected = [_signature(secret, message) for secret in secrets if secret]
    if not matches(signature, expected):
        raise SignatureRejected("the bearer token is not signed with our client secret")
    head, _, claims = message.partition(".")
    if _object(head).get("alg") != "HS256":
        raise SignatureRejected("the bearer token is not an HS256 token")
    _check_times(_object(claims), now)


def sign(secret: str, now: datetime) -> str:
    """Make a token as Jira would; return the header's value."""
    claims = {"iat": _seconds(now), "exp": _seconds(now + LIFE)}
    message = f"{_packed({'alg': 'HS256', 'typ': 'JWT'})}.{_packed(claims)}"
    return f"Bearer {message}.{_signature(secret, message)}"


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    early, late = _seconds(now - LEEWAY), _seconds(now + LEEWAY)
    made, ends = _number(claims, "iat"), _number(claims, "exp")
    if ends is None and made is not None:
        ends = made + int(LIFE.total_seconds())
    if ends is None:
        raise SignatureRejected("the bearer token does not say how long it is good")
    if ends <= early:
        raise SignatureRejected("the bearer token has expired")
    starts = max(made or 0, _number(claims, "nbf") or 0)
    if starts > late:
        raise SignatureRejected("the bearer token is from the future")


def _number(claims: Mapping[str, Any], name: str) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    # Whole numbers only: others may be too large, or no number at all.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise SignatureRejected(f"{name} of the bearer token is no time")
    return value


def _signature(secret: str, message: str) -> str:
    data = message.encode("utf-8", "surrogateescape")
    return _url_safe(hmac_base64(secret, data, "sha256"))


def _packed(value: Mapping[str, Any]) -> str:
    data = json.dumps(value, separators=(",", ":")).encode()
    return _url_safe(base64.b64encode(data).decode("ascii"))


def _url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_").rstrip("=")


def _object(part: str) -> Mapping[str, Any]:
    try:
        padded = part + "=" * (-len(part) % 4)
        value = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise SignatureRejected("the bearer token cannot be read") from None
    if not isinstance(value, dict):
        raise SignatureRejected("the bearer token cannot be read")
    return value


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
