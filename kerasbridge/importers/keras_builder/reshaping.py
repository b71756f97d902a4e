"""Keras layers for what moves numbers about and what reduces them."""

from typing import Any

from kerasbridge import layers
from kerasbridge.importers.ir import ops
from kerasbridge.importers.keras_builder.context import LayerContext, keras_permutation
from kerasbridge.keras_compat import keras


def concatenation(operation: ops.Concatenate, site: LayerContext, *tensors: Any) -> Any:
    """`Concatenate`, along the axis as it lies in the model."""
    axis = site.axis(operation.axis)
    if len(tensors) == 1:
        return tensors[0]
    return site.layer(keras.layers.Concatenate, list(tensors), axis=-1 if axis == site.rank - 1 else axis)


def slicing(operation: ops.Split, site: LayerContext, tensor: Any) -> list[Any]:
    """A layer of kerasbridge's for each piece."""
    size = site.inputs[0][operation.axis % site.rank]
    axis = site.axis(operation.axis)
    return [
        site.layer(layers.Slice, tensor, part=str(place), axis=axis, start=start, stop=stop)
        for place, (start, stop) in enumerate(operation.bounds(size or 0))
    ]


def cropping(operation: ops.CropLike, site: LayerContext, tensor: Any, like: Any) -> Any:
    """`Cropping2D` where the sizes of images are known, else a layer of kerasbridge's."""
    first, second = site.inputs
    axis, starts = operation.axis % site.rank, operation.starts(site.rank)
    if site.rank == 4 and axis >= 2 and None not in (*first[axis:], *second[axis:]):
        cuts = _cuts(first[axis:], second[axis:], starts, operation.clamped)
        return site.layer(keras.layers.Cropping2D, tensor, cropping=[(0, 0)] * (axis - 2) + cuts)
    axes = [site.axis(place) for place in range(axis, site.rank)]
    return site.layer(layers.CropLike, [tensor, like], axes=axes, starts=starts, clamped=operation.clamped)


def flattening(operation: ops.Flatten, site: LayerContext, tensor: Any) -> Any:
    """`Permute` for images, then `Flatten`, or `Reshape` for some of the axes."""
    (shape,), (after,) = site.inputs, site.outputs
    if len(after) > 2:
        return site.reshape(tensor, shape, after)
    spread = site.rank == 4 and shape[2:] != (1, 1)
    return site.layer(keras.layers.Flatten, site.to_file_order(tensor, 4) if spread else tensor)


def reshaping(operation: ops.Reshape, site: LayerContext, tensor: Any) -> Any:
    """`Reshape`, with `Permute` before and after it for images."""
    return site.reshape(tensor, site.inputs[0], site.outputs[0])


def transposition(operation: ops.Transpose, site: LayerContext, tensor: Any) -> Any:
    """`Permute`."""
    return site.permuted(tensor, keras_permutation(operation.whole(site.rank)))


def depth_to_space(operation: ops.DepthToSpace, site: LayerContext, images: Any) -> Any:
    """A layer of kerasbridge's."""
    return site.layer(layers.DepthToSpace, images, block=operation.block)


def space_to_depth(operation: ops.SpaceToDepth, site: LayerContext, images: Any) -> Any:
    """A layer of kerasbridge's."""
    return site.layer(layers.SpaceToDepth, images, block=operation.block)


def tiling(operation: ops.Tile, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    return site.layer(layers.Tile, tensor, axis=site.axis(operation.axis), copies=operation.copies)


def reduction(operation: ops.Reduction, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    lines = site.rank == 4 and operation.axis % 4 == 3
    axes = (3,) if lines else site.axes(operation.axis)
    tensor = site.to_file_order(tensor, 4) if lines else tensor
    return site.layer(layers.Reduce, tensor, kind=operation.kind, axes=axes, coefficient=operation.coefficient)


def largest_places(operation: ops.ArgMax, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's; of all of a sample's numbers after `Flatten`."""
    if operation.axis is not None:
        gives = "values" if operation.values else "places"
        return site.layer(
            layers.LargestPlaces, tensor, axis=site.axis(operation.axis), most=operation.most, gives=gives
        )
    (after,), gives = site.outputs, "both" if operation.values else "places"
    flat = site.layer(keras.layers.Flatten, site.to_file_order(tensor, site.rank), part="flatten")
    found = site.layer(layers.LargestPlaces, flat, part="places", axis=1, most=operation.most, gives=gives)
    shape = (None, 2, operation.most) if operation.values else (None, operation.most)
    return site.reshape(found, shape, after)


def _cuts(sizes: Any, wanted: Any, starts: Any, clamped: bool) -> list[tuple[int, int]]:
    more = [size - kept for size, kept in zip(sizes, wanted, strict=True)]
    starts = map(min, starts, more) if clamped else starts
    return [(start, both - start) for both, start in zip(more, starts, strict=True)]
