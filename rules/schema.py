"""Admin rules as people write them: ``when`` something is so, ``then`` do that.

Reading and checking only; every mistake is found in one go and told with the rule's id,
the key, what was expected and what to do. Evaluating is done in ``engine``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from connector.errors import ConfigError
from connector.mistakes import Mistake, explain
from connector.models import Mode
from connector.spans import Duration
from rules.conditions import problem

MAX_DEPTH = 6
MAX_NOTE = 2000
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")

#: How each thing to do is told to people.
WORDS: Mapping[str, str] = {
    "add_tag": "tag",
    "note": "the note",
    "priority": "priority",
    "route": "move to",
    "clock": "deadline",
    "notify": "tell",
}
_TAG = re.compile(r"[^\s,A-Z]{1,80}")


#: What a customer is promised, by the name that a pack of deadlines gives it.
Promised = Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")]


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
    priority: str | None = Field(default=None, min_length=1, max_length=60)
    route: str | None = Field(default=None, min_length=1, max_length=100)
    clock: Mapping[Promised, Duration] | None = Field(default=None, min_length=1)
    notify: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Action:
        if len(self.model_dump(exclude_none=True)) != 1:
            known = ", ".join(f"'{name}'" for name in type(self).model_fields)
            raise ValueError(f"expected exactly one of {known} per entry")
        return self

    @field_validator("priority", "route", mode="before")
    @classmethod
    def _id_as_text(cls, value: object) -> object:
        # YAML takes an id for a number.
        return str(value) if type(value) is int else value

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

    @field_validator("clock")
    @classmethod
    def _clock(
        cls, value: Mapping[str, timedelta] | None
    ) -> Mapping[str, timedelta] | None:
        if value is not None and min(value.values()) <= timedelta(0):
            raise ValueError("expected some time; write for example 'first_answer: 2h'")
        return value

    @cached_property
    def kind(self) -> str:
        """Return the key that is given."""
        return next(iter(self.model_dump(exclude_none=True)))

    @property
    def value(self) -> str:
        if self.clock:
            times = sorted(self.clock.items())
            return ", ".join(f"{kind} {spoken(within)}" for kind, within in times)
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
    rules, mistakes = check_rules(data)
    if mistakes:
        raise ConfigError(path, [_explain(data, mistake) for mistake in mistakes])
    return rules


def check_rules(data: object) -> tuple[RuleSet, list[Mistake]]:
    """Build a rule set, which is empty if there are mistakes; and return those."""
    mistakes = _repeated(data)
    rules = RuleSet()
    try:
        rules = RuleSet.model_validate(data)
    except ValidationError as err:
        mistakes += [_placed(one) for one in explain(err, RuleSet)]
    except RecursionError:
        mistakes.append(Mistake((), f"expected at most {MAX_DEPTH} levels"))
    return RuleSet() if mistakes else rules, mistakes


def _repeated(data: object) -> list[Mistake]:
    rules = data.get("rules") if isinstance(data, Mapping) else None
    ids = [
        rule.get("id") if isinstance(rule, Mapping) else None
        for rule in (rules if isinstance(rules, list) else ())
    ]
    what = "expected every id once; rename one of the two"
    return [
        Mistake(("rules", index, "id"), what)
        for index, name in enumerate(ids)
        if isinstance(name, str) and name in ids[:index]
    ]


def _placed(mistake: Mistake) -> Mistake:
    """Name the key of a comparison that is wrong; the whole of it was refused."""
    key, _, what = mistake.advice.partition(": ")
    if what and key in ("field", "op", "value"):
        return Mistake((*mistake.place, key), what)
    return mistake


def _explain(data: object, mistake: Mistake) -> str:
    """Say which rule and key a mistake is in, in the words of the file."""
    place, what = mistake
    if len(place) < 2 or place[0] != "rules" or not isinstance(place[1], int):
        return f"{_dotted(place)}: {what}" if place else what
    name = _rule_name(data, place[1])
    return ": ".join(part for part in (name, _dotted(place[2:]), what) if part)


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


def spoken(time: timedelta) -> str:
    """Write a time as rules do: 2h, 1d 12h."""
    left, words = int(time.total_seconds()), []
    for letter, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            words.append(f"{count}{letter}")
    return " ".join(words)
