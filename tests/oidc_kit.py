"""A provider of OpenID Connect on this machine: real keys, redirects and signatures.

It is written against the standard with another library than ours, and refuses what a
provider has to refuse: a wrong secret, a code used twice, a verifier that does not fit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, jsonify, redirect, request
from kit import Clock
from werkzeug.serving import make_server

CLIENT, SECRET = "connector", "s3cr3t of the connector"


@cache
def key(kid: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class TestProvider:
    """One issuer. Whoever comes is signed in at once, as ``person``."""

    __test__ = False

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.issuer = ""  # known when it listens
        self.forget()

    def forget(self) -> None:
        """Be as at the beginning."""
        self.person: dict[str, Any] = {
            "sub": "s-1",
            "preferred_username": "kari",
            "roles": ["cc-admins"],
        }
        self.claims: dict[str, Any] = {}  #: instead of the right ones; None: left out
        self.document: dict[str, Any] = {}  #: the same of the discovery document
        self.userinfo: dict[str, Any] = {}
        self.alg = "RS256"
        self.kid = "one"
        self.known_kids = ["one"]
        self.other_keys: list[Any] = []  #: as they stand among the others
        self.signed_by = "one"  #: the key that is really used
        self.denies = False
        self.is_down = False
        self.forged: Callable[[dict[str, Any]], str] | None = None
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}

    def settings(self, **changes: Any) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "address": "http://localhost",
            "roles": {
                "admin": ["cc-admins"],
                "agent": ["cc-agents"],
                "viewer": ["cc-viewers"],
            },
            **changes,
        }

    def id_token(self, nonce: str) -> str:
        now = self.clock()
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=5)).timestamp()),
            "nonce": nonce,
            **self.person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.forged is not None:
            return self.forged(claims)
        signing: Any = key(self.signed_by)
        if self.alg == "none":
            signing = None
        elif self.alg == "HS256":
            signing = SECRET.ljust(32)
        return jwt.encode(claims, signing, self.alg, headers={"kid": self.kid})

    def app(self) -> Flask:
        app = Flask("provider")
        app.before_request(self._note)
        app.get("/.well-known/openid-configuration")(self._discovery)
        app.get("/keys")(self._keys)
        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        app.get("/userinfo")(self._userinfo)
        return app

    def _note(self) -> Response | None:
        self.asked.append(request.path)
        return Response("down for repairs", 503) if self.is_down else None

    def _discovery(self) -> Response:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            **self.document,
        }
        return jsonify(document)

    def _keys(self) -> Response:
        found = []
        for kid in self.known_kids:
            public = key(kid).public_key()
            one = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
            found.append({**one, "kid": kid, "use": "sig"})
        return jsonify({"keys": [*self.other_keys, *found]})

    def _authorize(self) -> Any:
        args = request.args.to_dict()
        assert args["response_type"] == "code" and args["client_id"] == CLIENT
        assert args["code_challenge_method"] == "S256"
        back = {"state": args["state"]}
        if self.denies:
            back |= {"error": "access_denied", "error_description": "<b>no</b>"}
        else:
            code = secrets.token_hex(8)
            self.codes[code] = args
            back |= {"code": code}
        return redirect(f"{args['redirect_uri']}?{urlencode(back)}")

    def _token(self) -> tuple[Response, int]:
        auth, form = request.authorization, request.form
        if auth is None or (auth.username, auth.password) != (CLIENT, SECRET):
            return jsonify({"error": "invalid_client"}), 401
        asked = self.codes.pop(form["code"], None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return jsonify({"error": "invalid_grant"}), 400
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if challenge != asked["code_challenge"]:
            return jsonify({"error": "invalid_grant"}), 400
        told = {"access_token": "at-of-s-1", "token_type": "Bearer"}
        return jsonify({**told, "id_token": self.id_token(asked["nonce"])}), 200

    def _userinfo(self) -> Any:
        if request.headers.get("Authorization") != "Bearer at-of-s-1":
            return jsonify({}), 401
        return jsonify({"sub": self.person["sub"], **self.userinfo})


@contextmanager
def provider(clock: Callable[[], datetime]) -> Iterator[TestProvider]:
    made = TestProvider(clock)
    with listening(made.app()) as port:
        made.issuer = f"http://127.0.0.1:{port}"
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def there(clock: Clock) -> Iterator[TestProvider]:
    with provider(clock) as made:
        yield made


@contextmanager
def listening(app: Any) -> Iterator[int]:
    """Let an application be asked on a port of this machine; give its number."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


def unsigned(claims: dict[str, Any]) -> str:
    """Write a token by hand, as somebody does who has no key at all."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    coded = [base64.urlsafe_b64encode(json.dumps(one).encode()) for one in parts]
    return ".".join(one.decode().rstrip("=") for one in coded) + "."
