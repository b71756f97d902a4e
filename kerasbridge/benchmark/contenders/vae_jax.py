"""The variational autoencoder of examples/ in plain JAX: python vae_jax.py DIGITS.npz EPOCHS."""

import json
import sys
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from kerasbridge.benchmark.contenders.adam_jax import adam, layer, start

BATCH, CODES, RATE = 64, 8, 0.002
with np.load(sys.argv[1]) as digits:
    images = jnp.asarray(digits["x_train"].astype("float32") / 255)

keys = jax.random.split(jax.random.key(0), 4)
shapes = {"encode_1": (784, 256), "encode_2": (256, 2 * CODES), "decode_1": (CODES, 256), "decode_2": (256, 784)}
weights = {name: layer(key, *shape) for key, (name, shape) in zip(keys, shapes.items(), strict=True)}


def dense(weights, name, x):
    """Apply a dense layer."""
    return x @ weights[name]["kernel"] + weights[name]["bias"]


def compute_loss(weights, batch, key):
    """Return the loss and its parts."""
    hidden = jax.nn.relu(dense(weights, "encode_1", batch.reshape(len(batch), -1)))
    mean, log_variance = jnp.split(dense(weights, "encode_2", hidden), 2, axis=-1)
    code = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
    hidden = jax.nn.relu(dense(weights, "decode_1", code))
    logits = dense(weights, "decode_2", hidden).reshape(batch.shape)
    pixels = jax.nn.softplus(logits) - batch * logits
    reconstruction = pixels.sum(axis=(1, 2)).mean()
    divergence = -0.5 * (1 + log_variance - mean**2 - jnp.exp(log_variance)).sum(axis=-1).mean()
    return reconstruction + divergence, jnp.stack([reconstruction + divergence, reconstruction, divergence])


@partial(jax.jit, donate_argnums=(0, 1, 2, 3))
def step(weights, slots, totals, key, images, rows):
    """Update the weights; return the new state with the totals of the logged values."""
    key, noise = jax.random.split(key)
    gradients, numbers = jax.grad(compute_loss, has_aux=True)(weights, images[rows], noise)
    weights, slots = adam(weights, slots, gradients, RATE)
    return weights, slots, totals + numbers * len(rows), key


seconds = []
slots = start(weights)
order, key = np.random.default_rng(0), jax.random.key(1)
for _ in range(int(sys.argv[2])):
    epoch_start = time.perf_counter()
    totals, rows = jnp.zeros(3), order.permutation(len(images)).astype("int32")
    for at in range(0, len(images), BATCH):
        weights, slots, totals, key = step(weights, slots, totals, key, images, rows[at : at + BATCH])
    means = (totals / len(images)).tolist()
    seconds.append(time.perf_counter() - epoch_start)
print(json.dumps({"seconds": seconds, "loss": means[0]}))
