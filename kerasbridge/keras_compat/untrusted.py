"""Limits while Keras creates a model of a file that is not trusted."""

import contextlib
import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

from kerasbridge.files.budget import spend
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.monkeypatch import patched

_CALLS_PER_LAYER = 8
_MAX_RECURSION = 1_000_000
_BYTES_PER_NUMBER = 4


@contextlib.contextmanager
def deep_recursion(num_layers: int) -> Iterator[None]:
    """Allow recursion that is deep enough for a model of this many layers in a row.

    Keras follows a functional model by recursion when it creates it. Since Python 3.11 that does not use the stack of
    the process.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit + _CALLS_PER_LAYER * num_layers, _MAX_RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@contextlib.contextmanager
def limited_weights() -> Iterator[None]:
    """Draw the weights of layers from the budget of the file before they are allocated."""
    with patched(keras.layers.Layer, "add_weight", _add_weight):
        yield


def _add_weight(original: Callable[..., Any], layer: Any, shape: Any = None, *arguments: Any, **options: Any) -> Any:
    sizes = shape if isinstance(shape, list | tuple) else ()
    spend(memory=_BYTES_PER_NUMBER * math.prod(size for size in sizes if isinstance(size, int)))
    return original(layer, shape, *arguments, **options)
