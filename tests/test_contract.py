"""The vendors' descriptions can tell right exchanges from wrong ones.

What the other tests exchange is judged by the fixture ``keeps_to_the_contract``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from contract_excuses import EXCUSES, Excuse
from contract_kit import SOURCES, Answered, Sent, document, document_of, judge, merged
from contract_record import DESCRIPTIONS, Recorder, listen, shape
from kit import shared

from adapters.http import USER_AGENT, VendorClient
from connector.sandbox import SandboxSettings, World, serve

pytestmark = pytest.mark.shared

SITE = "https://nordvik.atlassian.net/rest/api/3"
DESK = "https://nordvik.atlassian.net/rest/servicedeskapi"
SERVER = "https://jira.nordvik.example/jira/rest/api/2"
ZENDESK = "https://fjord.zendesk.com/api/v2"
TOKENS = "https://fjord.zendesk.com/oauth/tokens"
BASIC = {"Authorization": "Basic eDp5", "Content-Type": "application/json"}
BEARER = {**BASIC, "Authorization": "Bearer x"}
ISSUE_TYPE = {"id": "10001"}


def sent(method: str, url: str, body: Any = None) -> Sent:
    headers = BEARER if url.startswith(SERVER) else BASIC
    raw = b"" if body is None else json.dumps(body).encode()
    return Sent(method, url, headers, raw)


def said(faults: list[Any]) -> list[str]:
    return [f"{fault.part}: {fault.words}" for fault in faults]


RIGHT = {
    "transition": ("POST", f"{SITE}/issue/1/transitions", {"transition": {"id": "41"}}),
    "labels": (
        "PUT",
        f"{SITE}/issue/1",
        {"update": {"labels": [{"add": "x"}, {"remove": "y"}]}},
    ),
    "search": (
        "POST",
        f"{SITE}/search/jql",
        {"jql": "project = A", "fields": ["status"], "maxResults": 20},
    ),
    "data center": ("GET", f"{SERVER}/issue/1?fields=status", None),
    "internal comment": (
        "POST",
        f"{DESK}/request/HELP-1/comment",
        {"body": "x", "public": False},
    ),
    "note": (
        "PUT",
        f"{ZENDESK}/tickets/1",
        {"ticket": {"comment": {"body": "x", "public": False}}},
    ),
    "safe tags": (
        "PUT",
        f"{ZENDESK}/tickets/1/tags",
        {"tags": ["x"], "safe_update": "true", "updated_stamp": "2026-11-03T08:15:30Z"},
    ),
    "tags of many": (
        "PUT",
        f"{ZENDESK}/tickets/update_many?ids=1,2",
        {"ticket": {"additional_tags": ["x"], "remove_tags": ["y"]}},
    ),
    "page": ("GET", f"{ZENDESK}/tickets/1/comments?page[size]=100", None),
}

WRONG: dict[str, tuple[str, str, Any, str]] = {
    "transition by number": (
        "POST",
        f"{SITE}/issue/1/transitions",
        {"transition": {"id": 41}},
        "request: transition.id: 41 is not of type 'string'",
    ),
    "label that is no operation": (
        "PUT",
        f"{SITE}/issue/1",
        {"update": {"labels": ["x"]}},
        "request: update.labels.0: 'x' is not of type 'object'",
    ),
    "unknown verb": (
        "PUT",
        f"{SITE}/issue/1",
        {"update": {"labels": [{"append": "x"}]}},
        "request: update.labels.0: Additional properties .*'append' was.*",
    ),
    "link without an address": (
        "POST",
        f"{SITE}/issue/1/remotelink",
        {"object": {"title": "x"}},
        "request: object: 'url' is a required property",
    ),
    "page that the search does not know": (
        "POST",
        f"{SITE}/search/jql",
        {"jql": "project = A", "startAt": 20},
        "request: body: Additional properties .*'startAt' was.*",
    ),
    "removed search": ("GET", f"{SITE}/search?jql=x", None, "path: deprecated"),
    "unknown path": ("GET", f"{SITE}/issues/1", None, "path: no such operation"),
    "unknown method": ("PATCH", f"{SITE}/issue/1", {}, "path: no such operation"),
    "search of Cloud on Data Center": (
        "GET",
        f"{SERVER}/search/jql?jql=x",
        None,
        "path: no such operation",
    ),
    "missing body": (
        "POST",
        f"{SITE}/issue/1/transitions",
        None,
        "request: MissingRequiredRequestBody.*",
    ),
    "misspelt parameter": (
        "GET",
        f"{SITE}/issue/1?field=status",
        None,
        "query: field is not described",
    ),
    "text where a truth is due": (
        "POST",
        f"{DESK}/request/HELP-1/comment",
        {"body": "x", "public": "no"},
        "request: public: 'no' is not of type 'boolean'",
    ),
    "key that a single update drops": (
        "PUT",
        f"{ZENDESK}/tickets/1",
        {"ticket": {"additional_tags": ["x"]}},
        "request: ticket: Additional properties .*'additional_tags' was.*",
    ),
    "misspelt key in a bulk update": (
        "PUT",
        f"{ZENDESK}/tickets/update_many?ids=1,2",
        {"ticket": {"additional_tag": ["x"]}},
        "request: ticket: Additional properties .*'additional_tag' was.*",
    ),
    "unknown status": (
        "PUT",
        f"{ZENDESK}/tickets/1",
        {"ticket": {"status": "Open"}},
        "request: ticket.status: 'Open' is not one of .*",
    ),
    "tags in one text": (
        "PUT",
        f"{ZENDESK}/tickets/1/tags",
        {"tags": "x,y"},
        "request: tags: 'x,y' is not of type 'array'",
    ),
    "ticket that is no number": (
        "GET",
        f"{ZENDESK}/tickets/abc",
        None,
        "request: .*integer type: abc",
    ),
    "unknown grant": (
        "POST",
        TOKENS,
        {"grant_type": "implicit", "client_id": "x"},
        "request: grant_type: 'implicit' is not one of .*",
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right_request_passes(case: str) -> None:
    assert said(judge(sent(*RIGHT[case]))) == []


@pytest.mark.parametrize("case", WRONG)
def test_wrong_request_is_caught(case: str) -> None:
    method, url, body, expected = WRONG[case]
    (told,) = said(judge(sent(method, url, body)))
    assert re.fullmatch(expected, told)


def test_request_without_credentials_is_caught() -> None:
    (told,) = said(judge(Sent("GET", f"{SITE}/issue/1", {}, b"")))
    assert told.startswith("request: SecurityValidationError")


ANSWERS: dict[str, tuple[str, str, int, Any, list[str]]] = {
    "good issue": (
        "GET",
        f"{SITE}/issue/1",
        200,
        {"id": "1", "key": "A-1", "fields": {"summary": "x"}},
        [],
    ),
    "number for an id": (
        "GET",
        f"{SITE}/issue/1",
        200,
        {"id": 1},
        ["answer: id: 1 is not of type 'string'"],
    ),
    "another success": (
        "POST",
        f"{SITE}/issue/1/transitions",
        201,
        None,
        ["answer: 201 is not described"],
    ),
    "body in an empty answer": (
        "PUT",
        f"{SITE}/issue/1",
        204,
        {},
        ["answer: a body with 204"],
    ),
    "nothing where a body is due": (
        "GET",
        f"{ZENDESK}/tickets/1",
        200,
        None,
        ["answer: no body with 200"],
    ),
    "good ticket": (
        "GET",
        f"{ZENDESK}/tickets/1",
        200,
        {"ticket": {"id": 1, "priority": None, "type": None}},
        [],
    ),
    "text for an id": (
        "GET",
        f"{ZENDESK}/tickets/1",
        200,
        {"ticket": {"id": "1"}},
        ["answer: ticket.id: '1' is not of type 'integer'"],
    ),
    "refusal that is not described": (
        "GET",
        f"{ZENDESK}/tickets/1/comments",
        403,
        {"error": {"title": "Forbidden"}},
        [],
    ),
    "refusal that is described": (
        "GET",
        f"{ZENDESK}/tickets/1",
        404,
        ["gone"],
        ["answer: body: ['gone'] is not of type 'object'"],
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_are_told_apart(case: str) -> None:
    method, url, status, body, expected = ANSWERS[case]
    raw = b"" if body is None else json.dumps(body).encode()
    answer = Answered(status, "application/json", raw)
    assert said(judge(sent(method, url), answer)) == expected


@pytest.mark.parametrize("stamp", ["yesterday", "2026-11-03T08:15:30"])
def test_time_without_its_zone_is_caught(stamp: str) -> None:
    raw = json.dumps({"ticket": {"created_at": stamp}}).encode()
    answer = Answered(200, "application/json", raw)
    (told,) = said(judge(sent("GET", f"{ZENDESK}/tickets/1"), answer))
    assert told == f"answer: ticket.created_at: '{stamp}' is not a 'date-time'"


@pytest.mark.parametrize(
    ("url", "headers", "expected"),
    [
        (f"{SITE}/myself", BASIC, "jira-cloud-v3"),
        ("https://api.atlassian.com/ex/jira/1/rest/api/2/x", BEARER, "jira-cloud-v2"),
        ("http://127.0.0.1:8820/jira/rest/api/2/myself", BASIC, "jira-cloud-v2"),
        (f"{SERVER}/myself", BEARER, "jira-data-center"),
        (f"{DESK}/request/1", BASIC, "jsm"),
        ("http://127.0.0.1:8820/zendesk/api/v2/tickets", BEARER, "zendesk"),
        (TOKENS, {}, "zendesk"),
        ("https://api.helpscout.net/v2/conversations/1", BEARER, None),
    ],
)
def test_description_is_chosen_by_address(
    url: str, headers: dict[str, str], expected: str | None
) -> None:
    assert document_of(Sent("GET", url, headers, b"")) == expected


def test_patch_takes_away_what_is_null() -> None:
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}) == {
        "a": {"c": 2, "d": 3}
    }


@pytest.mark.parametrize("name", SOURCES)
def test_whole_description_can_be_used(name: str) -> None:
    """Each operation is found by its own path, and what it refers to exists."""
    known = document(name)
    paths = known._raw["paths"]
    for template in paths:
        for method in paths[template].keys() & {"get", "put", "post", "delete"}:
            path = re.sub(r"\{[^}]+\}", "1", template)
            found = known.operation(method, path)
            assert found is not None, (method, template)


@pytest.mark.parametrize(
    "excuse", EXCUSES, ids=lambda one: f"{one.operation} {one.part}"
)
def test_excuse_is_for_an_operation_that_exists(excuse: Excuse) -> None:
    names = {
        f"{method.upper()} {template}"
        for name in SOURCES
        if re.fullmatch(excuse.document, name)
        for template, item in document(name)._raw["paths"].items()
        for method in item
    }
    assert any(re.fullmatch(excuse.operation, name) for name in names) == (
        excuse.words != "no such operation"
    )


# -- listening


@pytest.fixture(autouse=True)
def keeps_to_the_contract(contract: Recorder | None) -> Iterator[None]:
    """Forget what went wrong on purpose here."""
    yield
    if contract:
        contract.faults()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    listen(monkeypatch, recorder)
    return recorder


@pytest.fixture
def outside() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_every_test_is_listened_to(contract, outside) -> None:
    assert shared("vendors", "openapi") == DESCRIPTIONS
    outside.get(f"{ZENDESK}/nonsense", json={})
    headers = {"User-Agent": USER_AGENT}
    requests.get(f"{ZENDESK}/nonsense", headers=headers, timeout=5)
    assert said(contract.faults()) == ["path: no such operation"]


def test_what_an_adapter_sends_is_heard_and_judged(recorder, outside) -> None:
    outside.put(f"{ZENDESK}/tickets/1", json={})
    base = "https://fjord.zendesk.com"
    client = VendorClient("zendesk", base, lambda _: "", auth=("x/token", "y"))
    client.call("PUT", "/api/v2/tickets/1", json={"ticket": {"stats": "open"}})
    client.close()
    (told,) = said(recorder.faults())
    assert re.fullmatch(r"request: ticket: .*'stats' was unexpected\)", told)
    assert recorder.faults() == []  # told once


def test_what_a_sandbox_answers_is_heard_and_judged(recorder, monkeypatch) -> None:
    shapes = "connector.sandbox.zendesk_shapes.user_shape"
    monkeypatch.setattr(shapes, lambda user: {"id": "not a number"})
    with serve(World(SandboxSettings()), port=0) as sandbox:
        requests.get(f"{sandbox.url}/zendesk/api/v2/users/me", timeout=5)
        assert said(recorder.faults()) == []  # nobody is nobody's shape
        settings = sandbox.world.settings
        login = (f"{settings.zendesk_email}/token", settings.zendesk_api_token)
        me = f"{sandbox.url}/zendesk/api/v2/users/me"
        requests.get(me, auth=login, timeout=5)
    (told,) = said(recorder.faults())
    assert told.startswith("answer: user: {'id': 'not a number'} is not valid")


def test_what_a_test_asks_by_itself_is_no_request_of_ours(recorder, outside) -> None:
    outside.get(f"{ZENDESK}/nonsense", json={})
    requests.get(f"{ZENDESK}/nonsense", timeout=5)
    assert said(recorder.faults()) == []
    requests.get(f"{ZENDESK}/nonsense", headers={"User-Agent": USER_AGENT}, timeout=5)
    assert said(recorder.faults()) == ["path: no such operation"]


def test_summary_tells_what_no_description_knows(recorder, outside) -> None:
    for url in (f"{ZENDESK}/tickets/1", f"{ZENDESK}/nonsense", "https://a.example"):
        outside.get(url, json={})
        requests.get(url, headers={"User-Agent": USER_AGENT}, timeout=5)
    recorder.faults()
    assert recorder.summary().startswith(
        "contract: no description 1, requests described 1, "
        "requests of unknown paths 1; 2 kinds, judged in "
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"id": 100_001}, {"id": 100_002}, True),
        ({"at": "2026-11-03T08:15:30Z"}, {"at": "2026-12-24T09:00:00Z"}, True),
        ({"text": "Hei, og takk!"}, {"text": "Moi, kiitos!"}, True),
        ({"tags": ["a b", "c d"]}, {"tags": ["e f", "g h", "i j"]}, True),
        ({"status": "open"}, {"status": "opne"}, False),
        ({"id": 100_001}, {"id": "100001"}, False),
        ({"at": "2026-11-03T08:15:30Z"}, {"at": "2026-11-03"}, False),
        ({"size": 100}, {"size": 101}, False),
        ({"status": "a word"}, {"status": "another"}, True),
        ({"tags": []}, {"tags": ["a b"]}, False),
        ({"public": True}, {"public": 1}, False),
        ({"public": None}, {"public": False}, False),
    ],
)
def test_verdict_is_shared_only_by_what_no_schema_tells_apart(
    one: object, other: object, same: bool
) -> None:
    words = frozenset({"open"})
    assert (shape(one, words) == shape(other, words)) is same
