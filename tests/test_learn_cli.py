"""``learn`` says what it found before anything is used, and can be taken back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from labels_kit import add_ticket, label

from connector import samples
from connector.cli import cli
from connector.errors import LearningUnavailable
from connector.store import Store, labels
from connector.store.labels import Label

Invoke = Callable[..., Result]

GADZOOK = '{"text": "our gadzook again", "lang": "en"}\n'


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/connector.db"


@pytest.fixture
def invoke(tmp_path: Path, database: str) -> Invoke:
    file = tmp_path / "config.yaml"
    raw = {"database": {"url": database}, "sources": {"support": {"kind": "memory"}}}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["learn", *words, "--config", str(file)])

    return run


def line(number: int, word: str) -> str:
    text = f"this {word} came to us today, number {number}"
    return json.dumps({"text": text, "labels": {"complaint": word == "gadzook"}})


@pytest.fixture
def labelled(tmp_path: Path) -> str:
    lines = [line(one, "gadzook" if one % 2 else "sunflower") for one in range(200)]
    path = tmp_path / "labelled.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return str(path)


def status(invoke: Invoke) -> list[bool]:
    result = invoke("--status", "--json")
    return [json.loads(row)["used"] for row in result.stdout.splitlines()]


def test_model_in_a_file_judges_where_it_is_named(
    invoke: Invoke, labelled: str, tmp_path: Path
) -> None:
    model = tmp_path / "model.json"
    result = invoke("--file", labelled, "--out", str(model), "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["model"] == json.loads(model.read_text())["version"]
    assert told["figures"][0]["packs"] < told["figures"][0]["blend"]
    assert model.stat().st_mode & 0o077 == 0
    assert status(invoke) == []  # nothing was put to use
    for words, complaint in ((["--model", str(model)], True), ([], False)):
        judged = CliRunner().invoke(cli, ["classify", *words], input=GADZOOK)
        assert json.loads(judged.stdout)["complaint"] is complaint
    model.write_text(model.read_text().replace("gadzook", "gadzooks"))
    broken = CliRunner().invoke(cli, ["classify", "--model", str(model)], input="")
    assert broken.exit_code == 2
    assert "changed after it was written" in broken.stderr


def test_what_helps_is_used_until_it_is_taken_back(
    invoke: Invoke, labelled: str
) -> None:
    first = invoke("--file", labelled)
    assert first.exit_code == 0
    assert "helps" in first.stdout
    assert "It is used from now on" in first.stdout
    assert status(invoke) == [True]
    assert invoke("--off").exit_code == 0
    assert status(invoke) == [False]
    assert "is used from now on" in invoke("--back").stdout
    assert status(invoke) == [True]
    assert "packs alone" in invoke("--status").stdout
    nothing = invoke("--back")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "no model before" in nothing.stderr


def test_what_agents_did_with_tags_is_counted_and_refused_if_it_is_little(
    invoke: Invoke, database: str
) -> None:
    store = Store(database)
    store.upgrade()
    kept = add_ticket(store, "1")
    now = datetime.now(UTC)
    rows = [label(kept, "cc-delivery", Label.KEPT) | {"at": now - timedelta(days=3)}]
    with store.write() as connection:
        labels.put(connection, rows)
    store.close()
    for days, complaints in (("5", 1), ("2", 0)):
        result = invoke("--days", days)
        assert result.exit_code == 1
        assert f"there are {complaints} complaints and 0 others" in result.stdout
        assert "needed are 200 labelled and 40 of each" in result.stdout
        assert "all stays as it was" in result.stderr
    assert status(invoke) == []


def test_a_line_that_cannot_be_read_ends_it(invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "labelled.jsonl"
    path.write_text(line(1, "secret") + "\nsecret\n", encoding="utf-8")
    result = invoke("--file", str(path))
    assert result.exit_code == 1
    assert "line 2: not JSON" in result.stderr
    assert "secret" not in result.output


def test_without_the_library_it_says_how_to_get_it(
    invoke: Invoke, labelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise LearningUnavailable

    monkeypatch.setattr(samples, "numbers", missing)
    result = invoke("--file", labelled)
    assert result.exit_code == 1
    assert "pip install 'complaint-connector[learn]'" in result.stderr


def test_asking_and_learning_at_once_is_refused(invoke: Invoke, labelled: str) -> None:
    result = invoke("--off", "--file", labelled)
    assert result.exit_code == 2
    assert "--off takes neither --file nor --out" in result.stderr
