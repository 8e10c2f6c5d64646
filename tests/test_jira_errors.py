"""What a refusal of Jira means, and what is told of it."""

from __future__ import annotations

import logging

import jira
import pytest
import requests
from jira_kit import CLOUD, NOW, REFUSED, SERVER, SITE, draft

from adapters.http import VendorClient
from adapters.jira.client import problem
from connector.errors import (
    CredentialsRejected,
    NotFound,
    VendorBusy,
    VendorConflict,
    VendorRefused,
    VendorUnavailable,
)

# -- errors --


LOCKED = {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=x"}
ANONYMOUS = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}


@pytest.mark.parametrize(
    ("code", "headers", "error"),
    [
        (400, {}, VendorRefused),
        (401, {}, CredentialsRejected),
        (403, {}, VendorRefused),
        (403, LOCKED, CredentialsRejected),
        (403, {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}, CredentialsRejected),
        (403, {"X-Seraph-LoginReason": "OK"}, VendorRefused),
        (404, {}, NotFound),
        (404, ANONYMOUS, CredentialsRejected),
        (409, {}, VendorConflict),
        (410, {}, VendorRefused),
        (413, {}, VendorRefused),
        (422, {}, VendorRefused),
        (408, {}, VendorUnavailable),
        (425, {}, VendorUnavailable),
        (429, {}, VendorBusy),
        (500, {}, VendorUnavailable),
        (503, {}, VendorUnavailable),
        (504, ANONYMOUS, VendorUnavailable),
    ],
)
def test_refusal_says_whether_to_try_again(web, cloud, code, headers, error):
    web.post(f"{CLOUD}/issue", status=code, json=REFUSED, headers=headers)
    with pytest.raises(error) as caught:
        cloud.create_issue(draft())
    assert type(caught.value) is error
    assert caught.value.status == code
    words = "It says …; b: is wrong"
    assert str(caught.value).startswith(f"jira answered {code}: {words}")


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 409, 422, 425, 429, 500])
def test_meaning_of_a_status_is_the_one_of_all_vendors(code):
    response = requests.Response()
    response.status_code = code
    response._content = b"{}"
    shared = VendorClient("jira", SITE, lambda _: "")
    assert type(problem("jira", response)) is type(shared.error(response))
    shared.close()


@pytest.mark.parametrize(
    ("headers", "wait", "whole"),
    [
        ({"Retry-After": "90"}, 90.0, True),
        ({"Retry-After": "1.5"}, 1.5, True),
        ({"Retry-After": "soon"}, None, True),
        ({}, None, True),
        ({"RateLimit-Reason": "jira-quota-global-based"}, None, True),
        ({"RateLimit-Reason": "jira-quota-tenant-based"}, None, True),
        ({"RateLimit-Reason": "one-of-next-year"}, None, True),
        ({"RateLimit-Reason": "jira-burst-based"}, None, False),
        ({"RateLimit-Reason": "jira-per-issue-on-write"}, None, False),
    ],
)
def test_slowing_down_is_as_long_and_as_wide_as_jira_says(
    web, cloud, headers, wait, whole
):
    web.post(f"{CLOUD}/issue", status=429, headers=headers)
    with pytest.raises(VendorBusy) as caught:
        cloud.create_issue(draft())
    assert caught.value.retry_after == wait
    assert caught.value.whole_source is whole
    assert len(web.calls) == 1


def test_unavailable_jira_says_how_long(web, cloud):
    headers = {"Retry-After": "30"}
    web.post(f"{CLOUD}/issue", status=503, body="<html>later</html>", headers=headers)
    with pytest.raises(VendorUnavailable) as caught:
        cloud.create_issue(draft())
    assert str(caught.value) == "jira answered 503 without JSON"
    assert caught.value.retry_after == 30.0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"errorMessages": null, "errors": null}', ""),
        ('{"errorMessages": "one", "errors": [1]}', ": one"),
        (
            '{"errorMessages": [1, "two\\nlines"], "errors": {"a": 3}}',
            ": two lines; a: 3",
        ),
        ('{"message": "m", "errorMessage": "e"}', ": m; e"),
        ('{"messages": [{"key": "k", "arguments": []}, "l", 3]}', ": k; l"),
        (
            '{"message": "https://n.example/x?token=a&b=c is bad"}',
            ": https://n.example/x?… is bad",
        ),
        (
            """{"errorMessages": ["Field 'priority' is required"], "errors": {}}""",
            ": Field priority is required",
        ),
        (
            """{"message": "Field 'customfield_10060' cannot be set to 'Kari'"}""",
            ": Field customfield_10060 cannot be set to …",
        ),
        ("""{"message": "The field 'Kari Moe' is wrong"}""", ": The field … is wrong"),
        ("[]", ""),
        ("null", ""),
        ("7", ""),
        ("Upstream is tired, Kari", " without JSON"),
        (" <!doctype html><p>secret page", " without JSON"),
        ("[" * 5000, " without JSON"),
        ('{"message": "' + "no " * 500 + '"}', ": " + ("no " * 134)[:400]),
        ("", ""),
    ],
)
def test_error_body_of_any_shape_is_survived_and_cut(web, cloud, body, words):
    web.get(f"{CLOUD}/issue/1", status=400, body=body)
    with pytest.raises(VendorRefused) as caught:
        cloud.fetch_issue("1")
    assert str(caught.value) == f"jira answered 400{words}"


def test_nothing_of_an_unreadable_answer_is_logged_or_told(web, cloud, caplog):
    caplog.set_level(logging.DEBUG)
    page = "<html>Kari Nordmann, Storgata 1</html>"
    web.get(f"{CLOUD}/issue/1", body=page)
    web.get(f"{CLOUD}/myself", body=page)
    web.get(f"{CLOUD}/search/jql", status=500, body=page)
    with pytest.raises(VendorUnavailable, match="without JSON") as caught:
        cloud.fetch_issue("1")
    (finding,) = cloud.check(NOW)
    with pytest.raises(VendorUnavailable):
        cloud.find_issue("SHOP", "m")
    told = caplog.text + str(caught.value) + finding.message
    assert "Kari" not in told
    assert "s3cret-token" not in told


def test_error_of_the_library_itself_is_not_quoted(cloud, monkeypatch):
    def broken(_: jira.JIRA) -> None:
        raise jira.JIRAError("Kari", status_code=500, url="https://kari.example")

    monkeypatch.setattr(jira.JIRA, "myself", broken)
    (finding,) = cloud.check(NOW)
    assert finding.message == "jira could not be asked"


# -- webhooks --


def test_token_stays_out_of_what_a_refusal_says(web, data_center):
    address = "https://cc.nordvik.example/webhooks/jira"
    token = data_center.config.webhook_token[0].get_secret_value()
    words = f"The URL {address}?token={token} is taken"
    webhooks = f"{SERVER}/rest/jira-webhook/1.0/webhooks"
    web.get(webhooks, json=[])
    web.post(webhooks, status=400, json={"messages": [{"key": words}]})
    with pytest.raises(VendorRefused, match="is taken") as caught:
        data_center.subscribe(address)
    assert token not in str(caught.value)
