"""The GAN of examples/ in plain JAX: python gan_jax.py DIGITS.npz EPOCHS."""

import itertools
import json
import sys
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from kerasbridge.benchmark.contenders.adam_jax import adam, layer, start

BATCH, CODES, RATE, DROPPED = 64, 32, 2e-4, 0.3
with np.load(sys.argv[1]) as digits:
    images = jnp.asarray(digits["x_train"].reshape(-1, 784).astype("float32") / 127.5 - 1)


def network(key, *widths):
    """Return the weights of dense layers with these widths."""
    keys = jax.random.split(key, len(widths) - 1)
    return [layer(key, *pair) for key, pair in zip(keys, itertools.pairwise(widths), strict=True)]


def dense(weights, x):
    """Apply a dense layer."""
    return x @ weights["kernel"] + weights["bias"]


def generate(weights, codes):
    """Return images for codes."""
    for weight in weights[:-1]:
        codes = jax.nn.leaky_relu(dense(weight, codes), 0.2)
    return jnp.tanh(dense(weights[-1], codes))


def discriminate(weights, images, key):
    """Return logits, above zero for images classified as real."""
    hidden = jax.nn.leaky_relu(dense(weights[0], images), 0.2)
    hidden = jax.nn.leaky_relu(dense(weights[1], hidden), 0.2)
    hidden = jnp.where(jax.random.bernoulli(key, 1 - DROPPED, hidden.shape), hidden / (1 - DROPPED), 0.0)
    return dense(weights[2], hidden)


def crossentropy(label, logits):
    """Return the binary cross-entropy between logits and a constant label."""
    return jnp.mean(jax.nn.softplus(logits) - label * logits)


def discriminator_loss(weights, batch, generated, keys):
    """Return the loss, and the share of real images that are classified as real."""
    on_real, on_generated = discriminate(weights, batch, keys[1]), discriminate(weights, generated, keys[2])
    return crossentropy(1.0, on_real) + crossentropy(0.0, on_generated), jnp.mean(on_real > 0)


def generator_loss(weights, discriminator, codes, key):
    """Return the loss, and the generated images."""
    generated = generate(weights, codes)
    return crossentropy(1.0, discriminate(discriminator, generated, key)), generated


@partial(jax.jit, donate_argnums=(0, 1, 2, 3))
def step(weights, slots, totals, key, images, rows):
    """Update both networks; return the new state with the totals of the logged values."""
    generator, discriminator = weights
    key, *keys = jax.random.split(key, 5)
    codes = jax.random.normal(keys[0], (len(rows), CODES))
    (generator_value, generated), gradient = jax.value_and_grad(generator_loss, has_aux=True)(
        generator, discriminator, codes, keys[3]
    )
    (discriminator_value, real), other = jax.value_and_grad(discriminator_loss, has_aux=True)(
        discriminator, images[rows], generated, keys
    )
    generator, generator_slots = adam(generator, slots[0], gradient, RATE, beta_1=0.5)
    discriminator, discriminator_slots = adam(discriminator, slots[1], other, RATE, beta_1=0.5)
    numbers = jnp.stack([discriminator_value, generator_value, real])
    slots = (generator_slots, discriminator_slots)
    return (generator, discriminator), slots, totals + numbers * len(rows), key


seconds = []
first, second = jax.random.split(jax.random.key(0))
weights = (network(first, CODES, 128, 256, 784), network(second, 784, 256, 128, 1))
slots = tuple(start(part) for part in weights)
order, key = np.random.default_rng(0), jax.random.key(1)
for _ in range(int(sys.argv[2])):
    epoch_start = time.perf_counter()
    totals, rows = jnp.zeros(3), order.permutation(len(images)).astype("int32")
    for at in range(0, len(images), BATCH):
        weights, slots, totals, key = step(weights, slots, totals, key, images, rows[at : at + BATCH])
    means = (totals / len(images)).tolist()
    seconds.append(time.perf_counter() - epoch_start)
print(json.dumps({"seconds": seconds, "loss": means[0] + means[1]}))
