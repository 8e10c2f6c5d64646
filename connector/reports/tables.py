"""A report as a table that a spreadsheet opens as what it is: values, no formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

#: What a spreadsheet takes for the start of a formula: at the start of a cell, or of
#: what it takes for one because it splits at other signs than commas.
#: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"""(^|[,;|"'])(\s*)(?=[=+\-@＝＋－＠])""")
_AMOUNT = re.compile(r"-?\d+([.,]\d+)?")


def table(columns: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> str:
    """Write a table with commas, lines ending as RFC 4180 wants."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue()


def _cell(value: str | int | None) -> str:
    """Return a value on one line, and so that it is no formula to a spreadsheet."""
    said = " ".join(str("" if value is None else value).split())
    return said if _AMOUNT.fullmatch(said) else _FORMULA.sub(r"\1\2'", said)
