"""Gather the pages of the site: written ones from all over the repository, made ones.

Run from the top of the repository: ``python docs/tools/pages.py FOLDER``. Nothing that
is made here is ever written into the repository.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from cookbook import cookbook
from dialect import for_site, outside
from numbers_page import numbers
from reference import commands, configuration, rule_words

ROOT = Path(__file__).resolve().parent.parent.parent


def pages() -> dict[str, str]:
    """Return the page of the site that each file of the repository becomes."""
    vendors = sorted((ROOT / "adapters").glob("*/README.md"))
    subjects = sorted((ROOT / "docs").glob("*.md"))
    return {
        "README.md": "index.md",
        "CHANGELOG.md": "changes.md",
        "CONTRIBUTING.md": "contributing.md",
        "config.example.yaml": "reference/configuration.md",
        "docs/loop.svg": "loop.svg",
        "docs/site.css": "site.css",
        "docs/cookbook": "cookbook.md",
        **{
            f"adapters/{v.parent.name}/README.md": f"vendors/{v.parent.name}.md"
            for v in vendors
        },
        "deploy/README.md": "deploying.md",
        **{f"docs/{page.name}": page.name for page in subjects},
    }


def made() -> dict[str, str]:
    """Return the pages that are made from the code and from files of rules."""
    return {
        "cookbook.md": cookbook(ROOT / "docs" / "cookbook"),
        "reference/configuration.md": configuration(ROOT / "config.example.yaml"),
        "reference/commands.md": commands(),
        "reference/rules.md": rule_words(),
        "reference/metrics.md": numbers(),
    }


def gather(folder: Path) -> set[str]:
    """Write all pages into a folder, and return where they lead on the web."""
    table, found = pages(), set[str]()
    for source, page in table.items():
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.endswith(".md"):
            text = (ROOT / source).read_text(encoding="utf-8")
            found |= outside(text)
            target.write_text(for_site(text, source, table), encoding="utf-8")
        elif source.endswith((".svg", ".css")):
            shutil.copy(ROOT / source, target)
    for page, text in made().items():
        (folder / page).write_text(text, encoding="utf-8")
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    links = sorted(gather(folder / "pages"))
    shutil.copy(ROOT / "docs" / "zensical.toml", folder)
    (folder / "links.txt").write_text("\n".join([*links, ""]), encoding="utf-8")
    print(f"{len(links)} links lead out of it, not followed: {folder / 'links.txt'}")


if __name__ == "__main__":
    main()
