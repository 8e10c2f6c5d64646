"""What tests of signatures share: one word for let in and for refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.errors import SignatureRejected


def is_let_in(verify: Callable[..., None], *given: Any) -> bool:
    """Tell whether ``verify`` believes what it is given; what else it raises stays."""
    try:
        verify(*given)
    except SignatureRejected:
        return False
    return True
