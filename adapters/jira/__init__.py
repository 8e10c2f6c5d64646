"""Jira Cloud and Data Center: where issues are filed, and where requests come in."""

from __future__ import annotations

from adapters import AdapterKind, Question
from adapters.jira import choices
from adapters.jira.adapter import JiraAdapter, JiraConfig
from adapters.jira.desk import JiraDesk, JiraDeskConfig


def build(name: str, config: JiraConfig) -> JiraAdapter:
    """Make the adapter of one source; nothing is called yet."""
    return JiraAdapter(name, config)


CLOUD, DATA_CENTER = ("flavour", "cloud"), ("flavour", "data_center")

#: How to sign in to a Jira, for whatever is done with it.
ACCOUNT = (
    Question("flavour", "Which Jira", choices=("cloud", "data_center")),
    Question(
        "site_url", "Where people open it", example="https://example.atlassian.net"
    ),
    Question(
        "email",
        "E-mail address of the connector's own account",
        example="connector@example.com",
        only=CLOUD,
    ),
    Question(
        "api_token",
        "Its API token",
        where="id.atlassian.com > Security > API tokens, as that account",
        secret=True,
        only=CLOUD,
    ),
    Question("webhook_secret", "webhook secret", secret=True, made=40, only=CLOUD),
    Question(
        "token",
        "Personal access token of the connector's own account",
        where="its profile > Personal Access Tokens",
        secret=True,
        only=DATA_CENTER,
    ),
    Question("webhook_token", "webhook token", secret=True, made=40, only=DATA_CENTER),
)

#: Where new issues go.
PLACE = (
    Question(
        "project",
        "Project for new issues",
        example="SHOP",
        offers=choices.projects,
    ),
    Question(
        "issue_type",
        "Type of a new issue",
        default="Bug",
        offers=choices.issue_types,
    ),
)

KIND = AdapterKind(
    "jira",
    JiraConfig,
    build,
    title="Jira",
    questions=ACCOUNT,
    is_tracker=True,
    place=PLACE,
)
DESK_KIND = AdapterKind(
    "jira_service_management",
    JiraDeskConfig,
    JiraDesk,
    has_priorities=True,
    title="Jira Service Management",
    questions=(
        *ACCOUNT,
        Question(
            "projects",
            "Keys of the service projects",
            example="SUP",
            many=True,
            offers=choices.service_projects,
        ),
    ),
)
KINDS = (KIND, DESK_KIND)
