"""The context of every run, whichever function starts it."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from kerasbridge.data.input_checks import warn_once
from kerasbridge.data.numbers import read_as_floats
from kerasbridge.data.user_warning import remember_caller
from kerasbridge.engines.base import Engine
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.by_name import match_by_name
from kerasbridge.keras_compat.nan_metrics import nan_for_nan
from kerasbridge.keras_compat.sample_weights import check_weight_shapes
from kerasbridge.training.device_memory import explain_out_of_memory


@contextlib.contextmanager
def run_scope(engine: Engine, model: keras.Model, step: Any = None) -> Iterator[None]:
    """Match data by name, let Keras's losses and metrics answer alike on every backend, read numbers as the model does.

    Args:
        engine: the engine of the run.
        model: the model of the run.
        step: the custom step, if there is one; it may use whole numbers as such.
    """
    parts = {"x": getattr(model, "inputs", None), "y": getattr(model, "outputs", None)}
    floats = [name for name, tensors in parts.items() if step is None and tensors and _are_floats(tensors)]
    with (
        remember_caller(),
        warn_once(),
        match_by_name(),
        engine.loss_scope(),
        engine.optimizer_scope(),
        engine.layer_scope(),
        nan_for_nan(),
        check_weight_shapes(),
        read_as_floats(*floats),
        explain_out_of_memory(engine, model),
    ):
        yield


def _are_floats(tensors: Iterable[Any]) -> bool:
    return all(keras.backend.is_float_dtype(tensor.dtype) for tensor in tensors)
