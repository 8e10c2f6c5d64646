"""What was set up before, or is meanwhile, is not set up over by a first start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from first_kit import HERE, USER, Walk, answer_little, path, walk
from kit import START

from connector import installation, secrets
from connector.cli import cli
from connector.config_database import Database
from connector.dashboard.first import ending
from connector.models import Role
from connector.store import Store
from connector.store import accounts as rows

__all__ = ["path", "walk"]


def add_user(path: Path) -> None:
    store = Store(Database().url)
    with store.write() as connection:
        rows.add(connection, "aino", Role.ADMIN, START)
    store.close()


def break_database(path: Path) -> None:
    (path.parent / "var" / "connector.db").write_bytes(b"no database at all")


def link_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "volume" / "config.yaml")


@pytest.mark.parametrize(
    ("leave", "said"),
    [
        (add_user, "but var/connector.db is"),
        (break_database, "but var/connector.db is"),
        (lambda path: secrets.write(secrets.beside(path), {}), "secrets.env is"),
        (link_nowhere, "is not there"),
        (lambda path: path.write_text(""), "expected keys such as 'sources:'"),
        (lambda path: path.write_bytes(b"\xff"), "is not UTF-8"),
        (lambda path: path.mkdir(), "is a directory"),
    ],
)
def test_nothing_is_set_up_where_there_is_an_installation(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    leave: Callable[[Path], object],
    said: str,
) -> None:
    monkeypatch.setattr("connector.cli.process.os.umask", lambda mask: 0)
    monkeypatch.setattr("connector.cli.first.offer", None)  # would end in an error
    leave(path)
    done = CliRunner().invoke(cli, ["run", "--config", str(path)])
    assert isinstance(done.exception, SystemExit) and said in done.output


def test_first_start_that_was_stopped_goes_on(
    walk: Walk, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.go("helpdesks", kind="generic", name="forms")
    secrets.write(secrets.beside(path), {"FORMS_WEBHOOK_SECRET": "x"})
    offered: list[Path] = []
    monkeypatch.setattr("connector.cli.first._listening", lambda host, port: None)
    monkeypatch.setattr("connector.cli.first.offer", lambda *a: offered.append(a[0]))
    monkeypatch.setattr("connector.cli.process.os.umask", lambda mask: 0)
    CliRunner().invoke(cli, ["run", "--config", str(path)])
    assert offered == [path]


def test_secrets_of_who_was_faster_stay(
    walk: Walk, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_little(walk)
    theirs = {"FORMS_WEBHOOK_SECRET": "theirs"}
    first_user = ending._first_user

    def be_faster(*given: Any) -> str:
        secrets.write(secrets.beside(path), theirs)
        path.write_text("theirs", encoding="utf-8")
        return first_user(*given)

    monkeypatch.setattr(ending, "_first_user", be_faster)
    assert "another one is there by now" in walk.post("finish", **USER).text
    assert secrets.read(secrets.beside(path)) == theirs
    assert path.read_text(encoding="utf-8") == "theirs"


def test_user_is_made_with_the_configuration_or_not_at_all(
    walk: Walk, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_little(walk)
    write = installation.write

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(installation, "write", fail)
    assert "No space left" in walk.post("finish", **USER).text
    monkeypatch.setattr(installation, "write", write)
    other = "another long password"
    walk.go("finish", name="aino", password=other, again=other)
    store = Store(Database().url)
    with store.read() as connection:
        assert [one.name for one in rows.listing(connection)] == ["aino"]
    store.close()


def test_end_comes_after_the_configuration(walk: Walk) -> None:
    page = walk.client.get("/first-start/mode").text
    code = page.partition('name="csrf" value="')[2].partition('"')[0]
    asked = walk.client.post("/first-start/go", data={"csrf": code}, headers=HERE)
    assert asked.status_code == 404 and not walk.start.is_over.is_set()
    assert walk.client.get("/first-start/done").status_code == 404
