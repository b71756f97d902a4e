"""How good a classifier is: what it takes each image for, held beside the labels and beside an earlier time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALLEST = 1e-7  # keras.config.epsilon(): to it Keras clips probabilities before it takes their logarithm


@dataclass(frozen=True)
class Mistake:
    """An image that is taken for another class than its own, and with which probability."""

    index: int
    label: int
    predicted: int
    probability: float


@dataclass(frozen=True)
class Difference:
    """An image that was taken for one class then, and for another now."""

    index: int
    label: int
    then: int
    now: int


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model makes of images whose classes are known.

    Args:
        labels: class numbers, shape (images,).
        probabilities: of each class, shape (images, classes).

    >>> scores = Scores(np.array([0, 1]), np.array([[0.75, 0.25], [0.5, 0.5]]))
    >>> scores.accuracy, scores.mistakes
    (0.5, [Mistake(index=1, label=1, predicted=0, probability=0.5)])
    """

    labels: NDArray[Any]
    probabilities: NDArray[Any]

    @cached_property
    def predicted(self) -> NDArray[Any]:
        """The most probable class of each image; the first where several are."""
        found: NDArray[Any] = self.probabilities.argmax(axis=1)
        return found

    @property
    def accuracy(self) -> float:
        """The share of images that are taken for what they are."""
        return float(np.mean(self.predicted == self.labels))

    @property
    def loss(self) -> float:
        """The mean cross entropy, as `keras.losses.sparse_categorical_crossentropy` has it."""
        own = self.probabilities[np.arange(len(self.labels)), self.labels].astype(np.float64)
        return float(np.mean(-np.log(np.clip(own, _SMALLEST, 1 - _SMALLEST))))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """How often images of a class (row) are taken for a class (column), shape (classes, classes)."""
        classes = self.probabilities.shape[1]
        pairs = self.labels.astype(np.int64) * classes + self.predicted
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    @property
    def mistakes(self) -> list[Mistake]:
        """The images that are taken for something else, the most confidently wrong first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        found = [
            Mistake(int(i), int(self.labels[i]), int(self.predicted[i]), float(self.probabilities[i].max()))
            for i in wrong
        ]
        return sorted(found, key=lambda mistake: -mistake.probability)

    @property
    def named(self) -> dict[str, float]:
        """Accuracy and loss by name."""
        return {"accuracy": self.accuracy, "loss": self.loss}

    def differing_from(self, mistakes: Mapping[int, int]) -> list[Difference]:
        """The images that are taken for another class than then.

        Args:
            mistakes: the images that were taken for something else then: predicted class by index.
        """
        then = self.labels.copy()
        for index, predicted in mistakes.items():
            if index < len(then):
                then[index] = predicted
        return [
            Difference(int(i), int(self.labels[i]), int(then[i]), int(self.predicted[i]))
            for i in np.flatnonzero(then != self.predicted)
        ]
