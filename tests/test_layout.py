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

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("connector", "adapters", "rules", "webhooks")

#: Which module stands in which row; the longest name that fits decides.
ROWS = {
    "connector.models": 1,
    "connector.errors": 1,
    "connector.mistakes": 1,
    "connector.spans": 1,
    "rules": 2,
    "adapters": 2,
    "connector": 3,  # the bare package, which holds nothing
    "connector.config": 3,
    "connector.config_blocks": 3,
    "connector.config_clocks": 3,
    "connector.config_database": 3,
    "connector.config_file": 3,
    "connector.config_learning": 3,
    "connector.config_messages": 3,
    "connector.config_oidc": 3,
    "connector.config_problems": 3,
    "connector.config_reports": 3,
    "connector.config_retention": 3,
    "connector.config_vip": 3,
    "connector.config_work": 3,
    "connector.section": 3,
    "connector.store": 3,
    "connector.migrations": 3,
    "connector.secrets": 3,
    "connector.workdays": 3,
    "connector.packs": 3,
    "connector.texts": 3,
    "connector.text_lint": 3,
    "connector.ratings": 3,
    "connector.logs": 3,
    "connector.metrics": 3,
    "connector.rulebook": 3,
    "connector.switched": 3,
    "connector.taught": 3,
    "connector.fitting": 3,
    "connector.samples": 3,
    "connector.rulefiles": 3,
    "connector.backoff": 4,
    "connector.backtest": 4,
    "connector.comparison": 4,
    "connector.earlier": 4,
    "connector.replay": 4,
    "connector.budget": 4,
    "connector.pacing": 4,
    "connector.health": 4,
    "connector.grouping": 4,
    "connector.judging": 4,
    "connector.learning": 4,
    "connector.lessons": 4,
    "connector.case": 4,
    "connector.replies": 4,
    "connector.clocks": 4,
    "connector.vips": 4,
    "connector.directories": 4,
    "connector.tagging": 4,
    "connector.precision": 4,
    "connector.demotion": 4,
    "connector.filling": 4,
    "connector.pipeline": 4,
    "connector.accounts": 4,
    "connector.vouching": 4,
    "connector.oidc": 4,
    "connector.acceptance": 4,
    "connector.carrying": 4,
    "connector.dating": 4,
    "connector.inbox": 4,
    "connector.callbacks": 4,
    "connector.sweep": 4,
    "connector.history": 4,
    "connector.imports": 4,
    "connector.erased": 4,
    "connector.erasing": 4,
    "connector.retention": 4,
    "connector.checkins": 4,
    "connector.tasks": 4,
    "connector.quiet": 4,
    "connector.wanted": 4,
    "connector.effects": 4,
    "connector.answers": 4,
    "connector.outbox": 4,
    "connector.counts": 4,
    "connector.drafts": 4,
    "connector.notices": 4,
    "connector.reports": 4,
    "connector.filing": 4,
    "connector.ladder": 4,
    "connector.issue_text": 4,
    "connector.upkeep": 4,
    "connector.incidents": 4,
    "connector.recipients": 4,
    "connector.followups": 4,
    "connector.optouts": 4,
    "connector.acknowledging": 4,
    "connector.broadcasts": 4,
    "connector.escalation": 4,
    "connector.showing": 4,
    "connector.noting": 4,
    "connector.undoing": 4,
    "connector.retyping": 4,
    "connector.ruling": 4,
    "connector.suggesting": 4,
    "connector.readiness": 4,
    "connector.turns": 4,
    "connector.launches": 4,
    "connector.share": 4,
    "connector.recurrence": 4,
    "connector.sequel": 4,
    "connector.unfixed": 4,
    "connector.resolution": 4,
    "connector.originals": 4,
    "connector.muting": 4,
    "connector.declining": 4,
    "connector.unlinking": 4,
    "connector.issue_panel": 4,
    "connector.absorbing": 4,
    "connector.correcting": 4,
    "connector.merging": 4,
    "connector.steering": 4,
    "connector.doctor": 4,
    "connector.roundtrip": 4,
    "connector.switching": 4,
    "connector.trying": 4,
    "webhooks": 5,
    "connector.dashboard": 5,
    "connector.sidebar": 5,
    "connector.installation": 5,
    "connector.questions": 5,
    "connector.linting": 5,
    "connector.scheduler": 5,
    "connector.sandbox": 5,
    "connector.app": 6,
    "connector.cli": 6,
    "connector.demo": 6,
    "connector.__main__": 6,
}

#: Who may use whom in their own row; apart from this a row uses nothing of itself.
SIDEWAYS = {
    "connector.dashboard": ("connector.installation", "connector.questions"),
    "connector.config": (
        "connector.config_blocks",
        "connector.config_clocks",
        "connector.config_database",
        "connector.config_file",
        "connector.config_learning",
        "connector.config_messages",
        "connector.config_oidc",
        "connector.config_problems",
        "connector.config_reports",
        "connector.config_retention",
        "connector.config_vip",
        "connector.config_work",
        "connector.section",
        "connector.secrets",
        "connector.text_lint",
        "connector.workdays",
    ),
    "connector.config_blocks": (
        "connector.config_clocks",
        "connector.section",
    ),
    "connector.config_clocks": (
        "connector.packs",
        "connector.section",
        "connector.workdays",
    ),
    "connector.packs": ("connector.section", "connector.workdays"),
    "connector.config_messages": ("connector.section", "connector.workdays"),
    "connector.config_oidc": ("connector.section",),
    "connector.config_problems": ("connector.section",),
    "connector.config_reports": ("connector.section",),
    "connector.config_database": ("connector.section",),
    "connector.config_learning": ("connector.section",),
    "connector.config_vip": ("connector.section",),
    "connector.config_work": ("connector.section",),
    "connector.config_retention": ("connector.section",),
    "connector.switched": ("connector.store",),
    "connector.taught": ("connector.store",),
    "connector.migrations": ("connector.store",),
    "connector.rulebook": (
        "connector.config",
        "connector.metrics",
        "connector.rulefiles",
        "connector.store",
        "connector.switched",
        "connector.taught",
    ),
    "connector.text_lint": ("connector.texts",),
    "connector.followups": ("connector.recipients",),
    "connector.vouching": ("connector.accounts",),
    "connector.oidc": ("connector.vouching",),
    "connector.optouts": ("connector.case",),
    "connector.acknowledging": (
        "connector.case",
        "connector.recipients",
        "connector.replies",
    ),
    "connector.broadcasts": (
        "connector.correcting",
        "connector.followups",
        "connector.recipients",
    ),
    "connector.resolution": ("connector.followups",),
    "connector.counts": ("connector.issue_panel",),
    "connector.issue_panel": ("connector.issue_text",),
    "connector.issue_text": ("connector.grouping",),
    "connector.filing": (
        "connector.counts",
        "connector.grouping",
        "connector.issue_text",
        "connector.launches",
    ),
    "connector.notices": ("connector.issue_text",),
    "connector.reports": (
        "connector.filing",
        "connector.issue_text",
        "connector.notices",
        "connector.quiet",
    ),
    "connector.ladder": ("connector.filing",),
    "connector.upkeep": (
        "connector.counts",
        "connector.filing",
        "connector.issue_panel",
        "connector.issue_text",
    ),
    "connector.drafts": (
        "connector.clocks",
        "connector.counts",
        "connector.filing",
        "connector.recurrence",
        "connector.reports",
        "connector.sequel",
    ),
    "connector.recurrence": (
        "connector.filing",
        "connector.issue_text",
        "connector.resolution",
        "connector.upkeep",
    ),
    "connector.sequel": (
        "connector.issue_text",
        "connector.readiness",
        "connector.recurrence",
    ),
    "connector.unfixed": (
        "connector.declining",
        "connector.filing",
        "connector.issue_text",
        "connector.recurrence",
    ),
    "connector.muting": (
        "connector.filing",
        "connector.followups",
        "connector.issue_text",
    ),
    "connector.declining": (
        "connector.followups",
        "connector.muting",
        "connector.resolution",
    ),
    "connector.unlinking": (
        "connector.filing",
        "connector.issue_text",
        "connector.resolution",
    ),
    "connector.absorbing": ("connector.filing", "connector.issue_text"),
    "connector.steering": (
        "connector.correcting",
        "connector.declining",
        "connector.escalation",
        "connector.issue_text",
        "connector.muting",
        "connector.unlinking",
    ),
    "connector.correcting": (
        "connector.escalation",
        "connector.followups",
        "connector.grouping",
        "connector.recurrence",
    ),
    "connector.escalation": (
        "connector.absorbing",
        "connector.declining",
        "connector.muting",
        "connector.filing",
        "connector.grouping",
        "connector.incidents",
        "connector.ladder",
        "connector.readiness",
        "connector.recurrence",
        "connector.resolution",
        "connector.turns",
        "connector.sequel",
        "connector.unfixed",
        "connector.unlinking",
        "connector.upkeep",
        "connector.showing",
    ),
    "connector.doctor": (
        "connector.callbacks",
        "connector.declining",
        "connector.demotion",
        "connector.filling",
        "connector.health",
        "connector.imports",
        "connector.oidc",
        "connector.roundtrip",
        "connector.ruling",
        "connector.sweep",
        "connector.tagging",
    ),
    "connector.roundtrip": ("connector.callbacks",),
    "connector.switching": ("connector.correcting",),
    "connector.trying": ("connector.judging",),
    "connector.showing": ("connector.case",),
    "connector.noting": (
        "connector.case",
        "connector.followups",
        "connector.showing",
        "connector.suggesting",
    ),
    "connector.suggesting": ("connector.case",),
    "connector.ruling": ("connector.case", "connector.notices"),
    "connector.merging": (
        "connector.absorbing",
        "connector.correcting",
        "connector.followups",
        "connector.muting",
    ),
    "connector.originals": (
        "connector.escalation",
        "connector.merging",
        "connector.resolution",
    ),
    "connector.incidents": ("connector.filing", "connector.issue_text"),
    "connector.readiness": ("connector.grouping", "connector.launches"),
    "connector.share": (
        "connector.filing",
        "connector.issue_text",
        "connector.turns",
    ),
    "connector.turns": ("connector.readiness",),
    "connector.case": ("connector.judging",),
    "connector.directories": ("connector.health", "connector.judging"),
    "connector.tagging": ("connector.case", "connector.judging", "connector.showing"),
    "connector.precision": ("connector.tagging",),
    "connector.demotion": (
        "connector.notices",
        "connector.precision",
        "connector.tagging",
    ),
    "connector.replies": ("connector.case",),
    "connector.retyping": ("connector.correcting", "connector.tagging"),
    "connector.vips": ("connector.case", "connector.notices"),
    "connector.clocks": (
        "connector.case",
        "connector.notices",
        "connector.replies",
    ),
    "connector.filling": ("connector.case",),
    "connector.earlier": ("connector.rulebook",),
    "connector.pipeline": (
        "connector.acknowledging",
        "connector.case",
        "connector.checkins",
        "connector.clocks",
        "connector.dating",
        "connector.earlier",
        "connector.escalation",
        "connector.filling",
        "connector.followups",
        "connector.grouping",
        "connector.judging",
        "connector.readiness",
        "connector.recurrence",
        "connector.noting",
        "connector.replies",
        "connector.optouts",
        "connector.ruling",
        "connector.showing",
        "connector.tagging",
        "connector.tasks",
        "connector.vips",
    ),
    "connector.backtest": (
        "connector.comparison",
        "connector.grouping",
        "connector.judging",
        "connector.pipeline",
        "connector.readiness",
        "connector.replay",
        "connector.tagging",
    ),
    "connector.comparison": ("connector.replay",),
    "connector.replay": (
        "connector.grouping",
        "connector.launches",
        "connector.readiness",
        "connector.share",
        "connector.turns",
    ),
    "connector.tasks": ("connector.case",),
    "connector.inbox": (
        "connector.backoff",
        "connector.directories",
        "connector.health",
        "connector.carrying",
        "connector.case",
        "connector.dating",
        "connector.erased",
        "connector.judging",
        "connector.originals",
        "connector.pipeline",
    ),
    "connector.erasing": ("connector.judging",),
    "connector.checkins": (
        "connector.case",
        "connector.recipients",
        "connector.replies",
    ),
    "connector.wanted": (
        "connector.acknowledging",
        "connector.checkins",
        "connector.followups",
        "connector.recipients",
        "connector.recurrence",
    ),
    "connector.effects": (
        "connector.wanted",
        "connector.checkins",
        "connector.drafts",
    ),
    "connector.answers": (
        "connector.escalation",
        "connector.filing",
        "connector.incidents",
        "connector.ladder",
        "connector.recurrence",
        "connector.share",
        "connector.upkeep",
    ),
    "connector.outbox": (
        "connector.answers",
        "connector.wanted",
        "connector.backoff",
        "connector.effects",
        "connector.health",
    ),
    "connector.pacing": ("connector.budget",),
    "connector.callbacks": ("connector.health",),
    "connector.sweep": ("connector.health",),
    "connector.history": (
        "connector.backoff",
        "connector.imports",
        "connector.judging",
        "connector.pipeline",
    ),
    "connector.cli": ("connector.app", "connector.demo"),
    "connector.__main__": ("connector.cli",),
}

#: A library and the only places that may import it.
HOMES = {
    "flask": (
        "webhooks",
        "connector.dashboard",
        "connector.sidebar",
        "connector.app",
        "connector.sandbox",
    ),
    "flask_babel": ("connector.dashboard",),
    "requests": (
        "adapters",
        "connector.demo",
        "connector.oidc.asking",
        "connector.roundtrip",
        "connector.sandbox",
    ),
    "authlib": ("connector.oidc.asking", "connector.oidc.provider"),
    "joserfc": ("connector.oidc.asking", "connector.oidc.provider"),
    "jira": ("adapters.jira",),
    "jwt": ("adapters.zendesk",),
    "cryptography": ("adapters.zendesk",),
    "smtplib": ("adapters.notify",),
    "apscheduler": ("connector.scheduler",),
    "alembic": ("connector.store", "connector.migrations"),
    "pytest": ("adapters.conformance",),
    "psycopg": ("connector.store",),
    "click": ("connector.cli",),
    "granian": ("connector.app",),
    "a2wsgi": ("webhooks",),
    "dotenv": ("connector.secrets",),
    "holidays": ("connector.workdays",),
    "numpy": ("connector.samples", "connector.fitting"),
    "scipy": ("connector.samples",),
    "sklearn": ("connector.fitting",),
    "threadpoolctl": ("connector.fitting",),
    "re2": ("rules",),
    "py3langid": ("rules",),
    "selectolax": ("rules",),
}

TOP_LEVEL = {
    "README.md",
    "adapters",
    "config.example.yaml",
    "connector",
    "pyproject.toml",
    "rules",
    "tests",
    "webhooks",
    # only what a repository needs
    ".ci",
    ".git",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "bench",
    "deploy",
    "docs",
}


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
        f"{name} has no row yet: give it one in ROWS of {Path(__file__).name}"
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
