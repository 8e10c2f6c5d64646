"""The part of JQL the look-alike understands; the rest is refused, not guessed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connector.sandbox.jira_shapes import ISSUE_TYPES
from connector.sandbox.jira_tracker import Issue, JiraTracker

Test = Callable[[Issue], bool]
CLAUSE = re.compile(
    r"(?P<field>[\w.]+(?:\[\d+\])?)\s*"
    r"(?P<op>not\s+in\b|in\b|is\s+not\b|is\b|>=|<=|!=|=|~|>|<)\s*"
    r"(?P<value>.+)",
    re.I | re.S,
)
CUSTOM = re.compile(r"cf\[(\d+)\]")
TIME_OPS = (">=", ">", "<=", "<")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class BadQuery(Exception):
    """The query cannot be read; the text says why."""


def matcher(tracker: JiraTracker, jql: str, *, bounded: bool) -> Test:
    """Return the test a query stands for. ``bounded`` refuses one without limits."""
    text = re.split(r"\border\s+by\b", jql, flags=re.I)[0].strip()
    clauses = [part for part in re.split(r"\s+AND\s+", text, flags=re.I) if part]
    if bounded and not clauses:
        raise BadQuery("Unbounded JQL queries are not allowed here.")
    tests = [_clause(tracker, clause.strip()) for clause in clauses]
    return lambda issue: all(test(issue) for test in tests)


def ordered(issues: list[Issue], jql: str) -> list[Issue]:
    """Sort by the one field named after ORDER BY; newest first without one."""
    parts = re.split(r"\border\s+by\b", jql, flags=re.I)
    words = parts[1].split() if len(parts) > 1 else ["created", "DESC"]
    field = words[0].lower().strip(",")
    if field not in ("created", "updated", "key", "id"):
        raise BadQuery(f"Cannot order by {field!r}.")
    down = len(words) > 1 and words[1].lower() == "desc"
    keys: dict[str, Callable[[Issue], object]] = {
        "created": lambda issue: (issue.created, int(issue.id)),
        "updated": lambda issue: issue.updated,
    }
    by_id: Callable[[Issue], object] = lambda issue: int(issue.id)  # noqa: E731
    return sorted(issues, key=keys.get(field, by_id), reverse=down)  # type: ignore[arg-type]


def _clause(tracker: JiraTracker, clause: str) -> Test:
    if clause.startswith("(") and clause.endswith(")"):
        either = re.split(r"\s+OR\s+", clause[1:-1], flags=re.I)
        tests = [_clause(tracker, part.strip()) for part in either]
        return lambda issue: any(test(issue) for test in tests)
    match = CLAUSE.fullmatch(clause)
    if match is None:
        raise BadQuery(f"Error in the JQL Query: {clause!r} cannot be read.")
    field = match["field"].lower()
    op = re.sub(r"\s+", " ", match["op"].lower())
    if (field in ("created", "updated") or CUSTOM.fullmatch(field)) and op in TIME_OPS:
        return _time_test(tracker, field, op, _plain(match["value"]))
    if field == "summary" and op == "~":
        wanted = _plain(match["value"]).casefold()
        return lambda issue: wanted in issue.summary.casefold()
    if op in ("is", "is not") and match["value"].strip().lower() in ("empty", "null"):
        return lambda issue: (not _values(issue, field)) == (op == "is")
    if op not in ("=", "!=", "in", "not in"):
        raise BadQuery(f"The operator {op!r} is not supported by {field!r}.")
    return _value_test(tracker, field, op, _list(match["value"]))


def _value_test(tracker: JiraTracker, field: str, op: str, wanted: list[str]) -> Test:
    if field == "project" and not all(tracker.project(key) for key in wanted):
        words = "The value {!r} does not exist for the field 'project'."
        raise BadQuery(words.format(wanted[0]))
    exact = field == "labels"  # labels are the one thing where case matters
    chosen = set(wanted) if exact else {value.casefold() for value in wanted}
    _known(field)

    def test(issue: Issue) -> bool:
        values = _values(issue, field)
        found = set(values) if exact else {value.casefold() for value in values}
        if op in ("=", "in"):
            return bool(found & chosen)
        # An empty field is never "not equal": it is left out silently.
        return bool(found) and not found & chosen

    return test


def _known(field: str) -> None:
    names = "project labels key issuekey id issue status statuscategory resolution"
    if field not in (*names.split(), "issuetype"):
        raise BadQuery(f"Field '{field}' does not exist or you cannot view it.")


def _values(issue: Issue, field: str) -> list[str]:
    _known(field)
    return {
        "project": [issue.project],
        "labels": issue.labels,
        "status": [issue.status.name, issue.status.id],
        "statuscategory": [issue.status.category, _category_name(issue)],
        "resolution": [issue.resolution] if issue.resolution else [],
        "issuetype": [issue.issue_type, ISSUE_TYPES.get(issue.issue_type, "")],
    }.get(field, [issue.id, issue.key])


def _category_name(issue: Issue) -> str:
    names = {"new": "To Do", "indeterminate": "In Progress", "done": "Done"}
    return names[issue.status.category]


def _time_test(tracker: JiraTracker, field: str, op: str, value: str) -> Test:
    edge = _moment(value, tracker.stage.clock(), ZoneInfo(tracker.time_zone))
    tests: dict[str, Callable[[datetime], bool]] = {
        ">=": lambda at: at >= edge,
        ">": lambda at: at > edge,
        "<=": lambda at: at <= edge,
        "<": lambda at: at < edge,
    }

    def test(issue: Issue) -> bool:
        at = _time(issue, field)
        return at is not None and tests[op](at)

    return test


def _time(issue: Issue, field: str) -> datetime | None:
    number = CUSTOM.fullmatch(field)
    if number is None:
        return issue.created if field == "created" else issue.updated
    value = issue.fields.get(f"customfield_{number[1]}")
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z") if value else None


def _moment(value: str, now: datetime, zone: ZoneInfo) -> datetime:
    """``-5m``, or a date with at most minutes in the time zone of who asks."""
    match = re.fullmatch(r"-(\d+)([mhdw])", value)
    if match:
        return now - timedelta(**{UNITS[match[2]]: int(match[1])})
    for form in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(value, form).replace(tzinfo=zone)
        except ValueError:
            continue
    raise BadQuery(f"Date value '{value}' is invalid.")


def _list(value: str) -> list[str]:
    text = value.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    found = re.findall(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[^\s,]+', text)
    if not found:
        raise BadQuery("Error in the JQL Query: a value is missing.")
    return [_plain(one) for one in found]


def _plain(value: str) -> str:
    text = value.strip()
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        text = text[1:-1]
    return text.replace('\\"', '"').replace("\\\\", "\\")
