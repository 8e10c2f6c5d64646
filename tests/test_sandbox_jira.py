"""The look-alike Jira keeps the traps an adapter has to survive, in both flavours."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from connector.sandbox import SandboxSettings, World, serve

DOC = {
    "type": "doc",
    "version": 1,
    "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": "Words"}]},
    ],
}


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)

    def __call__(self):
        return self.now


class Site:
    """A world, its server, and a client with the flavour's credentials."""

    def __init__(self, running):
        self.world = running.world
        self.base = running.url + "/jira"
        self.session = requests.Session()
        self.session.trust_env = False
        settings = self.world.settings
        if settings.jira_flavour == "cloud":
            self.session.auth = (settings.jira_email, settings.jira_token)
            self.version, self.text = "3", DOC
        else:
            self.session.headers["Authorization"] = f"Bearer {settings.jira_token}"
            self.version, self.text = "2", "Words"

    def call(self, method, path, json=None, version=None, **rest):
        where = f"{self.base}/rest/api/{version or self.version}{path}"
        return self.session.request(method, where, json=json, **rest)

    def create(self, properties=None, version=None, **fields):
        given = {
            "project": {"key": "SHOP"},
            "issuetype": {"name": "Bug"},
            "summary": "Broken",
            **fields,
        }
        body = {"fields": given}
        if properties:
            body["properties"] = properties
        return self.call("POST", "/issue", body, version=version)

    def issue(self):
        return self.world.state()["jira"]["issues"][0]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["cloud", "data_center"])
def site(request, clock):
    yield from open_site(clock, jira_flavour=request.param)


@pytest.fixture
def cloud(clock):
    yield from open_site(clock)


@pytest.fixture
def data_center(clock):
    yield from open_site(clock, jira_flavour="data_center")


def open_site(clock, **settings):
    with serve(World(SandboxSettings(**settings), clock), port=0) as running:
        made = Site(running)
        with made.session:
            yield made


def test_issue_lives_from_create_to_reopen(site):
    made = site.create(labels=["hd-1"], description=site.text)
    key = made.json()["key"]
    assert (made.status_code, key) == (201, "SHOP-1")
    assert site.issue()["description"] == "Words"
    for name, category, resolution in (
        ("Start", "indeterminate", None),
        ("Done", "done", "Done"),
        ("Reopen", "new", None),
    ):
        offered = site.call("GET", f"/issue/{key}/transitions").json()["transitions"]
        (chosen,) = (one for one in offered if one["name"] == name)
        assert chosen["to"]["statusCategory"]["key"] == category
        body = {"transition": {"id": chosen["id"]}}
        answer = site.call("POST", f"/issue/{key}/transitions", body)
        assert answer.status_code == 204
        fields = site.call("GET", f"/issue/{key}?fields=status,resolution").json()
        assert set(fields["fields"]) == {"status", "resolution"}
        assert site.issue()["resolution"] == resolution


def test_transition_that_is_not_offered_is_refused(site):
    site.create()
    body = {"transition": {"id": "51"}}
    assert site.call("POST", "/issue/SHOP-1/transitions", body).status_code == 400


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"summary": "x" * 256}, "summary"),
        ({"summary": "two\nlines"}, "summary"),
        ({"summary": ""}, "summary"),
        ({"labels": ["has space"]}, "labels"),
        ({"labels": ["x" * 256]}, "labels"),
        ({"project": {"key": "NONE"}}, "project"),
        ({"issuetype": {"name": "Epic fail"}}, "issuetype"),
        ({"priority": {"id": "99"}}, "priority"),
        ({"environment": "not on the screen"}, "environment"),
    ],
)
def test_create_names_the_bad_field(site, fields, field):
    answer = site.create(**fields)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert site.world.state()["jira"]["issues"] == []


def test_text_is_a_string_in_version_2_and_a_document_in_version_3(cloud):
    assert cloud.create(version="3", description="string").status_code == 400
    assert cloud.create(version="2", description=DOC).status_code == 400
    cloud.create(version="3", description=DOC)
    as_2 = cloud.call("GET", "/issue/SHOP-1?fields=description", version="2").json()
    assert as_2["fields"]["description"] == "Words"


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "bare"}],
        [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}],
        [{"type": "surprise"}],
        [{"type": "heading", "attrs": {"level": 9}, "content": []}],
    ],
    ids=["bare text", "empty text", "unknown node", "bad heading"],
)
def test_documents_that_jira_would_not_take_are_refused(cloud, content):
    document = {"type": "doc", "version": 1, "content": content}
    assert cloud.create(description=document).status_code == 400


def test_old_search_is_gone_on_cloud_and_the_only_one_on_data_center(site):
    jql = {"jql": "project = SHOP"}
    statuses = [
        site.call("GET", path, params=jql).status_code
        for path in ("/search", "/search/jql")
    ]
    cloud = site.world.jira.cloud
    assert statuses == ([410, 200] if cloud else [200, 404])


def test_cloud_search_gives_ids_only_and_pages_by_token(cloud):
    for _ in range(3):
        cloud.create()
    asked = {"jql": "project = SHOP ORDER BY created ASC", "maxResults": 2}
    page = cloud.call("GET", "/search/jql", params=asked).json()
    assert page["issues"] == [{"id": "10100"}, {"id": "10101"}]
    assert "total" not in page
    asked["nextPageToken"] = page["nextPageToken"]
    rest = cloud.call("POST", "/search/jql", asked).json()
    assert (rest["issues"], rest["isLast"]) == ([{"id": "10102"}], True)
    assert "nextPageToken" not in rest


def test_data_center_search_pages_by_start_and_total(data_center):
    for _ in range(3):
        data_center.create()
    asked = {"jql": "project = SHOP", "startAt": 2, "maxResults": 2}
    page = data_center.call("GET", "/search", params=asked).json()
    assert (page["total"], len(page["issues"])) == (3, 1)


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ('project = SHOP AND labels = "hd-a"', ["SHOP-1"]),
        ('labels in ("hd-a", "hd-b")', ["SHOP-2", "SHOP-1"]),
        ('labels = "HD-A"', []),
        ("key in (SHOP-2)", ["SHOP-2"]),
        ("id = 10100", ["SHOP-1"]),
        ("updated >= -5m", ["SHOP-2"]),
        ('updated >= "2026-11-03 09:10"', ["SHOP-2"]),
        ("statusCategory != Done ORDER BY key ASC", ["SHOP-1", "SHOP-2"]),
        ("resolution != Fixed AND project = SHOP", []),
        ("resolution is EMPTY AND labels = hd-b", ["SHOP-2"]),
    ],
)
def test_jql(cloud, clock, jql, keys):
    cloud.create(labels=["hd-a"])
    clock.now += timedelta(minutes=10)
    cloud.create(labels=["hd-b"])
    asked = {"jql": jql, "fields": "summary"}
    page = cloud.call("GET", "/search/jql", params=asked).json()
    assert [one["key"] for one in page["issues"]] == keys


@pytest.mark.parametrize(
    "jql", ["", "ORDER BY created", "colour = red", "project = NONE", "project SHOP"]
)
def test_jql_that_cannot_be_answered_is_refused(cloud, jql):
    answer = cloud.call("GET", "/search/jql", params={"jql": jql})
    assert answer.status_code == 400
    assert answer.json()["errorMessages"]


def test_search_lags_behind_a_create(clock):
    for site in open_site(clock, jira_index_lag=30):
        site.create(labels=["hd-a"])
        jql = {"jql": 'labels = "hd-a"'}
        assert site.call("GET", "/search/jql", params=jql).json()["issues"] == []
        assert site.call("GET", "/issue/SHOP-1").status_code == 200
        clock.now += timedelta(seconds=30)
        assert len(site.call("GET", "/search/jql", params=jql).json()["issues"]) == 1


def test_labels_are_added_and_removed_without_replacing(site):
    site.create(labels=["human", "old"])
    update = {"labels": [{"add": "new"}, {"add": "new"}, {"remove": "old"}]}
    assert site.call("PUT", "/issue/SHOP-1", {"update": update}).status_code == 204
    assert site.issue()["labels"] == ["human", "new"]


def test_field_in_fields_and_update_is_refused(site):
    site.create()
    body = {"fields": {"labels": []}, "update": {"labels": [{"add": "x"}]}}
    assert site.call("PUT", "/issue/SHOP-1", body).status_code == 400


def test_properties_land_with_the_create_on_cloud_only(site):
    site.create(properties=[{"key": "cc", "value": {"group": "g1"}}])
    answer = site.call("GET", "/issue/SHOP-1/properties/cc")
    if site.world.jira.cloud:
        assert answer.json() == {"key": "cc", "value": {"group": "g1"}}
    else:
        assert answer.status_code == 404
    stored = site.call("PUT", "/issue/SHOP-1/properties/n", {"count": 2})
    again = site.call("PUT", "/issue/SHOP-1/properties/n", {"count": 3})
    assert (stored.status_code, again.status_code) == (201, 200)
    assert site.issue()["properties"]["n"] == {"count": 3}


def test_remote_link_is_an_upsert_that_forgets_what_is_left_out(site):
    site.create()
    full = {
        "globalId": "system=hd&id=1",
        "relationship": "causes",
        "object": {"url": "http://127.0.0.1/t/1", "title": "Ticket 1"},
    }
    first = site.call("POST", "/issue/SHOP-1/remotelink", full)
    bare = {key: full[key] for key in ("globalId", "object")}
    second = site.call("POST", "/issue/SHOP-1/remotelink", bare)
    assert (first.status_code, second.status_code) == (201, 200)
    (link,) = site.issue()["remote_links"]
    assert (link["id"], link["relationship"]) == (first.json()["id"], None)
    asked = {"globalId": "system=hd&id=1"}
    one = site.call("GET", "/issue/SHOP-1/remotelink", params=asked).json()
    assert one["object"]["title"] == "Ticket 1"


def test_remote_link_needs_a_title(site):
    site.create()
    body = {"object": {"url": "http://127.0.0.1/"}}
    answer = site.call("POST", "/issue/SHOP-1/remotelink", body)
    assert answer.json()["errors"] == {"title": "'title' is required."}


def test_comments_are_paged_and_can_be_newest_first(site):
    site.create()
    for _ in range(2):
        site.call("POST", "/issue/SHOP-1/comment", {"body": site.text})
    asked = {"orderBy": "-created", "maxResults": 1}
    page = site.call("GET", "/issue/SHOP-1/comment", params=asked).json()
    assert (page["total"], page["comments"][0]["id"]) == (2, "20002")
    assert page["comments"][0]["body"] == site.text


def test_issue_link_is_kept_once(site):
    site.create()
    site.create()
    body = {
        "type": {"name": "Duplicate"},
        "inwardIssue": {"key": "SHOP-1"},
        "outwardIssue": {"key": "SHOP-2"},
    }
    codes = [site.call("POST", "/issueLink", body).status_code for _ in range(2)]
    links = site.call("GET", "/issue/SHOP-1").json()["fields"]["issuelinks"]
    assert (codes, len(links)) == ([201, 201], 1)


def test_people_are_accounts_on_cloud_and_names_on_data_center(site):
    me = site.call("GET", "/myself").json()
    cloud = site.world.jira.cloud
    assert ("accountId" in me, "name" in me) == (cloud, not cloud)
    about = site.call("GET", "/serverInfo").json()
    assert about["deploymentType"] == ("Cloud" if cloud else "Server")


def test_metadata_says_what_is_required(site):
    below = "/issue/createmeta/SHOP/issuetypes"
    rel = ("issueTypes", "fields") if site.world.jira.cloud else ("values", "values")
    types = site.call("GET", below).json()[rel[0]]
    fields = site.call("GET", f"{below}/{types[0]['id']}").json()[rel[1]]
    required = {one["fieldId"] for one in fields if one["required"]}
    assert required == {"summary", "issuetype", "project"}


def test_missing_and_unknown_are_told_apart_only_by_status(site):
    assert site.call("GET", "/issue/SHOP-9").status_code == 404
    site.session.auth = None
    site.session.headers["Authorization"] = "Bearer wrong"
    assert site.call("GET", "/myself").status_code == 401


def test_version_3_does_not_exist_on_data_center(data_center):
    assert data_center.call("GET", "/myself", version="3").status_code == 404


def test_developer_can_forget_to_clear_the_resolution(site):
    site.create()
    site.world.issue("SHOP-1", "wont_do")
    assert site.issue()["resolution"] == "Won't Do"
    site.world.issue("SHOP-1", "reopen", keep_resolution=True)
    assert (site.issue()["category"], site.issue()["resolution"]) == (
        "new",
        "Won't Do",
    )
