"""Every table there is: who goes through all of them takes ``metadata`` from here.

A table stands in the schema once its module was imported, and not before.
"""

from __future__ import annotations

from connector.store import (
    account_tables,
    problem_tables,
    process_tables,
    rule_tables,
)
from connector.store.schema import metadata

__all__ = [
    "account_tables",
    "metadata",
    "problem_tables",
    "process_tables",
    "rule_tables",
]
