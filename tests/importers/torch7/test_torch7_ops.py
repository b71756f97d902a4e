"""Each Torch7 module, compared with its formula in nn, with odd sizes, strides and pads, after loading a .keras file.

Modules with the same input are branches of one network, so that a backend compiles few.
"""

import math

import numpy as np
import pytest

import kerasbridge as kb
from tests.importers import formulas
from tests.importers.nets import assert_close, last, normals, outputs, saved_and_loaded
from tests.importers.torch7_files import longs, nn, save

RANDOM = np.random.default_rng(17)

normal = normals(RANDOM)


IMAGES, ROWS, LINES = normal(2, 4, 9, 7), normal(3, 6), normal(2, 3, 5)


def sizes(prefix, height, width):
    return {f"{prefix}H": height, f"{prefix}W": width}


def conv(shape, kind="SpatialConvolution", groups=1, bias=True, flat=False, stride=(1, 1), pad=(0, 0), dilation=(1, 1)):
    """Return a module, and its output for the images."""
    weight, filters = normal(*shape), shape[0]
    added = normal(filters) if bias else None
    fields = {"weight": weight.reshape(filters, -1) if flat else weight, **({"bias": added} if bias else {})}
    fields |= {"nInputPlane": shape[1] * groups, "nOutputPlane": filters, **sizes("k", *shape[2:])}
    fields |= {**sizes("d", *stride), **sizes("pad", *pad)}
    fields |= {"groups": groups} if groups > 1 else {}
    fields |= sizes("dilation", *dilation) if dilation != (1, 1) else {}
    expected = formulas.convolution(IMAGES, weight, added, stride, pad, dilation, groups)
    return nn(kind, **fields), expected


def full(shape, stride, pad=(0, 0), adj=None, bias=True, kind="SpatialFullConvolution"):
    """`SpatialFullConvolution.c`: columns are summed into ``(n - 1) * stride - 2 * pad + k + adj`` rows."""
    weight, added = normal(*shape), normal(shape[1]) if bias else None
    whole = formulas.deconvolution(IMAGES, weight, None, stride)
    more = adj or (0, 0)
    whole = np.pad(whole, ((0, 0), (0, 0), (0, more[0]), (0, more[1])))
    whole = whole[:, :, pad[0] : whole.shape[2] - pad[0], pad[1] : whole.shape[3] - pad[1]]
    fields = {"weight": weight, "nInputPlane": shape[0], "nOutputPlane": shape[1], **({"bias": added} if bias else {})}
    fields |= {**sizes("k", *shape[2:]), **sizes("d", *stride), **sizes("pad", *pad)}
    fields |= sizes("adj", *adj) if adj else {}
    return nn(kind, **fields), whole if added is None else whole + added[:, None, None]


def pooled(kind, k, d, pad=(0, 0), ceil=False, counted=True, **fields):
    """`SpatialAveragePooling.c` and `SpatialMaxPooling.c`."""
    rounded = math.ceil if ceil else math.floor
    shape = []
    for n, window, step, around in zip(IMAGES.shape[2:], k, d, pad, strict=True):
        count = rounded((n - window + 2 * around) / step) + 1
        shape.append(count - 1 if any(pad) and (count - 1) * step >= n + around else count)
    y = np.zeros((*IMAGES.shape[:2], *shape))
    for i, j in np.ndindex(*shape):
        spans, whole = [], 1
        for place, n, window, step, around in zip((i, j), IMAGES.shape[2:], k, d, pad, strict=True):
            start, end = place * step - around, min(place * step - around + window, n + around)
            whole *= end - start
            spans.append(slice(max(start, 0), min(end, n)))
        cells = IMAGES[:, :, spans[0], spans[1]]
        seen = cells.shape[2] * cells.shape[3]
        mean = cells.sum((2, 3)) / (whole if counted else seen)
        y[:, :, i, j] = cells.max((2, 3)) if "Max" in kind else mean
    fields = {**sizes("k", *k), **sizes("d", *d), **sizes("pad", *pad), "ceil_mode": ceil, **fields}
    if kind == "SpatialAveragePooling":
        fields = {"divide": True, "count_include_pad": counted, **fields}
    return nn(kind, **fields), y


def normalized(x, kind, old=False, affine=True, **fields):
    """`BatchNormalization.c`, with the stored statistics."""
    channels, epsilon = x.shape[1], 1e-3
    mean, variance = normal(channels), RANDOM.uniform(0.5, 2, channels).astype(np.float32)
    weight, shift = normal(channels), normal(channels)
    by_channel = (slice(None), *(None,) * (x.ndim - 2))
    y = (x - mean[by_channel]) / np.sqrt(variance[by_channel] + epsilon)
    kept = {"running_std": (variance + epsilon) ** -0.5} if old else {"running_var": variance}
    fields |= {"running_mean": mean, "eps": epsilon, "momentum": 0.1, "affine": affine, **kept}
    if affine:
        fields |= {"weight": weight, "bias": shift}
        y = y * weight[by_channel] + shift[by_channel]
    return nn(kind, **fields), y


def instance_normalized():
    weight, shift = normal(4), normal(4)
    mean, variance = IMAGES.mean((2, 3), keepdims=True), IMAGES.var((2, 3), keepdims=True)
    y = (IMAGES - mean) / np.sqrt(variance + 1e-5) * weight[:, None, None] + shift[:, None, None]
    return nn("InstanceNormalization", nOutput=4, eps=1e-5, weight=weight, bias=shift), y


def pad(kind, top, bottom, left, right, mode):
    module = nn(kind, pad_t=top, pad_b=bottom, pad_l=left, pad_r=right)
    added = [(0, 0), (0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
    cut = IMAGES[:, :, max(-top, 0) : min(bottom, 0) or None, max(-left, 0) : min(right, 0) or None]
    return module, np.pad(cut, added, mode=mode)


def softmax(x, axis):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def depth_concat():
    """Images of 9 x 7 concatenated with images of 6 x 4: one zero before, two after."""
    small, y = conv((3, 4, 4, 4))
    whole = np.concatenate([IMAGES, np.pad(y, ((0, 0), (0, 0), (1, 2), (1, 2)))], 1)
    return nn("DepthConcat", nn("Identity"), small, dimension=2), whole


def mapped():
    """`SpatialConvolutionMap.c`: a kernel for each pair of channels."""
    pairs, kernels, added = np.array([[1, 1], [2, 1], [4, 2], [4, 3.0]], np.float32), normal(4, 3, 3), normal(3)
    weight = np.zeros((3, 4, 3, 3), np.float32)
    for (source, target), kernel in zip(pairs.astype(int), kernels, strict=True):
        weight[target - 1, source - 1] = kernel
    fields = {"connTable": pairs, "weight": kernels, "bias": added, "nInputPlane": 4, "nOutputPlane": 3}
    y = formulas.convolution(IMAGES, weight, added, (2, 1))
    return nn("SpatialConvolutionMap", **fields, **sizes("k", 3, 3), **sizes("d", 2, 1)), y


def subsampled():
    weight, added = normal(4), normal(4)
    _, mean = pooled("SpatialAveragePooling", (3, 2), (2, 2))
    fields = {**sizes("k", 3, 2), **sizes("d", 2, 2), "nInputPlane": 4, "weight": weight, "bias": added}
    return nn("SpatialSubSampling", **fields), mean * 6 * weight[:, None, None] + added[:, None, None]


def sequence(*cases):
    """Return modules without weights in a chain, and the output of the last."""
    return nn("Sequential", *(module for module, _ in cases)), cases[-1][1]


def weighted(kind, name, shape, x):
    """CMul, CAdd and Add."""
    weight = normal(*shape)
    spread = weight if weight.ndim == x.ndim else weight.reshape(1, *x.shape[1:])
    return nn(kind, **{name: weight}), x * spread if kind == "CMul" else x + spread


SLOPES, MATRIX, SHIFTS, WORDS = normal(4), normal(5, 6), normal(5), normal(7, 3)

OF_IMAGES = {
    "conv": conv((6, 4, 3, 3), pad=(1, 1)),
    "conv, flat weights, no bias": conv(
        (5, 4, 3, 2), "SpatialConvolutionMM", bias=False, flat=True, stride=(2, 1), pad=(0, 1)
    ),
    "conv in groups": conv((6, 2, 3, 3), "cudnn.SpatialConvolution", groups=2, stride=(2, 2), pad=(1, 1)),
    "dilated conv": conv((5, 4, 3, 3), "SpatialDilatedConvolution", pad=(2, 2), dilation=(2, 2)),
    "mapped conv": mapped(),
    "full conv": full((4, 5, 4, 4), (2, 2), (1, 1)),
    "full conv, adjusted": full((4, 5, 3, 3), (2, 2), (1, 1), (1, 1), kind="cudnn.SpatialFullConvolution"),
    "full conv, adjusted beyond its padding": full((4, 3, 3, 2), (3, 2), (0, 1), (2, 1)),
    "full conv, adjusted, no bias": full((4, 3, 2, 2), (2, 2), (0, 0), (1, 0), bias=False),
    "max": pooled("SpatialMaxPooling", (3, 2), (2, 2)),
    "max, rounded up": pooled("SpatialMaxPooling", (2, 2), (2, 2), ceil=True),
    "max, padded, rounded up, a last window left out": pooled("SpatialMaxPooling", (2, 2), (2, 2), (1, 1), ceil=True),
    "max, padded, of cudnn": pooled("cudnn.SpatialMaxPooling", (3, 3), (2, 2), (1, 1)),
    "average": pooled("SpatialAveragePooling", (3, 3), (2, 2), (1, 1)),
    "average, rounded up": pooled("SpatialAveragePooling", (3, 2), (2, 3), (1, 0), ceil=True),
    "average, padding left out": pooled("SpatialAveragePooling", (3, 3), (2, 2), (1, 1), ceil=True, counted=False),
    "global average": (nn("SpatialAdaptiveAveragePooling", H=1, W=1), IMAGES.mean((2, 3), keepdims=True)),
    "global max": (nn("SpatialAdaptiveMaxPooling", H=1, W=1), IMAGES.max((2, 3), keepdims=True)),
    "subsampled": subsampled(),
    "batch norm": normalized(IMAGES, "SpatialBatchNormalization"),
    "batch norm of old files, of cudnn": normalized(IMAGES, "cudnn.SpatialBatchNormalization", old=True),
    "batch norm without weights": normalized(IMAGES, "SpatialBatchNormalization", affine=False),
    "instance norm": instance_normalized(),
    "lrn": (
        nn("SpatialCrossMapLRN", size=3, alpha=0.5, beta=0.75, k=2.0), formulas.lrn_across(IMAGES, 3, 0.5, 0.75, 2.0),
    ),
    "zeros": pad("SpatialZeroPadding", 1, 2, 0, 3, "constant"),
    "zeros and a cut": pad("SpatialZeroPadding", -1, 2, 1, -2, "constant"),
    "a cut": pad("SpatialZeroPadding", -1, -2, -1, -1, "constant"),
    "reflected": pad("SpatialReflectionPadding", 2, 1, 0, 3, "reflect"),
    "edges": pad("SpatialReplicationPadding", 2, 1, 0, 3, "edge"),
    "shaved": (nn("ShaveImage", size=2), IMAGES[:, :, 2:-2, 2:-2]),
    "larger": (nn("SpatialUpSamplingNearest", scale_factor=3), IMAGES.repeat(3, 2).repeat(3, 3)),
    "prelu": (nn("PReLU", nOutputPlane=4, weight=SLOPES), np.where(IMAGES > 0, IMAGES, IMAGES * SLOPES[:, None, None])),
    "prelu, shared": (nn("PReLU", nOutputPlane=0, weight=SLOPES[:1]), np.where(IMAGES > 0, IMAGES, IMAGES * SLOPES[0])),
    "softmax": (nn("SpatialSoftMax"), softmax(IMAGES, 1)),
    "log softmax": (nn("cudnn.SpatialLogSoftMax"), np.log(softmax(IMAGES, 1))),
    "dropout of channels": (nn("SpatialDropout", p=0.25), IMAGES * 0.75),
    "by channel": weighted("CMul", "weight", (1, 4, 1, 1), IMAGES),
    "by column": weighted("CAdd", "bias", (1, 1, 1, 7), IMAGES),
    "add to all": weighted("Add", "bias", (4, 9, 7), IMAGES),
    "concat": (
        nn("Concat", nn("Tanh"), nn("Identity"), dimension=2), np.concatenate([np.tanh(IMAGES), IMAGES], 1),
    ),
    "depth concat": depth_concat(),
    "padding of channels": (
        nn("Padding", dim=1, pad=-2, nInputDim=3, value=0.5, index=1),
        np.pad(IMAGES, ((0, 0), (2, 0), (0, 0), (0, 0)), constant_values=0.5),
    ),
    "narrow": (nn("Narrow", dimension=2, index=2, length=2), IMAGES[:, 1:3]),
    "narrow to the last but one": (nn("Narrow", dimension=-1, index=3, length=-2), IMAGES[..., 2:-1]),
    "select": (nn("Select", dimension=3, index=-1), IMAGES[:, :, -1]),
    "transpose": (nn("Transpose", permutations=[[2, 3], [3, 4]]), IMAGES.transpose(0, 2, 3, 1)),
    "view": (nn("View", size=longs(-1), numInputDims=3), IMAGES.reshape(2, -1)),
    "view to images": (nn("View", size=longs(2, 2, 63)), IMAGES.reshape(2, 2, 2, 63)),
    "view with the batch": (nn("View", size=longs(-1, 252)), IMAGES.reshape(-1, 252)),
    "reshape": (nn("Reshape", size=longs(7, 36)), IMAGES.reshape(2, 7, 36)),
    "mean of means": sequence((nn("Mean", dimension=3), None), (nn("Mean", dimension=3), IMAGES.mean((2, 3)))),
    "sum, kept": (
        nn("Sum", dimension=1, nInputDims=3, sizeAverage=False, squeeze=False), IMAGES.sum(1, keepdims=True),
    ),
    "max of rows": (nn("Max", dimension=-2), IMAGES.max(2)),
    "new dimension": (nn("Unsqueeze", pos=1, numInputDims=3), IMAGES[:, None]),
    "flatten by dense": sequence(
        (nn("View", size=longs(252)), None),
        (nn("Linear", weight=(dense := normal(3, 252))), IMAGES.reshape(2, -1) @ dense.T),
    ),
    "scaled channels": sequence(
        (nn("ConcatTable", nn("Identity"), nn("SpatialAdaptiveAveragePooling", H=1, W=1)), None),
        (nn("w2nn.ScaleTable"), IMAGES * IMAGES.mean((2, 3), keepdims=True)),
    ),
    "pieces": sequence(
        (nn("SplitTable", dimension=1, nInputDims=3), None), (nn("NarrowTable", offset=2, length=2), None),
        (nn("JoinTable", dimension=2, nInputDims=2), np.concatenate([IMAGES[:, 1], IMAGES[:, 2]], 2)),
    ),
}  # fmt: skip
TABLE = nn("ConcatTable", nn("Tanh"), nn("Sequential", nn("Sigmoid"), nn("AddConstant", constant_scalar=0.5)))
PAIR = np.tanh(ROWS), 1 / (1 + np.exp(-ROWS)) + 0.5


def of_pair(module, expected):
    return nn("Sequential", TABLE, module), expected


OF_ROWS = {
    "linear": (nn("Linear", weight=MATRIX, bias=SHIFTS), ROWS @ MATRIX.T + SHIFTS),
    "linear without bias": (nn("LinearNoBias", weight=MATRIX), ROWS @ MATRIX.T),
    "batch norm": normalized(ROWS, "BatchNormalization", old=True),
    "relu": (nn("ReLU", threshold=0, val=0), np.maximum(ROWS, 0)),
    "relu6": (nn("ReLU6"), np.clip(ROWS, 0, 6)),
    "clipped relu": (nn("cudnn.ClippedReLU", ceiling=0.7), np.clip(ROWS, 0, 0.7)),
    "threshold": (nn("Threshold", threshold=0.2, val=-0.3), np.where(ROWS > 0.2, ROWS, -0.3)),
    "leaky": (nn("LeakyReLU", negval=0.2), np.where(ROWS > 0, ROWS, 0.2 * ROWS)),
    "leaky of waifu2x": (nn("w2nn.LeakyReLU", negative_scale=0.1), np.where(ROWS > 0, ROWS, 0.1 * ROWS)),
    "random leaky": (nn("RReLU", lower=0.1, upper=0.3), np.where(ROWS > 0, ROWS, 0.2 * ROWS)),
    "elu": (nn("ELU", alpha=0.7), np.where(ROWS > 0, ROWS, 0.7 * (np.exp(ROWS) - 1))),
    "tanh": (nn("cudnn.Tanh"), np.tanh(ROWS)),
    "softplus": (nn("SoftPlus", beta=2.0, threshold=20), np.log1p(np.exp(2 * ROWS)) / 2),
    "softsign": (nn("SoftSign"), ROWS / (1 + np.abs(ROWS))),
    "log sigmoid": (nn("LogSigmoid"), -np.log1p(np.exp(-ROWS))),
    "tanh shrink": (nn("TanhShrink"), ROWS - np.tanh(ROWS)),
    "hard tanh": (nn("HardTanh"), np.clip(ROWS, -1, 1)),
    "hard tanh with bounds": (nn("HardTanh", min_val=-0.5, max_val=0.25), np.clip(ROWS, -0.5, 0.25)),
    "abs": (nn("Abs"), np.abs(ROWS)),
    "square": (nn("Square"), ROWS**2),
    "cube": (nn("Power", pow=3), ROWS**3),
    "exp": (nn("Exp"), np.exp(ROWS)),
    "log and root": sequence(
        (nn("Abs"), None), (nn("Sqrt", eps=0.5), None), (nn("Log"), np.log(np.abs(ROWS) + 0.5) / 2)
    ),
    "constants": sequence(
        (nn("MulConstant", constant_scalar=3), None), (nn("AddConstant", constant_scalar=-2), ROWS * 3 - 2)
    ),
    "factor": (nn("Mul", weight=SLOPES[:1]), ROWS * SLOPES[0]),
    "add": weighted("Add", "bias", (6,), ROWS),
    "cmul": weighted("CMul", "weight", (6,), ROWS),
    "dropout": (nn("Dropout", p=0.5, v2=True), ROWS),
    "dropout of old files": (nn("Dropout", p=0.3), ROWS * 0.7),
    "softmax": (nn("SoftMax"), softmax(ROWS, 1)),
    "softmin": (nn("SoftMin"), softmax(-ROWS, 1)),
    "log softmax": (nn("cudnn.LogSoftMax"), np.log(softmax(ROWS, 1))),
    "unit length": (nn("Normalize", p=2, eps=1e-10), ROWS / np.sqrt((ROWS**2).sum(1, keepdims=True) + 1e-10)),
    "unit sum": (nn("Normalize", p=1, eps=0.1), ROWS / (np.abs(ROWS).sum(1, keepdims=True) + 0.1)),
    "copies": (nn("Replicate", nfeatures=3, dim=1, ndim=1), np.repeat(ROWS[:, None], 3, 1)),
    "passed on": (nn("Identity"), ROWS),
    "sum of a table": of_pair(nn("CAddTable"), PAIR[0] + PAIR[1]),
    "product of a table": of_pair(nn("CMulTable"), PAIR[0] * PAIR[1]),
    "difference of a table": of_pair(nn("CSubTable"), PAIR[0] - PAIR[1]),
    "quotient of a table": of_pair(nn("CDivTable"), PAIR[0] / PAIR[1]),
    "largest of a table": of_pair(nn("CMaxTable"), np.maximum(*PAIR)),
    "least of a table": of_pair(nn("CMinTable"), np.minimum(*PAIR)),
    "joined table": of_pair(nn("JoinTable", dimension=1, nInputDims=1), np.concatenate(PAIR, 1)),
    "chosen of a table": of_pair(nn("SelectTable", index=-1), PAIR[1]),
    "each of a table": of_pair(
        nn("Sequential", nn("ParallelTable", nn("Abs"), nn("Exp")), nn("CAddTable")), np.abs(PAIR[0]) + np.exp(PAIR[1])
    ),
    "one for all of a table": of_pair(
        nn("Sequential", nn("MapTable", nn("Abs")), nn("CAddTable")), np.abs(PAIR[0]) + np.abs(PAIR[1])
    ),
    "table in a table": (
        nn("Sequential", nn("ConcatTable", TABLE, nn("Identity")), nn("FlattenTable"), nn("CAddTable")),
        sum(PAIR) + ROWS,
    ),
    "wrapped": (nn("nn.DataParallelTable", nn("GPU", nn("Abs")), nn("GPU", nn("Abs"))), np.abs(ROWS)),
}  # fmt: skip


def assert_branches(cases, x, folder, shape=None, **options):
    """Assert that each branch of a network equals its formula, also from a .keras file."""
    net = nn("ConcatTable", *(module for module, _ in cases.values()))
    model = kb.load_legacy(save(folder / "net.t7", net, **options), input_shape=shape)
    found = outputs(saved_and_loaded(model, folder), x)
    assert len(found) == len(cases)
    for name, one, (_, expected) in zip(cases, found, cases.values(), strict=True):
        try:
            assert_close(one, expected)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_modules_of_images(tmp_path):
    assert_branches(OF_IMAGES, IMAGES, tmp_path, (4, 9, 7))


def test_modules_of_rows(tmp_path):
    assert_branches(OF_ROWS, ROWS, tmp_path)


def test_modules_of_images_of_any_size(tmp_path):
    """Modules that do not depend on the size."""
    names = (
        "conv",
        "full conv, adjusted beyond its padding",
        "max, rounded up",
        "average",
        "instance norm",
        "zeros and a cut",
    )
    names += (
        "reflected",
        "edges",
        "larger",
        "concat",
        "narrow",
        "select",
        "mean of means",
        "sum, kept",
        "new dimension",
    )
    cases = {name: OF_IMAGES[name] for name in names}
    assert_branches(cases, IMAGES, tmp_path, (4, None, None), text=True)


def test_modules_made_for_single_samples(tmp_path):
    """Without batches dimension 1 is the first of a sample: nn is applied to each sample separately."""
    cases = {
        "joined": sequence(
            (nn("ConcatTable", nn("Tanh"), nn("Identity")), None),
            (nn("JoinTable", dimension=1), np.concatenate([np.tanh(IMAGES), IMAGES], 1)),
        ),
        "concat": (nn("Concat", nn("Abs"), nn("Identity"), dimension=1), np.concatenate([np.abs(IMAGES), IMAGES], 1)),
        "narrow": (nn("Narrow", dimension=1, index=2, length=2), IMAGES[:, 1:3]),
        "mean": (nn("Mean", dimension=2), IMAGES.mean(2)),
        "view": (nn("View", size=longs(-1)), IMAGES.reshape(2, -1)),
        "softmax": (nn("SoftMax"), softmax(IMAGES, 1)),
        "split": sequence((nn("SplitTable", dimension=1), None), (nn("SelectTable", index=2), IMAGES[:, 1])),
    }
    assert_branches(cases, IMAGES, tmp_path, (4, 9, 7))


def test_modules_of_lines(tmp_path):
    cases = {
        "transpose": (nn("Transpose", permutations=[[1, 2]], numInputDims=2), LINES.transpose(0, 2, 1)),
        "mean": (nn("Mean", dimension=1, nInputDims=2), LINES.mean(1)),
        "select": (nn("Select", dimension=2, index=2), LINES[:, 1]),
        "padding": (nn("Padding", dim=2, pad=1, nInputDim=2, index=1), np.pad(LINES, ((0, 0), (0, 0), (0, 1)))),
        "images": (nn("View", size=longs(1, 3, 5)), LINES.reshape(2, 1, 3, 5)),
        "squeezed": sequence((nn("Narrow", dimension=3, index=1, length=1), None), (nn("Squeeze"), LINES[:, :, 0])),
        "root of squares": sequence(
            (nn("Unsqueeze", pos=1, numInputDims=2), None),
            (
                nn(
                    "SpatialLPPooling",
                    nn("Square"),
                    nn("SpatialAveragePooling", kW=2, kH=2, dW=1, dH=1, divide=True, ceil_mode=False),
                    nn("MulConstant", constant_scalar=4),
                    nn("Sqrt"),
                ),
                np.sqrt(sum(LINES[:, None, a : a + 2, b : b + 4] ** 2 for a in (0, 1) for b in (0, 1))),
            ),
        ),
    }
    assert_branches(cases, LINES, tmp_path, (3, 5))


def test_words(tmp_path):
    words = np.array([[1, 7, 3], [2, 2, 5]])
    model = kb.load_legacy(save(tmp_path / "net.t7", nn("LookupTable", weight=WORDS)))
    assert_close(outputs(model, words)[0], WORDS[words - 1])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_both_data_formats(tmp_path, data_format):
    module, expected = OF_IMAGES["conv in groups"]
    model = kb.load_legacy(save(tmp_path / "net.t7", module), data_format=data_format)
    x = IMAGES if data_format == "channels_first" else last(IMAGES)
    found = np.asarray(model.predict_on_batch(x))
    assert_close(found, expected if data_format == "channels_first" else last(expected))
