"""The demo is a promise: the whole loop on this machine, and then it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from kit import ROOT

from connector.demo import free_port

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
    # What it needs stays where it was told to put it.
    assert {"config.yaml", "connector.db", "connector.log"} <= {
        path.name for path in (tmp_path / "demo").iterdir()
    }
