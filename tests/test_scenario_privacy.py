"""A customer with three complaints about two things is erased; the sandbox is witness.

Nothing of theirs is found in the files of the database or in what was exported, byte by
byte, and every count is what it was: here, in the register and in Jira.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sandbox_kit import DESKS, Stepped, issues, messages, stepped
from sqlalchemy import select

from connector.cli import cli
from connector.sandbox import SandboxSettings
from connector.store import groups
from connector.store.schema import metadata

CUSTOMERS = "customfield_10050"

NAME, ADDRESS = "Solveig Unntatt", "solveig.unntatt@hidden.example"
PHONE, ORDER, WORD = "912 34 765", "QX-77431", "zorbulator"
OF_THEIRS = ("solveig", "unntatt", "hidden.example", PHONE, "77431", "zorbul")

CODE = "The discount code AUTUMN20 does not work at checkout, I get error E-4012."
PARCEL = "My parcel never arrived, the delivery is three weeks late. I am very angry!"
OWN = f"My {WORD} order {ORDER} hates it, call {PHONE}. Regards, {NAME}"


def write(scene: Stepped, number: int, text: str, email: str, name: str) -> str:
    vendor = list(DESKS)[number % 2]
    ticket = scene.world.write(
        vendor, email=email, name=name, subject=text[:60], text=text, language="en"
    )
    scene.settle(minutes=1)
    return f"{DESKS[vendor]}:{ticket}"


def complain(scene: Stepped) -> list[str]:
    """Let two others complain of each of two things, and somebody of both."""
    for number in range(2):
        for text in (CODE, PARCEL):
            email = f"{text[:3].strip().lower()}{number}@mail.example"
            write(scene, number, f"{text} Again.", email, f"Customer {number}")
    own = [(CODE, 0), (PARCEL, 1), (PARCEL, 0)]
    found = [
        write(scene, desk, f"{OWN}. {text} {OWN}", ADDRESS, NAME) for text, desk in own
    ]
    scene.settle(minutes=11)
    return found


def held(scene: Stepped, *folders: Path) -> dict[str, set[str]]:
    """Return what is found of theirs, and where: in files, or in any column."""
    said: dict[str, bytes] = {}
    url = scene.runtime.store.engine.url
    if scene.runtime.store.is_sqlite:
        folders = (Path(url.database or "").parent, *folders)
    files = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    said |= {str(path): path.read_bytes() for path in files}
    with scene.runtime.store.read() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(select(table)).all()
            said[table.name] = "\n".join(map(str, rows)).encode()
    return {
        place: words
        for place, text in said.items()
        if (words := {word for word in OF_THEIRS if word.encode() in text.lower()})
    }


def counts(scene: Stepped) -> list[tuple[int, int, int]]:
    with scene.runtime.store.read() as connection:
        listed = groups.listing(connection, None, 10)
    return sorted((one["id"], one["customers"], one["tickets"]) for one in listed)


def in_jira(scene: Stepped) -> list[tuple[str, Any]]:
    return sorted((one["key"], one["fields"][CUSTOMERS]) for one in issues(scene.world))


def test_erased_customer_is_found_nowhere_and_still_counted(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings" / "config.yaml"
    exports = tmp_path / "exports"
    for folder in (file.parent, exports):
        folder.mkdir()
    problems = {
        "customers": 3,
        "counts_every": "0s",
        "fields": {"customers": CUSTOMERS},
    }
    with stepped(
        database_url, SandboxSettings(jira_projects=("SHOP",)), problems=problems
    ) as scene:
        file.write_text(yaml.safe_dump(scene.raw), encoding="utf-8")
        monkeypatch.setattr(import_module("connector.cli.erase"), "_now", scene.clock)

        def type_(*words: str) -> str:
            done = CliRunner().invoke(cli, [*words, "--config", str(file)])
            assert done.exit_code == 0, done.output
            return done.output

        def export() -> bytes:
            out = exports / "register.csv"
            type_("report", "register", "--month", "2026-03", "--out", str(out))
            return out.read_bytes()

        tickets = complain(scene)
        before = counts(scene), in_jira(scene), export()
        assert [(customers, tickets) for _, customers, tickets in before[0]] == [
            (3, 3),
            (3, 4),
        ]
        assert len(before[1]) == 2
        assert {word for words in held(scene).values() for word in words} == set(
            OF_THEIRS
        )

        said = type_("erase", ADDRESS.upper(), "--by", "anna", "--yes", "--json")
        receipt = json.loads(said)
        assert sorted(name for name, _ in receipt["tickets"]) == sorted(tickets)
        assert sorted(key for _, key in receipt["issues"]) == [
            key for key, _ in before[1]
        ]
        assert held(scene, exports) == {}

        # They are told nothing, others are; and later webhooks bring nothing back.
        for issue in issues(scene.world):
            scene.world.issue(issue["key"], "done", resolution="Done")
        scene.settle(minutes=1)
        scene.settle(minutes=30)
        told = sorted(email for email, _ in messages(scene.world))
        assert told == [f"{one}{n}@mail.example" for one in ("my", "the") for n in "01"]
        export()
        found = held(scene, exports)
        assert {place for place in found if ".db" not in place} == set()
        assert (counts(scene), in_jira(scene)) == before[:2]
        assert export().count(b"\n") == before[2].count(b"\n")
        scene.assert_nothing_parked()
