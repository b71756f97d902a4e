"""One seed for everything that draws: `kb.seed_everything`; and a model's random layers set back to their start."""

import contextlib
import random
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np

from kerasbridge import checks, engines, keras_compat
from kerasbridge.keras_compat import keras
from kerasbridge.random.generator import derive


class seed_everything:  # noqa: N801 - called like a function, with `with` like a scope
    """Seeds Python's `random`, NumPy, Keras and the backend, and turns portable random numbers on.

    As a call it lasts until the process ends; at the end of a ``with`` statement the states of `random` and NumPy
    return, and Keras's own random functions with them. Models built in between start from the same weights, bit for
    bit, on every backend.

    Args:
        seed: a whole number from 0 to 2**32 - 1.

    Raises:
        ArgumentError: the seed is none.

    Example:
        >>> import kerasbridge as kb
        >>> with kb.seed_everything(7):
        ...     model = kb.models.mlp()
    """

    def __init__(self, seed: int) -> None:
        checks.check_seed(seed)
        self._before = (random.getstate(), np.random.get_state())
        engines.current()
        keras_compat.enter_portable_random()
        keras.utils.set_random_seed(seed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        random.setstate(self._before[0])
        np.random.set_state(self._before[1])
        keras_compat.leave_portable_random()


def seed_random_layers(model: keras.Model, seed: int, used: Iterable[Any] = ()) -> None:
    """Sets every seed generator of the model back to its start, from the seed and its place in the model.

    After them come those among the variables `used` that the model does not hold.
    """
    states = {
        id(state): state for state in [*keras_compat.seed_states(model), *filter(keras_compat.is_seed_state, used)]
    }
    for position, state in enumerate(states.values()):
        state.assign(np.array([derive(seed, "random layer", position), 0], dtype="int64"))


@contextlib.contextmanager
def python_and_numpy_seeded(seed: int) -> Iterator[None]:
    """While open, `random` and NumPy draw from this seed; then they go on where they were."""
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
