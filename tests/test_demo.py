"""The demo is a promise: the whole loop on this machine, and then it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit import ROOT

from connector.cli.demo import demo
from connector.demo import free_port, make_room

PATIENCE = 120.0


def test_demo_plays_the_whole_loop_and_ends(tmp_path: Path) -> None:
    ports = str(free_port(0)), str(free_port(0))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "connector", "demo", "--once", "--pace", "0.02"),
            *("--port", ports[0], "--sandbox-port", ports[1]),
            *("--folder", str(tmp_path / "demo")),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        # Asked to stop, it also stops the connector it started.
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)
        raise AssertionError(f"not done after {PATIENCE:g} s:\n{said}") from None
    assert process.returncode == 0, said
    assert "The loop is closed" in said
    # What it needs stays where it was told to put it, and is nobody else's.
    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "demo").iterdir()}
    assert {"config.yaml", "connector.db", "connector.log"} <= set(modes)
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    "name", ["config.yaml", "connector.db", "connector.db-wal", "connector.log"]
)
def test_demo_does_not_touch_what_it_did_not_make(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    result = CliRunner().invoke(demo, ["--once", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert name in result.output
    assert "--folder" in result.output
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_demo_begins_anew_in_its_own_folder(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    make_room(folder)
    for name in ("connector.db", "connector.db-wal", "connector.log", "mine.txt"):
        (folder / name).write_text("old")
    make_room(folder)
    left = {path.name for path in folder.iterdir()}
    assert left == {".demo", "connector.log", "mine.txt"}
