"""Formulas of layers that Keras 3 no longer has, after `local.py`, `core.py`, `advanced_activations.py`."""

import itertools

import numpy as np


def local_conv(x, kernel, bias, size, strides, places):
    """`K.local_conv2d` for channels-first images, then `K.bias_add`; any number of axes.

    Kernel (places, channels * cells, filters), bias (…, filters), whose numbers are read as (filters, …).
    """
    found = []
    for number, place in enumerate(itertools.product(*map(range, places))):
        window = tuple(slice(i * s, i * s + k) for i, s, k in zip(place, strides, size, strict=True))
        found.append(x[(slice(None), slice(None), *window)].reshape(len(x), -1) @ kernel[number])
    y = np.stack(found, -1).reshape(len(x), kernel.shape[-1], *places)
    return y if bias is None else y + bias.reshape(1, kernel.shape[-1], *places)


def local_conv_last(x, kernel, bias, size, strides, places):
    """The same for channels-last images: kernel (places, cells * channels, filters)."""
    found = []
    for number, place in enumerate(itertools.product(*map(range, places))):
        window = tuple(slice(i * s, i * s + k) for i, s, k in zip(place, strides, size, strict=True))
        found.append(x[(slice(None), *window)].reshape(len(x), -1) @ kernel[number])
    y = np.stack(found, 1).reshape(len(x), *places, kernel.shape[-1])
    return y if bias is None else y + bias


def connected(sizes, place, size, strides, padding):
    """`conv_connected_inputs` of `keras/utils/conv_utils.py` of 2.7: the cells of the window at a place."""
    axes = []
    for n, at, k, stride in zip(sizes, place, size, strides, strict=True):
        centre = at * stride + (k // 2 if padding == "valid" else 0)
        axes.append(range(max(0, centre - k // 2), min(n, centre + k - k // 2)))
    return itertools.product(*axes)


def pairs(sizes, places, size, strides, padding, channels, filters, first):
    """`sorted(conv_kernel_idxs(…))`: which output number depends on which input number."""
    joined = (lambda cell, channel: (channel, *cell)) if first else (lambda cell, channel: (*cell, channel))
    found = [
        (
            np.ravel_multi_index(joined(place, f), joined(places, filters)),
            np.ravel_multi_index(joined(cell, c), joined(sizes, channels)),
        )
        for place in itertools.product(*map(range, places))
        for cell in connected(sizes, place, size, strides, padding)
        for c in range(channels)
        for f in range(filters)
    ]
    return sorted(found)


def matrix(kernel, at, size):
    """Return the sparse matrix of implementation 3, (inputs, outputs)."""
    whole = np.zeros(size)
    whole[tuple(np.transpose(at))] = kernel
    return whole


def highway(x, kernel, bias, carry_kernel, carry_bias):
    """`Highway.call`, with tanh."""
    gate = 1 / (1 + np.exp(-(x @ carry_kernel + carry_bias)))
    return np.tanh(x @ kernel + bias) * gate + (1 - gate) * x


def maxout(x, kernel, bias):
    """`MaxoutDense.call`: K.dot(x, W) is (batch, features, numbers)."""
    return (np.einsum("bi,fio->bfo", x, kernel) + bias).max(1)


def relu(x, slope, most, on_theano):
    """`K.relu(x, alpha, max_value)`: on Theano the maximum applies to all numbers, on TensorFlow to positive ones."""
    if on_theano:
        return np.minimum(0.5 * (1 + slope) * x + 0.5 * (1 - slope) * np.abs(x), most)
    return np.clip(np.maximum(x, 0), 0, most) - slope * np.maximum(-x, 0)


def srelu(x, t_left, a_left, t_right, a_right, on_theano):
    """`SReLU.call`."""
    actual = t_left + np.abs(t_right)
    return t_left + relu(x - t_left, a_left, actual - t_left, on_theano) + np.maximum(x - actual, 0) * a_right


def parametric_softplus(x, alphas, betas):
    """`ParametricSoftplus.call`."""
    return np.log1p(np.exp(betas * x)) * alphas
