"""What to say of settings that pydantic refuses: what was expected, how to mend it.

Never the value itself: it may be a secret. What is only wrong together is found in
``config``, what is wrong with the file itself in ``config_file``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError


class Mistake(NamedTuple):
    """Where something is wrong, as keys and places in lists; and what to do."""

    place: tuple[str | int, ...]
    advice: str


#: So many keys are worth listing.
FEW = 6


def describe(err: ValidationError, prefix: str, model: type[BaseModel]) -> list[str]:
    """Put each mistake into a line: key path, what was expected, how to mend it."""
    lines = []
    for place, advice in explain(err, model):
        path = ".".join(str(part) for part in (prefix, *place) if part != "")
        lines.append(f"{path or 'the file'}: {advice}")
    return lines


def explain(err: ValidationError, model: type[BaseModel]) -> list[Mistake]:
    """Say of each mistake what was expected, and how to mend it."""
    errors = err.errors(include_url=False)
    places = [error["loc"] for error in errors]
    found = []
    for error in errors:
        place = error["loc"]
        if error["type"] == "too_short" and _has_deeper(place, places):
            continue  # the list is only short of the entries that were refused
        advice = _advice(error, model)
        if place and place[-1] == _KEY:
            place, advice = place[:-1], advice.replace("this value", "this key")
        found.append(Mistake(place, advice))
    return found


def _has_deeper(place: tuple[Any, ...], places: list[tuple[Any, ...]]) -> bool:
    return any(other != place and other[: len(place)] == place for other in places)


#: How pydantic ends the place of a mistake that is in a key, not in its value.
_KEY = "[key]"

#: What was expected, by pydantic's word for the mistake. The value itself stays out:
#: it may be a secret.
_EXPECTED = {
    "missing": "missing; add this key",
    "string_type": "expected text; put the value in quotes",
    "bool_type": "expected true or false; correct this value",
    "bool_parsing": "expected true or false; correct this value",
    "int_type": "expected a whole number; correct this value",
    "int_parsing": "expected a whole number; correct this value",
    "int_from_float": "expected a whole number; correct this value",
    "float_type": "expected a number; correct this value",
    "float_parsing": "expected a number; correct this value",
    "tuple_type": "expected a list; write it as [first, second]",
    "dict_type": "expected keys; write each on an indented line below",
    "mapping_type": "expected keys; write each on an indented line below",
    "model_type": "expected keys; write each on an indented line below",
    "greater_than": "expected more than {gt}; correct this value",
    "greater_than_equal": "expected {ge} or more; correct this value",
    "less_than": "expected less than {lt}; correct this value",
    "less_than_equal": "expected {le} or less; correct this value",
    "date_from_datetime_parsing": "expected a day; write for example 2026-12-24",
    "too_short": "too short, at least {min_length}; fill it in",
    "too_long": "too long, at most {max_length}; shorten it",
    "string_too_short": "too short, at least {min_length}; fill it in",
    "string_too_long": "too long, at most {max_length}; shorten it",
    "string_pattern_mismatch": "does not have the form {pattern}; correct this value",
}


def _advice(error: Any, model: type[BaseModel]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch" and "https?://" in context["pattern"]:
        return "expected an address; write for example https://example.com"
    if kind == "greater_than" and "timedelta" in repr(context["gt"]):
        return "expected some time; write for example 30s, 10m, 4h or 7d"
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context)
    if kind == "extra_forbidden":
        return f"unknown key; {_suggestion(error['loc'], model)}"
    if kind in ("literal_error", "enum"):
        choices = re.sub(r"<[^:>]+: ('[^']*')>", r"\1", str(context["expected"]))
        return f"expected {choices}; choose one of these"
    if kind == "value_error":
        return str(context["error"])
    return f"{error['msg'][0].lower()}{error['msg'][1:]}; correct this value"


def _suggestion(place: tuple[Any, ...], model: type[BaseModel]) -> str:
    """Name the key that was probably meant, looking only at where it was written."""
    for part in place[:-1]:
        inner = [] if isinstance(part, int) else _models(_annotation(model, part))
        model = inner[0] if inner else model
    known = [field.alias or name for name, field in model.model_fields.items()]
    rest = "take it out, or correct it after config.example.yaml"
    if len(known) <= FEW:
        rest = f"take it out, or use one of {', '.join(known)}"
    return meant(str(place[-1]), known) or rest


def _annotation(model: type[BaseModel], key: str) -> Any:
    fields = model.model_fields.items()
    return next(
        (one.annotation for name, one in fields if key in (name, one.alias)), None
    )


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a value may be, or may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [one for part in get_args(annotation) for one in _models(part)]


def meant(word: str, known: Iterable[str]) -> str:
    """Ask whether a similar word was meant; empty if none is similar."""
    by_fold = {one.casefold(): one for one in known}
    near = get_close_matches(word.casefold(), by_fold, 1)
    return f"did you mean {by_fold[near[0]]!r}?" if near else ""
