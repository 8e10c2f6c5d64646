"""The reference: every key, command and field of rules, as the code knows them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from adapters import kinds
from connector.cli import cli
from connector.config import Config
from rules.conditions import FIELDS, OPEN, OPERATIONS, type_of
from rules.domains import RANGES, choices
from rules.schema import Action, Rule

Schema = Mapping[str, Any]
UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
#: A kind for tests alone.
HIDDEN = "memory"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; a bar in a cell is no border of it."""
    lines = [list(heads)]
    lines += [["---"] * len(lines[0])]
    lines += [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# -- configuration --


def configuration(example: Path) -> str:
    """Return each key with what it takes, and the example that explains it."""
    schema = Config.model_json_schema(mode="serialization")
    parts = [
        "# Configuration",
        "Every key, what it takes and its default, as the program reads them, each "
        "section after the part of `config.example.yaml` that explains it. A key that "
        "has no default has to be there.",
    ]
    for title, lines in _sections(example):
        named = [k for k in schema["properties"] if _names(k, lines)]
        parts += [f"## {title}", f"```yaml\n{lines}\n```"]
        parts += filter(None, (_keys(k, schema) for k in named))
        parts += _adapters() if "sources" in named else []
    return "\n\n".join(parts) + "\n"


def _sections(example: Path) -> Iterator[tuple[str, str]]:
    """Take the example apart at its headings."""
    text = example.read_text(encoding="utf-8")
    found = re.split(r"^# ([A-Z].*?) -{3,}$", text, flags=re.MULTILINE)
    yield "How to read it", found[0].strip()
    for title, body in zip(found[1::2], found[2::2], strict=True):
        yield title, body.strip().removeprefix("#\n")


def _names(key: str, lines: str) -> bool:
    return re.search(rf"^#?{key}:", lines, re.MULTILINE) is not None


def _keys(key: str, schema: Schema) -> str:
    rows = list(_rows(schema["properties"][key], schema, f"{key}."))
    heads = ("Key", "Takes", "Default", "What it is")
    return table(heads, rows) if rows else ""


def _adapters() -> Iterator[str]:
    for kind in kinds().values():
        if kind.kind != HIDDEN:
            schema = kind.config.model_json_schema(mode="serialization")
            yield f"### `kind: {kind.kind}`"
            yield table(
                ("Key", "Takes", "Default", "What it is"), _rows(schema, schema, "")
            )


def _rows(part: Schema, schema: Schema, before: str) -> Iterator[tuple[str, ...]]:
    """Give a row for each key of a section, and for those of what is in it."""
    part = _resolved(part, schema)
    for key, value in part.get("properties", {}).items():
        name = f"{before}{key}"
        needed = key in part.get("required", ()) and "default" not in value
        default = "" if needed else f"`{_shown(value.get('default'), value)}`"
        inner = _inner(value, schema)
        if "$ref" not in value or not inner:
            about = value.get("description", "")
            yield f"`{name}`", _takes(value, schema), default, about
        if inner:
            yield from _rows(inner[1], schema, f"{name}{inner[0]}.")


def _resolved(part: Schema, schema: Schema) -> Schema:
    name = part.get("$ref", "").rpartition("/")[2]
    return {**schema["$defs"][name], **part} if name else part


def _inner(value: Schema, schema: Schema) -> tuple[str, Schema] | None:
    """Return the section that a key holds, or holds many of, by its place."""
    for place, part in (
        ("", value),
        (".NAME", value.get("additionalProperties")),
        ("[]", value.get("items")),
    ):
        if isinstance(part, dict) and "properties" in _resolved(part, schema):
            return place, part
    return None


def _takes(value: Schema, schema: Schema) -> str:
    value = _resolved(value, schema)
    if options := value.get("enum"):
        return ", ".join(f"`{option}`" for option in options)
    if "const" in value:
        return f"`{value['const']}`"
    if several := value.get("anyOf"):
        kinds_of = [_takes(one, schema) for one in several if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds_of))
    if value.get("type") == "array":
        each = value.get("items", {})
        return f"list of {_takes(each, schema)}" if each else "list"
    if "properties" in value:
        return "keys below"
    if value.get("type") == "object":
        each = value.get("additionalProperties")
        inside = isinstance(each, dict) and _resolved(each, schema).get("type")
        return "names, each with " + _takes(each, schema) if inside else "names"
    return _plain(value)


def _plain(value: Schema) -> str:
    words = {
        "string": "text",
        "integer": "whole number",
        "boolean": "true or false",
    }
    word: str = words.get(value.get("type", ""), value.get("type", "anything"))
    if value.get("format") in ("duration", "password"):
        word = {"duration": "duration", "password": "secret"}[value["format"]]
    least, most = value.get("minimum"), value.get("maximum")
    if least is not None and most is not None:
        return f"{word} from {least} to {most}"
    return f"{word}, {least} or more" if least is not None else word


def _shown(default: Any, value: Schema) -> str:
    """Return a default; one that is made anew each time is empty."""
    if default is None and value.get("type") in ("object", "array"):
        default = {} if value["type"] == "object" else []
    if value.get("format") == "duration" and isinstance(default, str):
        return _span(float(default.removesuffix("s")))
    return json.dumps(default, ensure_ascii=False)


def _span(seconds: float) -> str:
    left, parts = int(seconds), []
    for unit, size in UNITS.items():
        many, left = divmod(left, size)
        parts += [f"{many}{unit}"] if many else []
    return " ".join(parts) or "0s"


# -- commands --


def commands() -> str:
    """Return what ``--help`` says of each command."""
    parts = [
        "# Commands",
        "Each command ends with 0 (fine), 1 (a problem was found) or 2 (wrong usage).",
    ]
    top = click.Context(cli, info_name="complaint-connector")
    for context in _below(top):
        command = context.command
        level = "##" if context.parent is top else "###"
        parts += [f"{level} `{context.command_path}`"]
        parts += [f"```text\n{command.get_help(context).rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def _below(context: click.Context) -> Iterator[click.Context]:
    if isinstance(context.command, click.Group):
        for name, command in sorted(context.command.commands.items()):
            inner = click.Context(command, parent=context, info_name=name)
            inner.terminal_width = 100
            yield inner
            yield from _below(inner)


# -- rules --


def rule_words() -> str:
    """Return the keys of a rule, and what each field can hold and be asked."""
    fields = [
        (f"`{name}`", str(kind), _operations(name), _values(name))
        for name, kind in FIELDS.items()
    ]
    fields += [
        (f"`{start}<name>`", "anything", "all", "what others name") for start in OPEN
    ]
    return (
        "\n\n".join(
            [
                "# Rules",
                "What the fields mean and what each action does is in "
                "[Rules of your own](../rules.md).",
                "## Keys of a rule",
                table(("Key", "Needed"), _needed()),
                "## Keys of `then`",
                ", ".join(f"`{name}`" for name in Action.model_fields),
                "## Fields of `when`",
                table(("Field", "Holds", "Operations", "Values"), fields),
            ]
        )
        + "\n"
    )


def _needed() -> Iterator[tuple[str, str]]:
    for name, field in Rule.model_fields.items():
        yield f"`{name}`", "yes" if field.is_required() else f"no, `{field.default}`"


def _operations(field: str) -> str:
    kind = type_of(field)
    return ", ".join(f"`{op}`" for op in OPERATIONS[kind]) if kind else ""


def _values(field: str) -> str:
    if field in RANGES:
        least, most = RANGES[field]
        return f"{least:g} or more" if most is None else f"{least:g} to {most:g}"
    found = [one for one in choices(field) if one != ""]
    if found and isinstance(found[0], int) and not isinstance(found[0], bool):
        return f"{found[0]} to {found[-1]}"
    return ", ".join(json.dumps(one).strip('"') for one in found)
