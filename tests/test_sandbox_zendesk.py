"""The look-alike Zendesk keeps the traps an adapter has to survive."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from connector.sandbox import SandboxSettings, World, serve


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)

    def __call__(self):
        return self.now


class Desk:
    """A world, its server, and a client that uses the API token."""

    def __init__(self, running):
        self.world = running.world
        self.base = running.url + "/zendesk"
        self.session = requests.Session()
        self.session.trust_env = False
        settings = self.world.settings
        user = f"{settings.zendesk_email}/token"
        self.session.auth = (user, settings.zendesk_api_token)

    def call(self, method, path, json=None, **rest):
        return self.session.request(method, self.base + path, json=json, **rest)

    def bearer(self, method, path, token):
        return requests.request(
            method, self.base + path, headers={"Authorization": f"Bearer {token}"}
        )

    def token(self, **given):
        settings = self.world.settings
        body = {
            "grant_type": "client_credentials",
            "client_id": settings.zendesk_client_id,
            "client_secret": settings.zendesk_client_secret,
            "scope": "read write",
            **given,
        }
        return self.call("POST", "/oauth/tokens", body)

    def write(self, **given):
        words = {"email": "ann@shop.example", "subject": "Late", "text": "Where is it?"}
        return self.world.write("zendesk", **{**words, **given})

    def put(self, number, **ticket):
        return self.call("PUT", f"/api/v2/tickets/{number}", {"ticket": ticket})

    def ticket(self, number):
        return self.world.ticket("zendesk", number)

    def close_for_good(self, number):
        self.world.agent("zendesk", number, "status", status="closed")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def desk(clock):
    with serve(World(SandboxSettings(), clock), port=0) as running:
        made = Desk(running)
        with made.session:
            yield made


def test_token_says_its_scope_and_really_expires(desk, clock):
    given = desk.token(expires_in=300).json()
    assert (given["scope"], given["expires_in"]) == ("read write", 300)
    number, token = desk.write(), given["access_token"]
    path = f"/api/v2/tickets/{number}"
    assert desk.bearer("GET", path, token).status_code == 200
    clock.now += timedelta(seconds=300)
    late = desk.bearer("GET", path, token)
    assert (late.status_code, late.json()["error"]) == (
        401,
        "Couldn't authenticate you",
    )


def test_unknown_scope_gets_a_token_that_opens_nothing(desk):
    token = desk.token(scope="tickets-read").json()["access_token"]
    path = f"/api/v2/tickets/{desk.write()}"
    assert desk.bearer("GET", path, token).status_code == 403


def test_nobody_is_anonymous_with_status_200(desk):
    answer = requests.get(desk.base + "/api/v2/users/me")
    assert (answer.status_code, answer.json()["user"]["id"]) == (200, None)
    assert desk.call("GET", "/api/v2/users/me").json()["user"]["id"] == 880_001


def test_tag_verbs_set_add_and_remove(desk):
    number = desk.write(tags=("human",))
    path = f"/api/v2/tickets/{number}/tags"
    added = desk.call("PUT", path, {"tags": ["a", "b"]})
    assert (added.status_code, added.json()["tags"]) == (200, ["a", "b", "human"])
    removed = desk.call("DELETE", path, {"tags": ["b"]})
    assert (removed.status_code, removed.json()["tags"]) == (200, ["a", "human"])
    replaced = desk.call("POST", path, {"tags": ["only"]})
    assert (replaced.status_code, replaced.json()["tags"]) == (201, ["only"])


def test_blank_makes_two_tags(desk):
    path = f"/api/v2/tickets/{desk.write()}/tags"
    assert desk.call("PUT", path, {"tags": ["Nice person"]}).json()["tags"] == [
        "nice",
        "person",
    ]


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
def test_stale_safe_tag_update_conflicts(desk, clock, verb):
    number = desk.write()
    path = f"/api/v2/tickets/{number}"
    stamp = desk.call("GET", path).json()["ticket"]["updated_at"]
    clock.now += timedelta(seconds=2)
    desk.write(ticket=number)
    body = {"tags": ["a"], "safe_update": "true", "updated_stamp": stamp}
    answer = desk.call(verb, f"{path}/tags", body)
    assert (answer.status_code, answer.json()["error"]) == (409, "UpdateConflict")


def test_stale_safe_ticket_update_conflicts(desk):
    given = {"safe_update": True, "updated_stamp": "2020-01-01T00:00:00Z"}
    assert desk.put(desk.write(), priority="high", **given).status_code == 409


def test_tags_in_a_ticket_update_replace_and_unknown_keys_are_dropped(desk):
    number = desk.write(tags=("human",))
    answer = desk.put(number, tags=["x"], additional_tags=["y"])
    assert desk.ticket(number)["tags"] == ["x"]
    assert "additional_tags" in answer.headers["X-Zendesk-API-Warn"]


@pytest.mark.parametrize(("public", "where"), [(True, "messages"), (False, "notes")])
def test_comment_goes_where_public_says(desk, public, where):
    number = desk.write()
    comment = {"body": "Words", "public": public}
    answer = desk.put(number, comment=comment, metadata={"run": "r1"}).json()
    assert answer["audit"]["metadata"]["custom"] == {"run": "r1"}
    assert [one["text"] for one in desk.ticket(number)[where]] == ["Words"]


def test_comment_without_public_follows_the_first_one(desk):
    number = desk.write()
    desk.put(number, comment={"body": "Meant to be a note"})
    assert desk.ticket(number)["messages"][0]["text"] == "Meant to be a note"


@pytest.mark.parametrize(
    ("method", "below", "body"),
    [
        ("PUT", "", {"ticket": {"comment": {"body": "x", "public": False}}}),
        ("PUT", "/tags", {"tags": ["x"]}),
        ("POST", "/tags", {"tags": ["x"]}),
        ("DELETE", "/tags", {"tags": ["x"]}),
    ],
)
def test_closed_ticket_refuses(desk, method, below, body):
    number = desk.write()
    desk.close_for_good(number)
    answer = desk.call(method, f"/api/v2/tickets/{number}{below}", body)
    assert answer.status_code == 422
    assert "closed" in answer.json()["details"]["status"][0]["description"]


def test_bulk_job_tags_closed_tickets_but_does_not_comment_on_them(desk):
    open_one, closed_one = desk.write(), desk.write()
    desk.close_for_good(closed_one)
    ids = f"{open_one},{closed_one}"
    path = f"/api/v2/tickets/update_many?ids={ids}"
    tagged = desk.call("PUT", path, {"ticket": {"additional_tags": ["told"]}}).json()
    assert tagged["job_status"]["status"] == "queued"
    assert tagged["job_status"]["results"] is None
    said = desk.call(
        "PUT", path, {"ticket": {"comment": {"body": "Fixed", "public": True}}}
    ).json()
    done = desk.call("GET", f"/api/v2/job_statuses/{said['job_status']['id']}").json()
    results = done["job_status"]["results"]
    assert done["job_status"]["status"] == "completed"
    assert [one["success"] for one in results] == [True, False]
    assert desk.ticket(closed_one)["tags"] == ["told"]


def test_bulk_job_takes_at_most_a_hundred(desk):
    ids = ",".join(str(n) for n in range(101))
    answer = desk.call("PUT", f"/api/v2/tickets/update_many?ids={ids}", {"ticket": {}})
    assert (answer.status_code, answer.json()["max_count"]) == (400, 100)


def test_followup_links_both_ways_and_the_same_key_creates_once(desk):
    number = desk.write()
    desk.close_for_good(number)
    body = {
        "ticket": {
            "via_followup_source_id": int(number),
            "comment": {"body": "Fixed", "public": True},
        }
    }
    headers = {"Idempotency-Key": "k1"}
    answers = [
        desk.call("POST", "/api/v2/tickets", body, headers=headers) for _ in range(2)
    ]
    ids = {answer.json()["ticket"]["id"] for answer in answers}
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [a.headers["x-idempotency-lookup"] for a in answers] == ["miss", "hit"]
    source = desk.call("GET", f"/api/v2/tickets/{number}").json()["ticket"]
    assert source["followup_ids"] == [*ids]
    made = desk.ticket(ids.pop())
    assert made["followup_of"] == number
    assert made["customer"]["email"] == "ann@shop.example"
    assert [one["text"] for one in made["messages"]] == ["Fixed"]


def test_followup_of_an_open_ticket_is_refused(desk):
    ticket = {"via_followup_source_id": int(desk.write()), "comment": {"body": "x"}}
    answer = desk.call("POST", "/api/v2/tickets", {"ticket": ticket})
    assert answer.status_code == 422


def test_customer_answer_reopens_solved_and_follows_up_closed(desk):
    number = desk.write()
    desk.world.agent("zendesk", number, "status", status="solved")
    assert desk.write(ticket=number) == number
    assert desk.ticket(number)["status"] == "open"
    desk.close_for_good(number)
    later = desk.write(ticket=number)
    assert desk.ticket(later)["followup_of"] == number


def test_deleted_ticket_is_missing_but_exported(desk, clock):
    number = desk.write()
    desk.world.agent("zendesk", number, "delete")
    assert desk.call("GET", f"/api/v2/tickets/{number}").status_code == 404
    clock.now += timedelta(seconds=2)
    export = "/api/v2/incremental/tickets/cursor"
    page = desk.call("GET", export, params={"start_time": 0}).json()
    assert [(one["id"], one["status"]) for one in page["tickets"]] == [
        (int(number), "deleted")
    ]
    after = {"cursor": page["after_cursor"]}
    assert desk.call("GET", export, params=after).json()["tickets"] == []


def test_export_is_paged_without_loss_and_leaves_out_the_last_moment(desk, clock):
    numbers = [int(desk.write()) for _ in range(3)]
    export = "/api/v2/incremental/tickets/cursor"
    first = desk.call("GET", export, params={"start_time": 0, "per_page": 2}).json()
    assert first["tickets"] == []
    clock.now += timedelta(seconds=2)
    page = desk.call("GET", export, params={"start_time": 0, "per_page": 2}).json()
    rest = desk.call("GET", export, params={"cursor": page["after_cursor"]}).json()
    assert [page["end_of_stream"], rest["end_of_stream"]] == [False, True]
    found = [one["id"] for part in (page, rest) for one in part["tickets"]]
    assert found == numbers


def test_comments_are_oldest_first_by_cursor_with_users(desk):
    number = desk.write()
    desk.write(ticket=number, text="Hello?")
    path = f"/api/v2/tickets/{number}/comments"
    page = desk.call("GET", path, params={"page[size]": 1, "include": "users"}).json()
    assert page["comments"][0]["body"] == "Where is it?"
    assert page["meta"]["has_more"] is True
    assert page["users"][0]["role"] == "end-user"
    after = {"page[size]": 1, "page[after]": page["meta"]["after_cursor"]}
    rest = desk.call("GET", path, params=after).json()
    assert (rest["comments"][0]["body"], rest["meta"]["has_more"]) == ("Hello?", False)


def test_one_ticket_takes_thirty_updates_in_ten_minutes(desk, clock):
    number = desk.write()
    seen = [desk.put(number, priority="high").status_code for _ in range(31)]
    assert seen == [200] * 30 + [429]
    clock.now += timedelta(minutes=10)
    assert desk.put(number, priority="low").status_code == 200


def test_account_limit_says_when_to_come_back(clock):
    with serve(World(SandboxSettings(zendesk_limit=1), clock), port=0) as running:
        desk = Desk(running)
        with desk.session:
            first, second = (desk.call("GET", "/api/v2/users/me") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.headers["Retry-After"] == "60"


def test_webhook_id_is_a_word_and_its_secret_rotates(desk):
    webhook = {
        "name": "cc",
        "endpoint": "http://127.0.0.1:9/x",
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
        "subscriptions": ["zen:event-type:ticket.created"],
    }
    made = desk.call("POST", "/api/v2/webhooks", {"webhook": webhook})
    number = made.json()["webhook"]["id"]
    path = f"/api/v2/webhooks/{number}"
    assert made.status_code == 201
    assert len(number) == 26
    first = desk.call("GET", f"{path}/signing_secret").json()["signing_secret"]
    assert first["secret"] == desk.world.settings.zendesk_webhook_secret
    rotated = desk.call("POST", f"{path}/signing_secret")
    assert rotated.status_code == 201
    assert rotated.json()["signing_secret"]["secret"] != first["secret"]
    change = {"webhook": {"status": "inactive"}}
    assert desk.call("PATCH", path, change).status_code == 204
    assert desk.call("GET", path).json()["webhook"]["status"] == "inactive"


def test_search_finds_by_tag(desk):
    number = desk.write(tags=("vip",))
    desk.write()
    found = desk.call(
        "GET", "/api/v2/search", params={"query": "type:ticket tags:vip"}
    ).json()
    assert [one["id"] for one in found["results"]] == [int(number)]
