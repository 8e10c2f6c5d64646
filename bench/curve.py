"""What more labels would bring: how well a learned model and a trained peer judge when
they see a part of one source's labels, and what to expect of them when they see all.

Each tenth of the rows is judged by what part of the other nine tenths teaches, so that
the rows are the same at every size. Error falls about as one by the root of the rows.

    python -m bench.curve --data ../shared/data
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
from sklearn.svm import LinearSVC

from bench.peers import seen
from connector.fitting import folds
from connector.learning import TYPE, School, macro_f1
from connector.samples import Lesson
from rules.judge import default_judge
from rules.learned import COMPLAINT

ASKED = (
    ("complaints_tweets", COMPLAINT),
    ("airline", COMPLAINT),
    ("reviews_sv", COMPLAINT),
    ("airline", TYPE),
)
SHARES = (0.4, 0.6, 0.8, 0.9)
PARTS = 10

#: Says of rows what it learned from others: (those that teach, those that are asked).
Learner = Callable[[Sequence[int], Sequence[int]], list[str]]


def lessons(file: Path) -> list[Lesson]:
    with gzip.open(file) as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Lesson(
            row.get("subject") or "",
            row["text"],
            str(place),
            row["labels"].get("complaint"),
            (row["labels"].get("types") or [""])[0],
        )
        for place, row in enumerate(rows)
    ]


def ours(school: School, asked: str) -> Learner:
    laid_out = school.sheet.features()
    tasks = [COMPLAINT, TYPE] if asked == TYPE else [COMPLAINT]

    def say(taught: Sequence[int], these: Sequence[int]) -> list[str]:
        judge = default_judge().with_learned(school.fitted(laid_out, tasks, taught))
        lessons = [school.lessons[place] for place in these]
        found = [judge.judge(lesson.subject, lesson.text) for lesson in lessons]
        if asked == TYPE:
            return [next(iter(verdict.topics), "") for verdict in found]
        return [str(verdict.complaint) for verdict in found]

    return say


def peers(school: School, labels: Sequence[str]) -> Learner:
    texts = [f"{lesson.subject}\n{lesson.text}" for lesson in school.lessons]
    matrix = seen().fit_transform(texts)

    def say(taught: Sequence[int], these: Sequence[int]) -> list[str]:
        known = [place for place in taught if labels[place]]
        machine = LinearSVC(class_weight="balanced")
        machine.fit(matrix[known], [labels[place] for place in known])
        return [str(one) for one in machine.predict(matrix[these])]

    return say


def curve(learner: Learner, labels: Sequence[str]) -> list[float]:
    """Return macro F1 at each of ``SHARES``, and what is to be expected of all rows."""
    chance = random.Random(0)
    said: dict[float, dict[int, str]] = {share: {} for share in SHARES}
    for others, these in folds(labels, PARTS):
        order = list(others)
        chance.shuffle(order)
        wanted = [place for place in these if labels[place]]
        for share in SHARES:
            taught = order[: round(share * len(labels))]
            said[share] |= zip(wanted, learner(taught, wanted), strict=True)
    found = [
        macro_f1([(one, labels[place]) for place, one in said[share].items()])
        for share in SHARES
    ]
    _, end = np.polyfit([share**-0.5 - 1 for share in SHARES], found, 1)
    return [*found, float(end)]


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
def main(data: Path) -> None:
    shares = [*(f"{share:.0%}" for share in SHARES), "all, expected"]
    click.echo("  ".join(["data, asked, who", *shares]))
    for name, asked in ASKED:
        school = School(
            lessons(data / "classification" / f"{name}.jsonl.gz"), default_judge()
        )
        labels = [
            one.kind if asked == TYPE else str(one.complaint) for one in school.lessons
        ]
        learners = {"ours": ours(school, asked), "peer": peers(school, labels)}
        for who, learner in learners.items():
            told = [f"{one:.3f}" for one in curve(learner, labels)]
            click.echo("  ".join([f"{name}, {asked}, {who}", *told]))


if __name__ == "__main__":
    main()
