"""Zendesk Support: what the registry needs to know, nothing else."""

from __future__ import annotations

from adapters import AdapterKind
from adapters.zendesk.adapter import ZendeskConfig, build

KIND = AdapterKind("zendesk", ZendeskConfig, build)
