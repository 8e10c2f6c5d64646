"""How well tickets are judged: precision, recall, F1 and speed over labelled tickets.

Run it with ``python -m bench.quality`` from the repository. The tickets lie beside the
repository and are not part of it; see ``--data``.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import importlib.util
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rich.console import Console
from rich.table import Table

from rules.judge import Judge, default_judge
from rules.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
SAMPLE_CHARS = 600  # the length of ticket that speed is told for
ANY = "all"
NOBODY = "none"
# The labels' names are those of a study; who wants more than is due is nobody of ours.
PERSONA = {
    "aggressive": "outspoken",
    "high_roller": "premium",
    "chronic": "frequent",
    "meek": "quiet",
    "rip_off": NOBODY,
    NOBODY: NOBODY,
}


# What the table shows: the column, and where its number stands.
CELLS = {
    "rows": ("", ""),
    "P": ("complaint", "precision"),
    "R": ("complaint", "recall"),
    "compl.": ("complaint", "macro_f1"),
    "type": ("type", "macro_f1"),
    "right": ("type", "accuracy"),
    "anger": ("emotion", "macro_f1"),
    "urgent": ("urgency", "macro_f1"),
    "pers.": ("persona", "macro_f1"),
    "lang": ("language", "accuracy"),
}


class Row(NamedTuple):
    labels: dict[str, Any]
    lang: str
    verdict: Verdict
    text: str = ""


# What others are compared on: data, language, and which of the two questions.
COMPARED = (
    ("handwritten", ANY, "complaint"),
    ("handwritten", "nb", "complaint"),
    ("handwritten", "fi", "complaint"),
    ("handwritten", "en", "complaint"),
    ("complaints_tweets", "en", "complaint"),
    ("airline", "en", "complaint"),
    ("reviews_sv", "sv", "complaint"),
    ("airline", "en", "type"),
    ("handwritten", ANY, "type"),
)


class Score(NamedTuple):
    precision: float
    recall: float
    f1: float
    rows: int


def score(pairs: Iterable[tuple[bool, bool]]) -> Score:
    """Compare (found, expected) pairs."""
    pairs = list(pairs)
    hits = sum(1 for found, expected in pairs if found and expected)
    found = sum(1 for one, _ in pairs if one)
    expected = sum(1 for _, one in pairs if one)
    precision = hits / found if found else 0.0
    recall = hits / expected if expected else 0.0
    total = precision + recall
    f1 = 2 * precision * recall / total if total else 0.0
    return Score(precision, recall, f1, len(pairs))


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Average the F1 of every expected class, rare ones as much as frequent ones."""
    classes = sorted({expected for _, expected in pairs})
    scores = [
        score((found == name, expected == name) for found, expected in pairs).f1
        for name in classes
    ]
    return sum(scores) / len(scores) if scores else 0.0


def both_sides(pairs: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    """Score those that are, and add the mean F1 of those that are and are not."""
    named = [(str(found), str(expected)) for found, expected in pairs]
    return score(pairs)._asdict() | {"macro_f1": macro_f1(named)}


def measure(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the numbers that the labels of these rows allow."""
    out: dict[str, Any] = {"rows": len(rows)}
    complaints = [
        (row.verdict.complaint, row.labels["complaint"])
        for row in rows
        if "complaint" in row.labels
    ]
    if complaints:
        out["complaint"] = both_sides(complaints)
    types = [
        (_said(row, "type"), row.labels["types"][0])
        for row in rows
        if row.labels.get("types")
    ]
    if types:
        right = sum(found == expected for found, expected in types)
        out["type"] = {"accuracy": right / len(types), "macro_f1": macro_f1(types)}
    if urgencies := [
        (row.verdict.urgency, row.labels["urgency"])
        for row in rows
        if "urgency" in row.labels
    ]:
        right = sum(found == expected for found, expected in urgencies)
        out["urgency"] = {
            "accuracy": right / len(urgencies),
            "macro_f1": macro_f1(urgencies),
        }
    if emotions := [
        (row.verdict.emotion >= 2, row.labels["anger"] >= 2)
        for row in rows
        if "anger" in row.labels
    ]:
        out["emotion"] = both_sides(emotions)
    if personas := [
        (next(iter(row.verdict.personas), NOBODY), PERSONA[row.labels["persona"]])
        for row in rows
        if "persona" in row.labels and row.labels.get("complaint")
    ]:
        right = sum(found == expected for found, expected in personas)
        out["persona"] = {
            "accuracy": right / len(personas),
            "macro_f1": macro_f1(personas),
        }
    same = sum(_language(row.verdict.lang) == _language(row.lang) for row in rows)
    out["language"] = {"accuracy": same / len(rows) if rows else 0.0}
    return out


def _language(lang: str) -> str:
    """Data that says only "Norwegian" is right with both of its languages."""
    return "no" if lang in ("nb", "nn", "no") else lang


def read(path: Path, limit: int) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if limit and number >= limit:
                return
            yield json.loads(line)


def judge_file(judge: Judge, path: Path, limit: int) -> dict[str, list[Row]]:
    """Judge one data set; return its rows by language, and all of them."""
    tickets = list(read(path, limit))
    groups: dict[str, list[Row]] = defaultdict(list)
    for ticket in tickets:
        verdict = judge.judge(ticket.get("subject") or "", ticket["text"])
        whole = f"{ticket.get('subject') or ''}\n{ticket['text']}"
        row = Row(ticket["labels"], ticket["lang"], verdict, whole)
        groups[ticket["lang"]].append(row)
        groups[ANY].append(row)
    if len(groups) == 2:
        del groups[ANY]
    return dict(sorted(groups.items()))


def speed(judge: Judge, folder: Path) -> dict[str, float]:
    """Return tickets of ``SAMPLE_CHARS`` judged per second on one core, by language."""
    texts: dict[str, list[str]] = defaultdict(list)
    for ticket in read(folder / "handwritten.jsonl.gz", 0):
        texts[ticket["lang"]].append(ticket["text"])
    out = {}
    for lang, parts in sorted(texts.items()):
        whole = "\n".join(parts) * 3
        samples = [
            whole[start : start + SAMPLE_CHARS]
            for start in range(0, len(whole) - SAMPLE_CHARS, SAMPLE_CHARS // 2)
        ]
        judge.judge("", samples[0])
        rounds = max(1, 400 // len(samples))
        started = time.process_time()  # others may use this machine too
        for _ in range(rounds):
            for text in samples:
                judge.judge("", text)
        out[lang] = rounds * len(samples) / (time.process_time() - started)
    return out


def show(console: Console, results: dict[str, dict[str, dict[str, Any]]]) -> None:
    title = "Judging (macro F1 but for P and R, which are those of complaints)"
    table = Table(title=title, box=None)
    for name in ("data", "language", *CELLS):
        aligned: Literal["left", "right"] = "right" if name in CELLS else "left"
        table.add_column(name, justify=aligned)
    for data, by_language in results.items():
        for lang, found in by_language.items():
            table.add_row(data, lang, *_cells(found))
    console.print(table)


def _cells(found: dict[str, Any]) -> list[str]:
    cells = [str(found["rows"])]
    for task, metric in list(CELLS.values())[1:]:
        number = found.get(task, {}).get(metric)
        cells.append("" if number is None else f"{number:.2f}")
    return cells


def show_speed(console: Console, rates: dict[str, float]) -> None:
    table = Table(title=f"Tickets of {SAMPLE_CHARS} characters a second, one core")
    table.add_column("language")
    table.add_column("tickets/s", justify="right")
    for lang, rate in rates.items():
        table.add_row(lang, f"{rate:,.0f}")
    console.print(table)


def compare_peers(rows: Mapping[str, Mapping[str, Sequence[Row]]]) -> list[list[str]]:
    """Judge by what else there is, in the same run; a line for each comparison."""
    peers = importlib.import_module("bench.peers")
    lines = []
    for data, lang, question in COMPARED:
        chosen = [
            row
            for row in rows.get(data, {}).get(lang, ())
            if (row.labels.get("types") if question == "type" else True)
        ]
        if not chosen:
            continue
        task = peers.Task(
            [(row.lang, row.text) for row in chosen],
            [_label(row, question) for row in chosen],
            [_said(row, question) for row in chosen],
        )
        found = peers.compare(task)
        cells = [found.get(name, "") for name in (*peers.PEERS, "packs")]
        shown = [one if isinstance(one, str) else f"{one:.2f}" for one in cells]
        lines.append([data, lang, question, str(len(chosen)), *shown])
    return lines


def compare_learned(
    judge: Judge, rows: Mapping[str, Mapping[str, Sequence[Row]]]
) -> list[list[str]]:
    """Learn from the other rows of each source; a line for each comparison."""
    learned = importlib.import_module("bench.learned")
    lines = []
    for data in dict.fromkeys(data for data, _, _ in COMPARED if data in rows):
        groups = rows[data]
        before = groups[ANY] if ANY in groups else next(iter(groups.values()))
        after = learned.with_learn(judge, before)
        for _, lang, question in (one for one in COMPARED if one[0] == data):
            wanted = [
                place
                for place, row in enumerate(before)
                if lang in (ANY, row.lang)
                and (question != "type" or row.labels.get("types"))
            ]
            scores = [
                macro_f1(
                    [
                        (_said(some[one], question), _label(some[one], question))
                        for one in wanted
                    ]
                )
                for some in (before, after)
            ]
            shown = [f"{one:.3f}" for one in scores]
            lines.append([data, lang, question, str(len(wanted)), *shown])
    return lines


def _label(row: Row, question: str) -> str:
    if question == "type":
        return str(row.labels["types"][0])
    return str(row.labels["complaint"])


def _said(row: Row, question: str) -> str:
    if question == "type":
        return next(iter(row.verdict.topics), "")
    return str(row.verdict.complaint)


BESIDE = ("keywords", "VADER", "trained, 5 folds", "packs alone")
LEARNED = ("packs alone", "with learn, 5 folds")


def show_beside(
    console: Console, title: str, columns: Sequence[str], lines: list[list[str]]
) -> None:
    table = Table(title=f"{title} (macro F1)", box=None)
    for name in ("data", "language", "asked", "rows"):
        table.add_column(name, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def measure_grouping(data: Path) -> None:
    """Run the other measurement too, where it is part of this checkout."""
    if importlib.util.find_spec("bench.grouping") is not None:
        grouping = importlib.import_module("bench.grouping")
        grouping.show(grouping.report(data))


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.quality", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="where the data lies")
    parser.add_argument("--only", nargs="*", default=[], help="names of data sets")
    parser.add_argument("--limit", type=int, default=0, help="rows per data set")
    parser.add_argument("--json", type=Path, help="write the numbers to this file too")
    parser.add_argument("--peers", action="store_true", help="measure others beside")
    parser.add_argument("--learn", action="store_true", help="measure learning too")
    parser.add_argument("--no-grouping", action="store_true", help="judging only")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    console = Console()
    folder = options.data / "classification"
    paths = sorted(folder.glob("*.jsonl.gz"))
    if options.only:
        paths = [one for one in paths if one.name.split(".")[0] in options.only]
    if not paths:
        console.print(f"No labelled tickets in {folder}; say where with --data DIR.")
        return 1
    judge = default_judge()
    rows = {}
    with console.status("judging") as status:
        for path in paths:
            name = path.name.removesuffix(".jsonl.gz")
            status.update(f"judging {name}")
            rows[name] = judge_file(judge, path, options.limit)
    results = {
        name: {lang: measure(some) for lang, some in groups.items()}
        for name, groups in rows.items()
    }
    show(console, results)
    if options.peers:
        show_beside(console, "Beside others", BESIDE, compare_peers(rows))
    if options.learn:
        lines = compare_learned(judge, rows)
        show_beside(console, "Learned from the same source", LEARNED, lines)
    rates = speed(judge, folder) if (folder / "handwritten.jsonl.gz").exists() else {}
    show_speed(console, rates)
    if options.json:
        report = {"packs": judge.version, "data": results, "speed": rates}
        options.json.write_text(json.dumps(report, indent=2), encoding="utf-8")
    if not options.no_grouping:
        measure_grouping(options.data / "duplicates")
    return 0


if __name__ == "__main__":
    sys.exit(main())
