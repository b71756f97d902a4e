"""Hugging Face `datasets`: rows of named columns, read when they are needed."""

from collections.abc import Mapping
from typing import Any

from kerasbridge.data.columns import Columns
from kerasbridge.data.sampler import Rows
from kerasbridge.engines.step import Batch
from kerasbridge.errors import DataError

FORMATS = ("numpy", "torch", "tensorflow", "jax", "tf")


def is_dataset(x: Any) -> bool:
    """Return whether an object is a `datasets.Dataset`, without importing that library."""
    return any(kind.__module__ == "datasets.arrow_dataset" and kind.__name__ == "Dataset" for kind in type(x).__mro__)


class Table:
    """A `datasets.Dataset` with a format.

    Args:
        dataset: ``dataset.with_format("numpy")``, or with another format of tensors.
        y, sample_weight, class_weight: as for `Columns`.

    Raises:
        DataError: the dataset has no format, or no such column.
    """

    def __init__(
        self, dataset: Any, y: Any = None, sample_weight: Any = None, class_weight: Mapping[int, float] | None = None
    ) -> None:
        if dataset.format["type"] not in FORMATS:
            raise DataError(
                f"Expected a Hugging Face dataset that returns arrays, received one with format "
                f'{dataset.format["type"]!r}. Call dataset.with_format("numpy") first.'
            )
        names = list(dataset.format["columns"])
        self._columns = Columns(names, y, sample_weight, class_weight, "Hugging Face dataset")
        self._dataset, self.rows = dataset, len(dataset)
        if self.rows == 0:
            raise DataError("The Hugging Face dataset has 0 rows, at least 1 is needed.")

    def gather(self, rows: Rows) -> Batch:
        """Return the given rows as a batch of arrays."""
        return self._columns.batch(self._dataset[rows.tolist()])
