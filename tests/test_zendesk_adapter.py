"""The Zendesk adapter against answers of Zendesk, at the HTTP edge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from pydantic import ValidationError
from responses import matchers
from structlog.testing import capture_logs

from adapters.zendesk import KIND, deliveries
from adapters.zendesk.adapter import ZendeskAdapter
from adapters.zendesk.settings import ZendeskConfig
from connector.errors import (
    CredentialsRejected,
    NotFound,
    SignatureRejected,
    TicketGone,
    TicketLocked,
    VendorBusy,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Author,
    Delivery,
    EventKind,
    Finding,
    Level,
    Message,
    Note,
    TicketRef,
    WebhookRequest,
    Written,
)

BASE = "https://fjord.zendesk.com"
API = f"{BASE}/api/v2"
NOW = datetime(2026, 11, 3, 8, 16, tzinfo=UTC)
STAMP = "2026-11-03T08:15:30Z"
OAUTH: dict[str, Any] = {
    "base_url": BASE,
    "client_id": "cc",
    "client_secret": "oauth-secret",
    "webhook_secret": "hook-secret",
}
LEGACY: dict[str, Any] = {
    "base_url": BASE,
    "email": "bot@fjord.example",
    "api_token": "api-token",
    "webhook_secret": "hook-secret",
}
CLOSED_ERROR = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {"status": [{"description": "Status: closed prevents ticket update"}]},
}
CONFLICT = {"error": "UpdateConflict", "description": "Safe Update prevented it"}


def ticket(**more: object) -> dict[str, Any]:
    return {
        "ticket": {
            "id": 7301,
            "subject": "Pakken kom aldri",
            "status": "open",
            "requester_id": 90011,
            "tags": ["frakt"],
            "via": {"channel": "email"},
            "created_at": "2026-11-01T07:00:00Z",
            "updated_at": STAMP,
            **more,
        }
    }


def comment(number: int, **more: object) -> dict[str, Any]:
    return {
        "id": number,
        "author_id": 90011,
        "body": f"ord {number}",
        "public": True,
        "created_at": f"2026-11-01T07:00:{number % 60:02d}Z",
        **more,
    }


def audit(comment_id: int = 551, **more: object) -> dict[str, Any]:
    events = [{"id": 1, "type": "Change"}, {"id": comment_id, "type": "Comment"}]
    return {**ticket(**more), "audit": {"id": 9, "events": events}}


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def zendesk(naps: list[float]) -> Iterator[ZendeskAdapter]:
    """An adapter that needs no token call; OAuth has tests of its own."""
    adapter = ZendeskAdapter("zd", ZendeskConfig(**LEGACY), sleep=naps.append)
    yield adapter
    adapter.close()


def sent(web: responses.RequestsMock, number: int = -1) -> Any:
    return json.loads(web.calls[number].request.body or "null")


def token(value: str, **more: object) -> dict[str, object]:
    answer = {"access_token": value, "token_type": "bearer", "scope": "read write"}
    return {**answer, "expires_in": 1800, **more}


# -- settings --


def test_registry_knows_zendesk() -> None:
    assert KIND.kind == ZendeskAdapter.kind == "zendesk"
    assert isinstance(KIND.build("zd", ZendeskConfig(**OAUTH)), ZendeskAdapter)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"client_secret": None}, "client_id and client_secret"),
        ({"client_id": None, "client_secret": None}, "or email and api_token"),
        ({"email": "a@b.c", "api_token": "t"}, "not a mixture"),
        ({"api_token": "t"}, "not a mixture"),
        ({"base_url": "fjord.zendesk.com"}, "base_url"),
        ({"base_url": f"{BASE}/api/v2"}, "base_url"),
        ({"base_url": f"{BASE}/api/v2/"}, "it is added"),
        ({"base_url": f"{BASE}?x=1"}, "base_url"),
        ({"base_url": "https://user:pw@fjord.zendesk.com"}, "base_url"),
        ({"webhook_secret": ""}, "webhook_secret is empty"),
        ({"webhook_secret": []}, "webhook_secret"),
        ({"webhook_secret": ["a", "b", "c"]}, "webhook_secret"),
        ({"webhook_secret": deliveries.PUBLIC_TEST_SECRET}, "Zendesk publishes"),
        ({"signature_window": "0s"}, "signature_window"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_bad_settings_are_named(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as caught:
        ZendeskConfig(**{**OAUTH, **change})
    assert "oauth-secret" not in str(caught.value)
    assert "hook-secret" not in str(caught.value)


def test_address_may_have_a_path_of_its_own() -> None:
    config = ZendeskConfig(**{**OAUTH, "base_url": "http://127.0.0.1:8820/zendesk/"})
    assert config.base_url == "http://127.0.0.1:8820/zendesk"


def test_settings_hide_their_secrets() -> None:
    shown = repr(ZendeskConfig(**OAUTH)) + repr(ZendeskConfig(**LEGACY))
    for secret in ("oauth-secret", "hook-secret", "api-token"):
        assert secret not in shown


def test_readme_documents_every_setting() -> None:
    readme = (Path(__file__).parents[1] / "adapters/zendesk/README.md").read_text(
        "utf-8"
    )
    for name, field in ZendeskConfig.model_fields.items():
        assert f"| `{name}` |" in readme
        assert field.description


# -- webhooks --


def request_of(adapter: ZendeskAdapter, body: bytes, now: datetime) -> WebhookRequest:
    signed = adapter.sign(body, None, now)
    headers = {name.lower(): value for name, value in signed.headers.items()}
    return WebhookRequest({**headers, "x-zendesk-webhook-invocation-id": "01H"}, body)


def test_own_signature_is_accepted_and_grows_stale(zendesk: ZendeskAdapter) -> None:
    request = request_of(zendesk, b'{"ticket_id":"7301"}', NOW)
    zendesk.verify(request, NOW)
    zendesk.verify(request, NOW + timedelta(minutes=5))
    with pytest.raises(SignatureRejected, match="our clock"):
        zendesk.verify(request, NOW + timedelta(minutes=5, seconds=1))


def test_both_secrets_are_accepted_while_rotating() -> None:
    def adapter(secret: object) -> ZendeskAdapter:
        return ZendeskAdapter(
            "zd", ZendeskConfig(**{**OAUTH, "webhook_secret": secret})
        )

    both = adapter(["new", "old"])
    for secret in ("new", "old"):
        both.verify(request_of(adapter(secret), b"{}", NOW), NOW)
    with pytest.raises(SignatureRejected):
        both.verify(request_of(adapter("older"), b"{}", NOW), NOW)
    adapter("new").verify(request_of(both, b"{}", NOW), NOW)


def test_public_test_secret_needs_permission() -> None:
    allowed = ZendeskConfig(**OAUTH, allow_test_secret=True)
    body, timestamp = b"{}", "2026-11-03T08:16:00Z"
    request = WebhookRequest(
        {
            deliveries.SIGNATURE.lower(): deliveries.signature(
                deliveries.PUBLIC_TEST_SECRET, timestamp, body
            ),
            deliveries.TIMESTAMP.lower(): timestamp,
        },
        body,
    )
    ZendeskAdapter("zd", allowed).verify(request, NOW)
    with pytest.raises(SignatureRejected):
        ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).verify(request, NOW)


def test_repeated_delivery_keeps_its_id(zendesk: ZendeskAdapter) -> None:
    first = request_of(zendesk, b"{}", NOW)
    again = request_of(zendesk, b"{}", NOW + timedelta(minutes=8))
    assert first.headers != again.headers
    assert zendesk.delivery_id(first) == zendesk.delivery_id(again) == "01H"
    assert zendesk.delivery_id(WebhookRequest({}, b"{}")) is None
    assert deliveries.INVOCATION in zendesk.kept_headers
    assert all(name == name.lower() for name in zendesk.kept_headers)


def test_parsed_event_names_its_source(zendesk: ZendeskAdapter) -> None:
    body = b'{"ticket_id":"7301"}'
    delivery = Delivery(id=1, source="zd", received_at=NOW, headers={}, body=body)
    (event,) = zendesk.parse(delivery)
    assert (event.kind, event.source) == (EventKind.TICKET_CHANGED, "zd")


# -- getting in --


def test_token_is_asked_for_once_and_carried(web: responses.RequestsMock) -> None:
    wish = {
        "grant_type": "client_credentials",
        "client_id": "cc",
        "client_secret": "oauth-secret",
        "scope": "read write",
        "expires_in": 3600,
    }
    web.post(
        f"{BASE}/oauth/tokens",
        json=token("t1"),
        match=[matchers.json_params_matcher(wish)],
    )
    web.get(
        f"{API}/tickets/7301",
        json=ticket(tags=["cc-vip"]),
        match=[matchers.header_matcher({"Authorization": "Bearer t1"})],
    )
    adapter = ZendeskAdapter("zd", ZendeskConfig(**OAUTH))
    for _ in range(2):
        adapter.change_tags("7301", frozenset({"cc-vip"}), frozenset())
    assert [call.request.method for call in web.calls] == ["POST", "GET", "GET"]


def test_expired_token_is_renewed_once(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/oauth/tokens", json=token("t1"))
    web.post(f"{BASE}/oauth/tokens", json=token("t2"))
    web.get(f"{API}/tickets/7301", status=401, json={"error": "invalid_token"})
    web.get(
        f"{API}/tickets/7301",
        json=ticket(),
        match=[matchers.header_matcher({"Authorization": "Bearer t2"})],
    )
    adapter = ZendeskAdapter("zd", ZendeskConfig(**OAUTH))
    assert adapter.change_tags("7301", frozenset(), frozenset()) == {"frakt"}


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_client_is_a_matter_of_credentials(
    web: responses.RequestsMock, status: int
) -> None:
    body = {"error": "invalid_client", "error_description": "Unknown client"}
    web.post(f"{BASE}/oauth/tokens", status=status, json=body)
    with pytest.raises(CredentialsRejected, match="invalid_client: Unknown") as caught:
        ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).fetch_ticket("7301")
    assert "oauth-secret" not in str(caught.value)


def test_answer_without_a_token_is_a_matter_of_credentials(
    web: responses.RequestsMock,
) -> None:
    web.post(f"{BASE}/oauth/tokens", json={"scope": "read write"})
    with pytest.raises(CredentialsRejected, match="no access_token"):
        ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).fetch_ticket("7301")


def test_legacy_token_travels_as_basic(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket())
    zendesk.change_tags("7301", frozenset(), frozenset())
    expected = requests.auth._basic_auth_str("bot@fjord.example/token", "api-token")
    assert web.calls[0].request.headers["Authorization"] == expected


@pytest.mark.parametrize(
    ("asked", "granted", "accepted"),
    [
        ("read write", "read write", True),
        ("read write", "write read", True),
        ("read write", "", True),  # an answer may leave out what is as asked
        ("tickets:read tickets:write", "read tickets:write", True),
        ("read write", "read", False),
        ("read write", "tickets:read tickets:write", False),
        ("read", "reading", False),
    ],
)
def test_token_counts_only_if_it_may_do_what_was_asked(
    web: responses.RequestsMock, asked: str, granted: str, accepted: bool
) -> None:
    web.post(f"{BASE}/oauth/tokens", json=token("t1", scope=granted))
    adapter = ZendeskAdapter("zd", ZendeskConfig(**OAUTH, scope=asked))
    if accepted:
        web.get(f"{API}/tickets/7301", json=ticket())
        assert adapter.change_tags("7301", frozenset(), frozenset()) == {"frakt"}
    else:
        with pytest.raises(CredentialsRejected, match="did not grant the scope"):
            adapter.change_tags("7301", frozenset(), frozenset())


def test_token_without_an_end_is_used_until_it_is_refused(
    web: responses.RequestsMock,
) -> None:
    """OAuth clients of before 2026-04-30 get such tokens, whatever is asked."""
    endless = token("t1", expires_in=None)
    web.post(f"{BASE}/oauth/tokens", json=endless)
    web.post(f"{BASE}/oauth/tokens", json=token("t2"))
    web.get(f"{API}/tickets/7301", json=ticket())
    web.get(f"{API}/tickets/7301", json=ticket())
    web.get(f"{API}/tickets/7301", status=401, json={"error": "invalid_token"})
    web.get(f"{API}/tickets/7301", json=ticket())
    adapter = ZendeskAdapter("zd", ZendeskConfig(**OAUTH))
    for _ in range(3):
        adapter.change_tags("7301", frozenset(), frozenset())
    used = [call.request.headers.get("Authorization") for call in web.calls]
    assert used == [None, *["Bearer t1"] * 3, None, "Bearer t2"]


# -- reading --

KARI = {
    "id": 90011,
    "name": "Kari",
    "email": "Kari@Example.com",
    "role": "end-user",
    "tags": ["loyal"],
    "user_fields": {"plan": "gold"},
    "organization_id": 6001,
}
FJORD = {"id": 6001, "name": "Fjord AS", "tags": ["key_account"]}


def test_ticket_is_read_with_everybody_in_two_calls(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(
        f"{API}/tickets/7301",
        json={**ticket(), "users": [KARI], "organizations": [FJORD]},
    )
    web.get(
        f"{API}/tickets/7301/comments",
        json={
            "comments": [comment(1), comment(2, author_id=70001, public=False)],
            "users": [{"id": 70001, "role": "agent"}],
        },
        match=[matchers.query_param_matcher({"page[size]": "100", "include": "users"})],
    )
    read = zendesk.fetch_ticket("7301")
    assert read.ref == TicketRef("zd", "7301")
    assert [(each.author, each.public) for each in read.comments] == [
        (Author.CUSTOMER, True),
        (Author.AGENT, False),
    ]
    assert read.customer.email == "kari@example.com"
    assert read.customer.organization == "Fjord AS"
    assert read.customer.tags == {"loyal", "key_account"}
    assert read.customer.fields == {"plan": "gold"}


def test_people_that_were_not_sent_along_are_read(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    short = {"id": 90011, "name": "Kari", "role": "end-user"}
    web.get(f"{API}/tickets/7301", json=ticket())
    web.get(f"{API}/tickets/7301/comments", json={"comments": [], "users": [short]})
    web.get(f"{API}/users/90011", json={"user": KARI})
    web.get(f"{API}/organizations/6001", json={"organization": FJORD})
    customer = zendesk.fetch_ticket("7301").customer
    assert (customer.email, customer.organization) == ("kari@example.com", "Fjord AS")


@pytest.mark.parametrize("status", [403, 404])
def test_hidden_people_do_not_hide_the_ticket(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, status: int
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(organization_id=6001))
    web.get(f"{API}/tickets/7301/comments", json={"comments": [comment(1)]})
    web.get(f"{API}/users/90011", status=status, json={"error": "RecordNotFound"})
    web.get(f"{API}/organizations/6001", status=status)
    read = zendesk.fetch_ticket("7301")
    assert read.comments[0].author is Author.CUSTOMER
    assert (read.customer.email, read.customer.organization) == (None, None)


def test_long_ticket_is_read_from_both_ends(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json={**ticket(), "users": [KARI]})
    web.get(f"{API}/organizations/6001", json={"organization": FJORD})
    wish = {"page[size]": "100", "include": "users"}
    for number in range(1, 6):
        asked = wish if number == 1 else {**wish, "page[after]": f"c{number - 1}"}
        web.get(
            f"{API}/tickets/7301/comments",
            json={
                "comments": [comment(number)],
                "meta": {"has_more": True, "after_cursor": f"c{number}"},
            },
            match=[matchers.query_param_matcher(asked)],
        )
    web.get(
        f"{API}/tickets/7301/comments",
        json={
            "comments": [comment(9), comment(8), comment(5)],
            "meta": {"has_more": True, "after_cursor": "z"},
        },
        match=[matchers.query_param_matcher({**wish, "sort": "-created_at"})],
    )
    read = zendesk.fetch_ticket("7301")
    assert [each.external_id for each in read.comments] == [
        *("1", "2", "3", "4", "5", "8", "9")
    ]


@pytest.mark.parametrize("lost", ["tickets/7301", "tickets/7301/comments"])
def test_missing_ticket_is_gone(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, lost: str
) -> None:
    if lost.endswith("comments"):
        web.get(f"{API}/tickets/7301", json=ticket())
    web.get(f"{API}/{lost}", status=404, json={"error": "RecordNotFound"})
    with pytest.raises(TicketGone, match="RecordNotFound"):
        zendesk.fetch_ticket("7301")


def test_missing_endpoint_is_not_a_missing_ticket(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", status=404, json={"error": "InvalidEndpoint"})
    with pytest.raises(NotFound, match="InvalidEndpoint") as caught:
        zendesk.fetch_ticket("7301")
    assert not isinstance(caught.value, TicketGone)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, {"error": {"title": "Forbidden"}}, VendorRefused),
        (429, {"error": "APIRateLimitExceeded"}, VendorBusy),
        (500, "<html>", VendorUnavailable),
        (503, {}, VendorUnavailable),
        (409, CONFLICT, VendorConflict),
        (200, "<html>", VendorUnavailable),
        (200, {"ticket": None}, VendorUnavailable),
        (200, [], VendorUnavailable),
        (200, {"ticket": {"id": 7301}}, VendorUnavailable),
        (401, {"error": "Couldn't authenticate you"}, CredentialsRejected),
    ],
)
def test_answers_say_whether_to_try_again(
    web: responses.RequestsMock,
    zendesk: ZendeskAdapter,
    status: int,
    body: object,
    expected: type[VendorError],
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    web.get(
        f"{API}/tickets/7301", status=status, body=text, headers={"Retry-After": "42"}
    )
    web.assert_all_requests_are_fired = False
    web.get(f"{API}/tickets/7301/comments", json={"comments": []})
    with pytest.raises(expected) as caught:
        zendesk.fetch_ticket("7301")
    if status == 429:
        assert caught.value.retry_after == 42


def test_ticket_id_cannot_leave_its_path(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/..%2Fusers%2Fme", status=404)
    with pytest.raises(TicketGone):
        zendesk.fetch_ticket("../users/me")


# -- tags --


def test_tags_are_added_and_removed_with_the_current_stamp(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    later = "2026-11-03T08:16:01Z"
    web.get(f"{API}/tickets/7301", json=ticket(tags=["frakt", "cc-old"]))
    web.put(f"{API}/tickets/7301/tags", json={"tags": ["frakt", "cc-old", "cc-new"]})
    web.get(
        f"{API}/tickets/7301",
        json=ticket(tags=["frakt", "cc-old", "cc-new"], updated_at=later),
    )
    web.delete(f"{API}/tickets/7301/tags", json={"tags": ["frakt", "cc-new"]})
    web.get(f"{API}/tickets/7301", json=ticket(tags=["frakt", "cc-new"]))
    tags = zendesk.change_tags("7301", frozenset({"cc-new"}), frozenset({"cc-old"}))
    assert tags == {"frakt", "cc-new"}
    assert sent(web, 1) == {
        "tags": ["cc-new"],
        "updated_stamp": STAMP,
        "safe_update": "true",
    }
    assert sent(web, 3) == {
        "tags": ["cc-old"],
        "updated_stamp": later,
        "safe_update": "true",
    }


def test_tags_that_are_right_already_are_not_written(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket())
    tags = zendesk.change_tags("7301", frozenset({"frakt"}), frozenset({"cc-old"}))
    assert tags == {"frakt"}


def test_conflict_is_read_again_once(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    later = "2026-11-03T08:16:01Z"
    web.get(f"{API}/tickets/7301", json=ticket())
    web.put(f"{API}/tickets/7301/tags", status=409, json=CONFLICT)
    web.get(f"{API}/tickets/7301", json=ticket(tags=["other"], updated_at=later))
    web.put(f"{API}/tickets/7301/tags", json={"tags": ["other", "cc-vip"]})
    web.get(f"{API}/tickets/7301", json=ticket(tags=["other", "cc-vip"]))
    tags = zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())
    assert tags == {"other", "cc-vip"}
    assert sent(web, 3)["updated_stamp"] == later


def test_second_conflict_is_left_to_the_outbox(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket())
    web.put(f"{API}/tickets/7301/tags", status=409, json=CONFLICT)
    with pytest.raises(VendorConflict, match="UpdateConflict"):
        zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())
    assert [call.request.method for call in web.calls] == ["GET", "PUT", "GET", "PUT"]


def test_tags_lost_to_another_write_are_noticed(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket())
    web.put(f"{API}/tickets/7301/tags", json={"tags": ["frakt", "cc-vip"]})
    with pytest.raises(VendorConflict, match="changed again"):
        zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())


@pytest.mark.parametrize("tag", ["two words", "CC-VIP", "å", "", "a,b", "x" * 256])
def test_unsafe_tag_is_refused_before_any_call(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, tag: str
) -> None:
    for add, remove in (({tag}, set()), (set(), {tag})):
        with pytest.raises(VendorRefused, match="cannot be a tag"):
            zendesk.change_tags("7301", frozenset(add), frozenset(remove))
    assert set(zendesk.refused_tags([tag, "cc-vip"])) == {tag}


def test_refused_tag_keeps_no_other_from_being_written(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(tags=["cc-old"]))
    web.put(f"{API}/tickets/7301/tags", json={"tags": ["cc-old", "cc-vip"]})
    web.get(f"{API}/tickets/7301", json=ticket(tags=["cc-old", "cc-vip"]))
    web.delete(f"{API}/tickets/7301/tags", json={"tags": ["cc-vip"]})
    web.get(f"{API}/tickets/7301", json=ticket(tags=["cc-vip"]))
    add = frozenset({"cc-vip", "cc-løst", "intent__x"})
    with pytest.raises(VendorRefused) as caught:
        zendesk.change_tags("7301", add, frozenset({"cc-old"}))
    assert str(caught.value) == (
        "'cc-løst' cannot be a tag: use a-z, 0-9, _, / and -; "
        "'intent__x' belongs to Zendesk's intelligent triage"
    )
    written = [
        (call.request.method, json.loads(call.request.body)["tags"])
        for call in web.calls
        if call.request.method != "GET"
    ]
    assert written == [("PUT", ["cc-vip"]), ("DELETE", ["cc-old"])]


@pytest.mark.parametrize("tag", ["intent__refund", "language__no", "sentiment__bad"])
def test_tags_of_the_vendors_own_classifier_are_left_to_it(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, tag: str
) -> None:
    for add, remove in (({tag}, set()), (set(), {tag})):
        with pytest.raises(VendorRefused, match="intelligent triage"):
            zendesk.change_tags("7301", frozenset(add), frozenset(remove))


def job(status: str, results: object = None) -> dict[str, Any]:
    return {"job_status": {"id": "V3-1", "status": status, "results": results}}


def test_closed_ticket_gets_its_tags_by_a_job(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, naps: list[float]
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(status="closed", tags=["cc-old"]))
    web.put(
        f"{API}/tickets/update_many",
        json=job("queued"),
        match=[matchers.query_param_matcher({"ids": "7301"})],
    )
    web.get(f"{API}/job_statuses/V3-1", json=job("working"))
    done = [{"id": 7301, "action": "update", "status": "Updated", "success": True}]
    web.get(f"{API}/job_statuses/V3-1", json=job("completed", done))
    web.get(f"{API}/tickets/7301", json=ticket(status="closed", tags=["cc-vip"]))
    tags = zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset({"cc-old"}))
    assert tags == {"cc-vip"}
    assert sent(web, 1) == {
        "ticket": {"additional_tags": ["cc-vip"], "remove_tags": ["cc-old"]}
    }
    assert len(naps) == 2


def test_ticket_closed_just_now_gets_its_tags_by_a_job(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(status="solved"))
    web.put(f"{API}/tickets/7301/tags", status=422, json=CLOSED_ERROR)
    web.get(f"{API}/tickets/7301", json=ticket(status="closed"))
    web.put(f"{API}/tickets/update_many", json=job("completed", []))
    web.get(f"{API}/tickets/7301", json=ticket(status="closed", tags=["cc-vip"]))
    assert "cc-vip" in zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())
    assert sent(web, 3) == {"ticket": {"additional_tags": ["cc-vip"]}}


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (job("failed"), "job failed"),
        (job("killed"), "job killed"),
        (
            job(
                "completed",
                [{"id": 1, "error": "TicketUpdateFailed", "details": "Kari: hei"}],
            ),
            "TicketUpdateFailed$",
        ),
        (job("completed", [{"id": 1, "success": False}]), "an item"),
    ],
)
def test_failed_job_is_refused(
    web: responses.RequestsMock,
    zendesk: ZendeskAdapter,
    answer: dict[str, Any],
    complaint: str,
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(status="closed"))
    web.put(f"{API}/tickets/update_many", json=answer)
    with pytest.raises(VendorRefused, match=complaint):
        zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())


@pytest.mark.parametrize("results", [[7], 7, {"id": 1}])
def test_job_with_results_of_another_shape_is_no_success(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, results: object
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(status="closed"))
    web.put(f"{API}/tickets/update_many", json=job("completed", results))
    with pytest.raises(VendorUnavailable, match="a job"):
        zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())


def test_job_that_ends_with_the_last_look_counts(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(status="closed"))
    web.put(f"{API}/tickets/update_many", json=job("queued"))
    for _ in range(9):
        web.get(f"{API}/job_statuses/V3-1", json=job("working"))
    web.get(f"{API}/job_statuses/V3-1", json=job("completed", []))
    web.get(f"{API}/tickets/7301", json=ticket(status="closed", tags=["cc-vip"]))
    tags = zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())
    assert tags == {"cc-vip"}


def test_endless_job_is_given_up(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, naps: list[float]
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(status="closed"))
    web.put(f"{API}/tickets/update_many", json=job("queued"))
    web.get(f"{API}/job_statuses/V3-1", json=job("working"))
    with pytest.raises(VendorUnavailable, match="not finished"):
        zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())
    assert len(naps) == 10
    assert sum(naps) < 30


# -- writing --

NOTE = Note(text="Gruppe 4: forsinket frakt", mark="CC-7F3A")
REPLY = Message(text="Nå er det fikset.", mark="CC-9B21", draft=False)
DRAFT = Message(text="Nå er det fikset.", mark="CC-9B21", draft=True)


@pytest.mark.parametrize("kind", ["note", "reply", "draft"])
def test_written_comment_says_who_may_read_it(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, kind: str
) -> None:
    if kind == "reply":
        web.get(f"{API}/tickets/7301", json=ticket())
    web.put(f"{API}/tickets/7301", json=audit(551))
    if kind == "note":
        written = zendesk.add_note("7301", NOTE)
        words, mark = "Gruppe 4: forsinket frakt", "CC-7F3A"
    else:
        written = zendesk.send_message("7301", DRAFT if kind == "draft" else REPLY)
        words, mark = "Nå er det fikset.", "CC-9B21"
    heading = "Suggested reply, not sent to the customer:\n\n"
    assert written == Written("551")
    assert sent(web) == {  # and nothing else: no status, no tags, no assignee
        "ticket": {
            "comment": {
                "body": f"{heading * (kind == 'draft')}{words}\n\nRef. {mark}",
                "public": kind == "reply",
            },
            "metadata": {"complaint_connector": mark},
        }
    }


@pytest.mark.parametrize("write", ["note", "draft"])
def test_note_on_a_closed_ticket_is_locked(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, write: str
) -> None:
    web.put(f"{API}/tickets/7301", status=422, json=CLOSED_ERROR)
    with pytest.raises(TicketLocked, match="fields: status"):
        if write == "note":
            zendesk.add_note("7301", NOTE)
        else:
            zendesk.send_message("7301", DRAFT)


def test_other_422_is_refused_but_not_locked(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    body = {"error": "RecordInvalid", "details": {"360012": [{"description": "Hei"}]}}
    web.get(f"{API}/tickets/7301", json=ticket())
    web.put(f"{API}/tickets/7301", status=422, json=body)
    web.get(f"{API}/tickets/7301/comments/count", json={"count": {"value": 12}})
    with pytest.raises(VendorRefused, match="fields: custom_fields_360012") as caught:
        zendesk.send_message("7301", REPLY)
    assert not isinstance(caught.value, TicketLocked)
    assert "Hei" not in str(caught.value)


@pytest.mark.parametrize("closed", ["before", "meanwhile"])
def test_message_to_a_closed_ticket_opens_a_follow_up(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, closed: str
) -> None:
    if closed == "meanwhile":
        web.get(f"{API}/tickets/7301", json=ticket(status="solved"))
        web.put(f"{API}/tickets/7301", status=422, json=CLOSED_ERROR)
    web.get(f"{API}/tickets/7301", json=ticket(status="closed"))
    web.post(
        f"{API}/tickets",
        status=201,
        json=audit(601, id=7400),
        match=[matchers.header_matcher({"Idempotency-Key": "CC-9B21"})],
    )
    written = zendesk.send_message("7301", REPLY)
    assert written == Written("601", TicketRef("zd", "7400"))
    assert sent(web) == {
        "ticket": {
            "via_followup_source_id": 7301,
            "requester_id": 90011,
            "subject": "Pakken kom aldri",
            "comment": {"body": "Nå er det fikset.\n\nRef. CC-9B21", "public": True},
            "metadata": {"complaint_connector": "CC-9B21"},
        }
    }


def test_closed_ticket_without_a_requester_is_not_followed_up(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    document = ticket(status="closed")
    del document["ticket"]["requester_id"]
    web.get(f"{API}/tickets/7301", json=document)
    with pytest.raises(VendorUnavailable, match="a ticket"):
        zendesk.send_message("7301", REPLY)


@pytest.mark.parametrize("status", [429, 500])
def test_write_is_sent_once_whatever_happens(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, status: int
) -> None:
    web.put(f"{API}/tickets/7301", status=status, headers={"Retry-After": "600"})
    with pytest.raises(VendorError) as caught:
        zendesk.add_note("7301", NOTE)
    assert len(web.calls) == 1
    assert caught.value.uncertain is (status == 500)
    assert caught.value.retry_after == 600


@pytest.mark.parametrize(
    "answer", [{}, [], {"audit": {"events": [7]}}, {"audit": {"events": 7}}]
)
def test_unreadable_answer_to_a_write_counts_as_lost(
    web: responses.RequestsMock, zendesk: ZendeskAdapter, answer: object
) -> None:
    web.put(f"{API}/tickets/7301", json=answer)
    with pytest.raises(VendorUnavailable) as caught:
        zendesk.add_note("7301", NOTE)
    assert caught.value.uncertain


def test_follow_up_without_a_number_counts_as_lost(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301", json=ticket(status="closed"))
    web.post(f"{API}/tickets", status=201, json={"audit": audit()["audit"]})
    with pytest.raises(VendorUnavailable, match="follow-up"):
        zendesk.send_message("7301", REPLY)


def test_note_with_a_lost_answer_is_found_by_its_mark(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.put(f"{API}/tickets/7301", body=requests.ConnectionError("reset"))
    web.get(
        f"{API}/tickets/7301/comments",
        json={
            "comments": [
                comment(9, body="> Ref. CC-7F3A"),
                comment(8, body="Gruppe 4\n\nRef. CC-7F3A", author_id=70001),
                comment(7, body="Ref. CC-7F3AB"),
            ]
        },
        match=[
            matchers.query_param_matcher({"page[size]": "100", "sort": "-created_at"})
        ],
    )
    with pytest.raises(VendorUnavailable) as caught:
        zendesk.add_note("7301", NOTE)
    assert caught.value.uncertain
    assert zendesk.find_mark("7301", NOTE.mark) == Written("8")


def test_follow_up_with_a_lost_answer_is_found_by_its_mark(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301/comments", json={"comments": [comment(1)]})
    web.get(f"{API}/tickets/7301", json=ticket(followup_ids=[7399, 7400]))
    web.get(f"{API}/tickets/7399/comments", json={"comments": [comment(2)]})
    web.get(
        f"{API}/tickets/7400/comments",
        json={"comments": [comment(601, body="Fikset.\n\nRef. CC-9B21")]},
    )
    found = zendesk.find_mark("7301", "CC-9B21")
    assert found == Written("601", TicketRef("zd", "7400"))


def test_mark_in_metadata_is_enough(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    metadata = {"system": {}, "custom": {"complaint_connector": "CC-1"}}
    row = comment(5, body="redacted", metadata=metadata)
    web.get(f"{API}/tickets/7301/comments", json={"comments": [row]})
    assert zendesk.find_mark("7301", "CC-1") == Written("5")


def test_deleted_follow_up_does_not_end_the_search(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.get(f"{API}/tickets/7301/comments", json={"comments": []})
    web.get(f"{API}/tickets/7301", json=ticket(followup_ids=[7399]))
    web.get(f"{API}/tickets/7399/comments", status=404)
    assert zendesk.find_mark("7301", "CC-1") is None


def test_dropped_fields_are_logged_by_name_only(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    warning = (
        '{:allowed_parameters=>{:controller=>"tickets", :unpermitted_keys=>'
        '["ticket.metadata"], :invalid_values=>["Kari"]}}'
    )
    web.put(
        f"{API}/tickets/7301", json=audit(), headers={"X-Zendesk-API-Warn": warning}
    )
    with capture_logs() as logs:
        zendesk.add_note("7301", NOTE)
    (line,) = logs
    assert line["keys"] == ["ticket.metadata"]
    assert line["log_level"] == "warning"
    assert "Kari" not in str(line) and "Gruppe" not in str(line)


# -- health --

ME = {"user": {"id": 70001, "role": "admin", "name": "Connector"}}
ANONYMOUS = {"user": {"id": None, "name": "Anonymous user"}}
HOOKS = {"webhooks": [{"id": "01A", "status": "active"}]}
DATE = "Tue, 03 Nov 2026 08:16:30 GMT"


def found(findings: list[Finding], level: Level) -> str:
    return " | ".join(each.message for each in findings if each.level is level)


@pytest.mark.parametrize(
    ("me", "hooks", "date", "level", "message"),
    [
        ((200, ME), (200, HOOKS), DATE, Level.OK, "signed in as admin 70001"),
        ((200, ME), (200, HOOKS), DATE, Level.OK, "scope granted: read write"),
        ((200, ME), (200, HOOKS), DATE, Level.OK, "active webhooks in the account: 1"),
        ((200, ANONYMOUS), (200, HOOKS), DATE, Level.PROBLEM, "anonymous"),
        (
            (200, {"user": {"id": 5, "role": "end-user"}}),
            (200, HOOKS),
            DATE,
            Level.PROBLEM,
            "not an agent",
        ),
        ((200, ME), (403, {"error": "Forbidden"}), DATE, Level.WARNING, "be listed"),
        ((200, ME), (404, {}), DATE, Level.WARNING, "be listed"),
        ((200, ME), (500, {}), DATE, Level.PROBLEM, "be listed"),
        ((200, ME), (200, {"webhooks": []}), DATE, Level.WARNING, "no active"),
        (
            (200, ME),
            (200, HOOKS),
            "Tue, 03 Nov 2026 08:18:00 GMT",
            Level.WARNING,
            "clock is 120 s",
        ),
        ((403, {}), None, DATE, Level.PROBLEM, "zd answered 403"),
        ((503, {}), None, DATE, Level.PROBLEM, "zd answered 503"),
        ((200, []), (200, []), "soon", Level.PROBLEM, "anonymous"),
    ],
)
def test_check_reports(
    web: responses.RequestsMock,
    me: tuple[int, object],
    hooks: tuple[int, object] | None,
    date: str,
    level: Level,
    message: str,
) -> None:
    web.post(f"{BASE}/oauth/tokens", json=token("t1"))
    web.get(f"{API}/users/me", status=me[0], json=me[1], headers={"Date": date})
    if hooks:
        web.get(f"{API}/webhooks", status=hooks[0], json=hooks[1])
    findings = ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).check(NOW)
    assert message in found(findings, level)
    assert all(each.remedy for each in findings if each.level is not Level.OK)


def test_check_says_which_command_makes_a_webhook(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/oauth/tokens", json=token("t1"))
    web.get(f"{API}/users/me", json=ME, headers={"Date": DATE})
    web.get(f"{API}/webhooks", json={"webhooks": []})
    findings = ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).check(NOW)
    (missing,) = [one for one in findings if "no active webhook" in one.message]
    assert missing.remedy.startswith("complaint-connector webhooks register zd")


def test_check_is_content_with_a_healthy_account(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/oauth/tokens", json=token("t1"))
    web.get(f"{API}/users/me", json=ME, headers={"Date": DATE})
    web.get(f"{API}/webhooks", json=HOOKS)
    findings = ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).check(NOW)
    assert {each.level for each in findings} == {Level.OK}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"id": "1", "status": "success"}], ""),
        ([{"id": "1", "status": "throttled"}], ""),
        (
            [
                {"id": "1", "status": "circuit broken"},
                {"id": "2", "status": "terminated", "status_code": 403},
                {"id": "3", "status": "terminated", "status_code": 403},
                {"id": "4", "status": "success"},
            ],
            "of the last 4 deliveries of webhook 01A some were lost: "
            "1 circuit broken, 2 terminated",
        ),
    ],
)
def test_check_tells_of_deliveries_that_zendesk_gave_up(
    web: responses.RequestsMock,
    zendesk: ZendeskAdapter,
    rows: list[dict[str, object]],
    expected: str,
) -> None:
    ours = {
        "id": "01A",
        "status": "active",
        "endpoint": "https://c.example/webhooks/zd",
    }
    theirs = {**ours, "id": "01B", "endpoint": "https://c.example/webhooks/other"}
    web.get(f"{API}/users/me", json=ME, headers={"Date": DATE})
    web.get(f"{API}/webhooks", json={"webhooks": [ours, theirs]})
    web.get(f"{API}/webhooks/01A/invocations", json={"invocations": rows})
    assert expected in found(zendesk.check(NOW), Level.WARNING)
    told = [one for one in zendesk.check(NOW) if "deliveries" in one.message]
    assert bool(told) is bool(expected)


def test_check_tells_an_agent_what_only_administrators_may(
    web: responses.RequestsMock,
) -> None:
    web.post(f"{BASE}/oauth/tokens", json=token("t1"))
    web.get(f"{API}/users/me", json={"user": {"id": 7, "role": "agent"}})
    web.get(f"{API}/webhooks", json=HOOKS)
    findings = ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).check(NOW)
    assert "no administrator" in found(findings, Level.WARNING)


def test_check_names_scopes_that_nobody_asked_for(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/oauth/tokens", json=token("t1", scope="read write impersonate"))
    web.get(f"{API}/users/me", json=ME)
    web.get(f"{API}/webhooks", json=HOOKS)
    findings = ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).check(NOW)
    assert "impersonate" in found(findings, Level.WARNING)


def test_check_names_scopes_that_were_not_granted(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/oauth/tokens", json=token("t1", scope="read"))
    findings = ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).check(NOW)
    assert "'write'" in found(findings, Level.PROBLEM)


def test_check_without_a_network_is_a_finding(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/oauth/tokens", body=requests.ConnectTimeout())
    (finding,) = ZendeskAdapter("zd", ZendeskConfig(**OAUTH)).check(NOW)
    assert finding.level is Level.PROBLEM


def test_check_warns_of_what_will_not_last(web: responses.RequestsMock) -> None:
    config = {**LEGACY, "base_url": "http://zendesk.example", "allow_test_secret": True}
    web.get("http://zendesk.example/api/v2/users/me", json=ME)
    web.get("http://zendesk.example/api/v2/webhooks", json=HOOKS)
    findings = ZendeskAdapter("zd", ZendeskConfig(**config)).check(NOW)
    warnings = found(findings, Level.WARNING)
    for part in ("2027-04-30", "not encrypted", "test secret"):
        assert part in warnings
