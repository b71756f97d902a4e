"""Accuracy, confusion matrix and changed predictions of a classifier."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

_EPSILON = 1e-7  # keras.config.epsilon(), to which Keras clips probabilities before taking their logarithm


@dataclass(frozen=True)
class Mistake:
    """An image with a wrong prediction, and the probability of that prediction."""

    index: int
    label: int
    predicted: int
    probability: float


@dataclass(frozen=True)
class Difference:
    """An image whose predicted class differs from the one predicted earlier (`then`)."""

    index: int
    label: int
    then: int
    now: int


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictions of a model for labelled images, and the scores computed from them.

    Args:
        labels: class numbers, shape (images,).
        probabilities: the predicted probability of each class, shape (images, classes).

    >>> scores = Scores(np.array([0, 1]), np.array([[0.75, 0.25], [0.5, 0.5]]))
    >>> scores.accuracy, scores.mistakes
    (0.5, [Mistake(index=1, label=1, predicted=0, probability=0.5)])
    """

    labels: NDArray[Any]
    probabilities: NDArray[Any]

    @cached_property
    def predicted(self) -> NDArray[Any]:
        """The most probable class of each image; the first of several that are equally probable."""
        classes: NDArray[Any] = self.probabilities.argmax(axis=1)
        return classes

    @property
    def accuracy(self) -> float:
        """The fraction of images that are classified correctly."""
        return float(np.mean(self.predicted == self.labels))

    @property
    def loss(self) -> float:
        """The mean cross entropy, as computed by `keras.losses.sparse_categorical_crossentropy`."""
        of_label = self.probabilities[np.arange(len(self.labels)), self.labels].astype(np.float64)
        return float(np.mean(-np.log(np.clip(of_label, _EPSILON, 1 - _EPSILON))))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """The confusion matrix: counts by label (row) and predicted class (column), shape (classes, classes)."""
        classes = self.probabilities.shape[1]
        pairs = self.labels.astype(np.int64) * classes + self.predicted
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    @property
    def mistakes(self) -> list[Mistake]:
        """The wrong predictions, the most confident first."""
        mistakes = [
            Mistake(int(i), int(self.labels[i]), int(self.predicted[i]), float(self.probabilities[i].max()))
            for i in np.flatnonzero(self.predicted != self.labels)
        ]
        return sorted(mistakes, key=lambda mistake: -mistake.probability)

    @property
    def metrics(self) -> dict[str, float]:
        """Accuracy and loss by name."""
        return {"accuracy": self.accuracy, "loss": self.loss}

    def changed_since(self, mistakes: Mapping[int, int]) -> list[Difference]:
        """Return the images whose predicted class differs from that of an earlier evaluation.

        Args:
            mistakes: the wrong predictions of the earlier evaluation: predicted class by image index.
        """
        then = self.labels.copy()
        for index, predicted in mistakes.items():
            if index < len(then):
                then[index] = predicted
        return [
            Difference(int(i), int(self.labels[i]), int(then[i]), int(self.predicted[i]))
            for i in np.flatnonzero(then != self.predicted)
        ]


def as_probabilities(outputs: NDArray[Any]) -> NDArray[Any]:
    """Return the probability of each class, shape (rows, classes): the softmax of the outputs if they are logits.

    >>> as_probabilities(np.array([[0.25, 0.75]])), as_probabilities(np.array([[2.0, 2.0]]))
    (array([[0.25, 0.75]]), array([[0.5, 0.5]]))
    """
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    probabilities: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
