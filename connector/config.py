"""The configuration: one YAML file, secrets from the environment or from files.

What the keys are, and whether their values go together. Every mistake is reported at
once, each with its key path. The file is read in ``config_file``, a mistake put into
words in ``mistakes``; vendors' settings are described beside their adapters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator

from adapters import channel_kinds, directory_kinds, kinds
from adapters.base import Adapter, Channel, Directory, Helpdesk, Tracker
from connector import config_blocks, config_oidc, secrets, text_lint, workdays
from connector.config_clocks import ALWAYS, Calendar, Clocks
from connector.config_database import Database
from connector.config_file import fill, read_raw
from connector.config_learning import Learning
from connector.config_messages import Acknowledge, Checkins, Messages
from connector.config_oidc import Oidc
from connector.config_problems import Problems
from connector.config_reports import Reports
from connector.config_retention import Retention
from connector.config_vip import Vip
from connector.config_work import Quiet, Sweep, Work
from connector.errors import ConfigError
from connector.mistakes import describe
from connector.models import Mode, Topic
from connector.section import Section
from rules.schema import RuleSet, read_rules


class Server(Section):
    host: str = Field("127.0.0.1", description="Address to listen on.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#\s@]+(/[^?#\s@]*)?$",
        description="Address under which vendors reach this server.",
    )
    port: int = Field(8800, ge=0, le=65535, description="Port to listen on.")
    wsgi: Literal["granian", "waitress"] = Field(
        "granian",
        description="The server: granian is fast, waitress is pure Python.",
    )
    threads: int = Field(64, ge=1, le=512, description="Threads for requests.")
    max_body_bytes: int = Field(
        2_000_000, ge=1000, description="Larger deliveries are answered 413."
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="A bearer token by which /metrics answers other machines.",
    )
    proxies: int = Field(
        0, ge=0, le=10, description="Proxies in front; 0: one on this machine, if any."
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
        description="Start of each tag we write; others are never touched.",
    )

    @field_validator("prefix")
    @classmethod
    def _sets_apart(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9_]+[-_/]", value):
            raise ValueError(
                "expected a-z, 0-9 or _ and at the end one of - _ /; write for "
                "example cc-"
            )
        return value


class Notify(Section):
    """How people of the house are reached: channels, and which of them a role has."""

    channels: Mapping[str, Any] = Field(
        {}, description="Ways to reach somebody, by a name of your choice."
    )
    roles: Mapping[str, tuple[str, ...]] = Field(
        {}, description="The channels by which each role is told."
    )


class Judging(Section):
    """Which words tickets are judged by, besides those of every house."""

    trade: Literal["", "shop", "saas", "hospitality"] = Field(
        "", description="Whose words to know besides: shop, saas or hospitality."
    )
    packs: str = Field("", description="A folder of your own words.")

    @field_validator("packs")
    @classmethod
    def _is_there(cls, value: str) -> str:
        if value and not Path(value).is_dir():
            raise ValueError("there is no such folder; correct the path")
        return value


class Config(Section):
    server: Server = Server()
    oidc: Oidc = Oidc()
    database: Database = Database()
    sources: Mapping[str, Any] = Field(
        description="Helpdesks and trackers by a name of your choice."
    )
    autonomy: Autonomy = Autonomy()
    tags: Tags = Tags()
    vip: Vip = Vip()
    directories: Mapping[str, Any] = Field(
        {}, description="Who knows your customers, by a name of your choice."
    )
    problems: Problems = Problems()
    messages: Messages = Messages()
    acknowledge: Acknowledge = Acknowledge()
    texts: str = Field("", description="A folder of your own texts to customers.")
    checkins: Checkins = Checkins()
    calendars: Mapping[str, Calendar] = Field(
        {}, description="When people work, by a name of your choice."
    )
    quiet: Quiet = Quiet()
    clocks: Clocks = Clocks()
    notify: Notify = Notify()
    learning: Learning = Learning()
    reports: Reports = Reports()
    retention: Retention = Retention()
    rules: RuleSet | Path = Field(
        RuleSet(), description="Your own rules, or a file or folder that holds them."
    )
    judging: Judging = Judging()
    sweep: Sweep = Sweep()
    work: Work = Work()

    @field_validator("texts")
    @classmethod
    def _can_be_written(cls, value: str) -> str:
        if value and not Path(value).is_dir():
            raise ValueError("there is no such folder; correct the path")
        found = text_lint.lint(Path(value), ()) if value else []
        broken = [str(remark) for remark in found if remark.breaks]
        if broken:
            raise ValueError(broken[0])
        return value

    def calendar(self, source: str) -> workdays.Calendar:
        """Return the working time that deadlines of a source are counted in."""
        found = self.sources.get(source)
        name = found.calendar if found is not None else ALWAYS
        return workdays.ALWAYS if name == ALWAYS else self.calendars[name].build()

    def takes_writes(self, source: str) -> bool:
        """Tell whether anything can be written to the tickets of a source."""
        found = self.sources.get(source)
        return found is not None and kinds()[found.kind].takes_writes(found.settings)

    def plans_messages(self, source: str) -> bool:
        """Tell whether the vendor of a source shows agents what will be sent when."""
        found = self.sources.get(source)
        return found is not None and kinds()[found.kind].plans_messages

    def has_priorities(self, source: str) -> bool:
        """Tell whether tickets of a source have a priority that can be raised."""
        found = self.sources.get(source)
        return found is not None and kinds()[found.kind].has_priorities

    def has_places(self, source: str) -> bool:
        """Tell whether tickets of a source can be put into a group or an inbox."""
        found = self.sources.get(source)
        return found is not None and kinds()[found.kind].has_places

    def shows_issues(self, source: str) -> bool:
        """Tell whether issues are to be shown on the tickets of a source."""
        found = self.sources.get(source)
        return found is not None and kinds()[found.kind].shows_issues(found.settings)

    def gathers_tickets(self, source: str) -> bool:
        """Tell whether tickets of a problem get a ticket above them in a source."""
        found = self.sources.get(source)
        return found is not None and kinds()[found.kind].gathers_tickets(found.settings)

    def keeps_field(self, source: str, topic: Topic) -> bool:
        """Tell whether tickets of a source may have a field that is kept at this."""
        found = self.sources.get(source)
        return found is not None and topic in kinds()[found.kind].topics(found.settings)


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the file at ``path``.

    ``${NAME}`` anywhere in a value is replaced from the environment or from
    ``secrets.env`` in the same folder, ``${file:PATH}`` by the content of a file (a
    mounted secret). Raises ``ConfigError``.
    """
    raw = read_raw(path)
    problems: list[str] = []
    environ = os.environ if environ is None else environ
    try:
        environ = {**secrets.read(secrets.beside(path)), **environ}
    except (OSError, UnicodeDecodeError):
        problems.append(f"{secrets.FILE}: cannot be read; it belongs to another user?")
    filled, unfilled = fill(raw, path.parent, environ)
    filled = beside(filled, path.parent)
    return check(filled, str(path), problems + unfilled)


def beside(raw: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Let the paths in a configuration begin where it lies."""
    found = dict(raw)
    if isinstance(found.get("texts"), str) and found["texts"]:
        found["texts"] = str(folder / found["texts"])
    for part, key in (("judging", "packs"), ("oidc", "ca_bundle")):
        section = found.get(part)
        if isinstance(section, dict) and isinstance(section.get(key), str):
            if section[key]:
                found[part] = {**section, key: str(folder / section[key])}
    if isinstance(found.get("directories"), dict):
        blocks = found["directories"].items()
        found["directories"] = {k: config_blocks.beside(v, folder) for k, v in blocks}
    if isinstance(found.get("rules"), str):
        found["rules"] = folder / found["rules"]
    return found


def check(raw: dict[str, Any], path: str, problems: list[str] | None = None) -> Config:
    """Check a configuration that was already read; report all mistakes together."""
    problems = list(problems or ())
    unfilled = [problem.partition(": ")[0] for problem in problems]
    # A section whose keys are all commented out is None.
    given = {key: value for key, value in raw.items() if value is not None}
    found: list[str] = []
    sources = config_blocks.sources(given.get("sources"), found)
    notify = config_blocks.notify(given.get("notify"), found)
    directories = config_blocks.directories(given.get("directories"), found)
    are_blocks_fine = not found
    rules = _check_rules(given.get("rules"), found)
    config = None
    try:
        config = Config.model_validate(
            {
                **given,
                "sources": sources,
                "notify": notify,
                "directories": directories,
                "rules": rules,
            }
        )
    except ValidationError as err:
        found += describe(err, "", Config)
    if config and are_blocks_fine:
        found += _check_together(config)
    problems += [line for line in found if not _is_about(line, unfilled)]
    if config is None or problems:
        raise ConfigError(path, list(dict.fromkeys(problems)))
    return config


def _is_about(problem: str, keys: list[str]) -> bool:
    """Whether a problem only follows from a reference that could not be filled."""
    where = problem.partition(": ")[0]
    return any(where == key or where.startswith(f"{key}.") for key in keys)


def build_adapters(config: Config) -> dict[str, Adapter]:
    """Build one adapter for each source."""
    known = kinds()
    return {
        name: known[settings.kind].build(name, settings.settings)
        for name, settings in config.sources.items()
    }


@contextmanager
def open_adapters(config: Config) -> Iterator[dict[str, Adapter]]:
    """Give one adapter for each source; they are closed at the end, however it ends."""
    adapters = build_adapters(config)
    try:
        yield adapters
    finally:
        for adapter in adapters.values():
            adapter.close()


def build_channels(config: Config) -> list[Channel]:
    """Build one channel for each block under ``notify.channels``."""
    known = channel_kinds()
    return [
        known[settings.kind].build(channel_source(name), settings.settings)
        for name, settings in config.notify.channels.items()
    ]


def build_directories(config: Config) -> list[Directory]:
    """Build one directory for each block under ``directories``, in their order."""
    known = directory_kinds()
    return [
        known[settings.kind].build(directory_source(name), settings.settings)
        for name, settings in config.directories.items()
    ]


def directory_source(name: str) -> str:
    """Return what a directory is called where a source could stand, too."""
    return f"directory:{name}"


def channel_source(name: str) -> str:
    """Return what a channel is called where a source could stand, too."""
    return f"notify:{name}"


def _check_rules(raw: object, problems: list[str]) -> RuleSet | Path:
    """Check rules that are written here; a file's are read by ``rulebook``."""
    if isinstance(raw, Path):
        return raw
    try:
        return read_rules(raw, "rules")
    except ConfigError as err:
        problems += [f"rules: {problem}" for problem in err.problems]
        return RuleSet()


def _check_together(config: Config) -> Iterator[str]:
    """Find what single values cannot show."""
    with open_adapters(config) as adapters:
        yield from _check_sources(config, adapters)
    yield from config_oidc.check(config.oidc, config.server.public_url)
    for name, source in config.sources.items():
        if source.calendar != ALWAYS and source.calendar not in config.calendars:
            yield (
                f"sources.{name}.calendar: there is no calendar {source.calendar!r}; "
                "add it below calendars"
            )
    named = {f"clocks.{key}": role for key, role in config.clocks.roles.items()}
    named |= {"vip.role": config.vip.role, "learning.role": config.learning.role}
    for key, role in named.items():
        if role and role not in config.notify.roles:
            yield f"{key}: there is no role {role!r}; add it below notify.roles"
    for role, channels in config.notify.roles.items():
        for name in channels:
            if name not in config.notify.channels:
                yield (
                    f"notify.roles.{role}: there is no channel {name!r}; "
                    "add it below notify.channels"
                )
    for key in ("digest_to", "register_to"):
        role = getattr(config.reports, key)
        if role and role not in config.notify.roles:
            yield (
                f"reports.{key}: there is no role {role!r}; add it below notify.roles"
            )


def _check_sources(config: Config, adapters: Mapping[str, Adapter]) -> Iterator[str]:
    """Find what is said of sources that are not there, or not of that kind."""
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
    for name in config.sweep.without:
        if name not in adapters:
            yield (
                f"sweep.without: there is no source {name!r}; "
                f"known: {', '.join(sorted(adapters))}"
            )
    for name in config.reports.fields:
        if name not in adapters:
            yield (
                f"reports.fields.{name}: there is no source {name!r}; "
                f"known: {', '.join(sorted(adapters))}"
            )
