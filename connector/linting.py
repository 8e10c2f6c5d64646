"""Files of rules and words looked over, beside what this installation takes.

What is wrong with rules by themselves is ``rules.lint``'s part.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from adapters.base import TagRules
from connector import rulefiles, ruling
from connector.config import Config, open_adapters
from connector.errors import ConfigError
from connector.models import Level
from connector.tagging import possible_tags
from rules.lint import Tags, lint
from rules.marked import Place
from rules.pack import words_before
from rules.packlint import lint_words
from rules.remarks import Gravity, Remark
from rules.rulefile import Entry, RuleFile, check, parse
from rules.schema import RuleSet

#: A tag of these signs is one everywhere.
_EVERYWHERE = re.compile(r"[a-z0-9_-]+")


class Chosen(NamedTuple):
    """Files of rules, files of words by name and text, and what cannot be read."""

    rules: list[RuleFile]
    words: list[tuple[str, str]]
    remarks: list[Remark]

    @property
    def extent(self) -> str:
        """Say how much there is to look at."""
        words = f" and {len(self.words)} files of words" if self.words else ""
        return f"{sum(len(file.entries) for file in self.rules)} rules{words}"


def read(paths: Sequence[Path]) -> Chosen:
    """Read files, and those in folders."""
    found = Chosen([], [], [])
    for place in paths:
        if not rulefiles.files(place):
            found.remarks.append(unusable(place, "holds no file that ends in .yaml"))
    for path in [file for place in paths for file in rulefiles.files(place)]:
        parsed = _parsed(path)
        if isinstance(parsed, Remark):
            found.remarks.append(parsed)
        elif _holds_words(parsed.marked.value):
            found.words.append((str(path), rulefiles.read_text(path)))
        else:
            found.rules.append(parsed)
    return found


def _holds_words(value: object) -> bool:
    return isinstance(value, Mapping) and not {"language", "groups"}.isdisjoint(value)


def configured(path: Path) -> Chosen:
    """Read the rules and words that a configuration names, or that stand in it."""
    parsed = _parsed(path)
    if isinstance(parsed, Remark):
        return Chosen([], [], [parsed])
    given, packs = _said(parsed, "rules"), _said(parsed, "judging", "packs")
    named = [one for one in (given, packs) if isinstance(one, str) and one]
    found = read([path.parent / one for one in named])
    if not isinstance(given, str):
        start = ("rules", "rules") if isinstance(given, Mapping) else ("rules",)
        found.rules.append(parsed._replace(start=start, is_own=False))
    return found


def trade(path: Path) -> str:
    """Return whose words a configuration adds, whatever else is wrong with it."""
    parsed = _parsed(path) if path.exists() else None
    return "" if parsed is None else str(_said(parsed, "judging", "trade") or "")


def _said(parsed: RuleFile | Remark, *path: str) -> object:
    value = parsed.marked.value if isinstance(parsed, RuleFile) else None
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _parsed(path: Path) -> RuleFile | Remark:
    try:
        return parse(str(path), rulefiles.read_text(path))
    except ConfigError as err:
        return unusable(path, "; ".join(err.problems))


def unknown(path: Path, why: str) -> Remark:
    """Say that nothing is known of the helpdesks."""
    what = f"what your helpdesks take is not looked at: {why}"
    return Remark(str(path), Place(), Gravity.WARNING, what)


def unusable(path: Path, why: str) -> Remark:
    """Say what is wrong with a file as a whole."""
    return Remark(str(path), Place(), Gravity.ERROR, why)


def look_over(chosen: Chosen, config: Config | None, trade: str) -> list[Remark]:
    """Lint files; without a configuration, nothing is known of the helpdesks."""
    words = lint_words(chosen.words, words_before(trade)) if chosen.words else []
    return [*chosen.remarks, *_rules(chosen.rules, config), *words]


def _rules(files: Sequence[RuleFile], config: Config | None) -> list[Remark]:
    if config is None:
        return lint(files, Tags((), _unusual, Gravity.WARNING))
    tags = Tags(possible_tags(config, RuleSet()), lambda tags: _refused(config, tags))
    return lint(files, tags) + list(_unable(files, config))


def _unusual(tags: Collection[str]) -> dict[str, str]:
    why = "is not a tag that every helpdesk takes"
    return {tag: why for tag in tags if not _EVERYWHERE.fullmatch(tag)}


def _refused(config: Config, tags: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    with open_adapters(config) as adapters:
        for name, adapter in adapters.items():
            if isinstance(adapter, TagRules):
                for tag, why in adapter.refused_tags(tags).items():
                    found.setdefault(tag, f"{why} (says {name})")
    return found


def _unable(files: Sequence[RuleFile], config: Config) -> Iterator[Remark]:
    """Find what rules ask for that this installation cannot do."""
    entries: dict[str, Entry] = {}
    for file in files:
        for entry in check(file)[0]:
            entries.setdefault(entry.rule.id, entry)
    rules = RuleSet(rules=tuple(entry.rule for entry in entries.values()))
    for finding in ruling.check(config, rules):
        entry = entries[finding.subject.removeprefix("rules: ")]
        is_error = finding.level is Level.PROBLEM
        level = Gravity.ERROR if is_error else Gravity.WARNING
        yield entry.remark(("then",), finding.message, finding.remedy, level)
