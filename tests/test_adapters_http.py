"""What every vendor's answers have in common: waits, errors, words that may be kept."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest
import requests
from urllib3.exceptions import MaxRetryError
from urllib3.exceptions import SSLError as UrllibSSLError

from adapters import http
from adapters.words import masked, plain
from connector.errors import (
    NotFound,
    TicketGone,
    TicketOutside,
    VendorError,
    VendorUnavailable,
    VendorUnreachable,
)

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
HALF = "\ud83d"  # the first half of a smiling face


def answer(status: int, body: bytes) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body
    return response


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("86400", 3600.0),
        ("1e300", 3600.0),
        ("1e999", None),
        ("inf", None),
        ("-inf", None),
        ("nan", None),
        ("", None),
        ("soon", None),
        ("Fri, 20 Nov 2026 10:02:00 GMT", 120.0),
        ("Fri, 20 Nov 2026 09:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 3600.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("Fri, 20 Nov 99999999999999999999 10:02:00 GMT", None),
        ("Fri, 20 Nov 2026 10:02:00 +99999999999999999999", None),
    ],
)
def test_wait_is_finite_and_at_most_an_hour(value: str, seconds: float | None) -> None:
    assert http.retry_after({"Retry-After": value}, NOW) == seconds


def test_certificate_that_is_not_trusted_means_nothing_was_sent() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    retried = MaxRetryError(None, "/", UrllibSSLError(cause))  # type: ignore[arg-type]
    err = requests.exceptions.SSLError(retried)
    assert type(http.lost("desk", err)) is VendorUnreachable


def test_encryption_that_breaks_later_leaves_it_open_what_was_done() -> None:
    cause = ssl.SSLError(1, "bad record mac")
    err = requests.exceptions.SSLError(UrllibSSLError(cause))
    assert type(http.lost("desk", err)) is VendorUnavailable


@pytest.mark.parametrize("body", [b"[" * 200_000, b"<html>", b"\xff", b"{"])
def test_answer_that_cannot_be_read_is_no_answer(body: bytes) -> None:
    client = http.VendorClient("desk", "https://desk.example", lambda _: "")
    with pytest.raises(VendorUnavailable, match="answered 200 without JSON"):
        client.decode(answer(200, body))
    client.close()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"Kari Nordmann, Storgata 1", "desk answered 500 without JSON"),
        (b"<html>Kari Nordmann</html>", "desk answered 500 without JSON"),
        (b"[" * 200_000, "desk answered 500 without JSON"),
        (b"{}", "desk answered 500"),
        (b"", "desk answered 500"),
    ],
)
def test_body_that_is_no_json_is_never_repeated(body: bytes, message: str) -> None:
    assert str(http.problem("desk", answer(500, body), "")) == message


def test_vendors_words_are_masked_for_every_vendor() -> None:
    said = 'kari@kunde.example, +47 912 34 567: "min pakke" is wrong'
    error = http.problem("desk", answer(404, b"{}"), said)
    assert type(error) is NotFound
    assert str(error) == "desk answered 404: … …: … is wrong"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Record validation errors", "Record validation errors"),
        ("Couldn't authenticate you, isn't it", "Couldn't authenticate you, isn't it"),
        ("customfield_10010: is required", "customfield_10010: is required"),
        ("field custom_fields_360012345", "field custom_fields_360012345"),
        (
            "logRef 550e8400-e29b-41d4-a716-446655440000",
            "logRef 550e8400-e29b-41d4-a716-446655440000",
        ),
        ("at most 100 threads", "at most 100 threads"),
        ("'Kari's lampe' is wrong", "… is wrong"),
        ("“Kari” «Kari» „Kari“ ‘Kari’ `Kari`", "… … … … …"),
        ('unknown value "Kari Nord', "unknown value …"),
        ("order 5023112 and kunde91234567", "order … and kunde…"),
        ("mailto:kari@kunde.example\nsecond\tline", "… second line"),
        (f"a\x00b{HALF}c", "abc"),
    ],
)
def test_error_words_lose_what_may_be_a_customers(said: str, kept: str) -> None:
    assert masked(said) == kept
    assert masked(kept) == kept


@pytest.mark.parametrize(
    "said", ["'" * 90_000, "1 " * 90_000, "a" * 90_000, "“" * 9_000]
)
@pytest.mark.timeout(60)  # a guard against hanging, not a measurement
def test_hostile_error_words_are_masked_in_time(said: str) -> None:
    assert masked(masked(said)) == masked(said)


def test_kept_text_holds_only_what_can_be_stored() -> None:
    assert plain(f"a\x00\tå 😀{HALF}\n") == "a\tå 😀\n"


def test_error_message_can_be_stored_on_one_line() -> None:
    error = VendorError(f"a\x00b{HALF}\r\nc\x1b[31m\u2028d" + "e" * 9000)
    text = str(error)
    assert text.startswith("ab c [31m d")
    assert len(text) == 500
    assert text.isprintable()
    text.encode()


def test_ticket_outside_is_treated_as_gone() -> None:
    assert issubclass(TicketOutside, TicketGone)
