"""The layers of a Keras model in one flat graph: which takes what which gives, through all models that it holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import sublayers


class NotAssignable(Exception):
    """Why a layer takes no weights of a file, to follow the layer's name."""


@dataclass(frozen=True, eq=False)
class LayerNode:
    """A layer, or an operation of `keras.ops`, where it is used first.

    Args:
        name: the names of the models it is in and its own, joined by "/".
        layer: the layer or operation.
        before: what gives what it takes; in a model that is a class, whose program no one can read, what was made
            before it.
        guessed: whether it is in such a model.
    """

    name: str
    layer: Any
    inputs: tuple["LayerNode", ...]
    order_assumed: bool = False


def collect_nodes(model: Any) -> list[LayerNode]:
    """All layers and operations of a model, each after those that it takes from."""
    graph = _Graph()
    graph.expand(model, "", ())
    return graph.found


class _Graph:
    """What grows while models are walked."""

    def __init__(self) -> None:
        self.found: list[LayerNode] = []
        self.known: dict[int, tuple[LayerNode, ...]] = {}

    def expand(self, model: Any, path: str, given: tuple[LayerNode, ...]) -> tuple[LayerNode, ...]:
        """Add what a model holds; its last places, which give its outputs.

        Weights of a model's own, beside those of its layers, make it a place too, which takes none from a file.
        """
        if _own_weights(model):
            self.found.append(LayerNode(path.removesuffix("/") or model.name, model, given, True))
        if isinstance(model, keras.Sequential):
            return self._in_a_row(model.layers, path, given, guessed=False)
        config = _graph_of(model)
        if config is not None:
            return self._by_config(model, config, path, given)
        return self._in_a_row(sublayers(model), path, given, guessed=True)

    def _add(self, layer: Any, path: str, before: tuple[LayerNode, ...], guessed: bool) -> tuple[LayerNode, ...]:
        if id(layer) not in self.known:
            name = f"{path}{layer.name}"
            inner = layer.layer if isinstance(layer, keras.layers.TimeDistributed) else layer
            if is_container(inner):
                self.known[id(layer)] = self.expand(inner, f"{name}/", before)
            else:
                self.found.append(LayerNode(name, layer, before, guessed))
                self.known[id(layer)] = (self.found[-1],)
        return self.known[id(layer)]

    def _in_a_row(
        self, layers: Sequence[Any], path: str, given: tuple[LayerNode, ...], guessed: bool
    ) -> tuple[LayerNode, ...]:
        for layer in layers:
            given = self._add(layer, path, given, guessed)
        return given

    def _by_config(
        self, model: Any, config: dict[str, Any], path: str, given: tuple[LayerNode, ...]
    ) -> tuple[LayerNode, ...]:
        """By the public description of a functional model, which names what each layer takes."""
        operations = {one.name: one for one in model.operations}
        after: dict[str, tuple[LayerNode, ...]] = {}
        if given:
            inputs = list(_named(config["input_layers"]))
            each = [(one,) for one in given] if len(given) == len(inputs) else [given] * len(inputs)
            after = dict(zip(inputs, each, strict=True))
        for entry in config["layers"]:
            name = entry["name"] if "name" in entry else entry["config"]["name"]
            if name not in after:
                taken = dict.fromkeys(place for one in _taken(entry["inbound_nodes"][:1]) for place in after[one])
                after[name] = self._add(operations[name], path, tuple(taken), guessed=False)
        return tuple(place for name in _named(config["output_layers"]) for place in after[name])


def is_container(layer: Any) -> bool:
    """Return whether a layer is made of layers, and none of Keras's own that has weights of its own kind."""
    own = type(layer).__module__.startswith(("keras.", "kerasbridge."))
    return isinstance(layer, keras.Model) or (not own and isinstance(layer, keras.Layer) and bool(sublayers(layer)))


def _own_weights(model: Any) -> bool:
    """Return whether it has weights that are of none of its layers."""
    held = {id(weight) for layer in sublayers(model) for weight in layer.weights}
    return any(id(weight) not in held for weight in model.weights)


def _graph_of(model: Any) -> dict[str, Any] | None:
    """The description of a functional model; None of one that is a class."""
    if not isinstance(model, keras.Model) or not hasattr(model, "operations"):
        return None
    try:
        config: dict[str, Any] = model.get_config()
    except (NotImplementedError, TypeError):
        return None
    return config if {"layers", "input_layers", "output_layers"} <= config.keys() else None


def _named(entries: Any) -> Iterator[str]:
    """The names in ["name", 0, 0], and in lists and dicts of such."""
    if isinstance(entries, dict):
        entries = list(entries.values())
    if len(entries) == 3 and isinstance(entries[0], str):
        yield entries[0]
    else:
        for entry in entries:
            yield from _named(entry)


def _taken(nest: Any) -> Iterator[str]:
    """The names of the operations whose results a description of arguments names, in their order."""
    if isinstance(nest, dict):
        if "keras_history" in nest:
            yield nest["keras_history"][0]
        else:
            yield from (name for one in nest.values() for name in _taken(one))
    elif isinstance(nest, list | tuple):
        yield from (name for one in nest for name in _taken(one))
