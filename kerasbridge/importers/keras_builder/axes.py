"""Keras layers for what happens to one axis."""

from typing import Any

from kerasbridge import layers
from kerasbridge.importers.ir import ops
from kerasbridge.importers.keras_builder.context import LayerContext


def narrowing(operation: ops.Slice, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    axis = site.axis(operation.axis)
    return site.layer(layers.Slice, tensor, axis=axis, start=operation.start, stop=operation.stop)


def squeezing(operation: ops.Squeeze, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    tensor = site.to_file_order(tensor, site.rank)
    squeezed = site.layer(layers.Squeeze, tensor, axis=operation.axis % site.rank)
    return site.from_file_order(squeezed, len(site.outputs[0]))


def unsqueezing(operation: ops.Unsqueeze, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    tensor = site.to_file_order(tensor, site.rank)
    return site.from_file_order(site.layer(layers.Unsqueeze, tensor, axis=operation.axis), len(site.outputs[0]))


def axis_reduction(operation: ops.AxisReduction, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    tensor = site.to_file_order(tensor, site.rank)
    reduced = site.layer(layers.Reduce, tensor, kind=operation.kind, axes=(operation.axis % site.rank,))
    return site.from_file_order(reduced, len(site.outputs[0]))
