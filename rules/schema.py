"""Admin rules as people write them: ``when`` something is so, ``then`` do that.

Reading and checking only; every mistake is found in one go and told with the rule's id,
the key, what was expected and what to do. Evaluating is done in ``engine``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from connector.errors import ConfigError
from connector.models import Mode
from rules.conditions import problem

MAX_DEPTH = 6
MAX_NOTE = 2000
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")

#: How each thing to do is told to people.
WORDS: Mapping[str, str] = {"add_tag": "tag", "note": "the note", "notify": "tell"}
_TAG = re.compile(r"[^\s,A-Z]{1,80}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Strict):
    """A comparison (field, op, value), or conditions joined by all, any or not."""

    field: str | None = None
    op: str | None = None
    value: Any = None
    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Condition | None = Field(default=None, alias="not")

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        given = [
            name
            for name, value in (
                ("field", self.field),
                ("all", self.all),
                ("any", self.any),
                ("not", self.not_),
            )
            if value is not None
        ]
        if len(given) != 1:
            raise ValueError(
                "expected exactly one of 'field', 'all', 'any' or 'not'; to join "
                "several comparisons put them in a list below 'all' or 'any'"
            )
        if given[0] in ("all", "any") and not (self.all or self.any):
            raise ValueError(f"expected at least one condition below '{given[0]}'")
        self._check_comparison()
        return self

    def _check_comparison(self) -> None:
        if self.field is None:
            if self.op is not None or self.value is not None:
                raise ValueError("'op' and 'value' need a 'field' beside them")
            return
        if self.op is None:
            raise ValueError("op: missing; write for example 'op: equals'")
        found = problem(self.field, self.op, self.value)
        if found:
            raise ValueError(": ".join(found))

    @property
    def below(self) -> tuple[Condition, ...]:
        """Return the conditions this one is made of."""
        inner = (self.not_,) if self.not_ else ()
        return (*(self.all or ()), *(self.any or ()), *inner)

    def depth(self) -> int:
        return 1 + max((one.depth() for one in self.below), default=0)

    def fields(self) -> frozenset[str]:
        """Return every field that is looked at."""
        own = {self.field} if self.field else set()
        return frozenset(own).union(*(one.fields() for one in self.below))


class Action(_Strict):
    """What to do: exactly one of the keys."""

    add_tag: str | None = None
    note: str | None = None
    notify: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Action:
        if len(self.model_dump(exclude_none=True)) != 1:
            known = ", ".join(f"'{name}'" for name in type(self).model_fields)
            raise ValueError(f"expected exactly one of {known} per entry")
        return self

    @field_validator("add_tag")
    @classmethod
    def _tag(cls, value: str | None) -> str | None:
        if value is not None and not _TAG.fullmatch(value):
            raise ValueError(
                "expected lower-case letters without spaces or commas; "
                "write for example 'late-delivery'"
            )
        return value

    @field_validator("note")
    @classmethod
    def _note(cls, value: str | None) -> str | None:
        if value is not None and not 0 < len(value.strip()) <= MAX_NOTE:
            raise ValueError(f"expected 1 to {MAX_NOTE} characters of text")
        return value

    @cached_property
    def kind(self) -> str:
        """Return the key that is given."""
        return next(iter(self.model_dump(exclude_none=True)))

    @property
    def value(self) -> str:
        return str(getattr(self, self.kind))

    @property
    def words(self) -> str:
        """Put it into words, as what somebody could do."""
        value = f'"{self.value}"' if self.note else self.value
        return f"{WORDS[self.kind]} {value}"

    @property
    def brief(self) -> str:
        """Put it into few words."""
        return "a note" if self.note else self.words


class Rule(_Strict):
    """One rule. New rules only observe until somebody says otherwise."""

    id: str
    when: Condition
    then: tuple[Action, ...] = Field(min_length=1)
    mode: Mode = Mode.OBSERVE

    @field_validator("id")
    @classmethod
    def _id(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError(
                "expected up to 60 lower-case letters, digits, '-' or '_'; "
                "write for example 'vip-delivery'"
            )
        return value

    @field_validator("when")
    @classmethod
    def _shallow(cls, value: Condition) -> Condition:
        if value.depth() > MAX_DEPTH:
            raise ValueError(
                f"expected at most {MAX_DEPTH} levels; make two rules of it"
            )
        return value

    @property
    def version(self) -> str:
        """Short hash of the content; another content is another version."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        text = json.dumps(plain, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class RuleSet(_Strict):
    """All rules of an installation, in the order they are evaluated."""

    rules: tuple[Rule, ...] = ()

    def asking(self, kind: str) -> list[tuple[Rule, Action]]:
        """Return what is asked for of one kind, each with its rule."""
        return [
            (rule, action)
            for rule in self.rules
            for action in rule.then
            if action.kind == kind
        ]

    @model_validator(mode="after")
    def _distinct(self) -> RuleSet:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                raise ValueError(
                    f"{rule.id}: id: expected every id once; rename one of the two"
                )
            seen.add(rule.id)
        return self

    @cached_property
    def fields(self) -> frozenset[str]:
        """Return every field that some rule looks at."""
        return frozenset[str]().union(*(rule.when.fields() for rule in self.rules))


def read_rules(data: object, path: str = "rules") -> RuleSet:
    """Build a rule set from parsed YAML; raise ``ConfigError`` with every mistake."""
    if data is None:
        return RuleSet()
    if isinstance(data, list):
        data = {"rules": data}
    try:
        return RuleSet.model_validate(data)
    except ValidationError as err:
        problems = [
            _explain(data, one["loc"], one["type"], one["msg"]) for one in err.errors()
        ]
        raise ConfigError(path, problems) from err
    except RecursionError as err:
        raise ConfigError(path, [f"expected at most {MAX_DEPTH} levels"]) from err


def _explain(data: object, loc: Sequence[str | int], kind: str, message: str) -> str:
    """Say which rule and key a mistake is in, in the words of the file."""
    message = message.removeprefix("Value error, ")
    if kind == "missing":
        message = "missing; add it"
    elif kind == "extra_forbidden":
        message = "not a known key; remove it or correct its spelling"
    if len(loc) < 2 or loc[0] != "rules" or not isinstance(loc[1], int):
        return f"{_dotted(loc)}: {message}" if loc else message
    name = _rule_name(data, loc[1])
    return ": ".join(part for part in (name, _dotted(loc[2:]), message) if part)


def _rule_name(data: object, index: int) -> str:
    rules = data.get("rules") if isinstance(data, Mapping) else None
    rule = rules[index] if isinstance(rules, list) and index < len(rules) else None
    name = rule.get("id") if isinstance(rule, Mapping) else None
    return str(name) if name else f"rule {index + 1}"


def _dotted(loc: Sequence[str | int]) -> str:
    out = ""
    for part in loc:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            out += f".{part}" if out else part
    return out
