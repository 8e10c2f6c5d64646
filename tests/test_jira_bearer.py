"""Dynamic webhooks of Jira: the bearer token that comes instead of a signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from signing_kit import is_let_in

from adapters.jira import KIND
from adapters.jira.adapter import JiraAdapter, JiraConfig
from connector.errors import SignatureRejected
from connector.models import WebhookRequest

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
SECRET = "s3cret-of-the-app"
BODY = b'{"webhookEvent": "jira:issue_updated"}'


def jira(**changes: object) -> JiraAdapter:
    settings: dict[str, object] = {
        "flavour": "cloud",
        "site_url": "https://nordvik.atlassian.net",
        "email": "connector@nordvik.example",
        "api_token": "token",
        "client_secret": SECRET,
    }
    return KIND.build("jira", JiraConfig.model_validate({**settings, **changes}))


def packed(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token(
    claims: object,
    head: object = None,
    secret: str = SECRET,
    digest: str = "sha256",
) -> str:
    """Make a token by hand, so that nothing of the adapter proves itself."""
    head = {"typ": "JWT", "alg": "HS256"} if head is None else head
    message = f"{packed(head)}.{packed(claims)}"
    made = hmac.new(secret.encode(), message.encode(), digest).digest()
    return f"{message}.{packed(made)}"


def carrying(value: str) -> WebhookRequest:
    return WebhookRequest({"authorization": value}, BODY)


GOOD = {"iss": "app", "iat": STAMP - 5, "exp": STAMP + 175}


@pytest.mark.parametrize(
    "claims",
    [
        GOOD,
        {"exp": STAMP + 1},
        {"iat": STAMP - 60},
        {"iat": STAMP + 59, "exp": STAMP + 300},
        {"exp": STAMP - 59},
        {"exp": float(STAMP + 10)},
    ],
)
@pytest.mark.parametrize("secrets", [SECRET, ["new", SECRET]])
def test_token_of_our_app_is_accepted(claims, secrets):
    adapter = jira(client_secret=secrets)
    assert is_let_in(adapter.verify, carrying(f"Bearer {token(claims)}"), NOW)
    others = carrying(f"Bearer {token(claims, secret='of another app')}")
    assert not is_let_in(adapter.verify, others, NOW)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": STAMP - 60}, "has expired"),
        ({**GOOD, "exp": STAMP - 3600}, "has expired"),
        ({"iat": STAMP - 3600}, "has expired"),
        ({"iat": STAMP + 120, "exp": STAMP + 300}, "from the future"),
        ({"nbf": STAMP + 120, "exp": STAMP + 300}, "from the future"),
        ({}, "how long it is good"),
        ({"exp": None}, "how long it is good"),
        ({"exp": "tomorrow"}, "is no time"),
        ({"exp": True}, "is no time"),
        ({"exp": 1e400}, "is no time"),
        ([], "cannot be read"),
        (b"\xff", "cannot be read"),
    ],
)
def test_token_that_is_not_good_now_is_rejected(claims, why):
    with pytest.raises(SignatureRejected, match=why):
        jira().verify(carrying(f"Bearer {token(claims)}"), NOW)


def unsigned(head: object) -> str:
    return f"{packed(head)}.{packed(GOOD)}."


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "neither"),
        ("Bearer", "neither"),
        ("Bearer ", "neither"),
        ("Basic YTpi", "neither"),
        ("Bearer x", "not signed"),
        ("Bearer ..", "not signed"),
        ("Bearer å.ø.æ", "not signed"),
        (f"Bearer {token(GOOD, secret='other')}", "not signed"),
        (f"Bearer {token(GOOD, secret='')}", "not signed"),
        (f"Bearer {token(GOOD)}x", "not signed"),
        (f"Bearer {token(GOOD)[:-1]}", "not signed"),
        (f"Bearer {token(GOOD, digest='sha512')}", "not signed"),
        (f"Bearer {unsigned({'alg': 'none'})}", "not signed"),
        (f"Bearer {token(GOOD, {'alg': 'none'})}", "not an HS256"),
        (f"Bearer {token(GOOD, {'alg': 'RS256'})}", "not an HS256"),
        (f"Bearer {token(GOOD, {})}", "not an HS256"),
        (f"Bearer {token(GOOD, [])}", "cannot be read"),
    ],
)
def test_algorithm_is_ours_and_not_the_tokens(value, why):
    with pytest.raises(SignatureRejected, match=why) as caught:
        jira().verify(carrying(value), NOW)
    assert SECRET not in str(caught.value)


def test_token_signed_with_an_empty_key_is_rejected():
    adapter = jira()
    update = {"client_secret": (SecretStr(""),)}
    adapter.config = adapter.config.model_copy(update=update)
    with pytest.raises(SignatureRejected):
        adapter.verify(carrying(f"Bearer {token(GOOD, secret='')}"), NOW)


def test_token_is_worth_nothing_where_a_signature_is_expected():
    only_signed = jira(client_secret=(), webhook_secret="hook")
    with pytest.raises(SignatureRejected, match="X-Hub-Signature is missing"):
        only_signed.verify(carrying(f"Bearer {token(GOOD)}"), NOW)


def test_both_ways_can_be_open_and_a_bad_signature_is_not_saved_by_a_token():
    adapter = jira(webhook_secret="hook")
    bearer = {"authorization": f"Bearer {token(GOOD)}"}
    digest = hmac.new(b"hook", BODY, hashlib.sha256).hexdigest()
    signature = {"x-hub-signature": f"sha256={digest}"}
    adapter.verify(WebhookRequest(bearer, BODY), NOW)
    adapter.verify(WebhookRequest(signature, BODY), NOW)
    forged = {**bearer, "x-hub-signature": "sha256=00"}
    with pytest.raises(SignatureRejected, match="does not fit"):
        adapter.verify(WebhookRequest(forged, BODY), NOW)


def test_what_we_sign_as_a_dynamic_webhook_is_accepted_for_a_while():
    adapter = jira()
    proof = adapter.sign(BODY, None, NOW)
    headers = {name.lower(): value for name, value in proof.headers.items()}
    adapter.verify(WebhookRequest(headers, BODY), NOW + timedelta(minutes=10))
    with pytest.raises(SignatureRejected, match="expired"):
        adapter.verify(WebhookRequest(headers, BODY), NOW + timedelta(hours=1))
