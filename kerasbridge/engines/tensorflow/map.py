"""`keras.ops.map` on TensorFlow, whose function draws once for each element, as on the other backends."""

import itertools
from collections.abc import Callable
from typing import Any

from kerasbridge.engines.stateless import NestedStatelessScope


def map_elements(original: Any, f: Callable[[Any], Any], xs: Any) -> Any:
    """Return the results of `f`; Keras calls it first for their shapes, and that call must assign to no variable."""
    calls = itertools.count()

    def call(x: Any) -> Any:
        if next(calls):
            return f(x)
        with NestedStatelessScope(()):
            return f(x)

    return original(call, xs)
