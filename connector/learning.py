"""Learn from labelled tickets, and find out whether that helps before it may act.

Lessons in, a model and its figures out; where lessons come from and where models go is
for others to say. Tickets become numbers in ``samples``; the sums are in ``fitting``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from connector.fitting import fit, folds
from connector.samples import Features, Lesson, Sheet, sample
from rules.judge import Judge
from rules.learned import COMPLAINT, VAGUE, Model
from rules.verdict import TYPES, Verdict
from rules.words import customer_words, looks_like_html

#: Fewer labels teach less than the packs know.
LEAST = 200
LEAST_OF_EACH = 40

#: A type that fewer complaints have is never put before one that was learned.
RARE = 0.01

#: More take longer than they teach; of each label its newest stay.
MOST = 30_000

PARTS = 5
#: Tickets that figures are found with; more take longer and change little.
MEASURED = 20_000

TYPE = "type"
TASKS = (COMPLAINT, TYPE)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Figures:
    """What a task was measured to gain: macro-F1 over tickets not learned from."""

    task: str
    labelled: int
    packs: float = 0.0
    learned: float = 0.0
    blend: float = 0.0
    won: int = 0  #: parts of ``PARTS`` in which the blend was better than the packs
    refused: str = ""  #: why nothing was measured

    @property
    def helps(self) -> bool:
        """Whether the blend is better on the whole, and not by a ticket or two."""
        return self.blend > self.packs and self.won > PARTS // 2

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"helps": self.helps}


class Learned(NamedTuple):
    """What came of learning; no model if it does not help."""

    model: Model | None
    figures: tuple[Figures, ...]
    left_out: int  #: tickets that are not judged either
    older: int  #: tickets that newer ones of the same label stand for


def learn(
    lessons: Iterable[Lesson], judge: Judge, tell: Progress = lambda _: None
) -> Learned:
    """Fit a model to lessons and measure it; the same lessons make the same model.

    Lessons come the newest last; of more than ``MOST`` the newest teach. ``judge``
    judges by packs alone. Raises ``LearningUnavailable``.
    """
    tell("reading")
    chosen, older = newest(lessons)
    school = School(chosen, judge)
    refused = {task: school.refusal(task) for task in TASKS}
    tasks = [task for task in TASKS if not refused[task]]
    figures = {task: Figures(task, len(school.rows(task))) for task in TASKS}
    if tasks:
        tell("laying out words")
        laid_out = school.sheet.features()
        figures |= school.measure(laid_out, tasks, tell)
    figures |= {
        task: Figures(task, len(school.rows(task)), refused=why)
        for task, why in refused.items()
        if why
    }
    helping = [task for task in tasks if figures[task].helps]
    model = None
    if helping:
        tell("fitting")
        model = school.fitted(laid_out, helping, range(school.size))
    told = tuple(figures[task] for task in TASKS)
    return Learned(model, told, school.left_out, older)


def newest(lessons: Iterable[Lesson], most: int = MOST) -> tuple[list[Lesson], int]:
    """Return about so many lessons, and how many are older than these.

    Of each label as large a share stays, but enough of a rare one to be learned. Only
    what may stay is held in memory.
    """
    kept: dict[tuple[bool | None, str], deque[tuple[int, Lesson]]] = {}
    counts = Counter[tuple[bool | None, str]]()
    for place, lesson in enumerate(lessons):
        label = (lesson.complaint, lesson.kind)
        counts[label] += 1
        kept.setdefault(label, deque(maxlen=most)).append((place, lesson))
    share = min(1.0, most / max(1, counts.total()))
    chosen: list[tuple[int, Lesson]] = []
    for label, some in kept.items():
        wanted = max(round(share * counts[label]), LEAST)
        chosen += list(some)[-wanted:]
    chosen.sort(key=itemgetter(0))
    return [lesson for _, lesson in chosen], counts.total() - len(chosen)


class School:
    """Lessons with what packs say of them."""

    def __init__(self, lessons: Iterable[Lesson], judge: Judge) -> None:
        self._judge = judge
        self.lessons: list[Lesson] = []
        self._packs: list[Verdict] = []
        self.sheet = Sheet()
        self.left_out = 0
        for lesson in lessons:
            words = customer_words(
                lesson.text, looks_like_html(lesson.text), lesson.subject
            )
            found = judge.gathered(lesson.subject, words)
            if found is None:
                self.left_out += 1
                continue
            self.lessons.append(lesson)
            self.sheet.add(sample(lesson.customer, found))
            self._packs.append(judge.conclude(found))
        kinds = Counter(one.kind for one in self.lessons if one.kind)
        self.kinds = sorted(
            kind for kind, count in kinds.items() if count >= LEAST_OF_EACH
        )
        few = RARE * sum(kinds.values())
        self._last = [kind for kind in TYPES if kinds[kind] < few and kind != VAGUE]
        self._all_kinds = kinds

    @property
    def size(self) -> int:
        return len(self.lessons)

    def rows(self, task: str) -> list[int]:
        """Return the lessons that teach a task."""
        if task == COMPLAINT:
            return [
                place
                for place, one in enumerate(self.lessons)
                if one.complaint is not None
            ]
        return [place for place, one in enumerate(self.lessons) if one.kind]

    def refusal(self, task: str) -> str:
        """Say why a task cannot be learned; empty if it can."""
        rows = self.rows(task)
        if task == COMPLAINT:
            counts = Counter(self.lessons[place].complaint for place in rows)
            there = f"{counts[True]} complaints and {counts[False]} others"
            enough = min(counts[True], counts[False]) >= LEAST_OF_EACH
            wanted = f"{LEAST_OF_EACH} of each"
        else:
            listed = ", ".join(
                f"{kind} {count}" for kind, count in self._all_kinds.most_common()
            )
            there = f"{len(rows)} complaints with a type ({listed or 'none'})"
            enough = len(self.kinds) >= 2
            wanted = f"{LEAST_OF_EACH} of each of two types"
        if enough and len(rows) >= LEAST:
            return ""
        return f"there are {there}; needed are {LEAST} labelled and {wanted}"

    def measure(
        self, laid_out: Features, tasks: Sequence[str], tell: Progress
    ) -> dict[str, Figures]:
        """Judge each lesson by a model that was fitted without it."""
        places = self._measured()
        alone: dict[int, Verdict] = {}
        blend: dict[int, Verdict] = {}
        labels = [self._stratum(place) for place in places]
        parts: list[list[int]] = []
        for part, (others, these) in enumerate(folds(labels, PARTS), start=1):
            tell(f"measuring, part {part} of {PARTS}")
            taught = [places[one] for one in others]
            for found, of_packs in ((blend, True), (alone, False)):
                model = self.fitted(laid_out, tasks, taught, of_packs)
                judge = self._judge.with_learned(model)
                for place in (places[one] for one in these):
                    found[place] = self._judged(judge, place)
            parts.append([places[one] for one in these])
        packs = {place: self._packs[place] for place in places}
        return {
            task: Figures(
                task,
                len(self.rows(task)),
                packs=self._score(task, packs),
                learned=self._score(task, alone),
                blend=self._score(task, blend),
                won=sum(
                    self._score(task, {one: blend[one] for one in part})
                    > self._score(task, {one: packs[one] for one in part})
                    for part in parts
                ),
            )
            for task in tasks
        }

    def fitted(
        self,
        laid_out: Features,
        tasks: Sequence[str],
        places: Sequence[int],
        of_packs: bool = True,
    ) -> Model:
        """Fit tasks to some of the lessons; without the packs' evidence if so asked."""
        wanted = set(places)
        matrix = laid_out.matrix if of_packs else laid_out.without_packs
        outcomes: list[str] = []
        weights, bias = [], []
        for task in tasks:
            rows = [place for place in self.rows(task) if place in wanted]
            labels: list[Any] = [self.lessons[place].complaint for place in rows]
            if task == TYPE:
                rows = [one for one in rows if self.lessons[one].kind in self.kinds]
                labels = [self.lessons[place].kind for place in rows]
            found = fit(matrix[rows], labels, laid_out.said)
            weights += list(found[0])
            bias += list(found[1])
            outcomes += [COMPLAINT] if task == COMPLAINT else self.kinds
        last = self._last if TYPE in tasks else []
        return laid_out.model(self._judge.version, outcomes, last, weights, bias)

    def _judged(self, judge: Judge, place: int) -> Verdict:
        lesson = self.lessons[place]
        return judge.judge(lesson.subject, lesson.text)

    def _measured(self) -> list[int]:
        """Choose lessons all along their order, if there are more than are needed."""
        step = max(1, -(-len(self.lessons) // MEASURED))
        return list(range(0, len(self.lessons), step))

    def _stratum(self, place: int) -> str:
        lesson = self.lessons[place]
        return f"{lesson.complaint} {lesson.kind if lesson.kind in self.kinds else ''}"

    def _score(self, task: str, verdicts: dict[int, Verdict]) -> float:
        pairs = []
        for place, verdict in verdicts.items():
            lesson = self.lessons[place]
            if task == COMPLAINT and lesson.complaint is not None:
                pairs.append((str(verdict.complaint), str(lesson.complaint)))
            elif task == TYPE and lesson.kind:
                pairs.append((next(iter(verdict.types), ""), lesson.kind))
        return macro_f1(pairs)


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Average the F1 of (found, expected) over what is expected, rare or frequent."""
    found = Counter(one for one, _ in pairs)
    expected = Counter(one for _, one in pairs)
    right = Counter(one for one, other in pairs if one == other)
    scores = [2 * right[name] / (found[name] + expected[name]) for name in expected]
    return sum(scores) / len(scores) if scores else 0.0
