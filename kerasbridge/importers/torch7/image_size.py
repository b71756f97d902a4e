"""Determine the size of the images that a Torch7 network takes, if one of its modules requires a known size."""

from dataclasses import replace

from kerasbridge.importers.ir.graph import Graph, compatible_sizes, fits, with_dynamic_images
from kerasbridge.importers.ir.ops.base import Shape, UnknownDimension


def with_image_size(graph: Graph, last: Shape | None) -> tuple[Graph, str]:
    """Return the graph with the size of its images, if it is needed and unique, and a note on its origin.

    Args:
        last: the last input that the file stores.
    """
    try:
        with_dynamic_images(graph)
        return graph, ""
    except UnknownDimension:
        pass
    if len(graph.inputs) != 1 or len(graph.inputs[0].shape) != 4:
        return graph, ""
    if last is not None and len(last) == 4:
        sized = _with_input_shape(graph, last)
        if fits(sized):
            return sized, f"images of {last[2]} x {last[3]} pixels, as the network was fed with last"
    sizes = compatible_sizes(graph)
    if len(sizes) != 1:
        return graph, ""
    (size,) = sizes
    sized = _with_input_shape(graph, (*graph.inputs[0].shape[:2], size, size))
    return sized, f"images of {size} pixels a side, the only square ones that fit"


def _with_input_shape(graph: Graph, shape: Shape) -> Graph:
    return replace(graph, inputs=(replace(graph.inputs[0], shape=shape),))
