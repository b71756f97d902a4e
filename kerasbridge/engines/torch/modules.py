"""Torch modules within a Keras model: their parameters are read through Keras variables, like all weights."""

import contextlib
from collections.abc import Callable
from typing import Any

import torch

from kerasbridge.engines.stateless import value_of
from kerasbridge.engines.torch.recorder import is_recording
from kerasbridge.keras_compat.patches import patch_torch_module_call
from kerasbridge.keras_compat.tensors import raw_value


class HoldsBuffersError(Exception):
    """A module has state that Keras does not track, and that a traced step would lose."""


def read_variables() -> contextlib.AbstractContextManager[None]:
    """Let each `TorchModuleWrapper` compute with the current values of its variables, while open.

    Without this, it uses the parameters of its module and bypasses the scope in which a step reads and writes.

    Raises:
        HoldsBuffersError: a module with buffers is called in a step that is being traced.
    """

    def call(_: Callable[..., Any], layer: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        if is_recording.get() and next(layer.module.buffers(), None) is not None:
            raise HoldsBuffersError(f"the torch module in {layer.name} keeps buffers, which Keras does not know of")
        layer.train(training is not False)
        variables = {id(raw_value(variable)): variable for variable in layer.variables}
        values = {
            name: value_of(variables[id(parameter)])
            for name, parameter in layer.module.named_parameters()
            if id(parameter) in variables
        }
        return torch.func.functional_call(layer.module, values, args, kwargs)

    return patch_torch_module_call(call)
