"""What strangers send and no browser does is refused, and never ends in an error."""

from __future__ import annotations

import pytest
from dashboard_kit import HERE, bench, post, signed_in
from flask.testing import FlaskClient
from kit import Bench
from loop_kit import complain

from connector import accounts
from connector.dashboard import guard, signing
from connector.errors import StoreUnavailable
from connector.models import Role
from connector.store import accounts as rows

__all__ = ["bench"]


@pytest.mark.parametrize(
    "path",
    ["//[", "//evil.example", "/\\evil.example", "/\t/evil.example", "https:///", ""],
)
def test_only_our_own_pages_are_led_to(client: FlaskClient, path: str) -> None:
    form = {"language": "nb", "next": path}
    answer = client.post("/preferences", data=form, headers=HERE)
    assert (answer.status_code, answer.location) == (303, "/")


def test_origin_that_is_none_is_refused(client: FlaskClient) -> None:
    for origin in ("null", "", "http://[", "localhost", "http://localhost.evil"):
        answer = client.post("/preferences", headers={"Origin": origin})
        assert answer.status_code == 403, origin


def test_form_has_an_end(client: FlaskClient) -> None:
    form = {"next": "x" * guard.LONGEST_FORM}
    answer = client.post("/preferences", data=form, headers=HERE)
    assert answer.status_code == 413
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_proxy_that_adds_nothing_is_not_this_machine(client: FlaskClient) -> None:
    for protocol, status in (("HTTP/1.0", 403), ("HTTP/1", 403), ("HTTP/1.1", 200)):
        by = {"SERVER_PROTOCOL": protocol}
        for path in ("/welcome", "/status.json"):
            assert client.get(path, environ_overrides=by).status_code == status


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("nonsense", "nonsense"),
    ],
)
def test_failures_are_counted_by_who_has_an_address(
    client: FlaskClient, peer: str, counted: str
) -> None:
    with client.application.test_request_context(environ_base={"REMOTE_ADDR": peer}):
        assert signing.address() == counted


def test_text_that_a_database_may_not_take_is_refused(client: FlaskClient) -> None:
    for form in ({"next": "/\0"}, {"other": "\0"}):
        assert client.post("/preferences", data=form, headers=HERE).status_code == 400
    for path in ("/tickets?source=%00", "/tickets/support/%00"):
        assert client.get(path).status_code == 400


def test_numbers_and_words_that_are_none_change_nothing(
    bench: Bench, client: FlaskClient
) -> None:
    with bench.store.write() as connection:
        now = bench.clock()
        accounts.add(connection, "kari", Role.ADMIN, "correct horse", "test", now)
        user = rows.named(connection, "kari")
        assert user is not None
        token = accounts.begin(connection, user.id, "kari", now)
    client.set_cookie(guard.COOKIE, token)
    form = {"csrf": accounts.csrf(token), "rule": "--tag", "tag": "--tag"}
    for path, status in (
        (f"/undo/{10**20}", 404),
        (f"/tasks/{10**20}/done", 404),
        ("/rules/promote", 409),
    ):
        assert client.post(path, data=form, headers=HERE).status_code == status


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/activity/outbox", {"do": "retry", "row": f"{1:012}{10**20}"}, 303),
        ("/rules/backtest", {"days": f"{1:09}{10**20}"}, 422),
        ("/problems/1/mute", {"until": "9999-12-31T23:59-14:00"}, 409),
    ],
)
def test_numbers_and_days_that_no_database_holds_are_refused(
    bench: Bench, client: FlaskClient, path: str, form: dict[str, str], status: int
) -> None:
    complain(bench, 1)
    bench.settle()
    code = signed_in(bench, client)
    assert post(client, path, code, **form).status_code == status
    assert client.get("/problems?show=all").status_code == 200


def test_place_in_a_list_that_is_none_is_its_beginning(
    bench: Bench, client: FlaskClient
) -> None:
    signed_in(bench, client)
    place = f"2026-03-01T00:00:00%2B00:00,{10**20}"
    assert client.get(f"/problems?from={place}").status_code == 200
    assert client.get(f"/problems?did={10**10}").status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/problems/abc", "/problems/1/2/3"])
def test_address_of_no_page_is_told_on_one(
    bench: Bench, client: FlaskClient, path: str
) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "nb"}
    stranger = client.get(path, headers={**browser, "Cookie": "cc_session=x"})
    code = signed_in(bench, client)
    known = client.get(path, headers=browser)
    assert (stranger.status_code, known.status_code) == (404, 404)
    for answer in (stranger, known):
        assert "<p>Det finnes ikke her" in answer.text  # and is nobody's fault
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert '<a href="/problems"' in known.text and code in known.text
    assert "/problems" not in stranger.text.replace(f'value="{path}"', "")
    assert '<a href="/sign-in"' in stranger.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
def test_who_asks_for_no_page_gets_none(client: FlaskClient, accept: str) -> None:
    for path in ("/nothing", "/webhooks/a/b", "/sidebar/nobody"):
        answer = client.get(path, headers={"Accept": accept})
        assert answer.status_code in (404, 405) and "Complaint" not in answer.text
    framed = client.get("/sidebar/nobody", headers={"Accept": "text/html"})
    assert framed.status_code == 404 and "Complaint" not in framed.text


def test_address_of_no_page_needs_no_database(
    bench: Bench, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(bench, client)

    def down() -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(bench.runtime.store, "read", down)
    answer = client.get("/nothing", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and "It is not here" in answer.text


def test_what_is_no_page_is_hardened_as_well(client: FlaskClient) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing.css", 404),
        ("PUT", "/sign-in", 405),
        ("GET", "/status.json", 200),
    ):
        answer = client.open(path, method=method)
        assert answer.status_code == status
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    delivery = client.post("/webhooks/support")
    assert "Content-Security-Policy" not in delivery.headers
