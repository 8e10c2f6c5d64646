"""The page of the set-up: what doctor finds, webhooks, secrets, and who signs in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard_kit import PASSWORD, post, signed_in
from flask.testing import FlaskClient
from kit import Bench
from test_dashboard_backtest import begun

from adapters.memory import MemoryAdapter
from connector import callbacks
from connector.app import Runtime
from connector.config import load
from connector.dashboard import setup
from connector.dashboard.errands import Errand
from connector.models import Role
from connector.store import locks

__all__ = ["begun"]

CONFIG = """\
database: {{url: '{url}'}}
sources:
  support: {{kind: memory}}
  shop: {{kind: memory}}
vip:
  tags: ["${{GOLD_TAG}}"]
  domains: ["${{file:gold.txt}}"]
"""


@pytest.fixture
def path(tmp_path: Path, blank_sqlite: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GOLD_TAG", raising=False)
    (tmp_path / "gold.txt").write_text("gold.example")
    secrets = tmp_path / "secrets.env"
    secrets.write_text("GOLD_TAG=24k-and-secret\n")
    secrets.chmod(0o600)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(url=blank_sqlite))
    return path


@pytest.fixture
def bench(path: Path) -> Iterator[Bench]:
    made = Bench(load(path))
    made.runtime = Runtime(made.config, clock=made.clock, path=path)
    yield made
    made.runtime.store.close()
    made.close()


def check(client: FlaskClient, code: str, begun: list[Errand[object]]) -> str:
    """Have everything looked at; return what the page says then."""
    assert post(client, "/set-up/check", code).status_code == 303
    begun[-1].join()
    return " ".join(client.get("/set-up").text.split())


def test_doctors_findings_are_there_after_a_check_and_a_restart(
    bench: Bench, client: FlaskClient, begun: list[Errand[object]], path: Path
) -> None:
    code = signed_in(bench, client)
    assert "Not looked at from here yet" in client.get("/set-up").text
    page = check(client, code, begun)
    assert "SQLite answers and has our schema" in page
    assert "no tracker is named" in page and "Looked at 2026-03-02 09:00" in page
    assert "hx-trigger" not in page  # it is over
    again = Runtime(bench.config, clock=bench.clock, path=path)
    other = again.create_app().test_client()
    session = client.get_cookie("cc_session")
    assert session is not None
    other.set_cookie("cc_session", session.value)
    assert "SQLite answers and has our schema" in other.get("/set-up").text
    again.store.close()


def test_change_of_the_file_since_the_start_is_told(
    bench: Bench, client: FlaskClient, begun: list[Errand[object]], path: Path
) -> None:
    code = signed_in(bench, client)
    text = path.read_text()
    path.write_text(text + "tags: {prefix: klage-}\n")
    assert "counts from the next start" in check(client, code, begun)
    path.write_text(text + "tags: {prefiks: klage-}\n")
    page = check(client, code, begun)
    assert "prefiks" in page and "the next start, which would be refused" in page
    assert "SQLite answers and has our schema" in page


def test_secrets_are_named_and_never_shown(
    bench: Bench, client: FlaskClient, path: Path
) -> None:
    signed_in(bench, client)
    page = " ".join(client.get("/set-up").text.split())
    row = '<th scope="row">GOLD_TAG</th><td>vip.tags.0</td><td>{}</td>'
    assert row.format("there") in page
    assert '<th scope="row">file:gold.txt</th>' in page
    assert "24k" not in page and "gold.example" not in page
    path.with_name("secrets.env").write_text("GOLD_TAG=\n")
    missing = '<span class="bad">missing</span>'
    assert row.format(missing) in " ".join(client.get("/set-up").text.split())


def test_source_that_is_not_watched_says_what_to_do(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    unable = client.get("/set-up").text
    assert unable.count("<td>not watched: it cannot be asked for them; look") == 2
    monkeypatch.setattr(setup, "Subscriber", MemoryAdapter)
    unknown = client.get("/set-up").text
    assert unknown.count("<td>not watched: write the address at which vendors") == 2


def test_webhooks_are_as_they_were_last_seen(
    bench: Bench, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(bench, client)
    monkeypatch.setattr(callbacks, "is_watched", lambda adapter, config: True)
    assert client.get("/set-up").text.count("<td>not looked at yet</td>") == 2
    with bench.store.write() as connection:
        said = [["webhook 7 is switched off", "switch it on"]]
        locks.put_fact(connection, callbacks.FACT + "support", said, bench.clock())
        locks.put_fact(connection, callbacks.FACT + "shop", [], bench.clock())
    page = client.get("/set-up").text
    assert "<td>webhook 7 is switched off</td>" in page
    assert "<td>well</td></tr>" in page and "not looked at yet" not in page


def test_users_are_changed_by_admins_and_one_admin_stays(
    bench: Bench, client: FlaskClient
) -> None:
    code = signed_in(bench, client)
    form = {"name": "kari", "password": PASSWORD, "role": "agent"}
    assert post(client, "/set-up/users", code, **form).status_code == 303
    to_viewer = post(client, "/set-up/users/kari/role", code, role="viewer")
    assert to_viewer.status_code == 303
    assert post(client, "/set-up/users/kari/disable", code).status_code == 303
    page = client.get("/set-up").text
    assert "disabled" in page and "They can sign in again." in page
    assert post(client, "/set-up/users/kari/enable", code).status_code == 303
    for path, more, said in (
        ("admin/disable", {}, "is the last admin"),
        ("admin/role", {"role": "viewer"}, "is the last admin"),
        ("nobody/enable", {}, "there is no such user"),
        ("kari/role", {"role": "king"}, "choose one of"),
    ):
        answer = post(client, f"/set-up/users/{path}", code, **more)
        assert answer.status_code == 422 and said in answer.text, path
    people = client.get("/activity?box=people").text
    assert "user disable" in people and "user role" in people


def test_agents_change_nobody_and_check_nothing(
    bench: Bench, client: FlaskClient
) -> None:
    code = signed_in(bench, client, Role.AGENT)
    for path in ("users/agent/role", "users/agent/disable", "check"):
        assert post(client, f"/set-up/{path}", code).status_code == 403
