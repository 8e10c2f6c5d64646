"""``rules lint``, ``test`` and ``list``: what they look at and say, how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kit import ROOT

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


def test_lint_looks_at_own_words_as_well(place: Path) -> None:
    Path("words").mkdir()
    text = "language: en\ngroups: [{name: praise, effects: {prase: 1}}]\n"
    Path("words/en.yaml").write_text(text)
    Path("config.yaml").write_text(f"{CONFIG}judging: {{packs: words}}\n")
    done = run("lint")
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "words/en.yaml:2:35: error: prase: is no effect; did you mean 'praise'?",
        "0 rules and 1 files of words: 1 errors, 0 warnings.",
    ]
    assert run("lint", "words").output == done.output
    # What a trade has counts where it is named, though secrets lack.
    text = "language: en\ngroups: [{name: broken, words: [pilling]}]\n"
    Path("words/en.yaml").write_text(text)
    assert "0 warnings" in run("lint").output
    lacking = CONFIG.replace("api_token: t", "api_token: ${NOBODY}")
    Path("config.yaml").write_text(f"{lacking}judging: {{packs: words, trade: shop}}\n")
    assert "is in this group already" in run("lint").output


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


TESTS = """\
tests:
  - name: a late parcel
    ticket: {text: My parcel never arrived, customer: kari@example.com}
    expect: {rules: [late], tags: [late], types: delivery, vip: false}
"""


def test_tests_beside_the_rules_are_tried(place: Path) -> None:
    Path("mine.yaml").write_text(rules() + TESTS)
    done = run("test", "mine.yaml")
    assert (done.exit_code, done.output) == (
        0,
        "1 tests of 1 rules, judged by packs alone, 0 failed.\n",
    )


def test_test_that_fails_shows_what_differs_and_why(place: Path) -> None:
    wrong = TESTS.replace("rules: [late]", "rules: []").replace("false", "true")
    Path("mine.yaml").write_text(rules() + wrong)
    done = run("test", "mine.yaml")
    assert done.exit_code == 1
    assert done.output.splitlines()[:5] == [
        "FAILED a late parcel (mine.yaml:7)",
        "  - rules: none",
        "  + rules: late",
        "  - vip: true",
        "  + vip: false",
    ]
    assert 'judged by weak sign: "never"' in done.output
    (told,) = map(json.loads, run("test", "mine.yaml", "--json").output.splitlines())
    assert (told["test"], told["line"], told["failed"]) == ("a late parcel", 7, True)
    assert told["differences"][0] == {"what": "rules", "expected": [],
                                      "found": ["late"]}  # fmt: skip


def test_tests_know_the_vips_without_any_secret(place: Path) -> None:
    secret = CONFIG.replace("api_token: t", "api_token: ${NOBODY}")
    who = "vip: {domains: [example.com], role: nobody}\n"
    Path("config.yaml").write_text(secret + who + "rules: mine.yaml\n")
    Path("mine.yaml").write_text(rules() + TESTS.replace("vip: false", "vip: true"))
    assert run("test").exit_code == 0


@pytest.mark.parametrize(
    ("ticket", "expect"),
    [
        ("{text: Parcel never arrived, status: closed}", "{status: closed}"),
        ("{text: Parcel never arrived, lang: fi}", "{lang: fi}"),
        ("{fields: {'7': Gold}, tags: [a]}", "{fields.7: Gold, messages: 1}"),
        ("{known: {problem.state: filed}}", "{problem.state: filed, complaint: false}"),
        ("{customer: {email: A@b.example, organization: B}}",
         "{customer.domain: b.example, customer.organization: B}"),
    ],
)  # fmt: skip
def test_ticket_of_a_test_has_what_is_said_of_it(
    place: Path, ticket: str, expect: str
) -> None:
    text = f"tests: [{{name: it, ticket: {ticket}, expect: {expect}}}]\n"
    Path("mine.yaml").write_text(rules() + text)
    done = run("test", "mine.yaml")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("types: d", "typs: d", "9:43: error: a late parcel: typs: there is no such "
         "field; did you mean 'types'?"),
        ("vip: false", "vip: 'no'", "9:65: error: a late parcel: vip: expected true"),
        ("text:", "txt:", "8:14: error: a late parcel: txt: unknown key; did you mean "
         "'text'?"),
        ("name: a", "nam: a", "7:5: error: test 1: nam: unknown key; did you mean"),
        ("rules: [late]", "rules: [lat]", "9:22: error: a late parcel: there is no "
         "rule 'lat'; did you mean 'late'?"),
        ("customer: k", "status: k", "8:53: error: a late parcel: status: expected"),
    ],
)  # fmt: skip
def test_lint_names_mistakes_in_tests(
    place: Path, old: str, new: str, said: str
) -> None:
    Path("mine.yaml").write_text(rules() + TESTS.replace(old, new))
    done = run("lint", "mine.yaml")
    assert done.exit_code == 1
    found, _summary = done.output.splitlines()
    assert found.startswith(f"mine.yaml:{said}")


def test_nothing_to_try_and_rules_that_cannot_be_used_end_badly(place: Path) -> None:
    Path("mine.yaml").write_text(rules())
    done = run("test", "mine.yaml")
    assert (done.exit_code, done.output) == (
        1,
        "0 tests of 1 rules, judged by packs alone, 0 failed.\n",
    )
    Path("mine.yaml").write_text(rules(RULE.replace("when", "wen")) + TESTS)
    done = run("test", "mine.yaml")
    assert done.exit_code == 1
    assert "mine.yaml:4:3: error: late: wen: unknown key" in done.output


def test_list_tells_mode_version_and_place(place: Path) -> None:
    Path("mine.yaml").write_text(rules())
    (row,) = map(json.loads, run("list", "mine.yaml", "--json").output.splitlines())
    assert row.pop("version")
    assert row == {"rule": "late", "mode": "act", "place": "mine.yaml:2",
                   "when": "types contains delivery", "then": "tag late",
                   "switched": ""}  # fmt: skip
    assert run("list", "mine.yaml").output.split()[-6:-4] == ["late", "act"]


def test_documented_example_is_sound_and_passes_its_tests(place: Path) -> None:
    example = str(ROOT / "docs" / "rules.yaml")
    assert run("lint", example).output == "3 rules: 0 errors, 0 warnings.\n"
    assert (
        run("test", example).output
        == "5 tests of 3 rules, judged by packs alone, 0 failed.\n"
    )
