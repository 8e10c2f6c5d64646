"""Issues as Jira answers them, and how they are found again."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from jira_kit import CLOUD, DC, NOW, REF, SERVER, raw_issue, status
from responses import matchers

from connector.errors import NotFound, VendorUnavailable
from connector.models import IssueCategory, IssueRef, Meaning

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
