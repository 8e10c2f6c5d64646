"""The two kinds of Jira."""

from __future__ import annotations

from enum import StrEnum


class Flavour(StrEnum):
    CLOUD = "cloud"  #: hosted by Atlassian: API v3, ADF, signed deliveries
    DATA_CENTER = "data_center"  #: self-hosted: API v2, wiki markup, token in the URL
