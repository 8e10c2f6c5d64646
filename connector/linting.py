"""Files of rules looked over, with what this installation takes and what it does not.

What is wrong with rules by themselves is ``rules.lint``'s part.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from adapters.base import TagRules
from connector import rulefiles, ruling
from connector.config import Config, build_adapters
from connector.errors import ConfigError
from connector.models import Level
from connector.tagging import possible_tags
from rules.lint import Tags, lint
from rules.marked import Place
from rules.remarks import Gravity, Remark
from rules.rulefile import Entry, RuleFile, check, parse
from rules.schema import RuleSet

#: A tag of these signs is one everywhere.
_EVERYWHERE = re.compile(r"[a-z0-9_-]+")


def read(paths: Sequence[Path]) -> tuple[list[RuleFile], list[Remark]]:
    """Read files, and those in folders; what is not readable is remarked on."""
    found: list[RuleFile] = []
    remarks: list[Remark] = []
    for place in paths:
        if not rulefiles.files(place):
            remarks.append(unusable(place, "holds no file that ends in .yaml"))
    for path in [file for place in paths for file in rulefiles.files(place)]:
        parsed = _parsed(path)
        if isinstance(parsed, Remark):
            remarks.append(parsed)
        else:
            found.append(parsed)
    return found, remarks


def configured(path: Path) -> tuple[list[RuleFile], list[Remark]]:
    """Read the rules that a configuration names, or that stand in it."""
    parsed = _parsed(path)
    if isinstance(parsed, Remark):
        return [], [parsed]
    value = parsed.marked.value
    given = value.get("rules") if isinstance(value, Mapping) else None
    if isinstance(given, str):
        return read([path.parent / given])
    start = ("rules", "rules") if isinstance(given, Mapping) else ("rules",)
    return [parsed._replace(start=start, is_own=False)], []


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


def look_over(files: Sequence[RuleFile], config: Config | None) -> list[Remark]:
    """Lint files; without a configuration, nothing is known of the helpdesks."""
    if config is None:
        return lint(files, Tags((), _unusual, Gravity.WARNING))
    tags = Tags(possible_tags(config, RuleSet()), lambda tags: _refused(config, tags))
    return lint(files, tags) + list(_unable(files, config))


def _unusual(tags: Collection[str]) -> dict[str, str]:
    why = "is not a tag that every helpdesk takes"
    return {tag: why for tag in tags if not _EVERYWHERE.fullmatch(tag)}


def _refused(config: Config, tags: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, adapter in build_adapters(config).items():
        if isinstance(adapter, TagRules):
            for tag, why in adapter.refused_tags(tags).items():
                found.setdefault(tag, f"{why} (says {name})")
        adapter.close()
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
