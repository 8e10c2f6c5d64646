"""Calls to Jira: what is sent, what comes back, and what a refusal means."""

from __future__ import annotations

import json
import logging
import re
import threading
from datetime import UTC, datetime, timedelta

import jira
import pytest
import requests
import responses
from responses import matchers

from adapters.http import VendorClient
from adapters.jira import KIND
from adapters.jira.adapter import JiraAdapter, JiraConfig
from adapters.jira.client import problem
from adapters.jira.settings import Place
from connector.errors import (
    CredentialsRejected,
    NotFound,
    VendorBusy,
    VendorConflict,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Block,
    BlockKind,
    IssueCategory,
    IssueChange,
    IssueDraft,
    IssueRef,
    Level,
    Meaning,
    TicketLink,
    Written,
)

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
GATEWAY = "https://api.atlassian.com/ex/jira/11-22"
SITE = "https://nordvik.atlassian.net"
CLOUD = f"{GATEWAY}/rest/api/3"
SERVER = "https://jira.nordvik.example/jira"
DC = f"{SERVER}/rest/api/2"
TEXT = (Block(BlockKind.PARAGRAPH, "Fem kunder"),)


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def cloud():
    config = JiraConfig(
        flavour="cloud",
        site_url=f"{SITE}/",
        api_base=GATEWAY,
        email="connector@nordvik.example",
        api_token="s3cret-token",
        webhook_secret="hook",
    )
    adapter = KIND.build("jira", config)
    yield adapter
    adapter.close()


@pytest.fixture
def data_center():
    config = JiraConfig(
        flavour="data_center",
        site_url=SERVER,
        token="s3cret-pat",
        webhook_token="f3b9c1d27e5a48609b7d",
    )
    adapter = KIND.build("jira", config)
    yield adapter
    adapter.close()


def status(key: str | None, name: str = "Ferdig") -> dict[str, object]:
    return {"name": name, "statusCategory": {"key": key, "name": "?"}}


def raw_issue(**fields: object) -> dict[str, object]:
    standard = {
        "summary": "Pakken er borte",
        "status": status("done"),
        "resolution": {"name": "Fixed"},
        "labels": ["cc-group-7f", "frakt"],
        "updated": "2026-11-20T11:00:00.500+0100",
        "project": {"key": "SHOP"},
    }
    merged = {**standard, **fields}
    # A gateway may name itself in links; none of ours may follow it.
    self_ = "https://elsewhere.example/rest/api/3/issue/20417"
    return {"id": "20417", "key": "SHOP-88", "self": self_, "fields": merged}


REF = IssueRef("jira", "20417", "SHOP-88", f"{SITE}/browse/SHOP-88")


def sent(mock: responses.RequestsMock, number: int = 0) -> object:
    return json.loads(mock.calls[number].request.body)


# -- fetch_issue --


def test_what_cannot_be_stored_is_dropped_from_an_issue(web, cloud):
    odd = "x\x00y\ud83d"
    raw = raw_issue(
        summary=odd,
        status={**status("done"), "name": odd},
        resolution={"name": odd},
        labels=[odd],
    )
    web.get(f"{CLOUD}/issue/20417", json=raw)
    issue = cloud.fetch_issue("20417")
    assert (issue.summary, issue.status_name, issue.resolution) == ("xy", "xy", "xy")
    assert issue.labels == {"xy"}


def test_issue_is_read_as_it_stands(web, cloud):
    query = {
        "fields": "summary,status,resolution,resolutiondate,labels,updated,project,"
        "issuetype,priority,issuelinks"
    }
    match = [matchers.query_param_matcher(query)]
    web.get(f"{CLOUD}/issue/20417", json=raw_issue(), match=match)
    issue = cloud.fetch_issue("20417")
    assert issue.ref == REF
    assert issue.summary == "Pakken er borte"
    assert issue.category is IssueCategory.DONE
    assert (issue.status_name, issue.resolution) == ("Ferdig", "Fixed")
    assert issue.labels == {"cc-group-7f", "frakt"}
    assert issue.updated_at == NOW + timedelta(seconds=0.5)
    assert issue.project == "SHOP"


@pytest.mark.parametrize(
    "stamp",
    ["2026-11-20T12:00:00.000+0200", "2026-11-20T10:00:00Z", "2026-11-20T10:00:00"],
)
def test_time_is_told_in_utc(web, cloud, stamp):
    web.get(f"{CLOUD}/issue/1", json=raw_issue(updated=stamp))
    moment = cloud.fetch_issue("1").updated_at
    assert (moment, moment.tzinfo) == (NOW, UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (status("new"), IssueCategory.TODO),
        (status("indeterminate"), IssueCategory.IN_PROGRESS),
        (status("done", "Åpen"), IssueCategory.DONE),
        (status("undefined"), IssueCategory.UNKNOWN),
        (status("in-flight"), IssueCategory.UNKNOWN),
        (status(None), IssueCategory.UNKNOWN),
        ({"name": "Resolved"}, IssueCategory.UNKNOWN),
        (None, IssueCategory.UNKNOWN),
    ],
)
def test_state_is_told_by_category_and_never_by_name(web, cloud, given, expected):
    # The resolution stays set: a reopening that forgot to clear it.
    web.get(f"{CLOUD}/issue/20417", json=raw_issue(status=given))
    assert cloud.fetch_issue("20417").category is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": None, "resolution": None, "project": None, "summary": None},
        {"labels": [None, 3], "resolution": "x", "project": [], "summary": 7},
    ],
)
def test_missing_fields_are_empty(web, cloud, fields):
    web.get(f"{CLOUD}/issue/20417", json=raw_issue(**fields))
    issue = cloud.fetch_issue("20417")
    assert (issue.labels, issue.resolution) == (frozenset(), "")
    assert (issue.project, issue.summary) == ("", "")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        None,
        "text",
        {"id": "20417"},
        {"id": "x", "key": "SHOP-88"},
        {"id": "20417", "key": "SHOP-88"},
        {"id": "20417", "key": "SHOP-88", "fields": {"updated": "yesterday"}},
    ],
)
def test_answer_that_is_no_issue_is_no_answer(web, cloud, answer):
    web.get(f"{CLOUD}/issue/20417", json=answer)
    with pytest.raises(VendorUnavailable):
        cloud.fetch_issue("20417")


def test_resolution_of_the_settings_is_known_by_its_id(web, cloud):
    words = {"fixed": ("10004",)}
    cloud.config = cloud.config.model_copy(update={"resolutions": words})
    translated = {"id": "10004", "name": "Korjattu"}
    web.get(f"{CLOUD}/issue/20417", json=raw_issue(resolution=translated))
    issue = cloud.fetch_issue("20417")
    assert (issue.resolution, issue.meaning) == ("Fixed", Meaning.FIXED)


def test_resolution_that_the_settings_do_not_name_is_left_to_be_judged(web, cloud):
    usual = {"id": "10004", "name": "Fixed"}
    web.get(f"{CLOUD}/issue/20417", json=raw_issue(resolution=usual))
    issue = cloud.fetch_issue("20417")
    assert (issue.resolution, issue.meaning) == ("Fixed", None)


def test_issue_that_is_gone_is_not_found(web, cloud):
    words = "Issue does not exist or you do not have permission to see it."
    web.get(f"{CLOUD}/issue/7", status=404, json={"errorMessages": [words]})
    with pytest.raises(NotFound, match="does not exist"):
        cloud.fetch_issue("7")


def test_id_cannot_leave_its_place_in_the_path(web, cloud):
    web.get(f"{CLOUD}/issue/..%2Fmyself", json=raw_issue())
    cloud.fetch_issue("../myself")
    (call,) = web.calls
    assert call.request.url.partition("?")[0] == f"{CLOUD}/issue/..%2Fmyself"


# -- credentials --


def test_cloud_gets_mail_and_token_and_data_center_its_own_token(
    web, cloud, data_center, monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password thief\n")
    monkeypatch.setenv("NETRC", str(netrc))
    basic = "Basic Y29ubmVjdG9yQG5vcmR2aWsuZXhhbXBsZTpzM2NyZXQtdG9rZW4="
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{DC}/issue/1", json=raw_issue())
    cloud.fetch_issue("1")
    data_center.fetch_issue("1")
    headers = [call.request.headers for call in web.calls]
    assert [each["Authorization"] for each in headers] == [basic, "Bearer s3cret-pat"]
    assert {each["User-Agent"] for each in headers} == {"complaint-connector"}


# -- find_issue --


def test_lost_issue_is_found_by_its_mark_on_cloud(web, cloud):
    query = {
        "jql": 'project = "SHOP" AND labels = "cc-group-7f" ORDER BY created ASC',
        "fields": "summary",
        "maxResults": 20,
    }
    found = [{"id": "20500", "key": "SHOP-90"}, {"id": "20417", "key": "SHOP-88"}]
    match = [matchers.query_param_matcher(query)]
    web.get(f"{CLOUD}/search/jql", json={"issues": found}, match=match)
    assert cloud.find_issue("SHOP", "cc-group-7f") == REF


def test_empty_page_is_not_the_end_of_the_search(web, cloud):
    pages = [{"issues": [], "nextPageToken": "more"}, {"issues": [raw_issue()]}]
    for page, match in zip(pages, ({}, {"nextPageToken": "more"}), strict=True):
        strict = matchers.query_param_matcher(match, strict_match=False)
        web.get(f"{CLOUD}/search/jql", json=page, match=[strict])
    assert cloud.find_issue("SHOP", "cc-group-7f") == REF


def test_search_ends_although_jira_promises_more_for_ever(web, cloud):
    page = {"issues": [], "nextPageToken": "more"}
    web.get(f"{CLOUD}/search/jql", json=page)
    assert cloud.find_issue("SHOP", "cc-group-7f") is None
    assert len(web.calls) == 3


def test_lost_issue_is_found_by_its_mark_on_data_center(web, data_center):
    web.get(f"{DC}/search", json={"issues": [{"id": 33, "key": "OPS-7"}], "total": 1})
    ref = IssueRef("jira", "33", "OPS-7", f"{SERVER}/browse/OPS-7")
    assert data_center.find_issue("OPS", "cc-group-7f") == ref


def test_query_is_quoted(web, cloud):
    web.get(f"{CLOUD}/search/jql", json={"issues": []})
    assert cloud.find_issue('A" OR "', "b\\") is None
    assert web.calls[0].request.params["jql"] == (
        'project = "A\\" OR \\"" AND labels = "b\\\\" ORDER BY created ASC'
    )


@pytest.mark.parametrize("answer", [{}, {"issues": None}, {"issues": {}}])
def test_search_without_a_list_does_not_say_that_there_is_none(web, cloud, answer):
    web.get(f"{CLOUD}/search/jql", json=answer)
    with pytest.raises(VendorUnavailable):
        cloud.find_issue("SHOP", "cc-group-7f")


# -- create_issue --


def draft(**changes: object) -> IssueDraft:
    standard: dict[str, object] = {
        "project": "SHOP",
        "issue_type": "Bug",
        "summary": "Pakken\nkommer ikke",
        "description": TEXT,
        "mark": "cc-group-7f",
        "labels": ("cc-delivery", "cc-group-7f"),
        "priority": "High",
        "properties": {"cc.group": {"id": "7f"}},
        "fields": {"customfield_10050": 5, "labels": ["theirs"]},
    }
    return IssueDraft(**{**standard, **changes})


def test_issue_is_created_with_everything_in_one_call_on_cloud(web, cloud):
    answer = {"id": "20417", "key": "SHOP-88", "self": f"{CLOUD}/issue/20417"}
    web.post(f"{CLOUD}/issue", status=201, json=answer)
    assert cloud.create_issue(draft()) == REF
    paragraph = {
        "type": "paragraph",
        "content": [{"type": "text", "text": "Fem kunder"}],
    }
    assert sent(web) == {
        "fields": {
            "project": {"key": "SHOP"},
            "issuetype": {"name": "Bug"},
            "summary": "Pakken kommer ikke",
            "labels": ["cc-group-7f", "cc-delivery"],
            "description": {"type": "doc", "version": 1, "content": [paragraph]},
            "priority": {"name": "High"},
            "customfield_10050": 5,
        },
        "properties": [{"key": "cc.group", "value": {"id": "7f"}}],
    }


def test_issue_is_created_with_wiki_text_and_no_more_calls_on_data_center(
    web, data_center
):
    web.post(f"{DC}/issue", status=201, json={"id": "33", "key": "OPS-7"})
    least = draft(issue_type="10004", priority=None, fields={}, labels=())
    assert data_center.create_issue(least).external_id == "33"
    assert sent(web) == {
        "fields": {
            "project": {"key": "SHOP"},
            "issuetype": {"id": "10004"},
            "summary": "Pakken kommer ikke",
            "labels": ["cc-group-7f"],
            "description": "Fem kunder",
        }
    }


def test_what_is_named_by_an_id_is_sent_as_one_and_nothing_is_null(web, cloud):
    web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    fields = {"customfield_1": None, "components": [{"id": "10010"}]}
    cloud.create_issue(draft(issue_type="10004", priority="2", fields=fields))
    made = sent(web)["fields"]
    assert (made["issuetype"], made["priority"]) == ({"id": "10004"}, {"id": "2"})
    assert made["components"] == [{"id": "10010"}]
    assert "customfield_1" not in made
    assert None not in made.values()


def test_field_of_a_draft_goes_before_the_one_of_the_settings(web, cloud):
    places = {"SHOP": {"fields": {"customfield_1": "a", "customfield_2": "b"}}}
    config = {
        **cloud.config.model_dump(exclude={"projects"}),
        "projects": places,
    }
    adapter = KIND.build("jira", JiraConfig.model_validate(config))
    for _ in range(2):
        web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    adapter.create_issue(draft(fields={"customfield_2": "c"}))
    adapter.create_issue(draft(project="OPS", fields={}))
    made, elsewhere = sent(web)["fields"], sent(web, 1)["fields"]
    assert (made["customfield_1"], made["customfield_2"]) == ("a", "c")
    assert "customfield_1" not in elsewhere
    adapter.close()


@pytest.mark.parametrize(
    ("key", "value"),
    [("cc", {}), ("cc", {"text": "x" * 32_768}), ("", {"a": 1}), ("k" * 256, {"a": 1})],
)
def test_property_that_jira_would_not_take_is_never_sent(web, cloud, key, value):
    with pytest.raises(VendorRefused, match="32768 characters"):
        cloud.create_issue(draft(properties={key: value}))
    with pytest.raises(VendorRefused, match="32768 characters"):
        cloud.update_issue("1", IssueChange(properties={key: value}))


def test_issue_without_description_is_created_without_one(web, cloud):
    web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    cloud.create_issue(draft(description=()))
    assert "description" not in sent(web)["fields"]


@pytest.mark.parametrize("label", ["", "to ord", "tab\there", "nbsp\u00a0", "x" * 256])
def test_label_that_jira_would_refuse_is_never_sent(web, cloud, label):
    with pytest.raises(VendorRefused, match="without spaces"):
        cloud.create_issue(draft(mark=label))
    with pytest.raises(VendorRefused, match="without spaces"):
        cloud.update_issue("1", IssueChange(add_labels=frozenset({label})))


@pytest.mark.parametrize("label", ["x" * 255, "😀" * 127])
def test_label_of_full_length_is_sent(web, cloud, label):
    web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    cloud.create_issue(draft(labels=(label,)))
    assert label in sent(web)["fields"]["labels"]
    with pytest.raises(VendorRefused, match="without spaces"):
        cloud.create_issue(draft(labels=(label + "😀",)))


def test_label_of_two_words_does_not_stop_the_filing(web, cloud):
    web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    cloud.create_issue(draft(labels=("klage fra\tkunde ",)))
    assert sent(web)["fields"]["labels"] == ["cc-group-7f", "klage-fra-kunde"]


@pytest.mark.parametrize("value", [NOW, float("nan"), {"a": {1}}])
def test_field_that_is_no_json_is_refused_and_never_sent(web, cloud, value):
    with pytest.raises(VendorRefused, match="no JSON"):
        cloud.create_issue(draft(fields={"customfield_1": value}))


# -- update_issue --


def test_labels_are_added_and_removed_and_never_replaced(web, cloud):
    web.put(f"{CLOUD}/issue/20417", status=204)
    web.put(f"{CLOUD}/issue/20417/properties/cc%2Fgroup", status=201)
    change = IssueChange(
        add_labels=frozenset({"b", "a"}),
        remove_labels=frozenset({"was there"}),
        fields={"customfield_10050": 6},
        properties={"cc/group": {"customers": 6}},
    )
    cloud.update_issue("20417", change)
    assert sent(web) == {
        "fields": {"customfield_10050": 6},
        "update": {"labels": [{"add": "a"}, {"add": "b"}, {"remove": "was there"}]},
    }
    assert sent(web, 1) == {"customers": 6}


def test_labels_are_in_one_part_of_a_change_and_nothing_is_null(web, cloud):
    web.put(f"{CLOUD}/issue/1", status=204)
    fields = {"labels": ["all", "of", "them"], "customfield_1": None}
    cloud.update_issue(
        "1", IssueChange(fields=fields, add_labels=frozenset({"cc-new"}))
    )
    assert sent(web) == {"update": {"labels": [{"add": "cc-new"}]}}


def test_conflicting_change_may_be_tried_again(web, cloud):
    web.put(f"{CLOUD}/issue/1", status=409)
    with pytest.raises(VendorConflict) as caught:
        cloud.update_issue("1", IssueChange(add_labels=frozenset({"cc-new"})))
    assert caught.value.retry


def test_change_of_properties_alone_leaves_the_issue_alone(web, data_center):
    web.put(f"{DC}/issue/33/properties/cc.group", status=200)
    data_center.update_issue("33", IssueChange(properties={"cc.group": {"n": 1}}))
    data_center.update_issue("33", IssueChange())
    assert len(web.calls) == 1


# -- comments --


def test_comment_is_internal_and_carries_its_mark(web, cloud, data_center):
    web.post(f"{CLOUD}/issue/20417/comment", status=201, json={"id": "551"})
    web.post(f"{DC}/issue/33/comment", status=201, json={"id": 9})
    assert cloud.comment_issue("20417", TEXT, "cc-op-1") == Written("551")
    assert data_center.comment_issue("33", TEXT, "cc-op-1") == Written("9")
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    last = {"type": "paragraph", "content": [{"type": "text", "text": "Ref. cc-op-1"}]}
    assert sent(web)["body"]["content"][-1] == last
    assert sent(web)["properties"] == internal
    assert sent(web, 1) == {
        "body": "Fem kunder\n\nRef. cc-op-1",
        "properties": internal,
    }


def test_comment_without_an_id_may_have_been_written(web, cloud):
    web.post(f"{CLOUD}/issue/1/comment", status=201, json={"self": "x"})
    with pytest.raises(VendorUnavailable) as caught:
        cloud.comment_issue("1", TEXT, "cc-op-1")
    assert caught.value.uncertain


@pytest.mark.parametrize("base", [CLOUD, DC])
def test_lost_comment_is_found_among_the_newest(web, cloud, data_center, base):
    adapter: JiraAdapter = cloud if base == CLOUD else data_center
    web.post(f"{base}/issue/1/comment", status=201, json={"id": "551"})
    adapter.comment_issue("1", TEXT, "cc-op-1")
    written = {"id": "551", "body": sent(web)["body"]}
    others = [{"id": "552", "body": "Ref. cc-op-11"}, {"id": "553", "body": None}, 4]
    first = {"comments": others, "total": 5}
    second = {"comments": [written], "total": 5}
    for page, start in ((first, "0"), (second, "2")):
        query = {"orderBy": "-created", "startAt": start, "maxResults": "100"}
        match = [matchers.query_param_matcher(query)]
        web.get(f"{base}/issue/1/comment", json=page, match=match)
    assert adapter.find_comment("1", "cc-op-1") == Written("551")


@pytest.mark.parametrize(
    ("page", "calls"),
    [
        ({"comments": [], "total": 9}, 1),
        ({"comments": [{"id": "1", "body": ""}]}, 1),
        ({"comments": [{"id": "1", "body": ""}], "total": 10_000}, 5),
    ],
)
def test_search_for_a_comment_ends(web, cloud, page, calls):
    web.get(f"{CLOUD}/issue/1/comment", json=page)
    assert cloud.find_comment("1", "cc-op-1") is None
    assert len(web.calls) == calls


# -- reopen_issue --


def move(number: object, key: str, **fields: object) -> dict[str, object]:
    return {"id": number, "name": "Løs", "to": status(key), "fields": fields}


NEEDS = {"required": True, "hasDefaultValue": False}
FILLED = {"required": True, "hasDefaultValue": True}


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([move("1", "done"), move("2", "new"), move("3", "indeterminate")], "3"),
        ([move("1", "done"), move("2", "undefined"), move(4, "new")], "4"),
        ([move("5", "undefined")], "5"),
        ([move("6", "indeterminate", resolution=NEEDS), move("7", "new")], "7"),
        ([move("8", "new", resolution=NEEDS)], "8"),
        ([move("9", "indeterminate", a=FILLED), move("10", "new")], "9"),
        ([None, {}, {"id": "x"}, move("11", "new")], "11"),
    ],
)
def test_done_issue_goes_back_to_work(web, data_center, offered, chosen):
    web.get(f"{DC}/issue/33", json=raw_issue())
    web.get(f"{DC}/issue/33/transitions", json={"transitions": offered})
    web.post(f"{DC}/issue/33/transitions", status=204)
    assert data_center.reopen_issue("33") is True
    assert sent(web, 2) == {"transition": {"id": chosen}}


@pytest.mark.parametrize("offered", [[], [move("1", "done")], [move(None, "new")]])
def test_workflow_without_a_way_back_is_said(web, cloud, offered):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{CLOUD}/issue/1/transitions", json={"transitions": offered})
    assert cloud.reopen_issue("1") is False


@pytest.mark.parametrize(("after", "moved"), [("done", False), ("new", True)])
def test_refused_reopening_is_judged_by_where_the_issue_is_then(
    web, cloud, after, moved
):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{CLOUD}/issue/1/transitions", json={"transitions": [move("7", "new")]})
    web.post(f"{CLOUD}/issue/1/transitions", status=400, json=REFUSED)
    web.get(f"{CLOUD}/issue/1", json=raw_issue(status=status(after)))
    assert cloud.reopen_issue("1") is moved


@pytest.mark.parametrize(
    ("code", "error"), [(403, VendorRefused), (409, VendorConflict)]
)
def test_reopening_that_is_not_allowed_now_is_said(web, cloud, code, error):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{CLOUD}/issue/1/transitions", json={"transitions": [move("7", "new")]})
    web.post(f"{CLOUD}/issue/1/transitions", status=code)
    with pytest.raises(error):
        cloud.reopen_issue("1")


@pytest.mark.parametrize("key", ["new", "indeterminate", "undefined"])
def test_issue_that_is_not_done_is_left_alone(web, cloud, key):
    web.get(f"{CLOUD}/issue/1", json=raw_issue(status=status(key)))
    assert cloud.reopen_issue("1") is True


@pytest.mark.parametrize("answer", [{}, {"transitions": None}, []])
def test_transitions_that_cannot_be_read_are_no_answer(web, cloud, answer):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{CLOUD}/issue/1/transitions", json=answer)
    with pytest.raises(VendorUnavailable):
        cloud.reopen_issue("1")


# -- link_ticket --

LINK = TicketLink(
    global_id="system=https://desk.nordvik.example&id=5",
    url="https://desk.nordvik.example/t/5",
    title="Ticket 5",
    resolved=True,
)


@pytest.mark.parametrize("code", [200, 201, 204])
def test_ticket_is_linked_with_the_whole_object_every_time(web, cloud, code):
    web.post(f"{CLOUD}/issue/20417/remotelink", status=code)
    cloud.link_ticket("20417", LINK)
    assert sent(web) == {
        "globalId": "system=https://desk.nordvik.example&id=5",
        "application": {"type": "complaint-connector", "name": "Complaint Connector"},
        "relationship": "reported by customer",
        "object": {
            "url": "https://desk.nordvik.example/t/5",
            "title": "Ticket 5",
            "icon": {
                "url16x16": "https://desk.nordvik.example/favicon.ico",
                "title": "Ticket",
            },
            "status": {"resolved": True},
        },
    }


@pytest.mark.parametrize("global_id", ["", "x" * 256])
def test_link_that_would_not_be_an_upsert_is_never_sent(web, cloud, global_id):
    link = TicketLink(global_id=global_id, url=LINK.url, title="t")
    with pytest.raises(VendorRefused, match="1 to 255"):
        cloud.link_ticket("20417", link)


# -- link_issues --


def types_of_links(*names: str) -> dict[str, object]:
    types = [{"id": str(number), "name": name} for number, name in enumerate(names, 1)]
    return {"issueLinkTypes": types}


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["Blocks", "Relates"], "2"),
        (["Blocks", "relates"], "2"),
        (["Blokkerer", "Henger sammen"], "1"),
    ],
)
def test_issues_are_linked_as_related_or_by_the_first_type(web, cloud, names, chosen):
    web.get(f"{CLOUD}/issueLinkType", json=types_of_links(*names))
    web.post(f"{CLOUD}/issueLink", status=201)
    cloud.link_issues("20418", "20417")
    # No comment at all: Jira refuses one that is null.
    assert sent(web, 1) == {
        "type": {"id": chosen},
        "inwardIssue": {"id": "20418"},
        "outwardIssue": {"id": "20417"},
    }


@pytest.mark.parametrize(
    "answer", [types_of_links(), {"issueLinkTypes": [{}, {"id": None}]}]
)
def test_jira_without_types_of_links_is_nothing_to_wait_for(web, cloud, answer):
    web.get(f"{CLOUD}/issueLinkType", json=answer)
    with pytest.raises(NotFound, match="no type of link"):
        cloud.link_issues("20418", "20417")


@pytest.mark.parametrize("link", ["link_issues", "link_duplicate"])
def test_issue_linking_that_is_switched_off_is_said(web, cloud, link):
    words = {"errorMessages": ["Issue linking is currently disabled."], "errors": {}}
    web.get(f"{CLOUD}/issueLinkType", json=words, status=404)
    with pytest.raises(NotFound, match="Issue linking is currently disabled"):
        getattr(cloud, link)("20418", "20417")


@pytest.mark.parametrize(
    "kind",
    [
        {"name": "Duplicate", "outward": "duplicates"},
        {"name": "DUPLICATES"},
        {"name": "Duplikat", "outward": "dupliserer"},
        {"name": "Same thing", "outward": "duplicates"},
    ],
)
def test_duplicate_is_linked_from_its_own_side(web, cloud, kind):
    listed = [{"id": "1", "name": "Blocks", "outward": "blocks"}, {"id": "2", **kind}]
    web.get(f"{CLOUD}/issueLinkType", json={"issueLinkTypes": listed})
    web.post(f"{CLOUD}/issueLink", status=201)
    cloud.link_duplicate("20418", "20417")
    # Jira shows the outward words, "duplicates", on what is called inward here.
    assert sent(web, 1) == {
        "type": {"id": "2"},
        "inwardIssue": {"id": "20418"},
        "outwardIssue": {"id": "20417"},
    }


@pytest.mark.parametrize(
    "listed",
    [[], [{"id": "1", "name": "Relates"}], [{"id": None, "name": "Duplicate"}]],
)
def test_jira_without_links_for_duplicates_uses_no_other_link(web, cloud, listed):
    web.get(f"{CLOUD}/issueLinkType", json={"issueLinkTypes": listed})
    with pytest.raises(NotFound, match="no type of link for duplicates"):
        cloud.link_duplicate("20418", "20417")


def test_all_issues_with_a_mark_are_found_oldest_first(web, cloud):
    found = [
        {"id": "100000", "key": "SHOP-90"},
        {"id": "20500", "key": "SHOP-89"},
        {"id": "20417", "key": "SHOP-88"},
    ]
    web.get(f"{CLOUD}/search/jql", json={"issues": found})
    refs = cloud.find_issues("SHOP", "cc-group-7f")
    assert [ref.key for ref in refs] == ["SHOP-88", "SHOP-89", "SHOP-90"]


# -- errors --

REFUSED = {"errorMessages": ["It says 'Kari'"], "errors": {"b": "is wrong"}}
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


# -- check --


def test_check_names_the_account_and_the_server(web, cloud):
    web.get(f"{CLOUD}/myself", json={"displayName": "Connector"})
    info = {
        "version": "1001.0.0",
        "deploymentType": "Cloud",
        "serverTime": "2026-11-20T11:04:00.000+0100",
    }
    web.get(f"{CLOUD}/serverInfo", json=info)
    web.get(f"{GATEWAY}/rest/webhooks/1.0/webhook", status=403)
    found = cloud.check(NOW)
    assert [finding.level for finding in found[:2]] == [Level.OK, Level.OK]
    assert found[0].message == "signed in as Connector"
    assert found[1].message == "Jira 1001.0.0"


def test_check_tells_wrong_flavour_and_clock(web, data_center):
    web.get(f"{DC}/myself", json={"name": "connector"})
    info = {"deploymentType": "Cloud", "serverTime": "2026-11-20T10:06:00.000+0000"}
    web.get(f"{DC}/serverInfo", json=info)
    _, flavour, clock = data_center.check(NOW)
    assert (flavour.level, flavour.remedy) == (Level.PROBLEM, "set flavour to cloud")
    assert clock.level is Level.WARNING
    assert "360 s" in clock.message


def test_check_without_a_clock_says_nothing_about_it(web, data_center):
    web.get(f"{DC}/myself", json={})
    web.get(f"{DC}/serverInfo", json={"deploymentType": "Server", "version": "10.3.24"})
    web.get(f"{SERVER}/rest/jira-webhook/1.0/webhooks", json=[])
    said = [finding.subject for finding in data_center.check(NOW)]
    assert "jira: clock" not in said


@pytest.mark.parametrize(
    ("code", "body", "remedy"),
    [
        (401, "", "make a new token"),
        (403, "<html>", "check site_url"),
        (500, "", "check site_url"),
        (200, "[]", "check site_url"),
    ],
)
def test_failed_login_is_a_finding_and_not_tried_again(web, cloud, code, body, remedy):
    web.get(f"{CLOUD}/myself", status=code, body=body)
    (finding,) = cloud.check(NOW)
    assert finding.level is Level.PROBLEM
    assert finding.remedy.startswith(remedy)


def test_server_that_answers_login_only_is_a_finding(web, cloud):
    web.get(f"{CLOUD}/myself", json={"displayName": "Connector"})
    web.get(f"{CLOUD}/serverInfo", status=500)
    assert [finding.level for finding in cloud.check(NOW)] == [Level.OK, Level.PROBLEM]


ODD = [
    "null",
    "7",
    "[]",
    "[null, 3]",
    "{}",
    '{"permissions": 3, "values": [null], "total": "many", "issues": [{"id": null}]}',
    '{"issueTypes": [{"name": "Bug", "id": null}], "fields": [{}], "total": null}',
    '[{"name": null, "url": 3, "events": 7, "id": []}]',
    '[{"url": "https://[/webhooks/jira", "configuration": 3}]',
    '{"deploymentType": 3, "baseUrl": 5, "serverTime": [], "timeZone": {}}',
]


@pytest.mark.parametrize("body", ODD)
def test_looking_survives_answers_of_any_shape(cloud, data_center, body):
    """What is asked first is answered well, so that all of it is asked."""
    known = {
        "/myself": {"displayName": "Connector"},
        "/serverInfo": {"deploymentType": "Cloud"},
    }
    for adapter in (cloud, data_center):
        site = adapter.config.model_copy(update={"projects": {"SHOP": Place()}})
        looking = KIND.build("jira", site)
        for good in ((), ("/myself",), ("/myself", "/serverInfo")):
            with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
                for name in good:
                    mock.get(re.compile(re.escape(name)), json=known[name])
                mock.get(re.compile("."), body=body)
                assert looking.check(NOW)
        looking.close()


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


# -- threads --


def test_each_thread_has_a_client_of_its_own_and_keeps_it(web, cloud):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    seen: list[int] = []
    both = threading.Barrier(2, timeout=10)

    def read() -> None:
        for _ in range(2):
            cloud.fetch_issue("1")
            seen.append(id(cloud._client._own()))
        both.wait()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(seen) == 4
    assert len(set(seen)) == 2


def test_adapter_can_be_used_after_close(web, cloud):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    cloud.fetch_issue("1")
    cloud.close()
    assert cloud.fetch_issue("1").ref == REF


def test_private_certificate_is_checked_against_its_own_authorities(data_center):
    assert data_center._client._own()._session.verify is True
    config = data_center.config.model_copy(update={"ca_bundle": "/etc/ssl/own.pem"})
    private = KIND.build("jira", config)
    assert private._client._own()._session.verify == "/etc/ssl/own.pem"
    private.close()


def test_library_neither_waits_nor_retries(cloud):
    session = cloud._client._own()._session
    assert session.timeout == (5.0, 30.0)
    assert session.max_retries == 0
    assert session.trust_env is False
    assert cloud._client._own()._is_cloud
