"""A batch, and a step that an engine compiles: the types that data, engines and training share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import layers_without_jit

Tensor = Any
IGNORED_LABEL = -100
"""A label outside the classes whose loss is 0: torch's own, and on JAX that of every label below 0."""


class Batch(NamedTuple):
    """The samples of one step: nests of tensors of equal length; the last two may be None."""

    x: Any
    y: Any
    sample_weight: Any


@dataclass(frozen=True)
class Step:
    """A step and the variables it reads or writes, each once.

    `run` maps a batch to (loss, logs) or, for a predict step, to the predictions. Instead of the loss it may return a
    vector of numbers to report for each step. `run_eagerly` and `jit_compile` are those of `Model.compile`;
    `layers_without_jit`: the layers for which Keras does not compile the model. `is_long`: an epoch has so many steps
    that a longer compilation pays. `is_single`: every block has one step.
    """

    run: Callable[[Batch], Any]
    variables: tuple[Any, ...]
    run_eagerly: bool
    jit_compile: bool
    layers_without_jit: tuple[Any, ...] = ()
    is_long: bool = False
    is_single: bool = False

    @classmethod
    def of_model(cls, model: keras.Model, run: Callable[[Batch], Any], variables: Iterable[Any]) -> Self:
        """Return a step that is compiled as the model was; `variables` may contain one several times."""
        unique = tuple({id(variable): variable for variable in variables}.values())
        options = bool(model.run_eagerly), bool(model.jit_compile)
        return cls(run, unique, *options, tuple(layers_without_jit(model)))


def batch_size_of(x: Any) -> int:
    """Return the number of rows in a batch."""
    return int(next(leaf for leaf in keras.tree.flatten(x) if leaf is not None).shape[0])
