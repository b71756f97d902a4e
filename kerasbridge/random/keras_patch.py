"""The patch that makes Keras draw portable random numbers, and errors for what it cannot replace.

The functions of Keras's backend random module become those of `distributions.py`. Two initializers that compute on the
backend compute on the host instead; an image function that bypasses the random module is replaced. Whatever would still
draw natively raises an error that names it.
"""

import contextlib
import functools
import inspect
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError, KerasContractError, NotPortableError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import TESTED, private_api
from kerasbridge.keras_compat.seed_generators import draw_seed, has_global_generator, seed_global_generator
from kerasbridge.keras_compat.tensors import floatx, to_tensor
from kerasbridge.random import distributions, generator, random_crop
from kerasbridge.random.bits import override_seed
from kerasbridge.random.elastic_transform import elastic_transform
from kerasbridge.random.ops import pipeline_scope

Tensor = Any
PORTABLE_FUNCTIONS = (
    "normal",
    "truncated_normal",
    "uniform",
    "randint",
    "categorical",
    "shuffle",
    "dropout",
    "gamma",
    "beta",
    "binomial",
)

# Process-wide on purpose: the patch is in the attributes of Keras modules, which all threads share. It is removed when
# the last scope of any thread has ended.
_portable_depth = 0
_replaced: list[tuple[Any, str, Any]] = []
_portable_lock = threading.RLock()


@contextlib.contextmanager
def portable_random() -> Iterator[None]:
    """Make Keras layers, initializers and `keras.random` draw from kerasbridge's generator inside the context."""
    enter_portable_random()
    try:
        yield
    finally:
        leave_portable_random()


def enter_portable_random() -> None:
    """Replace the functions of Keras that draw; calls nest."""
    global _portable_depth
    with _portable_lock:
        if not has_global_generator():  # created now, since it cannot be while a step is traced
            seed_draws_without_seed(generator.peek_seed())
        if _portable_depth == 0:
            _replace(patch_table())
        _portable_depth += 1


def seed_draws_without_seed(seed: int) -> None:
    """Seed the generator of draws without a seed."""
    seed_global_generator(generator.fold_in(seed, "draws without a seed"))


def leave_portable_random() -> None:
    """Undo one `enter_portable_random`."""
    global _portable_depth
    with _portable_lock:
        _portable_depth -= 1
        while _portable_depth == 0 and _replaced:
            setattr(*_replaced.pop())


def _replace(table: list[tuple[Any, str, Any]]) -> None:
    for owner, name, value in table:
        _replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)


def is_random_portable() -> bool:
    """Return whether Keras draws from kerasbridge's generator now."""
    return _portable_depth > 0


def patch_table() -> list[tuple[Any, str, Any]]:
    """Return the replacements: (Keras module or class, name in it, replacement); the last row of a name counts.

    Raises:
        KerasContractError: this Keras has no such name.
    """
    functions, images = private_api("random functions"), private_api("image functions")
    found = [
        *_function_table(functions, images),
        (private_api("orthogonal initializer"), "__call__", orthogonal),
        (private_api("STFT initializer"), "__call__", stft),
        (private_api("seeds of augmentation layers"), "_get_seed_generator", _seed_generator),
        (keras.layers.RandomCrop, "transform_images", random_crop.transform_images),
        (private_api("AugMix"), "py_random", _NoChoice()),
    ]
    for owner, name, _ in found:
        if not hasattr(owner, name):
            raise KerasContractError(
                f"kerasbridge relies on {owner.__name__}.{name}, which Keras {keras.__version__} does not have; "
                f"use a tested version, as {TESTED}."
            )
    return found


def _function_table(functions: Any, images: Any) -> list[tuple[Any, str, Any]]:
    """Return the replacements of the functions that draw in these two modules of a backend."""
    return [
        *(
            (module, name, _unknown(module, name))
            for module in (functions, images)
            for name in random_functions(module)
        ),
        *((functions, name, getattr(distributions, name)) for name in PORTABLE_FUNCTIONS),
        (images, "elastic_transform", elastic_transform),
    ]


@functools.cache
def random_functions(module: Any) -> tuple[str, ...]:
    """Return the names of a module's functions that draw: public, defined there, with `seed` among their parameters."""
    return tuple(
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if {"seed"} < set(inspect.signature(function).parameters)
    )


def orthogonal(self: Any, shape: Sequence[int], dtype: Any = None) -> Tensor:
    """Initialize as `keras.initializers.Orthogonal`, in float64 on the host."""
    if len(shape) < 2:
        raise ArgumentError(
            f"Expected a weight of two or more axes for Orthogonal, received the shape {tuple(shape)}. "
            "Choose another initializer."
        )
    rows, columns = math.prod(shape[:-1]), shape[-1]
    matrix = generator.orthogonal(*_on_host(self.seed), max(rows, columns), min(rows, columns))
    matrix = matrix if rows >= columns else matrix.T
    return to_tensor(self.gain * matrix.reshape(shape), dtype or floatx())


def stft(self: Any, shape: Sequence[int], dtype: Any = None) -> Tensor:
    """Initialize as `keras.initializers.STFT`, in float64 on the host; whole turns are subtracted as integers."""
    length, _, bands = shape
    period = max(1, 2 * (bands - 1))
    angles = np.outer(np.arange(length), np.arange(bands)) % period * (-2.0 * np.pi / period)
    # Rounded, the sine of half a turn is zero on every machine, whatever the last bit of its library.
    kernel = np.round(np.cos(angles) if self.side == "real" else np.sin(angles), 15)
    if self.window is not None:
        window = _window(self.window, length, self.periodic)
        scale = {"density": np.sqrt((window * window).sum()), "spectrum": np.abs(window).sum(), None: 1.0}
        kernel = kernel * window[:, None] / scale[self.scaling]
    return to_tensor(kernel[:, None, :], dtype or floatx())


def _window(window: Any, length: int, periodic: bool) -> np.ndarray[Any, Any]:
    named = isinstance(window, str)
    values = private_api("SciPy windows").signal.get_window(window, length, periodic) if named else window
    values = np.asarray(values, "float64")
    if values.shape != (length,):
        raise ArgumentError(
            f"Expected a window of shape ({length},), received {values.shape}. Pass frame_length numbers to STFT."
        )
    return values


def _on_host(seed: Any) -> tuple[int, int]:
    """Return (seed, counter) as integers."""
    seed = override_seed(seed)
    if isinstance(seed, int):
        return seed, 0
    state = keras.ops.convert_to_numpy(draw_seed(seed))
    return int(state[0]), int(state[1])


def _unknown(module: Any, name: str) -> Callable[..., Any]:
    """Return a stub that raises for a random function added by a newer Keras, which would draw natively."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise KerasContractError(
            f"Expected a random function that kerasbridge replaces ({', '.join(PORTABLE_FUNCTIONS)}), "
            f"received {module.__name__}.{name} of Keras {keras.__version__}. "
            f'Use a tested version, as {TESTED}, or draw natively: kb.fit(…, rng="native").'
        )

    return refuse


_get_seed_generator = private_api("seeds of augmentation layers")._get_seed_generator


def _seed_generator(self: Any, backend: str | None = None) -> Any:
    """Do what `DataLayer._get_seed_generator` does.

    In a tf.data pipeline on another backend, the seed is that of the layer in a model, and the functions of Keras for
    TensorFlow are replaced too, which happens here since importing them imports TensorFlow.
    """
    if backend in (None, keras.config.backend()):
        return _get_seed_generator(self, backend)
    _replace_in_pipelines()
    seed = self.seed
    self.seed = int(keras.ops.convert_to_numpy(self.generator.state)[0])
    try:
        return _get_seed_generator(self, backend)
    finally:
        self.seed = seed


def _replace_in_pipelines() -> None:
    tensorflow = private_api("TensorFlow functions")
    with _portable_lock:
        if not any(owner is tensorflow.random for owner, *_ in _replaced):
            table = _function_table(tensorflow.random, tensorflow.image)
            _replace([(owner, name, _in_pipeline(function)) for owner, name, function in table])


def _in_pipeline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, computed with TensorFlow."""

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        with pipeline_scope():
            return function(*arguments, **keywords)

    return call


class _NoChoice:
    """Replacement for Python's `random` in AugMix."""

    def choice(self, options: Sequence[Any]) -> Any:
        """Refuse: a compiled step would keep its first choices."""
        del options
        raise NotPortableError(
            "Expected layers that draw in the step, received AugMix, whose augmentations Python chooses as the step is "
            'compiled, once for all. Use keras.layers.RandAugment, or draw natively: kb.fit(…, rng="native").'
        )
