"""The layers of a Keras model as one flat graph, through all nested models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import sublayers


class NotAssignable(Exception):
    """A layer cannot take its weights from the file; the message is a predicate that follows the layer's name."""


@dataclass(frozen=True, eq=False)
class LayerNode:
    """A layer, or an operation of `keras.ops`, at its first use.

    Args:
        name: the names of the models that contain it and its own, joined by "/".
        layer: the layer or operation.
        inputs: the nodes whose outputs it takes; in a subclassed model, whose `call` cannot be analysed, the layer
            created before it.
        order_assumed: whether it is in such a model.
    """

    name: str
    layer: Any
    inputs: tuple["LayerNode", ...]
    order_assumed: bool = False


def collect_nodes(model: Any) -> list[LayerNode]:
    """Return all layers and operations of a model, each after those whose outputs it takes."""
    builder = _GraphBuilder()
    builder.expand(model, "", ())
    return builder.nodes


class _GraphBuilder:
    """Collects the nodes of a model and of the models in it.

    Its methods take the nodes that give the inputs, and return the nodes that give the outputs.
    """

    def __init__(self) -> None:
        self.nodes: list[LayerNode] = []
        self._outputs: dict[int, tuple[LayerNode, ...]] = {}

    def expand(self, model: Any, path: str, inputs: tuple[LayerNode, ...]) -> tuple[LayerNode, ...]:
        """Add the layers of a model.

        A model with weights of its own, in addition to those of its layers, is a node too; no file can set these.
        """
        if _has_own_weights(model):
            self.nodes.append(LayerNode(path.removesuffix("/") or model.name, model, inputs, True))
        if isinstance(model, keras.Sequential):
            return self._add_in_sequence(model.layers, path, inputs, order_assumed=False)
        config = _functional_config(model)
        if config is not None:
            return self._add_functional(model, config, path, inputs)
        return self._add_in_sequence(sublayers(model), path, inputs, order_assumed=True)

    def _add(
        self, layer: Any, path: str, inputs: tuple[LayerNode, ...], order_assumed: bool = False
    ) -> tuple[LayerNode, ...]:
        if id(layer) not in self._outputs:
            name = f"{path}{layer.name}"
            inner = layer.layer if isinstance(layer, keras.layers.TimeDistributed) else layer
            if is_container(inner):
                self._outputs[id(layer)] = self.expand(inner, f"{name}/", inputs)
            else:
                self.nodes.append(LayerNode(name, layer, inputs, order_assumed))
                self._outputs[id(layer)] = (self.nodes[-1],)
        return self._outputs[id(layer)]

    def _add_in_sequence(
        self, layers: Sequence[Any], path: str, inputs: tuple[LayerNode, ...], order_assumed: bool
    ) -> tuple[LayerNode, ...]:
        for layer in layers:
            inputs = self._add(layer, path, inputs, order_assumed)
        return inputs

    def _add_functional(
        self, model: Any, config: dict[str, Any], path: str, inputs: tuple[LayerNode, ...]
    ) -> tuple[LayerNode, ...]:
        """Add the layers of a functional model, whose public config names the inputs of each."""
        operations = {operation.name: operation for operation in model.operations}
        outputs: dict[str, tuple[LayerNode, ...]] = {}
        if inputs:
            names = list(_operation_names(config["input_layers"]))
            each = [(node,) for node in inputs] if len(inputs) == len(names) else [inputs] * len(names)
            outputs = dict(zip(names, each, strict=True))
        for entry in config["layers"]:
            name = entry["name"] if "name" in entry else entry["config"]["name"]
            if name not in outputs:
                sources = _input_names(entry["inbound_nodes"][:1])
                nodes = dict.fromkeys(node for source in sources for node in outputs[source])
                outputs[name] = self._add(operations[name], path, tuple(nodes))
        return tuple(node for name in _operation_names(config["output_layers"]) for node in outputs[name])


def is_container(layer: Any) -> bool:
    """Return whether a layer consists of layers: a model, or a custom layer with sublayers."""
    built_in = type(layer).__module__.startswith(("keras.", "kerasbridge."))
    return isinstance(layer, keras.Model) or (
        not built_in and isinstance(layer, keras.Layer) and bool(sublayers(layer))
    )


def _has_own_weights(model: Any) -> bool:
    """Return whether the model has weights that belong to none of its layers."""
    of_layers = {id(weight) for layer in sublayers(model) for weight in layer.weights}
    return any(id(weight) not in of_layers for weight in model.weights)


def _functional_config(model: Any) -> dict[str, Any] | None:
    """Return the config of a functional model; None for a subclassed model."""
    if not isinstance(model, keras.Model) or not hasattr(model, "operations"):
        return None
    try:
        config: dict[str, Any] = model.get_config()
    except (NotImplementedError, TypeError):
        return None
    return config if {"layers", "input_layers", "output_layers"} <= config.keys() else None


def _operation_names(entries: Any) -> Iterator[str]:
    """Yield the names in ["name", 0, 0], and in lists and dicts of these."""
    if isinstance(entries, dict):
        entries = list(entries.values())
    if len(entries) == 3 and isinstance(entries[0], str):
        yield entries[0]
    else:
        for entry in entries:
            yield from _operation_names(entry)


def _input_names(arguments: Any) -> Iterator[str]:
    """Yield the names of the operations whose results serialized arguments refer to, in their order."""
    if isinstance(arguments, dict):
        if "keras_history" in arguments:
            yield arguments["keras_history"][0]
        else:
            yield from (name for value in arguments.values() for name in _input_names(value))
    elif isinstance(arguments, list | tuple):
        yield from (name for value in arguments for name in _input_names(value))
