"""Check the indices that a model passes to its embeddings as it receives them.

For an index that an embedding does not have, JAX returns NaN, and torch and TensorFlow raise an error of theirs.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from kerasbridge import checks
from kerasbridge.data.label_checks import Check
from kerasbridge.engines.compile_cache import cached_on_model, model_fingerprint
from kerasbridge.engines.step import Batch
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.by_name import by_name
from kerasbridge.keras_compat.models import flatten_layers, input_tensors, model_input, output_spec
from kerasbridge.keras_compat.tensors import map_tensors, path_name

_CACHE_ATTRIBUTE = "_kerasbridge_embeddings"
_ROWS = 32
Places = list[tuple[int, Any]]
"""Embeddings, each with the position of its input among those of the model."""


def make_index_check(model: keras.Model) -> Check | None:
    """Return a function that refuses indices that an embedding does not have; None without an embedding.

    An embedding that takes an input of a functional model is always checked. One inside of another layer is found by a
    call of the model without computing, for arrays in memory of which a number is too large for such an embedding.

    Args:
        model: a built model.
    """
    embeddings = [layer for layer in flatten_layers(model) if isinstance(layer, keras.layers.Embedding)]
    if not embeddings:
        return None
    takes, thread = _inputs_of_layers(model), threading.get_ident()
    fed = [(place, layer) for layer in embeddings for place in takes.get(id(layer), ())]
    taken = {place for place, _ in fed}
    inner = [layer for layer in embeddings if not takes.get(id(layer))]

    def check(batch: Batch) -> Batch:
        leaves = keras.tree.flatten_with_path(_in_order(model, batch.x))
        others = [leaf for place, (_, leaf) in enumerate(leaves) if place not in taken]
        # Not in the thread that reads batches ahead: the model may be in use.
        is_traced = threading.get_ident() == thread and _may_be_too_large(others, inner)
        for place, layer in [*fed, *(_inner_places(model, inner, takes, batch) if is_traced else ())]:
            path, leaf = leaves[place] if place < len(leaves) else ((), None)
            if isinstance(leaf, np.ndarray):
                checks.check_indices(leaf, layer.input_dim, layer.name, "x" + path_name(path))
        return batch

    return check


def _may_be_too_large(leaves: Sequence[Any], embeddings: Sequence[Any]) -> bool:
    """Return whether an array has an index that is too large, if it is one of the largest embedding.

    Of several arrays, that is not known; then it is compared with the smallest.
    """
    whole = [leaf for leaf in leaves if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iu" and leaf.size]
    sizes = [layer.input_dim for layer in embeddings]
    if not whole or not sizes:
        return False
    size = max(sizes) if len(whole) == 1 else min(sizes)
    return any(int(leaf.max()) >= size for leaf in whole)


def _in_order(model: keras.Model, x: Any) -> Any:
    """Return x in the order of the inputs of the model."""
    if not getattr(model, "inputs", None):
        return x
    return by_name(x, model_input(model), [tensor.name for tensor in model.inputs], ignore_others=True)


def _inputs_of_layers(model: keras.Model) -> dict[int, list[int]]:
    """Return the places of the inputs that each layer of a functional model takes, by the id of the layer."""
    if not getattr(model, "inputs", None):
        return {}
    places = {id(tensor): place for place, tensor in enumerate(keras.tree.flatten(model_input(model)))}
    return {
        id(layer): [places[id(tensor)] for tensor in input_tensors(layer) if id(tensor) in places]
        for layer in model.layers
    }


def _inner_places(model: keras.Model, embeddings: Sequence[Any], takes: dict[int, list[int]], batch: Batch) -> Places:
    key = (model_fingerprint(model), tuple(map(id, embeddings)))
    create = partial(_find_by_calling, model, embeddings, takes, batch)
    return cached_on_model(model, _CACHE_ATTRIBUTE, key, create)


def _find_by_calling(
    model: keras.Model, embeddings: Sequence[Any], takes: dict[int, list[int]], batch: Batch
) -> Places:
    """Return the embeddings inside of other layers that receive an input of the model, which is called for that."""
    known: dict[int, tuple[int, Any]] = {}  # by the id of a tensor: its place, and the tensor, which keeps the id
    found: Places = []

    def look(layer: Any, arguments: Sequence[Any]) -> None:
        tensors = keras.tree.flatten(arguments)
        if layer is model:
            known.update((id(tensor), (place, tensor)) for place, tensor in enumerate(tensors))
        elif len(takes.get(id(layer), ())) == 1 and len(tensors) == 1:  # Keras may have converted the input
            known[id(tensors[0])] = takes[id(layer)][0], tensors[0]
        elif tensors and id(tensors[0]) in known and any(layer is each for each in embeddings):
            found.append((known[id(tensors[0])][0], layer))

    # What cannot be called without computing is not checked.
    with contextlib.suppress(Exception), _watched([model, *flatten_layers(model)], look):
        output_spec(model, map_tensors(lambda leaf: leaf[:_ROWS], _in_order(model, batch.x)))
    return found


@contextlib.contextmanager
def _watched(layers: Sequence[Any], look: Callable[[Any, Sequence[Any]], None]) -> Iterator[None]:
    """Call ``look(layer, arguments)`` before each call of a layer, whose `call` may be an attribute of its own."""
    with contextlib.ExitStack() as stack:
        for layer in {id(layer): layer for layer in layers}.values():
            own, method = vars(layer).get("call"), layer.call
            object.__setattr__(layer, "call", _looking(layer, method, look))
            restore = (
                partial(object.__setattr__, layer, "call", own) if own else partial(object.__delattr__, layer, "call")
            )
            stack.callback(restore)
        yield


def _looking(layer: Any, call: Callable[..., Any], look: Callable[[Any, Sequence[Any]], None]) -> Callable[..., Any]:
    def looking(*arguments: Any, **keywords: Any) -> Any:
        look(layer, arguments)
        return call(*arguments, **keywords)

    return looking
