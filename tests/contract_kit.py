"""The vendors' own descriptions of their interfaces, asked about what we exchange.

Loads and mends the OpenAPI documents, finds the operation an exchange belongs to, and
says what is wrong with it. What is excused, and why, is in ``contract_excuses``; where
the exchanges come from is ``contract_record``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import yaml
from contract_excuses import EXCUSES, Part
from jsonschema import ValidationError
from jsonschema.exceptions import best_match
from kit import shared
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

Json = dict[str, Any]

HOST = "http://vendor.example"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
WORDS_LIMIT = 300

#: Where the part of an address begins that the documents describe.
INTERFACE = re.compile(r"/(?:rest/|api/v2/|oauth/tokens\b)")

#: The documents disagree with the vendors on how one logs in, but not on whether.
SCHEMES = {name: {"type": "http", "scheme": name} for name in ("basic", "bearer")}
CREDENTIALS = [{name: []} for name in SCHEMES]


class Sent(NamedTuple):
    """A request as it left; ``cloud`` is known of a sandbox's, else it is guessed."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    cloud: bool | None = None


class Answered(NamedTuple):
    """What came back for it."""

    status: int
    content_type: str
    body: bytes


class Fault(NamedTuple):
    """Where an exchange and a description disagree."""

    document: str
    operation: str
    part: Part
    words: str

    def __str__(self) -> str:
        return f"{self.document}: {self.operation}: {self.part}: {self.words}"


def is_moment(value: object) -> bool:
    """Take every way to write a time that names its zone; Jira leaves out the colon."""
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


@dataclass(frozen=True)
class Operation:
    """One method of one path, with a description cut down to what it refers to."""

    document: str
    name: str
    description: Json
    query: frozenset[str]
    responses: Json
    deprecated: bool
    _judges: dict[str, OpenAPI] = field(default_factory=dict)

    def judge(self, unknown_keys: str) -> OpenAPI:
        if unknown_keys not in self._judges:
            self._judges[unknown_keys] = OpenAPI.from_dict(
                self.description,
                config=Config(
                    spec_validator_cls=None,
                    additional_properties_default_policy=unknown_keys,
                    extra_format_validators={"date-time": is_moment},
                ),
            )
        return self._judges[unknown_keys]

    def fault(self, part: Part, words: str) -> Fault:
        return Fault(self.document, self.name, part, words[:WORDS_LIMIT])


class Document:
    """One vendor's description, with its paths by their number of segments."""

    def __init__(self, name: str, raw: Json) -> None:
        self.name = name
        self._raw = raw
        #: What is to be written just so somewhere.
        self.words = frozenset(_enumerated(raw))
        self._made: dict[tuple[str, str], Operation] = {}
        self._templates: dict[int, list[str]] = {}
        # What is spelt out wins over a placeholder.
        for template in sorted(raw["paths"], key=lambda one: one.count("{")):
            self._templates.setdefault(template.count("/"), []).append(template)

    def operation(self, method: str, path: str) -> Operation | None:
        method = method.lower()
        for template in self._templates.get(path.count("/"), ()):
            item = self._raw["paths"][template]
            if method in item and _pattern(template).fullmatch(path):
                key = method, template
                if key not in self._made:
                    self._made[key] = self._make(method, template, item)
                return self._made[key]
        return None

    def _make(self, method: str, template: str, item: Json) -> Operation:
        own = item[method]
        parameters = map(
            self._resolved,
            [*item.get("parameters", ()), *own.get("parameters", ())],
        )
        kept = {key: one for key, one in item.items() if key not in METHODS}
        # An empty list says that this one call needs no credentials.
        open_to_all = own.get("security") == []
        kept[method] = {**own, "security": [] if open_to_all else CREDENTIALS}
        return Operation(
            document=self.name,
            name=f"{method.upper()} {template}",
            description=self._cut(template, kept),
            query=frozenset(one["name"] for one in parameters if one["in"] == "query"),
            responses=own["responses"],
            deprecated=own.get("deprecated", False),
        )

    def _cut(self, template: str, item: Json) -> Json:
        """Keep what one operation refers to: a whole document is slow to judge by."""
        components: Json = {"securitySchemes": SCHEMES}
        mended = self._mended(item)
        waiting: list[Any] = [mended]
        while waiting:
            node = waiting.pop()
            if isinstance(node, list):
                waiting.extend(node)
            if not isinstance(node, dict):
                continue
            waiting.extend(node.values())
            if isinstance(node.get("$ref"), str):
                _, _, kind, name = node["$ref"].split("/")
                known = components.setdefault(kind, {})
                if name not in known:
                    known[name] = self._mended(self._raw["components"][kind][name])
                    waiting.append(known[name])
        return {
            "openapi": self._raw["openapi"],
            "info": self._raw["info"],
            "servers": [{"url": HOST}],
            "components": components,
            "paths": {template: mended},
        }

    def _resolved(self, node: Json) -> Json:
        while "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            node = self._raw["components"][kind][name]
        return node

    def _mended(self, node: Any) -> Any:
        """Say the same in a way that can be judged strictly."""
        if isinstance(node, list):
            return [self._mended(one) for one in node]
        if not isinstance(node, dict):
            return node
        if len(node.get("allOf", ())) > 1:
            node = self._joined(node)
        node = {k: self._mended(v) for k, v in node.items() if k != "example"}
        if node.get("nullable") is True and isinstance(node.get("enum"), list):
            # By the letter of OpenAPI this would forbid null after all.
            node["enum"] = [*node["enum"], None]
        return node

    def _joined(self, node: Json) -> Json:
        """Make one object of several: each alone would forbid the others' keys."""
        joined = {key: one for key, one in node.items() if key != "allOf"}
        for part in map(self._resolved, node["allOf"]):
            part = self._joined(part) if "allOf" in part else part
            if set(part) & {"oneOf", "anyOf", "not"}:
                return node
            properties = {**joined.get("properties", {}), **part.get("properties", {})}
            required = [*joined.get("required", ()), *part.get("required", ())]
            joined = {**joined, **part}
            if properties:
                joined["properties"] = properties
            if required:
                joined["required"] = list(dict.fromkeys(required))
        return joined


def _enumerated(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _enumerated(one)
    if isinstance(node, dict):
        known = node.get("enum")
        if isinstance(known, list):
            yield from (one for one in known if isinstance(one, str))
        for one in node.values():
            yield from _enumerated(one)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", template)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


# -- the documents


def _json(name: str) -> Json:
    path = shared("vendors", "openapi", name)
    loaded: Json = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _zendesk() -> Json:
    """Read Zendesk's file, with the patch that adds what it leaves out."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Takes a bare "=" as the text that it is in the operators of triggers."""

    Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_scalar)
    path = shared("vendors", "openapi", "zendesk-support.yaml")
    raw = yaml.load(path.read_bytes(), Loader)
    # Either a number or a cursor, which no validator can unravel; we use cursors.
    known = raw["components"]["parameters"]
    known["DualPaginationPage"] = known["CursorPaginationPage"]
    return merged(raw, _json("zendesk-support.prism-patch.json"))


def _data_center() -> Json:
    """Read Data Center's file, whose paths lack what they all begin with."""
    raw = _json("jira-data-center-10.3-v2.json")
    return {**raw, "paths": {f"/rest{k}": v for k, v in raw["paths"].items()}}


SOURCES: dict[str, Callable[[], Json]] = {
    "zendesk": _zendesk,
    "jira-cloud-v3": lambda: _json("jira-cloud-v3.json"),
    "jira-cloud-v2": lambda: _json("jira-cloud-v2.derived.json"),
    "jira-data-center": _data_center,
    "jsm": lambda: _json("jira-service-management-cloud.derived.json"),
}


@cache
def document(name: str) -> Document:
    return Document(name, SOURCES[name]())


def merged(base: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def document_of(sent: Sent) -> str | None:
    """Name the description a request has to keep to; None: there is none."""
    path = path_of(sent.url)
    if not path.startswith("/rest/"):
        return "zendesk" if path else None
    if path.startswith("/rest/servicedeskapi/"):
        return "jsm"
    if path.startswith("/rest/api/2/"):
        return "jira-cloud-v2" if _is_cloud(sent) else "jira-data-center"
    return "jira-cloud-v3" if _is_cloud(sent) else "jira-data-center"


def path_of(url: str) -> str:
    """Return the path without what comes before the interface; "" if nothing does."""
    path = urlsplit(url).path
    found = INTERFACE.search(path)
    return path[found.start() :] if found else ""


def _is_cloud(sent: Sent) -> bool:
    if sent.cloud is not None:
        return sent.cloud
    host = urlsplit(sent.url).hostname or ""
    basic = _header(sent.headers, "authorization").startswith("Basic ")
    return basic or host.endswith((".atlassian.net", ".atlassian.com"))


# -- judging


def judge(sent: Sent, answered: Answered | None = None) -> list[Fault]:
    """Say what is wrong with a request, or with the answer it got, and not excused."""
    name = document_of(sent)
    if name is None:
        return []
    path = path_of(sent.url)
    operation = document(name).operation(sent.method, path)
    if operation is None:
        faults = _unknown(name, f"{sent.method} {path}", answered)
    elif answered is None:
        faults = _request_faults(operation, sent)
    else:
        faults = _answer_faults(operation, sent, answered)
    return [fault for fault in faults if not is_excused(fault)]


def is_described(sent: Sent) -> bool:
    """Say whether its description knows the operation of a request."""
    name, path = document_of(sent), path_of(sent.url)
    return name is not None and document(name).operation(sent.method, path) is not None


def is_excused(fault: Fault) -> bool:
    return any(excuse.covers(*fault) for excuse in EXCUSES)


def _unknown(name: str, operation: str, answered: Answered | None) -> list[Fault]:
    if answered is not None and answered.status >= 400:
        return []  # a sandbox may well refuse what its vendor does not have
    return [Fault(name, operation, Part.PATH, "no such operation")]


def _request_faults(operation: Operation, sent: Sent) -> list[Fault]:
    """Judge a request strictly: vendors drop a key they do not know without a word."""
    faults = [
        operation.fault(Part.QUERY, f"{name} is not described")
        for name in dict.fromkeys(key for key, _ in _query(sent))
        if not {name, name.partition("[")[0]} & operation.query
    ]
    if operation.deprecated:
        faults.append(operation.fault(Part.PATH, "deprecated"))
    errors = operation.judge("forbid").request_validator.iter_errors(_asked(sent))
    return [*faults, *_told(operation, errors, Part.REQUEST)]


def _answer_faults(operation: Operation, sent: Sent, answered: Answered) -> list[Fault]:
    described = operation.responses.get(str(answered.status))
    if described is None and answered.status >= 400:
        return []  # the documents leave most refusals out
    if described is None:
        words = f"{answered.status} is not described"
        return [operation.fault(Part.ANSWER, words)]
    expected = any(one.get("schema") for one in described.get("content", {}).values())
    if bool(answered.body) != expected and answered.status < 400:
        words = "a body" if answered.body else "no body"
        return [operation.fault(Part.ANSWER, f"{words} with {answered.status}")]
    if not answered.body or not expected:
        return []
    given = MockResponse(
        answered.body,
        status_code=answered.status,
        content_type=answered.content_type.partition(";")[0],
    )
    checker = operation.judge("allow").response_validator
    errors = checker.iter_errors(_asked(sent), given)
    return list(_told(operation, errors, Part.ANSWER))


def _query(sent: Sent) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(sent.url).query, keep_blank_values=True)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _asked(sent: Sent) -> MockRequest:
    kind = _header(sent.headers, "content-type").partition(";")[0]
    return MockRequest(
        HOST,
        sent.method.lower(),
        path_of(sent.url),
        args=_query(sent),  # type: ignore[arg-type]
        headers=dict(sent.headers),
        data=sent.body or None,
        content_type=kind or "application/json",
    )


def _told(
    operation: Operation, errors: Iterable[Exception], part: Part
) -> Iterator[Fault]:
    for error in errors:
        cause = error.__cause__
        inner: Iterable[ValidationError] = getattr(cause, "schema_errors", ())
        words = [_words(one) for one in inner]
        for one in words or [f"{type(error).__name__}: {cause or error}"]:
            yield operation.fault(part, one)


def _words(error: ValidationError) -> str:
    """Say where and what, of several ways to be wrong the most telling one."""
    told = best_match([error]) or error
    where = ".".join(str(step) for step in told.absolute_path) or "body"
    # What was wrong comes last, after what can be a long value.
    return f"{where}: {told.message[len(where) + 2 - WORDS_LIMIT :]}"
