"""What a provider's claims mean, what it is asked, and what ``doctor`` finds of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from kit import Clock
from oidc_kit import TestProvider, clock, there

from connector.config_oidc import Oidc
from connector.models import Level, Role
from connector.oidc.claims import person
from connector.oidc.journey import Journey
from connector.oidc.provider import Provider
from connector.vouching import SignInFailed

__all__ = ["clock", "there"]


def made(there: TestProvider, **changes: Any) -> Provider:
    config = Oidc.model_validate(there.settings(**changes))
    return Provider(config, "http://localhost")


# -- claims


ADMINS = {"admin": ("Kari@example.com", "cc-admins"), "viewer": ("staff",)}


@pytest.mark.parametrize(
    ("role_claim", "said", "role"),
    [
        ("roles", {"roles": "cc-admins"}, Role.ADMIN),
        ("roles", {"roles": ["staff", "cc-admins"]}, Role.ADMIN),
        ("roles", {"roles": ["CC-Admins"]}, None),
        ("roles", {"roles": True}, None),
        ("realm_access.roles", {"realm_access": {"roles": ["staff"]}}, Role.VIEWER),
        ("realm_access.roles", {"realm_access": ["staff"]}, None),
        ("https://a.example/r", {"https://a.example/r": ["staff"]}, Role.VIEWER),
        ("email", {"email": "kari@Example.com", "email_verified": True}, Role.ADMIN),
        ("email", {"email": "kari@example.com", "email_verified": False}, None),
        ("email", {"email": "kari@example.com"}, None),
        ("preferred_username", {"preferred_username": "staff"}, Role.VIEWER),
    ],
)
def test_role_follows_from_the_claim(
    role_claim: str, said: dict[str, Any], role: Role | None
) -> None:
    config = Oidc(role_claim=role_claim, roles=ADMINS)
    assert person({"sub": "s-1", **said}, config).role is role
    others = Oidc(role_claim=role_claim, roles=ADMINS, others=Role.AGENT)
    assert person({"sub": "s-1", **said}, others).role is (role or Role.AGENT)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"preferred_username": "kari", "email": "k@example.com"}, "kari"),
        ({"email": "k@example.com", "email_verified": True}, "k@example.com"),
        ({"email": "boss@example.com"}, "s-1"),
    ],
)
def test_address_that_nobody_verified_names_nobody(
    said: dict[str, Any], name: str
) -> None:
    assert person({"sub": "s-1", **said}, Oidc()).name == name


# -- asking


def test_few_wait_for_a_slow_provider(
    there: TestProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.oidc.asking.AT_A_TIME", 1)
    provider = made(there)
    journey = Journey.begin("/", clock())
    away = provider.way_there(journey, clock())
    answer = requests.get(away, allow_redirects=False, timeout=5)
    query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    said: list[str] = []

    def meanwhile(_: object) -> str:
        said.extend(one.message for one in provider.check(clock()))
        return "no.token"

    there.forged = meanwhile
    with pytest.raises(SignInFailed):
        provider.way_back(journey, query, clock())
    assert said == ["too many wait for its answer"]


# -- doctor


def test_keys_that_nobody_understands_are_left_to_others(
    there: TestProvider, clock: Clock
) -> None:
    curve = {"kty": "EC", "crv": "brainpoolP256r1", "x": "AAAA", "y": "AAAA"}
    half = {"kty": "RSA", "kid": "half"}
    there.other_keys = [curve, half, {"kty": "AKP"}, {"kty": ["RSA"]}, None, "RSA", []]
    provider = made(there)
    assert provider.check(clock())[0].level is Level.OK
    there.known_kids = []
    (found,) = provider.check(clock())
    assert "holds no keys that can be read" in found.message


def test_doctor_says_which_callback_address_is_needed(
    there: TestProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server writes the time of this machine.
    monkeypatch.setattr("connector.oidc.asking._date", lambda _: clock())
    (fine,) = made(there).check(clock())
    assert fine.level is Level.OK
    assert fine.message.endswith("http://localhost/sign-in/oidc/callback")


@pytest.mark.parametrize(
    ("document", "message", "remedy"),
    [
        ({"issuer": "https://x.example/"}, "is of the issuer", "oidc.issuer"),
        ({"token_endpoint": "http://x.example"}, "no https address as token", "oidc."),
        ({"jwks_uri": "http://127.0.0.1:9/"}, "gives no answer", "oidc.issuer"),
    ],
)
def test_doctor_finds_a_provider_that_cannot_be_used(
    there: TestProvider,
    clock: Clock,
    document: dict[str, str],
    message: str,
    remedy: str,
) -> None:
    there.document = document
    (found,) = made(there).check(clock())
    assert found.level is Level.PROBLEM
    assert message in found.message and remedy in found.remedy


def test_doctor_finds_a_wrong_secret_and_a_clock_that_is_off(
    there: TestProvider, clock: Clock
) -> None:
    fine, clocks, secret = made(there, client_secret="wrong").check(clock())
    assert fine.level is Level.OK
    assert "apart" in clocks.message and "NTP" in clocks.remedy
    assert "oidc.client_secret" in secret.remedy and "wrong" not in str(secret)
