"""How well tickets are grouped, beside two simple ways, on labelled streams.

A stream is a ``NAME.jsonl.gz`` of tickets in order of time with the true ``group`` of
each (null: a one-off). Measured per stream:

- alerts: one is right if most tickets in its window are of one true burst that is going
  on and had no alert yet; any other is false
- pairs: of two tickets, are they together when they should be, and only then
- delay: tickets of the burst between the moment it was one by its labels and the alert
- tickets per second, everything included from text to group

Usage: ``python -m bench.grouping --data DIR [--stream NAME] [--json] [--speed N]``
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from rapidfuzz import fuzz, process

from connector.cli.group import TicketLine, TicketStream
from rules.judge import default_judge
from rules.thresholds import Sighting, Thresholds, crossed


class Stream(NamedTuple):
    """A name, and from how many customers in which time on a group is a burst."""

    name: str
    customers: int
    window: timedelta


STREAMS = (
    Stream("bank", 5, timedelta(hours=24)),
    Stream("nordic", 5, timedelta(hours=24)),
    Stream("shop", 5, timedelta(hours=24)),
    Stream("bugs", 3, timedelta(days=30)),
    Stream("air", 8, timedelta(hours=24)),
)


class Row(NamedTuple):
    ticket: TicketLine
    at: datetime
    customer: str
    group: str | None


class Alert(NamedTuple):
    """A group became ready with ``row``; ``true`` are the labels in its window."""

    row: int
    true: Counter[str | None]


Placer = Callable[[TicketLine], tuple[str, bool]]  # the group, and: alert now


# --- three ways to group --------------------------------------------------------


def product(thresholds: Thresholds) -> Placer:
    """Group and alert as ``complaint-connector group`` does."""
    stream = TicketStream(thresholds, default_judge())

    def place(ticket: TicketLine) -> tuple[str, bool]:
        placed, alert = stream.place(ticket)
        return str(placed["group"]), alert is not None

    return place


def fingerprint(thresholds: Thresholds) -> Placer:
    """Group texts whose set of words is equal."""

    def place(ticket: TicketLine) -> str:
        words = re.findall(r"[^\W\d_]{2,}", f"{ticket.subject} {ticket.text}".lower())
        return " ".join(sorted(set(words)))

    return _counted(place, thresholds)


def neighbour(thresholds: Thresholds) -> Placer:
    """Group with the most similar of the newest tickets, if it is similar enough."""
    alike = 80.0
    texts: deque[str] = deque(maxlen=300)
    groups: deque[str] = deque(maxlen=300)

    def place(ticket: TicketLine) -> str:
        text = f"{ticket.subject} {ticket.text}".lower()[:500]
        best = process.extractOne(
            text, texts, scorer=fuzz.token_sort_ratio, score_cutoff=alike
        )
        group = groups[best[2]] if best else str(ticket.id)
        texts.append(text)
        groups.append(group)
        return group

    return _counted(place, thresholds)


def _counted(place: Callable[[TicketLine], str], thresholds: Thresholds) -> Placer:
    """Add an alert when a group first crosses the threshold."""
    seen: dict[str, list[Sighting]] = defaultdict(list)
    ready: set[str] = set()

    def counted(ticket: TicketLine) -> tuple[str, bool]:
        group = place(ticket)
        if group in ready:
            return group, False
        seen[group].append(Sighting(str(ticket.customer), ticket.ts))
        if not crossed(seen[group], thresholds, ticket.ts):
            return group, False
        ready.add(group)
        return group, True

    return counted


WAYS: dict[str, Callable[[Thresholds], Placer]] = {
    "product": product,
    "fingerprint": fingerprint,
    "neighbour": neighbour,
}


# --- measuring ------------------------------------------------------------------


def load(data: Path, name: str) -> list[Row]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [_row(json.loads(line)) for line in lines]


def _row(raw: dict[str, Any]) -> Row:
    ticket = TicketLine.model_validate(raw)
    return Row(ticket, ticket.ts, str(raw["customer"]), raw["group"])


def alerts(
    rows: list[Row], placed: list[tuple[str, bool]], stream: Stream
) -> list[Alert]:
    """Collect the alerts with the labels of what led to each."""
    members: dict[str, list[int]] = defaultdict(list)
    found = []
    for number, (row, (group, now)) in enumerate(zip(rows, placed, strict=True)):
        members[group].append(number)
        if now:
            inside = [i for i in members[group] if rows[i].at > row.at - stream.window]
            found.append(Alert(number, Counter(rows[i].group for i in inside)))
    return found


def bursts(rows: list[Row], stream: Stream) -> dict[str, list[tuple[int, datetime]]]:
    """For each true burst, the rows at which it is one, with their times."""
    recent: dict[str, deque[tuple[datetime, str]]] = defaultdict(deque)
    found: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
    for number, row in enumerate(rows):
        if row.group is None:
            continue
        inside = recent[row.group]
        inside.append((row.at, row.customer))
        while inside[0][0] <= row.at - stream.window:
            inside.popleft()
        if len({customer for _, customer in inside}) >= stream.customers:
            found[row.group].append((number, row.at))
    return dict(found)


def judge_alerts(
    rows: list[Row], given: list[Alert], stream: Stream
) -> dict[str, float]:
    """Compare alerts with the true bursts."""
    true = bursts(rows, stream)
    delays: dict[str, int] = {}
    for alert in given:
        group, count = alert.true.most_common(1)[0]
        most = 2 * count > alert.true.total()
        at = rows[alert.row].at
        if group is None or group in delays or group not in true or not most:
            continue
        if all(abs(at - moment) > stream.window for _, moment in true[group]):
            continue
        between = range(true[group][0][0] + 1, alert.row + 1)
        delays[group] = sum(rows[i].group == group for i in between)
    precision, recall, f1 = _f1(len(delays), len(given), len(true))
    return {
        "bursts": len(true),
        "alerts": len(given),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "false_per_1000": 1000 * (len(given) - len(delays)) / len(rows),
        "median_delay": median(delays.values()) if delays else 0.0,
    }


def judge_pairs(rows: list[Row], groups: list[str]) -> dict[str, float]:
    """Compare which tickets are together; a one-off belongs with nobody."""
    known = [
        (row.group or f"one-off {number}", group)
        for number, (row, group) in enumerate(zip(rows, groups, strict=True))
    ]
    right = _pairs(Counter(known))
    given = _pairs(Counter(group for _, group in known))
    true = _pairs(Counter(group for group, _ in known))
    precision, recall, f1 = _f1(right, given, true)
    return {"pair_precision": precision, "pair_recall": recall, "pair_f1": f1}


def _pairs(counts: Counter[Any]) -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())


def _f1(right: int, given: int, true: int) -> tuple[float, float, float]:
    f1 = 2 * right / (given + true) if given + true else 0.0
    return right / given if given else 0.0, right / true if true else 0.0, f1


def measure(
    rows: list[Row], stream: Stream, way: Callable[[Thresholds], Placer]
) -> dict[str, float]:
    """Group a stream in one way and judge what came out."""
    thresholds = Thresholds(
        customers=stream.customers, window=stream.window, fast_customers=0
    )
    place = way(thresholds)
    started = time.perf_counter()
    placed = [place(row.ticket) for row in rows]
    took = time.perf_counter() - started
    return {
        **judge_alerts(rows, alerts(rows, placed, stream), stream),
        **judge_pairs(rows, [group for group, _ in placed]),
        "per_second": len(rows) / took,
    }


def report(
    data_dir: Path | str, only: str | None = None
) -> dict[str, dict[str, dict[str, float]]]:
    """Measure all ways on all streams that are there: stream → way → numbers."""
    found = {}
    for stream in STREAMS:
        if only in (None, stream.name):
            rows = load(Path(data_dir), stream.name)
            found[stream.name] = {
                name: measure(rows, stream, way) for name, way in WAYS.items()
            }
    return found


def speed(data_dir: Path | str, tickets: int) -> dict[str, float]:
    """Group a made-up stream; slower at its end would mean that it does not last."""
    way = product(Thresholds())
    times = []
    for line in made_up(Path(data_dir), tickets):
        ticket = TicketLine.model_validate_json(line)
        started = time.perf_counter()
        way(ticket)
        times.append(time.perf_counter() - started)
    part = max(1, len(times) // 5)
    return {
        "tickets": len(times),
        "per_second": len(times) / sum(times),
        "first_fifth_per_second": part / sum(times[:part]),
        "last_fifth_per_second": part / sum(times[-part:]),
    }


def made_up(data: Path, tickets: int) -> Iterator[bytes]:
    command = [sys.executable, str(data / "make_stream.py"), "--n", str(tickets)]
    days = max(10, tickets // 5000)
    command += ["--days", str(days), "--bursts", str(tickets // 400), "--scale"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        try:
            yield from made.stdout
        finally:
            made.terminate()  # if nobody wants the rest


COLUMNS = (
    "f1 precision recall false_per_1000 median_delay pair_f1 pair_precision "
    "pair_recall per_second"
).split()


def show(found: dict[str, dict[str, dict[str, float]]]) -> None:
    print(f"{'stream':8} {'way':12}" + "".join(f"{c[:14]:>15}" for c in COLUMNS))
    for stream, ways in found.items():
        for way, numbers in ways.items():
            cells = "".join(f"{numbers[column]:15.2f}" for column in COLUMNS)
            print(f"{stream:8} {way:12}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--stream", choices=[stream.name for stream in STREAMS])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--speed", type=int, metavar="N", help="made-up tickets")
    options = parser.parse_args()
    if options.speed:
        print(json.dumps(speed(options.data, options.speed)))
        return
    found = report(options.data, options.stream)
    if options.json:
        print(json.dumps(found))
    else:
        show(found)


if __name__ == "__main__":
    main()
