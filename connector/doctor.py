"""Is everything as it must be before customers depend on it? What ``doctor`` finds.

Asked on the command line, at the end of setting up, and by an admin on a page.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from adapters.base import (
    Adapter,
    FieldWriter,
    FilingCheck,
    Framer,
    Inviter,
    Prioritizer,
    Router,
    TagRules,
)
from connector import (
    callbacks,
    declining,
    demotion,
    health,
    imports,
    oidc,
    roundtrip,
    ruling,
    secrets,
    sweep,
)
from connector.config import (
    Config,
    build_channels,
    build_directories,
    load,
    open_adapters,
)
from connector.config_file import Reference, read_raw, references
from connector.errors import ConfigError, StoreUnavailable
from connector.filling import possible_words
from connector.models import Finding, Level, Mode
from connector.rulebook import Rulebook
from connector.store import Store, locks
from connector.tagging import possible_tags
from rules.schema import RuleSet

#: Name under which is kept what was found.
FACT = "doctor"


def findings_of(path: Path, config: Config, round_trips: bool = True) -> list[Finding]:
    """Look at everything, a test delivery to each source at the end."""
    findings = [Finding(Level.OK, str(path), "the configuration can be used")]
    findings += _check_secrets(path)
    findings += _check_database(config)
    findings += _check_autonomy(config)
    with open_adapters(config) as adapters:
        findings += _check_parties(config, adapters, round_trips)
    return findings


def _check_parties(
    config: Config, adapters: Mapping[str, Adapter], round_trips: bool
) -> list[Finding]:
    """Look at all that is not this machine's own, and at what is asked of it."""
    findings: list[Finding] = []
    remembered = _remembered(config)
    reached: dict[str, Adapter] = {}
    for name, adapter in adapters.items():
        found = adapter.check(datetime.now(UTC))
        # One finding is enough: what is seen now tells more than what was seen before.
        if all(finding.level is not Level.PROBLEM for finding in found):
            found += [finding for finding in remembered if finding.subject == name]
        findings += found
        # More logins that fail would lock the account; the first finding is about them.
        if not found or found[0].level is not Level.PROBLEM:
            reached[name] = adapter
    findings += _check_rules(config, adapters, reached)
    findings += _check_fields(reached)
    findings += _check_sidebars(adapters)
    findings += _check_resolutions(config, reached)
    findings += _check_filing(config, reached)
    findings += _check_priorities(config, reached)
    findings += _check_channels(config)
    findings += oidc.findings(config, datetime.now(UTC))
    findings += callbacks.check(config, adapters)
    findings += _imports(config)
    if round_trips:
        findings += roundtrip.round_trips(config, adapters)
    return findings


def again(path: Path, running: Config) -> list[Finding]:
    """Look at everything while the connector runs: at the file as it is by now."""
    try:
        config = load(path)
    except ConfigError as err:
        remedy = "correct it before the next start, which would be refused"
        wrong = [Finding(Level.PROBLEM, err.path, one, remedy) for one in err.problems]
        return wrong + findings_of(path, running)[1:]
    if config == running:
        return findings_of(path, config)
    said = "was changed after the connector had started, and counts from the next start"
    late = Finding(Level.WARNING, str(path), said, "restart the connector")
    return [late, *findings_of(path, config)]


def keep(connection: Connection, findings: Sequence[Finding], now: datetime) -> None:
    """Keep what was found, so that it can be read later and elsewhere."""
    said = {"at": now.isoformat(), "findings": [list(one) for one in findings]}
    locks.put_fact(connection, FACT, said, now)


def kept(connection: Connection) -> tuple[datetime, list[Finding]] | None:
    """Return what was found when it was last looked at, and when that was."""
    said = locks.all_facts(connection).get(FACT)
    if said is None:
        return None
    found = [Finding(Level(level), *words) for level, *words in said["findings"]]
    return datetime.fromisoformat(said["at"]), found


def outside(path: Path) -> list[Reference]:
    """Return which secrets a configuration names, and whether they are there."""
    try:
        known = secrets.read(secrets.beside(path))
    except (OSError, UnicodeDecodeError):
        known = {}
    try:
        return references(read_raw(path), path.parent, {**known, **os.environ})
    except ConfigError:
        return []


def _check_secrets(path: Path) -> list[Finding]:
    """Say whether others can read the secrets file."""
    file = secrets.beside(path)
    if not file.exists():
        return []
    if secrets.is_open_to_others(file):
        return [
            Finding(
                Level.PROBLEM,
                secrets.FILE,
                "other users of this machine can read it",
                f"chmod 600 {file}",
            )
        ]
    return [Finding(Level.OK, secrets.FILE, "only its owner can read it")]


def _check_database(config: Config) -> list[Finding]:
    store = Store(config.database.url, pool_size=1)
    try:
        store.upgrade()
    except StoreUnavailable as err:
        return [
            Finding(
                Level.PROBLEM,
                "database",
                str(err),
                "start the database, or correct database.url",
            )
        ]
    finally:
        store.close()
    kind = "SQLite" if store.is_sqlite else "PostgreSQL"
    return [Finding(Level.OK, "database", f"{kind} answers and has our schema")]


def _remembered(config: Config) -> list[Finding]:
    """Return which sources the connector itself could not call or ask, and why."""
    store = Store(config.database.url, pool_size=1)
    try:
        with store.read() as connection:
            return [
                *health.findings(connection),
                *sweep.findings(connection, config),
                *declining.findings(connection, config),
            ]
    except StoreUnavailable:
        return []  # said already
    finally:
        store.close()


def _imports(config: Config) -> list[Finding]:
    """Say how imports of history stand."""
    store = Store(config.database.url, pool_size=1)
    try:
        with store.read() as connection:
            return imports.findings(connection, config, datetime.now(UTC))
    except StoreUnavailable:
        return []  # said already
    finally:
        store.close()


def _check_channels(config: Config) -> list[Finding]:
    """Say whether people of the house, and who knows customers, can be reached.

    Nothing is sent to them.
    """
    findings = []
    for party in (*build_channels(config), *build_directories(config)):
        findings += party.check(datetime.now(UTC))
        party.close()
    return findings


def _check_rules(
    config: Config, adapters: Mapping[str, Adapter], reached: Mapping[str, Adapter]
) -> list[Finding]:
    """Say whether the rules can be used, and of each helpdesk what it refuses."""
    now = datetime.now(UTC)
    try:
        rulebook = Rulebook(config, now)
    except ConfigError as err:
        remedy = "correct it; 'complaint-connector rules lint' tells more"
        return [Finding(Level.PROBLEM, err.path, one, remedy) for one in err.problems]
    store = Store(config.database.url, pool_size=1)
    rulebook.follow(store)
    book = rulebook.look(now)
    store.close()
    refused = _check_tags(possible_tags(config, book.rules), adapters)
    found = refused + ruling.check(config, book.rules)
    found += _check_places(book.rules, reached)
    found += _held_back(config, demotion.in_force(book))
    return found + rulebook.learned_findings()


def _check_places(rules: RuleSet, adapters: Mapping[str, Adapter]) -> list[Finding]:
    """Say whether there are the groups and inboxes that rules move tickets to."""
    places = {action.value for _, action in rules.asking("route")}
    routers = [one for one in adapters.values() if isinstance(one, Router) and places]
    return [finding for one in routers for finding in one.check_places(places)]


def _held_back(config: Config, versions: Mapping[str, str]) -> list[Finding]:
    """Say which rules only suggest, because people contradicted them."""
    store = Store(config.database.url, pool_size=1)
    try:
        with store.read() as connection:
            return demotion.findings(connection, versions)
    except StoreUnavailable:
        return []  # said already
    finally:
        store.close()


def _check_tags(
    wanted: Mapping[str, str], adapters: Mapping[str, Adapter]
) -> list[Finding]:
    """Say of each helpdesk whether it takes every tag that we may ever write."""
    findings = []
    for name, adapter in adapters.items():
        if not isinstance(adapter, TagRules):
            continue
        refused = adapter.refused_tags(wanted)
        findings += [
            Finding(Level.PROBLEM, name, f"{tag!r} {why}", f"correct {wanted[tag]}")
            for tag, why in refused.items()
        ]
        if not refused:
            said = f"can have each of our {len(wanted)} tags"
            findings.append(Finding(Level.OK, name, said))
    return findings


def _check_fields(adapters: Mapping[str, Adapter]) -> list[Finding]:
    """Say of each helpdesk whether the fields that we keep can hold our words."""
    possible = possible_words()
    return [
        finding
        for adapter in adapters.values()
        if isinstance(adapter, FieldWriter)
        for finding in adapter.check_fields(possible)
    ]


def _check_sidebars(adapters: Mapping[str, Adapter]) -> list[Finding]:
    """Say of each helpdesk that has a place for it whether agents have our page."""
    framers = [one for one in adapters.values() if isinstance(one, Framer)]
    return [finding for one in framers for finding in one.check_frame()]


def _check_resolutions(
    config: Config, adapters: Mapping[str, Adapter]
) -> list[Finding]:
    """Say which resolutions customers will be told of, where the tracker can tell."""
    tracker: object = adapters.get(config.problems.tracker or "")
    if not isinstance(tracker, FilingCheck):
        return []
    return tracker.check_resolutions(config.problems.fixed_resolutions)


def _check_priorities(config: Config, adapters: Mapping[str, Adapter]) -> list[Finding]:
    """Say whether the priorities of issues are there, where the tracker can tell."""
    tracker: object = adapters.get(config.problems.tracker or "")
    ladder = [name for _, name in sorted(config.problems.priorities.items())]
    if not isinstance(tracker, Prioritizer) or not ladder:
        return []
    return tracker.check_priorities(ladder)


def _check_filing(config: Config, adapters: Mapping[str, Adapter]) -> list[Finding]:
    """Prove each place that issues go to, where the tracker can tell."""
    problems = config.problems
    tracker: object = adapters.get(problems.tracker or "")
    if not isinstance(tracker, FilingCheck) or not problems.project:
        return []
    places = {(problems.project, problems.issue_type)} | {
        (route.project or problems.project, route.issue_type or problems.issue_type)
        for route in problems.routes.values()
    }
    fields = list(problems.fields.values())
    found = [
        finding
        for project, issue_type in sorted(places)
        for finding in tracker.check_filing(project, issue_type, fields)
    ]
    if isinstance(tracker, Inviter):
        for route in problems.routes.values():
            project = route.project or problems.project
            found += tracker.check_people(project, route.components, route.assignee)
    return found


def _check_autonomy(config: Config) -> list[Finding]:
    findings = []
    if config.autonomy.stop:
        findings.append(
            Finding(
                Level.WARNING,
                "autonomy.stop",
                "the global stop is on: nothing is written anywhere",
                "set it to false when you want the connector to work",
            )
        )
    if config.problems.tracker is None:
        findings.append(
            Finding(
                Level.WARNING,
                "problems.tracker",
                "no tracker is named: problems are shown but never filed",
                "add a source of kind jira and name it here",
            )
        )
    if config.autonomy.messages is Mode.ACT:
        findings.append(
            Finding(
                Level.OK,
                "autonomy.messages",
                "customers are written to without a draft",
            )
        )
    return findings
