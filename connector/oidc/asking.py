"""What a provider of OpenID Connect is asked: its description, its keys, a token.

Each request is made once, has a time limit and follows no redirect. What the answers
mean for somebody who signs in is told in ``connector.oidc.provider``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import requests
from authlib.common.security import is_secure_transport
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from connector.config_oidc import Oidc
from connector.vouching import Refusal, SignInFailed

#: How long a provider's description and its keys are taken as they are.
FRESH = timedelta(hours=1)

#: After no answer others are not kept waiting for the next one.
PAUSE = timedelta(seconds=15)

TIMEOUT = (3.0, 5.0)  # connect, read; seconds

#: Requests under way at a time: a slow provider leaves threads for everybody else.
AT_A_TIME = 8

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Known(NamedTuple):
    """What a provider says of itself, and since when we know."""

    document: Mapping[str, Any]
    keys: KeySet
    at: datetime
    its_time: datetime | None  #: what time it was there


class Issuer:
    """One provider, as it is asked. Safe for many threads."""

    def __init__(self, config: Oidc, callback: str) -> None:
        self._config = config
        self._callback = callback
        self._known: Known | None = None
        self._silent_at: datetime | None = None
        self._turns = threading.BoundedSemaphore(AT_A_TIME)

    def look(self, now: datetime, again: bool = False) -> Known:
        """Return what it says of itself. Raises ``SignInFailed``."""
        known = self._known
        if known is not None and not again and now - known.at < FRESH:
            return known
        if self._silent_at is not None and now - self._silent_at < PAUSE:
            raise SignInFailed(Refusal.UNREACHABLE, "it gave no answer a moment ago")
        document, its_time = self._document(now)
        self._known = Known(document, self._keys(document, now), now, its_time)
        return self._known

    def session(self, document: Mapping[str, Any]) -> OAuth2Session:
        """Return what speaks the protocol for us; it holds connections, no state."""
        secret = self._config.client_secret
        ways = document.get("token_endpoint_auth_methods_supported")
        is_in_form = isinstance(ways, list) and "client_secret_basic" not in ways
        how = "client_secret_post" if is_in_form else "client_secret_basic"
        session = OAuth2Session(
            self._config.client_id,
            secret.get_secret_value() if secret else None,
            token_endpoint_auth_method=how,
            scope=" ".join(self._config.scopes),
            redirect_uri=self._callback,
            code_challenge_method="S256",
            default_timeout=TIMEOUT,
            # Credentials come from the configuration, never from a .netrc.
            trust_env=False,
        )
        session.verify = self._config.ca_bundle or True
        session.headers["User-Agent"] = "complaint-connector"
        return session

    def token(
        self, document: Mapping[str, Any], code: str, verifier: str, now: datetime
    ) -> Mapping[str, Any]:
        """Change a code for tokens; it works once."""
        with self._asking(document, now) as session:
            try:
                found: Mapping[str, Any] = session.fetch_token(
                    document["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    allow_redirects=False,
                )
            except OAuthError as err:
                code = word(err.error)
                why = f"it changes no code for a token ({code})"
                is_old = code == "invalid_grant"
                refusal = Refusal.STALE if is_old else Refusal.UNPROVEN
                raise SignInFailed(refusal, why, code) from None
            except ValueError:  # not even JSON
                why = "its answer about a token is none"
                raise SignInFailed(Refusal.UNREACHABLE, why) from None
        return found

    def userinfo(self, url: str, token: object, now: datetime) -> Mapping[str, Any]:
        """Return what it says of who a token is of."""
        return self._read(url, {}, now, {"Authorization": f"Bearer {token}"})[0]

    def _document(self, now: datetime) -> tuple[Mapping[str, Any], datetime | None]:
        issuer = self._config.issuer
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        document, its_time = self._read(url, {}, now)
        said = document.get("issuer")
        if said != issuer:
            why = f"{url} is of the issuer {str(said)[:200]!r}, not of {issuer!r}"
            raise SignInFailed(Refusal.UNREACHABLE, why)
        for key in _NEEDED:
            if not is_secure_transport(str(document.get(key, ""))):
                why = f"{url} names no https address as {key}"
                raise SignInFailed(Refusal.UNREACHABLE, why)
        return document, its_time

    def _keys(self, document: Mapping[str, Any], now: datetime) -> KeySet:
        url = document["jwks_uri"]
        said = self._read(url, document, now)[0].get("keys")
        found = [_key(one) for one in said] if isinstance(said, list) else []
        keys = [key for key in found if key is not None]
        if not keys:
            why = f"{url} holds no keys that can be read"
            raise SignInFailed(Refusal.UNREACHABLE, why)
        return KeySet(keys)

    def _read(
        self,
        url: str,
        document: Mapping[str, Any],
        now: datetime,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Mapping[str, Any], datetime | None]:
        """GET a JSON object; also return what time it is there."""
        with self._asking(document, now) as session:
            response = session.get(
                url, headers=headers, withhold_token=True, allow_redirects=False
            )
        try:
            found = response.json() if response.status_code == 200 else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            why = f"{url} answers {response.status_code} without what belongs there"
            raise SignInFailed(Refusal.UNREACHABLE, why)
        return found, _date(response)

    @contextmanager
    def _asking(
        self, document: Mapping[str, Any], now: datetime
    ) -> Iterator[OAuth2Session]:
        """Give a session for a request, if not too many are under way."""
        if not self._turns.acquire(blocking=False):
            raise SignInFailed(Refusal.UNREACHABLE, "too many wait for its answer")
        try:
            with self.session(document) as session:
                yield session
        except requests.RequestException as err:
            self._silent_at = now
            why = f"{self._config.issuer} gives no answer ({type(err).__name__})"
            raise SignInFailed(Refusal.UNREACHABLE, why) from None
        finally:
            self._turns.release()


def word(said: object) -> str:
    """Return a code of the protocol; whatever else stands there is not repeated."""
    found = str(said)
    return found if re.fullmatch(r"[a-z_]{1,40}", found) else "no known error"


def _key(said: Any) -> Key | None:
    """Read a key; one that we do not understand is there for others."""
    try:
        return JWKRegistry.import_key(said)
    except (JoseError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _date(response: requests.Response) -> datetime | None:
    try:
        found = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return found if found.tzinfo else None
