"""The shape of the repository: rows of imports, homes of libraries, names, packages."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from layout import HOMES, ROWS, SIDEWAYS, TOP_LEVEL

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("connector", "adapters", "rules", "webhooks")


@cache
def modules() -> dict[str, Path]:
    """Return every module of ours by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if not parts[-1][0].isdigit():  # schema changes are loaded by path
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def longest(name: str, table: dict[str, int]) -> str | None:
    """Return the longest entry of ``table`` that ``name`` is within."""
    fitting = [prefix for prefix in table if within(name, prefix)]
    return max(fitting, key=len, default=None)


@cache
def imports(name: str, typing: bool = True) -> tuple[tuple[int, str], ...]:
    """Return line and full name of all that a module imports, wherever it does.

    With ``typing`` false, what only the type checker reads is left out.
    """
    found = []
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    for node in _walk(tree, typing):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            for alias in node.names:
                full = f"{start}.{alias.name}"
                found.append((node.lineno, full if full in modules() else start))
    return tuple(found)


def _walk(tree: ast.AST, typing: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        is_for_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(
            node.test
        )
        if typing or not is_for_typing:
            yield node
            yield from _walk(node, typing)


def ours(name: str, typing: bool = True) -> Iterator[tuple[int, str]]:
    for line, target in imports(name, typing):
        if target.partition(".")[0] in PACKAGES:
            yield line, target


def stands(name: str) -> str:
    """Return the part a module belongs to, which is its entry in ``ROWS``."""
    part = longest(name, ROWS)
    assert part is not None and (part != "connector" or name == "connector"), (
        f"{name} has no row yet: give it one in ROWS of tests/layout.py"
    )
    return part


def may_import(name: str, target: str) -> bool:
    here, there = stands(name), stands(target)
    if here == there or ROWS[there] < ROWS[here]:
        return True
    return there in SIDEWAYS.get(here, ())


@pytest.mark.parametrize("name", modules())
def test_imports_point_down(name: str) -> None:
    wrong = [
        f"line {line}: {name} (row {ROWS[stands(name)]}) imports {target} "
        f"(row {ROWS[stands(target)]})"
        for line, target in ours(name)
        if not may_import(name, target)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", modules())
def test_libraries_stay_at_home(name: str) -> None:
    wrong = [
        f"line {line}: {name} imports {target}"
        for line, target in imports(name)
        if (homes := HOMES.get(target.partition(".")[0]))
        and not any(within(name, home) for home in homes)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", modules())
def test_imports_are_absolute(name: str) -> None:
    assert [line for line, target in imports(name) if target.startswith(".")] == []


@pytest.mark.parametrize(
    "name", [name for name in modules() if within(name, "adapters")]
)
def test_adapters_never_import_each_other(name: str) -> None:
    own = ".".join(name.split(".")[:2])
    shared = ("adapters", "adapters.base", "adapters.http", "adapters.signatures")
    shared += ("adapters.pace", "adapters.stages", "adapters.words")
    wrong = [
        target
        for _, target in ours(name)
        if within(target, "adapters")
        and target not in shared
        and not within(target, own)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "name", [name for name in modules() if not within(name, "adapters")]
)
def test_nobody_names_a_vendor_outside_adapters(name: str) -> None:
    """Vendors are found by their ``kind``, else another package could not add one."""
    allowed = ("adapters", "adapters.base", "adapters.pace")
    if ROWS[stands(name)] == 4:
        allowed = ("adapters.base", "adapters.pace")
    wrong = [
        target
        for _, target in ours(name)
        if within(target, "adapters") and target not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "name", [name for name in modules() if within(name, "connector.sandbox")]
)
def test_sandbox_shares_nothing_with_what_it_tests(name: str) -> None:
    assert [t for _, t in ours(name) if not within(t, "connector.sandbox")] == []


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row == 1])
def test_first_row_needs_only_pydantic(name: str) -> None:
    known = sys.stdlib_module_names | {"pydantic"} | set(PACKAGES)
    assert [t for _, t in imports(name) if t.partition(".")[0] not in known] == []


def test_no_import_goes_in_a_circle() -> None:
    graph = {
        name: {target for _, target in ours(name, typing=False)} - {name}
        for name in modules()
    }
    assert circle(graph) == []


def test_circle_is_found_and_named() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"a"}, "c": {"a"}})) == {"a", "b"}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of one circle of imports; none if there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as err:
        return list(err.args[1])
    return []


@pytest.mark.parametrize("table", [ROWS, SIDEWAYS], ids=["ROWS", "SIDEWAYS"])
def test_tables_name_only_modules_that_exist(table: dict[str, object]) -> None:
    assert [name for name in table if name not in modules()] == []


def python_files() -> list[Path]:
    folders = (*PACKAGES, "tests", "bench")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize(
    "path", python_files(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert said, f"{path.relative_to(ROOT)} has no docstring"


def test_top_level_holds_only_what_belongs_there() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    strange = [
        entry.name
        for entry in ROOT.iterdir()
        if entry.name not in TOP_LEVEL
        and not any(fnmatch(entry.name, pattern.rstrip("/")) for pattern in ignored)
    ]
    assert strange == []


@cache
def project() -> dict[str, dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_distribution_has_every_package() -> None:
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert set(project()["tool"]["setuptools"]["packages"]) == folders


def test_distribution_has_every_data_file() -> None:
    data = project()["tool"]["setuptools"]["package-data"]
    missing = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_dir() or path.suffix in (".py", ".pyc"):
                continue
            home = next(up for up in path.parents if (up / "__init__.py").exists())
            patterns = data.get(".".join(home.relative_to(ROOT).parts), [])
            inside = path.relative_to(home)
            if not any(inside.match(p) and _deep(inside, p) for p in patterns):
                missing.append(str(path.relative_to(ROOT)))
    assert missing == []


def _deep(path: Path, pattern: str) -> bool:
    return len(path.parts) == len(Path(pattern).parts)


def test_no_test_package_shadows_one_of_ours() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
    assert not [name for name in PACKAGES if (ROOT / "tests" / name).exists()]


@pytest.mark.parametrize("name", ["adapters", "rules", "webhooks"])
def test_package_that_shadows_ours_is_named_at_the_start(
    tmp_path: Path, name: str
) -> None:
    stranger = tmp_path / name
    stranger.mkdir()
    (stranger / "__init__.py").write_text("raise RuntimeError('imported')\n")
    done = subprocess.run(
        [sys.executable, "-m", "connector", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"the package {name!r} is taken by another one" in done.stderr
    assert str(stranger) in done.stderr
    assert "into an environment of its own" in done.stderr
    assert "Traceback" not in done.stderr


def test_start_without_a_stranger_is_not_complained_of(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "connector", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
