"""The pages in other languages: nothing is left out, nothing says something else."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask.testing import FlaskClient
from kit import Bench, settings

from connector.dashboard import LANGUAGES, TRANSLATIONS
from connector.dashboard.words import EVENTS
from connector.store import timeline

ROOT = Path(__file__).resolve().parent.parent
OTHERS = tuple(code for code in LANGUAGES if code != "en")
ADVICE = "run `make translations`, fill in nb and fi, and run it again"


@cache
def catalog(language: str) -> Catalog:
    with _file(language, "po").open("rb") as file:
        return read_po(file, locale=language)


def _file(language: str, ending: str) -> Path:
    return TRANSLATIONS / language / "LC_MESSAGES" / f"messages.{ending}"


@cache
def said() -> frozenset[str | tuple[str, ...]]:
    """Return what the pages say in English, as ``make translations`` finds it."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]
    methods = [(one["pattern"], one["method"]) for one in mappings["mappings"]]
    found = extract_from_dir(ROOT / "connector/dashboard", methods)
    return frozenset(message for _, _, message, _, _ in found)


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else message.string


@pytest.mark.parametrize("language", OTHERS)
def test_everything_is_said_in_every_language(language: str) -> None:
    there = {
        message.id
        for message in catalog(language)
        if message.id and all(_forms(message)) and not message.fuzzy
    }
    assert len(said()) > 200
    assert sorted(map(str, said() - there)) == [], ADVICE
    assert sorted(map(str, there - said())) == [], ADVICE


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_filled_in_stays(language: str) -> None:
    for message in catalog(language):
        wanted = set(re.findall(r"%\(\w+\)s", "".join(message.id)))
        for form in _forms(message) if message.id else ():
            assert set(re.findall(r"%\(\w+\)s", form)) == wanted, form


@pytest.mark.parametrize("language", OTHERS)
def test_compiled_is_what_is_written(language: str) -> None:
    fresh = BytesIO()
    write_mo(fresh, catalog(language))
    fresh.seek(0)
    with _file(language, "mo").open("rb") as kept:
        assert Translations(kept)._catalog == Translations(fresh)._catalog, ADVICE


def test_all_that_happens_to_a_problem_has_a_word() -> None:
    calls = [
        node
        for file in (ROOT / "connector").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "timeline.note"
    ]
    named = {"timeline.MUTED", "timeline.UNMUTED", "timeline.LEFT"}
    kinds = {ast.unparse(call.args[2]) for call in calls}
    assert named < kinds
    words = {ast.literal_eval(kind) for kind in kinds - named}
    words |= {timeline.MUTED, timeline.UNMUTED, timeline.LEFT}
    assert words == set(EVENTS)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    place = tmp_path_factory.mktemp("words") / "connector.db"
    bench = Bench(settings(f"sqlite:///{place}"))
    yield bench.runtime.create_app().test_client()
    bench.close()


@pytest.mark.parametrize(
    ("asked", "language", "title"),
    [
        ("nb-NO,nb;q=0.9,en;q=0.5", "nb", "Oversikt"),
        ("nn", "nb", "Oversikt"),
        ("fi-FI", "fi", "Yleiskuva"),
        ("fr", "en", "Overview"),
    ],
)
def test_browser_is_answered_in_its_language(
    client: FlaskClient, asked: str, language: str, title: str
) -> None:
    page = client.get("/", headers={"Accept-Language": asked}).text
    assert f'<html lang="{language}">' in page
    assert f"<h1>{title}</h1>" in page
