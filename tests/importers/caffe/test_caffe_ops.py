"""Each Caffe layer, compared with its formula, with odd sizes, strides and pads, after loading a .keras file."""

from dataclasses import dataclass, field

import numpy as np
import pytest

import kerasbridge as kb
from tests.importers import formulas
from tests.importers.nets import assert_close, data, files, layer, normals, outputs, saved_and_loaded

RANDOM = np.random.default_rng(7)

normal = normals(RANDOM)


@dataclass
class Case:
    """A net, its weights, its input, and the output of the Caffe formula: one array or several."""

    text: str
    given: tuple
    expected: object
    arrays: dict = field(default_factory=dict)


def case(kind, options, x, expected, *blobs):
    """Return a case of one layer between two blobs."""
    return Case(data(*x.shape) + layer(kind, options), (x,), expected, {"l": blobs} if blobs else {})


IMAGES = normal(2, 4, 9, 7)
ROWS = normal(3, 5)


def convolution(kind, options, shape, **arguments):
    """Return a case with weights of this shape, and a bias."""
    formula = formulas.convolution if kind == "Convolution" else formulas.deconvolution
    group = arguments.get("group", 1)
    filters = shape[0] if kind == "Convolution" else shape[1] * group
    weight, bias = normal(*shape), normal(filters)
    options = f"convolution_param {{ num_output: {filters} {options} }}"
    return case(kind, options, IMAGES, formula(IMAGES, weight, bias, **arguments), weight, bias)


def pooling(options, x=IMAGES, **arguments):
    return case("Pooling", f"pooling_param {{ {options} }}", x, formulas.pooling(x, **arguments))


def pooled_after_relu(options, fixed=False, **arguments):
    """Return a case without negative numbers, followed by a layer that fixes the image size."""
    text = (
        data(*IMAGES.shape) + layer("ReLU", name="r") + layer("Pooling", f"pooling_param {{ {options} }}", bottom="r")
    )
    y = formulas.pooling(np.maximum(IMAGES, 0), **arguments)
    return (
        Case(text + layer("Flatten", name="f", bottom="l"), (IMAGES,), y.reshape(2, -1))
        if fixed
        else Case(text, (IMAGES,), y)
    )


def at_fixed_size(options, height, width, **arguments):
    x = normal(1, 3, height, width)
    text = data(*x.shape) + layer("Pooling", f"pooling_param {{ {options} }}") + layer("Flatten", name="f", bottom="l")
    return Case(text, (x,), formulas.pooling(x, **arguments).reshape(1, -1))


CONVOLUTIONS = {
    "conv": convolution("Convolution", "kernel_size: 3", (6, 4, 3, 3)),
    "conv that keeps the size": convolution("Convolution", "kernel_size: 3 pad: 1", (6, 4, 3, 3), pad=(1, 1)),
    "conv in groups": convolution(
        "Convolution", "kernel_size: 3 group: 2 stride: 2 pad: 1", (6, 2, 3, 3), stride=(2, 2), pad=(1, 1), group=2
    ),
    "conv of each channel": convolution(
        "Convolution", "kernel_size: 3 group: 4 stride: 2 pad: 1", (8, 1, 3, 3), stride=(2, 2), pad=(1, 1), group=4
    ),
    "conv of each channel, oblong stride": convolution(
        "Convolution", "kernel_size: 3 group: 4 stride: 2 stride: 1", (4, 1, 3, 3), stride=(2, 1), group=4
    ),
    "rectangular conv": convolution(
        "Convolution", "kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 2", (5, 4, 3, 2),
        stride=(2, 1), pad=(0, 2),
    ),
    "dilated conv": convolution(
        "Convolution", "kernel_size: 3 dilation: 2 pad: 2", (5, 4, 3, 3), pad=(2, 2), dilation=(2, 2)
    ),
    "dilated conv with stride": convolution(
        "Convolution", "kernel_size: 3 dilation: 2 dilation: 1 pad: 2 stride: 2 stride: 3 group: 2", (6, 2, 3, 3),
        stride=(2, 3), pad=(2, 2), dilation=(2, 1), group=2,
    ),
    "deconv": convolution("Deconvolution", "kernel_size: 4 stride: 2 pad: 1", (4, 5, 4, 4), stride=(2, 2), pad=(1, 1)),
    "deconv in groups": convolution(
        "Deconvolution", "kernel_size: 3 stride: 2 pad: 1 group: 2", (4, 3, 3, 3), stride=(2, 2), pad=(1, 1), group=2
    ),
    "deconv of each channel": convolution(
        "Deconvolution", "kernel_size: 4 stride: 2 pad: 1 group: 4", (4, 1, 4, 4), stride=(2, 2), pad=(1, 1), group=4
    ),
    "deconv with gaps": convolution("Deconvolution", "kernel_size: 2 stride: 3", (4, 2, 2, 2), stride=(3, 3)),
    "dilated deconv": convolution(
        "Deconvolution", "kernel_h: 3 kernel_w: 2 stride: 2 dilation: 2 dilation: 3", (4, 2, 3, 2),
        stride=(2, 2), dilation=(2, 3),
    ),
}  # fmt: skip

POOLINGS = {
    "max, rounded up": pooling("pool: MAX kernel_size: 2 stride: 2", kind="MAX", kernel=(2, 2), stride=(2, 2)),
    "max, padded": pooling(
        "pool: MAX kernel_size: 3 stride: 2 pad: 1", kind="MAX", kernel=(3, 3), stride=(2, 2), pad=(1, 1)
    ),
    "max, padded, the last window left out": pooling(
        "pool: MAX kernel_size: 2 stride: 2 pad: 1", kind="MAX", kernel=(2, 2), stride=(2, 2), pad=(1, 1)
    ),
    "max, padded, every cell": pooling(
        "pool: MAX kernel_size: 3 stride: 1 pad: 1", kind="MAX", kernel=(3, 3), pad=(1, 1)
    ),
    "max, oblong": pooling(
        "pool: MAX kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 3 pad_h: 0 pad_w: 1", kind="MAX", kernel=(3, 2),
        stride=(1, 3), pad=(0, 1),
    ),
    "max, rounded down": pooling(
        "pool: MAX kernel_size: 2 stride: 2 round_mode: FLOOR", kind="MAX", kernel=(2, 2), stride=(2, 2), ceil=False
    ),
    "max, rounded down, padded": pooling(
        "pool: MAX kernel_size: 3 stride: 3 pad: 1 round_mode: FLOOR", kind="MAX", kernel=(3, 3), stride=(3, 3),
        pad=(1, 1), ceil=False,
    ),
    "max of single cells": pooling("pool: MAX kernel_size: 1 stride: 2", kind="MAX", kernel=(1, 1), stride=(2, 2)),
    "average, rounded up": pooling("pool: AVE kernel_size: 2 stride: 2", kind="AVE", kernel=(2, 2), stride=(2, 2)),
    "average, padded": pooling(
        "pool: AVE kernel_size: 3 stride: 2 pad: 1", normal(1, 2, 10, 8), kind="AVE", kernel=(3, 3), stride=(2, 2),
        pad=(1, 1),
    ),
    "average, padded, every cell": pooling(
        "pool: AVE kernel_size: 3 stride: 1 pad: 1", kind="AVE", kernel=(3, 3), pad=(1, 1)
    ),
    "average, oblong": pooling(
        "pool: AVE kernel_h: 4 kernel_w: 3 stride_h: 3 stride_w: 2 pad_h: 2 pad_w: 0", kind="AVE", kernel=(4, 3),
        stride=(3, 2), pad=(2, 0),
    ),
    "average, rounded down, padded": pooling(
        "pool: AVE kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR", normal(1, 2, 10, 8), kind="AVE", kernel=(3, 3),
        stride=(2, 2), pad=(1, 1), ceil=False,
    ),
    "max of what is positive": pooled_after_relu(
        "pool: MAX kernel_size: 3 stride: 2 pad: 1", kind="MAX", kernel=(3, 3), stride=(2, 2), pad=(1, 1)
    ),
    "max of what is positive, one size": pooled_after_relu(
        "pool: MAX kernel_size: 3 stride: 3", True, kind="MAX", kernel=(3, 3), stride=(3, 3)
    ),
    "max, one size, as Keras's same": at_fixed_size(
        "pool: MAX kernel_size: 3 stride: 2", 8, 10, kind="MAX", kernel=(3, 3), stride=(2, 2)
    ),
    "average, one size, as Keras's same": at_fixed_size(
        "pool: AVE kernel_size: 3 stride: 2", 8, 10, kind="AVE", kernel=(3, 3), stride=(2, 2)
    ),
    "average, one size, as Keras's valid": at_fixed_size(
        "pool: AVE kernel_size: 3 stride: 2", 9, 11, kind="AVE", kernel=(3, 3), stride=(2, 2)
    ),
    "average, one size, half of either": at_fixed_size(
        "pool: AVE kernel_size: 3 stride: 2", 8, 11, kind="AVE", kernel=(3, 3), stride=(2, 2)
    ),
    "average, one size, padded": at_fixed_size(
        "pool: AVE kernel_size: 3 stride: 2 pad: 1", 9, 7, kind="AVE", kernel=(3, 3), stride=(2, 2), pad=(1, 1)
    ),
    "global average": case(
        "Pooling", "pooling_param { pool: AVE global_pooling: true }", IMAGES, IMAGES.mean((2, 3), keepdims=True)
    ),
    "global max": case(
        "Pooling", "pooling_param { pool: MAX global_pooling: true }", IMAGES, IMAGES.max((2, 3), keepdims=True)
    ),
}  # fmt: skip


def dense(options, x, expected, *blobs):
    return case("InnerProduct", f"inner_product_param {{ {options} }}", x, expected, *blobs)


W, B = normal(6, 4 * 9 * 7), normal(6)
DENSE = {
    "dense of images": dense("num_output: 6", IMAGES, IMAGES.reshape(2, -1) @ W.T + B, W, B),
    "dense, transposed": dense(
        "num_output: 6 transpose: true bias_term: false", IMAGES, IMAGES.reshape(2, -1) @ W.T, W.T
    ),
    "dense of rows": dense("num_output: 6", ROWS, ROWS @ W[:, :5].T + B, W[:, :5], B),
    "dense of each channel": dense(
        "num_output: 6 axis: 2", IMAGES, IMAGES.reshape(2, 4, -1) @ W[:, :63].T + B, W[:, :63], B
    ),
    "dense of each line": dense("num_output: 6 axis: -1", IMAGES, IMAGES @ W[:, :7].T + B, W[:, :7], B),
    "dense after flatten": Case(
        data(*IMAGES.shape)
        + layer("Flatten", name="f")
        + layer("InnerProduct", "inner_product_param { num_output: 6 }", bottom="f"),
        (IMAGES,),
        IMAGES.reshape(2, -1) @ W.T + B,
        {"l": (W, B)},
    ),
}

POSITIVE = np.abs(IMAGES) + 0.1
SLOPES, SCALES, SHIFTS = normal(4), normal(4), normal(4)
ELEMENTWISE = {
    "ReLU": case("ReLU", "", IMAGES, np.maximum(IMAGES, 0)),
    "leaky ReLU": case(
        "ReLU", "relu_param { negative_slope: 0.1 }", IMAGES, np.where(IMAGES > 0, IMAGES, 0.1 * IMAGES)
    ),
    "PReLU": case(
        "PReLU", "", IMAGES, np.where(IMAGES > 0, IMAGES, SLOPES[:, None, None] * IMAGES), SLOPES
    ),
    "PReLU of rows": case("PReLU", "", ROWS, np.where(ROWS > 0, ROWS, B[:5] * ROWS), B[:5]),
    "PReLU, one slope": case(
        "PReLU", "prelu_param { channel_shared: true }", IMAGES, np.where(IMAGES > 0, IMAGES, SLOPES[0] * IMAGES),
        SLOPES[:1].reshape(()),
    ),
    "ELU": case("ELU", "elu_param { alpha: 0.5 }", IMAGES, np.where(IMAGES > 0, IMAGES, 0.5 * (np.exp(IMAGES) - 1))),
    "Sigmoid": case("Sigmoid", "", IMAGES, 1 / (1 + np.exp(-IMAGES))),
    "TanH": case("TanH", "", IMAGES, np.tanh(IMAGES)),
    "AbsVal": case("AbsVal", "", IMAGES, np.abs(IMAGES)),
    "BNLL": case("BNLL", "", 30 * IMAGES, np.logaddexp(0, 30 * IMAGES)),
    "Exp": case("Exp", "", IMAGES, np.exp(IMAGES)),
    "Exp to a base": case("Exp", "exp_param { base: 2 scale: 0.5 shift: 1.5 }", IMAGES, 2 ** (1.5 + 0.5 * IMAGES)),
    "Log": case("Log", "", POSITIVE, np.log(POSITIVE)),
    "Log to a base": case("Log", "log_param { base: 10 scale: 3 shift: 0.5 }", POSITIVE, np.log10(0.5 + 3 * POSITIVE)),
    "Power": case("Power", "power_param { power: 1.5 scale: 2 shift: 0.25 }", POSITIVE, (0.25 + 2 * POSITIVE) ** 1.5),
    "Power of one": case("Power", "power_param { scale: -2 shift: 0.25 }", IMAGES, 0.25 - 2 * IMAGES),
    "Power of nothing": case("Power", "", IMAGES, IMAGES),
    "Clip": case("Clip", "clip_param { min: -0.5 max: 1 }", IMAGES, np.clip(IMAGES, -0.5, 1)),
    "Clip to six": case("Clip", "clip_param { min: 0 max: 6 }", 5 * IMAGES, np.clip(5 * IMAGES, 0, 6)),
    "Threshold": case("Threshold", "threshold_param { threshold: 0.5 }", IMAGES, (IMAGES > 0.5).astype(float)),
    "Swish": case("Swish", "", IMAGES, IMAGES / (1 + np.exp(-IMAGES))),
    "Dropout": case("Dropout", "dropout_param { dropout_ratio: 0.4 }", IMAGES, IMAGES),
    "LRN across": case(
        "LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 k: 2 }", IMAGES,
        formulas.lrn_across(IMAGES, 3, 0.5, 0.6, 2),
    ),
    "LRN across more channels than there are": case(
        "LRN", "lrn_param { local_size: 11 alpha: 0.5 }", IMAGES, formulas.lrn_across(IMAGES, 11, 0.5, 0.75, 1)
    ),
    "LRN within": case(
        "LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 k: 2 norm_region: WITHIN_CHANNEL }", IMAGES,
        formulas.lrn_within(IMAGES, 3, 0.5, 0.6),
    ),
    "MVN": case("MVN", "", IMAGES, formulas.mvn(IMAGES, False, True, 1e-9)),
    "MVN across": case(
        "MVN", "mvn_param { across_channels: true eps: 0.1 }", IMAGES, formulas.mvn(IMAGES, True, True, 0.1)
    ),
    "MVN of the mean": case(
        "MVN", "mvn_param { normalize_variance: false }", IMAGES, formulas.mvn(IMAGES, False, False, 0)
    ),
}  # fmt: skip


def normalized(x, axis=1):
    shape = [-1 if at == axis else 1 for at in range(x.ndim)]
    return (x - SHIFTS.reshape(shape) / 2) / np.sqrt(SCALES.reshape(shape) ** 2 / 2 + 1e-3)


STATISTICS = (SHIFTS, SCALES**2, np.array([2.0]))
LINES = normal(2, 4, 5)
GAMMA, WIDE, PER_SAMPLE = normal(9), normal(4, 9), normal(2, 4)
NORMALIZING = {
    "BatchNorm": case("BatchNorm", "batch_norm_param { eps: 0.001 }", IMAGES, normalized(IMAGES), *STATISTICS),
    "BatchNorm of lines": case("BatchNorm", "batch_norm_param { eps: 0.001 }", LINES, normalized(LINES), *STATISTICS),
    "BatchNorm of nothing": case("BatchNorm", "", IMAGES, IMAGES / np.sqrt(1e-5), SHIFTS, SCALES, np.zeros(1)),
    "BatchNorm and Scale, in place": Case(
        data(*IMAGES.shape) + layer("BatchNorm", "batch_norm_param { eps: 0.001 }", top="data", name="b")
        + layer("Scale", "scale_param { bias_term: true }", top="data", name="s"),
        (IMAGES,), normalized(IMAGES) * SLOPES[:, None, None] + B[:4, None, None],
        {"b": STATISTICS, "s": (SLOPES, B[:4])},
    ),
    "BatchNorm that Scale and another use": Case(
        data(*IMAGES.shape) + layer("BatchNorm", "batch_norm_param { eps: 0.001 }", name="b")
        + layer("Scale", bottom="b", name="s") + layer("Eltwise", bottom="b s", name="e"),
        (IMAGES,), normalized(IMAGES) * (1 + SLOPES[:, None, None]), {"b": STATISTICS, "s": (SLOPES,)},
    ),
    "Scale": case("Scale", "", IMAGES, IMAGES * SCALES[:, None, None], SCALES),
    "Scale of lines and a bias": case(
        "Scale", "scale_param { axis: 2 bias_term: true }", IMAGES, IMAGES * GAMMA[:, None] + GAMMA[::-1, None], GAMMA,
        GAMMA[::-1],
    ),
    "Scale along two axes": case(
        "Scale", "scale_param { axis: 1 num_axes: 2 }", IMAGES, IMAGES * WIDE[..., None], WIDE
    ),
    "Scale by one number": case("Scale", "scale_param { num_axes: 0 }", IMAGES, IMAGES * B[0], B[0].reshape(())),
    "Scale by another blob": Case(
        data(*IMAGES.shape) + data(2, 4, name="by") + layer("Scale", "scale_param { axis: 0 }", bottom="data by"),
        (IMAGES, PER_SAMPLE), IMAGES * PER_SAMPLE[..., None, None],
    ),
    "Scale by a blob of images": Case(
        data(*IMAGES.shape) + layer("Pooling", "pooling_param { pool: AVE global_pooling: true }", name="p")
        + layer("Flatten", bottom="p", name="f") + layer("Scale", "scale_param { axis: 0 }", bottom="data f"),
        (IMAGES,), IMAGES * IMAGES.mean((2, 3), keepdims=True),
    ),
    "Bias": case("Bias", "", IMAGES, IMAGES + SHIFTS[:, None, None], SHIFTS),
    "Bias by another blob": Case(
        data(*IMAGES.shape) + data(2, 4, name="by") + layer("Bias", "bias_param { axis: 0 }", bottom="data by"),
        (IMAGES, PER_SAMPLE), IMAGES + PER_SAMPLE[..., None, None],
    ),
}  # fmt: skip

OTHER, WORDS = normal(2, 4, 9, 7), np.array([[0, 3], [2, 1]], np.float32)
FULL = np.exp(IMAGES) / np.exp(IMAGES).sum(1, keepdims=True)
LARGER = normal(2, 4, 12, 9)


def two(kind, options, expected, second=OTHER):
    text = data(*IMAGES.shape) + data(*second.shape, name="other")
    return Case(text + layer(kind, options, bottom="data other"), (IMAGES, second), expected)


TABLE = normal(4, 6)
SHAPING = {
    "Eltwise product": two("Eltwise", "eltwise_param { operation: PROD }", IMAGES * OTHER),
    "Eltwise sum": two("Eltwise", "", IMAGES + OTHER),
    "Eltwise sum with coefficients": two("Eltwise", "eltwise_param { coeff: 2 coeff: -1 }", 2 * IMAGES - OTHER),
    "Eltwise maximum": two("Eltwise", "eltwise_param { operation: MAX }", np.maximum(IMAGES, OTHER)),
    "Concat": two("Concat", "", np.concatenate([IMAGES, OTHER], 1)),
    "Concat of lines": two("Concat", "concat_param { axis: -2 }", np.concatenate([IMAGES, OTHER], 2)),
    "Concat, the old way": two("Concat", "concat_param { concat_dim: 3 }", np.concatenate([IMAGES, OTHER], 3)),
    "Slice": Case(
        data(*IMAGES.shape) + layer("Slice", "slice_param { slice_point: 1 slice_point: 3 }", top="a b c"), (IMAGES,),
        [IMAGES[:, :1], IMAGES[:, 1:3], IMAGES[:, 3:]],
    ),
    "Slice into equal pieces": Case(
        data(*IMAGES.shape) + layer("Slice", "slice_param { axis: 2 }", top="a b c"), (IMAGES,),
        [IMAGES[:, :, :3], IMAGES[:, :, 3:6], IMAGES[:, :, 6:]],
    ),
    "Split": Case(
        data(*IMAGES.shape) + layer("Split", top="a b", name="s") + layer("ReLU", bottom="a", top="a", name="r")
        + layer("Eltwise", "eltwise_param { coeff: 1 coeff: 2 }", bottom="a b"),
        (IMAGES,), np.maximum(IMAGES, 0) + 2 * IMAGES,
    ),
    "Crop": Case(
        data(*LARGER.shape) + data(*IMAGES.shape, name="like")
        + layer("Crop", "crop_param { offset: 2 offset: 1 }", bottom="data like"),
        (LARGER, IMAGES), LARGER[:, :, 2:11, 1:8],
    ),
    "Crop at one size": Case(
        data(*LARGER.shape) + data(*IMAGES.shape, name="like")
        + layer("Crop", "crop_param { axis: 2 offset: 1 }", bottom="data like", name="c")
        + layer("Flatten", bottom="c"),
        (LARGER, IMAGES), LARGER[:, :, 1:10, 1:8].reshape(2, -1),
    ),
    "Crop of channels": Case(
        data(*LARGER.shape) + data(2, 3, 9, 7, name="like")
        + layer("Crop", "crop_param { axis: 1 offset: 1 offset: 0 offset: 2 }", bottom="data like"),
        (LARGER, IMAGES[:, :3]), LARGER[:, 1:, :9, 2:],
    ),
    "Flatten": case("Flatten", "", IMAGES, IMAGES.reshape(2, -1)),
    "Flatten of some axes": case("Flatten", "flatten_param { axis: 2 }", IMAGES, IMAGES.reshape(2, 4, 63)),
    "Flatten of the first axes": case(
        "Flatten", "flatten_param { axis: 1 end_axis: 2 }", IMAGES, IMAGES.reshape(2, 36, 7)
    ),
    "Reshape": case(
        "Reshape", "reshape_param { shape { dim: 0 dim: 7 dim: -1 dim: 6 } }", IMAGES, IMAGES.reshape(2, 7, 6, 6)
    ),
    "Reshape of some axes": case(
        "Reshape", "reshape_param { shape { dim: 2 dim: -1 } axis: 1 num_axes: 1 }", LINES, LINES.reshape(2, 2, 2, 5)
    ),
    "Reshape from the end": case(
        "Reshape", "reshape_param { shape { dim: 1 dim: 5 } axis: -2 }", ROWS, ROWS.reshape(3, 1, 5)
    ),
    "Reshape with the batch": case(
        "Reshape", "reshape_param { shape { dim: -1 dim: 252 } }", IMAGES, IMAGES.reshape(2, 252)
    ),
    "Permute": case(
        "Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", IMAGES, IMAGES.transpose(0, 2, 3, 1)
    ),
    "Permute of rows": case("Permute", "permute_param { order: 0 order: 2 }", LINES, LINES.transpose(0, 2, 1)),
    "Tile": case("Tile", "tile_param { axis: 1 tiles: 3 }", IMAGES, np.tile(IMAGES, (1, 3, 1, 1))),
    "Reduction": case("Reduction", "reduction_param { axis: 1 }", IMAGES, IMAGES.sum((1, 2, 3))),
    "Reduction to the mean": case(
        "Reduction", "reduction_param { operation: MEAN axis: 2 coeff: 3 }", IMAGES, 3 * IMAGES.mean((2, 3))
    ),
    "Reduction of absolute values": case(
        "Reduction", "reduction_param { operation: ASUM axis: -1 }", IMAGES, np.abs(IMAGES).sum(3)
    ),
    "Reduction of squares": case(
        "Reduction", "reduction_param { operation: SUMSQ axis: 1 coeff: 0.5 }", ROWS, 0.5 * (ROWS**2).sum(1)
    ),
    "ArgMax": case("ArgMax", "", IMAGES, formulas.argmax(IMAGES, None, 1, False)),
    "ArgMax of several, with values": case(
        "ArgMax", "argmax_param { top_k: 3 out_max_val: true }", IMAGES, formulas.argmax(IMAGES, None, 3, True)
    ),
    "ArgMax of rows": case("ArgMax", "argmax_param { top_k: 2 }", ROWS, formulas.argmax(ROWS, None, 2, False)),
    "ArgMax along channels": case("ArgMax", "argmax_param { axis: 1 }", IMAGES, formulas.argmax(IMAGES, 1, 1, False)),
    "ArgMax along lines, values": case(
        "ArgMax", "argmax_param { axis: 2 top_k: 2 out_max_val: true }", IMAGES, formulas.argmax(IMAGES, 2, 2, True)
    ),
    "ArgMax among equals": case(
        "ArgMax", "argmax_param { axis: 1 top_k: 2 }", 0 * IMAGES, formulas.argmax(0 * IMAGES, 1, 2, False)
    ),
    "Softmax": case("Softmax", "", IMAGES, FULL),
    "Softmax of lines": case(
        "Softmax", "softmax_param { axis: 2 }", IMAGES, np.exp(IMAGES) / np.exp(IMAGES).sum(2, keepdims=True)
    ),
    "Embed": case(
        "Embed", "embed_param { input_dim: 4 num_output: 6 }", WORDS, TABLE[WORDS.astype(int)] + B, TABLE, B
    ),
    "Embed without a bias": case(
        "Embed", "embed_param { input_dim: 4 num_output: 6 bias_term: false }", WORDS, TABLE[WORDS.astype(int)], TABLE
    ),
}  # fmt: skip
CASES = {**CONVOLUTIONS, **POOLINGS, **DENSE, **ELEMENTWISE, **NORMALIZING, **SHAPING}


IN_BOTH_DATA_FORMATS = [
    "conv in groups", "deconv in groups", "average, padded", "dense of images", "dense of each channel", "PReLU",
    "Scale along two axes", "Scale by another blob", "Crop of channels", "Concat of lines", "Slice", "Reshape",
    "Flatten of the first axes", "Permute", "Reduction of absolute values", "ArgMax along channels",
]  # fmt: skip


def assert_as_expected(model, case, data_format="channels_last"):
    expected = case.expected if isinstance(case.expected, list) else [case.expected]
    for found, wanted in zip(outputs(model, *case.given, data_format=data_format), expected, strict=True):
        assert_close(found, wanted)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_computes_what_caffe_computes(name, tmp_path):
    model = kb.load_legacy(*files(tmp_path, CASES[name].text, CASES[name].arrays))
    assert_as_expected(saved_and_loaded(model, tmp_path), CASES[name])


@pytest.mark.parametrize("name", IN_BOTH_DATA_FORMATS)
def test_channels_first_computes_the_same(name, tmp_path):
    paths = files(tmp_path, CASES[name].text, CASES[name].arrays)
    assert_as_expected(kb.load_legacy(*paths, data_format="channels_first"), CASES[name], "channels_first")


def own_layers(name, tmp_path):
    """Return the classes of kerasbridge layers in the model of a case."""
    model = kb.load_legacy(*files(tmp_path, CASES[name].text, CASES[name].arrays))
    return {type(layer).__name__ for layer in model.layers if type(layer).__module__.startswith("kerasbridge")}


STOCK = [
    "conv in groups", "conv of each channel", "rectangular conv", "dilated conv", "deconv", "max, rounded down",
    "max, padded, every cell", "max of what is positive", "max of what is positive, one size",
    "max, one size, as Keras's same", "average, one size, as Keras's valid", "average, one size, padded",
    "average, rounded down, padded", "global average", "dense of images", "dense after flatten", "PReLU", "ELU", "BNLL",
    "Exp to a base", "Clip to six", "BatchNorm and Scale, in place", "Scale by another blob",
    "Eltwise sum with coefficients", "Concat", "Crop at one size", "Flatten", "Reshape", "Permute", "Softmax",
    "Embed without a bias",
]  # fmt: skip


@pytest.mark.parametrize("name", STOCK)
def test_stock_layers_are_used_where_possible(name, tmp_path):
    assert own_layers(name, tmp_path) == set()


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("dilated conv with stride", {"StridedDilatedConv2D"}),
        ("deconv of each channel", {"GroupedConv2DTranspose"}),
        ("max, padded", {"CeilMaxPooling2D"}),
        ("average, rounded up", {"CeilAveragePooling2D"}),
    ],
)
def test_own_layers_implement_the_rest(name, layers, tmp_path):
    assert own_layers(name, tmp_path) == layers


def test_batch_norm_and_scale_are_one_layer(tmp_path):
    case = CASES["BatchNorm and Scale, in place"]
    model = kb.load_legacy(*files(tmp_path, case.text, case.arrays))
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "BatchNormalization"]
