"""What the documents say is true: commands, files, tests, headings and keys exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner

from adapters import BUILT_IN, kinds
from connector.cli import cli
from connector.sandbox.people import all_letters

ROOT = Path(__file__).resolve().parent.parent
VENDORS = sorted(set(BUILT_IN) - {"memory"})
HEADINGS = ("What it does", "Set up", "Permissions", "Limits", "Troubleshooting")
PICTURES = sorted((ROOT / "docs").rglob("*.svg"))
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "adapters").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
    }
)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def all_commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from all_commands(below, (*path, name))


COMMANDS = dict(all_commands(cli))
PLAIN = [path for path, command in COMMANDS.items() if not hasattr(command, "commands")]


def spoken(text: str) -> list[list[str]]:
    """Return the words after each mention of the program that is meant as a command."""
    found = re.findall(
        r"(?:`|^[ #]*|/)complaint-connector ([a-z][^`\n]*)", text, re.MULTILINE
    )
    return [line.split() for line in found]


def command_of(words: list[str]) -> tuple[str, ...]:
    """Return the command that words name; what follows it are its arguments."""
    path: tuple[str, ...] = ()
    for word in words:
        if not isinstance(COMMANDS[path], click.Group):
            break
        path = (*path, word)
        if path not in COMMANDS:
            break
    return path


# -- commands --


@pytest.mark.parametrize("path", named([*PAGES, ROOT / "config.example.yaml"]))
def test_every_command_that_is_named_exists(path: Path) -> None:
    wrong = [
        " ".join(words)
        for words in spoken(text_of(path))
        if command_of(words) not in COMMANDS
    ]
    assert wrong == []


@pytest.mark.parametrize("path", named(PAGES))
def test_every_option_that_is_named_exists(path: Path) -> None:
    wrong = []
    for words in spoken(text_of(path)):
        command = COMMANDS[command_of(words)]
        known = {option for param in command.params for option in param.opts}
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        wrong += [(" ".join(words), option) for option in options - known - {"--help"}]
    assert wrong == []


def test_readme_shows_every_command() -> None:
    table = (
        text_of(ROOT / "README.md").partition("## Commands")[2].partition("\n## ")[0]
    )
    shown = {command_of(words)[0] for words in spoken(table)}
    assert shown == {path[0] for path in COMMANDS if path}


@pytest.mark.parametrize("path", PLAIN, ids=" ".join)
def test_help_of_every_command_has_an_example_that_is_one(
    path: tuple[str, ...],
) -> None:
    shown = CliRunner().invoke(cli, [*path, "--help"]).output
    after = re.search(r"Example:\s+complaint-connector ([^<>|]+)", shown)
    assert after, f"{' '.join(path)} --help has no line with an example"
    assert command_of(after[1].split()) == path


@pytest.mark.parametrize("path", [path for path in COMMANDS if path], ids=" ".join)
def test_every_command_says_what_it_does(path: tuple[str, ...]) -> None:
    assert COMMANDS[path].get_short_help_str(200).endswith(".")


def test_excerpt_of_the_demo_is_in_its_own_words() -> None:
    """The words of the story, and subjects of sample mails; counts may differ."""
    shown = text_of(ROOT / "README.md").partition("```\nCustomers write:")[2]
    excerpt = f"Customers write:{shown.partition('```')[0]}"
    story = text_of(ROOT / "connector" / "demo.py")
    told = re.findall(r"^([A-Z][A-Za-z ]+): ", excerpt, re.MULTILINE)
    assert len(told) >= 6
    assert [words for words in told if f'"{words}"' not in story] == []
    subjects = {letter.subject for letter in all_letters()}
    agents_see = re.findall(
        r"^  (?:Help Scout|Zendesk) +(.+?)  +", excerpt, re.MULTILINE
    )
    assert agents_see
    assert [subject for subject in agents_see if subject not in subjects] == []


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    wanted = {
        word
        for path in PAGES
        for word in re.findall(r"(?:^|`)make ([a-z]+)", text_of(path), re.MULTILINE)
    }
    assert {"demo", "test"} <= wanted <= targets


# -- links --


@pytest.mark.parametrize("path", named(PAGES))
def test_links_into_the_repository_resolve(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(path))
    inside = [link for link in links if not link.startswith("https://")]
    assert [link for link in inside if not leads_somewhere(path, link)] == []


def leads_somewhere(path: Path, link: str) -> bool:
    name, _, heading = link.partition("#")
    target = path.parent / name if name else path
    return target.exists() and (not heading or heading in headings_of(target))


@cache
def headings_of(path: Path) -> set[str]:
    """Return what links call the headings of a page."""
    found = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in found}


@pytest.mark.parametrize("path", named(PAGES))
def test_paths_that_are_named_exist(path: Path) -> None:
    """``adapters/acme`` is the made-up vendor of the walk-through."""
    named_paths = re.findall(
        r"`((?:connector|adapters|rules|webhooks|tests|bench|docs|deploy)/[\w./]*)`",
        text_of(path),
    )
    missing = [
        name
        for name in named_paths
        if "acme" not in name and not (ROOT / name).exists()
    ]
    assert missing == []


# -- tests that are named --


def all_tests() -> set[str]:
    files = (ROOT / "tests").glob("test_*.py")
    return {
        name
        for file in files
        for name in re.findall(r"^ *def (test_\w+)", text_of(file), re.MULTILINE)
    }


@pytest.mark.parametrize("path", named(PAGES))
def test_tests_that_are_named_exist(path: Path) -> None:
    promised = set(re.findall(r"`(test_\w+)`", text_of(path)))
    assert promised - all_tests() == set()


def test_every_promise_of_the_readme_names_its_test() -> None:
    section = text_of(ROOT / "README.md").partition("## What it promises")[2]
    rows = section.partition("\n## ")[0].split("\n| ")[2:]
    assert len(rows) >= 9
    assert [row for row in rows if not re.search(r"`test_\w+`|tests/test_", row)] == []


# -- vendors --


@pytest.mark.parametrize("vendor", VENDORS)
def test_page_of_a_vendor_has_the_headings(vendor: str) -> None:
    page = text_of(ROOT / "adapters" / vendor / "README.md")
    headings = tuple(re.findall(r"^## (.+)$", page, re.MULTILINE))
    assert headings[: len(HEADINGS)] == HEADINGS


@pytest.mark.parametrize("vendor", VENDORS)
def test_page_of_a_vendor_names_every_key(vendor: str) -> None:
    page = text_of(ROOT / "adapters" / vendor / "README.md")
    folder = f"adapters.{vendor}."
    configs = [kind.config for kind in kinds().values()]
    offered = [config for config in configs if config.__module__.startswith(folder)]
    keys = {key for config in offered for key in config.model_fields}
    assert keys
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_readme_leads_to_the_page_of_every_vendor(vendor: str) -> None:
    assert f"(adapters/{vendor}/README.md)" in text_of(ROOT / "README.md")


# -- facts about a vendor --

FACTS = ("fact", "handled in", "test")


def facts_of(vendor: str) -> list[list[str]]:
    """Return the rows of each table below a heading "Facts", by their cells."""
    page = text_of(ROOT / "adapters" / vendor / "README.md")
    sections = re.split(r"^#+ +", page, flags=re.MULTILINE)
    tables = [s for s in sections if s.partition("\n")[0].strip() == "Facts"]
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for table in tables
        for line in table.splitlines()
        if line.startswith("|") and not re.fullmatch(r"[|:\- ]+", line)
    ]
    heads = [row for row in rows if tuple(map(str.lower, row)) == FACTS]
    assert len(heads) == len(tables) > 0, f"a table of {' | '.join(FACTS)} is missing"
    return [row for row in rows if row not in heads]


def files_named(vendor: str, cell: str) -> list[tuple[str, bool]]:
    """Return each file that a cell names, and whether it is there.

    ``payloads.py``, ``payloads.py: parse`` and ``payloads.parse`` name one beside the
    page; a path from the top of the repository names any other.
    """
    beside = ROOT / "adapters" / vendor
    found = []
    for word in re.findall(r"`([^`]+)`", cell):
        if path := re.match(r"[\w/]+\.\w+", word):
            module = f"{path[0].partition('.')[0]}.py"
            places = (beside / path[0], ROOT / path[0], beside / module)
            found.append((word, any(place.is_file() for place in places)))
    return found


@cache
def promises_in(path: str) -> set[str]:
    file = ROOT / path
    if not file.is_file():
        return set()
    return set(re.findall(r"^ *def (test_\w+)", text_of(file), re.MULTILINE))


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_fact_names_where_it_is_handled(vendor: str) -> None:
    wrong = []
    for row in facts_of(vendor):
        files = files_named(vendor, row[1]) if len(row) == len(FACTS) else []
        lost = [word for word, there in files if ".py" in word and not there]
        if lost or not any(there for _, there in files):
            wrong.append((row[0], lost or row[1:]))
    assert wrong == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_fact_names_a_test_that_exists(vendor: str) -> None:
    wrong = []
    for row in facts_of(vendor):
        tests = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[-1])
        missing = [
            f"{path}::{name}" for path, name in tests if name not in promises_in(path)
        ]
        if missing or not tests or len(tests) != row[-1].count("`") / 2:
            wrong.append((row[0], missing or row[-1]))
    assert wrong == []


# -- changelog --


def test_changelog_entries_begin_with_their_area() -> None:
    entries = re.findall(r"^- .*$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert entries
    assert [e for e in entries if not re.match(r"- \*\*[a-z]+\*\*: \S", e)] == []


def test_changelog_has_the_version_of_the_package() -> None:
    project = text_of(ROOT / "pyproject.toml")
    version = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert version
    assert f"\n## [{version[1]}] - " in text_of(ROOT / "CHANGELOG.md")


# -- pictures --


@pytest.mark.parametrize("path", named(PICTURES))
def test_picture_needs_nothing_from_outside_and_can_be_read_aloud(path: Path) -> None:
    text = text_of(path)
    tree = ElementTree.fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert {"title", "desc"} <= tags
    assert not tags & {"script", "image", "foreignObject", "use"}
    assert "prefers-color-scheme: dark" in text
    outside = re.findall(r"https?://[^\s\"']+|@import|url\((?!#)", text)
    assert outside == ["http://www.w3.org/2000/svg"]


def test_picture_of_the_loop_is_shown_first() -> None:
    assert re.search(
        r"!\[[^\]]{80,}\]\(docs/loop\.svg\)",
        text_of(ROOT / "README.md").partition("\n## ")[0],
    )
