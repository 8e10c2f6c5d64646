"""Signing in at a provider, from the button to the page that was wanted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import oidc_kit
import pytest
import requests
import structlog
from dashboard_kit import HERE, PASSWORD
from flask.testing import FlaskClient
from kit import Bench, Clock, settings
from oidc_kit import SECRET, TestProvider

from connector import accounts, oidc
from connector.models import Role
from connector.store import accounts as rows

FAR = {"REMOTE_ADDR": "192.0.2.1"}


@pytest.fixture(autouse=True)
def log_is_seen() -> None:
    """Let the log be as at a start: commands of other tests lead it elsewhere."""
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def listening(clock: Clock) -> Iterator[TestProvider]:
    with oidc_kit.provider(clock) as made:
        yield made


@pytest.fixture
def there(listening: TestProvider) -> TestProvider:
    listening.forget()
    return listening


@pytest.fixture
def bench(blank_sqlite: str, there: TestProvider, clock: Clock) -> Iterator[Bench]:
    made = Bench(settings(blank_sqlite, oidc=there.settings()), clock)
    yield made
    made.close()


@pytest.fixture(scope="module")
def known(
    blank_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    listening: TestProvider,
    clock: Clock,
) -> Iterator[FlaskClient]:
    """Give a browser to a connector that many are refused by."""
    path = tmp_path_factory.mktemp("oidc") / "connector.db"
    shutil.copy(blank_file, path)
    made = Bench(settings(f"sqlite:///{path}", oidc=listening.settings()), clock)
    add_local(made)
    yield made.runtime.create_app().test_client()
    made.close()


def sent_back(client: FlaskClient, path: str = "/sign-in/oidc") -> str:
    """Press the button and sign in there; return where the browser is sent then."""
    away = client.get(path)
    assert away.status_code == 303, away.text
    answer = requests.get(away.headers["Location"], allow_redirects=False, timeout=5)
    return answer.headers["Location"]


def sign_in(client: FlaskClient, path: str = "/sign-in/oidc") -> Any:
    return client.get(sent_back(client, path))


def add_local(bench: Bench, name: str = "ola") -> None:
    with bench.store.write() as connection:
        accounts.add(connection, name, Role.ADMIN, PASSWORD, "test", bench.clock())


def told(bench: Bench) -> list[tuple[str, str, str]]:
    with bench.store.read() as connection:
        found = rows.recorded(connection, 20)
    return [(row["who"], row["action"], row["subject"]) for row in found]


# -- the whole way


def test_person_comes_to_the_page_they_wanted_with_their_role(
    bench: Bench, client: FlaskClient, there: TestProvider
) -> None:
    add_local(bench)
    there.person["roles"] = ["x", "cc-viewers", "cc-agents"]
    asked = client.get("/problems?show=all")
    assert asked.headers["Location"] == "/sign-in?next=/problems?show%3Dall"
    page = client.get(asked.headers["Location"]).text
    assert "http://localhost/sign-in/oidc?next=%2Fproblems%3Fshow%3Dall" in page
    done = sign_in(client, "/sign-in/oidc?next=%2Fproblems%3Fshow%3Dall")
    assert (done.status_code, done.headers["Location"]) == (303, "/problems?show=all")
    assert "kari · agent" in client.get("/problems").text
    assert told(bench)[0] == ("kari", "sign in", "kari")
    assert "HttpOnly" in done.headers["Set-Cookie"]
    policy = done.headers["Content-Security-Policy"]
    assert "form-action 'self';" in policy


def test_neither_token_nor_code_is_kept(
    bench: Bench,
    client: FlaskClient,
    there: TestProvider,
    capsys: pytest.CaptureFixture[str],
) -> None:
    back = sent_back(client)
    code = parse_qs(urlsplit(back).query)["code"][0]
    client.get(back)
    with bench.store.read() as connection:
        kept = str(
            [
                list(connection.exec_driver_sql(f"SELECT * FROM {table}"))
                for table in ("users", "sessions", "audit", "facts")
            ]
        )
    said = kept + "".join(capsys.readouterr())
    assert "s-1" in kept
    assert not [one for one in (code, "at-of-s-1", SECRET, "eyJ") if one in said]


def test_first_admin_may_come_from_elsewhere_and_nobody_else(
    client: FlaskClient, there: TestProvider
) -> None:
    away = client.get("/", environ_base=FAR)
    assert away.headers["Location"] == "/sign-in?next=/"
    page = client.get("/sign-in", environ_base=FAR).text
    assert "Single sign-on" in page and "password" not in page
    assert client.get("/welcome", environ_base=FAR).status_code == 403
    form = {"name": "eve", "password": PASSWORD, "again": PASSWORD}
    taken = client.post("/welcome", data=form, headers=HERE, environ_base=FAR)
    assert taken.status_code == 403
    there.person["roles"] = ["cc-agents"]
    refused = sign_in(client)
    assert refused.status_code == 403 and "the first has to be an admin" in refused.text
    there.person["roles"] = ["cc-admins"]
    assert sign_in(client).status_code == 303
    assert "kari · admin" in client.get("/", environ_base=FAR).text


def test_this_machine_may_still_make_a_first_user_with_a_password(
    client: FlaskClient,
) -> None:
    page = client.get("/welcome").text
    assert "Single sign-on" in page and "Password once more" in page


def test_without_a_provider_there_are_no_such_pages(blank_sqlite: str) -> None:
    bench = Bench(settings(blank_sqlite))
    add_local(bench)
    client = bench.runtime.create_app().test_client()
    assert client.get("/sign-in/oidc").status_code == 404
    assert "oidc" not in client.get("/sign-in").text
    assert oidc.findings(bench.config, bench.clock()) == ()
    bench.close()


@pytest.mark.parametrize(
    "next_page", ["//evil.example/", "https://evil.example", "/\\evil.example", "x"]
)
def test_nobody_is_led_elsewhere_at_the_end(
    known: FlaskClient, there: TestProvider, next_page: str
) -> None:
    done = sign_in(known, f"/sign-in/oidc?next={next_page}")
    assert done.headers["Location"] == "/"


def test_behind_a_proxy_everything_leads_to_the_public_address(
    blank_sqlite: str, there: TestProvider, clock: Clock
) -> None:
    outside = "https://connector.example.com"
    config = settings(
        blank_sqlite,
        server={"public_url": f"{outside}/", "proxies": 1},
        oidc=there.settings(address=None),
    )
    bench = Bench(config, clock)
    add_local(bench)
    client = bench.runtime.create_app().test_client()
    by = {"Host": "connector.example.com", "X-Forwarded-Proto": "https"}
    by["X-Forwarded-For"] = "192.0.2.1"
    assert f'href="{outside}/sign-in/oidc?' in client.get("/sign-in", headers=by).text
    away = client.get("/sign-in/oidc", headers=by)
    assert "Secure" in away.headers["Set-Cookie"]
    answer = requests.get(away.headers["Location"], allow_redirects=False, timeout=5)
    back = answer.headers["Location"]
    assert back.startswith(f"{outside}/sign-in/oidc/callback?")
    cookie = away.headers["Set-Cookie"].partition(";")[0]
    done = client.get(back.removeprefix(outside), headers={**by, "Cookie": cookie})
    assert done.status_code == 303
    assert all("Secure" in one for one in done.headers.getlist("Set-Cookie")[:1])
    bench.close()


# -- what is refused

Change = Callable[[TestProvider], object]


def claims(**changed: Any) -> Change:
    return lambda there: there.claims.update(changed)


def sets(**changed: Any) -> Change:
    return lambda there: [setattr(there, *one) for one in changed.items()]


@pytest.mark.parametrize(
    ("change", "logged"),
    [
        (claims(nonce="another"), "'nonce'"),
        (claims(nonce=None), "'nonce'"),
        (claims(aud="another"), "'aud'"),
        (claims(aud=None), "'aud'"),
        (claims(aud=["connector", "other"]), "'azp'"),
        (claims(aud=["connector", "other"], azp="other"), "'azp'"),
        (claims(iss="https://evil.example"), "'iss'"),
        (claims(exp=1), "expired"),
        (claims(exp=None), "'exp'"),
        (claims(iat=4_000_000_000), "in the future"),
        (claims(sub=""), "sub is empty"),
        (claims(sub=None), "'sub'"),
        (claims(sub="x" * 256), "too long"),
        (claims(sub="s-1\0"), "no text"),
        (claims(sub="\ud800"), "no text"),
        (claims(at_hash="AAAA"), "'at_hash'"),
        (sets(alg="none"), "'none' is not allowed"),
        (sets(forged=oidc_kit.unsigned), "'none' is not allowed"),
        (sets(alg="HS256"), "'HS256' is not allowed"),
        (sets(signed_by="two"), "bad_signature"),
        (sets(signed_by="two", kid="two"), "No key"),
        (sets(forged=lambda claims: "no.token"), "decode_error"),
        (sets(userinfo={"sub": "s-2"}, claims={"roles": None}), "somebody else"),
    ],
)
def test_who_is_not_proven_gets_no_session(
    known: FlaskClient,
    there: TestProvider,
    capsys: pytest.CaptureFixture[str],
    change: Change,
    logged: str,
) -> None:
    change(there)
    answer = sign_in(known)
    assert answer.status_code == 403 and "does not hold" in answer.text
    assert "cc_session" not in answer.headers.get("Set-Cookie", "")
    assert known.get_cookie("cc_oidc", path="/sign-in/oidc") is None
    written = "".join(capsys.readouterr())
    assert logged in written
    assert "s-1" not in written and "eyJ" not in written


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (sets(denies=True), "did not let you in"),
        (claims(roles=["guests", "<b>"]), "<code>guests</code>"),
        (claims(roles=None), "may have to be told to pass it on"),
        (claims(roles=[{"cc-admins": 1}, None, 7]), "gives you a role"),
        (claims(roles=["\ud800", "\0"]), "may have to be told to pass it on"),
    ],
)
def test_who_may_not_come_in_is_told_why_and_gets_no_session(
    known: FlaskClient, there: TestProvider, change: Change, said: str
) -> None:
    change(there)
    answer = sign_in(known)
    assert answer.status_code == 403 and said in answer.text
    assert "<b>" not in answer.text
    assert "cc_session" not in answer.headers.get("Set-Cookie", "")


def test_way_back_belongs_to_the_browser_that_began(
    known: FlaskClient, there: TestProvider, clock: Clock
) -> None:
    client = known.application.test_client()
    back = sent_back(client)
    other = client.application.test_client()
    assert other.get(back).status_code == 400  # of who sent them a link
    sent_back(other)
    there.asked.clear()
    assert "began in another browser" in other.get(back).text
    assert client.get(back.replace("state=", "state=x")).status_code == 400
    assert there.asked == []  # nobody's code is tried for somebody else
    back = sent_back(client)
    cookie = client.get_cookie("cc_oidc", path="/sign-in/oidc")
    clock.pass_(minutes=11)
    assert client.get(back).status_code == 400
    assert cookie is not None
    later = f"{int(clock().timestamp())}.{cookie.value.partition('.')[2]}"
    client.set_cookie("cc_oidc", later, path="/sign-in/oidc")
    assert client.get(back).status_code == 400
    assert client.get("/sign-in/oidc/callback").status_code == 400


def test_way_back_works_once(client: FlaskClient, there: TestProvider) -> None:
    back = sent_back(client)
    cookie = client.get_cookie("cc_oidc", path="/sign-in/oidc")
    assert client.get(back).status_code == 303
    assert client.get(back).status_code == 400
    assert cookie is not None  # also for who kept a copy of it
    client.set_cookie("cc_oidc", cookie.value, path="/sign-in/oidc")
    assert "was used already" in client.get(back).text


def test_answer_of_another_issuer_is_refused(
    known: FlaskClient, there: TestProvider
) -> None:
    back = sent_back(known)
    answer = known.get(f"{back}&iss=https://evil.example")
    assert answer.status_code == 403 and "does not hold" in answer.text


def test_making_up_codes_is_slowed_down(
    bench: Bench, client: FlaskClient, there: TestProvider
) -> None:
    add_local(bench)
    away = client.get("/sign-in/oidc").headers["Location"]
    state = parse_qs(urlsplit(away).query)["state"][0]
    with bench.store.write() as connection:
        for _ in range(accounts.FAILURES_FROM_ADDRESS - 1):
            rows.failed(connection, "", "127.0.0.1", bench.clock())
    cookie = client.get_cookie("cc_oidc", path="/sign-in/oidc")
    assert cookie is not None
    path = f"/sign-in/oidc/callback?code=x&state={state}"
    assert client.get(path).status_code == 400
    client.set_cookie("cc_oidc", cookie.value, path="/sign-in/oidc")
    there.asked.clear()
    assert client.get(path).status_code == 429
    assert there.asked == []


def test_disabled_user_is_told_so(bench: Bench, client: FlaskClient) -> None:
    add_local(bench)
    sign_in(client)
    with bench.store.write() as connection:
        accounts.disable(connection, "kari", "ola", bench.clock())
    assert client.get("/").status_code == 303
    answer = sign_in(client)
    assert answer.status_code == 403 and "You are disabled here" in answer.text


# -- a provider in trouble


def test_provider_that_is_down_leaves_passwords_to_sign_in_by(
    bench: Bench, client: FlaskClient, there: TestProvider, clock: Clock
) -> None:
    add_local(bench)
    there.is_down = True
    answer = client.get("/sign-in/oidc")
    assert answer.status_code == 503 and "gives no answer" in answer.text
    form = {"name": "ola", "password": PASSWORD}
    done = client.post("/sign-in", data=form, headers=HERE)
    assert done.status_code == 303
    there.is_down = False
    clock.pass_(seconds=16)
    assert client.get("/sign-in/oidc").status_code == 303


def test_nobody_waits_for_a_provider_that_was_silent_a_moment_ago(
    blank_sqlite: str, there: TestProvider, clock: Clock
) -> None:
    gone = "http://127.0.0.1:9"  # nobody listens
    bench = Bench(settings(blank_sqlite, oidc=there.settings(issuer=gone)), clock)
    client = bench.runtime.create_app().test_client()
    assert client.get("/sign-in/oidc").status_code == 503
    tried: list[object] = []
    original = requests.Session.send
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", lambda *a, **k: tried.append(a))
        assert client.get("/sign-in/oidc").status_code == 503
    assert tried == [] and requests.Session.send is original
    bench.close()


def test_provider_may_change_its_keys(
    client: FlaskClient, there: TestProvider, clock: Clock
) -> None:
    assert sign_in(client).status_code == 303
    there.known_kids = ["one", "two"]
    there.kid = there.signed_by = "two"
    assert sign_in(client).status_code == 303
    there.asked.clear()
    assert sign_in(client).status_code == 303
    assert "/keys" not in there.asked  # known for a while


# -- whose role


def test_role_that_only_userinfo_tells_counts(
    client: FlaskClient, there: TestProvider
) -> None:
    there.claims["roles"] = None
    there.userinfo = {"roles": ["cc-admins"], "preferred_username": "eve"}
    assert sign_in(client).status_code == 303
    assert "kari · admin" in client.get("/").text
