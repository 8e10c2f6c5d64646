"""The first start in a browser: who is let in, what is asked, written and gone."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import click
import pytest
import requests
from click.testing import CliRunner
from first_kit import (
    ADDRESS,
    HERE,
    PASSWORD,
    USER,
    Walk,
    answer_all,
    answer_little,
    path,
    sandbox,
    walk,
)

from adapters.base import Subscriber
from connector import app, secrets
from connector.app import Runtime
from connector.cli import cli
from connector.cli import first as cli_first
from connector.config import build_adapters, load
from connector.demo import free_port
from connector.models import Role
from connector.sandbox import Running
from connector.store import Store
from connector.store import accounts as rows

__all__ = ["path", "sandbox", "walk"]


def test_only_who_has_the_code_is_let_in_and_only_once(path: Path) -> None:
    walk = Walk(path)
    assert walk.client.get("/first-start/mode").location == "/first-start"
    for wrong in ("", "wrong", walk.start.code[:-1]):
        answer = walk.client.post("/first-start", data={"code": wrong}, headers=HERE)
        assert answer.status_code == 403
    code = walk.start.code
    walk.enter()
    assert "Which helpdesk" in walk.get()
    other = Walk(path)
    other.start = walk.start
    other.client = walk.client.application.test_client()
    again = other.client.post("/first-start", data={"code": code}, headers=HERE)
    assert again.status_code == 403
    assert "used in another browser" in other.get()


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"X-Forwarded-For": "192.0.2.1"}, "127.0.0.1"),
        ({"Host": "evil.example"}, "127.0.0.1"),
        ({}, "192.0.2.1"),
    ],
)
def test_only_this_machine_is_answered(
    walk: Walk, headers: dict[str, str], address: str
) -> None:
    far = {"REMOTE_ADDR": address}
    for page in ("/", "/first-start", "/first-start/mode"):
        answer = walk.client.get(page, headers=headers, environ_base=far)
        assert answer.status_code == 403


def test_forms_of_others_are_refused(walk: Walk) -> None:
    assert walk.client.post("/first-start/mode", headers=HERE).status_code == 403
    foreign = {"Origin": "http://evil.example"}
    code = {"code": walk.start.code}
    assert walk.client.post("/first-start", data=code).status_code == 403
    assert (
        walk.client.post("/first-start", data=code, headers=foreign).status_code == 403
    )


def test_vendors_are_told_to_come_again(walk: Walk) -> None:
    assert walk.client.post("/webhooks/support").status_code == 503
    assert walk.client.get("/healthz").status_code == 503
    assert (
        "script-src 'self'"
        in walk.client.get("/first-start/mode").headers["Content-Security-Policy"]
    )


def test_steps_lead_to_a_connector_that_vendors_call(
    walk: Walk, path: Path, sandbox: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    answer_all(walk, sandbox)
    assert not path.exists()
    assert walk.go("finish", **USER) == "done"
    config = load(path)
    assert [one.kind for one in config.sources.values()] == ["zendesk", "jira"]
    assert (config.problems.project, config.problems.language) == ("SHOP", "fi")
    assert (config.autonomy.tags, config.autonomy.messages) == ("act", "observe")
    for name, adapter in build_adapters(config).items():
        assert isinstance(adapter, Subscriber)
        assert adapter.subscriptions(f"{ADDRESS}/webhooks/{name}")
    file = secrets.beside(path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(path.parent.glob("*.draft*"))
    done = walk.get("done")
    assert "1 made or mended" in done and "things are in order" in done
    assert 'class="state' not in done  # nothing needs anybody, now that all is said
    told = [path.read_text(encoding="utf-8"), *capfd.readouterr(), repr(walk.start)]
    for value in (*secrets.read(file).values(), PASSWORD, walk.start.token):
        assert not any(value in text for text in (*told, *walk.seen))


def test_first_user_is_an_admin_and_signed_in(walk: Walk, path: Path) -> None:
    answer_little(walk)
    walk.go("finish", **USER)
    runtime = Runtime(load(path), path=path)
    page = runtime.create_app().test_client()
    token = walk.client.get_cookie("cc_session")
    assert token is not None
    page.set_cookie("cc_session", token.value)
    shown = page.get("/set-up").text
    assert "kari · admin" in shown
    assert "Not looked at from here yet" not in shown
    assert page.get("/first-start/mode").status_code == 404
    runtime.store.close()


def test_with_the_configuration_the_steps_are_gone(walk: Walk, path: Path) -> None:
    answer_little(walk)
    code = walk.get("mode").partition('name="csrf" value="')[2].partition('"')[0]
    walk.go("finish", **USER)
    for step in ("helpdesks", "source/forms/1", "address", "mode", "finish"):
        assert walk.client.get(f"/first-start/{step}").status_code == 404
    assert not walk.start.is_over.is_set()
    walk.client.post("/first-start/go", data={"csrf": code}, headers=HERE)
    assert walk.start.is_over.is_set()


def test_configuration_that_came_meanwhile_is_not_touched(
    walk: Walk, path: Path
) -> None:
    path.write_text("mine", encoding="utf-8")
    for step in ("", "/mode", "/done"):
        assert walk.client.get(f"/first-start{step}").status_code == 404


def test_password_that_will_not_do_writes_nothing(walk: Walk, path: Path) -> None:
    answer_little(walk)
    for wrong, said in (("short", "password: expected 12"), (PASSWORD, "not the same")):
        again = wrong if wrong == "short" else "something else"
        answer = walk.post("finish", name="kari", password=wrong, again=again)
        assert answer.status_code == 422
        assert said in answer.text and 'value="kari"' in answer.text
    assert not path.exists()
    assert not secrets.beside(path).exists()


def test_users_of_an_older_database_stay_who_they_are(walk: Walk, path: Path) -> None:
    answer_little(walk)
    _, _, config = walk.start.draft.compose()
    store = Store(config.database.url)
    store.upgrade()
    with store.write() as connection:
        rows.add(connection, "aino", Role.ADMIN, walk.start.clock())
    walk.go("finish", **USER)
    assert walk.client.get_cookie("cc_session") is None
    assert "had users already" in walk.get("done")
    with store.read() as connection:
        assert [one.name for one in rows.listing(connection)] == ["aino"]
    store.close()


def test_source_whose_webhook_is_made_by_hand_is_told_its_address(walk: Walk) -> None:
    answer_little(walk, ADDRESS)
    walk.go("finish", **USER)
    assert f"{ADDRESS}/webhooks/forms" in walk.get("done")


def test_pages_speak_the_readers_language(walk: Walk) -> None:
    for asked, said in (("nb", "Leverandør"), ("fi", "Toimittaja")):
        headers = {"Accept-Language": asked}
        assert said in walk.client.get("/first-start/helpdesks", headers=headers).text


def test_command_waits_for_a_browser_and_then_goes_on(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_first, "LOOK", 0.02)
    port = free_port(0)
    listening = cli_first._listening("127.0.0.1", port)
    waiting = threading.Thread(target=cli_first.offer, args=(path, listening))
    waiting.start()
    address = f"http://127.0.0.1:{port}"
    assert "Set up Complaint Connector" in requests.get(address, timeout=5).text
    with pytest.raises(click.ClickException, match="cannot be listened on"):
        cli_first._listening("127.0.0.1", port)
    path.write_text("somebody's own", encoding="utf-8")
    waiting.join(5)
    assert not waiting.is_alive()
    said = capsys.readouterr().out
    assert f"{address}/ with this code" in said and "complaint-connector init" in said


@pytest.mark.parametrize("command", ["run", "serve"])
def test_command_goes_on_with_what_was_set_up(
    path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    served: list[Path] = []

    def offer(path: Path, listening: object) -> None:
        path.write_text("sources: {support: {kind: memory}}", encoding="utf-8")

    monkeypatch.setattr("connector.cli.process.os.umask", lambda mask: 0)
    monkeypatch.setattr(cli_first, "_listening", lambda host, port: None)
    monkeypatch.setattr(cli_first, "offer", offer)
    monkeypatch.setattr(app, "serve", lambda path, *_: served.append(path))
    for _ in range(2):  # the second time nothing is asked
        done = CliRunner().invoke(cli, [command, "--config", str(path)])
        assert done.exit_code == 0, done.output
        monkeypatch.setattr(cli_first, "offer", None)
    assert served == [path, path]


def test_place_that_takes_no_configuration_is_told_before_the_steps(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.cli.process.os.umask", lambda mask: 0)
    path.write_text("a file, not a folder", encoding="utf-8")
    done = CliRunner().invoke(cli, ["run", "--config", str(path / "config.yaml")])
    assert done.exit_code == 1
    assert "nothing can be written there" in done.output
