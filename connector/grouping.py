"""The grouper of this process, kept in step with the memberships in the database.

Every process replays the same log of memberships and corrections in the same order, and
adds to it only while it holds the grouping lock, so all come to the same groups. What a
memory holds depends on that log alone, not on when a process looked. It is kept in the
database now and then, so that a process that starts goes on as if it had never ended.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from connector.models import GroupState
from connector.store import Store, bonds, dialects, groups, memory
from connector.store.schema import AnyRow
from rules.contrast import settle
from rules.doubts import doubt
from rules.duplicates import Grouper, GroupingSettings, version
from rules.features import Features
from rules.likeness import largest
from rules.masking import mask
from rules.packing import Damaged

_log = structlog.get_logger(__name__)

#: Complaints older than this no longer draw new ones to their group.
REMEMBERED = timedelta(days=60)
#: So many complaints later the memory is kept again; a start replays no more of them.
KEPT_EVERY = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)

CONCEPTS_NAMED = 3
CODES_NAMED = 2


class Placed(NamedTuple):
    """A complaint's group, and the cluster of the memory it is to be added to.

    They differ once a person put groups together: the wordings stay apart in memory.
    """

    group_id: int
    cluster_id: int
    reasons: tuple[str, ...]
    state: GroupState


class Grouping:
    """Finds the group of a complaint. Used by one thread at a time."""

    def __init__(self, settings: GroupingSettings | None = None) -> None:
        self._settings = settings or GroupingSettings()
        self._version = version(self._settings)
        self.reset()

    def reset(self) -> None:
        """Forget everything after a transaction failed; the next ``sync`` replays."""
        self._grouper = Grouper(self._settings)
        self._seq: int | None = None
        self._correction = 0
        self._apart: list[tuple[str, str]] = []  # clusters that people told apart
        self._horizon = _NEVER
        self._is_import = False
        self._kept = 0

    def prepare(self, store: Store, now: datetime) -> None:
        """Do most of a first ``sync`` before others have to wait for it."""
        if self._seq is None:
            with store.read() as connection:
                # Without the lock; a correction must not be missed before what follows.
                self._catch_up(dialects.unmoved(connection), now)

    def keep(self, store: Store, now: datetime, every: int = KEPT_EVERY) -> None:
        """Keep the memory in the database if it has grown by so much.

        No transaction is open, so that nobody waits while it is packed.
        """
        if self._seq is None or self._is_import or self._seq - self._kept < every:
            return
        with store.read() as connection:
            self._kept = memory.kept_until(connection, self._version)
        if self._seq - self._kept < every:
            return  # another process did
        values = {
            "version": self._version,
            "seq": self._seq,
            "regrouping_id": self._correction,
            "at": now,
            "body": self._grouper.dump(),
        }
        with store.write() as connection:
            memory.keep(connection, values)
        self._kept = self._seq

    def sync(
        self, connection: Connection, now: datetime, since: datetime | None = None
    ) -> None:
        """Take the grouping lock for this transaction and catch up with the log.

        An import says ``since`` when it imports: its time is not ours, and nothing that
        it has met from then on is forgotten.
        """
        dialects.serialise(connection, dialects.GROUPING_LOCK)
        self._catch_up(connection, now, since)
        apart = bonds.clusters_apart(connection)
        self._apart = [(str(one), str(other)) for one, other in apart]

    def _catch_up(
        self, connection: Connection, now: datetime, since: datetime | None = None
    ) -> None:
        seq = self._seq
        if seq is None:
            seq = self._begin(connection, now, since)
        corrections = deque(memory.corrections_after(connection, self._correction))
        for row in memory.log_after(connection, seq):
            while corrections and corrections[0].after_seq < row.seq:
                self._correct(connection, corrections.popleft())
            self.record(
                row.seq,
                row.cluster_id,
                row.ticket_id,
                Features.from_json(row.features),
                row.at,
            )
        for correction in corrections:
            self._correct(connection, correction)

    def _begin(
        self, connection: Connection, now: datetime, since: datetime | None
    ) -> int:
        """Go on from what was kept, or where that begins which is still remembered."""
        if since is not None:
            self._is_import = True
            self._horizon = since - REMEMBERED
        else:
            for row in memory.kept(connection, self._version):
                if self._recall(row):
                    return int(row.seq)
        seq = memory.seq_before(connection, (since or now) - REMEMBERED)
        self._correction = memory.last_correction(connection, seq)
        self._seq = seq
        return seq

    def _recall(self, row: AnyRow) -> bool:
        try:
            self._grouper = Grouper.load(row.body, self._settings)
        except Damaged as err:
            _log.warning("grouping.memory_damaged", memory=row.id, reason=str(err))
            return False
        if self._grouper.newest is not None:
            self._pass_time(self._grouper.newest)
        self._seq = self._kept = row.seq
        self._correction = row.regrouping_id
        return True

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
        self._pass_time(at)
        proposal = settle(
            self._grouper, self._grouper.propose(found, at), found, at, self._apart
        )
        if proposal.group is not None:
            group, cluster = _place_of(connection, int(proposal.group), archived)
            if archived or group.state != GroupState.CLOSED:
                state = GroupState(group.state)
                return Placed(group.id, cluster, proposal.reasons, state)
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
            groups.change(connection, group.id, successor_id=group_id)
            bonds.inherit(connection, group.id, group_id)
        return Placed(group_id, group_id, (), GroupState.EMERGING)

    def record(
        self, seq: int, cluster_id: int, ticket_id: int, found: Features, at: datetime
    ) -> None:
        """Remember a membership that is number ``seq`` of the log."""
        self._pass_time(at)
        if at >= self._horizon and says_anything(found):
            self._grouper.add(str(cluster_id), str(ticket_id), found, at)
        self._seq = seq

    def doubt(self, cluster_id: int, alerted: Sequence[AnyRow], times: float) -> str:
        """Say what speaks against filing the problem of a cluster, if anything.

        ``alerted`` are the clusters of busy problems that were filed, or will be;
        ``times`` says how many times its threshold the problem has reached.
        """
        problems = {str(row.cluster_id): row.group_id for row in alerted}
        found = doubt(self._grouper, str(cluster_id), problems, times)
        if found is None:
            return ""
        if found.other is None:
            return found.reason
        return f"problem {problems[found.other]} {found.reason}"

    def _pass_time(self, at: datetime) -> None:
        """Forget what is too old once somebody wrote at that time."""
        if not self._is_import:
            self._horizon = max(self._horizon, at - REMEMBERED)
        self._grouper.forget(self._horizon)

    def _correct(self, connection: Connection, correction: AnyRow) -> None:
        """Let a cluster consist of what a person said belongs to it."""
        rows = memory.placed(connection, correction.tickets, correction.after_seq)
        known = [
            (Features.from_json(row.features), row.at)
            for row in rows
            if row.at >= self._horizon
        ]
        self._grouper.rebuild(
            str(correction.cluster_id),
            [(found, at) for found, at in known if says_anything(found)],
        )
        self._correction = correction.id
        self._kept = 0  # what was kept may have been dropped by it


def says_anything(found: Features) -> bool:
    """Tell whether there are words to remember: whoever was erased left none."""
    return bool(found.words or found.grams)


def _place_of(
    connection: Connection, cluster: int, archived: bool
) -> tuple[AnyRow, int]:
    """Return the problem that a cluster is of by now, and the cluster to join there.

    A problem that became part of another keeps its cluster; one that is closed gave way
    to a new problem, which has its own.
    """
    group = groups.get(connection, cluster)
    while True:
        if group.merged_into is not None:
            group = groups.get(connection, group.merged_into)
        elif group.state != GroupState.CLOSED or group.successor_id is None or archived:
            return group, cluster
        else:
            group = groups.get(connection, group.successor_id)
            cluster = group.id


class Subject(NamedTuple):
    """What a problem is about, in our own words and in codes, never in a customer's."""

    kind: str
    concepts: tuple[str, ...]
    codes: tuple[str, ...]


def subject(members: Sequence[Features]) -> Subject:
    """Say what a problem is about, by what most members say."""
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
    shared = tuple(
        code
        for code, count in codes.most_common(CODES_NAMED)
        if count > 1 and 2 * count >= len(members) and mask(code) == code
    )
    named = largest(concept for concept, _ in concepts.most_common(CONCEPTS_NAMED))
    return Subject(kind, tuple(named), shared)


def title(members: Sequence[Features]) -> tuple[str, str]:
    """Return a problem's complaint type and its name."""
    kind, concepts, codes = subject(members)
    words = kind.replace("_", " ").capitalize()
    about = ", ".join([*concepts, *codes])
    return kind, f"{words}: {about}" if about else words
