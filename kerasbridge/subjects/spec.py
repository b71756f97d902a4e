"""Inputs, outputs and loss of a model, as far as its data depends on them."""

from dataclasses import dataclass

CLASSES, ONE_HOT, BINARY, NUMBERS = "classes", "one-hot", "binary", "numbers"
"""The kinds of targets: class numbers, a row of the identity matrix, 0 or 1, any numbers."""


@dataclass(frozen=True)
class InputSpec:
    """An input of a model.

    Attributes:
        name: its name, or its key if the model takes a dict.
        shape: its shape without the rows; a size that varies is None.
        dtype: its dtype.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    @property
    def width(self) -> int | None:
        """The number of columns of a table that it takes; None for any number."""
        return self.shape[0] if self.shape else 1

    @property
    def takes_whole_numbers(self) -> bool:
        """Return whether it takes whole numbers, such as categories."""
        return "int" in self.dtype


@dataclass(frozen=True)
class ModelSpec:
    """Properties of a model that its data depends on.

    Attributes:
        inputs: its inputs, in the order of the model; a single one of any width if they are not known.
        targets: the kind of targets that its loss takes.
        outputs: the width of its output; None if it has several or an unknown one.
        loss: the name of its loss, for messages.
        scales: whether a layer of the model scales its input, so that pixels stay from 0 to 255.
    """

    inputs: tuple[InputSpec, ...]
    targets: str
    outputs: int | None
    loss: str
    scales: bool
