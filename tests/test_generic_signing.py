"""Signatures of Standard Webhooks: what is let in, and why something is not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from signing_kit import is_let_in

from adapters.generic import signing
from connector.errors import SignatureRejected
from connector.models import WebhookRequest

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
OLD, NEW, STRANGE = (bytes([number]) * 32 for number in (1, 2, 3))
BODY = b'{"type":"ticket.changed"}'


def request(keys: list[bytes], when: datetime = NOW, **changes: str) -> WebhookRequest:
    headers = signing.headers(keys, "msg_1", when, BODY)
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return WebhookRequest({**headers, **named}, BODY)


def verify(given: WebhookRequest, keys: tuple[bytes, ...] = (NEW,)) -> None:
    signing.verify(given, keys, NOW, WINDOW)


def test_vector_of_the_standard_is_met() -> None:
    """The one that the standard's own libraries are tested with."""
    key = signing.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signing.signature(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_own_signature_is_accepted_and_a_strangers_is_not() -> None:
    assert is_let_in(verify, request([NEW]))
    assert not is_let_in(verify, request([STRANGE]))


def test_bytes_are_signed_and_not_their_meaning() -> None:
    signed = request([NEW])
    other = WebhookRequest(signed.headers, BODY.replace(b":", b": "))
    with pytest.raises(SignatureRejected, match="does not match"):
        verify(other)


@pytest.mark.parametrize(("key", "counts"), [(NEW, True), (STRANGE, False)])
def test_one_good_signature_among_several_is_enough(key: bytes, counts: bool) -> None:
    signature = request([key]).headers[signing.SIGNATURE]
    several = f"v1a,abc= v1,xyz= junk {signature}"
    assert is_let_in(verify, request([NEW], webhook_signature=several)) is counts


@pytest.mark.parametrize(
    ("signed_with", "believed", "counts"),
    [
        ([OLD], (NEW, OLD), True),
        ([NEW], (NEW, OLD), True),
        ([OLD, NEW], (NEW,), True),
        ([OLD], (NEW,), False),
        ([STRANGE], (NEW, OLD), False),
    ],
)
def test_both_secrets_count_while_one_is_changed(
    signed_with: list[bytes], believed: tuple[bytes, ...], counts: bool
) -> None:
    assert is_let_in(verify, request(signed_with), believed) is counts


@pytest.mark.parametrize("away", [timedelta(seconds=301), timedelta(seconds=-301)])
def test_old_and_future_signatures_are_refused(away: timedelta) -> None:
    verify(request([NEW], NOW + away * (299 / 301)))
    with pytest.raises(SignatureRejected, match="301 s away from our clock"):
        verify(request([NEW], NOW + away))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"webhook_id": ""}, "missing"),
        ({"webhook_timestamp": ""}, "missing"),
        ({"webhook_signature": " "}, "missing"),
        ({"webhook_signature": "v1,"}, "does not match"),
        ({"webhook_id": "msg_2"}, "does not match"),
        ({"webhook_id": "msg.1"}, "without a dot"),
        ({"webhook_id": "msg\udc801"}, "printable"),
        ({"webhook_timestamp": "2026-03-02"}, "seconds"),
        ({"webhook_timestamp": "-1"}, "seconds"),
        ({"webhook_timestamp": "9" * 400}, "seconds"),
        ({"webhook_timestamp": "999999999999"}, "does not match"),
    ],
)
def test_anything_less_is_refused(changes: dict[str, str], why: str) -> None:
    with pytest.raises(SignatureRejected, match=why):
        verify(request([NEW], **changes))


def test_prefix_of_another_scheme_is_not_taken_for_ours() -> None:
    signed = request([NEW]).headers[signing.SIGNATURE]
    with pytest.raises(SignatureRejected):
        verify(request([NEW], webhook_signature=signed.replace("v1,", "v1a,")))


def test_no_more_signatures_are_tried_than_somebody_needs() -> None:
    signed = request([NEW]).headers[signing.SIGNATURE]
    with pytest.raises(SignatureRejected):
        verify(request([NEW], webhook_signature="v1,x " * 8 + signed))


def whsec(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


@pytest.mark.parametrize("write", [whsec, lambda key: whsec(key).rstrip("=")])
def test_secret_is_decoded(write: Callable[[bytes], str]) -> None:
    assert signing.key_of(write(OLD)) == OLD


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "begins with whsec_"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with whsec_"),
        ("whsec_", "too easy"),
        (whsec(b"x" * 23), "too easy"),
        ("whsec_!MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "not base64"),
        ("whsec_å", "not base64"),
    ],
)
def test_secret_that_is_none_is_refused_without_being_quoted(
    secret: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        signing.key_of(secret)
    assert not secret[6:] or secret[6:] not in str(caught.value)
