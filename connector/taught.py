"""The learned model that is used just now, as the database says; for one process."""

from __future__ import annotations

import structlog

from connector.errors import StoreUnavailable
from connector.models import Finding, Level
from connector.store import Store, learned
from rules.learned import BadModel, Model, read

_log = structlog.get_logger(__name__)

_AGAIN = "'complaint-connector learn' fits a new one; with --off none is used"


class Taught:
    """Reads a model once, and again when the database names another."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version = ""
        self.model: Model | None = None
        self.damage = ""  #: why the model that is named is not used

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
        self.model, self.damage = _model(body) if body else (None, "")
        _log.info("learned.used", version=self.model.version if self.model else "")
        return True

    def findings(self, packs: str) -> list[Finding]:
        """Say what is wrong with the model; ``packs`` is the version in force."""
        if self.damage:
            message = f"model {self._version} is not used: {self.damage}"
            return [Finding(Level.PROBLEM, "learn", message, _AGAIN)]
        if self.model is None or self.model.packs == packs:
            return []
        message = (
            f"model {self.model.version} was fitted to packs {self.model.packs}; in "
            f"force are {packs}, so what it was measured to gain may be less"
        )
        return [Finding(Level.WARNING, "learn", message, _AGAIN)]


def _model(body: str) -> tuple[Model | None, str]:
    """Read a model, or say why not; judging goes on without one that was damaged."""
    try:
        return read(body), ""
    except BadModel as err:
        _log.error("learned.unreadable", error=str(err))
        return None, str(err)
