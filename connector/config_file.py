"""The configuration's file: YAML read as plain values, and its references filled.

Which keys there are, and what may stand there, is ``config``'s part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from connector.errors import ConfigError

#: ``${NAME}`` or ``${file:PATH}``.
_REFERENCE = re.compile(r"\$\{(?:(file):)?([^}]+)\}")

#: Stands where a reference could not be filled: the rest is checked all the same.
_UNFILLED = "?"


class Reference(NamedTuple):
    """A value that stands elsewhere."""

    name: str  #: NAME, or file:PATH
    place: str  #: the key that it is for
    is_there: bool  #: and is not empty


def read_raw(path: Path) -> dict[str, Any]:
    """Read the file as it stands, references unfilled. Raises ``ConfigError``."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError as err:
        advice = "'complaint-connector init' makes one, or copy config.example.yaml"
        raise ConfigError(str(path), [f"is not there; {advice} to start"]) from err
    except OSError as err:
        why = f"cannot be read ({err.strerror}); correct the path or its rights"
        raise ConfigError(str(path), [why]) from err
    except UnicodeDecodeError as err:
        raise ConfigError(str(path), ["is not UTF-8 text; save it as UTF-8"]) from err
    except yaml.YAMLError as err:
        # Without the cause: it quotes the line, and there may be a secret in it.
        raise ConfigError(str(path), [_yaml_advice(err)]) from None
    if not isinstance(raw, dict):
        raise ConfigError(
            str(path), ["expected keys such as 'sources:'; compare config.example.yaml"]
        )
    return raw


def reference(path: Path, source: str, key: str) -> str | None:
    """Return the NAME that ``sources.<source>.<key>`` refers to as ``${NAME}``.

    Of a list, the first. None if a value stands there as it is. Raises ``ConfigError``.
    """
    sources = read_raw(path).get("sources")
    block = sources.get(source) if isinstance(sources, dict) else None
    value = block.get(key) if isinstance(block, dict) else None
    value = value[0] if isinstance(value, list) and value else value
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return match[2] if match and not match[1] else None


def fill(
    raw: dict[str, Any], base: Path, environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Replace the references in all strings; also return those that cannot be filled.

    ``${NAME}`` becomes a value of ``environ``, ``${file:PATH}`` the content of a file
    below ``base``.
    """
    problems: list[str] = []

    def replaced(match: re.Match[str], where: str) -> str:
        try:
            return _referred_to(match, base, environ)
        except LookupError as err:
            problems.append(f"{where}: {err}")
            return _UNFILLED

    return _replaced(raw, replaced), problems


def references(
    raw: dict[str, Any], base: Path, environ: Mapping[str, str]
) -> list[Reference]:
    """Return what ``fill`` would replace, never what it would put there."""
    found: list[Reference] = []

    def noted(match: re.Match[str], where: str) -> str:
        try:
            is_there = bool(_referred_to(match, base, environ))
        except LookupError:
            is_there = False
        found.append(Reference(match[0][2:-1], where, is_there))
        return ""

    _replaced(raw, noted)
    return found


def _replaced(
    raw: dict[str, Any], put: Callable[[re.Match[str], str], str]
) -> dict[str, Any]:
    """Put something in the place of each reference, which ``put`` is told of."""

    def filled(value: Any, where: str) -> Any:
        if isinstance(value, dict):
            return {key: filled(value[key], f"{where}.{key}") for key in value}
        if isinstance(value, list):
            return [filled(entry, f"{where}.{i}") for i, entry in enumerate(value)]
        if not isinstance(value, str):
            return value
        return _REFERENCE.sub(lambda match: put(match, where), value)

    return {key: filled(raw[key], str(key)) for key in raw}


def _referred_to(match: re.Match[str], base: Path, environ: Mapping[str, str]) -> str:
    """Return what a reference stands for, else say in a ``LookupError`` what to do."""
    is_file, name = match.groups()
    if not is_file:
        if name in environ:
            return environ[name]
        raise LookupError(
            f"the environment has no {name}; export it before the start, write it into "
            "secrets.env, or use ${file:PATH}"
        )
    try:
        return (base / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as err:
        why = getattr(err, "strerror", "it is not text")
    raise LookupError(
        f"the file {name} cannot be read ({why}); create it or correct the path"
    )


class _KeyTwice(yaml.MarkedYAMLError):
    """A key was given twice, of which YAML would silently keep the last."""


class _Loader(yaml.SafeLoader):
    """Reads plain values only, and refuses a key that is given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in seen:
                raise _KeyTwice(problem=key.value, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _yaml_advice(err: yaml.YAMLError) -> str:
    """Say where the mistake is without quoting the line."""
    mark = getattr(err, "problem_mark", None)
    line = f"line {mark.line + 1}" if mark else "somewhere"
    if isinstance(err, _KeyTwice):
        return f"{line}: the key {err.problem!r} is there twice; put both into one"
    return (
        f"{line}: is not valid YAML; look at the indentation there and just above, and "
        "put values with special signs in quotes"
    )
