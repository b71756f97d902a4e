"""Formulas of Keras 1 and 2 on Theano, after `theano_backend.py` and `layers/recurrent.py`, over N, C, H, W."""

import numpy as np

from tests.importers import formulas


def convolution(x, kernel, bias, border="valid", stride=(1, 1), rate=(1, 1)):
    """`conv2d`: `T.nnet.conv2d` flips the kernel (filters, channels, rows, columns); "same" is "half" of Theano."""
    reach = [(size - 1) * one + 1 for size, one in zip(kernel.shape[2:], rate, strict=True)]
    pad = {"valid": (0, 0), "same": [size // 2 for size in reach], "full": [size - 1 for size in reach]}[border]
    y = formulas.convolution(x, kernel[:, :, ::-1, ::-1], bias, stride, pad, rate)
    return _cut(y, x, stride) if border == "same" else y


def deconvolution(x, kernel, bias, goal, border="valid", stride=(1, 1)):
    """`deconv2d`: the gradient of a convolution with the kernel (filters, channels, rows, columns)."""
    pad = [size // 2 for size in kernel.shape[2:]] if border == "same" else (0, 0)
    whole = formulas.deconvolution(x, kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], None, stride)
    whole = np.pad(whole, [(0, 0), (0, 0), (0, 9), (0, 9)])
    return whole[:, :, pad[0] : pad[0] + goal[0], pad[1] : pad[1] + goal[1]] + bias[:, None, None]


def pooling(x, kind, window, stride, border="valid"):
    """`pool2d`: padded on both sides, averages without the padding."""
    pad = [size - 2 if size > 2 and size % 2 else size - 1 for size in window] if border == "same" else [0, 0]
    height, width = x.shape[2:]
    rows, columns = ((n + 2 * p - k) // s + 1 for n, p, k, s in zip((height, width), pad, window, stride, strict=True))
    y = np.zeros((*x.shape[:2], rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0] - pad[0], j * stride[1] - pad[1]
            cells = x[:, :, max(top, 0) : max(top + window[0], 0), max(left, 0) : max(left + window[1], 0)]
            if cells.size:
                y[:, :, i, j] = cells.max((2, 3)) if kind == "max" else cells.mean((2, 3))
    return _cut(y, x, stride) if border == "same" else y


def _cut(y, x, stride):
    return y[:, :, : -(-x.shape[2] // stride[0]), : -(-x.shape[3] // stride[1])]


def hard_sigmoid(x):
    """`T.nnet.hard_sigmoid`."""
    return np.clip(0.2 * x + 0.5, 0, 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, kernel, recurrent, bias, inner=hard_sigmoid):
    """`LSTM.step`, the gates in the order i, f, c, o; all steps."""
    h = c = np.zeros((len(x), recurrent.shape[0]))
    found = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = inner(f) * c + inner(i) * np.tanh(g)
        h = inner(o) * np.tanh(c)
        found.append(h)
    return np.stack(found, 1)


def gru(x, kernel, recurrent, bias, inner=hard_sigmoid):
    """`GRU.step`, the gates in the order z, r, h; all steps."""
    h, units = np.zeros((len(x), recurrent.shape[0])), recurrent.shape[0]
    found = []
    for t in range(x.shape[1]):
        given = x[:, t] @ kernel + bias
        z = inner(given[:, :units] + h @ recurrent[:, :units])
        r = inner(given[:, units : 2 * units] + h @ recurrent[:, units : 2 * units])
        h = z * h + (1 - z) * np.tanh(given[:, 2 * units :] + (r * h) @ recurrent[:, 2 * units :])
        found.append(h)
    return np.stack(found, 1)


def simple_rnn(x, kernel, recurrent, bias):
    """`SimpleRNN.step`; all steps."""
    h, found = np.zeros((len(x), recurrent.shape[0])), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ kernel + h @ recurrent + bias)
        found.append(h)
    return np.stack(found, 1)
