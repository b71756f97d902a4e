"""PyTorch layers after its documentation, in NumPy, over N, C, H, W, independent of kerasbridge.

Each takes its input and a dict of the parameters of its module, by the names of `state_dict`.
"""

import numpy as np

from tests.importers.formulas import convolution, deconvolution


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def linear(x, p):
    return x @ p["weight"].T.astype(float) + p.get("bias", 0)


def conv2d(x, p, groups=1):
    return convolution(x, p["weight"], p.get("bias"), group=groups)


def conv_transpose2d(x, p, stride):
    return deconvolution(x, p["weight"], p.get("bias"), stride=(stride, stride))


def batch_norm(x, p, eps=1e-5):
    def wide(name):
        return p[name].reshape(-1, *(1,) * (x.ndim - 2))

    return (x - wide("running_mean")) / np.sqrt(wide("running_var") + eps) * wide("weight") + wide("bias")


def layer_norm(x, p, eps=1e-5):
    axes = tuple(range(x.ndim - p["weight"].ndim, x.ndim))
    deviation = np.sqrt(x.var(axes, keepdims=True) + eps)
    return (x - x.mean(axes, keepdims=True)) / deviation * p["weight"] + p["bias"]


def group_norm(x, p, groups, eps=1e-5):
    apart = x.reshape(len(x), groups, -1)
    normal = (apart - apart.mean(-1, keepdims=True)) / np.sqrt(apart.var(-1, keepdims=True) + eps)
    return normal.reshape(x.shape) * p["weight"][:, None, None] + p["bias"][:, None, None]


def prelu(x, p):
    return np.where(x > 0, x, x * p["weight"].reshape(-1, *(1,) * (x.ndim - 2)))


def embedding(x, p):
    return p["weight"][x].astype(float)


def _products(p, layer, direction):
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [p[f"{name}_l{layer}{direction}"].astype(float) for name in names]


def _over_time(x, units, step):
    state, found = np.zeros((2, len(x), units)), []
    for time in range(x.shape[1]):
        state = step(x[:, time], *state)
        found.append(state[0])
    return np.stack(found, 1)


def lstm(x, p, layer=0, direction=""):
    wi, wh, bi, bh = _products(p, layer, direction)

    def step(now, h, c):
        i, f, g, o = np.split(now @ wi.T + bi + h @ wh.T + bh, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return _over_time(x, wh.shape[1], step)


def bidirectional_lstm(x, p, layer):
    return np.concatenate([lstm(x, p, layer), lstm(x[:, ::-1], p, layer, "_reverse")[:, ::-1]], -1)


def gru(x, p):
    wi, wh, bi, bh = _products(p, 0, "")

    def step(now, h, _):
        (ri, zi, ni), (rh, zh, nh) = np.split(now @ wi.T + bi, 3, -1), np.split(h @ wh.T + bh, 3, -1)
        z = sigmoid(zi + zh)
        return (1 - z) * np.tanh(ni + sigmoid(ri + rh) * nh) + z * h, h

    return _over_time(x, wh.shape[1], step)


def rnn(x, p):
    wi, wh, bi, bh = _products(p, 0, "")
    return _over_time(x, len(wh), lambda now, h, _: (np.tanh(now @ wi.T + bi + h @ wh.T + bh), h))


def multihead_attention(x, p, heads):
    q, k, v = np.split(x @ p["in_proj_weight"].T.astype(float) + p["in_proj_bias"], 3, -1)
    size = q.shape[-1] // heads
    q, k, v = (one.reshape(*one.shape[:2], heads, size).transpose(0, 2, 1, 3) for one in (q, k, v))
    found = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(size)) @ v
    found = found.transpose(0, 2, 1, 3).reshape(x.shape)
    return found @ p["out_proj.weight"].T + p["out_proj.bias"]
