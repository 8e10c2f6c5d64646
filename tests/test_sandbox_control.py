"""Playing parts, breaking things and reading the diary, over HTTP."""

import time

import pytest
import requests
from click.testing import CliRunner

from connector.cli.sandbox import fill, sandbox, welcome
from connector.sandbox import SandboxSettings, World, serve
from connector.sandbox.faults import KINDS


@pytest.fixture
def running():
    with serve(World(SandboxSettings()), port=0) as made:
        yield made


@pytest.fixture
def session():
    with requests.Session() as made:
        made.trust_env = False
        yield made


@pytest.fixture
def control(running, session):
    def call(method, path, json=None, **headers):
        return session.request(
            method,
            f"{running.url}/control{path}",
            json=json,
            headers={"Content-Type": "application/json"} | headers,
        )

    return call


LETTER = {
    "email": "ann@shop.example",
    "name": "Ann Bell",
    "subject": "Late",
    "text": "Where is it?",
    "language": "en",
}


def write(control, vendor="zendesk", **given):
    return control("POST", "/write", {"vendor": vendor, **LETTER, **given})


def put_tag(running, session, number, tag="x"):
    settings = running.world.settings
    return session.put(
        f"{running.url}/zendesk/api/v2/tickets/{number}/tags",
        json={"tags": [tag]},
        auth=(f"{settings.zendesk_email}/token", settings.zendesk_api_token),
    )


@pytest.mark.parametrize("vendor", ["helpscout", "zendesk"])
def test_state_tells_who_did_what(control, vendor):
    number = write(control, vendor).json()["ticket"]
    for act in ({"act": "note", "text": "n"}, {"act": "reply", "text": "r"}):
        control("POST", "/agent", {"vendor": vendor, "ticket": number, **act})
    (ticket,) = control("GET", "/state").json()[vendor]["tickets"]
    assert ticket["id"] == number
    assert ticket["customer"]["email"] == "ann@shop.example"
    assert ticket["customer"]["language"] == "en"
    assert [one["text"] for one in ticket["words"]] == ["Where is it?"]
    assert [(one["text"], one["actor"] == "api") for one in ticket["notes"]] == [
        ("n", False)
    ]
    assert [(one["text"], one["draft"]) for one in ticket["messages"]] == [("r", False)]


def test_diary_is_ordered_and_tells_people_from_the_api(running, session, control):
    number = write(control).json()["ticket"]
    put_tag(running, session, number)
    control(
        "POST",
        "/agent",
        {"vendor": "zendesk", "ticket": number, "act": "add_tag", "tag": "y"},
    )
    log = control("GET", "/log").json()
    assert [line["seq"] for line in log] == list(range(1, len(log) + 1))
    tags = [(line["actor"], line["detail"]) for line in log if line["act"] == "tags"]
    assert tags == [
        ("api", {"before": [], "after": ["x"]}),
        ("agent", {"before": ["x"], "after": ["x", "y"]}),
    ]
    assert control("GET", f"/log?after={len(log)}").json() == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/write", {"vendor": "jira", **LETTER}, 404),
        ("/write", {"vendor": "zendesk"}, 400),
        ("/agent", {"vendor": "zendesk", "ticket": "1", "act": "note"}, 404),
        ("/issue", {"key": "SHOP-1", "act": "done"}, 404),
        ("/faults", {"kind": "earthquake"}, 400),
        ("/faults", {"kind": "before", "path": "("}, 400),
        ("/faults", [], 400),
        ("/webhooks", {"vendor": "jira", "events": []}, 400),
    ],
)
def test_nonsense_is_answered_with_a_reason(control, path, body, status):
    answer = control("POST", path, body)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/write"), ("POST", "/reset"), ("DELETE", "/faults")]
)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.rebound.example:80"}, 403),
        ({"Origin": "https://site.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Referer": "https://site.example/page"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
    ids=str,
)
def test_page_of_another_site_cannot_use_the_control(
    running, control, method, path, headers, status
):
    write(control)
    control("POST", "/faults", {"kind": "stall", "path": "/never"})
    body = {"vendor": "zendesk", **LETTER} if path == "/write" else None
    assert control(method, path, body, **headers).status_code == status
    assert len(running.world.state()["zendesk"]["tickets"]) == 1
    assert len(running.world.faults.listed()) == 1


def test_name_that_was_pointed_here_reads_nothing(control):
    assert control("GET", "/state", Host="rebound.example").status_code == 403
    assert control("GET", "/state", Host="localhost:1").status_code == 200


@pytest.mark.parametrize(
    "url",
    ["https://site.example/x", "http://127.0.0.1@site.example/", "//[", "/x", "", None],
)
def test_webhooks_go_to_this_machine_only(running, control, url):
    hook = {"vendor": "jira", "url": url, "events": ["x"]}
    assert control("POST", "/webhooks", hook).status_code == 400
    assert running.world.state()["jira"]["webhooks"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "{own}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Referer": "{own}/helpscout/"}, 200),
        ({"Origin": "https://site.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Referer": "https://site.example/"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
def test_form_is_taken_from_the_sandboxs_own_pages(running, session, headers, status):
    letter = {"email": "ann@shop.example", "subject": "Late", "text": "Where?"}
    headers = {name: said.format(own=running.url) for name, said in headers.items()}
    url = f"{running.url}/helpscout/write"
    assert session.post(url, data=letter, headers=headers).status_code == status
    written = len(running.world.state()["helpscout"]["tickets"])
    assert written == (1 if status == 200 else 0)


#: kind -> what the caller sees (None: no answer), was it performed
OUTCOMES = {
    "before": (500, False),
    "200": (200, False),
    "401": (401, False),
    "500": (500, False),
    "429": (429, False),
    "503": (503, False),
    "after": (500, True),
    "reset": (None, False),
    "reset_after": (None, True),
    "stall": (200, True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_fault_breaks_one_call_as_it_says(running, session, control, kind):
    number = write(control).json()["ticket"]
    fault = {"kind": kind, "vendor": "zendesk", "method": "put", "path": "/tags$"}
    control("POST", "/faults", {**fault, "times": 1, "seconds": 0.2})
    started = time.monotonic()
    try:
        status = put_tag(running, session, number).status_code
    except requests.ConnectionError:
        status = None
    tags = running.world.ticket("zendesk", number)["tags"]
    assert (status, tags == ["x"]) == OUTCOMES[kind]
    if kind == "stall":
        assert time.monotonic() - started >= 0.2
    assert put_tag(running, session, number).status_code == 200
    assert "fault" in [line["act"] for line in running.world.log()]


def test_429_says_when_to_come_back_in_the_vendors_words(running, session):
    names = {}
    for vendor, path in (("helpscout", "/v2/users/me"), ("jira", "/rest/api/3/myself")):
        running.world.fail("429", vendor=vendor, times=1, seconds=7)
        answer = session.get(f"{running.url}/{vendor}{path}")
        names[vendor] = [k for k, v in answer.headers.items() if v == "7"]
    assert names == {"helpscout": ["X-RateLimit-Retry-After"], "jira": ["Retry-After"]}


def test_cleared_fault_is_over_and_pages_never_break(running, session, control):
    control("POST", "/faults", {"kind": "before"})
    assert session.get(f"{running.url}/jira/").status_code == 200
    assert session.get(f"{running.url}/jira/rest/api/3/myself").status_code == 500
    control("DELETE", "/faults")
    assert session.get(f"{running.url}/jira/rest/api/3/myself").status_code == 401


def test_refused_call_is_in_the_diary(running, session):
    session.get(f"{running.url}/jira/rest/api/3/myself")
    (line,) = (one for one in running.world.log() if one["act"] == "refused")
    assert (line["vendor"], line["detail"]["status"]) == ("jira", 401)


def test_reset_forgets_everything(running, control):
    write(control)
    hook = {"vendor": "jira", "url": "http://127.0.0.1:9/x", "events": ["x"]}
    assert control("POST", "/webhooks", hook).status_code == 201
    control("POST", "/faults", {"kind": "stall"})
    control("POST", "/reset")
    state = control("GET", "/state").json()
    assert state["zendesk"]["tickets"] == []
    assert state["jira"]["webhooks"] == []
    assert control("GET", "/faults").json() == []
    assert control("GET", "/webhooks/pending").json() == {"pending": 0}


EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("vendor", ["helpscout", "zendesk"])
def test_page_shows_words_as_words(running, session, vendor):
    number = running.world.write(
        vendor, email="a@shop.example", name=EVIL, subject=EVIL, text=EVIL, tags=[EVIL]
    )
    running.world.agent(vendor, number, "note", text=EVIL)
    link = running.world.ticket(vendor, number)["url"]
    for url in (link, f"{running.url}/{vendor}/", running.url):
        page = session.get(url)
        assert page.status_code == 200
        assert "<script>" not in page.text
    assert "&lt;script&gt;" in session.get(link).text


def test_issue_page_shows_words_as_words_and_no_odd_links(running, session):
    tracker = running.world.jira
    given = {"issuetype": "10001", "summary": EVIL, "description": EVIL}
    issue = tracker.create(tracker.project("SHOP"), given, "api")
    link = {"object": {"url": "javascript:alert(1)", "title": EVIL}}
    tracker.link(issue, link, "api")
    page = session.get(f"{running.url}/jira/browse/{issue.key}").text
    assert "<script>" not in page
    assert "javascript:" not in page


def test_forms_play_the_customer_and_the_developer(running, session):
    letter = {"email": "ann@shop.example", "subject": "Late", "text": "Where?"}
    page = session.post(f"{running.url}/helpscout/write", data=letter)
    assert (page.status_code, "Where?" in page.text) == (200, True)
    tracker = running.world.jira
    given = {"issuetype": "10001", "summary": "S"}
    key = tracker.create(tracker.project("SHOP"), given, "api").key
    for act, word in (("start", "In Progress"), ("done", "Done"), ("reopen", "To Do")):
        page = session.post(f"{running.url}/jira/browse/{key}/{act}")
        assert page.status_code == 200
        assert tracker.get(key).status.name == word


def test_draft_is_marked_as_not_sent(running, session):
    number = running.world.write("helpscout", **LETTER)
    desk = running.world.helpscout
    desk.add_reply(desk.get(int(number)), "Sorry", "active", "api", draft=True)
    assert (
        "Draft, not sent"
        in session.get(f"{running.url}/helpscout/conversation/{number}").text
    )


def test_page_that_does_not_exist_says_so(running, session):
    page = session.get(f"{running.url}/jira/browse/NO-1")
    assert (page.status_code, "There is no issue NO-1." in page.text) == (404, True)


def test_command_fills_both_helpdesks_and_tells_the_credentials(running):
    fill(running.world, seed=1, count=4)
    state = running.world.state()
    assert [len(state[v]["tickets"]) for v in ("helpscout", "zendesk")] == [2, 2]
    words = welcome(running, running.world.settings)
    assert running.url in words
    assert running.world.settings.jira_token in words


def test_command_says_when_the_port_is_taken(running):
    port = running.url.rpartition(":")[2]
    result = CliRunner().invoke(sandbox, ["--port", port])
    assert result.exit_code == 1
    assert f"cannot listen on port {port}" in result.output
