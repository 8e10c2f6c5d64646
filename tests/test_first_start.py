"""The first start in a browser: who is let in, what is asked, written and gone."""

from __future__ import annotations

import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import requests
from click.testing import CliRunner
from first_kit import ADDRESS, HERE, PASSWORD, Walk

from adapters.base import Subscriber
from connector import app, secrets
from connector.app import Runtime
from connector.cli import cli
from connector.cli import first as cli_first
from connector.config import build_adapters, load
from connector.demo import free_port
from connector.models import Role
from connector.sandbox import Running, SandboxSettings, World, serve
from connector.store import Store
from connector.store import accounts as rows


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with serve(World(SandboxSettings(jsm_projects=("SUP", "CARE"))), port=0) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path, blank_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # The steps to the schema take longer than all the rest.
    (tmp_path / "var").mkdir()
    shutil.copy(blank_file, tmp_path / "var" / "connector.db")
    return tmp_path / "config.yaml"


@pytest.fixture
def walk(path: Path) -> Walk:
    made = Walk(path)
    made.enter()
    return made


def desk(sandbox: Running, **other: str) -> dict[str, str]:
    """Return the answers about a Zendesk."""
    known = sandbox.world.settings
    return {
        "base_url": f"{sandbox.url}/zendesk",
        "client_id": known.zendesk_client_id,
        "client_secret": known.zendesk_client_secret,
        **other,
    }


def answer_helpdesk(walk: Walk, sandbox: Running) -> None:
    walk.go("helpdesks", kind="zendesk", name="support")
    assert walk.go("source/support/1", **desk(sandbox)) == "helpdesks"


def answer_all(walk: Walk, sandbox: Running, public_url: str = ADDRESS) -> None:
    """Answer everything but who the first user is."""
    known = sandbox.world.settings
    answer_helpdesk(walk, sandbox)
    assert walk.go("tracker", kind="jira") == "source/jira/1"
    walk.go("source/jira/1", flavour="cloud", site_url=f"{sandbox.url}/jira")
    credentials = {"email": known.jira_email, "api_token": known.jira_token}
    assert walk.go("source/jira/2", **credentials) == "source/jira/3"
    assert (
        '<option value="SHOP">' in walk.get("source/jira/3") or "SHOP" in walk.seen[-1]
    )
    walk.go("source/jira/3", project="SHOP")
    assert walk.go("source/jira/4", issue_type="Bug") == "address"
    walk.go("address", public_url=public_url)
    assert walk.go("mode", language="fi", tags="act") == "finish"


def answer_little(walk: Walk, public_url: str = "") -> None:
    """Answer everything so that no vendor is asked."""
    walk.go("helpdesks", kind="generic", name="forms")
    secret = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    assert walk.go("source/forms/1", webhook_secret=secret) == "helpdesks"
    walk.go("tracker", kind="")
    walk.go("address", public_url=public_url)
    assert walk.go("mode") == "finish"


USER: dict[str, Any] = {"name": "Kari", "password": PASSWORD, "again": PASSWORD}


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
    assert 'class="state bad"' not in done
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


def test_wrong_key_is_told_and_mended(walk: Walk, sandbox: Running) -> None:
    walk.go("helpdesks", kind="zendesk", name="support")
    wrong = walk.post("source/support/1", **desk(sandbox, client_secret="no such"))
    assert wrong.status_code == 422
    assert (
        "support answered 401: invalid_client" in wrong.text
        and "What to do: " in wrong.text
    )
    assert "no such" not in wrong.text
    assert 'role="alert"' in wrong.text and 'name="anyway"' in wrong.text
    assert walk.go("source/support/1", **desk(sandbox)) == "helpdesks"


def test_who_wants_to_goes_on_without_being_let_in(
    walk: Walk, sandbox: Running
) -> None:
    walk.go("helpdesks", kind="zendesk", name="support")
    walk.post("source/support/1", **desk(sandbox, client_secret="no such"))
    kept = desk(sandbox, client_secret="", anyway="1")
    assert walk.go("source/support/1", **kept) == "helpdesks"
    assert "not complete" not in walk.get("helpdesks")


def test_answer_that_is_no_setting_is_told_at_its_place(walk: Walk) -> None:
    walk.go("helpdesks", kind="zendesk", name="support")
    answers = {"base_url": "no address", "client_id": "", "client_secret": "x"}
    page = walk.post("source/support/1", **answers).text
    assert "support.base_url: expected an address" in page
    assert "support.client_id: missing; fill it in" in page
    assert 'value="no address"' in page


@pytest.mark.parametrize(
    ("step", "answers", "said"),
    [
        ("helpdesks", {"kind": "zendesk", "name": "Our Desk"}, "name: use lower-case"),
        ("helpdesks", {"kind": "zendesk", "name": "jira"}, "name: jira is taken"),
        ("helpdesks", {"kind": "memory", "name": "a"}, "kind: choose one"),
        ("tracker", {"kind": "zendesk"}, "kind: choose one"),
        ("address", {"public_url": "here"}, "server.public_url: expected an address"),
        ("mode", {"language": "xx"}, "problems.language: expected 'en'"),
    ],
)
def test_wrong_answer_names_its_key_and_what_to_do(
    walk: Walk, step: str, answers: dict[str, str], said: str
) -> None:
    answer = walk.post(step, **answers)
    assert answer.status_code == 422
    assert said in answer.text.replace("&#39;", "'")


def test_projects_are_listed_and_others_can_be_typed(
    walk: Walk, sandbox: Running
) -> None:
    known = sandbox.world.settings
    walk.go("helpdesks", kind="jira_service_management", name="support")
    walk.go("source/support/1", flavour="cloud", site_url=f"{sandbox.url}/jira")
    walk.go("source/support/2", email=known.jira_email, api_token=known.jira_token)
    listed = walk.get("source/support/3")
    assert 'value="CARE"' in listed and 'value="SUP"' in listed
    walk.go("source/support/3", projects="SUP", **{"projects-typed": "HID, SUP"})
    assert walk.start.draft.said("support")["projects"] == ["SUP", "HID"]
    again = walk.get("source/support/3")
    assert 'value="SUP" checked' in again and 'value="HID"' in again


def test_back_shows_what_was_typed_but_no_secret(walk: Walk, sandbox: Running) -> None:
    answer_helpdesk(walk, sandbox)
    page = walk.get("source/support/1")
    assert f'value="{sandbox.url}/zendesk"' in page
    assert sandbox.world.settings.zendesk_client_secret not in page
    assert "leave this empty to keep it" in page
    assert walk.go("source/support/1", **desk(sandbox, client_secret="")) == "helpdesks"


def test_secret_goes_only_where_it_was_meant_for(walk: Walk, sandbox: Running) -> None:
    answer_helpdesk(walk, sandbox)
    elsewhere = desk(sandbox, base_url="http://127.0.0.1:9/other", client_secret="")
    answer = walk.post("source/support/1", **elsewhere)
    assert answer.status_code == 422
    assert "support.client_secret: missing" in answer.text


def test_after_a_restart_only_secrets_are_asked_again(
    walk: Walk, path: Path, sandbox: Running
) -> None:
    answer_all(walk, sandbox)
    (kept,) = path.parent.glob("*.draft")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    for secret in (
        sandbox.world.settings.zendesk_client_secret,
        sandbox.world.settings.jira_token,
        walk.start.token,
    ):
        assert secret not in kept.read_text(encoding="utf-8")
    later = Walk(path)
    later.enter()
    assert f'value="{sandbox.url}/zendesk"' in later.get()
    assert "Something is still to be answered" in later.get("finish")
    assert later.post("finish", **USER).status_code == 422
    only = desk(sandbox)
    assert later.go("source/support/1", **only) == "helpdesks"
    credentials = {
        "email": sandbox.world.settings.jira_email,
        "api_token": sandbox.world.settings.jira_token,
    }
    later.go("source/jira/2", **credentials)
    assert "Who may sign in" in later.get()
    assert later.start.draft.answers.public_url == ADDRESS
    later.go("finish", **USER)
    assert load(path).problems.project == "SHOP"


def test_draft_that_cannot_be_read_begins_anew(path: Path) -> None:
    path.with_name("config.yaml.draft").write_text("{", encoding="utf-8")
    walk = Walk(path)
    walk.enter()
    assert "Which helpdesk" in walk.get()


def test_helpdesk_is_taken_out_and_another_tracker_chosen(
    walk: Walk, sandbox: Running
) -> None:
    answer_all(walk, sandbox)
    walk.go("helpdesks", kind="generic", name="forms")
    walk.go("helpdesks/forms/remove")
    walk.go("tracker", kind="")
    assert list(walk.start.draft.answers.sources) == ["support"]
    assert walk.post("helpdesks/forms/remove").status_code == 404
    walk.go("finish", **USER)
    assert load(walk.start.path).problems.tracker is None


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
