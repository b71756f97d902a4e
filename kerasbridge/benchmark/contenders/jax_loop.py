"""The workloads in plain JAX: an epoch is one compiled call, a `scan` over its steps.

Adam is that of `adam_jax.py`, so that no other package is needed. On a CPU, XLA runs a convolution inside a loop on one
thread, so there the steps of the convolutional network are compiled calls of their own.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kerasbridge.benchmark.contenders.adam_jax import adam, start
from kerasbridge.benchmark.contenders.loop import Loop


class JaxLoop(Loop):
    """A training loop with the data and the state on the device, and one read per epoch."""

    def __init__(self, workload, data, weights):
        self.batch_size, self.dropout = workload.batch_size, workload.dropout
        self.network, self.loss = NETWORKS[workload.model], pixel_loss if data.y is None else class_loss
        self.scans = workload.model != "cnn" or jax.default_backend() != "cpu"
        self.x, self.y = self.on_device(data.x, data.y)
        self.x_test, self.y_test = self.on_device(data.x_test, data.y_test)
        weights = [jnp.array(weight) for weight in weights]
        self.state = (weights, start(weights), jax.random.key(0))

    def on_device(self, x, y):
        x = jnp.asarray(x)
        return x, x if y is None else jnp.asarray(y)

    def epoch(self):
        train = self.scanned if self.scans else self.stepped
        self.state, total = train(self.state, self.x, self.y)
        return float(total[0]) / len(self.x)

    def evaluate(self):
        return float(self.evaluation(self.state[0], self.x_test, self.y_test)) / len(self.x_test)

    def predict(self):
        return np.asarray(self.prediction(self.state[0], self.x_test))

    def compute(self, weights, x, y, key):
        """Return the mean loss, and the sums of losses and of right answers."""
        logits = self.network(weights, x, partial(dropped, key, self.dropout))
        losses, correct = self.loss(logits, y)
        return losses.mean(), jnp.stack([losses.sum(), correct.sum()])

    def step(self, state, x, y):
        """Return the state after a step, and the sums of the batch."""
        weights, slots, key = state
        key, step_key = jax.random.split(key)
        gradients, sums = jax.grad(self.compute, has_aux=True)(weights, x, y, step_key)
        weights, slots = adam(weights, slots, gradients, 1e-3)
        return (weights, slots, key), sums

    @partial(jax.jit, static_argnums=0, donate_argnums=1)
    def scanned(self, state, x, y):
        """Train an epoch in one call: all whole batches in a loop, then the rows that remain."""
        weights, slots, key = state
        key, order_key = jax.random.split(key)
        batches, rest = self.split(jax.random.permutation(order_key, len(x)))
        state, sums = lax.scan(lambda state, rows: self.step(state, x[rows], y[rows]), (weights, slots, key), batches)
        total = sums.sum(0)
        if len(rest):
            state, sums = self.step(state, x[rest], y[rest])
            total += sums
        return state, total

    def stepped(self, state, x, y):
        """Train an epoch with one call per step."""
        order, total = np.random.permutation(len(x)), jnp.zeros(2)
        for at in range(0, len(x), self.batch_size):
            state, total = self.one_step(state, total, x, y, order[at : at + self.batch_size])
        return state, total

    @partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
    def one_step(self, state, total, x, y, rows):
        state, sums = self.step(state, x[rows], y[rows])
        return state, total + sums

    @partial(jax.jit, static_argnums=0)
    def evaluation(self, weights, x, y):
        def sum_of(rows):
            return self.loss(self.network(weights, x[rows], unchanged), y[rows])[0].sum()

        batches, rest = self.split(jnp.arange(len(x)))
        return lax.map(sum_of, batches).sum() + sum_of(rest)

    @partial(jax.jit, static_argnums=0)
    def prediction(self, weights, x):
        def outputs(rows):
            logits = self.network(weights, x[rows], unchanged)
            return jax.nn.sigmoid(logits) if self.loss is pixel_loss else jax.nn.softmax(logits)

        batches, rest = self.split(jnp.arange(len(x)))
        whole = lax.map(outputs, batches)
        return jnp.concatenate([whole.reshape(-1, *whole.shape[2:]), outputs(rest)])

    def split(self, rows):
        """Return the rows of the whole batches, one batch in each line, and those that remain."""
        whole = len(rows) // self.batch_size * self.batch_size
        return rows[:whole].reshape(-1, self.batch_size), rows[whole:]


def class_loss(logits, labels):
    """Return the cross-entropy of each row, and whether its largest logit is that of the label."""
    losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)[:, 0]
    return losses, logits.argmax(1) == labels


def pixel_loss(logits, pixels):
    """Return the mean binary cross-entropy of each row, and zeros for the accuracy, which it has not."""
    return (jax.nn.softplus(logits) - pixels * logits).mean(1), jnp.zeros(len(logits))


def unchanged(x, layer):
    """Return the input: dropout outside of training."""
    return x


def dropped(key, rate, x, layer):
    """Return the input with random elements set to zero; each layer has a number, for draws of its own."""
    if not rate:
        return x
    kept = jax.random.bernoulli(jax.random.fold_in(key, layer), 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), 0)


def mlp(weights, x, drop):
    """Return the logits of two dense layers."""
    hidden = jax.nn.relu(x.reshape(len(x), 784) @ weights[0] + weights[1])
    return drop(hidden, 0) @ weights[2] + weights[3]


def cnn(weights, x, drop):
    """Return the logits of two convolutions, each with a pooling, and a dense layer."""
    for kernel, bias in (weights[:2], weights[2:4]):
        x = lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = lax.reduce_window(jax.nn.relu(x + bias), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return drop(x.reshape(len(x), 1600), 0) @ weights[4] + weights[5]


def lstm(weights, x, drop):
    """Return the logits of two LSTMs and a dense layer."""
    sequence = x.swapaxes(0, 1)
    for kernel, recurrent_kernel, bias in (weights[:3], weights[3:6]):
        inputs = sequence @ kernel + bias

        def cell(state, step, recurrent_kernel=recurrent_kernel):
            hidden, memory = state
            entry, forget, new, out = jnp.split(step + hidden @ recurrent_kernel, 4, axis=1)
            memory = jax.nn.sigmoid(forget) * memory + jax.nn.sigmoid(entry) * jnp.tanh(new)
            hidden = jax.nn.sigmoid(out) * jnp.tanh(memory)
            return (hidden, memory), hidden

        zeros = jnp.zeros((len(x), 80))
        _, sequence = lax.scan(cell, (zeros, zeros), inputs)
    return drop(sequence[-1], 0) @ weights[6] + weights[7]


def transformer(weights, x, drop):
    """Return the logits of two blocks, and a dense layer on their mean."""
    x = x @ weights[0] + weights[1]
    for block in range(2):
        x = transformer_block(weights[2 + 16 * block : 18 + 16 * block], x, drop, 2 * block)
    return x.mean(1) @ weights[-2] + weights[-1]


def transformer_block(weights, x, drop, layer):
    """Return the output of a block: attention with four heads, and two dense layers."""
    normalized = normalize(x, *weights[:2])
    query, key, value = (
        jnp.einsum("btd,dhk->bthk", normalized, kernel) + bias
        for kernel, bias in zip(weights[2:8:2], weights[3:8:2], strict=True)
    )
    attention = jax.nn.dot_product_attention(query, key, value)
    x = x + drop(jnp.einsum("bthk,hkd->btd", attention, weights[8]) + weights[9], layer)
    wide = jax.nn.relu(normalize(x, *weights[10:12]) @ weights[12] + weights[13])
    return x + drop(wide @ weights[14] + weights[15], layer + 1)


def normalize(x, scale, offset):
    """Return the input with mean 0 and variance 1 along the last axis, scaled and moved."""
    x = x - x.mean(-1, keepdims=True)
    return x * lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-6) * scale + offset


def autoencoder(weights, x, drop):
    """Return the logits of the pixels after six dense layers."""
    *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
    for hidden_kernel, hidden_bias in hidden:
        x = jax.nn.relu(x @ hidden_kernel + hidden_bias)
    return x @ kernel + bias


NETWORKS = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer, "autoencoder": autoencoder}
