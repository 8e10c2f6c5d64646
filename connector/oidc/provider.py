"""Signing in at a provider by OpenID Connect: the way there, the way back, the proof.

The authorization code flow with PKCE; Authlib speaks it and checks the claims. No token
is kept: once it has told who somebody is and what role they have, it is gone. Who then
comes in is decided in ``connector.vouching``.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from authlib.common.security import is_secure_transport
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from connector.config_oidc import Oidc
from connector.models import Finding, Level
from connector.oidc.asking import Issuer, word
from connector.oidc.claims import claim, person
from connector.oidc.journey import CALLBACK, START, Journey
from connector.vouching import Person, Refusal, SignInFailed

#: How far two clocks may be apart.
SKEW = timedelta(seconds=60)

#: By a key of which only the provider has the secret half; neither none nor HS256.
ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
]

#: What a provider says that does not know us, or not our secret.
_NOT_US = frozenset({"invalid_client", "unauthorized_client"})


class Provider:
    """Who vouches for people. Safe for many threads."""

    def __init__(self, config: Oidc, address: str) -> None:
        self.config = config
        self.start = address + START
        self._callback = address + CALLBACK
        self._issuer = Issuer(config, self._callback)

    def way_there(self, journey: Journey, now: datetime) -> str:
        """Return where to send a browser. Raises ``SignInFailed``."""
        document = self._issuer.look(now).document
        with self._issuer.session(document) as session:
            url, _ = session.create_authorization_url(
                document["authorization_endpoint"],
                state=journey.told("state"),
                nonce=journey.told("nonce"),
                code_verifier=journey.told("verifier"),
            )
        return str(url)

    def way_back(
        self, journey: Journey, answer: Mapping[str, str], now: datetime
    ) -> Person:
        """Return who came back, proven. Raises ``SignInFailed``."""
        state = answer.get("state", "").encode("utf-8", "replace")
        if not hmac.compare_digest(state, journey.told("state").encode()):
            raise SignInFailed(Refusal.STALE, "the state is of another sign-in")
        if answer.get("iss", self.config.issuer) != self.config.issuer:
            raise SignInFailed(Refusal.UNPROVEN, "another issuer answers")
        if not answer.get("code"):
            why = f"it sent somebody back without a code ({word(answer.get('error'))})"
            raise SignInFailed(Refusal.DENIED, why)
        document = self._issuer.look(now).document
        verifier = journey.told("verifier")
        token = self._issuer.token(document, answer["code"], verifier, now)
        claims = self._proven(token, journey.told("nonce"), now)
        if claim(claims, self.config.role_claim) is None:
            claims = {**self._more(document, token, claims["sub"], now), **claims}
        return person(claims, self.config)

    def check(self, now: datetime) -> list[Finding]:
        """Prove what can be proven while nobody is there to sign in."""
        try:
            known = self._issuer.look(now, again=True)
            is_us = self._knows_us(known.document, now)
        except SignInFailed as err:
            remedy = (
                "correct oidc.issuer, let the connector out to that host, or name the "
                "authorities of a private certificate as oidc.ca_bundle"
            )
            return [Finding(Level.PROBLEM, "oidc", err.detail, remedy)]
        said = f"{self.config.issuer} answers; its callback address for us has to be"
        found = [Finding(Level.OK, "oidc", f"{said} {self._callback}")]
        apart = abs((known.its_time or now) - now)
        if apart > SKEW:
            said = f"its clock and ours are {apart.total_seconds():.0f} s apart"
            remedy = "set this machine's clock (NTP): proofs count for a short time"
            found.append(Finding(Level.PROBLEM, "oidc", said, remedy))
        if not is_us:
            said = "the provider does not accept our client id and secret"
            remedy = "correct oidc.client_id and oidc.client_secret"
            found.append(Finding(Level.PROBLEM, "oidc", said, remedy))
        return found

    def _knows_us(self, document: Mapping[str, Any], now: datetime) -> bool:
        """Ask for a token by a code that nobody has: who asks is looked at first."""
        verifier = Journey.begin("/", now).told("verifier")
        try:
            self._issuer.token(document, "doctor", verifier, now)
        except SignInFailed as err:
            if err.refusal is Refusal.UNREACHABLE:
                raise
            return err.code not in _NOT_US
        return True

    def _proven(
        self, token: Mapping[str, Any], nonce: str, now: datetime
    ) -> Mapping[str, Any]:
        """Return the claims of an ID token that is signed, for us, new and in time."""
        wanted: Any = {
            "iss": {"essential": True, "value": self.config.issuer},
            "aud": {"essential": True, "value": self.config.client_id},
        }
        ours = {
            "nonce": nonce,
            "client_id": self.config.client_id,
            "access_token": token.get("access_token"),
        }
        try:
            signed = self._signed(str(token.get("id_token", "")), now)
            claims = CodeIDToken(signed.claims, signed.header, wanted, ours)
            claims.validate(int(now.timestamp()), int(SKEW.total_seconds()))
        except JoseError as err:
            # Their messages name a claim or a key, and hold no value of one.
            raise SignInFailed(Refusal.UNPROVEN, str(err)) from None
        except (ValueError, TypeError) as err:
            raise SignInFailed(Refusal.UNPROVEN, type(err).__name__) from None
        subject = claims["sub"]
        if not 0 < len(subject) <= 255 or not subject.isprintable():
            raise SignInFailed(Refusal.UNPROVEN, "sub is empty, too long or no text")
        return dict(claims)

    def _signed(self, id_token: str, now: datetime) -> jwt.Token:
        rules = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(id_token, self._issuer.look(now).keys, registry=rules)
        except InvalidKeyIdError:  # they change their keys now and then
            keys = self._issuer.look(now, again=True).keys
            return jwt.decode(id_token, keys, registry=rules)

    def _more(
        self,
        document: Mapping[str, Any],
        token: Mapping[str, Any],
        subject: str,
        now: datetime,
    ) -> Mapping[str, Any]:
        """Return what some providers tell only beside the ID token, such as groups."""
        url = str(document.get("userinfo_endpoint", ""))
        if not is_secure_transport(url):
            return {}
        found = self._issuer.userinfo(url, token.get("access_token"), now)
        if found.get("sub") != subject:
            raise SignInFailed(Refusal.UNPROVEN, "userinfo is of somebody else")
        return found
