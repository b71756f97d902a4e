"""Keras layers for operations with weights."""

from functools import partial
from typing import Any

import numpy as np

from kerasbridge import layers
from kerasbridge.importers.ir import ops
from kerasbridge.importers.keras_builder.context import LayerContext
from kerasbridge.keras_compat import keras


def convolution(operation: ops.Convolution, site: LayerContext, images: Any) -> Any:
    """Padding, and a convolution; one of each channel by itself is `DepthwiseConv2D`."""
    filters, depth, *kernel = operation.weight.shape
    strided, dilated = max(operation.stride) > 1, max(operation.dilation) > 1
    same = _keeps_size(operation) or (operation.same and not (strided and dilated))
    padded = images if same else _padded(site, images, _sides(site, operation))
    options: dict[str, Any] = {"kernel_size": kernel, "strides": operation.stride, "dilation_rate": operation.dilation}
    options["use_bias"] = operation.bias is not None
    if strided and dilated:
        make = partial(layers.StridedDilatedConv2D, filters=filters, groups=operation.groups)
        return site.layer(make, padded, weights=[_hwio(operation.weight), operation.bias], **options)
    options["padding"] = "same" if same else "valid"
    if depth == 1 < operation.groups and len({*operation.stride}) == 1:  # TensorFlow has no other strides there
        make = partial(keras.layers.DepthwiseConv2D, depth_multiplier=filters // operation.groups)
        by_channel = operation.weight.reshape(operation.groups, -1, *kernel).transpose(2, 3, 0, 1)
        return site.layer(make, padded, weights=[by_channel, operation.bias], **options)
    make = partial(keras.layers.Conv2D, filters=filters, groups=operation.groups)
    return site.layer(make, padded, weights=[_hwio(operation.weight), operation.bias], **options)


def deconvolution(operation: ops.Deconvolution, site: LayerContext, images: Any) -> Any:
    """A transposed convolution, and a crop."""
    _, filters, *kernel = operation.weight.shape
    options: dict[str, Any] = {
        "kernel_size": kernel,
        "strides": operation.stride,
        "filters": filters * operation.groups,
    }
    options["use_bias"] = operation.bias is not None
    overlap = all(size >= stride for size, stride in zip(kernel, operation.stride, strict=True))
    make: Any = keras.layers.Conv2DTranspose
    if operation.groups > 1 or max(operation.dilation) > 1 or not overlap:
        make = partial(layers.GroupedConv2DTranspose, dilation_rate=operation.dilation, groups=operation.groups)
    cropped = any(operation.cropping)
    part = "whole" if cropped else ""
    whole = site.layer(make, images, part=part, weights=[_hwio(operation.weight), operation.bias], **options)
    if not cropped:
        return whole
    top, bottom, left, right = operation.cropping
    return site.layer(keras.layers.Cropping2D, whole, cropping=((top, bottom), (left, right)))


def dense(operation: ops.Dense, site: LayerContext, tensor: Any) -> Any:
    """A dense layer; of images it takes the numbers in the order H, W, C, and so its kernel is sorted."""
    (shape,), axis, weight = site.inputs, operation.axis % site.rank, operation.weight
    if axis == 1 and site.rank == 4:
        tensor = site.layer(keras.layers.Flatten, tensor, part="flatten")
        weight = weight.reshape(-1, *shape[1:]).transpose(0, 2, 3, 1).reshape(weight.shape)
    elif axis < site.rank - 1:
        flat = (*shape[1:axis], weight.shape[1])
        tensor = site.to_file_order(tensor, site.rank)
        tensor = site.layer(keras.layers.Reshape, tensor, part="flatten", target_shape=flat)
    elif site.rank == 4:
        tensor = site.to_file_order(tensor, 4)
    make = partial(keras.layers.Dense, units=weight.shape[0], use_bias=operation.bias is not None)
    output = site.layer(make, tensor, weights=[weight.T, operation.bias])
    return site.from_file_order(output, len(site.outputs[0]))


def batch_normalization(operation: ops.BatchNormalization, site: LayerContext, tensor: Any) -> Any:
    """A batch normalisation by the stored statistics."""
    return site.layer(
        keras.layers.BatchNormalization,
        tensor,
        axis=site.axis(1),
        epsilon=operation.epsilon,
        momentum=operation.momentum,
        center=operation.beta is not None,
        scale=operation.gamma is not None,
        weights=[operation.gamma, operation.beta, operation.mean, operation.variance],
    )


def instance_normalization(operation: ops.InstanceNormalization, site: LayerContext, images: Any) -> Any:
    """`GroupNormalization`, each channel a group."""
    return site.layer(
        keras.layers.GroupNormalization,
        images,
        groups=-1,
        epsilon=operation.epsilon,
        weights=[operation.gamma, operation.beta],
    )


def affine(operation: ops.Affine, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    weights = [operation.scale, operation.bias]
    spanned = next(weight.ndim for weight in weights if weight is not None)
    axes = [site.axis(operation.axis % site.rank + place) for place in range(spanned)]
    return site.layer(
        layers.Affine,
        tensor,
        axes=sorted(axes),
        scale=operation.scale is not None,
        bias=operation.bias is not None,
        weights=[None if weight is None else weight.transpose(np.argsort(axes)) for weight in weights],
    )


def prelu(operation: ops.PRelu, site: LayerContext, tensor: Any) -> Any:
    """Keras's, whose slopes are shared along all axes, or all but the channels'."""
    channels = site.axis(1)
    shared = [axis for axis in range(1, site.rank) if axis != channels or not operation.slope.ndim]
    sizes = [1] * (site.rank - 1)
    sizes[channels - 1] = operation.slope.size
    slopes = operation.slope.reshape(sizes)
    return site.layer(keras.layers.PReLU, tensor, shared_axes=shared or None, weights=[slopes])


def embedding(operation: ops.Embedding, site: LayerContext, words: Any) -> Any:
    """Keras's, and a bias where there is one."""
    vectors = operation.weight
    make = partial(keras.layers.Embedding, *vectors.shape)
    found = site.layer(make, words, part="" if operation.bias is None else "vectors", weights=[vectors])
    if operation.bias is not None:
        axes = [len(site.inputs[0])]
        found = site.layer(layers.Affine, found, axes=axes, scale=False, weights=[operation.bias])
    return site.from_file_order(found, len(site.outputs[0]))


def _hwio(weight: Any) -> Any:
    return weight.transpose(2, 3, 1, 0)


def _keeps_size(operation: ops.Convolution) -> bool:
    """Return whether the padding is what Keras calls "same", whatever the size of the image."""
    top, bottom, left, right = operation.padding
    kernel = operation.weight.shape[2:]
    needed = [rate * (size - 1) for rate, size in zip(operation.dilation, kernel, strict=True)]
    return operation.stride == (1, 1) and any(needed) and [2 * top, 2 * left] == needed == [2 * bottom, 2 * right]


def _sides(site: LayerContext, operation: ops.Convolution) -> ops.Sides:
    """The zeros around the image, in numbers."""
    if not operation.same:
        return operation.padding
    sides: list[int] = []
    options = (site.inputs[0][2:], operation.weight.shape[2:], operation.stride, operation.dilation)
    for size, kernel, stride, rate in zip(*options, strict=True):
        assert size is not None
        total = max((-(-size // stride) - 1) * stride + rate * (kernel - 1) + 1 - size, 0)
        sides += [total // 2, total - total // 2]
    return (sides[0], sides[1], sides[2], sides[3])


def _padded(site: LayerContext, images: Any, padding: ops.Sides) -> Any:
    if not any(padding):
        return images
    top, bottom, left, right = padding
    return site.layer(keras.layers.ZeroPadding2D, images, part="pad", padding=((top, bottom), (left, right)))
