"""Who opens our page in a helpdesk's sidebar, and who only says so."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from kit import START
from signing_kit import is_let_in

from adapters import kinds
from adapters.base import Framer
from adapters.helpscout import sidebar as helpscout
from adapters.zendesk import sidebar as zendesk
from connector.models import Opened, WebhookRequest

# -- Help Scout --

SECRETS = ["new", "old"]
#: As it was seen to arrive; names and order are Help Scout's.
QUERY = {
    "conversation-id": "3382942562",
    "conversation-number": "6002",
    "customer-id": "1",
    "mailbox-id": "364558",
    "user-id": "772569",
    "installation-ids": "XGao7GBKoDV5",
    "application-slug": "167604/our-sidebår",
}
#: The same as PHP writes it; put down by hand, not by our code.
SIGNED = (
    b'{"conversation-id":"3382942562","conversation-number":"6002","customer-id":"1",'
    b'"mailbox-id":"364558","user-id":"772569","installation-ids":"XGao7GBKoDV5",'
    b'"application-slug":"167604\\/our-sideb\\u00e5r"}'
)


def of(key: str, message: bytes) -> str:
    digest = hmac.new(key.encode(), message, hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def asks(query: dict[str, str]) -> WebhookRequest:
    return WebhookRequest({}, b"", query)


def signed(key: str = "new", message: bytes = SIGNED, **changes: str) -> WebhookRequest:
    return asks({**QUERY, **changes, "X-HelpScout-Signature": of(key, message)})


@pytest.mark.parametrize("key", SECRETS)
def test_helpscout_query_names_conversation_and_agent(key: str) -> None:
    found = helpscout.opened(signed(key), SECRETS)
    assert found == Opened("3382942562", "user 772569")
    assert found.proof == ""  # nothing in it changes; it can be asked for again


def test_helpscout_slashes_may_be_written_plainly() -> None:
    plain = SIGNED.replace(b"\\/", b"/")
    assert is_let_in(helpscout.opened, signed(message=plain), SECRETS)


def test_helpscout_signature_may_have_lost_its_plus() -> None:
    messages = (b'{"conversation-id":"%d"}' % number for number in range(1, 99))
    message = next(one for one in messages if "+" in of("new", one))
    raw = urlencode(json.loads(message)) + "&X-HelpScout-Signature="
    query = dict(parse_qsl(raw + of("new", message)))
    assert " " in query["X-HelpScout-Signature"]
    assert is_let_in(helpscout.opened, asks(query), SECRETS)


@pytest.mark.parametrize(
    "request_",
    [
        signed("stranger"),
        signed(**{"conversation-id": "2"}),  # another ticket
        signed(**{"user-id": "2"}),
        signed(more="1"),
        asks(QUERY),
        asks({**QUERY, "X-HelpScout-Signature": ""}),
        asks(dict(reversed(signed().query.items()))),
        WebhookRequest({"x-helpscout-signature": of("new", SIGNED)}, b"", QUERY),
    ],
    ids=["key", "ticket", "agent", "more", "none", "empty", "order", "header"],
)
def test_helpscout_query_that_is_not_signed_is_refused(request_: Any) -> None:
    assert is_let_in(helpscout.opened, signed(), SECRETS)
    assert not is_let_in(helpscout.opened, request_, SECRETS)


def test_without_a_secret_nobody_is_believed() -> None:
    assert not is_let_in(helpscout.opened, signed(""), [])
    assert not is_let_in(helpscout.opened, signed(""), [""])


def test_helpscout_without_a_conversation_is_refused() -> None:
    message = b'{"customer-id":"1"}'
    query = {"customer-id": "1", "X-HelpScout-Signature": of("new", message)}
    assert not is_let_in(helpscout.opened, asks(query), SECRETS)


def call(body: bytes, key: str = "new") -> WebhookRequest:
    return WebhookRequest({"x-helpscout-signature": of(key, body)}, body)


def test_helpscout_legacy_app_is_shown_markup() -> None:
    body = b'{"ticket":{"id":"12","number":7},"user":{"id":5,"fname":"Kari"}}'
    assert helpscout.opened(call(body), SECRETS) == Opened("12", "user 5", "", True)
    assert not is_let_in(helpscout.opened, call(body, "stranger"), SECRETS)


@pytest.mark.parametrize("body", [b'{"ticket":false}', b"[]", b"x"])
def test_helpscout_legacy_app_without_a_ticket_is_refused(body: bytes) -> None:
    assert not is_let_in(helpscout.opened, call(body), SECRETS)


# -- Zendesk --

BASE = "https://example.zendesk.com"
ISSUED = int(START.timestamp())


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def pem(key: RSAPrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


CLAIMS = {
    "iss": "example.zendesk.com",
    "aud": f"{BASE}/api/v2/apps/installations/28666254387092.json",
    "sub": f"{BASE}/api/v2/users/1234567890.json",
    "iat": ISSUED,
    "nbf": ISSUED,
    "exp": ISSUED + 300,
    "jti": "once",
    "context": {"product": "support", "location": "ticket_sidebar"},
}


def form(signer: Any, algorithm: str = "RS256", **changes: Any) -> bytes:
    claims = {k: v for k, v in {**CLAIMS, **changes}.items() if v is not None}
    token = jwt.encode(claims, signer, algorithm=algorithm)
    return urlencode({"token": token}).encode()


def test_zendesk_token_names_the_agent_and_no_ticket(
    key: RSAPrivateKey, pem: str
) -> None:
    found = zendesk.opened(form(key), pem, BASE, START)
    assert (found.ticket, found.who) == ("", "user 1234567890")
    other = zendesk.opened(form(key, jti="twice"), pem, BASE, START)
    assert len(found.proof) == 64 and found.proof != other.proof
    bare = zendesk.opened(form(key, jti=None, sub=None), pem, BASE, START)
    assert bare == Opened("")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other.zendesk.com"},
        {"aud": "https://other.zendesk.com/api/v2/apps/installations/1.json"},
        {"aud": f"{BASE}/api/v2/apps/installations/x"},
        {"aud": f"{BASE}.evil.example/api/v2/apps/installations/1.json"},
        {"aud": None},
        {"exp": ISSUED - 120},
        {"exp": None},
        {"exp": "never"},
        {"iat": ISSUED + 120},
        {"nbf": ISSUED + 120},
        {"iat": None},
    ],
    ids=str,
)
def test_zendesk_token_for_others_or_other_times_is_refused(
    key: RSAPrivateKey, pem: str, changes: dict[str, Any]
) -> None:
    assert not is_let_in(zendesk.opened, form(key, **changes), pem, BASE, START)


def test_zendesk_token_ends(key: RSAPrivateKey, pem: str) -> None:
    late = START + timedelta(minutes=7)
    assert not is_let_in(zendesk.opened, form(key), pem, BASE, late)


def test_zendesk_issuer_may_be_an_address(key: RSAPrivateKey, pem: str) -> None:
    assert is_let_in(zendesk.opened, form(key, iss=BASE), pem, BASE, START)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_zendesk_token_of_another_key_or_kind_is_refused(
    key: RSAPrivateKey, pem: str
) -> None:
    stranger = generate_private_key(65537, 2048)
    assert not is_let_in(zendesk.opened, form(stranger), pem, BASE, START)
    # What everybody can read is no secret to sign with.
    header, claims = (
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=")
        for one in ({"alg": "HS256", "typ": "JWT"}, CLAIMS)
    )
    mac = hmac.new(pem.encode(), header + b"." + claims, hashlib.sha256).digest()
    forged = b".".join([header, claims, base64.urlsafe_b64encode(mac).rstrip(b"=")])
    assert not is_let_in(zendesk.opened, b"token=" + forged, pem, BASE, START)
    none = form(None, "none")
    for body in (none, b"", b"token=", b"token=x.y.z", b"\xff", b"a=1&" * 30):
        assert not is_let_in(zendesk.opened, body, pem, BASE, START)
    assert not is_let_in(zendesk.opened, form(key), "", BASE, START)


@pytest.mark.parametrize("pem", ["", "x", "-----BEGIN PUBLIC KEY-----\nx\n"])
def test_zendesk_key_that_is_none_is_refused_with_what_to_do(pem: str) -> None:
    with pytest.raises(ValueError, match="expected the app's public key"):
        zendesk.read_key(pem)


def test_zendesk_key_that_is_short_is_refused() -> None:
    short = generate_private_key(65537, 1024).public_key()
    pem = short.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="2048"):
        zendesk.read_key(pem.decode())


# -- the sources --


def test_source_without_a_secret_has_no_sidebar_and_doctor_says_so(pem: str) -> None:
    common = {"webhook_secret": "secret"}
    scout = {"app_id": "app", "app_secret": "secret", **common}
    login = {"client_id": "connector", "client_secret": "secret"}
    desk = {"base_url": BASE, **login, **common}
    for kind, settings, key, value, place in (
        ("helpscout", scout, "sidebar_secret", "s", "https://secure.helpscout.net"),
        ("zendesk", desk, "sidebar_key", pem, BASE),
    ):
        made = kinds()[kind]
        without = made.build("desk", made.config.model_validate(settings))
        assert isinstance(without, Framer)
        assert without.frame_origins == ()
        assert f"{key} is not set" in without.check_frame()[0].message
        assert not is_let_in(without.opened, signed(), START)
        set_up = made.config.model_validate({**settings, key: value})
        framer = made.build("desk", set_up)
        assert isinstance(framer, Framer)
        assert framer.frame_origins == (place,)
        assert place in framer.check_frame()[0].message
