"""The site of the documents: every page is in it, and the reference is whole."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import ROOT

from adapters import kinds
from connector.cli import cli
from connector.config import Config
from rules.conditions import FIELDS
from rules.schema import Action

sys.path.append(str(ROOT / "docs" / "tools"))
from dialect import for_site, outside
from pages import gather

PAGES = {"README.md": "index.md", "docs/rules.md": "rules.md", "docs/words": "w.md"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    gather(folder)
    return folder


def named(nav: object) -> Iterator[str]:
    """Return every page that a menu leads to."""
    if isinstance(nav, str):
        yield nav
    else:
        for below in nav.values() if isinstance(nav, dict) else nav:
            yield from named(below)


def test_menu_leads_to_every_page_once(site: Path) -> None:
    menu = tomllib.loads((ROOT / "docs" / "zensical.toml").read_text("utf-8"))
    there = {str(path.relative_to(site)) for path in site.rglob("*.md")}
    assert sorted(named(menu["project"]["nav"])) == sorted(there)


def test_reference_has_every_key(site: Path) -> None:
    page = (site / "reference" / "configuration.md").read_text("utf-8")
    keys = [
        f"{section}.{key}"
        for section, field in Config.model_fields.items()
        if hasattr(field.annotation, "model_fields")
        for key in field.annotation.model_fields
    ]
    assert len(keys) > 80
    assert [key for key in keys if f"| `{key}" not in page] == []
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []
    assert "| `problems.routes.NAME.labels` | list of text | `[]` |" in page
    assert "| `problems.window` | duration | `7d` |" in page
    assert "| `checkins.hour` | whole number from 0 to 23 | `10` |" in page
    for kind in kinds().values():
        assert (f"`kind: {kind.kind}`" in page) is (kind.kind != "memory")


def test_reference_has_every_command_and_metric_and_field(site: Path) -> None:
    commands = (site / "reference" / "commands.md").read_text("utf-8")
    assert [
        c for c in cli.commands if f"## `complaint-connector {c}`" not in commands
    ] == []
    assert "### `complaint-connector rules backtest`" in commands
    words = (site / "reference" / "rules.md").read_text("utf-8")
    assert [
        one for one in (*FIELDS, *Action.model_fields) if f"`{one}`" not in words
    ] == []
    assert "| `emotion` | number | `equals`, `in`, `gt`" in words
    assert "| delivery, product_quality, customer_service," in words
    metrics = (site / "reference" / "metrics.md").read_text("utf-8")
    assert "| `connector_deliveries_accepted_total` | counter | `source` |" in metrics
    assert (
        "| `connector_outbox_rows` | gauge | `source`, `operation`, `state` |"
        in metrics
    )


def test_recipe_begins_with_its_comment_and_keeps_its_rules(site: Path) -> None:
    page = (site / "cookbook.md").read_text("utf-8")
    assert page.count("\n## ") == 20
    assert "\n## Somebody speaks of a lawyer\n\nSuch a ticket goes to" in page
    assert '```yaml title="02-lawyer.yaml"\nrules:\n  - id: lawyer\n' in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[r](docs/rules.md#tests)", "[r](rules.md#tests)"),
        ("[w](docs/words)", "[w](w.md)"),
        (
            "[top](#top), [web](https://a.example/x)",
            "[top](#top), [web](https://a.example/x)",
        ),
        ("[connector/app.py](connector/app.py)", "`connector/app.py`"),
        ("[the code](connector/app.py)", "the code (`connector/app.py`)"),
        ("![picture](docs/rules.md)", "![picture](rules.md)"),
    ],
)
def test_links_lead_to_pages_or_name_files(text: str, shown: str) -> None:
    assert for_site(text, "README.md", PAGES) == f"{shown}\n"


def test_links_count_from_where_a_page_is() -> None:
    pages = {**PAGES, "adapters/acme/README.md": "vendors/acme.md"}
    text = "[front](../../README.md)"
    assert for_site(text, "adapters/acme/README.md", pages) == "[front](../index.md)\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Say:\n- one\n- two", "Say:\n\n- one\n- two"),
        ("1. one\n\n   more\n2. two", "1. one\n\n    more\n\n2. two"),
        ("- one\n  - below", "- one\n    - below"),
        ("- one\n\nEnd.\n  no item", "- one\n\nEnd.\n  no item"),
        ("```\n- code\n  - more\n```", "```\n- code\n  - more\n```"),
    ],
)
def test_lists_are_as_the_renderer_wants_them(text: str, shown: str) -> None:
    assert for_site(text, "README.md", PAGES) == f"{shown}\n"


def test_links_to_the_web_are_listed() -> None:
    assert outside("[a](https://a.example/) and [b](b.md)") == {"https://a.example/"}
