"""Two problems that a person told apart: which of them a newcomer is about.

What people tell apart is alike; that is why it was one group. So of such a pair only
what tells the two apart decides between them, and it takes less than usual to be of
one: the person said that both are problems, and what makes the difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import log

from rules.duplicates import Grouper, Proposal
from rules.features import Features
from rules.likeness import Cluster, said

FAMILIAR = 0.65  # of the likeness that is usually needed
DECIDED = log(4)  # so much more often one of the two speaks like that
MARK, SELDOM = 0.5, 0.1  # the share that speaks of its mark in one, and in the other


def settle(
    grouper: Grouper,
    proposal: Proposal,
    features: Features,
    at: datetime,
    apart: Iterable[tuple[str, str]],
) -> Proposal:
    """Return where a ticket belongs, given the pairs that are ``apart``.

    What is proposed stands if it is of no such pair.
    """
    best = proposal
    for one, other in apart:
        if proposal.group not in (None, one, other):
            continue
        side = _side(grouper, one, other, features)
        if side is None or side == proposal.group:
            continue
        found = grouper.compare(side, features, at)
        if found.score < FAMILIAR * grouper.strictness:
            continue
        # A side that was proposed against the difference is no rival.
        if best is proposal or found.score > best.score:
            best = found
    return best


def _side(grouper: Grouper, one: str, other: str, features: Features) -> str | None:
    """Return which of two groups speaks like a ticket where they differ."""
    first, second = grouper.get(one), grouper.get(other)
    if first is None or second is None:
        return None
    terms = list(said(features))
    odds = sum(_odds(first, second, term) for term in terms)
    if odds > 0:
        name, group, rival = one, first, second
    else:
        name, group, rival = other, second, first
    is_marked = any(
        _share(group, term) >= MARK and _share(rival, term) <= SELDOM
        for term in terms
        if not term.startswith("t:")  # a kind of complaint says too little
    )
    return name if is_marked and abs(odds) >= DECIDED else None


def _odds(one: Cluster, other: Cluster, term: str) -> float:
    """Say how much more often a term is spoken of in one group than in another."""
    mine, theirs = one.terms.get(term, 0), other.terms.get(term, 0)
    if not mine and not theirs:
        return 0.0
    return log((mine + 0.5) / (one.members + 1)) - log(
        (theirs + 0.5) / (other.members + 1)
    )


def _share(group: Cluster, term: str) -> float:
    return group.terms.get(term, 0) / group.members
