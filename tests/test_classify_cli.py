"""``classify`` keeps its contract: a line in, a line out, in order, whatever comes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.cli.classify import FIELDS, classify


def run(*lines: str | bytes) -> Result:
    data = b"\n".join(
        line.encode() if isinstance(line, str) else line for line in lines
    )
    return CliRunner().invoke(classify, [], input=data + b"\n")


def answers(result: Result) -> list[dict[str, object]]:
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
    assert first["types"][0] == "delivery"  # type: ignore[index]
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
