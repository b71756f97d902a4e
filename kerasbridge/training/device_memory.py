"""The error about a device that has too little memory."""

import contextlib
from collections.abc import Iterator

import numpy as np

from kerasbridge.engines.base import Engine
from kerasbridge.errors import DeviceMemoryError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import all_variables


@contextlib.contextmanager
def explain_out_of_memory(engine: Engine, model: keras.Model, batch_size: int | None = None) -> Iterator[None]:
    """Turn an error of the framework about memory into one sentence.

    Args:
        engine: the engine of the run.
        model: the model of the run.
        batch_size: the rows of a step; None while data is copied to the device.

    Raises:
        DeviceMemoryError: names the batch size, the size of the model and what to change.
    """
    try:
        yield
    except Exception as error:
        if not engine.is_out_of_memory(error):
            raise
        raise DeviceMemoryError(_message(engine, model, batch_size)) from error


def _message(engine: Engine, model: keras.Model, batch_size: int | None) -> str:
    subject = "the data" if batch_size is None else f"a step with batch_size={batch_size}"
    parameters, weights = _size(model.variables)
    _, state = _size(all_variables(model))
    return (
        f"Expected memory on the device {engine.device} for {subject} and a model of {parameters:,} parameters "
        f"({weights:,} bytes, {state:,} with the state of its optimizer); there is too little. Pass a smaller "
        f"batch_size{'' if batch_size is None or batch_size < 2 else f', such as {batch_size // 2}'}, "
        "device_budget=0 to leave the data on the host, a smaller model, or call "
        'keras.config.set_dtype_policy("mixed_bfloat16") before building it.'
    )


def _size(variables: list[keras.Variable]) -> tuple[int, int]:
    """Return the number of values and of bytes."""
    counts = [int(np.prod(variable.shape, dtype=np.int64)) for variable in variables]
    sizes = [keras.backend.standardize_dtype(variable.dtype) for variable in variables]
    return sum(counts), sum(count * _bytes_of(dtype) for count, dtype in zip(counts, sizes, strict=True))


def _bytes_of(dtype: str) -> int:
    bits = "".join(character for character in dtype.partition("_")[0] if character.isdigit())
    return max(1, int(bits or 8) // 8)
