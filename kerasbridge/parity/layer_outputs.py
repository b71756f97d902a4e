"""Child side: the output of every layer of a model as it is called, and a zero added to each to differentiate by."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.keras_compat.tensors import has_cached_logits

Tensor = Any
Zeros = dict[str, Any]


class OutputRecorder:
    """What the layers of a model put out while `record_outputs` is open.

    Attributes:
        outputs: tensors by layer and call, in the order in which they were ready. A tensor that a layer only hands on
            belongs to the layer that made it.
        owners: the layer of each.
    """

    def __init__(self, zeros: Zeros) -> None:
        self.outputs: dict[str, Tensor] = {}
        self.owners: dict[str, Any] = {}
        self._zeros = zeros
        self._seen: list[Tensor] = []

    def begin(self, inputs: Any) -> None:
        """Forgets an earlier pass; `inputs` are nobody's output."""
        self.outputs.clear()
        self.owners.clear()
        self._seen = keras.tree.flatten(inputs)

    def note(self, layer: Any, outputs: Any) -> Any:
        """The outputs of a call, each with its zero added."""
        parts = keras.tree.flatten_with_path(outputs)
        return keras.tree.pack_sequence_as(outputs, [self._one(layer, path, leaf, len(parts)) for path, leaf in parts])

    def _one(self, layer: Any, path: tuple[Any, ...], leaf: Any, parts: int) -> Any:
        if not keras.ops.is_tensor(leaf) or any(leaf is seen for seen in self._seen):
            return leaf
        key = self._key(layer, "".join(f"[{step!r}]" for step in path) if parts > 1 else "")
        if key in self._zeros:
            leaf = leaf + self._zeros[key].value
        self._seen.append(leaf)
        self.outputs[key], self.owners[key] = leaf, layer
        return leaf

    def _key(self, layer: Any, part: str) -> str:
        name = (layer.path or layer.name) + part
        calls = sum(known == name or known.startswith(f"{name} (call ") for known in self.outputs)
        return f"{name} (call {calls + 1})" if calls else name


@contextlib.contextmanager
def record_outputs(model: Any, zeros: Zeros, nested: bool) -> Iterator[OutputRecorder]:
    """Let a `OutputRecorder` see every call of the model's layers; `nested` also those of layers within layers."""
    watch = OutputRecorder(zeros)
    layers = _layers(model, nested)
    for layer in layers:
        object.__setattr__(layer, "call", _watched(layer, layer.call, watch.note))
    try:
        yield watch
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def zeros_like(watch: OutputRecorder) -> Zeros:
    """A variable of zeros for each output that training takes a gradient by: from the first layer that learns on.

    Not for one that carries its logits: TensorFlow's losses look past it.
    """
    outputs = itertools.dropwhile(lambda each: not watch.owners[each[0]].trainable_variables, watch.outputs.items())
    return {
        key: keras.Variable(keras.ops.zeros(leaf.shape, leaf.dtype), dtype=leaf.dtype, autocast=False, name="zero")
        for key, leaf in outputs
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(leaf.dtype)) and not has_cached_logits(leaf)
    }


def _watched(layer: Any, call: Callable[..., Any], note: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def watched(*args: Any, **kwargs: Any) -> Any:
        return note(layer, call(*args, **kwargs))

    return watched


def _layers(model: Any, nested: bool) -> list[Any]:
    """The model itself last. What a layer calls once a time step lies in a loop of the framework's own: left out."""
    found = flatten_layers(model) if nested else model.layers
    looping = (keras.layers.RNN, keras.layers.TimeDistributed)
    inside = {id(part) for layer in found if isinstance(layer, looping) for part in flatten_layers(layer)}
    return [*(layer for layer in found if id(layer) not in inside), model]
