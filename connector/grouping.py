"""The grouper of this process, kept in step with the memberships in the database.

Every process replays the same log of memberships in the same order, and adds to it
only while it holds the grouping lock, so all come to the same groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from connector.models import GroupState
from connector.store import dialects, groups
from connector.store.schema import AnyRow
from rules.duplicates import Grouper, GroupingSettings
from rules.features import Features
from rules.masking import mask

#: Complaints older than this no longer draw new ones to their group.
REMEMBERED = timedelta(days=60)


CONCEPTS_NAMED = 3
CODES_NAMED = 2


class Placed(NamedTuple):
    group_id: int
    reasons: tuple[str, ...]
    state: GroupState


class Grouping:
    """Finds the group of a complaint. Used by one thread at a time."""

    def __init__(self, settings: GroupingSettings | None = None) -> None:
        self._settings = settings or GroupingSettings()
        self._grouper = Grouper(self._settings)
        self._seq = 0

    def sync(self, connection: Connection, now: datetime) -> None:
        """Take the grouping lock for this transaction and catch up with the log."""
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        for row in groups.log_after(connection, self._seq, now - REMEMBERED):
            self._grouper.add(
                str(row.group_id),
                str(row.ticket_id),
                Features.from_json(row.features),
                row.at,
            )
        # Nobody adds to it meanwhile; what is too old is not looked at again.
        self._seq = groups.last_seq(connection)
        self._grouper.forget(now - REMEMBERED)

    def reset(self) -> None:
        """Forget everything after a transaction failed; the next ``sync`` replays."""
        self._grouper = Grouper(self._settings)
        self._seq = 0

    def place(
        self,
        connection: Connection,
        found: Features,
        at: datetime,
        now: datetime,
        archived: bool = False,
    ) -> Placed:
        """Return the group a complaint belongs to, making one for a new problem.

        One that is ``archived`` belongs to a problem whatever became of that since.
        """
        proposal = self._grouper.propose(found, at)
        if proposal.group is not None and archived:
            group = groups.get(connection, int(proposal.group))
            return Placed(group.id, proposal.reasons, GroupState(group.state))
        if proposal.group is not None:
            last = self._last_of(connection, int(proposal.group))
            if last.state != GroupState.CLOSED:
                return Placed(last.id, proposal.reasons, GroupState(last.state))
        kind, name = title([found])
        group_id = groups.create(
            connection,
            {
                "type": kind,
                "title": name,
                "state": GroupState.EMERGING,
                "created_at": now,
                "first_at": at,
                "last_at": at,
            },
        )
        if proposal.group is not None:
            # The old problem is over; this is its return, with a count of its own.
            groups.change(connection, last.id, successor_id=group_id)
        return Placed(group_id, (), GroupState.EMERGING)

    def record(
        self, seq: int, group_id: int, ticket_id: int, found: Features, at: datetime
    ) -> None:
        """Remember a membership just written as number ``seq`` of the log."""
        self._grouper.add(str(group_id), str(ticket_id), found, at)
        self._seq = seq

    def _last_of(self, connection: Connection, group_id: int) -> AnyRow:
        """Follow closed groups to their successors."""
        group = groups.get(connection, group_id)
        while group.state == GroupState.CLOSED and group.successor_id is not None:
            group = groups.get(connection, group.successor_id)
        return group


def title(members: Sequence[Features]) -> tuple[str, str]:
    """Return a problem's complaint type and its name, by what most members say.

    The name is made of our own words and of codes, never of a customer's.
    """
    kinds = Counter(found.types[0] for found in members if found.types)
    kind = kinds.most_common(1)[0][0] if kinds else "other"
    concepts = Counter(concept for found in members for concept in found.concepts)
    codes = Counter(
        entity.removeprefix("code:")
        for found in members
        for entity in found.entities
        if entity.startswith("code:")
    )
    # One customer's order number is a code too; what many name is not theirs alone.
    shared = [
        code
        for code, count in codes.most_common(CODES_NAMED)
        if count > 1 and 2 * count >= len(members) and mask(code) == code
    ]
    about = [
        *(concept for concept, _ in concepts.most_common(CONCEPTS_NAMED)),
        *shared,
    ]
    words = kind.replace("_", " ").capitalize()
    return kind, f"{words}: {', '.join(about)}" if about else words
