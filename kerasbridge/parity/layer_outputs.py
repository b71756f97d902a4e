"""Child side: record the output of every layer call, adding a zero to each so that it can be differentiated by."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.keras_compat.tensors import has_cached_logits, path_name

Tensor = Any
Zeros = dict[str, Any]


class OutputRecorder:
    """The outputs of a model's layers, recorded within `record_outputs`.

    Attributes:
        outputs: tensors by layer and call, in the order of computation. A tensor that a layer only passes on belongs to
            the layer that computed it.
        owners: the layer of each output.
    """

    def __init__(self, zeros: Zeros) -> None:
        self.outputs: dict[str, Tensor] = {}
        self.owners: dict[str, Any] = {}
        self._zeros = zeros
        self._seen: list[Tensor] = []

    def begin(self, inputs: Any) -> None:
        """Clear the outputs of an earlier pass; `inputs` do not count as outputs."""
        self.outputs.clear()
        self.owners.clear()
        self._seen = keras.tree.flatten(inputs)

    def record(self, layer: Any, outputs: Any) -> Any:
        """Record the outputs of a call and return them, each with its zero added."""
        leaves = keras.tree.flatten_with_path(outputs)
        recorded = [self._record_leaf(layer, path_name(path) if len(leaves) > 1 else "", leaf) for path, leaf in leaves]
        return keras.tree.pack_sequence_as(outputs, recorded)

    def _record_leaf(self, layer: Any, path: str, leaf: Any) -> Any:
        if not keras.ops.is_tensor(leaf) or any(leaf is seen for seen in self._seen):
            return leaf
        key = self._key(layer, path)
        if key in self._zeros:
            leaf = leaf + self._zeros[key].value
        self._seen.append(leaf)
        self.outputs[key], self.owners[key] = leaf, layer
        return leaf

    def _key(self, layer: Any, path: str) -> str:
        name = (layer.path or layer.name) + path
        calls = sum(key == name or key.startswith(f"{name} (call ") for key in self.outputs)
        return f"{name} (call {calls + 1})" if calls else name


@contextlib.contextmanager
def record_outputs(model: Any, zeros: Zeros, nested: bool) -> Iterator[OutputRecorder]:
    """Record the output of every call of the model's layers; with `nested` also of layers within layers."""
    recorder = OutputRecorder(zeros)
    layers = _layers(model, nested)
    for layer in layers:
        object.__setattr__(layer, "call", _recorded(layer, layer.call, recorder.record))
    try:
        yield recorder
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def zeros_like(recorder: OutputRecorder) -> Zeros:
    """Return a variable of zeros for each output with a gradient: those from the first trainable layer on.

    An output with cached logits has none: TensorFlow computes the loss from the logits.
    """
    outputs = itertools.dropwhile(
        lambda item: not recorder.owners[item[0]].trainable_variables, recorder.outputs.items()
    )
    return {
        key: keras.Variable(keras.ops.zeros(leaf.shape, leaf.dtype), dtype=leaf.dtype, autocast=False, name="zero")
        for key, leaf in outputs
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(leaf.dtype)) and not has_cached_logits(leaf)
    }


def _recorded(layer: Any, call: Callable[..., Any], record: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        return record(layer, call(*args, **kwargs))

    return recorded


def _layers(model: Any, nested: bool) -> list[Any]:
    """Return the layers and, last, the model; not those called once per time step, in a loop of the framework."""
    layers = flatten_layers(model) if nested else model.layers
    looping = (keras.layers.RNN, keras.layers.TimeDistributed)
    in_loops = {id(inner) for layer in layers if isinstance(layer, looping) for inner in flatten_layers(layer)}
    return [*(layer for layer in layers if id(layer) not in in_loops), model]
