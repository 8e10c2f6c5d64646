"""The pages: who may see them, what they do, and that they show no script of others."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from dashboard_kit import HERE, PASSWORD, SCRIPT, bench, post, signed_in
from flask.testing import FlaskClient
from kit import Bench, settings
from loop_kit import complain, file_issue, fix, the_group
from werkzeug.test import create_environ, run_wsgi_app

from connector import accounts
from connector.dashboard import guard
from connector.dashboard import tickets as pages_of_tickets
from connector.models import Role
from connector.store import accounts as account_rows

__all__ = ["bench"]

PAGES = (
    *("/", "/problems", "/tickets", "/rules?counted=1"),
    *("/activity", "/follow-ups", "/set-up"),
)


def test_only_this_machine_until_there_is_a_user(client: FlaskClient) -> None:
    assert client.get("/").status_code == 200
    far = {"REMOTE_ADDR": "192.0.2.1"}
    assert client.get("/", environ_base=far).status_code == 403
    assert client.get("/welcome", environ_base=far).status_code == 403
    through = client.get("/", headers={"X-Forwarded-For": "192.0.2.1"})
    assert through.status_code == 403
    # A name of a stranger's that leads here must not open what only this machine may.
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403


def test_guest_sees_no_words_of_customers(client: FlaskClient) -> None:
    answer = client.get("/tickets")
    assert answer.status_code == 403
    assert "add the first user" in answer.text


def test_first_user_is_an_admin_and_then_everybody_signs_in(
    client: FlaskClient,
) -> None:
    form = {"name": "Kari", "password": PASSWORD, "again": PASSWORD}
    foreign = {"Origin": "https://evil.example"}
    assert client.post("/welcome", data=form, headers=foreign).status_code == 403
    assert client.post("/welcome", data=form).status_code == 403  # no browser's form
    typo = client.post("/welcome", data={**form, "again": "other"}, headers=HERE)
    assert typo.status_code == 422 and "not the same" in typo.text
    made = client.post("/welcome", data=form, headers=HERE)
    assert made.status_code == 303
    assert "HttpOnly" in made.headers["Set-Cookie"]
    assert "kari · admin" in client.get("/").text
    other = client.application.test_client()
    away = other.get("/problems?show=all")
    assert away.headers["Location"] == "/sign-in?next=/problems?show%3Dall"
    assert other.get("/welcome").headers["Location"] == "/"
    again = other.post("/welcome", data=form, headers=HERE)
    assert again.headers["Location"] == "/"  # and made nobody


def test_sign_in_and_out(bench: Bench, client: FlaskClient) -> None:
    code = signed_in(bench, client)
    other = client.application.test_client()
    wrong = {"name": "admin", "password": "x", "next": "/problems"}
    assert other.post("/sign-in", data=wrong, headers=HERE).status_code == 401
    right = {**wrong, "password": PASSWORD}
    done = other.post("/sign-in", data=right, headers=HERE)
    assert (done.status_code, done.headers["Location"]) == (303, "/problems")
    assert other.get("/problems").status_code == 200
    elsewhere = {**right, "next": "//evil.example/"}
    done = other.post("/sign-in", data=elsewhere, headers=HERE)
    assert done.headers["Location"] == "/"
    out = post(client, "/sign-out", code)
    assert out.status_code == 303
    assert client.get("/").status_code == 303


def test_cookie_stays_on_tls_where_a_proxy_ends_it(
    bench: Bench, client: FlaskClient
) -> None:
    signed_in(bench, client)
    form = {"name": "admin", "password": PASSWORD}
    done = client.application.test_client().post(
        "/sign-in", data=form, headers={**HERE, "X-Forwarded-Proto": "https"}
    )
    assert "Secure" in done.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("proxies", "peer", "told", "seen"),
    [
        (0, "127.0.0.1", "192.0.2.9, 192.0.2.1", "192.0.2.1"),
        (0, "192.0.2.7", "192.0.2.1", "192.0.2.7"),
        (1, "172.18.0.2", "192.0.2.9, 192.0.2.1", "192.0.2.1"),
        (1, "172.18.0.2", "", "172.18.0.2"),
        (2, "172.18.0.2", "192.0.2.9, 192.0.2.1, 172.18.0.3", "192.0.2.1"),
        (2, "172.18.0.2", "192.0.2.9", "172.18.0.2"),
    ],
)
def test_address_is_the_one_that_our_own_proxies_saw(
    proxies: int, peer: str, told: str, seen: str
) -> None:
    addresses = []

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        addresses.append((environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]))
        start("200 OK", [])
        return []

    headers = {"X-Forwarded-For": told, "X-Forwarded-Proto": "https"}
    environ = create_environ(headers=headers, environ_base={"REMOTE_ADDR": peer})
    run_wsgi_app(guard.behind_proxies(app, proxies), environ)
    is_believed = proxies or peer == "127.0.0.1"
    assert addresses == [(seen, "https" if is_believed else "http")]


def test_wrong_passwords_of_one_address_stop_nobody_else_behind_the_proxy(
    blank_sqlite: str,
) -> None:
    bench = Bench(settings(blank_sqlite, server={"proxies": 1}))
    client = bench.runtime.create_app().test_client()
    signed_in(bench, client)
    with bench.store.write() as connection:
        for number in range(50):
            name = f"name {number}"
            account_rows.failed(connection, name, "192.0.2.1", bench.clock())

    def sign_in(address: str) -> int:
        return (
            client.application.test_client()
            .post(
                "/sign-in",
                data={"name": "admin", "password": PASSWORD},
                headers={**HERE, "X-Forwarded-For": address},
                environ_base={"REMOTE_ADDR": "172.18.0.2"},
            )
            .status_code
        )

    assert (sign_in("192.0.2.1"), sign_in("192.0.2.2")) == (429, 303)
    bench.close()


def test_nobody_becomes_this_machine_by_what_a_proxy_is_told(
    blank_sqlite: str,
) -> None:
    bench = Bench(settings(blank_sqlite, server={"proxies": 1}))
    client = bench.runtime.create_app().test_client()
    far = {"REMOTE_ADDR": "172.18.0.2"}
    for path in ("/", "/welcome", "/metrics", "/status.json"):
        headers = {"X-Forwarded-For": "127.0.0.1", "Host": "localhost"}
        answer = client.get(path, headers=headers, environ_base=far)
        assert answer.status_code == 403
    bench.close()


def test_form_of_another_site_or_session_is_refused(
    bench: Bench, client: FlaskClient
) -> None:
    code = signed_in(bench, client)
    away = {"Origin": "https://evil.example"}
    refused = [
        client.post("/set-up/stop", data={"csrf": code}, headers=away),
        client.post("/set-up/stop", headers=HERE),
        client.post("/set-up/stop", data={"csrf": "0" * 64}, headers=HERE),
        client.post(
            "/set-up/stop",
            data={"csrf": code},
            headers={"Sec-Fetch-Site": "cross-site"},
        ),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert "The connector is running" in client.get("/set-up").text
    assert post(client, "/set-up/stop", code).status_code == 303
    assert "Nothing is written anywhere" in client.get("/set-up").text


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        (Role.VIEWER, "/problems/1/rename", False),
        (Role.VIEWER, "/activity/outbox", False),
        (Role.AGENT, "/set-up/stop", False),
        (Role.AGENT, "/set-up/users", False),
        (Role.AGENT, "/follow-ups/1/approve", False),
        (Role.AGENT, "/activity/outbox", True),
    ],
)
def test_role_decides_who_may_do_what(
    bench: Bench, client: FlaskClient, role: Role, path: str, allowed: bool
) -> None:
    code = signed_in(bench, client, role)
    answer = post(client, path, code, title="Mine", do="retry")
    assert (answer.status_code != 403) is allowed


def test_who_looks_sees_all_but_a_guest_no_customers(
    bench: Bench, client: FlaskClient
) -> None:
    fix(bench, file_issue(bench))
    guest = client.get("/follow-ups/1")
    assert guest.status_code == 403 and "mail.example" not in guest.text
    code = signed_in(bench, client, Role.VIEWER)
    assert "customer0@mail.example" in client.get("/follow-ups/1").text
    refused = post(client, "/follow-ups/1/cancel", code)
    gone = client.get("/problems/999", headers={"Accept-Language": "nb"})
    assert (refused.status_code, gone.status_code) == (403, 404)
    assert "Det finnes ikke her" in gone.text
    # And the way to the other pages.
    assert all('<a href="/problems"' in one.text for one in (refused, gone))


def test_every_page_shows_and_is_hardened(bench: Bench, client: FlaskClient) -> None:
    file_issue(bench)
    signed_in(bench, client)
    group = the_group(bench)["id"]
    for path in (*PAGES, f"/problems/{group}", "/tickets/support/0"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
    page = client.get(f"/problems/{group}").text
    assert "customer" in page and "support 0" in page
    assert client.get("/problems/999").status_code == 404
    assert client.get("/problems/99999999999").status_code == 404
    assert client.get("/tickets/support/none").status_code == 404


def test_customers_words_are_text_wherever_they_stand(
    bench: Bench, client: FlaskClient
) -> None:
    words = f"The discount code does not work {SCRIPT} and I am very disappointed"
    bench.write("1", words, "a@mail.example", subject=f"Not working {SCRIPT}")
    bench.settle()
    signed_in(bench, client)
    for path in (*PAGES, "/tickets/support/1", f"/tickets?q={SCRIPT}", "/problems/1"):
        assert SCRIPT not in client.get(path).text, path
    page = client.get("/tickets/support/1").text
    assert "&lt;script&gt;" in page and '<p class="words">The <mark' in page
    assert '<h1>support 1: <mark class="mark">Not working</mark> &lt;script' in page


def test_session_that_is_used_does_not_end(bench: Bench, client: FlaskClient) -> None:
    signed_in(bench, client)
    for _ in range(4):
        bench.clock.pass_(hours=11)
        assert client.get("/").status_code == 200
    bench.clock.pass_(hours=accounts.IDLE / timedelta(hours=1) + 1)
    assert client.get("/").status_code == 303


def test_pages_speak_the_readers_language(client: FlaskClient) -> None:
    page = client.get("/", headers={"Accept-Language": "fi-FI,fi;q=0.9"}).text
    assert '<html lang="fi">' in page
    chosen = client.post("/preferences", data={"language": "nb"}, headers=HERE)
    assert chosen.status_code == 303
    assert '<html lang="nb">' in client.get("/").text


def test_tickets_are_found_filtered_and_listed_page_by_page(
    bench: Bench, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(bench, client)
    complain(bench, 3)
    bench.settle()
    monkeypatch.setattr(pages_of_tickets, "SHOWN", 2)
    first = client.get("/tickets?q=autumn&type=discount_pricing&since=2026-01-01")
    assert first.text.count("<tr><th") == 1 + 2
    assert 'name="since" value="2026-01-01"' in first.text
    after = re.search(r'href="(/tickets\?[^"]*from=\d+[^"]*)"', first.text)
    assert after is not None
    second = client.get(unescape(after[1]))
    assert second.text.count("<tr><th") == 1 + 1
    nonsense = "/tickets?q=%00&since=yesterday&until=0001-01-01&from=x&status=%27"
    assert client.get(nonsense).status_code == 200


def test_page_says_for_how_many_rows_it_was_possible(
    bench: Bench, client: FlaskClient
) -> None:
    complain(bench, 1)
    bench.settle()
    code = signed_in(bench, client, Role.AGENT)
    done = post(client, "/activity/inbox", code, do="retry", row=["1", "999"])
    assert "1 of 2 rows: 1, 999" in client.get(done.headers["Location"]).text
