"""Standard Webhooks signatures, for what comes in and what goes out. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
Only the symmetric scheme, ``v1``: what is not ``v1`` is passed over, as the text asks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from adapters.signatures import matches
from connector.errors import SignatureRejected
from connector.models import WebhookRequest
from connector.spans import in_words

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
PREFIX = "whsec_"
KEY_BYTES = 24  #: the least that counts as a secret

#: Signatures of one delivery that are looked at; a rotation needs two.
SIGNATURES = 8

# A dot would let id and time be cut apart at another place.
_ID = re.compile(r"[!-\-/-~]{1,255}")
_SECONDS = re.compile(r"[0-9]{1,12}")


def key_of(secret: str) -> bytes:
    """Return the key that a ``whsec_…`` secret stands for, or raise ``ValueError``."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"expected a secret that begins with {PREFIX}")
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        # Not chained: the error below is shown, and this one may quote.
        raise ValueError(
            f"what follows {PREFIX} is not base64; copy it again"
        ) from None
    if len(key) < KEY_BYTES:
        raise ValueError(
            f"too easy to guess: a secret holds {KEY_BYTES} random bytes or more"
        )
    return key


def signature(key: bytes, message_id: str, seconds: str, body: bytes) -> str:
    """Sign one message under one key."""
    content = f"{message_id}.{seconds}.".encode("utf-8", "surrogateescape") + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


def headers(
    keys: Sequence[bytes], message_id: str, now: datetime, body: bytes
) -> dict[str, str]:
    """Return what to send beside ``body``: one signature under each key."""
    seconds = str(int(now.astimezone(UTC).timestamp()))
    signed = (signature(key, message_id, seconds, body) for key in keys)
    return {ID: message_id, TIMESTAMP: seconds, SIGNATURE: " ".join(signed)}


def verify(
    request: WebhookRequest, keys: Sequence[bytes], now: datetime, window: timedelta
) -> None:
    """Return if one of ``keys`` signed the request within ``window`` of ``now``."""
    message_id = request.headers.get(ID, "")
    seconds = request.headers.get(TIMESTAMP, "")
    presented = request.headers.get(SIGNATURE, "").split()[:SIGNATURES]
    if not message_id or not seconds or not presented:
        raise SignatureRejected(f"{ID}, {TIMESTAMP} or {SIGNATURE} is missing")
    if not _ID.fullmatch(message_id) or not _SECONDS.fullmatch(seconds):
        raise SignatureRejected(
            f"{ID} has to be printable without a dot, {TIMESTAMP} seconds since 1970"
        )
    expected = [signature(key, message_id, seconds, request.body) for key in keys]
    # All are compared, so that the time taken tells nothing.
    if not any([matches(one, expected) for one in presented]):
        raise SignatureRejected(f"{SIGNATURE} does not match the source's secret")
    # The time of this attempt, so a tight window is safe.
    away = abs(now.timestamp() - int(seconds))
    if away > window.total_seconds():
        raise SignatureRejected(
            f"signed {away:.0f} s away from our clock, more than {in_words(window)}"
        )
