"""A model and the data to train it on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.subjects.forms import Form


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and the data to train it on.

    Attributes:
        model: a Keras model.
        x, y: as for `kb.fit`; None if there is no data.
        validation: (x, y) or an iterable of batches to validate on, as for `kb.fit`; None without.
        batch_size: the batch size that a script returns.
        callbacks: the callbacks that a script returns.
        form: how the data was prepared.
        custom_objects: the classes and functions of the script, by name, with which Keras loads a saved model.
    """

    model: Any
    x: Any = None
    y: Any = None
    validation: Any = None
    batch_size: int | None = None
    callbacks: Sequence[Any] = ()
    form: Form = field(default_factory=Form)
    custom_objects: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """A line for people to read: the numbers of rows, what each input takes, and what is predicted."""
        validation = self.validation[0] if isinstance(self.validation, tuple) else None
        counts = [f"{rows_of(self.x):,} rows to train on" if rows_of(self.x) else "Batches to train on"]
        counts += [f"{rows_of(validation):,} to validate on"] if rows_of(validation) else []
        return "; ".join([", ".join(counts), *self.form.summary()]) + "."


def rows_of(nest: Any) -> int:
    """Return the number of rows of arrays in dicts, lists or tuples; 0 if it is not known."""
    while isinstance(nest, Mapping | list | tuple) and nest:
        nest = next(iter(nest.values() if isinstance(nest, Mapping) else nest))
    shape = getattr(nest, "shape", None)
    return int(shape[0]) if shape else 0
