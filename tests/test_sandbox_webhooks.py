"""What the sandbox sends, how often, and when it gives up; judged by a receiver."""

import json
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connector.sandbox import SandboxSettings, World
from connector.sandbox.deliveries import (
    Answer,
    helpscout_retry,
    jira_retry,
    zendesk_retry,
)
from connector.sandbox.signatures import helpscout_signature, zendesk_signature

HELPSCOUT_EVENTS = [
    "convo.created",
    "convo.customer.reply.created",
    "convo.agent.reply.created",
    "convo.note.created",
    "convo.tags",
    "convo.status",
    "convo.deleted",
    "convo.merged",
    "satisfaction.ratings",
]
ZENDESK_EVENTS = [
    f"zen:event-type:ticket.{name}"
    for name in (
        "created",
        "comment_added",
        "status_changed",
        "tags_changed",
        "merged",
        "soft_deleted",
        "csat_received",
    )
]
JIRA_EVENTS = [
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
]


class Receiver:
    """Answer with the given statuses, then 200; keep what came."""

    def __init__(self):
        self.got = []
        self.answers = []
        self.open = threading.Event()
        self.open.set()
        self.came = threading.Event()
        receiver = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                receiver.came.set()
                receiver.open.wait(10)
                status = receiver.answers.pop(0) if receiver.answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        kwargs = {"poll_interval": 0.02}
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs=kwargs)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def bodies(self):
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def world():
    made = World(SandboxSettings(time_scale=0.0001))
    yield made
    made.close()


def write(world, vendor="helpscout", **given):
    words = {"email": "ann@shop.example", "subject": "Hei/på", "text": "Hvor er den?"}
    return world.write(vendor, **{**words, **given})


def listen(world, receiver, vendor, events, secret="s3cret"):
    return world.subscribe(vendor, receiver.url, secret, list(events))


def quiet(world):
    assert world.deliveries.wait_quiet(10)


def test_helpscout_body_is_signed_escaped_and_bare(world, receiver):
    listen(world, receiver, "helpscout", HELPSCOUT_EVENTS)
    number = write(world)
    quiet(world)
    ((headers, body),) = receiver.got
    assert headers["X-HelpScout-Event"] == "convo.created"
    assert headers["X-HelpScout-Signature"] == helpscout_signature("s3cret", body)
    assert b"Hei\\/p\\u00e5" in body
    assert json.loads(body)["id"] == int(number)


def helpscout_events(world, receiver):
    quiet(world)
    return sorted(headers["X-HelpScout-Event"] for headers, _ in receiver.got)


@pytest.mark.parametrize(
    ("act", "events"),
    [
        ({"act": "note", "text": "n"}, ["convo.note.created"]),
        ({"act": "reply", "text": "r"}, ["convo.agent.reply.created"]),
        ({"act": "add_tag", "tag": "x"}, ["convo.tags"]),
        ({"act": "remove_tag", "tag": "absent"}, []),
        ({"act": "status", "status": "closed"}, ["convo.status"]),
        ({"act": "delete"}, ["convo.deleted"]),
    ],
)
def test_helpscout_fires_for_what_an_agent_does(world, receiver, act, events):
    number = write(world)
    listen(world, receiver, "helpscout", HELPSCOUT_EVENTS)
    world.agent("helpscout", number, **act)
    assert helpscout_events(world, receiver) == events


def test_helpscout_merge_names_the_survivor_and_keeps_the_old_id_inside(
    world, receiver
):
    old, new = write(world), write(world)
    listen(world, receiver, "helpscout", ["convo.merged"])
    world.agent("helpscout", old, "merge", into=new)
    quiet(world)
    (body,) = receiver.bodies()
    assert body["id"] == int(new)
    assert body["_embedded"]["threads"] == []
    line = world.helpscout.get(int(new)).threads[-1]
    assert line.action["associatedEntities"] == {"originalConversation": int(old)}


def test_helpscout_rating_is_sent_and_can_be_read(world, receiver):
    number = write(world)
    listen(world, receiver, "helpscout", ["satisfaction.ratings"])
    world.rate("helpscout", number, "not_good", "Slow")
    quiet(world)
    (body,) = receiver.bodies()
    assert (body["rating"], body["conversationId"]) == ("not_good", int(number))
    assert not body["createdAt"].endswith("Z")


def test_zendesk_envelope(world, receiver):
    webhook = listen(world, receiver, "zendesk", ZENDESK_EVENTS)
    number = write(world, "zendesk")
    quiet(world)
    by_type = {
        json.loads(body)["type"].rpartition(".")[2]: (headers, body)
        for headers, body in receiver.got
    }
    assert set(by_type) == {"created", "comment_added"}
    headers, body = by_type["created"]
    stamp = headers["X-Zendesk-Webhook-Signature-Timestamp"]
    assert headers["X-Zendesk-Webhook-Id"] == webhook.id
    assert headers["X-Zendesk-Webhook-Signature"] == zendesk_signature(
        "s3cret", stamp, body
    )
    assert body.startswith(b'{\n   "') and body.endswith(b"}\n")
    envelope = json.loads(body)
    assert envelope["event"] == {}
    assert envelope["detail"]["id"] == number
    assert envelope["detail"]["status"] == "NEW"
    assert envelope["detail"]["via"]["channel"] == "mail"
    with pytest.raises(ValueError, match="does not match"):
        datetime.strptime(envelope["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
    assert json.loads(by_type["comment_added"][1])["event"]["comment"]["is_public"]


@pytest.mark.parametrize(
    ("act", "kind", "event"),
    [
        (
            {"act": "status", "status": "solved"},
            "status_changed",
            {"previous": "NEW", "current": "SOLVED"},
        ),
        (
            {"act": "add_tag", "tag": "x"},
            "tags_changed",
            {"tags_added": ["x"], "tags_removed": []},
        ),
        ({"act": "delete"}, "soft_deleted", {}),
    ],
)
def test_zendesk_fires_for_what_an_agent_does(world, receiver, act, kind, event):
    number = write(world, "zendesk")
    listen(world, receiver, "zendesk", ZENDESK_EVENTS)
    world.agent("zendesk", number, **act)
    quiet(world)
    (body,) = receiver.bodies()
    assert (body["type"], body["event"]) == (f"zen:event-type:ticket.{kind}", event)
    assert body["detail"]["actor_id"] == "880002"


def test_zendesk_merge_and_rating_are_told(world, receiver):
    old, new = write(world, "zendesk"), write(world, "zendesk")
    listen(world, receiver, "zendesk", [ZENDESK_EVENTS[4], ZENDESK_EVENTS[6]])
    world.agent("zendesk", old, "merge", into=new)
    world.rate("zendesk", new, "bad")
    quiet(world)
    events = {body["type"]: body["event"] for body in receiver.bodies()}
    assert events[ZENDESK_EVENTS[4]] == {"target_ticket_id": new}
    assert events[ZENDESK_EVENTS[6]] == {"satisfaction_score": {"score": "BAD"}}
    assert world.ticket("zendesk", old)["status"] == "closed"


def test_zendesk_sends_nothing_to_a_trigger_webhook(world, receiver):
    listen(world, receiver, "zendesk", ["conditional_ticket_events"])
    write(world, "zendesk")
    quiet(world)
    assert receiver.got == []


def issue_of(world):
    project = world.jira.project("SHOP")
    given = {"issuetype": "10001", "summary": "S", "description": "a *b*"}
    return world.jira.create(project, given, "api")


def test_jira_cloud_says_generic_and_shows_strings(world, receiver):
    listen(world, receiver, "jira", JIRA_EVENTS)
    issue = issue_of(world)
    quiet(world)
    world.issue(issue.key, "done")
    quiet(world)
    created, updated = receiver.bodies()
    assert created["issue"]["fields"]["description"] == "a *b*"
    assert created["changelog"]["items"][0]["field"] == "Status"
    assert updated["issue_event_type_name"] == "issue_generic"
    category = updated["issue"]["fields"]["status"]["statusCategory"]["key"]
    assert category == "done"
    assert updated["changelog"]["items"][0]["fieldId"] == "status"
    headers = receiver.got[0][0]
    assert headers["X-Hub-Signature"].startswith("sha256=")
    assert headers["X-Atlassian-Webhook-Identifier"]


def test_jira_cloud_comment_names_nobody_and_few_fields(world, receiver):
    issue = issue_of(world)
    listen(world, receiver, "jira", JIRA_EVENTS)
    world.issue(issue.key, "comment", text="Looking at it")
    quiet(world)
    (body,) = receiver.bodies()
    assert "user" not in body
    assert "labels" not in body["issue"]["fields"]
    assert "/issue/" not in body["issue"]["self"]
    assert body["comment"]["body"] == "Looking at it"


def test_jira_data_center_comment_comes_without_issue_and_twice(receiver):
    world = World(SandboxSettings(jira_flavour="data_center"))
    issue = issue_of(world)
    listen(world, receiver, "jira", JIRA_EVENTS)
    world.issue(issue.key, "comment", text="Looking at it")
    quiet(world)
    world.issue(issue.key, "done")
    quiet(world)
    world.close()
    bodies = {
        (b["webhookEvent"], b.get("issue_event_type_name")): b
        for b in receiver.bodies()
    }
    assert set(bodies) == {
        ("comment_created", None),
        ("jira:issue_updated", "issue_commented"),
        ("jira:issue_updated", "issue_resolved"),
    }
    assert "issue" not in bodies["comment_created", None]
    item = bodies["jira:issue_updated", "issue_resolved"]["changelog"]["items"][0]
    assert "fieldId" not in item


@pytest.mark.parametrize(
    ("rule", "status", "attempt", "again"),
    [
        (helpscout_retry, 500, 10, True),
        (helpscout_retry, 500, 11, False),
        (helpscout_retry, 401, 1, True),
        (helpscout_retry, 410, 1, False),
        (zendesk_retry, None, 5, True),
        (zendesk_retry, None, 6, False),
        (zendesk_retry, 500, 1, False),
        (zendesk_retry, 400, 1, False),
        (zendesk_retry, 409, 3, True),
        (zendesk_retry, 409, 4, False),
        (zendesk_retry, 503, 1, False),
        (jira_retry, None, 5, True),
        (jira_retry, 503, 5, True),
        (jira_retry, 503, 6, False),
        (jira_retry, 425, 1, True),
        (jira_retry, 400, 1, False),
        (jira_retry, 404, 1, False),
    ],
)
def test_each_vendor_repeats_what_it_says_it_repeats(rule, status, attempt, again):
    assert (rule(Answer(status), attempt, 0.5) is not None) is again


@pytest.mark.parametrize(
    ("seconds", "again"), [(None, False), (5.0, True), (60.0, False)]
)
def test_zendesk_repeats_503_only_when_told_to_come_back_soon(seconds, again):
    assert (zendesk_retry(Answer(503, seconds), 1, 0.5) is not None) is again


def test_repeated_jira_delivery_keeps_its_identifier(world, receiver):
    listen(world, receiver, "jira", JIRA_EVENTS)
    receiver.answers = [503]
    issue_of(world)
    quiet(world)
    first, second = (headers for headers, _ in receiver.got)
    name = "X-Atlassian-Webhook-Identifier"
    assert first[name] == second[name]
    assert "X-Atlassian-Webhook-Retry" not in first
    assert second["X-Atlassian-Webhook-Retry"] == "1"


def test_helpscout_switches_a_webhook_off_after_ten_discards(world, receiver):
    webhook = listen(world, receiver, "helpscout", ["convo.created"])
    receiver.answers = [500] * 1000
    for _ in range(9):
        write(world)
    quiet(world)
    assert (webhook.state, webhook.discards, len(receiver.got)) == ("enabled", 9, 99)
    write(world)
    quiet(world)
    write(world)
    quiet(world)
    assert (webhook.state, len(receiver.got)) == ("disabled", 110)


def test_helpscout_switches_a_webhook_off_at_the_first_410(world, receiver):
    webhook = listen(world, receiver, "helpscout", ["convo.created"])
    receiver.answers = [410]
    write(world)
    quiet(world)
    assert (webhook.state, len(receiver.got)) == ("disabled", 1)


def test_zendesk_breaker_drops_for_good(world, receiver):
    world = World(SandboxSettings(time_scale=1.0))
    listen(world, receiver, "zendesk", ["zen:event-type:ticket.created"])
    receiver.answers = [500] * 50
    for _ in range(50):
        write(world, "zendesk")
    quiet(world)
    write(world, "zendesk")
    quiet(world)
    world.close()
    assert len(receiver.got) == 50
    assert world.log()[-1]["act"] == "webhook_dropped"


def test_chaos_delivers_twice_with_the_same_identity(world, receiver):
    listen(world, receiver, "zendesk", ["zen:event-type:ticket.created"])
    world.chaos(duplicate_probability=1.0)
    write(world, "zendesk")
    quiet(world)
    (first, body), (second, same) = receiver.got
    name = "X-Zendesk-Webhook-Invocation-Id"
    assert (first[name], body) == (second[name], same)


def test_chaos_changes_the_order(world, receiver):
    listen(world, receiver, "helpscout", ["convo.created"])
    world.chaos(reorder_window_seconds=0.3, seed=3)
    sent = [int(write(world)) for _ in range(12)]
    quiet(world)
    came = [body["id"] for body in receiver.bodies()]
    assert came != sent
    assert sorted(came) == sent


def test_paused_deliveries_wait_and_are_counted(world, receiver):
    listen(world, receiver, "helpscout", ["convo.created"])
    world.deliveries.pause(True)
    write(world)
    assert (world.deliveries.pending(), receiver.got) == (1, [])
    world.deliveries.pause(False)
    quiet(world)
    assert len(receiver.got) == 1


def test_what_is_under_way_arrives_before_deliveries_stand_still(world, receiver):
    listen(world, receiver, "helpscout", ["convo.created"])
    receiver.open.clear()
    write(world)
    assert receiver.came.wait(10)
    with pytest.raises(TimeoutError, match="under way"), world.deliveries.still(0.1):
        pass
    receiver.open.set()
    with world.deliveries.still():
        assert world.deliveries.pending() == 0


def test_attempts_are_in_the_diary_with_the_answer(world, receiver):
    webhook = listen(world, receiver, "helpscout", ["convo.created"])
    receiver.answers = [503]
    write(world)
    quiet(world)
    seen = [
        (act["target"], act["detail"]["status"], act["detail"]["attempt"])
        for act in world.log()
        if act["act"] == "webhook"
    ]
    assert seen == [(webhook.id, 503, 1), (webhook.id, 200, 2)]
