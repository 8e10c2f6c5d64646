"""The cookbook: a heading, a text and the rules themselves of each recipe."""

from __future__ import annotations

from pathlib import Path

BEGIN = """# Rules cookbook

Each recipe is a file of rules with tests of them: copy it beside your configuration,
name it under `rules`, and try it with `complaint-connector rules test`. All of them
begin by observing. What rules can look at and do is in [Rules of your own](rules.md).
"""


def cookbook(folder: Path) -> str:
    """Return one page of all recipes, in the order of their names."""
    recipes = (recipe(path) for path in sorted(folder.glob("*.yaml")))
    return "\n".join([BEGIN, *recipes])


def recipe(path: Path) -> str:
    """Return a recipe: its comment is the heading and what is said of it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    title, *said = (line.removeprefix("#").strip() for line in lines[:end])
    rules = "\n".join(lines[end:]).strip()
    words = "\n".join(said).strip()
    return f'## {title}\n\n{words}\n\n```yaml title="{path.name}"\n{rules}\n```\n'
