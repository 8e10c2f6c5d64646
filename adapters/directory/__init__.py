"""Who knows the customers: a table in a file, or the interface of a CRM.

They are asked about one address at a time, and only ever read.
"""

from __future__ import annotations

from adapters import DirectoryKind
from adapters.directory.crm import CrmConfig, CrmDirectory
from adapters.directory.table import TableConfig, TableDirectory

KINDS = (
    DirectoryKind("csv", TableConfig, TableDirectory),
    DirectoryKind("http", CrmConfig, CrmDirectory),
)
