"""The shape of a network's inputs in the word of the person who asks, who knows what its files may not say."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.network import Network
from kerasbridge.importers.operations import Shape
from kerasbridge.importers.operations.base import same


def said(input_shape: Any) -> tuple[Shape, ...] | None:
    """The shape of each input, with the batch.

    Args:
        input_shape: sizes without the batch, images as (channels, height, width), None for any; or a list of such, one
            for each input; or None for nothing said.

    Raises:
        ArgumentError: it is something else.
    """
    if input_shape is None:
        return None
    several = isinstance(input_shape, Sequence) and any(isinstance(one, list | tuple) for one in input_shape)
    shapes = input_shape if several else [input_shape]
    if not all(isinstance(shape, list | tuple) and shape and all(map(_is_size, shape)) for shape in shapes):
        raise ArgumentError(f"Expected input_shape as (3, 224, 224), channels first, received {input_shape!r}.")
    return tuple((None, *shape) for shape in shapes)


def _is_size(size: Any) -> bool:
    return size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0)


def fed(network: Network, shapes: Sequence[Shape]) -> Network:
    """The network with these shapes of its inputs.

    Raises:
        ArgumentError: they are not as many, or do not go with what its files say of their dimensions and channels.
    """
    if len(shapes) != len(network.inputs):
        names = ", ".join(entry.name for entry in network.inputs)
        raise ArgumentError(f"Expected the shapes of {len(network.inputs)} inputs, {names}, received {len(shapes)}.")
    for entry, shape in zip(network.inputs, shapes, strict=True):
        goes = len(entry.shape) == len(shape) and (len(shape) == 1 or same(entry.shape[1], shape[1]))
        if not goes:
            raise ArgumentError(
                f"Input {entry.name!r} takes the shape {entry.shape[1:]} without the batch, received {shape[1:]}."
            )
    inputs = (replace(entry, shape=shape) for entry, shape in zip(network.inputs, shapes, strict=True))
    return replace(network, inputs=tuple(inputs))
