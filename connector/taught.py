"""The learned model that is used just now, as the database says; for one process."""

from __future__ import annotations

import structlog

from connector.errors import StoreUnavailable
from connector.store import Store, learned
from rules.learned import BadModel, Model, read

_log = structlog.get_logger(__name__)


class Taught:
    """Reads a model once, and again when the database names another."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version = ""
        self.model: Model | None = None

    def look(self) -> bool:
        """Tell whether the model to be used has changed, and take it up.

        While the database does not answer, all stays as it is.
        """
        try:
            with self._store.read() as connection:
                version = learned.version(connection)
                if version == self._version:
                    return False
                body = learned.body(connection, version) if version else None
        except StoreUnavailable:
            return False
        self._version = version
        self.model = _model(body) if body else None
        _log.info("learned.used", version=self.model.version if self.model else "")
        return True


def _model(body: str) -> Model | None:
    """Read a model; one that was damaged is not used, and judging goes on without."""
    try:
        return read(body)
    except BadModel as err:
        _log.error("learned.unreadable", error=str(err))
        return None
