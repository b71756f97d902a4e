"""MatConvNet layers after its documentation and sources, in plain loops over H, W, C, N, without kerasbridge."""

import math

import numpy as np


def conv(x, filters, biases=None, pad=(0, 0, 0, 0), stride=(1, 1), dilate=(1, 1)):
    """`vl_nnconv`: the number of groups is channels of the image / channels of a filter."""
    kh, kw, depth, count = filters.shape
    groups = x.shape[2] // depth
    x = np.pad(x.astype(float), ((pad[0], pad[1]), (pad[2], pad[3]), (0, 0), (0, 0)))
    reach = [(size - 1) * rate + 1 for size, rate in zip((kh, kw), dilate, strict=True)]
    rows, columns = ((x.shape[axis] - reach[axis]) // stride[axis] + 1 for axis in (0, 1))
    y = np.zeros((rows, columns, count, x.shape[3]))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0], j * stride[1]
            window = x[top : top + reach[0] : dilate[0], left : left + reach[1] : dilate[1]]
            for k in range(count):
                first = k // (count // groups) * depth
                y[i, j, k] = (window[:, :, first : first + depth] * filters[..., k, None]).sum((0, 1, 2))
    return y if biases is None else y + biases.reshape(1, 1, -1, 1)


def convt(x, filters, biases=None, upsample=(1, 1), crop=(0, 0, 0, 0), groups=1):
    """`vl_nnconvt`: the transpose of a convolution, cropped; filters are H x W x K / groups x channels."""
    kh, kw, part, channels = filters.shape
    height, width, _, batch = x.shape
    y = np.zeros(((height - 1) * upsample[0] + kh, (width - 1) * upsample[1] + kw, part * groups, batch))
    for c in range(channels):
        first = c // (channels // groups) * part
        for i in range(height):
            for j in range(width):
                spread = filters[:, :, :, c, None] * x[i, j, c].astype(float)
                at = (i * upsample[0], j * upsample[1])
                y[at[0] : at[0] + kh, at[1] : at[1] + kw, first : first + part] += spread
    y = y[crop[0] : y.shape[0] - crop[1], crop[2] : y.shape[1] - crop[3]]
    return y if biases is None else y + biases.reshape(1, 1, -1, 1)


def pool(x, size, method="max", pad=(0, 0, 0, 0), stride=(1, 1)):
    """`vl_nnpool`: sizes are rounded down, and only cells of the image count."""
    height, width = x.shape[:2]
    rows = (height + pad[0] + pad[1] - size[0]) // stride[0] + 1
    columns = (width + pad[2] + pad[3] - size[1]) // stride[1] + 1
    y = np.zeros((rows, columns, *x.shape[2:]))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0] - pad[0], j * stride[1] - pad[2]
            window = x[max(top, 0) : top + size[0], max(left, 0) : left + size[1]].astype(float)
            y[i, j] = window.max((0, 1)) if method == "max" else window.mean((0, 1))
    return y


def normalize(x, size, kappa, alpha, beta):
    """`vl_nnnormalize`, with the exact power."""
    y = np.zeros(x.shape)
    for k in range(x.shape[2]):
        window = slice(max(0, k - math.floor((size - 1) / 2)), k + math.ceil((size - 1) / 2) + 1)
        y[:, :, k] = x[:, :, k] * (kappa + alpha * (x[:, :, window].astype(float) ** 2).sum(2)) ** -beta
    return y


def bnorm(x, multipliers, offsets, moments):
    """`vl_nnbnorm` with moments, which include epsilon."""
    mean, deviation = (column.reshape(1, 1, -1, 1) for column in moments.T)
    return multipliers.reshape(1, 1, -1, 1) * (x - mean) / deviation + offsets.reshape(1, 1, -1, 1)


def spnorm(x, height, width, alpha, beta):
    """`vl_nnspnorm`."""
    above, left = (height - 1) // 2, (width - 1) // 2
    pad = (above, height - 1 - above, left, width - 1 - left)
    return (1 + alpha * pool(x.astype(float) ** 2, (height, width), "avg", pad)) ** -beta * x


def softmax(x):
    """`vl_nnsoftmax`."""
    powers = np.exp(x - x.max(2, keepdims=True))
    return powers / powers.sum(2, keepdims=True)


def crop(x, like, offsets):
    """`matlab/+dagnn/Crop.m`."""
    more = [x.shape[axis] - like.shape[axis] for axis in (0, 1)]
    first = [both - max(0, both - offset) for both, offset in zip(more, offsets, strict=True)]
    return x[first[0] : first[0] + like.shape[0], first[1] : first[1] + like.shape[1]]


def reshape(x, *sizes):
    """`reshape` of MATLAB, in column-major order."""
    return x.reshape((*sizes, x.shape[3]), order="F")
