"""A file of rules: what stands where in it, rule by rule.

What a rule may say is ``schema``'s part; how files are found and read is the
application's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from connector.mistakes import Mistake, meant
from rules.cases import Case, check_case
from rules.marked import Marked, NotReadable, Path, Place, read
from rules.remarks import Gravity, Remark
from rules.schema import Rule, check_rules

#: What may stand at the top. ``tests`` are for ``rules test`` alone.
KEYS = ("rules", "tests")


class RuleFile(NamedTuple):
    """A file as it was read. ``start`` leads to its rules; ``is_own`` unless they are a
    part of something else."""

    name: str
    marked: Marked
    start: Path = ("rules",)
    is_own: bool = True

    @property
    def entries(self) -> list[object]:
        """Return what stands there for rules; nothing if that is no list."""
        return self._list(self.start)

    @property
    def tests(self) -> list[object]:
        return self._list(("tests",)) if self.is_own else []

    def _list(self, path: Path) -> list[object]:
        found = self.marked.value
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, list) else []

    def remark(
        self, place: Place, what: str, remedy: str = "", level: Gravity = Gravity.ERROR
    ) -> Remark:
        return Remark(self.name, place, level, what, remedy)


class Entry(NamedTuple):
    """A rule that can be used, and where it stands."""

    file: RuleFile
    path: Path
    rule: Rule

    def place(self, *path: str | int) -> Place:
        return self.file.marked.place((*self.path, *path))

    def remark(
        self,
        path: Path,
        what: str,
        remedy: str = "",
        level: Gravity = Gravity.ERROR,
    ) -> Remark:
        said = f"{self.rule.id}: {what}"
        return self.file.remark(self.place(*path), said, remedy, level)

    def __str__(self) -> str:
        return f"{self.rule.id!r} ({self.file.name}:{self.place().line})"


def parse(name: str, text: str) -> RuleFile | Remark:
    """Read a text; return what is wrong if it is not readable at all."""
    try:
        return RuleFile(name, read(text))
    except NotReadable as err:
        return Remark(name, err.place, Gravity.ERROR, str(err))


class Trial(NamedTuple):
    """A case that can be tried, and where it stands."""

    file: RuleFile
    path: Path
    case: Case

    def __str__(self) -> str:
        line = self.file.marked.place(self.path).line
        return f"{self.case.name} ({self.file.name}:{line})"


def check(file: RuleFile) -> tuple[list[Entry], list[Remark]]:
    """Return the rules that can be used, and what is wrong with the others."""
    entries: list[Entry] = []
    remarks = list(_shape(file))
    for index, data in enumerate(file.entries):
        path = (*file.start, index)
        rules, mistakes = check_rules({"rules": [data]})
        entries += [Entry(file, path, rule) for rule in rules.rules]
        own = [Mistake(place[2:], advice) for place, advice in mistakes]
        remarks += _remarks(file, path, _name(data, "id", f"rule {index + 1}"), own)
    return entries, remarks


def check_tests(file: RuleFile) -> tuple[list[Trial], list[Remark]]:
    """Return the tests that can be tried, and what is wrong with the others."""
    tests: list[Trial] = []
    remarks: list[Remark] = []
    for index, data in enumerate(file.tests):
        path = ("tests", index)
        case, mistakes = check_case(data)
        if case is not None:
            tests.append(Trial(file, path, case))
        name = _name(data, "name", f"test {index + 1}")
        remarks += _remarks(file, path, name, mistakes)
    return tests, remarks


def _name(data: object, key: str, otherwise: str) -> str:
    name = data.get(key) if isinstance(data, Mapping) else None
    return str(name) if name else otherwise


def _remarks(
    file: RuleFile, path: Path, name: str, mistakes: Sequence[Mistake]
) -> Iterator[Remark]:
    """Say what is wrong with an entry, each with its key."""
    for place, advice in mistakes:
        if _is_said(place, advice, mistakes):
            continue
        deeper = (*path, *place)
        # What stands behind a key that does not exist is beside the point.
        is_key = advice.startswith(_UNKNOWN)
        at = file.marked.key(deeper) if is_key else file.marked.place(deeper)
        key = [str(part) for part in place if isinstance(part, str)][-1:]
        yield file.remark(at, ": ".join([name, *key, advice]))


#: How mistakes begin that are in a key.
_UNKNOWN = ("unknown key", "there is no such field")


def _is_said(place: Path, advice: str, mistakes: Sequence[Mistake]) -> bool:
    """Tell whether a key is only missing because it was misspelled."""
    if not advice.startswith("missing"):
        return False
    meant_here = f"did you mean {place[-1]!r}?"
    return any(
        one.place[:-1] == place[:-1] and meant_here in one.advice for one in mistakes
    )


def _shape(file: RuleFile) -> Iterator[Remark]:
    """Find what is wrong with the file around its rules."""
    if not file.is_own:
        return
    value = file.marked.value
    for key in value if isinstance(value, Mapping) else ():
        if key not in KEYS:
            known = f"use one of {', '.join(KEYS)}"
            at = file.marked.key((str(key),))
            remedy = meant(str(key), KEYS) or known
            yield file.remark(at, f"{key!r} is no key of this file", remedy)
    rules = value.get("rules") if isinstance(value, Mapping) else None
    if not isinstance(rules, list):
        # Half a file, as it stands for a moment while it is saved, is no wish to have
        # no rules any more.
        remedy = "write 'rules: []' if there are to be none"
        yield file.remark(file.marked.place(("rules",)), "has no list of rules", remedy)


def repeated(entries: list[Entry]) -> Iterator[Remark]:
    """Find ids that stand for two rules."""
    seen: dict[str, Entry] = {}
    for entry in entries:
        first = seen.setdefault(entry.rule.id, entry)
        if first is not entry:
            at = f"{first.file.name}:{first.place().line}"
            what = f"there is a rule of this id in {at}"
            yield entry.remark(("id",), what, "rename one of the two")
