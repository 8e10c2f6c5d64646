"""``rules lint``: what it looks at, what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.cli import cli

CONFIG = """\
sources:
  support: {kind: memory}
  desk:
    kind: zendesk
    base_url: https://acme.zendesk.com
    webhook_secret: s
    email: bot@acme.example
    api_token: t
"""
RULE = """\
- id: late
  mode: act
  when: {field: types, op: contains, value: delivery}
  then: [{add_tag: late}]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG)
    return tmp_path


def rules(text: str = RULE) -> str:
    return "rules:\n" + text


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["rules", *words])


def test_lint_of_sound_rules_ends_well(place: Path) -> None:
    Path("mine.yaml").write_text(rules())
    done = run("lint", "mine.yaml")
    assert (done.exit_code, done.output) == (0, "1 rules: 0 errors, 0 warnings.\n")


@pytest.mark.parametrize("given", ["mine.yaml", "mine"])
def test_lint_without_a_file_looks_at_those_of_the_configuration(
    place: Path, given: str
) -> None:
    file = Path(given) / "first.yaml" if given == "mine" else Path(given)
    file.parent.mkdir(exist_ok=True)
    file.write_text(rules(RULE.replace("delivery", "deliver")))
    Path("config.yaml").write_text(f"{CONFIG}rules: {given}\n")
    done = run("lint")
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        f"{file}:4:45: error: late: types is never 'deliver'; did you mean 'delivery'?",
        "1 rules: 1 errors, 0 warnings.",
    ]


def test_lint_looks_at_rules_within_the_configuration(place: Path) -> None:
    Path("config.yaml").write_text(
        CONFIG + rules(RULE.replace("op: contains", "op: is"))
    )
    done = run("lint")
    assert done.output.splitlines()[0].startswith(
        "config.yaml:12:28: error: late: op: "
    )
    assert done.exit_code == 1


def test_lint_names_what_the_helpdesks_would_refuse(place: Path) -> None:
    Path("mine.yaml").write_text(rules(RULE.replace("late}", "løst}")))
    done = run("lint", "mine.yaml")
    assert done.exit_code == 1
    assert "'løst' cannot be a tag: use a-z, 0-9, _, / and - (says desk)" in done.output
    Path("config.yaml").unlink()
    done = run("lint", "mine.yaml")
    assert "warning: late: 'løst' is not a tag that every helpdesk takes" in done.output
    assert done.exit_code == 0
    assert run("lint", "mine.yaml", "--strict").exit_code == 1


def test_lint_works_where_the_secrets_are_not(place: Path) -> None:
    Path("config.yaml").write_text(CONFIG.replace("api_token: t", "api_token: ${T}"))
    Path("mine.yaml").write_text(rules())
    done = run("lint", "mine.yaml")
    assert done.exit_code == 0
    said = "warning: what your helpdesks take is not looked at: sources.desk.api_token"
    assert said in done.output


def test_lint_names_what_nobody_is_there_for(place: Path) -> None:
    Path("mine.yaml").write_text(rules(RULE.replace("add_tag: late", "notify: boss")))
    done = run("lint", "mine.yaml")
    assert "mine.yaml:5:9: error: late: notify: there is no role 'boss'" in done.output
    assert done.exit_code == 1


def test_lint_can_be_read_by_programs(place: Path) -> None:
    Path("mine.yaml").write_text("rules: [")
    done = run("lint", "mine.yaml", "--json")
    found = json.loads(done.output)
    assert found.pop("what").startswith("not valid YAML")
    assert found == {"file": "mine.yaml", "line": 1, "column": 9, "level": "error",
                     "remedy": ""}  # fmt: skip


def test_lint_of_a_file_that_is_not_there_is_wrong_usage(place: Path) -> None:
    assert run("lint", "none.yaml").exit_code == 2
    Path("config.yaml").unlink()
    assert run("lint").exit_code == 2
    Path("empty").mkdir()
    assert "holds no file" in run("lint", "empty").output
