"""Our app in Zendesk's sidebar: which agent opens it. Pure.

Zendesk opens the page of an app with ``signedUrls`` by a form whose ``token`` it signs
with the app's private key. It names account, installation and agent, but no ticket:
that is for the page to ask.
https://developer.zendesk.com/documentation/apps/build-an-app/building-a-server-side-app/part-5-secure-the-app/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from connector.errors import SignatureRejected
from connector.models import Finding, Level, Opened

#: How far Zendesk's clock and ours may be apart.
LEEWAY = timedelta(minutes=1)

#: A shorter key is no longer safe, and none that Zendesk makes.
SHORTEST_KEY = 2048

_INSTALLATION = re.compile(r"/api/v2/apps/installations/\d+(\.json)?")
_USER = re.compile(r"(?:.*/users/)?(\d+)(?:\.json)?")


def read_key(pem: str) -> RSAPublicKey:
    """Read the public key of an app; raise ``ValueError`` if it is none."""
    said = "expected the app's public key: -----BEGIN PUBLIC KEY----- and so on"
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as err:
        raise ValueError(said) from err
    if not isinstance(key, RSAPublicKey) or key.key_size < SHORTEST_KEY:
        raise ValueError(f"{said}, RSA with {SHORTEST_KEY} bits or more")
    return key


def opened(body: bytes, pem: str, base_url: str, now: datetime) -> Opened:
    """Say who opens the page; raise ``SignatureRejected`` if nobody provably does."""
    if not pem:
        raise SignatureRejected("sidebar_key is not set")
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError as err:
        raise SignatureRejected("the form has more fields than Zendesk's") from err
    claims = _claims(form.get("token", [""])[0], read_key(pem))
    _check_times(claims, now)
    _check_parties(claims, base_url)
    user = _USER.fullmatch(str(claims.get("sub", "")))
    jti = str(claims.get("jti") or "")
    proof = hashlib.sha256(jti.encode()).hexdigest() if jti else ""
    return Opened("", f"user {user[1]}" if user else "", proof)


def _claims(token: str, key: RSAPublicKey) -> Mapping[str, Any]:
    # Times are checked against our own clock, which is an argument; the parties may be
    # written in more than one way.
    checked_here = ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
    options: Any = {f"verify_{name}": False for name in checked_here}
    options["require"] = ["exp", "iat", "aud", "iss"]
    try:
        found: Mapping[str, Any] = jwt.decode(
            token, key, algorithms=["RS256"], options=options
        )
    except (jwt.PyJWTError, ValueError) as err:
        raise SignatureRejected("the token is not signed by the app's key") from err
    return found


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    early, late = (now - LEEWAY).timestamp(), (now + LEEWAY).timestamp()
    ends, begins = claims["exp"], [claims["iat"], claims.get("nbf", claims["iat"])]
    if not all(isinstance(one, int | float) for one in (ends, *begins)):
        raise SignatureRejected("the token does not say how long it is good")
    if ends <= early:
        raise SignatureRejected("the token has expired")
    if max(begins) > late:
        raise SignatureRejected("the token is from the future; compare the clocks")


def _check_parties(claims: Mapping[str, Any], base_url: str) -> None:
    account = urlsplit(base_url).netloc
    issuer = str(claims["iss"]).removeprefix("https://").rstrip("/")
    audience = str(claims["aud"])
    path = audience.removeprefix(base_url)
    if issuer != account or path == audience or not _INSTALLATION.fullmatch(path):
        raise SignatureRejected("the token is for another account")


def check(name: str, origins: Sequence[str]) -> list[Finding]:
    if not origins:
        said = "agents have no sidebar: sidebar_key is not set"
        return [Finding(Level.OK, name, said)]
    said = f"agents can open the sidebar in {origins[0]}"
    return [Finding(Level.OK, name, said)]
