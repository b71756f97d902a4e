"""Adam and a dense layer in plain JAX, for the other scripts in this folder."""

import jax
import jax.numpy as jnp


def layer(key, inputs, outputs):
    """Return a kernel from the Glorot uniform initializer, and a bias of zeros."""
    bound = (6 / (inputs + outputs)) ** 0.5
    return {
        "kernel": jax.random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound),
        "bias": jnp.zeros(outputs),
    }


def adam(weights, slots, gradients, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Return the updated weights and slots."""
    count, means, squares = slots
    count = count + 1
    means = jax.tree.map(lambda mean, gradient: mean + (1 - beta_1) * (gradient - mean), means, gradients)
    squares = jax.tree.map(lambda square, gradient: square + (1 - beta_2) * (gradient**2 - square), squares, gradients)
    rate = rate * jnp.sqrt(1 - beta_2**count) / (1 - beta_1**count)
    weights = jax.tree.map(
        lambda weight, mean, square: weight - rate * mean / (jnp.sqrt(square) + epsilon), weights, means, squares
    )
    return weights, (count, means, squares)


def start(weights):
    """Return slots of zeros."""
    return jnp.zeros(()), jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights)
