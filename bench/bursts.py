"""How well grouping does when other problems burst than those of the labelled streams.

What is tuned on a few bursts does well on them. So the times of a stream are dealt out
anew: of the groups that are large enough, some drawn by lot come all at once, within 4
to 24 hours and most of them early; all others are spread evenly over the stream. Shown
are the means of several such drawings beside the stream as it was recorded.

    python -m bench.bursts --data ../shared/data/duplicates --drawings 6
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import mean

import click

from bench.grouping import STREAMS, Row, Stream, load, measure, product

#: How many groups burst, and how many tickets such a one has at least.
DRAWN = {"bank": (14, 15), "nordic": (18, 9), "shop": (18, 15)}
CHAT = "clinc:"  # what people say to a chat-bot is never a burst in ``bank``
SHORTEST, LONGEST = 4 * 3600, 24 * 3600  # seconds
EARLY = 1.7  # an exponent: 1 would be evenly
JITTER = 0.3  # of the gap between two tickets of what does not burst
SHOWN = (
    "f1",
    "precision",
    "recall",
    "false_per_1000",
    "median_delay",
    "pair_f1",
)


def deal(rows: list[Row], stream: Stream, seed: int) -> list[Row]:
    """Give the tickets of each group other times; one-offs keep theirs."""
    lot = Random(f"{stream.name} {seed}")
    count, least = DRAWN[stream.name]
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.group is not None:
            groups[row.group].append(row)
    large = sorted(
        name
        for name, members in groups.items()
        if len(members) >= least
        and len({row.customer for row in members}) >= stream.customers
        and not name.startswith(CHAT)
    )
    bursting = set(lot.sample(large, count))
    start, end = rows[0].at, rows[-1].at
    whole = (end - start).total_seconds()
    dealt = [row for row in rows if row.group is None]
    for name, members in groups.items():
        lot.shuffle(members)
        if name in bursting:
            times = _burst(lot, len(members), whole)
        else:
            times = _spread(lot, len(members), whole)
        for row, seconds in zip(members, times, strict=True):
            at = min(end, max(start, start + timedelta(seconds=seconds)))
            ticket = row.ticket.model_copy(update={"ts": at})
            dealt.append(row._replace(at=at, ticket=ticket))
    return sorted(dealt, key=lambda row: row.at)


def _burst(lot: Random, count: int, whole: float) -> list[float]:
    first, length = lot.uniform(0.05, 0.95) * whole, lot.uniform(SHORTEST, LONGEST)
    return [first + length * lot.random() ** EARLY for _ in range(count)]


def _spread(lot: Random, count: int, whole: float) -> list[float]:
    gap = whole / count
    first = lot.random() * gap
    return [first + (n + lot.uniform(-JITTER, JITTER)) * gap for n in range(count)]


def show(name: str, kind: str, found: list[dict[str, float]]) -> None:
    cells = "".join(f"{mean(one[key] for one in found):15.2f}" for key in SHOWN)
    click.echo(f"{name:8} {kind:12}{cells}")


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--drawings", type=click.IntRange(1), default=6, show_default=True)
def main(data: Path, drawings: int) -> None:
    click.echo(f"{'stream':8} {'bursts':12}" + "".join(f"{key:>15}" for key in SHOWN))
    for stream in STREAMS:
        if stream.name not in DRAWN:
            continue
        rows = load(data, stream.name)
        show(stream.name, "recorded", [measure(rows, stream, product)])
        dealt = [deal(rows, stream, seed) for seed in range(1, drawings + 1)]
        show(stream.name, "drawn", [measure(one, stream, product) for one in dealt])


if __name__ == "__main__":
    main()
