"""Where an exchange may differ from a vendor's description, each with its reason.

An excuse names the document and the operation (as regular expressions over the whole),
the part of the exchange, and what the complaint says (an expression found anywhere in
it). Keep them narrow, so that they excuse nothing else.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Part(StrEnum):
    PATH = "path"
    QUERY = "query"
    REQUEST = "request"
    ANSWER = "answer"


class Excuse(NamedTuple):
    document: str
    operation: str
    part: Part
    words: str
    reason: str

    def covers(self, document: str, operation: str, part: Part, words: str) -> bool:
        return (
            self.part is part
            and re.fullmatch(self.document, document) is not None
            and re.fullmatch(self.operation, operation) is not None
            and re.search(self.words, words) is not None
        )


ZENDESK, CLOUD, DATA_CENTER = "zendesk", "jira-cloud-v[23]", "jira-data-center"
ANY_JIRA = f"{CLOUD}|{DATA_CENTER}"

EXCUSES = (
    # -- what tests do on purpose
    Excuse(
        ZENDESK,
        r"GET /api/v2/tickets/\{ticket_id\}",
        Part.REQUEST,
        r"integer type: \.\.%2F",
        "a test sends a number that is none, and looks that it stays in its segment",
    ),
    # -- Zendesk
    Excuse(
        ZENDESK,
        r"GET /api/v2/tickets/\{ticket_id\}/comments",
        Part.QUERY,
        "^sort is",
        "described in the prose of this operation, not among its parameters",
    ),
    Excuse(
        ZENDESK,
        "GET /api/v2/webhooks",
        Part.QUERY,
        r"^page\[(size|after)\] is",
        "webhooks are not in Zendesk's file; seen in recorded traffic",
    ),
    Excuse(
        ZENDESK,
        "(GET|POST) /api/(v2|services)/jira/links",
        Part.PATH,
        "no such operation",
        "the Jira integration is not in the file, but documented on pages of its own",
    ),
    Excuse(
        ZENDESK,
        "GET /api/v2/guide/survey_responses",
        Part.PATH,
        "no such operation",
        "answers to surveys are not in the file, but documented on a page of their own",
    ),
    Excuse(
        ZENDESK,
        "GET /api/v2/incremental/tickets/cursor",
        Part.QUERY,
        "^per_page is",
        "not in the file; in use since the export exists",
    ),
    Excuse(
        ZENDESK,
        "GET /api/v2/incremental/tickets/cursor",
        Part.ANSWER,
        r"^tickets\.\d+\.status: 'deleted'",
        "exports show deleted tickets, whose status the file knows nowhere",
    ),
    Excuse(
        ZENDESK,
        "GET /api/v2/users/me",
        Part.ANSWER,
        "^user: .*'id': None",
        "who is not logged in is told of a user without a number",
    ),
    Excuse(
        ZENDESK,
        "(PUT|POST) /api/v2/tickets.*",
        Part.ANSWER,
        r"^audit\.events\.\d+\.value: \[",
        "the file knows text and numbers only; the value of tags is their list",
    ),
    # -- Jira
    Excuse(
        ANY_JIRA,
        r"(GET|POST|PUT|DELETE) /rest/(webhooks|jira-webhook)/1\.0/webhooks?(/[^/]+)?",
        Part.PATH,
        "no such operation",
        "webhooks of an administrator are described in prose only",
    ),
    Excuse(
        CLOUD,
        r"GET /rest/api/\d/resolution",
        Part.PATH,
        "deprecated",
        "its paged successor is Cloud's alone, and shows administrators more, not us",
    ),
    Excuse(
        DATA_CENTER,
        r"GET /rest/api/2/(resolution|priority|field|project"
        r"|project/\{projectIdOrKey\}/components|user/assignable/search)",
        Part.ANSWER,
        "^body: .*is not of type 'object'",
        "the file shows one of them where the answer is the list",
    ),
    Excuse(
        DATA_CENTER,
        "GET /rest/api/2/mypermissions",
        Part.QUERY,
        "^permissions is",
        "passed over there: it tells of all permissions, these among them",
    ),
    Excuse(
        ANY_JIRA,
        r"GET /rest/api/\d/issue/\{issueIdOrKey\}/remotelink",
        Part.ANSWER,
        "^body: ",
        "without globalId the answer is a list; the file knows the single one only",
    ),
    Excuse(
        DATA_CENTER,
        "(POST|PUT) /rest/api/2/issue.*",
        Part.REQUEST,
        r"^(fields|update)\.",
        "the file demands an object for every field, and knows no verbs of an update",
    ),
    Excuse(
        DATA_CENTER,
        "GET /rest/api/2/(issue|search).*",
        Part.ANSWER,
        r"^(issues\.\d+\.)?fields\.",
        "the file shows every field as an object, even the summary",
    ),
    Excuse(
        DATA_CENTER,
        "GET /rest/api/2/search",
        Part.REQUEST,
        "Failed to cast value to object type",
        "the file demands objects for the names of fields",
    ),
    Excuse(
        DATA_CENTER,
        r"PUT /rest/api/2/issue/\{issueIdOrKey\}/properties/\{propertyKey\}",
        Part.REQUEST,
        "^body: .*is not of type 'string'",
        "the file takes the value of a property for text; it is any JSON",
    ),
    Excuse(
        DATA_CENTER,
        r"POST /rest/api/2/issue/\{issueIdOrKey\}/comment",
        Part.REQUEST,
        r"^properties\.\d+\.value: ",
        "the file takes the value of a property for text; it is any JSON",
    ),
    Excuse(
        DATA_CENTER,
        r"GET /rest/api/2/issue/\{issueIdOrKey\}/transitions",
        Part.QUERY,
        "^expand is",
        "not in the file; the answer names it itself as what can be expanded",
    ),
    Excuse(
        DATA_CENTER,
        r"POST /rest/api/2/issue/\{issueIdOrKey\}/remotelink",
        Part.ANSWER,
        "^201 is not described",
        "the file lists 200 alone; a link that is new is answered with 201 as on Cloud",
    ),
)
