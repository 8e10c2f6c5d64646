"""What is wrong with texts is said with its line, before a customer reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit import Bench, settings
from loop_kit import COMPLAINTS, file_issue, fix

from connector import text_lint, texts
from connector.cli import cli
from connector.config import check
from connector.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def to(text: str, language: str = "en") -> Path:
        folder = tmp_path / "texts"
        folder.mkdir(exist_ok=True)
        (folder / f"{language}.yaml").write_text(text, encoding="utf-8")
        return folder

    return to


def test_nothing_is_wrong_with_our_own() -> None:
    assert text_lint.lint(Path(str(texts.built_in())), texts.LANGUAGES) == []


@pytest.mark.parametrize(
    ("text", "line", "what", "breaks"),
    [
        (
            "fixed: |\n  Hello,\n  {{ order }} works.\n",
            3,
            "unknown variable order",
            True,
        ),
        ("checkin: Hi {{ subject }}{% if x %}!{% endif %}", 1, "variable x", True),
        ("fixed: |\n  Hello,\n\n  {{ subject \n", 4, "end of", True),
        ("fixed: '{{ subject / 2 }}'", 1, "cannot be filled", True),
        ("fixed: '{{ subject.__class__.mro() }}'", 1, "cannot be filled", True),
        ("fixed: ''", 1, "no words", True),
        ("checkin: Hi\nfixed: [a]", 2, "fixed: there are no words", True),
        ("checkin: Hi\nfixed: {{ subject }}", 2, "fixed: there are no words", True),
        ("fixed: null", 1, "no words", True),
        ("fixed: yes", 1, "no words", True),
        ("fixed: Hi\nfixed: Hello", 2, "stands there twice", False),
        ("- a", 1, "expected texts by their names", True),
        ("fixed: |\n  a\n b: c", 3, "not valid YAML", True),
        ("\nfixed: |\n  Hi.\n  You should have read it.", 4, "blames", False),
        ("fixed: |\n  Hi.\n  Write to kari@mail.example.", 3, "email", False),
        ("fixed: Call Kari on +47 915 55 123.", 1, "somebody's phone", False),
        ("thanks: Hello", 1, "no such text", False),
        ("fixed.frequent: Hello", 1, "no text for this persona", False),
    ],
)
def test_mistake_is_told_with_its_line_and_a_remedy(
    write: Callable[[str], Path], text: str, line: int, what: str, breaks: bool
) -> None:
    (remark,) = text_lint.lint(write(text), ())
    assert (remark.file, remark.line) == ("en.yaml", line)
    assert what in remark.what
    assert remark.remedy
    assert remark.breaks is breaks


def test_page_of_help_and_a_year_are_nobodys(write: Callable[[str], Path]) -> None:
    text = "fixed: See https://shop.example/help/12345, open since 2026-03-01."
    assert text_lint.lint(write(text), ()) == []


def test_language_that_is_missing_is_told_once(
    write: Callable[..., Path],
) -> None:
    write("fixed: Hei", "nb")
    write("fixed.premium: Hei", "nn")
    folder = write("checkin: Hello\nfixed: Hello", "en")
    found = [one.what for one in text_lint.lint(folder, ["en", "nb"])]
    assert found == ["checkin: is missing in nb"]


def test_language_that_is_never_judged_is_told(write: Callable[..., Path]) -> None:
    (remark,) = text_lint.lint(write("fixed: Bonjour", "fr"), ())
    assert "never read" in remark.what


def test_folder_of_which_nothing_is_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "nb.yml").write_text("fixed: Det virker.", encoding="utf-8")
    said = [(one.file, one.what) for one in text_lint.lint(tmp_path, ())]
    assert said == [
        ("nb.yml", "it is never read"),
        (".", "there are no texts in this folder"),
    ]


def test_text_that_cannot_be_written_is_a_mistake_of_the_configuration(
    write: Callable[[str], Path],
) -> None:
    def configured(text: str) -> str:
        raw = {"sources": {"support": {"kind": "memory"}}, "texts": str(write(text))}
        return check(raw, "test").texts

    with pytest.raises(ConfigError, match=r"texts: en.yaml:1: fixed: unknown variable"):
        configured("fixed: '{{ order }}'")
    assert configured("fixed: It is your fault.")


def test_command_tells_the_place_and_ends_with_1(write: Callable[[str], Path]) -> None:
    folder = write("fixed: |\n  Calm down.")
    told = CliRunner().invoke(cli, ["texts", "lint", str(folder), "--lang", "en"])
    assert told.exit_code == 1
    assert told.output == (
        f"{folder}/en.yaml:2: fixed: “calm down” blames the customer; say what is so, "
        "and what happens next\n"
    )
    file = CliRunner().invoke(cli, ["texts", "lint", str(folder / "en.yaml")])
    assert (file.exit_code, "is a file" in file.output) == (2, True)
    write("fixed: It works.")
    told = CliRunner().invoke(cli, ["texts", "lint", str(folder), "--lang", "en"])
    assert (told.exit_code, "Nothing is wrong" in told.output) == (0, True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_preview_shows_the_text_for_a_ticket_and_sends_nothing(
    bench: Bench, tmp_path: Path, write: Callable[[str], Path]
) -> None:
    bench.write("1", COMPLAINTS[0], "kari@mail.example", subject="Code")
    bench.settle()
    write("checkin: Does {{ subject }} ({{ number }}) work?")
    file = tmp_path / "config.yaml"
    file.write_text(
        "sources: {support: {kind: memory}}\ntexts: texts\n"
        f"database: {{url: '{bench.config.database.url}'}}\n"
    )

    def preview(*words: str) -> str:
        call = ["texts", "preview", "checkin", "--config", str(file), *words]
        return CliRunner().invoke(cli, call).output

    assert "Does Code (1) work?" in preview("--ticket", "support:1")
    shown = preview("--ticket", "support:1", "--lang", "nb", "--persona", "premium")
    assert shown.startswith("# nb/checkin.premium@")
    assert "er «Code» nå slik du vil ha det?" in shown
    assert "never decided" in preview("--ticket", "support:2")
    assert not [call for call in bench.support.calls if call[0] == "send_message"]


def test_message_and_preview_say_what_was_said_and_done(
    blank_sqlite: str, tmp_path: Path, write: Callable[..., Path]
) -> None:
    for language in ("en", "nb", "fi"):
        folder = write("fixed: 'Works. {{ said_did }}'\n", language)
    assert text_lint.lint(folder, ["en", "nb", "fi"]) == []
    desk = Bench(settings(blank_sqlite).model_copy(update={"texts": str(folder)}))
    file = tmp_path / "config.yaml"
    file.write_text(
        f"sources: {{support: {{kind: memory}}}}\ntexts: {folder}\n"
        f"database: {{url: '{blank_sqlite}'}}\n"
    )

    def preview() -> str:
        call = ["texts", "preview", "fixed", "--ticket", "support:0"]
        return CliRunner().invoke(cli, [*call, "--config", str(file)]).output

    issue = file_issue(desk)
    assert "Works. [said_did]" in preview()
    fix(desk, issue)
    expected = "Works. You said – we did: Discounts and prices, reported by 5 customers"
    assert expected in preview()
    said = [str(what) for call, _, what in desk.support.calls if call == "send_message"]
    assert any(expected in words for words in said)
    assert any("meldt av 5 kunder, rettet 2.3.2026." in words for words in said)
    desk.close()
