"""What ``doctor`` is told of a Jira: can issues be filed, followed, reopened?

Only reads. What Jira says of itself is turned into findings here, each with what to
click or type; nothing raises a ``VendorError``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.jira import links, paging, readings
from adapters.jira.account_checks import AccountChecks
from adapters.jira.bodies import quoted
from adapters.jira.client import JiraClient, segment
from adapters.jira.resolutions import judged, key
from adapters.jira.settings import JiraConfig
from adapters.jira.values import to_id
from connector.errors import (
    NotFound,
    VendorError,
)
from connector.models import Finding, Level, Meaning

SHOWN = 8

#: What each permission is for.
PERMISSIONS = {
    "BROWSE_PROJECTS": "reading issues",
    "CREATE_ISSUES": "filing",
    "EDIT_ISSUES": "labels, fields and properties",
    "ADD_COMMENTS": "comments",
    "LINK_ISSUES": "links to tickets and between issues",
    "TRANSITION_ISSUES": "reopening",
}

#: We always send these, or Jira fills them in by itself.
GIVEN = frozenset({"project", "issuetype", "summary", "description", "labels"})
FILLED_BY_JIRA = frozenset({"reporter"})
#: They are not on any screen.
OFF_SCREEN = frozenset({"project", "issuetype"})


class Checks(AccountChecks):
    """Looks at a Jira that takes issues, with the account we have."""

    _config: JiraConfig

    def __init__(self, source: str, config: JiraConfig, client: JiraClient) -> None:
        super().__init__(source, config, client)
        self._config = config

    def all(
        self, now: datetime, listed: Callable[[], list[dict[str, Any]]]
    ) -> list[Finding]:
        """Look at everything; ``listed`` returns the webhooks of this Jira."""
        found = self.login(now)
        if any(finding.level is Level.PROBLEM for finding in found):
            return found
        rest = (self.webhooks(listed), self.places())
        return [*found, *(finding for findings in rest for finding in findings)]

    # -- resolutions --

    def resolutions(self, fixed: Collection[str]) -> list[Finding]:
        """Say what each resolution will be taken for, and which words name none.

        ``fixed`` are names that mean fixed for every tracker.
        """
        try:
            found = [
                raw
                for raw in self._client.read_list("resolution")
                if isinstance(raw, dict)
            ]
        except VendorError as err:
            return [self._failed("resolutions", err)]
        return [
            self._meanings(found, fixed),
            *self._unknown_words(found),
            self._duplicates(),
        ]

    def _meanings(self, found: list[dict[str, Any]], fixed: Collection[str]) -> Finding:
        meant: dict[Meaning | None, list[str]] = {}
        for raw in found:
            meaning = judged(raw, self._config.resolutions, fixed)
            meant.setdefault(meaning, []).append(str(raw.get("name")))
        said = [
            f"{meaning or 'named nowhere, so not fixed'}: {_few(meant[meaning])}"
            for meaning in (*Meaning, None)
            if meaning in meant
        ]
        subject, text = "resolutions", "; ".join(said) or "there are none"
        if Meaning.FIXED in meant:
            return self._say(Level.OK, subject, text)
        return self._say(
            Level.WARNING,
            subject,
            f"none of them means fixed, so no customer is ever told; {text}",
            "name yours under problems.fixed_resolutions, or by name or id under "
            f"sources.{self._source}.resolutions.fixed",
        )

    def _unknown_words(self, found: list[dict[str, Any]]) -> list[Finding]:
        known = {key(str(raw.get(name))) for raw in found for name in ("id", "name")}
        listed = [word for words in self._config.resolutions.values() for word in words]
        strange = [word for word in listed if key(word) not in known]
        if not strange:
            return []
        return [
            self._say(
                Level.PROBLEM,
                "resolutions",
                f"this Jira has none called {_few(strange)}",
                f"correct sources.{self._source}.resolutions",
            )
        ]

    def _duplicates(self) -> Finding:
        """Say which links lead from a duplicate to its original."""
        subject, key = "duplicates", f"sources.{self._source}.duplicate_links"
        try:
            answer = self._client.read("issueLinkType", {})
            types = readings.to_page(self._source, answer, "issueLinkTypes")
        except NotFound:
            said = "issues cannot be linked here, so no duplicate names its original"
            remedy = "switch issue linking on under System → Issue linking"
            return self._say(Level.WARNING, subject, said, remedy)
        except VendorError as err:
            return self._failed(subject, err)
        found = links.duplicate_types(types, self._config.duplicate_links)
        names = _few(str(raw.get("name")) for raw in found)
        if found:
            said = f"links that lead to the original: {names}"
            return self._say(Level.OK, subject, said)
        named = bool(self._config.duplicate_links)
        said = "no type of link means that, so no problem goes on with an original"
        remedy = f"correct {key}" if named else f"name yours under {key}"
        level = Level.PROBLEM if named else Level.WARNING
        return self._say(level, subject, said, remedy)

    # -- priorities --

    def priorities(self, asked: Sequence[str]) -> list[Finding]:
        """Say whether these exist, and rise."""
        try:
            listed = paging.priorities(self._client, self._config.flavour)
        except VendorError as err:
            return [self._failed("priorities", err)]
        names = [str(raw.get("name")) for raw in listed]
        places = [readings.rank(listed, word) for word in asked]
        if None in places:
            strange = [
                word for word, at in zip(asked, places, strict=True) if at is None
            ]
            said = f"this Jira has none called {_few(strange)}; there is {_few(names)}"
        elif places != sorted(places, key=lambda at: -(at or 0)):
            said = f"they do not rise; from the highest on there is {_few(names)}"
        else:
            said = f"they rise: {_few(asked)}"
            return [self._say(Level.OK, "priorities", said)]
        remedy = "correct problems.priorities"
        return [self._say(Level.PROBLEM, "priorities", said, remedy)]

    # -- components and people --

    def people(
        self, project: str, components: Collection[str], assignee: str
    ) -> list[Finding]:
        """Say whether the project has these components and this assignee."""
        try:
            found = [self._components(project, components)] if components else []
            return found + ([self._assignee(project, assignee)] if assignee else [])
        except VendorError as err:
            return [self._failed(project, err)]

    def _components(self, project: str, asked: Collection[str]) -> Finding:
        listed = self._client.read_list(f"project/{segment(project)}/components")
        known = [raw for raw in listed if isinstance(raw, dict)]
        words = {str(raw.get(name)) for raw in known for name in ("id", "name")}
        strange = [word for word in asked if word not in words]
        if not strange:
            return self._say(Level.OK, project, f"has {_few(asked)}")
        there = _few(str(raw.get("name")) for raw in known) or "none"
        said = f"has no component {_few(strange)}; there is {there}"
        return self._say(Level.PROBLEM, project, said, "correct problems.routes")

    def _assignee(self, project: str, who: str) -> Finding:
        key = "accountId" if self._cloud else "username"
        params = f"project={segment(project)}&{key}={segment(who)}"
        found = self._client.read_list(f"user/assignable/search?{params}")
        field = "accountId" if self._cloud else "name"
        if any(isinstance(raw, dict) and raw.get(field) == who for raw in found):
            return self._say(
                Level.OK, project, "its issues can be given to the assignee"
            )
        return self._say(
            Level.PROBLEM,
            project,
            f"the assignee {who} is nobody, or may have no issues there",
            "give that person the permission Assignable user, or correct "
            "problems.routes",
        )

    # -- filing --

    def places(self) -> list[Finding]:
        """Look at every place the settings name; where problems go is asked beside."""
        return [
            finding
            for project, place in self._config.projects.items()
            for kind in place.issue_types
            for finding in self.filing(project, kind, ())
        ]

    def filing(
        self, project: str, issue_type: str, fields: Collection[str]
    ) -> list[Finding]:
        """Prove that an issue can be filed there with ``fields`` set, and reopened."""
        try:
            return [
                self._permissions(project),
                *self._fields(project, issue_type, fields),
                self._reopening(project, issue_type),
            ]
        except NotFound:
            remedy = "correct the key, or give our account Browse projects there"
            said = "does not exist, or not for our account"
            return [self._say(Level.PROBLEM, project, said, remedy)]
        except VendorError as err:
            return [self._failed(project, err)]

    def _permissions(self, project: str) -> Finding:
        params = {"projectKey": project}
        if self._cloud:  # there it must be said, and Data Center knows no such thing
            params["permissions"] = ",".join(PERMISSIONS)
        answer = self._client.read("mypermissions", params).get("permissions")
        held = answer if isinstance(answer, dict) else {}
        lacking = [
            f"{name} ({what})"
            for name, what in PERMISSIONS.items()
            if name in held and not _is_true(held[name], "havePermission")
        ]
        if not lacking:
            return self._say(Level.OK, project, "our account has the permissions")
        return self._say(
            Level.PROBLEM,
            project,
            f"our account lacks {', '.join(lacking)}",
            "give it a role in Project settings → People, or correct the permission "
            "scheme",
        )

    def _fields(
        self, project: str, issue_type: str, fields: Collection[str]
    ) -> list[Finding]:
        path = f"issue/createmeta/{segment(project)}/issuetypes"
        try:
            types = paging.read_all(self._client, path)
        except NotFound:  # the project is there: its permissions were read before
            said = "this Jira does not tell what an issue needs; it is older than 8.4"
            return [self._say(Level.WARNING, f"{project} {issue_type}", said)]
        fitting = [
            raw
            for raw in types
            if raw.get("id") == issue_type
            or key(str(raw.get("name"))) == key(issue_type)
        ]
        if len(fitting) != 1 or _is_true(fitting[0], "subtask"):
            return [self._wrong_type(project, issue_type, fitting, types)]
        given = {*GIVEN, *fields, *self._config.filled(project)}
        below = f"{path}/{segment(str(fitting[0].get('id')))}"
        shown = paging.read_all(self._client, below)
        subject = f"{project} {issue_type}"
        found = [*self._required(subject, project, shown, given)]
        found += self._off_screen(subject, shown, given - OFF_SCREEN)
        return found or [self._say(Level.OK, subject, "every field can be filled")]

    def _wrong_type(
        self,
        project: str,
        issue_type: str,
        fitting: list[dict[str, Any]],
        types: list[dict[str, Any]],
    ) -> Finding:
        subject, remedy = f"{project} {issue_type}", "correct the issue type"
        if len(fitting) > 1:
            ids = _few(str(raw.get("id")) for raw in fitting)
            said = "more than one type of issue is called that"
            return self._say(Level.PROBLEM, subject, said, f"use its id: {ids}")
        if fitting:
            said = "is a type of sub-task, which needs a parent"
            return self._say(Level.PROBLEM, subject, said, remedy)
        usable = [raw for raw in types if not _is_true(raw, "subtask")]
        offered = _few(str(raw.get("name")) for raw in usable)
        said = f"no such type of issue; there is {offered or 'none for our account'}"
        return self._say(Level.PROBLEM, subject, said, remedy)

    def _required(
        self,
        subject: str,
        project: str,
        shown: Iterable[dict[str, Any]],
        given: Collection[str],
    ) -> list[Finding]:
        return [
            self._say(
                Level.PROBLEM,
                subject,
                f"needs the field {raw.get('name')} ({_field_id(raw)})",
                f"set sources.{self._source}.projects.{project}.fields."
                f"{_field_id(raw)}, for example to {_example(raw)}; or make it "
                "optional in Jira",
            )
            for raw in shown
            if _is_true(raw, "required")
            and not _is_true(raw, "hasDefaultValue")
            and _field_id(raw) not in {*given, *FILLED_BY_JIRA}
        ]

    def _off_screen(
        self, subject: str, shown: list[dict[str, Any]], given: Collection[str]
    ) -> list[Finding]:
        known = {_field_id(raw) for raw in shown}
        return [
            self._say(
                Level.PROBLEM,
                subject,
                f"the field {name} is not on the screen for creating issues",
                "add it there (Project settings → Screens)",
            )
            for name in sorted(given)
            if shown and name not in known
        ]

    def _reopening(self, project: str, issue_type: str) -> Finding:
        """Look for the way back on an issue that is done, if there is one."""
        subject = f"{project} {issue_type}"
        done = self._done_issue(project, issue_type)
        if done is None:
            said = "no issue is done yet, so the way back cannot be seen"
            return self._say(Level.OK, subject, said)
        offered = self._client.transitions(done)
        if readings.find_reopening(offered) is not None:
            said = "an issue that is done can be reopened"
            return self._say(Level.OK, subject, said)
        return self._say(
            Level.WARNING,
            subject,
            "no transition leads back from done; a comment will have to do",
            "add one to the workflow, or give our account Transition issues",
        )

    def _done_issue(self, project: str, issue_type: str) -> str | None:
        jql = (
            f"project = {quoted(project)} AND issuetype = {quoted(issue_type)}"
            " AND statusCategory = Done ORDER BY updated DESC"
        )
        path = "search/jql" if self._cloud else "search"
        params = {"jql": jql, "fields": "status", "maxResults": 1}
        answer = self._client.read(path, params)
        found = readings.to_page(self._source, answer, "issues")
        return to_id(found[0]) if found else None


def _field_id(raw: Mapping[str, Any]) -> str:
    return str(raw.get("fieldId") or raw.get("key"))


def _example(raw: Mapping[str, Any]) -> str:
    """Show a value as it has to be typed, one that Jira allows where it says which."""
    allowed, schema = raw.get("allowedValues"), raw.get("schema")
    kind = schema.get("type") if isinstance(schema, dict) else None
    first = allowed[0] if isinstance(allowed, list) and allowed else None
    if isinstance(first, dict) and first.get("id"):
        value: Any = {"id": str(first["id"])}
    else:
        value = {"number": 1, "date": "2026-01-31"}.get(str(kind), "text")
    shown = json.dumps([value] if kind == "array" else value, ensure_ascii=False)
    name = first.get("name") or first.get("value") if isinstance(first, dict) else None
    return f"{shown} ({name})" if isinstance(name, str) else shown


def _is_true(raw: object, name: str) -> bool:
    return isinstance(raw, dict) and raw.get(name) is True


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    more = ", …" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
