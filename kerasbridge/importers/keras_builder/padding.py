"""Keras layers for what lays more numbers around images, or along an axis."""

from typing import Any

from kerasbridge import layers
from kerasbridge.importers.ir import ops
from kerasbridge.importers.keras_builder.context import LayerContext
from kerasbridge.keras_compat import keras


def padding(operation: ops.Padding, site: LayerContext, images: Any) -> Any:
    """`ZeroPadding2D` and `Cropping2D`; for what is no zeros, a layer of kerasbridge's."""
    cut = _pairs([max(-side, 0) for side in operation.sides])
    added = _pairs([max(side, 0) for side in operation.sides])
    if any(map(any, cut)):
        part = "crop" if any(map(any, added)) else ""
        images = site.layer(keras.layers.Cropping2D, images, part=part, cropping=cut)
    if not any(map(any, added)):
        return images
    if operation.kind == "zeros":
        return site.layer(keras.layers.ZeroPadding2D, images, padding=added)
    return site.layer(layers.EdgePadding2D, images, padding=added, reflected=operation.kind == "reflection")


def margin(operation: ops.ConstantPad, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    axis = site.axis(operation.axis)
    return site.layer(layers.Margin, tensor, axis=axis, widths=operation.widths, value=operation.value)


def upsampling(operation: ops.Upsample, site: LayerContext, images: Any) -> Any:
    """`UpSampling2D`."""
    return site.layer(keras.layers.UpSampling2D, images, size=operation.factors)


def resizing(operation: ops.Resize, site: LayerContext, images: Any) -> Any:
    """`UpSampling2D` where it is that, else a layer of kerasbridge's."""
    if operation.factors is not None and operation.kind == "bilinear" and operation.centred:
        return site.layer(keras.layers.UpSampling2D, images, size=operation.factors, interpolation="bilinear")
    options = {name: getattr(operation, name) for name in layers.Resize.options}
    return site.layer(layers.Resize, images, **options)


def centered_concatenation(operation: ops.DepthConcat, site: LayerContext, *tensors: Any) -> Any:
    """`ZeroPadding2D` for the smaller images, and `Concatenate`."""
    padded = []
    for place, (shape, images) in enumerate(zip(site.inputs, tensors, strict=True)):
        sides = _pairs(operation.sides(shape, site.outputs[0]))
        needed = any(map(any, sides))
        part = f"pad_{place}"
        padded.append(site.layer(keras.layers.ZeroPadding2D, images, part=part, padding=sides) if needed else images)
    return site.layer(keras.layers.Concatenate, padded) if len(padded) > 1 else padded[0]


def _pairs(sides: Any) -> list[tuple[int, int]]:
    top, bottom, left, right = sides
    return [(top, bottom), (left, right)]
