"""The alarm when one type of complaint makes up too much of all of them.

Beside the thresholds of single problems: many small problems of one type, none of them
over its own, are a matter for somebody too. One alarm, and none again before the type
was below for a whole window. A problem that is most of all complaints by itself gives
none: its own issue is the alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from connector import filing, issue_text, turns
from connector.config import Config
from connector.config_problems import Problems
from connector.models import (
    Block,
    BlockKind,
    GroupState,
    IssueRef,
    Mode,
    Operation,
)
from connector.store import locks, outbox, shares

#: Beginning of the names under which is kept what is above its share.
FACT = "share:"
EVERY = timedelta(minutes=5)
DAYS_SHOWN = 7
PROBLEMS_SHOWN = 10
#: So many windows before this one say which share is usual.
WINDOWS_COMPARED = 14


class _Figures(NamedTuple):
    """What an alarm says of a type; ``usual`` is its share of the time before."""

    kind: str
    share: float
    total: int
    window: timedelta
    usual: float | None

    def words(self, language: str) -> str:
        said = issue_text.say(
            language,
            "share",
            type=issue_text.kind(language, self.kind),
            share=_percent(self.share),
            total=self.total,
            span=issue_text.span(language, self.window),
        )
        if self.usual is None:
            return said
        usual = _percent(self.usual)
        return issue_text.say(language, "share_usual", said=said, usual=usual)


def check(connection: Connection, config: Config, now: datetime) -> int:
    """Give the alarm for each type that is above its share; return how many there were.

    Those that are not any more are noted, and forgotten after a whole window.
    """
    problems = config.problems
    if not problems.share or not locks.is_due(connection, "shares", now, EVERY):
        return 0
    window = problems.share_window
    counts = shares.by_type(connection, now - window, now)
    total = sum(counts.values())
    too_much = above(problems, counts)
    known = alarms(connection)
    given = 0
    for kind in sorted(too_much | set(known)):
        said = known.get(kind)
        if said is None:
            if turns.muted(config, kind, now) or _is_one_problem(
                connection, kind, total, now - window
            ):
                continue
            figures = _figures(connection, config, kind, counts, now)
            raised = figures.words("en")
            said = {"at": now.isoformat(), "words": raised, "below_since": None}
            _put(connection, kind, said, now)
            _file(connection, config, kind, figures, now)
            given += 1
            continue
        before = said["below_since"] and datetime.fromisoformat(said["below_since"])
        since = below_since(before, kind in too_much, now)
        if since is not None and now - since >= window:
            locks.drop_fact(connection, FACT + kind)
        elif since != before:
            said = {**said, "below_since": since.isoformat() if since else None}
            _put(connection, kind, said, now)
    return given


def above(problems: Problems, counts: Mapping[str, int]) -> set[str]:
    """Return the types that make up too much of all complaints."""
    total = sum(counts.values())
    if total < problems.share_least:
        return set()
    return {kind for kind, count in counts.items() if count > problems.share * total}


def below_since(
    before: datetime | None, is_above: bool, now: datetime
) -> datetime | None:
    """Return since when a type with an alarm is below its share, None if it is not.

    After a whole window of that the alarm is over.
    """
    return None if is_above else before or now


def alarms(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the alarms that still stand, by type: when, in words, and their issue."""
    facts = locks.all_facts(connection)
    return {
        name.removeprefix(FACT): said
        for name, said in facts.items()
        if name.startswith(FACT)
    }


def filed(
    connection: Connection, payload: Mapping[str, Any], ref: IssueRef, now: datetime
) -> None:
    """Remember the issue about an alarm, as long as the alarm stands."""
    said = alarms(connection).get(payload["share"])
    if said is not None:
        news = {"key": ref.key, "url": ref.url}
        _put(connection, payload["share"], {**said, **news}, now)


def _is_one_problem(
    connection: Connection, kind: str, total: int, since: datetime
) -> bool:
    """Tell whether the news is one problem, of which its own issue speaks."""
    first = shares.largest(connection, kind, since, 1)[0]
    is_told = first.state in (GroupState.READY, GroupState.FILED)
    return bool(is_told and 2 * first.recent > total)


def _put(
    connection: Connection, kind: str, said: Mapping[str, Any], now: datetime
) -> None:
    locks.put_fact(connection, FACT + kind, dict(said), now)


def _figures(
    connection: Connection,
    config: Config,
    kind: str,
    counts: Mapping[str, int],
    now: datetime,
) -> _Figures:
    window = config.problems.share_window
    before = shares.by_type(
        connection, now - (1 + WINDOWS_COMPARED) * window, now - window
    )
    usual = before.get(kind, 0) / sum(before.values()) if before else None
    total = sum(counts.values())
    return _Figures(kind, counts[kind] / total, total, window, usual)


def _file(
    connection: Connection,
    config: Config,
    kind: str,
    figures: _Figures,
    now: datetime,
) -> None:
    """Ask for the one issue about an alarm, as far as ``autonomy.issues`` goes."""
    tracker, mode = config.problems.tracker, config.autonomy.issues
    if tracker is None:
        return
    place = filing.place(config, kind)
    said = figures.words(config.problems.language)
    key = f"share:{kind}:{now.isoformat()}"
    effect = outbox.Effect(
        source=tracker,
        operation=Operation.CREATE_ISSUE,
        target=place["project"],
        dedup_key=f"observed:{key}" if mode is Mode.OBSERVE else key,
        ordering_key=f"share:{kind}",
        payload={
            **place,
            "share": kind,
            "summary": said,
            "description": _description(connection, config, kind, said, now),
            "properties": {},
            "fields": {},
            "moments": {},
            "counts": [],
        },
        state=filing.STATES[mode],
        rule="problems.share",
        reason=figures.words("en"),
        note=filing.NOTES[mode],
    )
    outbox.enqueue(connection, [effect], now)


def _description(
    connection: Connection, config: Config, kind: str, said: str, now: datetime
) -> list[list[str]]:
    """Lay out the days and the problems behind an alarm; no customer is quoted."""
    language = config.problems.language
    limit = _percent(config.problems.share)
    not_filed = issue_text.say(language, "not_filed")
    largest = shares.largest(
        connection, kind, now - config.problems.share_window, PROBLEMS_SHOWN
    )
    return issue_text.stored(
        [
            Block(
                BlockKind.PARAGRAPH,
                issue_text.say(language, "share_limit", said=said, limit=limit),
            ),
            Block(BlockKind.HEADING, issue_text.say(language, "share_days")),
            *_days(connection, language, kind, now),
            Block(BlockKind.HEADING, issue_text.say(language, "share_problems")),
            *(
                Block(
                    BlockKind.BULLET,
                    f"{filing.title(connection, config, row)}: {row.recent}, "
                    f"{row.issue_key or not_filed}",
                    row.issue_url or "",
                )
                for row in largest
            ),
        ]
    )


def _days(
    connection: Connection, language: str, kind: str, now: datetime
) -> list[Block]:
    shown = []
    for ago in range(DAYS_SHOWN):
        end = now - ago * timedelta(days=1)
        counts = shares.by_type(connection, end - timedelta(days=1), end)
        text = issue_text.say(
            language,
            "share_day",
            at=f"{end:%Y-%m-%d %H:%M}",
            count=counts.get(kind, 0),
            total=sum(counts.values()),
        )
        shown.append(Block(BlockKind.BULLET, text))
    return shown


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
