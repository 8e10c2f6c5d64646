"""``classify`` keeps its contract: a line in, a line out, in order, whatever comes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connector.cli.classify import FIELDS, classify
from rules.learned import Model

ROOT = Path(__file__).resolve().parent.parent


def run(*lines: str | bytes) -> Result:
    data = b"\n".join(
        line.encode() if isinstance(line, str) else line for line in lines
    )
    return CliRunner().invoke(classify, [], input=data + b"\n")


def answers(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_verdicts_come_in_order_with_every_field() -> None:
    result = run(
        '{"id": "a", "subject": "Parcel", "text": "My parcel never arrived."}',
        '{"id": 7, "text": "Kiitos!", "lang": "fi", "channel": "chat"}',
    )
    assert result.exit_code == 0
    first, second = answers(result)
    assert list(first) == ["id", *FIELDS]
    assert (first["id"], first["complaint"], first["lang"]) == ("a", True, "en")
    assert first["types"][0] == "delivery"
    assert (second["id"], second["complaint"], second["lang"]) == (7, False, "fi")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "not JSON"),
        (b"\xff\xfe", "not readable"),
        ("[1]", "expected a JSON object"),
        ('{"id": "x"}', 'expected a "text"'),
        ('{"text": 5}', '"text": expected a string'),
        ('{"text": "x", "lang": ["en"]}', '"lang": expected a string'),
        ("[" * 100_000, "not readable"),
    ],
)
def test_a_bad_line_is_told_and_the_rest_goes_on(
    line: str | bytes, message: str
) -> None:
    result = run('{"id": 1, "text": "hello"}', line, '{"id": 3, "text": "hello"}')
    assert result.exit_code == 1
    assert f"line 2: {message}" in result.stderr
    first, bad, third = answers(result)
    assert (first["id"], third["id"]) == (1, 3)
    assert bad["id"] is None
    assert message in str(bad["error"])


def test_errors_do_not_repeat_the_customers_words() -> None:
    result = run('{"text": "my secret is 1234')
    assert "secret" not in result.stdout + result.stderr


def test_empty_input_is_no_error() -> None:
    result = run("", "")
    assert (result.exit_code, result.stdout) == (0, "")


def test_strange_characters_come_back_as_json() -> None:
    result = run('{"id": "\\ud800", "text": "ødelagt \\ud83d"}')
    assert result.exit_code == 0
    assert answers(result)[0]["id"] == "\ud800"


def test_a_file_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text('{"id": 1, "text": "hello"}\n', encoding="utf-8")
    result = CliRunner().invoke(classify, [str(path)])
    assert answers(result)[0]["id"] == 1


def test_help_shows_an_example() -> None:
    assert "Example:" in CliRunner().invoke(classify, ["--help"]).stdout


def own_words(folder: Path) -> str:
    """Return the example of a file of words in the documents."""
    text = (ROOT / "docs" / "judging.md").read_text("utf-8").split("## Your own")[1]
    example = text.split("```yaml\n")[1].split("```")[0]
    (folder / "mine.yaml").write_text(example, "utf-8")
    return example


def test_own_words_of_the_page_are_what_tickets_are_judged_by(tmp_path: Path) -> None:
    own_words(tmp_path)
    lines = b"".join(
        json.dumps({"text": text, "lang": "en"}).encode() + b"\n"
        for text in ("The pump runs dry.", "It is kaput.", "I like my nightmare mug.")
    )
    plain = CliRunner().invoke(classify, [], input=lines)
    given = CliRunner().invoke(classify, ["--packs", str(tmp_path)], input=lines)
    assert [one["complaint"] for one in answers(plain)] == [False, False, True]
    assert [one["complaint"] for one in answers(given)] == [True, True, False]
    assert answers(given)[0]["types"] == ["product_quality"]


def test_model_tells_what_a_ticket_is_about_that_is_no_complaint(
    tmp_path: Path,
) -> None:
    kinds, nothing = ("social_media", "other"), dict[str, tuple[float, ...]]()
    model = Model("", "", kinds, (1.0, 0.0), nothing, nothing, nothing, nothing, ())
    model = replace(model, version=model.fingerprint())
    file = tmp_path / "model.json"
    file.write_text(model.to_json(), "utf-8")
    line = b'{"text": "I saw a zebra today.", "lang": "en"}'
    plain, learned = (
        answers(CliRunner().invoke(classify, words, input=line))[0]
        for words in ([], ["--model", str(file)])
    )
    assert (plain["complaint"], plain["types"]) == (False, [])
    assert (learned["complaint"], learned["types"]) == (False, ["social_media"])


def test_mistakes_in_own_words_are_told(tmp_path: Path) -> None:
    broken = own_words(tmp_path).replace("effects: {praise", "effects: {prase")
    (tmp_path / "mine.yaml").write_text(broken, "utf-8")
    result = CliRunner().invoke(classify, ["--packs", str(tmp_path)], input=b"")
    assert result.exit_code == 1
    assert "mine.yaml: groups.1.effects: 'prase' is no effect" in result.stderr
