"""Signed JSON from anywhere: what the registry needs to know, nothing else."""

from __future__ import annotations

from adapters import AdapterKind
from adapters.generic.adapter import GenericConfig, build

KIND = AdapterKind("generic", GenericConfig, build)
