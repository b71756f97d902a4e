"""Errors of a regression: predictions compared with targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RegressionScores:
    """Predictions of a model with one number per row, and the errors computed from them; each row counts the same.

    Args:
        targets: the true numbers, shape (rows,).
        predicted: the predicted numbers, shape (rows,).

    >>> scores = RegressionScores(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    >>> scores.mean_absolute_error, scores.r2, scores.worst
    (0.5, 0.5, 1)
    """

    targets: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @property
    def errors(self) -> NDArray[np.float64]:
        """The predictions minus the targets."""
        return self.predicted - self.targets

    @property
    def mean_absolute_error(self) -> float:
        """The mean absolute error, in the unit of the targets."""
        return float(np.abs(self.errors).mean())

    @property
    def root_mean_squared_error(self) -> float:
        """The root of the mean squared error, in the unit of the targets."""
        return float(np.sqrt((self.errors**2).mean()))

    @property
    def r2(self) -> float | None:
        """The share of the variance of the targets that is predicted; None if all targets are the same."""
        variance = float(np.var(self.targets))
        return 1 - float((self.errors**2).mean()) / variance if variance else None

    @property
    def worst(self) -> int:
        """The index of the row with the largest error."""
        return int(np.abs(self.errors).argmax())

    def as_dict(self) -> dict[str, Any]:
        """Return the errors as plain numbers, for JSON."""
        return {"mae": self.mean_absolute_error, "rmse": self.root_mean_squared_error, "r2": self.r2}
