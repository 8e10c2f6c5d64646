"""From nothing to a connector that vendors call: init, webhooks and doctor."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from sandbox_kit import serving

from adapters.base import Subscriber
from connector import installation, roundtrip, secrets
from connector.app import Runtime
from connector.cli import cli
from connector.config import Config, build_adapters, load
from connector.demo import free_port, sandbox_config
from connector.errors import ConfigError
from connector.models import Delivery, EventKind, Finding
from connector.sandbox import Running, SandboxSettings, World, serve

Invoke = Callable[..., Result]


@pytest.fixture(params=["cloud", "data_center"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Running]:
    with serve(World(SandboxSettings(jira_flavour=request.param)), port=0) as running:
        yield running


@pytest.fixture
def cloud() -> Iterator[Running]:
    with serve(World(SandboxSettings()), port=0) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(roundtrip, "PATIENCE", 1)
    return tmp_path / "config.yaml"


def invoke(path: Path, *words: str, typed: list[str] | None = None) -> Result:
    given = "\n".join(typed) + "\n" if typed else None
    return CliRunner().invoke(cli, [*words, "--config", str(path)], input=given)


def write(path: Path, sandbox: Running, public_url: str | None, port: int = 0) -> None:
    """Write a configuration between the look-alikes, Zendesk's secret in its file."""
    raw = sandbox_config(
        sandbox.url, sandbox.world.settings, "sqlite:///c.db", port or free_port(0)
    )
    raw["sources"]["desk"]["webhook_secret"] = "${DESK_SECRET}"
    raw["server"]["public_url"] = public_url
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    secrets.write(secrets.beside(path), {"DESK_SECRET": "until the vendor made one"})


def answers(sandbox: Running, public_url: str) -> list[str]:
    known = sandbox.world.settings
    cloud = known.jira_flavour == "cloud"
    return [
        "zendesk",
        f"{sandbox.url}/zendesk",
        known.zendesk_client_id,
        known.zendesk_client_secret,
        "jira",
        known.jira_flavour,
        f"{sandbox.url}/jira",
        *([known.jira_email, known.jira_token] if cloud else [known.jira_token]),
        "SHOP",
        "Bug",
        public_url,
    ]


ADDRESS = "https://connector.example"

#: The module; the package's name for it is the command.
cli_init = sys.modules["connector.cli.init"]


def test_questions_lead_to_a_connector_that_vendors_call(
    sandbox: Running, path: Path
) -> None:
    typed = answers(sandbox, ADDRESS)
    result = invoke(path, "init", typed=typed)
    assert result.exit_code == 0, result.output
    assert "PROBLEM" not in result.output
    config = load(path)
    assert {name: one.kind for name, one in config.sources.items()} == {
        "support": "zendesk",
        "jira": "jira",
    }
    assert config.problems.project == "SHOP"
    assert {config.autonomy.tags, config.autonomy.messages} == {"observe"}
    for name, adapter in build_adapters(config).items():
        assert isinstance(adapter, Subscriber)
        found = adapter.subscriptions(f"{ADDRESS}/webhooks/{name}")
        assert found, result.output
        assert all(one.enabled and not one.missing for one in found)


def test_service_desk_is_set_up_by_questions(path: Path) -> None:
    settings = SandboxSettings(jsm_projects=("SUP",))
    with serve(World(settings), port=0) as sandbox:
        account = ["cloud", f"{sandbox.url}/jira", settings.jira_email]
        typed = [
            "jira_service_management",
            *account,
            settings.jira_token,
            " SUP, ",
            "none",
            "",
        ]
        result = invoke(path, "init", typed=typed)
        assert load(path).sources["support"].settings.projects == ("SUP",), (
            result.output
        )


def test_secrets_are_in_a_file_of_their_own_and_nowhere_else(
    sandbox: Running, path: Path
) -> None:
    typed = answers(sandbox, ADDRESS)
    output = invoke(path, "init", typed=typed).output
    file = secrets.beside(path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    values = secrets.read(file)
    assert sandbox.world.settings.jira_token in values.values()
    for value in values.values():
        assert len(value) > 8
        assert value not in path.read_text(encoding="utf-8")
        assert value not in output


def test_wrong_answer_is_told_and_asked_again(cloud: Running, path: Path) -> None:
    right = answers(cloud, "")
    wrong = [*right[:3], "no such secret", "y", *right[1:]]
    output = invoke(path, "init", typed=wrong).output
    assert "PROBLEM" in output
    assert "Answer again?" in output
    assert load(path).sources["support"].settings.secrets()


def test_init_again_keeps_the_configuration_and_mends_webhooks(
    cloud: Running, path: Path
) -> None:
    invoke(path, "init", typed=answers(cloud, ADDRESS))
    before = path.read_bytes()
    adapter = build_adapters(load(path))["jira"]
    assert isinstance(adapter, Subscriber)
    adapter.unsubscribe(f"{ADDRESS}/webhooks/jira")
    result = invoke(path, "init")
    assert path.read_bytes() == before
    assert len(adapter.subscriptions(f"{ADDRESS}/webhooks/jira")) == 1
    assert "stays as it is" in result.output


def test_init_makes_the_folder_before_it_asks(cloud: Running, path: Path) -> None:
    deep = path.parent / "new" / "folder" / "config.yaml"
    invoke(deep, "init", typed=answers(cloud, ""))
    assert load(deep).problems.project == "SHOP"


def test_init_that_cannot_write_says_so_before_it_asks(path: Path) -> None:
    path.write_text("a file, not a folder", encoding="utf-8")
    result = invoke(path / "config.yaml", "init")
    assert result.exit_code == 1
    assert "nothing can be written there" in result.output
    assert "Which helpdesk" not in result.output


def test_init_checks_with_the_secret_the_vendor_made(
    cloud: Running, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []

    def look(path: Path, config: Config, round_trips: bool) -> list[Finding]:
        seen.append(config.sources["desk"].settings.secrets())
        return []

    write(path, cloud, ADDRESS)
    monkeypatch.setattr(cli_init, "findings_of", look)
    output = invoke(path, "init").output
    made = secrets.read(secrets.beside(path))["DESK_SECRET"]
    assert seen == [(made,)]
    assert "wrote DESK_SECRET" in output


def test_one_vendor_that_refuses_keeps_no_other_waiting(
    cloud: Running, path: Path
) -> None:
    write(path, cloud, ADDRESS)
    text = path.read_text(encoding="utf-8")
    secret = cloud.world.settings.helpscout_app_secret
    path.write_text(text.replace(secret, "wrong"), encoding="utf-8")
    result = invoke(path, "webhooks", "register")
    assert result.exit_code == 1
    assert "support: support answered 40" in result.output
    path.write_text(text, encoding="utf-8")
    assert {source for source, _ in _state(path)} == {"desk", "tracker"}


def test_webhooks_are_made_once_and_removed_again(sandbox: Running, path: Path) -> None:
    write(path, sandbox, ADDRESS)
    assert invoke(path, "webhooks", "status").exit_code == 1
    assert invoke(path, "webhooks", "register").exit_code == 0
    assert invoke(path, "webhooks", "status").exit_code == 0
    once = _state(path)
    assert invoke(path, "webhooks", "register").exit_code == 0
    assert _state(path) == once
    for name in ("support", "desk", "tracker"):
        assert invoke(path, "webhooks", "remove", name, "--yes").exit_code == 0
    assert _state(path) == []
    assert invoke(path, "webhooks", "status").exit_code == 1


def _state(path: Path) -> list[tuple[str, str]]:
    lines = invoke(path, "webhooks", "status", "--json").output.splitlines()
    return [(said["source"], said["id"]) for said in map(json.loads, lines)]


def test_secret_that_the_vendor_makes_goes_into_the_file(
    cloud: Running, path: Path
) -> None:
    write(path, cloud, ADDRESS)
    result = invoke(path, "webhooks", "register", "desk")
    made = secrets.read(secrets.beside(path))["DESK_SECRET"]
    assert made != "until the vendor made one"
    assert made not in result.output
    assert load(path).sources["desk"].settings.secrets() == (made,)


def test_secret_without_a_place_is_told(cloud: Running, path: Path) -> None:
    write(path, cloud, ADDRESS)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("${DESK_SECRET}", "0123456789"), encoding="utf-8")
    result = invoke(path, "webhooks", "register", "desk")
    assert result.exit_code == 1
    assert "${DESK_WEBHOOK_SECRET}" in result.output


def test_removal_asks_first(cloud: Running, path: Path) -> None:
    write(path, cloud, ADDRESS)
    invoke(path, "webhooks", "register", "support")
    assert invoke(path, "webhooks", "remove", "support", typed=["n"]).exit_code == 1
    assert len(_state(path)) == 1


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("register", "nobody"), "no source 'nobody'", 2),
        (("remove", "nobody"), "no source 'nobody'", 2),
        (("register",), "server.public_url: is not set", 1),
        (("status",), "server.public_url: is not set", 1),
    ],
)
def test_what_is_missing_is_told(
    cloud: Running, path: Path, words: tuple[str, ...], said: str, code: int
) -> None:
    write(path, cloud, None)
    result = invoke(path, "webhooks", *words)
    assert result.exit_code == code
    assert said in result.output


def test_vendor_that_refuses_is_told_in_one_line(cloud: Running, path: Path) -> None:
    write(path, cloud, ADDRESS)
    text = path.read_text(encoding="utf-8")
    secret = cloud.world.settings.helpscout_app_secret
    path.write_text(text.replace(secret, "wrong"), encoding="utf-8")
    result = invoke(path, "webhooks", "register", "support")
    assert result.exit_code == 1
    assert result.output.startswith("support: support answered 40")


def test_doctor_names_the_webhook_that_is_missing(cloud: Running, path: Path) -> None:
    write(path, cloud, ADDRESS)
    result = invoke(path, "doctor")
    assert result.exit_code == 1
    assert f"nothing at the vendor delivers to {ADDRESS}/webhooks/support" in (
        result.output
    )
    assert "complaint-connector webhooks register support" in result.output


def test_doctor_proves_where_issues_are_filed(cloud: Running, path: Path) -> None:
    write(path, cloud, ADDRESS)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("project: SHOP", "project: NOPE"), encoding="utf-8")
    result = invoke(path, "doctor")
    assert result.exit_code == 1
    assert "NOPE" in result.output


def test_doctor_says_which_resolutions_customers_are_told_of(
    cloud: Running, path: Path
) -> None:
    write(path, cloud, ADDRESS)
    text = path.read_text(encoding="utf-8")
    told = "problems:\n  fixed_resolutions: [released]\n"
    path.write_text(text.replace("problems:\n", told), encoding="utf-8")
    output = invoke(path, "doctor").output
    assert "none of them means fixed, so no customer is ever told" in output


def test_doctor_names_tags_that_a_vendor_would_refuse(
    cloud: Running, path: Path
) -> None:
    write(path, cloud, ADDRESS)
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    words = {"field": "text", "op": "contains", "value": "x"}
    told = [{"add_tag": "løst"}, {"add_tag": "late"}]
    raw["rules"] = [{"id": "late", "when": words, "then": told}]
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    lines = invoke(path, "doctor", "--json").output.splitlines()
    found = [one for one in map(json.loads, lines) if "tag" in one["message"]]
    said = sorted(found, key=lambda one: str(one["level"]))
    assert [(one["level"], one["subject"], one["remedy"]) for one in said] == [
        ("ok", "support", ""),
        ("problem", "desk", "correct rules: late"),
    ]
    assert said[0]["message"] == "can have each of our 18 tags"
    assert said[1]["message"].startswith("'løst' cannot be a tag")


def test_doctor_knocks_once_where_it_is_not_let_in(cloud: Running, path: Path) -> None:
    write(path, cloud, ADDRESS)
    token, text = cloud.world.settings.jira_token, path.read_text(encoding="utf-8")
    path.write_text(text.replace(token, "wrong"), encoding="utf-8")
    output = invoke(path, "doctor").output
    assert "tracker answered 401" in output
    assert "tracker: resolutions" not in output
    assert "tracker: SHOP" not in output


@pytest.mark.timeout(120)
def test_doctor_ends_with_a_round_trip(cloud: Running, path: Path) -> None:
    port = free_port(0)
    write(path, cloud, f"http://127.0.0.1:{port}")
    invoke(path, "webhooks", "register")
    runtime = Runtime(load(path))
    runtime.start()
    try:
        with serving(runtime.create_app(), port):
            result = invoke(path, "doctor")
            assert result.output.count("a test delivery went all the way") == 3
            assert result.exit_code == 0, result.output
    finally:
        runtime.stop()


def test_doctor_tells_a_server_that_is_not_there(cloud: Running, path: Path) -> None:
    write(path, cloud, f"http://127.0.0.1:{free_port(0)}")
    invoke(path, "webhooks", "register")
    result = invoke(path, "doctor")
    assert result.exit_code == 1
    assert "start the connector" in result.output


def test_doctor_tells_when_nobody_works(cloud: Running, path: Path) -> None:
    port = free_port(0)
    write(path, cloud, f"http://127.0.0.1:{port}")
    invoke(path, "webhooks", "register")
    runtime = Runtime(load(path), frozenset({"serve"}))
    runtime.start()
    try:
        with serving(runtime.create_app(), port):
            assert "nobody works on it" in invoke(path, "doctor").output
    finally:
        runtime.stop()


def test_doctor_tells_secrets_that_others_can_read(cloud: Running, path: Path) -> None:
    write(path, cloud, None)
    secrets.beside(path).chmod(0o644)
    result = invoke(path, "doctor")
    assert result.exit_code == 1
    assert "other users of this machine can read it" in result.output


def test_ping_is_understood_and_ignored(cloud: Running, path: Path) -> None:
    write(path, cloud, None)
    config = load(path)
    for name, adapter in build_adapters(config).items():
        assert isinstance(adapter, Subscriber)
        body, event = adapter.ping("some word")
        now = datetime.now(UTC)
        headers = adapter.sign(body, event, now).headers
        kept = {key.lower(): value for key, value in headers.items()}
        delivery = Delivery(id=1, source=name, received_at=now, headers=kept, body=body)
        assert b"some word" in body
        kinds = [one.kind for one in adapter.parse(delivery)]
        assert kinds == [EventKind.IGNORED], name


def test_environment_goes_before_the_secrets_file(
    cloud: Running, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, cloud, None)
    secrets.write(secrets.beside(path), {"DESK_SECRET": "a $word ${with} 'signs' #1"})
    held = load(path).sources["desk"].settings.secrets()
    assert held == ("a $word ${with} 'signs' #1",)
    monkeypatch.setenv("DESK_SECRET", "from outside")
    assert load(path).sources["desk"].settings.secrets() == ("from outside",)


def test_link_to_a_secrets_file_stays_one(path: Path) -> None:
    real = path.parent / "elsewhere.env"
    real.write_text("A=1\n", encoding="utf-8")
    real.chmod(0o644)
    file = secrets.beside(path)
    file.symlink_to(real)
    secrets.write(file, {"B": "2"})
    assert file.is_symlink()
    assert secrets.read(real) == {"A": "1", "B": "2"}
    assert not secrets.is_open_to_others(file)


def test_two_that_write_secrets_lose_nothing(path: Path) -> None:
    file = secrets.beside(path)
    names = [f"NAME_{number}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: secrets.write(file, {name: "x"}), names))
    assert sorted(secrets.read(file)) == sorted(names)


def test_secrets_file_keeps_what_people_wrote(path: Path) -> None:
    file = secrets.beside(path)
    file.write_text("# mine\nOTHER=1\nNAME=old\n", encoding="utf-8")
    secrets.write(file, {"NAME": "new"})
    assert secrets.read(file) == {"OTHER": "1", "NAME": "new"}
    assert "# mine" in file.read_text(encoding="utf-8")
    assert not secrets.is_open_to_others(file)


def test_unreadable_secrets_are_told(
    cloud: Running, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> dict[str, str]:
        raise PermissionError(13, "Permission denied")

    write(path, cloud, None)
    monkeypatch.setattr(secrets, "read", refuse)
    with pytest.raises(ConfigError, match=r"secrets\.env: cannot be read"):
        load(path)


@pytest.mark.parametrize(
    ("source", "key", "name"),
    [("support", "webhook_secret", "SUPPORT_WEBHOOK_SECRET"), ("a-b", "x", "A_B_X")],
)
def test_secrets_are_named_after_their_setting(
    source: str, key: str, name: str
) -> None:
    assert installation.variable(source, key) == name
