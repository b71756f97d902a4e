"""Checks of what all workers must have in common: the values of variables, and models whose rows can be split."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.engines.base import Engine
from kerasbridge.errors import WorkerError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import rnn_states


def check_equal(engine: Engine, variables: Sequence[Any]) -> None:
    """Raise WorkerError on every worker if a variable has not the same value on all of them."""
    sums = engine.all_gather(np.array([_checksum(engine, variable) for variable in variables], np.int64))
    for variable, (first, *others) in zip(variables, sums.T, strict=True):
        for rank, other in enumerate(others, start=1):
            if other != first:
                raise WorkerError(
                    f"Expected the variable {variable.path} to be equal on all workers, found another value on worker "
                    f"{rank}. What a step assigns must not follow from the rows of one worker alone: take means over "
                    "rows with keras.ops.moments, which covers all workers, or train with one worker."
                )


def check_rows_can_be_split(model: keras.Model) -> None:
    """Raise WorkerError if the model keeps a state for each row of a batch."""
    if rnn_states(model):
        raise WorkerError(
            "Expected a model without state of single rows with several workers, received one with a recurrent layer "
            "that is stateful=True. Train it with one worker."
        )


def _checksum(engine: Engine, variable: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(engine.to_numpy(variable.value)).data)
