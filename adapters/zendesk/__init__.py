"""Zendesk Support: what the registry needs to know, nothing else."""

from __future__ import annotations

from adapters import AdapterKind
from adapters.zendesk.adapter import build
from adapters.zendesk.settings import ZendeskConfig

KIND = AdapterKind("zendesk", ZendeskConfig, build)
