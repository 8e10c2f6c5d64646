"""The configuration: the example is complete, and every mistake is told helpfully.

A mistake is two files in ``fixtures/config/bad``: a configuration, and the lines it is
answered with.
"""

from __future__ import annotations

import base64
import os
import re
import traceback
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError

from adapters import channel_kinds, kinds
from connector.cli import cli
from connector.config import Config, load, open_adapters
from connector.config_clocks import Calendar, Step
from connector.config_problems import Route
from connector.errors import ConfigError, StoreUnavailable
from connector.models import Mode
from connector.store import Store
from rules.conditions import ALL_OPERATIONS, FIELDS
from rules.schema import Action, Condition, Rule

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "config.example.yaml"
BAD = ROOT / "tests" / "fixtures" / "config" / "bad"

#: Part of every secret below, so that it can be looked for.
SECRET = "s3cr3t"
WHSEC = (
    f"whsec_{base64.b64encode(f'{SECRET} of forms and of surveys'.encode()).decode()}"
)
ENVIRONMENT = {
    "FORMS_WHSEC": WHSEC,
    "HS_SECRET": f"{SECRET}-helpscout",
    "HS_WEBHOOK": f"{SECRET}-helpscout-webhook",
    "JIRA_TOKEN": f"{SECRET}-jira-token",
    "JIRA_WEBHOOK": f"{SECRET}-jira-webhook",
    "LONG": f"{SECRET}-that-is-much-longer-than-forty-characters",
}


def environment_of(text: str) -> dict[str, str]:
    """Return a value for every variable that a configuration names."""
    names = re.findall(r"\$\{(\w+)\}", text)
    return {name: _value(name) for name in names}


def _value(name: str) -> str:
    if name.endswith("WHSEC"):
        return f"{WHSEC}{name[-10:-6]}"  # no two secrets of this kind may be the same
    plain = f"{SECRET}-0123456789"
    return f"https://hooks.example.com/{plain}" if name.endswith("_URL") else plain


def uncommented(text: str) -> str:
    """Take the "#" away from settings; prose begins with "# " and stays."""
    lines, in_setting = [], False
    for line in text.splitlines():
        found = re.fullmatch(r"(\s*)#(\S.*)", line)
        deeper = re.fullmatch(r"(\s*)#(  .*)", line) if in_setting else None
        in_setting = bool(found or deeper)
        lines.append("".join((found or deeper).groups()) if in_setting else line)
    return "\n".join(lines) + "\n"


# -- the example --


@pytest.fixture
def everything(tmp_path: Path) -> tuple[Config, dict[str, Any]]:
    """Return the example with each commented-out setting taken in, also unread."""
    text = uncommented(EXAMPLE.read_text(encoding="utf-8"))
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, environment_of(text)), yaml.safe_load(text)


def test_example_can_be_used_as_it_is() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    config = load(EXAMPLE, environment_of(text))
    assert {source.kind for source in config.sources.values()} == {
        "helpscout",
        "zendesk",
        "jira",
    }
    with open_adapters(config) as adapters:
        assert adapters.keys() == config.sources.keys()


def test_adapters_are_closed_also_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = load(EXAMPLE, environment_of(EXAMPLE.read_text(encoding="utf-8")))
    closed: list[str] = []
    with pytest.raises(ZeroDivisionError), open_adapters(config) as adapters:
        for name, adapter in adapters.items():
            monkeypatch.setattr(adapter, "close", partial(closed.append, name))
        raise ZeroDivisionError
    assert closed == list(config.sources)


def test_example_writes_nothing_before_somebody_wants_it() -> None:
    config = load(EXAMPLE, environment_of(EXAMPLE.read_text(encoding="utf-8")))
    autonomy = config.autonomy
    assert {autonomy.tags, autonomy.notes, autonomy.issues, autonomy.messages} == {
        Mode.OBSERVE
    }
    assert {rule.mode for rule in config.rules.rules} == {Mode.OBSERVE}


def test_example_holds_no_secret() -> None:
    tree = yaml.safe_load(uncommented(EXAMPLE.read_text(encoding="utf-8")))
    secret = re.compile(r"secret|token|password")
    for block in (*tree["sources"].values(), *tree["notify"]["channels"].values()):
        for key, value in block.items():
            if secret.search(key) and isinstance(value, str):
                assert re.fullmatch(r"\$\{\w+\}", value), key


def keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def missing_keys(model: type[BaseModel], given: Any, where: str) -> list[str]:
    """Walk a model, and name the keys that ``given`` does not have."""
    missing = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if not isinstance(given, dict) or key not in given:
            missing.append(f"{where}{key}")
        elif isinstance(field.annotation, type) and issubclass(
            field.annotation, BaseModel
        ):
            if name != "rules":
                missing += missing_keys(field.annotation, given[key], f"{where}{key}.")
    return missing


def test_example_shows_every_key(everything: tuple[Config, dict[str, Any]]) -> None:
    _, tree = everything
    assert missing_keys(Config, tree, "") == []
    shown = {key for route in tree["problems"]["routes"].values() for key in route}
    assert shown == keys_of(Route)


@pytest.mark.parametrize("kind", sorted(set(kinds()) - {"memory"}))
def test_example_shows_every_key_of_a_vendor(
    kind: str, everything: tuple[Config, dict[str, Any]]
) -> None:
    _, tree = everything
    blocks = [block for block in tree["sources"].values() if block["kind"] == kind]
    shown = {key for block in blocks for key in block} - {"kind", "calendar"}
    assert shown == keys_of(kinds()[kind].config)


def test_example_shows_every_key_of_a_calendar(
    everything: tuple[Config, dict[str, Any]],
) -> None:
    _, tree = everything
    (shown,) = tree["calendars"].values()
    assert shown.keys() == keys_of(Calendar)
    assert tree["clocks"]["ladder"][0].keys() == keys_of(Step)


@pytest.mark.parametrize("kind", sorted(channel_kinds()))
def test_example_shows_every_key_of_a_channel(
    kind: str, everything: tuple[Config, dict[str, Any]]
) -> None:
    _, tree = everything
    blocks = tree["notify"]["channels"].values()
    shown = {key for block in blocks if block["kind"] == kind for key in block}
    assert shown == keys_of(channel_kinds()[kind].config) | {"kind"}


def test_example_shows_every_key_of_a_rule(
    everything: tuple[Config, dict[str, Any]],
) -> None:
    _, tree = everything
    shown: set[str] = set()

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            shown.update(part)
        for below in part.values() if isinstance(part, dict) else part:
            if isinstance(below, dict | list):
                collect(below)

    collect(tree["rules"])
    promised = {"first_answer"}  # below clock; a pack of deadlines names it
    assert shown == keys_of(Rule) | keys_of(Condition) | keys_of(Action) | promised


@pytest.mark.parametrize("word", [*FIELDS, *ALL_OPERATIONS])
def test_example_names_every_field_and_operator(word: str) -> None:
    section = EXAMPLE.read_text(encoding="utf-8").partition("# Your own rules")[2]
    listed = section.partition("\nrules:")[0]
    assert re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", listed)


def defaults(model: type[BaseModel], settings: Any, where: str = "") -> dict[str, Any]:
    """Return path, default and given value of every setting that has a default."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value, path = getattr(settings, name), f"{where}{name}"
        if isinstance(value, BaseModel):
            found |= defaults(type(value), value, f"{path}.")
        elif not field.is_required():
            default = field.get_default(call_default_factory=True)
            found[path] = (default, value)
    return found


#: What the example sets on purpose, or shows with a value because the default is none.
SET = {
    "autonomy.tags",
    "autonomy.notes",
    "autonomy.issues",
    "autonomy.messages",
    "problems.tracker",
    "problems.project",
    "problems.fields",
    "problems.launches",
    "problems.muted",
    "problems.priorities",
    "problems.routes",
    "directories",
    "calendars",
    "clocks.ladder",
    "messages.signature",
    "notify.channels",
    "notify.roles",
    "reports.fields",
    "rules.rules",
}


def test_example_shows_defaults_as_they_are(
    everything: tuple[Config, dict[str, Any]],
) -> None:
    config, _ = everything
    wrong = {
        path: values
        for path, values in defaults(Config, config).items()
        if values[0] != values[1] and path not in SET and path != "sources"
    }
    assert wrong == {}


@pytest.mark.parametrize("name", ["support", "desk", "jira", "forms"])
def test_example_shows_defaults_of_vendors_as_they_are(
    name: str, everything: tuple[Config, dict[str, Any]]
) -> None:
    config, _ = everything
    text = EXAMPLE.read_text(encoding="utf-8")
    commented = set(re.findall(r"^\s*#(\w+):", text, re.MULTILINE))
    settings = config.sources[name].settings
    wrong = {
        path: values
        for path, values in defaults(type(settings), settings).items()
        if path in commented and values[0] and values[0] != values[1]
    }
    assert wrong == {}


# -- reading --


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_secret_comes_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    text = "sources: {support: {kind: memory, secret: '${file:secret}'}}"
    config = load(write(tmp_path, text), {})
    assert config.sources["support"].settings.secret.get_secret_value() == SECRET


def test_authorities_of_a_provider_lie_beside_the_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "office.pem").touch()
    text = "sources: {support: {kind: memory}}\noidc: {ca_bundle: office.pem}\n"
    found = load(write(tmp_path, text), {}).oidc.ca_bundle
    assert found == str(tmp_path / "office.pem")


def test_reference_may_be_part_of_a_value(tmp_path: Path) -> None:
    text = (
        "sources: {support: {kind: memory}}\n"
        "database: {url: 'postgresql://connector:${PASSWORD}@db/connector'}\n"
    )
    config = load(write(tmp_path, text), {"PASSWORD": SECRET})
    assert config.database.url == f"postgresql://connector:{SECRET}@db/connector"


def test_filled_value_is_not_filled_again(tmp_path: Path) -> None:
    text = "sources: {support: {kind: memory, secret: '${ONE}'}}"
    config = load(write(tmp_path, text), {"ONE": "${TWO}", "TWO": "no"})
    assert config.sources["support"].settings.secret.get_secret_value() == "${TWO}"


def test_section_with_all_keys_commented_out_is_the_default(tmp_path: Path) -> None:
    text = "sources: {support: {kind: memory}}\nserver:\nrules:\nvip:\n"
    assert load(write(tmp_path, text), {}).server.port == 8800


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("1h 30m", timedelta(minutes=90)),
        ("0.5h", timedelta(minutes=30)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_duration_is_read(tmp_path: Path, written: str, meant: timedelta) -> None:
    text = f"sources: {{support: {{kind: memory}}}}\nproblems: {{window: {written}}}\n"
    assert load(write(tmp_path, text), {}).problems.window == meant


# -- mistakes --


def mistakes() -> list[str]:
    return sorted(path.stem for path in BAD.glob("*.yaml"))


def refusal(name: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(BAD / f"{name}.yaml", ENVIRONMENT)
    return caught.value


@pytest.mark.parametrize("name", mistakes())
def test_mistake_is_told_with_place_and_remedy(name: str) -> None:
    said = str(refusal(name)).replace(str(BAD / f"{name}.yaml"), "config.yaml")
    expected = BAD / f"{name}.expected"
    assert said.splitlines() == expected.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", mistakes())
def test_secret_is_in_no_message(name: str) -> None:
    error = refusal(name)
    told = "\n".join([str(error), *error.problems, *traceback.format_exception(error)])
    assert SECRET not in told.replace(str(BAD), "").replace(name, "")


def test_every_expectation_has_its_mistake() -> None:
    assert sorted(path.stem for path in BAD.glob("*.expected")) == mistakes()


def test_missing_file_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'complaint-connector init' makes one"):
        load(tmp_path / "config.yaml", {})


def test_file_that_is_none_is_not_to_be_made_anew(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="correct the path or its rights"):
        load(tmp_path, {})


def test_command_tells_each_mistake_and_ends_with_1() -> None:
    file = BAD / "several-at-once.yaml"
    result = CliRunner().invoke(
        cli, ["doctor", "--config", str(file)], env={**os.environ, **ENVIRONMENT}
    )
    assert result.exit_code == 1
    *told, count = result.stderr.splitlines()
    assert "\n".join(told) == str(refusal("several-at-once"))
    assert count == f"{len(told)} mistakes found."


# -- the database's address --


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///var/connector.db",
        "sqlite:////var/lib/connector/connector.db",
        "postgresql://connector:p%40ss%2F@db.example:5432/connector",
        "postgresql+psycopg://connector@[::1]/connector?sslmode=require",
        "postgresql:///connector?host=/run/postgresql",
    ],
)
def test_address_of_a_database_is_taken(tmp_path: Path, url: str) -> None:
    text = f"sources: {{support: {{kind: memory}}}}\ndatabase: {{url: '{url}'}}\n"
    assert load(write(tmp_path, text), {}).database.url == url


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("failed to resolve host '{}': Name not known", "the name of its host"),
        ('server at "{}", port 5 failed: Connection refused', "nobody listens"),
        ('password authentication failed for user "{}"', "not accepted"),
        ("connection timeout expired for {}", "too long"),
        ("something new about {}", "RuntimeError"),
    ],
)
def test_error_of_the_database_quotes_nothing_of_its_address(
    tmp_path: Path, said: str, told: str
) -> None:
    store = Store(f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(StoreUnavailable, match=told) as caught, store.read():
        raise OperationalError(None, None, RuntimeError(said.format(SECRET)))
    store.close()
    assert SECRET not in str(caught.value)


def test_new_database_file_is_for_its_own_user_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        store = Store(f"sqlite:///{tmp_path}/new/a.db")
        store.upgrade()
        with store.write():
            modes = {path.stat().st_mode & 0o777 for path in tmp_path.glob("new/*")}
        store.close()
    finally:
        os.umask(before)
    assert modes == {0o600}
