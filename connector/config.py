"""The configuration: one YAML file, secrets from the environment or from files.

Every mistake is reported at once, each with its key path, what was expected and how to
mend it. Vendors' settings are described beside their adapters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from adapters import kinds
from adapters.base import Adapter, Helpdesk, Tracker
from connector.errors import ConfigError
from connector.models import Duration, Mode
from rules.schema import RuleSet, read_rules
from rules.thresholds import Thresholds

_REFERENCE = re.compile(r"\$\{(?:(file):)?([^}]+)\}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class Section(BaseModel):
    """A part of the configuration: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(Section):
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8800, ge=0, le=65535, description="Port to listen on.")
    wsgi: Literal["granian", "waitress"] = Field(
        "granian", description="The WSGI server; waitress is pure Python."
    )
    threads: int = Field(64, ge=1, le=512, description="Requests served at a time.")
    max_body_bytes: int = Field(
        2_000_000, ge=1000, description="Larger deliveries are answered 413."
    )


class Database(Section):
    url: str = Field(
        "sqlite:///var/connector.db",
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
    )


class Autonomy(Section):
    """How far the connector goes by itself: observe, suggest or act."""

    stop: bool = Field(False, description="Global stop: nothing is written anywhere.")
    tags: Literal[Mode.OBSERVE, Mode.ACT] = Field(
        Mode.ACT, description="Tags on tickets."
    )
    notes: Literal[Mode.OBSERVE, Mode.ACT] = Field(
        Mode.ACT, description="Internal notes on tickets."
    )
    issues: Mode = Field(
        Mode.ACT,
        description="Issues in the tracker; with suggest each waits for an approval.",
    )
    messages: Mode = Field(
        Mode.SUGGEST,
        description="Messages to customers; with suggest they are left as drafts.",
    )


class Tags(Section):
    prefix: str = Field(
        "cc-",
        pattern=r"^[a-z0-9_]+[-_/]$",
        description="Start of each tag we write; others are never touched.",
    )


class Vip(Section):
    """Who counts as a VIP; the first source that matches is named to the agent."""

    addresses: tuple[str, ...] = Field((), description="E-mail addresses.")
    domains: tuple[str, ...] = Field((), description="Domains of addresses.")
    organizations: tuple[str, ...] = Field((), description="Organisation names.")
    tags: tuple[str, ...] = Field(
        ("vip",), description="Tags of the helpdesk on ticket, person or organisation."
    )

    @field_validator("addresses", "domains", "organizations", "tags")
    @classmethod
    def _casefold(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(entry.strip().casefold().lstrip("@") for entry in value)


class Route(Section):
    """Where problems of one type are filed, where that differs from the rest."""

    project: str | None = None
    issue_type: str | None = None


class Problems(Thresholds):
    """When a pile of complaints becomes an issue, and what happens to it then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracker: str | None = Field(
        None, description="The source that takes issues; none: problems are only shown."
    )
    project: str = Field("", description="Project key for new issues.")
    issue_type: str = Field("Bug", description="Issue type for new issues.")
    routes: Mapping[str, Route] = Field(
        default_factory=dict, description="Other places by complaint type."
    )
    labels: tuple[str, ...] = Field(
        ("complaint-connector",), description="Labels on every issue."
    )
    customers_field: str | None = Field(
        None, description="Number field (its id) kept at the count of customers."
    )
    settle: Duration = Field(
        timedelta(minutes=10), description="Time a problem may grow before filing."
    )
    fix_settle: Duration = Field(
        timedelta(minutes=10),
        description="Time an issue must stay done before customers are told.",
    )
    fixed_resolutions: tuple[str, ...] = Field(
        ("done", "fixed", "resolved", "complete", "completed", "ferdig", "valmis"),
        description="Resolutions that mean: it works again.",
    )
    fixed_without_resolution: bool = Field(
        False, description="Whether done without a resolution counts as fixed."
    )
    watch: Duration = Field(
        timedelta(days=14), description="Time a fixed problem is watched."
    )
    search_lag: Duration = Field(
        timedelta(minutes=10),
        description="How long the tracker's search may not show a new issue.",
    )
    reread: Duration = Field(
        timedelta(minutes=15), description="How often open issues are read again."
    )
    steps: tuple[int, ...] = Field(
        (10, 20, 50, 100, 200, 500, 1000),
        description="Numbers of customers at which the issue gets a comment.",
    )


class Messages(Section):
    signature: str = Field("", description="Last line of each message to a customer.")
    approve_above: int = Field(
        50, ge=0, description="More recipients than this wait for an approval."
    )


class Work(Section):
    """How the worker and the senders go about it; the defaults suit most."""

    batch: int = Field(64, ge=1, le=1000, description="Deliveries taken at a time.")
    readers: int = Field(8, ge=1, le=64, description="Tickets read at a time.")
    lease: Duration = Field(
        timedelta(seconds=60), description="A claim of a dead process ends after this."
    )
    tick: Duration = Field(
        timedelta(seconds=5), description="How often the scheduler looks for due work."
    )
    attempts: int = Field(
        20, ge=1, description="Tries before something is parked for a person."
    )
    backoff: Duration = Field(
        timedelta(seconds=2), description="First pause after a failure; it doubles."
    )
    backoff_limit: Duration = Field(
        timedelta(minutes=30), description="Longest pause between tries."
    )


class Config(Section):
    server: Server = Server()
    database: Database = Database()
    sources: Mapping[str, Any] = Field(
        description="Helpdesks and trackers by a name of your choice."
    )
    autonomy: Autonomy = Autonomy()
    tags: Tags = Tags()
    vip: Vip = Vip()
    problems: Problems = Problems()
    messages: Messages = Messages()
    rules: RuleSet = RuleSet()
    work: Work = Work()


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the file at ``path``.

    ``${NAME}`` anywhere in a value is replaced from the environment, ``${file:PATH}``
    by the content of a file (a mounted secret). Raises ``ConfigError``.
    """
    environ = os.environ if environ is None else environ
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(
            str(path),
            [f"cannot be read ({err.strerror}); copy config.example.yaml to start"],
        ) from err
    except yaml.YAMLError as err:
        raise ConfigError(str(path), [f"is not valid YAML: {_one_line(err)}"]) from err
    if not isinstance(raw, dict):
        raise ConfigError(
            str(path), ["expected keys such as 'sources:' at the top level"]
        )
    problems: list[str] = []
    filled = _fill(raw, "", path.parent, environ, problems)
    return check(filled, str(path), problems)


def check(raw: dict[str, Any], path: str, problems: list[str] | None = None) -> Config:
    """Check a configuration that was already read; report all mistakes together."""
    problems = list(problems or ())
    sources = _check_sources(raw.get("sources"), problems)
    rules = _check_rules(raw.get("rules"), problems)
    config = None
    try:
        config = Config.model_validate({**raw, "sources": sources, "rules": rules})
    except ValidationError as err:
        problems += describe(err, "")
    if config:
        problems += _check_together(config)
    if config is None or problems:
        raise ConfigError(path, list(dict.fromkeys(problems)))
    return config


def build_adapters(config: Config) -> dict[str, Adapter]:
    """Build one adapter for each source."""
    known = kinds()
    return {
        name: known[settings.kind].build(name, settings.settings)
        for name, settings in config.sources.items()
    }


class Source(Section):
    """One block under ``sources``: the vendor's word, and its checked settings."""

    kind: str
    settings: Any


def _check_sources(raw: object, problems: list[str]) -> dict[str, Source]:
    if raw is None or raw == {}:
        problems.append(
            "sources: missing; name at least one helpdesk, for example "
            "'sources: {support: {kind: helpscout, …}}'"
        )
        return {}
    if not isinstance(raw, dict):
        problems.append("sources: expected blocks such as 'support: {kind: helpscout}'")
        return {}
    checked: dict[str, Source] = {}
    for name, block in raw.items():
        source = _check_source(str(name), block, problems)
        if source:
            checked[str(name)] = source
    return checked


def _check_source(name: str, block: object, problems: list[str]) -> Source | None:
    known = kinds()
    where = f"sources.{name}"
    if not _NAME.fullmatch(name):
        problems.append(
            f"{where}: a source's name is part of its webhook address; use lower-case "
            "letters, digits, '-' and '_'"
        )
        return None
    if not isinstance(block, dict):
        problems.append(f"{where}: expected settings, beginning with 'kind:'")
        return None
    settings = dict(block)
    kind = settings.pop("kind", None)
    if kind not in known:
        said = "missing" if kind is None else f"{kind!r} is not known"
        problems.append(f"{where}.kind: {said}; use one of {', '.join(sorted(known))}")
        return None
    try:
        return Source(kind=kind, settings=known[kind].config.model_validate(settings))
    except ValidationError as err:
        problems += describe(err, where)
        return None


def _check_rules(raw: object, problems: list[str]) -> RuleSet:
    try:
        return read_rules(raw, "rules")
    except ConfigError as err:
        problems += [f"rules: {problem}" for problem in err.problems]
        return RuleSet()


def _check_together(config: Config) -> Iterator[str]:
    """Find what single values cannot show."""
    adapters = build_adapters(config)
    if not any(isinstance(adapter, Helpdesk) for adapter in adapters.values()):
        yield "sources: none is a helpdesk; add one of kind helpscout or zendesk"
    tracker = config.problems.tracker
    if tracker is not None:
        if tracker not in adapters:
            yield (
                f"problems.tracker: there is no source {tracker!r}; "
                f"known: {', '.join(sorted(adapters))}"
            )
        elif not isinstance(adapters[tracker], Tracker):
            yield f"problems.tracker: source {tracker!r} takes no issues; name a Jira"
        if not config.problems.project:
            yield "problems.project: missing; give the key of a project, such as SHOP"
    for adapter in adapters.values():
        adapter.close()


def describe(err: ValidationError, prefix: str) -> list[str]:
    """Put each mistake into a line: key path, what was expected, how to mend it."""
    lines = []
    for error in err.errors(include_url=False):
        path = ".".join(str(part) for part in (prefix, *error["loc"]) if part != "")
        lines.append(f"{path or 'the file'}: {_advice(error)}")
    return lines


def _advice(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "missing; add this key"
    if kind == "extra_forbidden":
        return "unknown key; check its spelling against config.example.yaml"
    if kind in ("literal_error", "enum"):
        return f"expected {context['expected']}; choose one of these"
    if kind == "value_error":
        return str(context["error"])
    # The value itself stays out: it may be a secret.
    return f"{error['msg'][0].lower()}{error['msg'][1:]}; correct this value"


def _fill(
    value: Any,
    where: str,
    base: Path,
    environ: Mapping[str, str],
    problems: list[str],
) -> Any:
    """Replace references to the environment and to secret files in all strings."""
    if isinstance(value, dict):
        return {
            key: _fill(
                entry, f"{where}.{key}" if where else str(key), base, environ, problems
            )
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [
            _fill(entry, f"{where}.{index}", base, environ, problems)
            for index, entry in enumerate(value)
        ]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            try:
                return (base / match[2]).read_text(encoding="utf-8").strip()
            except OSError as err:
                problems.append(
                    f"{where}: the file {match[2]} cannot be read ({err.strerror}); "
                    "create it or correct the path"
                )
                return "?"
        if match[2] not in environ:
            problems.append(
                f"{where}: the environment has no {match[2]}; export it before the "
                "start, or use ${file:PATH}"
            )
            return "?"
        return environ[match[2]]

    return _REFERENCE.sub(replace, value)


def _one_line(err: Exception) -> str:
    return " ".join(str(err).split())
