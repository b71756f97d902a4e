"""The tables in which the handlers of TensorFlow operations are registered, and helpers of several of them."""

from collections.abc import Callable
from typing import Any

from kerasbridge.importers.ir.ops.base import Sides
from kerasbridge.importers.ir.registry import Registry
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext

Handler = Callable[[NodeContext], Any]
"""Returns the value of a node, or a list for several outputs."""

CONTROL_FLOW: Registry[Handler] = Registry()
"""By operation, handlers that are executed for any inputs: those that compute nothing, or choose a branch."""

FOLDS: Registry[Handler] = Registry()
"""By operation, handlers for inputs that are all constants, which they compute with NumPy."""

OPERATIONS: Registry[Handler] = Registry()
"""By operation, handlers that add operations to the graph."""

ROWWISE: set[str] = set()
"""Operations of the graph that do the same with each row of numbers."""

executes = CONTROL_FLOW.converts
folds = FOLDS.converts


def converts(*ops: str, rowwise: bool = False) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler that adds these operations to the graph.

    Args:
        rowwise: whether the operations belong to `ROWWISE`.
    """
    if rowwise:
        ROWWISE.update(ops)
    return OPERATIONS.converts(*ops)


def padding_option(context: NodeContext) -> tuple[bool, Sides]:
    """Return whether the padding is "SAME", and the padding if it is explicit."""
    kind = context.text("padding", "VALID")
    if kind in ("SAME", "VALID"):
        return kind == "SAME", (0, 0, 0, 0)
    sizes = context.integers("explicit_paddings")
    if kind != "EXPLICIT" or len(sizes) != 8 or not 0 <= min(sizes) <= max(sizes) <= 2**16:
        raise Unsupported(f"has a padding {kind} {list(sizes)}")
    by_axis = {axis: sizes[2 * place : 2 * place + 2] for place, axis in enumerate(context.image_order)}
    if any((*by_axis[0], *by_axis[1])):
        raise Unsupported("has padding of the batch or the channels")
    return False, (*by_axis[2], *by_axis[3])  # type: ignore[return-value]
