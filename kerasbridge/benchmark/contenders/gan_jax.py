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
    """Layers from one width to the next."""
    keys = jax.random.split(key, len(widths) - 1)
    return [layer(key, *pair) for key, pair in zip(keys, itertools.pairwise(widths), strict=True)]


def dense(weights, x):
    """One layer."""
    return x @ weights["kernel"] + weights["bias"]


def generate(weights, codes):
    """Images from codes."""
    for weight in weights[:-1]:
        codes = jax.nn.leaky_relu(dense(weight, codes), 0.2)
    return jnp.tanh(dense(weights[-1], codes))


def judge(weights, images, key):
    """Logits: above zero for what is taken as real."""
    hidden = jax.nn.leaky_relu(dense(weights[0], images), 0.2)
    hidden = jax.nn.leaky_relu(dense(weights[1], hidden), 0.2)
    hidden = jnp.where(jax.random.bernoulli(key, 1 - DROPPED, hidden.shape), hidden / (1 - DROPPED), 0.0)
    return dense(weights[2], hidden)


def crossentropy(truth, logits):
    """How wrong the discriminator is where it ought to say `truth`."""
    return jnp.mean(jax.nn.softplus(logits) - truth * logits)


def discriminator_loss(weights, batch, drawn, keys):
    """Its loss, and the share of real images that it takes as real."""
    on_real = judge(weights, batch, keys[1])
    return crossentropy(1.0, on_real) + crossentropy(0.0, judge(weights, drawn, keys[2])), jnp.mean(on_real > 0)


def generator_loss(weights, discriminator, codes, key):
    """Its loss, and what it drew."""
    drawn = generate(weights, codes)
    return crossentropy(1.0, judge(discriminator, drawn, key)), drawn


@partial(jax.jit, donate_argnums=(0, 1, 2, 3))
def step(weights, slots, totals, key, images, rows):
    """One update of both; the totals of what is logged."""
    generator, discriminator = weights
    key, *keys = jax.random.split(key, 5)
    codes = jax.random.normal(keys[0], (len(rows), CODES))
    (of_generator, drawn), gradient = jax.value_and_grad(generator_loss, has_aux=True)(
        generator, discriminator, codes, keys[3]
    )
    (of_discriminator, real), other = jax.value_and_grad(discriminator_loss, has_aux=True)(
        discriminator, images[rows], drawn, keys
    )
    generator, generator_slots = adam(generator, slots[0], gradient, RATE, beta_1=0.5)
    discriminator, discriminator_slots = adam(discriminator, slots[1], other, RATE, beta_1=0.5)
    numbers = jnp.stack([of_discriminator, of_generator, real])
    slots = (generator_slots, discriminator_slots)
    return (generator, discriminator), slots, totals + numbers * len(rows), key


seconds = []
first, second = jax.random.split(jax.random.key(0))
weights = (network(first, CODES, 128, 256, 784), network(second, 784, 256, 128, 1))
slots = tuple(start(part) for part in weights)
order, key = np.random.default_rng(0), jax.random.key(1)
for _ in range(int(sys.argv[2])):
    begun = time.perf_counter()
    totals, rows = jnp.zeros(3), order.permutation(len(images)).astype("int32")
    for at in range(0, len(images), BATCH):
        weights, slots, totals, key = step(weights, slots, totals, key, images, rows[at : at + BATCH])
    means = (totals / len(images)).tolist()
    seconds.append(time.perf_counter() - begun)
print(json.dumps({"seconds": seconds, "loss": means[0] + means[1]}))
