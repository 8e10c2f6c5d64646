"""What ``learn`` adds to the packs on rows of one source, each judged by a model that
was fitted to the others, and refused there if it did not help."""

from __future__ import annotations

from collections.abc import Sequence

from bench.quality import Row
from connector.fitting import folds
from connector.learning import learn
from connector.samples import Lesson
from rules.judge import Judge

PARTS = 5


def with_learn(judge: Judge, rows: Sequence[Row]) -> list[Row]:
    """Judge rows again, each by what the other parts of them teach."""
    lessons = [_lesson(row, str(place)) for place, row in enumerate(rows)]
    labels = [f"{one.complaint} {one.kind}" for one in lessons]
    found = list(rows)
    for others, these in folds(labels, PARTS):
        model = learn([lessons[place] for place in others], judge).model
        learned = judge.with_learned(model)
        for place in these:
            lesson = lessons[place]
            verdict = learned.judge(lesson.subject, lesson.text)
            found[place] = rows[place]._replace(verdict=verdict)
    return found


def _lesson(row: Row, customer: str) -> Lesson:
    subject, _, text = row.text.partition("\n")
    kinds = row.labels.get("types") or [""]
    return Lesson(subject, text, customer, row.labels.get("complaint"), kinds[0])
