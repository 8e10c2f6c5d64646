"""How long ``learn`` takes on very many tickets, and how much memory.

The tickets are made up of the words of labelled ones, mixed among those of one label,
so that there are as many words and pairs as a company's tickets have, or more.

    python -m bench.lessons --data ../shared/data --tickets 100000
"""

from __future__ import annotations

import gzip
import json
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import click

from connector.learning import learn
from connector.samples import Lesson
from rules.judge import default_judge

WORDS = 60  # of a ticket
STRETCH = 5  # words that stay together
CUSTOMERS = 3  # tickets of one customer


def made_up(file: Path, tickets: int) -> Iterator[Lesson]:
    """Mix stretches of tickets of the same label."""
    said: dict[tuple[bool, str], list[list[str]]] = {}
    labels = []
    with gzip.open(file) as lines:
        for line in lines:
            ticket = json.loads(line)
            found = ticket["labels"]
            label = (bool(found["complaint"]), (found.get("types") or [""])[0])
            said.setdefault(label, []).append(ticket["text"].split())
            labels.append(label)
    chance = random.Random(0)
    for number in range(tickets):
        label = chance.choice(labels)
        text: list[str] = []
        while len(text) < WORDS:
            words = chance.choice(said[label])
            start = chance.randrange(max(1, len(words) - STRETCH))
            text += words[start : start + STRETCH]
        yield Lesson("", " ".join(text), str(number // CUSTOMERS), *label)


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--tickets", type=int, default=100_000, show_default=True)
def main(data: Path, tickets: int) -> None:
    started, cpu = time.monotonic(), time.process_time()

    def tell(what: str) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        click.echo(f"{time.monotonic() - started:6.0f} s {used:6.0f} MB  {what}")

    lessons = made_up(data / "classification" / "airline.jsonl.gz", tickets)
    found = learn(lessons, default_judge(), tell)
    tell(f"done, {time.process_time() - cpu:.0f} s of the processor")
    for one in found.figures:
        click.echo(json.dumps(one.to_dict()))
    if found.model:
        click.echo(f"model: {len(found.model.to_json()) / 1e6:.1f} MB of JSON")


if __name__ == "__main__":
    main()
