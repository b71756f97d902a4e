"""The position of a training run."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Position:
    """The next step of a run, with what has been seen on the way there.

    Attributes:
        epoch: the epoch of the step, counted from 0.
        step: the step in the epoch; at 0 the epoch has not begun.
        logs: the logs of the step before it, if the epoch has begun.
        data: the digest of the first batch of the latest epoch, for data that can only be read in sequence.
        finished_epochs: the number of epochs that the run was started with, if the training has ended here.
    """

    epoch: int = 0
    step: int = 0
    logs: dict[str, Any] = field(default_factory=dict)
    data: str | None = None
    finished_epochs: int | None = None

    def has_ended(self, epochs: int) -> bool:
        """Return whether there is nothing left to train: all epochs have ended, or a callback stopped the training."""
        return self.epoch >= epochs or (self.finished_epochs is not None and epochs <= self.finished_epochs)

    def to_json(self) -> dict[str, Any]:
        """Return the position as JSON data."""
        return asdict(self)
