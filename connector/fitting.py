"""Fit weights to rows of numbers. The only place that needs scikit-learn.

What the rows are is decided in ``samples``, and whether it helps in ``learning``.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from connector.errors import LearningUnavailable

#: Less is more cautious.
BOLDNESS = 3.0
BOLDNESS_OF_TYPES = 0.2
#: What makes margins odds: with it they were surest and right.
SHARPNESS = 0.8
SHARPNESS_OF_TYPES = 2.2
#: How much what is counted adds to what was fitted, and what a word that none of a
#: label said counts for it.
COUNTED = 0.3
UNHEARD = 0.3
ROUNDS = 300


def fit(matrix: Any, labels: Sequence[Any], said: int) -> tuple[Any, Any]:
    """Return weights and biases: one row if labels are yes and no, else one a label.

    The first ``said`` columns are what customers said. These are also counted, as naive
    Bayes does: it is wrong about other texts than what looks for the best weights.
    """
    learner = _learner()
    np = learner.arrays
    is_either = isinstance(labels[0], bool)
    machine = _either(learner, labels) if is_either else _one_of(learner)
    counting = learner.bayes.ComplementNB(alpha=UNHEARD)
    words = matrix[:, :said]
    # One thread: these sums are small, and come out alike in the same order only.
    with learner.threads.threadpool_limits(1), warnings.catch_warnings():
        # Good enough is good enough: the figures say whether it is.
        warnings.simplefilter("ignore", learner.problems.ConvergenceWarning)
        machine.fit(matrix, labels)
        counting.fit(words, labels)
    weights, bias, counted = machine.coef_, machine.intercept_, _centred(counting)
    if is_either:
        counted = counted[1:] - counted[:1]
        sums, truth = words @ counted[0], np.array(labels)
        # What is half way between both labels speaks for neither.
        bias = bias - COUNTED * (sums[truth].mean() + sums[~truth].mean()) / 2
    elif len(bias) == 1:
        weights = np.vstack([-weights, weights]) / 2
        bias = np.concatenate([-bias, bias]) / 2
    weights[:, :said] += COUNTED * counted
    sharpness = SHARPNESS if is_either else SHARPNESS_OF_TYPES
    return weights * sharpness, bias * sharpness


def _centred(counting: Any) -> Any:
    """Return how much more each column speaks for a label than for all on average."""
    counted = counting.feature_log_prob_
    return counted - counted.mean(axis=0)


def _either(learner: _Learner, labels: Sequence[bool]) -> Any:
    """Complaints are rare or frequent, which is half believed."""
    counts = Counter(labels)
    rarity = {label: (len(labels) / count) ** 0.5 for label, count in counts.items()}
    even = sum(rarity[label] for label in labels) / len(labels)
    return learner.linear.LogisticRegression(
        C=BOLDNESS,
        class_weight={label: one / even for label, one in rarity.items()},
        max_iter=ROUNDS,
    )


def _one_of(learner: _Learner) -> Any:
    """Types count alike, and each is told from all others: few have many tickets, and
    a regression over all of them gives the frequent ones their way."""
    return learner.margins.LinearSVC(
        C=BOLDNESS_OF_TYPES, class_weight="balanced", random_state=0
    )


def folds(labels: Sequence[Any], parts: int) -> list[tuple[Any, Any]]:
    """Divide rows into parts of like labels: what is fitted to, and what is judged."""
    split = _learner().choosing.StratifiedKFold(parts, shuffle=True, random_state=0)
    return list(split.split([0] * len(labels), labels))


class _Learner(NamedTuple):
    arrays: Any
    linear: Any
    margins: Any
    bayes: Any
    problems: Any
    choosing: Any
    threads: Any


def _learner() -> _Learner:
    try:
        import numpy
        import threadpoolctl
        from sklearn import (
            exceptions,
            linear_model,
            model_selection,
            naive_bayes,
            svm,
        )
    except ImportError as err:
        raise LearningUnavailable from err
    return _Learner(
        numpy,
        linear_model,
        svm,
        naive_bayes,
        exceptions,
        model_selection,
        threadpoolctl,
    )
