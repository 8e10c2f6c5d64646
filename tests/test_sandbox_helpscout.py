"""The look-alike Help Scout keeps the traps an adapter has to survive."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from connector.sandbox import SandboxSettings, World, serve


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def pass_time(self, **span):
        self.now += timedelta(**span)


class Desk:
    """A world, its server, and a client with a token."""

    def __init__(self, world, running):
        self.world = world
        self.base = running.url + "/helpscout"
        self.session = requests.Session()
        self.session.trust_env = False
        token = self.token().json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def token(self, secret=None, **how):
        settings = self.world.settings
        given = {
            "grant_type": "client_credentials",
            "client_id": settings.helpscout_app_id,
            "client_secret": secret or settings.helpscout_app_secret,
        }
        how = how or {"json": given}
        how = {key: given if value is None else value for key, value in how.items()}
        return self.session.post(self.base + "/v2/oauth2/token", **how)

    def call(self, method, path, json=None, **rest):
        rest.setdefault("allow_redirects", False)
        return self.session.request(method, self.base + path, json=json, **rest)

    def write(self, **given):
        words = {"email": "ann@shop.example", "subject": "Late", "text": "Where is it?"}
        return self.world.write("helpscout", **{**words, **given})

    def ticket(self, number):
        return self.world.ticket("helpscout", number)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def desk(clock):
    with serve(World(SandboxSettings(), clock), port=0) as running:
        made = Desk(running.world, running)
        with made.session:
            yield made


@pytest.mark.parametrize("how", ["json", "data", "params"])
def test_token_is_given_for_any_encoding(desk, how):
    assert desk.token(**{how: None}).json()["token_type"] == "bearer"


def test_token_is_refused_for_a_wrong_secret(desk):
    assert desk.token("wrong").status_code == 401


def test_token_really_expires(desk, clock):
    assert desk.call("GET", "/v2/users/me").status_code == 200
    clock.pass_time(seconds=7200)
    assert desk.call("GET", "/v2/users/me").status_code == 401


def test_threads_are_newest_first_and_counted_in_the_conversation(desk):
    number = desk.write()
    desk.write(ticket=number, text="Hello?")
    shape = desk.call("GET", f"/v2/conversations/{number}?embed=threads").json()
    bodies = [thread["body"] for thread in shape["_embedded"]["threads"]]
    assert bodies == ["Hello?", "Where is it?"]
    assert shape["threads"] == 2


def test_empty_list_has_no_embedded(desk):
    shape = desk.call("GET", "/v2/conversations").json()
    assert "_embedded" not in shape
    assert shape["page"]["totalElements"] == 0


def test_list_shows_only_active_ones_unless_asked(desk):
    number = desk.write()
    desk.world.agent("helpscout", number, "status", status="closed")
    found = {
        status: desk.call("GET", "/v2/conversations", params={"status": status}).json()
        for status in ("active", "all")
    }
    assert found["active"]["page"]["totalElements"] == 0
    assert found["all"]["page"]["totalElements"] == 1


def test_list_is_paged(desk):
    for place in range(26):
        desk.write(email=f"c{place}@shop.example")
    second = desk.call("GET", "/v2/conversations", params={"page": 2}).json()
    assert len(second["_embedded"]["conversations"]) == 1
    assert second["page"]["totalPages"] == 2


def test_tags_are_replaced_and_read_as_objects(desk):
    number = desk.write(tags=("human",))
    assert (
        desk.call(
            "PUT", f"/v2/conversations/{number}/tags", {"tags": ["cc-delivery"]}
        ).status_code
        == 204
    )
    shape = desk.call("GET", f"/v2/conversations/{number}").json()
    assert [tag["tag"] for tag in shape["tags"]] == ["cc-delivery"]


def test_tag_objects_are_refused(desk):
    number = desk.write()
    body = {"tags": [{"tag": "x"}]}
    assert desk.call("PUT", f"/v2/conversations/{number}/tags", body).status_code == 400


@pytest.mark.parametrize(
    ("sent", "status"), [({}, "active"), ({"status": "closed"}, "closed")]
)
def test_note_without_status_reactivates(desk, sent, status):
    number = desk.write()
    desk.world.agent("helpscout", number, "status", status="closed")
    answer = desk.call(
        "POST", f"/v2/conversations/{number}/notes", {"text": "Note", **sent}
    )
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["Resource-ID"].isdigit()
    assert desk.ticket(number)["status"] == status
    assert desk.ticket(number)["notes"][0]["actor"] == "api"


def test_reply_needs_a_customer(desk):
    number = desk.write()
    answer = desk.call("POST", f"/v2/conversations/{number}/reply", {"text": "Hi"})
    error = answer.json()["_embedded"]["errors"][0]
    assert (answer.status_code, error["path"]) == (400, "customer")
    assert error["_links"]["about"]["href"].endswith("#NotEmpty")


def test_reply_is_read_back_as_message_and_a_draft_is_not_sent(desk):
    number = desk.write()
    reply = {"text": "Sorry", "customer": {"email": "ann@shop.example"}, "draft": True}
    made = desk.call("POST", f"/v2/conversations/{number}/reply", reply)
    below = f"/v2/conversations/{number}/threads"
    thread = desk.call("GET", below).json()["_embedded"]["threads"][0]
    assert (thread["type"], thread["state"]) == ("message", "draft")
    assert desk.ticket(number)["messages"][0]["draft"] is True
    publish = {"op": "replace", "path": "/state", "value": "published"}
    desk.call("PATCH", f"{below}/{made.headers['Resource-ID']}", publish)
    assert desk.ticket(number)["messages"][0]["draft"] is False


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"op": "replace", "path": "/status", "value": "closed"}, 204),
        ({"op": "replace", "path": "/subject", "value": "New"}, 204),
        ({"op": "move", "path": "/mailboxId", "value": 32}, 204),
        ({"op": "remove", "path": "/assignTo"}, 204),
        ([{"op": "replace", "path": "/status", "value": "closed"}], 400),
        ({"op": "replace", "path": "/tags", "value": []}, 400),
    ],
)
def test_patch_takes_one_known_operation(desk, body, status):
    number = desk.write()
    answer = desk.call("PATCH", f"/v2/conversations/{number}", body)
    assert answer.status_code == status


def test_merged_conversation_redirects_one_read_and_is_gone_for_the_rest(desk, clock):
    old, new = desk.write(), desk.write()
    desk.world.agent("helpscout", old, "merge", into=new)
    answer = desk.call("GET", f"/v2/conversations/{old}")
    assert answer.status_code == 301
    assert answer.headers["Location"].endswith(f"/v2/conversations/{new}")
    assert desk.call("GET", f"/v2/conversations/{old}/threads").status_code == 404
    assert (
        desk.call("PUT", f"/v2/conversations/{old}/tags", {"tags": []}).status_code
        == 404
    )
    clock.pass_time(days=61)
    token = desk.token().json()["access_token"]
    desk.session.headers["Authorization"] = f"Bearer {token}"
    assert desk.call("GET", f"/v2/conversations/{old}").status_code == 404


def test_full_conversation_is_locked(desk):
    number = desk.write()
    for _ in range(99):
        desk.world.agent("helpscout", number, "note", text="n")
    answer = desk.call("POST", f"/v2/conversations/{number}/notes", {"text": "101"})
    assert answer.status_code == 412


def test_writes_cost_two_and_too_many_are_refused(clock):
    with serve(World(SandboxSettings(helpscout_limit=5), clock), port=0) as running:
        desk = Desk(running.world, running)  # 2 of 5
        with desk.session:
            seen = [desk.call("GET", "/v2/users/me") for _ in range(4)]
    assert [answer.status_code for answer in seen] == [200, 200, 200, 429]
    assert seen[0].headers["X-RateLimit-Remaining-Minute"] == "2"
    assert int(seen[3].headers["X-RateLimit-Retry-After"]) == 60


def test_people_are_found(desk):
    number = desk.write(organization="Fjordbank", name="Ann Bell")
    primary = desk.call("GET", f"/v2/conversations/{number}").json()["primaryCustomer"]
    assert (primary["first"], primary["last"]) == ("Ann", "Bell")
    customer = desk.call("GET", f"/v2/customers/{primary['id']}").json()
    assert customer["firstName"] == "Ann"
    where = f"/v2/organizations/{customer['organizationId']}"
    assert desk.call("GET", where).json()["domains"] == ["shop.example"]
    found = desk.call("GET", "/v3/customers", params={"email": "ANN@shop.example"})
    assert len(found.json()["_embedded"]["customers"]) == 1


def test_webhook_is_created_listed_and_put(desk):
    body = {"url": "http://127.0.0.1:9/x", "events": ["convo.created"], "secret": "s"}
    made = desk.call("POST", "/v2/webhooks", body)
    path = f"/v2/webhooks/{made.headers['Resource-ID']}"
    assert desk.call("PUT", path, {**body, "events": ["convo.tags"]}).status_code == 204
    shown = desk.call("GET", path).json()
    assert (shown["state"], shown["events"]) == ("enabled", ["convo.tags"])
    assert "secret" not in shown
    long = {**body, "secret": "x" * 41}
    assert desk.call("POST", "/v2/webhooks", long).status_code == 400


@pytest.mark.parametrize("left_out", ["url", "events", "secret"])
def test_a_webhook_is_changed_as_a_whole(desk, left_out):
    body = {"url": "http://127.0.0.1:9/x", "events": ["convo.created"], "secret": "s"}
    made = desk.call("POST", "/v2/webhooks", body)
    path = f"/v2/webhooks/{made.headers['Resource-ID']}"
    part = {key: value for key, value in body.items() if key != left_out}
    assert desk.call("PUT", path, part).status_code == 400


def planned(desk, clock, **changes):
    """Plan a draft for tomorrow; return the answer and where its thread is."""
    number = desk.write()
    reply = {"text": "All well?", "customer": {"email": "ann@shop.example"}}
    made = desk.call(
        "POST", f"/v2/conversations/{number}/reply", {**reply, "draft": True}
    )
    thread = f"/v2/conversations/{number}/threads/{made.headers['Resource-ID']}"
    when = (clock() + timedelta(days=1)).isoformat()
    body = {"scheduledFor": when, "unscheduleOnCustomerReply": True, **changes}
    body = {key: value for key, value in body.items() if value is not None}
    return desk.call("PUT", f"{thread}/schedule", body), number, thread


@pytest.mark.parametrize(
    "changes",
    [
        {"scheduledFor": None},
        {"scheduledFor": "tomorrow"},
        {"scheduledFor": "2020-01-01T00:00:00Z"},
        {"scheduledFor": "2101-01-01T00:00:00Z"},
        {"unscheduleOnCustomerReply": None},
    ],
)
def test_a_plan_needs_a_time_to_come_and_a_word_about_answers(desk, clock, changes):
    answer, number, _ = planned(desk, clock, **changes)
    assert answer.status_code == 400
    clock.pass_time(seconds=7000)
    assert desk.ticket(number)["messages"][0]["draft"]


@pytest.mark.parametrize(
    ("unschedule", "writes", "draft"),
    [(True, False, False), (True, True, True), (False, True, False)],
)
def test_a_planned_reply_is_sent_unless_an_answer_takes_it_back(
    clock, unschedule, writes, draft
):
    settings = SandboxSettings(token_life=1_000_000)
    with serve(World(settings, clock), port=0) as running:
        desk = Desk(running.world, running)
        with desk.session:
            answer, number, _ = planned(
                desk, clock, unscheduleOnCustomerReply=unschedule
            )
            assert answer.status_code == 204
            if writes:
                desk.write(ticket=number, text="Hello?")
            clock.pass_time(days=2)
            desk.call("GET", "/v2/users/me")
            assert desk.ticket(number)["messages"][0]["draft"] is draft


def test_a_plan_can_be_taken_back(desk, clock):
    _, number, thread = planned(desk, clock)
    assert desk.call("DELETE", f"{thread}/schedule").status_code == 204
    shown = desk.call("GET", f"/v2/conversations/{number}/threads").json()
    assert "scheduled" not in shown["_embedded"]["threads"][0]


def test_dates_of_answers_are_by_the_clock_of_the_sandbox(desk):
    answer = desk.call("GET", "/v2/users/me")
    assert answer.headers["Date"] == "Tue, 03 Nov 2026 09:00:00 GMT"


def test_chat_is_embedded_in_part_only(desk):
    vendor = desk.world.helpscout
    customer = vendor.ensure_customer("ann@shop.example")
    chat = vendor.open(customer, "Chat", actor="customer", type="chat")
    for place in range(3):
        vendor.customer_writes(customer, "", f"line {place}", chat)
    shape = desk.call("GET", f"/v2/conversations/{chat.id}?embed=threads").json()
    assert (shape["threads"], len(shape["_embedded"]["threads"])) == (3, 2)


def test_query_finds_by_address(desk):
    number = desk.write(email="odd@shop.example")
    desk.write()
    query = {"query": '(email:"odd@shop.example")', "status": "all"}
    found = desk.call("GET", "/v2/conversations", params=query).json()
    assert [one["id"] for one in found["_embedded"]["conversations"]] == [int(number)]
