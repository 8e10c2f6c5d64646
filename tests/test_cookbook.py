"""Every recipe of the cookbook does what it says, and stands by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from kit import ROOT

from connector.cli.rules import rules


@pytest.fixture(autouse=True)
def _without_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


RECIPES = sorted((ROOT / "docs" / "cookbook").glob("*.yaml"))


def test_there_are_twenty_recipes() -> None:
    assert len(RECIPES) == 20


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_does_what_it_says(path: Path) -> None:
    ran = CliRunner().invoke(rules, ["test", str(path)])
    assert (ran.exit_code, ran.output.endswith(" 0 failed.\n")) == (0, True), ran.output


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_has_nothing_that_lint_would_name(path: Path) -> None:
    ran = CliRunner().invoke(rules, ["lint", "--strict", str(path)])
    assert ran.exit_code == 0, ran.output


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_observes_first_and_shows_when_it_holds_and_when_not(path: Path) -> None:
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {rule.get("mode", "observe") for rule in recipe["rules"]} == {"observe"}
    held = [case["expect"]["rules"] for case in recipe["tests"]]
    assert {rule["id"] for rule in recipe["rules"]} == {one for n in held for one in n}
    assert [] in held
