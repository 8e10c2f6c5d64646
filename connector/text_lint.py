"""What is wrong with texts to customers, with its file, its line and a remedy.

Some of it would keep a message from being written; the rest would be a pity.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes

from connector import texts
from rules import phrases
from rules.masking import mask

#: What ``mask`` leaves behind of something personal. Links, and numbers that are
#: nobody's, may stand in a text.
_PERSONAL = re.compile(r"<(email|phone|address|iban|card|id|secret)>")

#: What YAML calls words, and not a number, yes or nothing.
_WORDS = "tag:yaml.org,2002:str"


class Remark(NamedTuple):
    """Something to put right. With ``breaks`` the text cannot be written at all."""

    file: str
    line: int
    what: str
    remedy: str
    breaks: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.remedy}"


class _Entry(NamedTuple):
    """One text of a file, and the line on which its first words stand."""

    file: str
    name: str
    line: int
    source: str

    def remark(self, line: int, what: str, remedy: str, breaks: bool = False) -> Remark:
        return Remark(
            self.file, self.line + line, f"{self.name}: {what}", remedy, breaks
        )


def lint(folder: Path, languages: Collection[str]) -> list[Remark]:
    """Look through a folder; each kind in it is expected in all of these languages."""
    found = list(_unread(folder))
    known: dict[str, dict[str, int]] = {}
    for file in sorted(folder.glob("*.yaml")):
        if file.stem not in texts.LANGUAGES:
            what = "tickets in this language are not judged, so it is never read"
            remedy = f"use one of {', '.join(texts.LANGUAGES)}"
            found.append(Remark(file.name, 1, what, remedy))
        try:
            entries = list(_entries(file))
        except (OSError, ValueError, yaml.YAMLError) as err:
            found.append(_unreadable(file, err))
            continue
        for entry in entries:
            if file.stem in known.get(entry.name, {}):
                remedy = "keep one of them: only the last is read"
                found.append(entry.remark(0, "stands there twice", remedy))
            known.setdefault(entry.name, {})[file.stem] = entry.line
            found += _remarks(entry)
    return [*found, *_missing(known, languages)]


def _unread(folder: Path) -> Iterator[Remark]:
    """Find what may be taken for texts, and is never read."""
    files = sorted(folder.iterdir())
    for file in files:
        if file.suffix.lower() in (".yml", ".yaml") and file.suffix != ".yaml":
            remedy = "let its name end with .yaml"
            yield Remark(file.name, 1, "it is never read", remedy)
    if not any(file.suffix == ".yaml" for file in files):
        what = "there are no texts in this folder"
        yield Remark(".", 1, what, "write some, such as en.yaml")


def _entries(file: Path) -> Iterator[_Entry]:
    tree = yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader)
    if tree is None:
        return
    if not isinstance(tree, yaml.MappingNode):
        raise ValueError("expected texts by their names")
    for key, value in tree.value:
        first, words = value.start_mark.line + 1, ""
        # Customers would read what YAML makes of null, yes or braces without quotes.
        if isinstance(value, yaml.ScalarNode) and value.tag == _WORDS:
            # The words of a block begin on the line below their sign.
            first += value.style in ("|", ">")
            words = value.value
        yield _Entry(file.name, str(key.value), first, words)


def _unreadable(file: Path, err: Exception) -> Remark:
    mark = getattr(err, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    what = str(err) if isinstance(err, ValueError) else "it is not valid YAML"
    remedy = "compare it with connector/texts/en.yaml"
    return Remark(file.name, line, what, remedy, breaks=True)


def _remarks(entry: _Entry) -> Iterator[Remark]:
    kind, _, persona = entry.name.partition(".")
    if kind not in texts.KINDS:
        remedy = f"use one of {', '.join(texts.KINDS)}"
        yield entry.remark(0, "there is no such text", remedy)
        return
    if "." in entry.name and persona not in texts.PERSONAS:
        remedy = f"use one of {', '.join(texts.PERSONAS)}"
        yield entry.remark(0, "there is no text for this persona", remedy)
    if not entry.source.strip():
        remedy = "write some, in quotation marks, or take the name away"
        yield entry.remark(0, "there are no words", remedy, True)
    yield from _gaps(entry, texts.KINDS[kind])
    yield from _tone(entry)
    yield from _personal(entry)


def _gaps(entry: _Entry, variables: Mapping[str, str]) -> Iterator[Remark]:
    """Find what cannot be filled in."""
    try:
        tree = texts.environment.parse(entry.source)
        strange = meta.find_undeclared_variables(tree) - set(variables)
        for name in sorted(strange):
            uses = (node for node in tree.find_all(nodes.Name) if node.name == name)
            line = min(node.lineno for node in uses) - 1
            remedy = f"use {', '.join(variables)}"
            yield entry.remark(line, f"unknown variable {name}", remedy, True)
        if not strange:
            sample = dict.fromkeys(variables, "Sample")
            texts.environment.from_string(entry.source).render(sample)
    except TemplateSyntaxError as err:
        remedy = "look for {{ and {% without an end"
        yield entry.remark(err.lineno - 1, f"{err.message}", remedy, True)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as err:
        remedy = "use variables, and {% if %} around them, only"
        what = f"it cannot be filled in ({type(err).__name__})"
        yield entry.remark(0, what, remedy, True)


def _tone(entry: _Entry) -> Iterator[Remark]:
    found = phrases.find("blame", entry.source)
    if found is not None:
        line = entry.source.count("\n", 0, found.place)
        remedy = "say what is so, and what happens next"
        yield entry.remark(line, f"“{found.phrase}” blames the customer", remedy)


def _personal(entry: _Entry) -> Iterator[Remark]:
    for line, words in enumerate(entry.source.splitlines()):
        if (found := _PERSONAL.search(mask(words))) and found[0] not in words:
            remedy = "take it out; what is in every message belongs to the signature"
            yield entry.remark(line, f"holds somebody's {found[1]}", remedy)


def _missing(
    known: Mapping[str, Mapping[str, int]], languages: Collection[str]
) -> Iterator[Remark]:
    for name, lines in known.items():
        lacking = [language for language in languages if language not in lines]
        if lacking and "." not in name and name in texts.KINDS:
            language, line = next(iter(lines.items()))
            yield Remark(
                f"{language}.yaml",
                line,
                f"{name}: is missing in {', '.join(lacking)}",
                "write it; until then those customers read the built-in text",
            )
