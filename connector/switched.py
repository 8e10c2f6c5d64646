"""Rules as they are in force: as far as people let them go, against their files."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from connector.errors import StoreUnavailable
from connector.models import Mode
from connector.store import Store, switches
from connector.store.switches import Switch
from rules.schema import Rule, RuleSet

_log = structlog.get_logger(__name__)


class Switched:
    """The switches that a database holds just now; for one process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.now: tuple[Switch, ...] = ()

    def look(self) -> bool:
        """Tell whether they have changed; without an answer, they have not."""
        try:
            with self._store.read() as connection:
                found = tuple(switches.listing(connection))
        except StoreUnavailable:
            return False
        if found == self.now:
            return False
        self.now = found
        _log.info("rules.switched", rules=[one.rule for one in found])
        return True


def switched(
    rules: RuleSet, known: Iterable[Switch]
) -> tuple[RuleSet, tuple[Switch, ...]]:
    """Return rules as they are in force, and which switches count.

    One that was made before the file of its rule changed counts no more.
    """
    modes = {(one.rule, one.rule_version): one for one in known}
    found, counting = [], []
    for rule in rules.rules:
        switch = modes.get((rule.id, rule.version)) if modes else None
        if switch is not None:
            counting.append(switch)
            rule = rule.model_copy(update={"mode": switch.mode})
        found.append(rule)
    return RuleSet(rules=tuple(found)) if counting else rules, tuple(counting)


def written(rule: Rule, known: Iterable[Switch]) -> Rule:
    """Return a rule in force as its file has it."""
    versions = {one.rule: one.rule_version for one in known}
    version = versions.get(rule.id, rule.version)
    forms = (rule.model_copy(update={"mode": mode}) for mode in Mode)
    return next(form for form in forms if form.version == version)
