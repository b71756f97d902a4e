"""Parse and apply the user's `input_shape`, for networks whose files do not record it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.ir.graph import Graph
from kerasbridge.importers.ir.ops import Shape
from kerasbridge.importers.ir.ops.base import same

COMMON_SIZES = frozenset({28, 32, 48, 64, 96, 112, 128, 160, 224, 227, 256, 299, 320, 384, 512})
"""Heights and widths of images that networks are commonly trained on, in pixels."""


def parse_input_shape(input_shape: Any) -> tuple[Shape, ...] | None:
    """Return the shape of each input, with the batch; None for no `input_shape`.

    Args:
        input_shape: a shape without the batch, for images (channels, height, width), with None for a dynamic size; or
            a list of such shapes, one for each input; or None.

    Raises:
        ArgumentError: it has another form.
    """
    if input_shape is None:
        return None
    several = isinstance(input_shape, Sequence) and any(isinstance(item, list | tuple) for item in input_shape)
    shapes = input_shape if several else [input_shape]
    if not all(isinstance(shape, list | tuple) and shape and all(map(_is_size, shape)) for shape in shapes):
        raise ArgumentError(f"Expected input_shape as (3, 224, 224), channels first, received {input_shape!r}.")
    return tuple((None, *shape) for shape in shapes)


def _is_size(size: Any) -> bool:
    return size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0)


def input_shape_hint(shapes: Sequence[Shape] = ((None, 3, None, None),), sizes: Sequence[int] = (224,)) -> str:
    """Return the sentence of an error that shows the user how to pass the missing input shapes.

    Args:
        shapes: the shapes of the inputs as far as they are known, with the batch.
        sizes: the image sizes that the network accepts; the example uses a common one if possible.
    """
    size = next((size for size in sizes if size in COMMON_SIZES), sizes[0])
    examples = [(shape[1] or 3, size, size) if len(shape) == 4 else shape[1:] for shape in shapes]
    if len(examples) > 1 or None in examples[0]:
        return f"Pass input_shape={examples[0] if len(examples) == 1 else examples}."
    return f"Pass input_shape={examples[0]}, or --input-shape {','.join(map(str, examples[0]))}."


def with_input_shapes(graph: Graph, shapes: Sequence[Shape]) -> Graph:
    """Return the graph with these input shapes.

    Raises:
        ArgumentError: their number is not that of the inputs, or their ranks or channels contradict the files.
    """
    if len(shapes) != len(graph.inputs):
        names = ", ".join(entry.name for entry in graph.inputs)
        raise ArgumentError(f"Expected the shapes of {len(graph.inputs)} inputs, {names}, received {len(shapes)}.")
    for entry, shape in zip(graph.inputs, shapes, strict=True):
        fits = len(entry.shape) == len(shape) and (len(shape) == 1 or same(entry.shape[1], shape[1]))
        if not fits:
            raise ArgumentError(
                f"Input {entry.name!r} takes the shape {entry.shape[1:]} without the batch, received {shape[1:]}."
            )
    inputs = (replace(entry, shape=shape) for entry, shape in zip(graph.inputs, shapes, strict=True))
    return replace(graph, inputs=tuple(inputs))
