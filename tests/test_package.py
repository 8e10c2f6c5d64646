"""What is built of the repository: everything is in it, and it starts by itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("adapters", "connector", "rules", "webhooks")
#: What is for working on the repository itself.
NOT_SHIPPED = {".ci", ".gitignore"}

BUILD = """
import sys
from setuptools import build_meta
out = sys.argv[1]
build_meta.build_sdist(out)
build_meta.build_wheel(out)
"""


def files_of_the_repository() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = listed.stdout.splitlines()
    return {name for name in names if (ROOT / name).is_file()}


def build(out: Path, copy: Path) -> tuple[Path, Path]:
    """Build source archive and wheel from a copy of what is kept in git."""
    for name in files_of_the_repository():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(out)],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


def test_built_distribution_is_whole_and_starts_elsewhere(tmp_path: Path) -> None:
    archive, wheel = build(tmp_path / "dist", tmp_path / "copy")
    kept = files_of_the_repository()
    with tarfile.open(archive) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
    assert {n for n in kept if n.partition("/")[0] not in NOT_SHIPPED} - inside == set()

    home = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as packed_wheel:
        names = {n for n in packed_wheel.namelist() if ".dist-info/" not in n}
        packed_wheel.extractall(home)
    assert names == {n for n in kept if n.partition("/")[0] in PACKAGES}
    scripts = next(home.glob("*.dist-info")) / "entry_points.txt"
    assert "complaint-connector = connector.__main__:main" in scripts.read_text()
    done = subprocess.run(
        [sys.executable, "-m", "connector", "classify"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(home)},
        input='{"id": "1", "subject": "Parcel", "text": "My parcel never arrived."}\n',
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)["types"] == ["delivery"]
