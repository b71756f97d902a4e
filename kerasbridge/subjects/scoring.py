"""Score a model on data in the form of its loss, and name what it predicts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.data.digest import digest_of
from kerasbridge.engines.step import Batch
from kerasbridge.evaluation.classification_report import Scores, as_probabilities
from kerasbridge.evaluation.regression_report import RegressionScores
from kerasbridge.subjects.inspection import inspect
from kerasbridge.subjects.spec import BINARY, NUMBERS, ModelSpec
from kerasbridge.subjects.subject import rows_of
from kerasbridge.training import trainer


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The score of a model on data.

    Attributes:
        metrics: the loss and the metrics of the model, by name.
        rows: the number of rows; None if the data comes in batches.
        scores: the predictions of a classifier with one label per row; None for other models.
    """

    metrics: dict[str, float]
    rows: int | None = None
    scores: Scores | None = None

    @property
    def mistakes(self) -> dict[int, int] | None:
        """The rows that are predicted wrongly: predicted class by index; None if there are no classes."""
        return None if self.scores is None else {each.index: each.predicted for each in self.scores.mistakes}


def score(model: Any, data: Any, batch_size: int | None = None) -> Evaluation:
    """Score a model.

    Args:
        model: a compiled model.
        data: (x, y) or (x, y, sample_weight), or an iterable of batches.
        batch_size: samples per step.
    """
    if not isinstance(data, tuple):
        return Evaluation(_evaluate(model, data, None, None, None))
    x, y, sample_weight = _batch(data)
    metrics = _evaluate(model, x, y, batch_size, sample_weight)
    spec = inspect(model)
    labels = _labels(y, spec)
    scores = None
    if labels is not None:
        outputs = trainer.predict(model, x, batch_size, verbose=0)
        probabilities = probabilities_of(outputs, spec)
        if probabilities is not None and probabilities.shape[0] == len(labels):
            scores = Scores(labels, probabilities)
    return Evaluation(metrics, rows_of(x) or None, scores)


def regression_of(model: Any, data: Any, batch_size: int | None = None) -> RegressionScores | None:
    """Compare predictions with targets; None unless both are one finite number per row.

    Args:
        model, data, batch_size: as for `score`.
    """
    if not isinstance(data, tuple) or inspect(model).targets != NUMBERS:
        return None
    x, y, _ = _batch(data)
    targets = np.asarray(y) if hasattr(y, "__array__") else np.empty(0, object)
    if targets.dtype.kind not in "biuf" or targets.size != len(targets):
        return None
    outputs = trainer.predict(model, x, batch_size, verbose=0)
    if not hasattr(outputs, "dtype") or outputs.size != targets.size:
        return None
    scores = RegressionScores(targets.ravel().astype(np.float64), outputs.ravel().astype(np.float64))
    return scores if scores.targets.size and np.isfinite(scores.errors).all() else None


def checksum(data: Any) -> str | None:
    """Return a digest of data such as (x, y); None if it comes in batches."""
    return digest_of(_batch(data)) if isinstance(data, tuple) else None


def probabilities_of(outputs: Any, spec: ModelSpec) -> Any:
    """Return the probability of each class, shape (rows, classes), of outputs that may be logits.

    None if the outputs are not those of one class per row.
    """
    if spec.targets == NUMBERS or not hasattr(outputs, "ndim") or outputs.ndim != 2:
        return None
    if spec.targets == BINARY:
        if outputs.shape[1] != 1:
            return None
        first = outputs if ((outputs >= 0) & (outputs <= 1)).all() else 1 / (1 + np.exp(-outputs))
        return np.concatenate([1 - first, first], axis=1)
    return as_probabilities(outputs)


def _batch(data: tuple[Any, ...]) -> Batch:
    """Return (x, y) or (x, y, sample_weight) as a batch."""
    return Batch(*(*data, None)[:3])


def _evaluate(model: Any, x: Any, y: Any, batch_size: int | None, sample_weight: Any) -> dict[str, float]:
    results = trainer.evaluate(model, x, y, batch_size, verbose=0, sample_weight=sample_weight, return_dict=True)
    return {name: float(value) for name, value in results.items() if np.ndim(value) == 0}


def _labels(y: Any, spec: ModelSpec) -> Any:
    """Return one class number per row, or None if the targets are something else."""
    if spec.targets == NUMBERS or not hasattr(y, "__array__"):
        return None
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2 and spec.targets != BINARY:
        labels = labels.argmax(axis=1)
    if labels.ndim != 1 or not np.array_equal(labels, np.rint(labels)):
        return None
    return labels.astype(np.int64)
