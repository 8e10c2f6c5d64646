"""Jira Cloud and Jira Data Center as the place where issues are filed."""

from __future__ import annotations

from adapters import AdapterKind
from adapters.jira.adapter import JiraAdapter, JiraConfig


def build(name: str, config: JiraConfig) -> JiraAdapter:
    """Make the adapter of one source; nothing is called yet."""
    return JiraAdapter(name, config)


KIND = AdapterKind("jira", JiraConfig, build)
