"""PyDatasets as Keras reads them, in the order of an epoch."""

from typing import Any

from kerasbridge.data.sampler import RowSampler
from kerasbridge.keras_compat import keras


class ShuffledPyDataset(keras.utils.PyDataset):  # type: ignore[misc]
    """Of a PyDataset of known length the batches of one epoch, in the order from (seed, epoch).

    To Keras each epoch is a pass over the whole of this. Its workers start anew with each, from the first batch of
    what they read: they could not go on in the middle.

    Args:
        dataset: gives the batches.
        seed: of their order; without it they come as they are numbered.
        steps: of an epoch, where not all; the next goes on where it ended.
    """

    def __init__(self, dataset: keras.utils.PyDataset, seed: int | None, steps: int | None) -> None:
        super().__init__(dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size)
        self._dataset, self._seed, self._steps = dataset, seed, steps
        self._order: list[int] = []

    @property
    def steps(self) -> int:
        """Step of an epoch."""
        return self._passes.steps

    def begin(self, epoch: int) -> None:
        """Take the order of this epoch."""
        self._order = [int(batch) for batches in self._passes.epoch(epoch) for batch in batches[:, 0]]

    @property
    def _passes(self) -> RowSampler:
        return RowSampler(self._dataset.num_batches, 1, self._seed, self._steps)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> Any:
        return self._dataset[self._order[index]]

    def on_epoch_begin(self) -> None:
        self._dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._dataset.on_epoch_end()


class FirstBatch(keras.utils.PyDataset):  # type: ignore[misc]
    """The first batch of a PyDataset alone: to ask its workers for it would set them to work on the rest."""

    def __init__(self, dataset: keras.utils.PyDataset) -> None:
        super().__init__()
        self._dataset = dataset

    def __len__(self) -> int:
        return 0 if self._dataset.num_batches == 0 else 1

    def __getitem__(self, index: int) -> Any:
        return self._dataset[index]

    def on_epoch_begin(self) -> None:
        self._dataset.on_epoch_begin()
