"""PyDatasets with the batches of an epoch in a shuffled order."""

from typing import Any

from kerasbridge.data.sampler import RowSampler
from kerasbridge.keras_compat import keras


class ShuffledPyDataset(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of one epoch of a PyDataset of known length, in an order from (seed, epoch).

    For Keras each epoch is a full pass over this dataset: its workers restart with the first batch in each pass, and
    cannot continue in the middle.

    Args:
        dataset: the dataset of the batches.
        seed: seed of their order; without it they are not shuffled.
        steps: steps per epoch, by default all batches; the next epoch continues where this one ended.
        steps_name: the argument that limits the steps, for messages.
    """

    def __init__(
        self, dataset: keras.utils.PyDataset, seed: int | None, steps: int | None, steps_name: str = "steps_per_epoch"
    ) -> None:
        super().__init__(dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size)
        self._dataset, self._seed, self._steps, self._steps_name = dataset, seed, steps, steps_name
        self._order: list[int] = []

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return self._sampler.steps

    def begin(self, epoch: int, start: int = 0) -> None:
        """Set the order of the batches to that of this epoch, from step `start` on."""
        self._order = [int(batch) for batches in self._sampler.epoch(epoch) for batch in batches[:, 0]][start:]

    def pass_epochs(self, count: int) -> None:
        """Let the dataset know, without reading it, that so many epochs have begun and ended."""
        for _ in range(count):
            self.on_epoch_begin()
            self.on_epoch_end()

    @property
    def _sampler(self) -> RowSampler:
        return RowSampler(self._dataset.num_batches, 1, self._seed, self._steps, steps_name=self._steps_name)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> Any:
        return self._dataset[self._order[index]]

    def on_epoch_begin(self) -> None:
        self._dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._dataset.on_epoch_end()


class FirstBatch(keras.utils.PyDataset):  # type: ignore[misc]
    """Only the first batch of a PyDataset, read without its workers, which would start to read the others."""

    def __init__(self, dataset: keras.utils.PyDataset) -> None:
        super().__init__()
        self._dataset = dataset

    def __len__(self) -> int:
        return 0 if self._dataset.num_batches == 0 else 1

    def __getitem__(self, index: int) -> Any:
        return self._dataset[index]

    def on_epoch_begin(self) -> None:
        self._dataset.on_epoch_begin()
