"""Caffe layers after its C++ sources, in plain loops over N, C, H, W, independent of kerasbridge."""

import math

import numpy as np


def convolution(x, weight, bias=None, stride=(1, 1), pad=(0, 0), dilation=(1, 1), group=1):
    """`base_conv_layer.cpp`, `im2col.cpp`."""
    batch, _, height, width = x.shape
    filters, depth, kh, kw = weight.shape
    x = np.pad(x.astype(float), ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2))
    rows = (height + 2 * pad[0] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    columns = (width + 2 * pad[1] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((batch, filters, rows, columns))
    for f in range(filters):
        first = f // (filters // group) * depth
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride[0], j * stride[1]
                down = slice(top, top + dilation[0] * (kh - 1) + 1, dilation[0])
                right = slice(left, left + dilation[1] * (kw - 1) + 1, dilation[1])
                y[:, f, i, j] = (x[:, first : first + depth, down, right] * weight[f]).sum((1, 2, 3))
    return y if bias is None else y + bias[:, None, None]


def deconvolution(x, weight, bias=None, stride=(1, 1), pad=(0, 0), dilation=(1, 1), group=1):
    """`deconv_layer.cpp`: col2im of the transposed product."""
    batch, channels, height, width = x.shape
    _, depth, kh, kw = weight.shape
    rows = (height - 1) * stride[0] + dilation[0] * (kh - 1) + 1
    columns = (width - 1) * stride[1] + dilation[1] * (kw - 1) + 1
    y = np.zeros((batch, depth * group, rows, columns))
    for c in range(channels):
        first = c // (channels // group) * depth
        for i in range(height):
            for j in range(width):
                for a in range(kh):
                    for b in range(kw):
                        at = (i * stride[0] + a * dilation[0], j * stride[1] + b * dilation[1])
                        y[:, first : first + depth, at[0], at[1]] += x[:, c, i, j, None] * weight[c, :, a, b]
    y = y[:, :, pad[0] : rows - pad[0], pad[1] : columns - pad[1]]
    return y if bias is None else y + bias[:, None, None]


def pooled_size(size, kernel, stride, pad, padded, ceil):
    """`PoolingLayer::Reshape`."""
    rounded = math.ceil if ceil else math.floor
    pooled = rounded((size + 2 * pad - kernel) / stride) + 1
    return pooled - 1 if padded and (pooled - 1) * stride >= size + pad else pooled


def pooling(x, kind, kernel, stride=(1, 1), pad=(0, 0), ceil=True):
    """`PoolingLayer::Forward_cpu`."""
    batch, channels, height, width = x.shape
    rows = pooled_size(height, kernel[0], stride[0], pad[0], any(pad), ceil)
    columns = pooled_size(width, kernel[1], stride[1], pad[1], any(pad), ceil)
    y = np.zeros((batch, channels, rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0] - pad[0], j * stride[1] - pad[1]
            bottom, right = min(top + kernel[0], height + pad[0]), min(left + kernel[1], width + pad[1])
            size = (bottom - top) * (right - left)
            window = x[:, :, max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
            y[:, :, i, j] = window.max((2, 3)) if kind == "MAX" else window.sum((2, 3)) / size
    return y


def lrn_across(x, size, alpha, beta, k):
    """`LRNLayer::CrossChannelForward_cpu`."""
    before = (size - 1) // 2
    y = np.zeros(x.shape)
    for c in range(x.shape[1]):
        window = x[:, max(c - before, 0) : c - before + size].astype(float)
        y[:, c] = x[:, c] * (k + alpha / size * (window**2).sum(1)) ** -beta
    return y


def lrn_within(x, size, alpha, beta):
    """`WithinChannelForward` of `LRNLayer`: average pooling of squares, including the padding."""
    before = (size - 1) // 2
    mean = pooling(x.astype(float) ** 2, "AVE", (size, size), pad=(before, before))
    return x * (1 + alpha * mean) ** -beta


def mvn(x, across, divide, epsilon):
    """`mvn_layer.cpp`."""
    axes = (1, 2, 3) if across else (2, 3)
    centred = x - x.mean(axes, keepdims=True, dtype=float)
    deviation = np.sqrt((centred**2).mean(axes, keepdims=True)) + epsilon
    return centred / deviation if divide else centred


def argmax(x, axis, top_k, values):
    """`ArgMaxLayer::Forward_cpu`: pairs of value and index, largest first."""
    if axis is None:
        flat = x.reshape(len(x), -1)
        places = np.array([sorted(range(row.size), key=lambda j: (row[j], j), reverse=True)[:top_k] for row in flat])
        found = np.stack([places, np.take_along_axis(flat, places, 1)], 1) if values else places[:, None]
        return found.reshape(*found.shape, *(1,) * (x.ndim - 3)).astype(float)
    moved = np.moveaxis(x, axis, -1)
    rows = moved.reshape(-1, moved.shape[-1])
    places = np.array([sorted(range(row.size), key=lambda j: (row[j], j), reverse=True)[:top_k] for row in rows])
    found = np.take_along_axis(rows, places, 1) if values else places
    return np.moveaxis(found.reshape(*moved.shape[:-1], top_k), -1, axis).astype(float)
